//! What can be wrong with a ledger, and with the rows it is held against.

use std::fmt::Write as _;
use std::path::PathBuf;

/// One thing that is wrong in a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Claim that it is about; empty where it is about none.
    pub claim: String,
    /// 1-based line of the file.
    pub line: usize,
    /// What is wrong, and what is expected.
    pub what: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if !self.claim.is_empty() {
            write!(f, "claim `{}`: ", self.claim)?;
        }
        f.write_str(&self.what)
    }
}

/// Why claims could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A ledger that cannot be understood; all that is wrong with it, or the first thing where it is no TOML at all.
    #[error("{}", lines(.0))]
    Ledger(Vec<Fault>),
    /// Rows that cannot be computed with.
    #[error("claim `{claim}`: {what}")]
    Values {
        /// The claim.
        claim: String,
        /// What is wrong with them.
        what: String,
    },
    /// A file of published values that cannot be read.
    #[error("published values: {0}")]
    Published(String),
    /// Verdicts that cannot be read.
    #[error("verdicts: {0}")]
    Verdicts(String),
    /// The same with the file it is about.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<Error>,
    },
    /// A file that could not be read; the message names the path.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Error {
    pub(crate) fn of(self, path: &std::path::Path) -> Self {
        Self::File { path: path.to_owned(), source: Box::new(self) }
    }
}

impl From<Error> for hit_stage::StageError {
    fn from(error: Error) -> Self {
        Self::failed(error)
    }
}

fn lines(faults: &[Fault]) -> String {
    let mut text = String::new();
    for (i, fault) in faults.iter().enumerate() {
        let end = if i + 1 < faults.len() { "\n" } else { "" };
        let _ = write!(text, "{fault}{end}");
    }
    text
}
