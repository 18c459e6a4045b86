//! Exit codes: a contract, listed in `--help` and in the README.

use std::process::ExitCode;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// All is well.
    Ok = 0,
    /// Something that should not happen.
    Unexpected = 1,
    /// The command line or `pipeline.toml` is wrong.
    Usage = 2,
    /// A stage failed.
    StageFailed = 3,
    /// `verify`: results are older than the code or the parameters.
    Stale = 4,
    /// `verify`: results are not what the lock says, or not what a re-run gives.
    Mismatch = 5,
    /// The corpus is not there.
    CorpusMissing = 6,
    /// `data check`: the corpus is not what its table says.
    CorpusFaulty = 7,
    /// Stopped by Ctrl-C; the next run goes on from here.
    Interrupted = 130,
}

impl Exit {
    /// Every code with its meaning, for the manual.
    pub const TABLE: [(Self, &'static str); 9] = [
        (Self::Ok, "ok"),
        (Self::Unexpected, "unexpected error"),
        (Self::Usage, "wrong command line or configuration"),
        (Self::StageFailed, "a stage failed"),
        (Self::Stale, "results are stale: code or parameters have changed since"),
        (Self::Mismatch, "results do not match the lock or a re-run"),
        (Self::CorpusMissing, "the corpus is missing"),
        (Self::CorpusFaulty, "the corpus is not what its table says"),
        (Self::Interrupted, "interrupted; the next run resumes"),
    ];

    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Paragraph for `--help`.
    pub fn help() -> String {
        let lines = Self::TABLE.map(|(exit, meaning)| format!("  {:>3}  {meaning}", exit.code()));
        format!("Exit codes:\n{}", lines.join("\n"))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_a_contract() {
        assert_eq!(Exit::TABLE.map(|(exit, _)| exit.code()), [0, 1, 2, 3, 4, 5, 6, 7, 130]);
        assert_eq!(Exit::help().lines().count(), Exit::TABLE.len() + 1);
    }
}
