//! Pools, ranks and retrieval metrics of embeddings (spec 9).
//!
//! Which windows are asked for, and among which candidates, is drawn once per seed and split ([`draw_pools`]); the
//! ranks of the right answers ([`Ranked`]) are the only thing that depends on a model, and every score follows from
//! them.

mod chance;
mod hard;
mod intervals;
mod metrics;
mod pools;
mod ranked;
mod select;
mod spec;
mod stage;
mod unit;

pub use chance::{chance_r, chance_s};
pub use hard::{HardAccuracy, HardDraw, draw_hard, hard_accuracy};
pub use intervals::Intervals;
pub use metrics::{Direction, KS, Rank, Scores, rank, scores};
pub use pools::{Pool, draw_pools};
pub use ranked::{Ranked, s_of_totals, totals};
pub use select::Select;
pub use spec::{BootstrapSpec, RetrievalSpec};
pub use stage::Retrieve;
pub use unit::UnitVectors;

use std::path::PathBuf;

/// A retrieval that cannot be done as asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A parameter outside the range that makes sense.
    #[error("retrieval.{field} is {value}; {expected}")]
    Spec {
        /// Name of the parameter.
        field: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A parameter of the intervals outside the range that makes sense.
    #[error("bootstrap.{field} is {value}; {expected}")]
    Bootstrap {
        /// Name of the parameter.
        field: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// More queries than windows.
    #[error(
        "split `{split}` has {windows} windows, retrieval.n_queries asks for {n_queries}; lower it in this profile"
    )]
    TooFewWindows {
        /// The split.
        split: String,
        /// Its windows.
        windows: usize,
        /// Queries asked for.
        n_queries: usize,
    },
    /// Not enough windows outside a performance to fill a pool.
    #[error(
        "split `{split}`: a pool for performance `{performance}` can hold {possible} windows, retrieval.pool_size asks \
         for {pool_size}; lower it in this profile"
    )]
    SmallPool {
        /// The split.
        split: String,
        /// Performance of the query.
        performance: String,
        /// Largest pool that the split allows there.
        possible: usize,
        /// Size asked for.
        pool_size: usize,
    },
    /// No triple for the hard-negative accuracies can be drawn.
    #[error(
        "split `{split}` has no performance of {min_windows} windows (retrieval.hard_min_windows) beside another \
         performance; no hard negatives can be drawn"
    )]
    NoHardNegatives {
        /// The split.
        split: String,
        /// Windows that the performance of a query must have.
        min_windows: usize,
    },
    /// Embeddings of something else than the split.
    #[error("embeddings `{entry}`: {what}")]
    Embeddings {
        /// Entry of the tree.
        entry: String,
        /// What does not fit.
        what: String,
    },
    /// No epoch was evaluated.
    #[error("the tree of embeddings is empty; there is no epoch to evaluate")]
    NoEpochs,
    /// The selected epoch is not among what the run wrote.
    #[error("epoch {epoch} was selected, but the run's {tree} have no `{entry}`")]
    NotOfEpoch {
        /// `checkpoints` or `embeddings`.
        tree: &'static str,
        /// The epoch.
        epoch: usize,
        /// Entry looked for.
        entry: String,
    },
    /// A file of ranks that cannot be read.
    #[error("{path} is not a table of ranks: {what}")]
    Ranks {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line.
        what: String,
    },
    /// An artifact of another kind.
    #[error(transparent)]
    Schema(#[from] hit_schema::Error),
    /// A statistic that is not defined.
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
