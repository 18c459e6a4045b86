//! Corpora from elsewhere: resumable downloads with digests, archives unpacked safely.
//!
//! [`obtain`] does the whole: [`fetch`] gets the archive that a [`Download`] names and checks its digest, [`unpack`] writes
//! what it contains below the target, and a receipt in `.hit-download` says what was written, so that [`state`] can tell later
//! whether all of it is still there. Nothing that is there already is ever overwritten.
//!
//! Nothing here enters a result: stages read the files that were unpacked, by their content.

mod answer;
mod download;
mod error;
mod fetch;
mod obtain;
mod part;
mod transfer;
mod unpack;
mod url;
mod watch;
mod work;

#[cfg(test)]
mod tests;

pub use download::Download;
pub use error::Error;
pub use fetch::{Fetched, fetch, fetch_with};
pub use obtain::{Obtained, State, archive, obtain, obtain_from, state};
pub use transfer::Patience;
pub use unpack::{Limits, Problem, ProblemKind, Unfinished, Unpacked, UnpackedFile, Unsafe, unpack};
pub use watch::{Silent, Watch};
pub use work::FOLDER;
