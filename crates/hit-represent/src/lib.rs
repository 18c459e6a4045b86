//! What embeddings and layers hold: probes, CKA and RSA, projections to the plane, cosines.
//!
//! The probes' matrix products and Cholesky factors, and the planes, are other crates' vector code, always run by one
//! thread: the same bytes come out for any number of threads, though not for any processor. CKA, RSA, cosines and
//! correlations are scalar code in a fixed order: the same bytes everywhere.

mod alignment;
mod cosines;
mod input;
mod likeness;
mod matrix;
mod mlp;
mod plane;
mod points;
mod probe;
mod projection;
mod ridge;
mod score;
mod summaries;

pub use alignment::Alignment;
pub use cosines::{Cosines, N_BINS, auc};
pub use likeness::{Likeness, debiased_cka, linear_cka, rsa};
pub use matrix::{Matrix, Standard};
pub use mlp::{MlpProbe, MlpSpec, REFERENCE};
pub use plane::{Place, tsne, umap};
pub use points::{Points, trustworthiness};
pub use probe::{PROBES, Probe};
pub use projection::Projection;
pub use ridge::{LAMBDAS, Ridge};
pub use score::{Totals, r2};
pub use summaries::{Summaries, pearson};

/// Something that cannot be examined as asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A parameter outside the range that makes sense.
    #[error("{field} is {value}; {expected}")]
    Parameter {
        /// Its name.
        field: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// Embeddings of one epoch were expected.
    #[error("run `{run}`: embeddings of one epoch are expected, {found} were given")]
    OneEpoch {
        /// The run.
        run: String,
        /// Epochs given.
        found: usize,
    },
    /// Embeddings that are not those of the split, or are no numbers.
    #[error("run `{run}`: {what}")]
    Embeddings {
        /// The run.
        run: String,
        /// What does not fit.
        what: String,
    },
    /// Too little of the split to examine.
    #[error("split `{split}` has {found} {unit}; {purpose} needs at least {needed}")]
    TooFew {
        /// The split.
        split: String,
        /// What there is.
        found: usize,
        /// What is counted.
        unit: &'static str,
        /// What it is needed for.
        purpose: &'static str,
        /// How much it needs.
        needed: usize,
    },
    /// A feature file that does not fit the embeddings.
    #[error("input `{input}`: {what}")]
    Features {
        /// Name of the input.
        input: String,
        /// What does not fit.
        what: String,
    },
    /// No descriptor to summarise.
    #[error("no descriptor was given; inputs named `features/<descriptor>` are expected")]
    NoFeatures,
    /// Activations of layers that cannot be compared.
    #[error("input `{input}`: {what}")]
    Activations {
        /// Name of the input.
        input: String,
        /// What does not fit.
        what: String,
    },
    /// A ridge regression without a solution.
    #[error("a ridge regression with penalty {lambda} has no solution: its values are not finite, or the penalty is 0")]
    Ridge {
        /// The penalty.
        lambda: f64,
    },
    /// Points that cannot be brought to the plane.
    #[error("{method} of {points} points: {what}")]
    Plane {
        /// `tsne`, `umap` or `trustworthiness`.
        method: &'static str,
        /// Number of points.
        points: usize,
        /// What went wrong.
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
