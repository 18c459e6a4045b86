//! What can go wrong while a corpus is fetched and unpacked.

use std::io;
use std::path::{Path, PathBuf};

use hit_stage::Digest;

use crate::unpack::{Unfinished, Unsafe};

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of a [`crate::Download`] is wrong.
    #[error("{field} = {value:?}: {why}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What it says.
        value: String,
        /// What it should be.
        why: &'static str,
    },
    /// Reading or writing failed; the message names the path.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The disk is full, or would be.
    #[error(
        "no space at {}: {needed} bytes are needed{}; make room and run again, what is there is kept",
        path.display(),
        free.map(|free| format!(", {free} are free")).unwrap_or_default()
    )]
    Full {
        /// Where.
        path: PathBuf,
        /// How much the rest takes, bytes.
        needed: u64,
        /// How much is free, bytes, where the system tells.
        free: Option<u64>,
    },
    /// Another process fetches or unpacks there.
    #[error("{0} is in use by another process that fetches or unpacks: try again when it has ended")]
    Busy(PathBuf),
    /// The working folder is something else.
    #[error("{0} is not a folder: remove it")]
    NotAFolder(PathBuf),
    /// The watch asked to stop.
    #[error("stopped as asked; run again to go on from here")]
    Cancelled,
    /// The server says no.
    #[error("{url} answers with status {status}: check the address")]
    Status {
        /// Address that answered, after redirects.
        url: String,
        /// Its status.
        status: u16,
    },
    /// A redirect that is not followed.
    #[error("{url} redirects to {to:?}, which is not followed: {why}")]
    Redirect {
        /// Address that redirects.
        url: String,
        /// Where to.
        to: String,
        /// Why not.
        why: &'static str,
    },
    /// The request cannot be made at all: no such host, a certificate that does not fit.
    #[error("{url} cannot be asked: {why}; check the network and the address")]
    Unreachable {
        /// Address.
        url: String,
        /// What the client says.
        why: String,
    },
    /// The server offers another file.
    #[error(
        "{url} offers {found} bytes, the configuration says {expected}: it is another file; check url, size_bytes and sha256"
    )]
    WrongSize {
        /// Address.
        url: String,
        /// Configured size, bytes.
        expected: u64,
        /// Size that is offered, or received so far, bytes.
        found: u64,
    },
    /// Attempt after attempt brought nothing new.
    #[error(
        "{url}: {attempts} attempts without progress at {have} bytes, the last one: {last}; run again to go on from here"
    )]
    GaveUp {
        /// Address.
        url: String,
        /// How many attempts.
        attempts: u32,
        /// Bytes that are there.
        have: u64,
        /// How the last attempt ended.
        last: String,
    },
    /// What was downloaded is not what was asked for.
    #[error(
        "the file from {url} has sha256 {found}, the configuration says {expected}: it is {} until the next run, which downloads \
         anew; if the publisher has changed the file, change sha256",
        aside.display()
    )]
    WrongDigest {
        /// Address.
        url: String,
        /// Configured digest.
        expected: Digest,
        /// Digest of the file.
        found: Digest,
        /// Where the file is now.
        aside: PathBuf,
    },
    /// A file that was given is not the one that is meant.
    #[error("{} has sha256 {found}, the configuration says {expected}: it is another file, or not all of it", path.display())]
    OtherFile {
        /// The file.
        path: PathBuf,
        /// Configured digest.
        expected: Digest,
        /// Digest of the file.
        found: Digest,
    },
    /// The file is neither zip nor tar nor tar.gz.
    #[error("{} is neither a zip nor a tar nor a tar.gz archive", .0.display())]
    NotAnArchive(PathBuf),
    /// The archive as a whole cannot be read.
    #[error("{} is damaged: {why}; compare its digest and download it again", path.display())]
    Damaged {
        /// Archive.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The archive contains something that is not unpacked.
    #[error("{} is refused: {} {why}", path.display(), named(entry))]
    Unsafe {
        /// Archive.
        path: PathBuf,
        /// Name of the entry; empty if it is not known.
        entry: String,
        /// What is wrong with it.
        why: Unsafe,
    },
    /// The archive grows beyond a limit.
    #[error("{} is refused at {}: more than {limit} {what}", path.display(), named(entry))]
    TooMuch {
        /// Archive.
        path: PathBuf,
        /// Entry that goes beyond; empty if it is not known.
        entry: String,
        /// The limit.
        limit: u64,
        /// What it limits.
        what: &'static str,
    },
    /// Some entries were not written; all the others were.
    #[error(transparent)]
    Unfinished(Box<Unfinished>),
    /// The archive is not the corpus that was expected.
    #[error("the archive from {url} does not contain a folder {folder:?}: check folder")]
    NoFolder {
        /// Address of the archive.
        url: String,
        /// Configured folder.
        folder: String,
    },
}

fn named(entry: &str) -> String {
    if entry.is_empty() { "an entry".to_owned() } else { format!("entry {entry:?}") }
}

impl Error {
    /// The error of writing `needed` more bytes to `path`.
    pub(crate) fn writing(path: &Path, needed: u64, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full { path: path.to_owned(), needed, free: None }
            }
            _ => Self::Io(error),
        }
    }
}
