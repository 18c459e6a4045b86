//! What keeps a corpus from being checked at all.

/// The check could not be made; what is wrong *in* a corpus is a [`crate::Finding`] instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder or its table cannot be read.
    #[error(transparent)]
    Corpus(#[from] hit_corpus::Error),
    /// The folder cannot be read; the message names the path.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// An option with a value that cannot be meant.
    #[error("`{field}` = {value}: {expected} is expected")]
    Option {
        /// The option.
        field: &'static str,
        /// The value given.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// No threads could be started.
    #[error("{jobs} threads could not be started: {what}; ask for fewer")]
    Threads {
        /// Threads asked for.
        jobs: usize,
        /// What the system says.
        what: String,
    },
    /// The caller asked to stop.
    #[error("the check was stopped after {done} of {total} steps")]
    Cancelled {
        /// Steps that were made.
        done: usize,
        /// Steps that there are.
        total: usize,
    },
}
