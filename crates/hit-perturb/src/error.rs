//! Everything that can be wrong with a perturbation.

use hit_stage::StageError;

/// A perturbation that cannot be done as asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An artifact of another stage cannot be read.
    #[error(transparent)]
    Artifact(#[from] hit_schema::Error),
    /// A parameter with a value that cannot be meant.
    #[error("condition `{condition}`: `{field}` = {value}; {expected}")]
    Spec {
        /// Name of the condition.
        condition: &'static str,
        /// Name of the parameter.
        field: &'static str,
        /// The value given.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A column that the descriptor does not have.
    #[error("condition `{condition}`: `dim` = {dim}, but `{descriptor}` has the values 0..{dims} a row")]
    NoDim {
        /// Name of the condition.
        condition: &'static str,
        /// The column asked for.
        dim: usize,
        /// The descriptor.
        descriptor: String,
        /// Its values per row.
        dims: usize,
    },
    /// The features are of another split than the index.
    #[error("input `features` has {found} windows, split `{split}` has {expected}; give the features of this split")]
    OtherSplit {
        /// Windows of the features.
        found: usize,
        /// Windows of the index.
        expected: usize,
        /// The split.
        split: String,
    },
    /// The statistics are of another descriptor than the features.
    #[error("input `statistics` holds {found}, expected is {expected}; give it this descriptor of the training split")]
    OtherStatistics {
        /// What it holds.
        found: String,
        /// What it has to hold.
        expected: String,
    },
    /// Mean and standard deviation of less than two values were asked for.
    #[error("condition `{condition}`: input `{input}` has {n} values in its first windows; at least 2 are needed")]
    TooFewValues {
        /// Name of the condition.
        condition: &'static str,
        /// Name of the input.
        input: &'static str,
        /// Values found, of one column if each has its own statistics.
        n: u64,
    },
    /// A permutation that moves everything elsewhere does not exist.
    #[error(
        "condition `{condition}`: {largest} of the {n} windows of split `{split}` are in one place, more than can be \
         given to others; use a split with more performances"
    )]
    NoDerangement {
        /// Name of the condition.
        condition: &'static str,
        /// The split.
        split: String,
        /// Windows of the largest performance; 1 if every window counts for itself.
        largest: usize,
        /// Windows of the split.
        n: usize,
    },
    /// Windows without samples, or of an impossible number of them.
    #[error("input `index`: a window has {n_samples} samples; check `sample_rate_hz` and `window_s`")]
    WindowLength {
        /// Samples in a window, by the index.
        n_samples: usize,
    },
    /// A value is infinite or not a number.
    #[error("value {value} of window {window} in `{input}` is not a finite number; the stage that made it is at fault")]
    NotFinite {
        /// Name of the input, with the entry for a tree.
        input: String,
        /// Number of the window in it.
        window: usize,
        /// Its place in the window.
        value: usize,
    },
    /// A result is too large for the file.
    #[error("condition `{condition}` makes window {window} too large for 32-bit numbers; use a milder one")]
    Overflow {
        /// Name of the condition.
        condition: &'static str,
        /// Number of the window, in its split for features, in its performance for audio.
        window: usize,
    },
}

impl From<Error> for StageError {
    fn from(error: Error) -> Self {
        match error {
            Error::Artifact(error) => error.into(),
            other => Self::failed(other),
        }
    }
}

/// [`Error::Spec`] unless `holds`.
pub(crate) fn require(
    holds: bool,
    condition: &'static str,
    field: &'static str,
    value: &dyn ToString,
    expected: &'static str,
) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(Error::Spec { condition, field, value: value.to_string(), expected }) }
}
