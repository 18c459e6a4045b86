//! Experiments over retrieval results: screening, replication, the tests of trained models, and the table of everything measured.
//!
//! No stage here sees a model. Most are functions of small tables, so `verify` runs them again and compares bytes.

mod conditions;
mod merge;
mod replication;
mod runs;
mod screening;
mod sensitivity;

pub use conditions::{Conditions, NORMAL};
pub use merge::Measurements;
pub use replication::Replication;
pub use screening::Screening;
pub use sensitivity::Sensitivity;

use std::path::PathBuf;

/// Results of runs that cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The stage was given no run.
    #[error(
        "no results of runs were given; inputs named `<run>/measurements`, `<run>/ranks`, `<run>/selection` are expected"
    )]
    NoRuns,
    /// A table of a run has no such number.
    #[error("run `{run}`: {path} has no row for condition `{condition}`, metric `{metric}`")]
    NoRow {
        /// The run.
        run: String,
        /// Its table.
        path: PathBuf,
        /// Condition looked for.
        condition: String,
        /// Metric looked for.
        metric: String,
    },
    /// Nothing to compare an arm with.
    #[error(
        "`{compared}` has no counterpart: the baseline arm `{baseline}` was not run under the same schedule{and_seed}"
    )]
    NoBaseline {
        /// Run or arm to compare.
        compared: String,
        /// The baseline arm.
        baseline: String,
        /// ` and seed`, where runs are compared one to one.
        and_seed: &'static str,
    },
    /// A model was put under conditions and not measured without.
    #[error("run `{run}` has results under conditions, but none under `normal`")]
    NoNormal {
        /// The run.
        run: String,
    },
    /// Embeddings of one epoch were expected.
    #[error("run `{run}`: embeddings of one epoch are expected, {found} were given")]
    OneEpoch {
        /// The run.
        run: String,
        /// Epochs given.
        found: usize,
    },
    /// Embeddings under a condition have another shape than without.
    #[error("run `{run}`: the embeddings under `{condition}` have another shape than those without")]
    Shapes {
        /// The run.
        run: String,
        /// The condition.
        condition: String,
    },
    /// Runs to be compared were asked different queries.
    #[error("runs `{first}` and `{second}` were asked different queries; give both the same split and retrieval.seed")]
    Queries {
        /// One run.
        first: String,
        /// The other.
        second: String,
    },
    /// One cell of the table of measurements comes from two stages.
    #[error("`{cell}` is measured by both `{first}` and `{second}`; give one of them another stage or condition")]
    Twice {
        /// Stage, arm, schedule, seed, condition and metric.
        cell: String,
        /// One input.
        first: String,
        /// The other input.
        second: String,
    },
    /// Results that cannot be read or resampled.
    #[error(transparent)]
    Retrieval(#[from] hit_retrieval::Error),
    /// An artifact of another kind.
    #[error(transparent)]
    Schema(#[from] hit_schema::Error),
    /// A table that cannot be read, or a statistic that is not defined.
    #[error(transparent)]
    Stats(#[from] hit_stats::Error),
}

impl From<Error> for hit_stage::StageError {
    fn from(error: Error) -> Self {
        Self::failed(error)
    }
}

#[cfg(test)]
mod tests;
