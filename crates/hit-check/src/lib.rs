//! A corpus on disk held against its table: files, lengths, levels, pairing of audio and MIDI.
//!
//! [`check`] goes through a folder in the layout of MAESTRO and lists what is wrong with it as [`Finding`]s, each with
//! the performance, the row of the table, the file and what to do. Nothing is written, and nothing that it finds stops
//! it: the damage of a broken download is known after one run.
//!
//! What is looked at:
//! * the table: its rows, and the json beside a csv ([`Kind::BadRow`], [`Kind::TablesDiffer`]);
//! * files that are missing, empty, or that no row names;
//! * lengths: table against MIDI against audio;
//! * headers of audio files: sample rate, channels, promised length;
//! * MIDI: range, velocities, density, pedal;
//! * sound, as far as it is decoded: silence, clipping, offset from zero, level;
//! * whether audio and MIDI are one performance, and how far the one lags behind the other ([`pairing`]);
//! * published digests: lists in the folder, and the MD5 of MAESTRO v3.0.0's MIDI files ([`sums`]);
//! * works that are in more than one split ([`Report::overlaps`]).
//!
//! The crate computes no result of an experiment and is in no stage's key. Its report is the same whatever the number
//! of threads, in the order of the table.

mod check;
mod error;
pub mod header;
mod options;
mod overlap;
pub mod pairing;
mod performance;
mod report;
mod score;
pub mod sound;
mod strays;
pub mod sums;
mod table;

pub use check::check;
pub use error::Error;
pub use options::{Options, Reading, Watch};
pub use report::{Finding, Kind, Measured, Overlap, Report, Severity, Summary};

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;
