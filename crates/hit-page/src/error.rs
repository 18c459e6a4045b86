//! What can be wrong with a results folder.

use std::path::PathBuf;

/// Why a results folder cannot be read or shown. A part that is not there is no error: see [`crate::Absent`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading failed; the message names the path.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// There is no such folder, or nothing of a campaign in it.
    #[error("{} holds no results: expected is a folder with measurements.csv, as `hitrepro all` writes it", .0.display())]
    NoResults(PathBuf),
    /// The table of measurements is wrong; the message names the path.
    #[error(transparent)]
    Measurements(#[from] hit_stats::Error),
    /// The verdicts are wrong; the message names the path.
    #[error(transparent)]
    Claims(#[from] hit_claims::Error),
    /// The lock is wrong; the message names the path.
    #[error(transparent)]
    Lock(#[from] hit_engine::LockError),
    /// A file that is not what its name says.
    #[error("{} cannot be understood: {what}; write the results again with `hitrepro all`", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line where it is known.
        what: String,
    },
    /// The page cannot be made: a bug.
    #[error("the page cannot be made: {0}")]
    Page(String),
}
