//! Segments to descriptor features, bit-exact.
//!
//! Everything runs in `f64` with rustfft's scalar plan, libm and a fixed order of summation, and is rounded to `f32`
//! once, at the end: the same segment gives the same bytes whatever the number of threads and the width of the vectors.
//! Several frames are computed side by side, each by the operations of those definitions in their order (`stft.rs`,
//! `functions.rs`); `tests/definition.rs` has the definitions written out and compares bits.
//!
//! A descriptor is one file (`a4.rs`, `d4.rs`) and one line in [`DESCRIPTORS`]. What its definition implies about its
//! values is measured on a split by [`Examine`].

#![expect(clippy::inline_always, reason = "code compiled for the vectors at hand has to be part of their function")]

pub mod a4;
pub mod a4e;
pub mod a7;
pub mod a8;
pub mod a9;
pub mod d4;
mod examine;
mod functions;
mod registry;
mod stage;
mod stft;
pub mod targets;

pub use examine::{Examination, Examine, FromFeatures, FromSegment, Look, Metric, Reduce, Tally};
pub use registry::{Compute, DESCRIPTORS, Descriptor, FromAudio, FromMidi, Rows, Side, Variant, find};
pub use stage::Describe;
pub use stft::{HOP, N_BINS, N_FFT, SPACING_HZ, Stft};
pub use targets::{ProbeTargets, TARGETS};

/// A segment that cannot be described, or a descriptor that does not exist.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Reflect padding needs more samples than it mirrors.
    #[error("the segment has {found} samples; at least {} are needed to mirror its ends", N_FFT / 2 + 1)]
    TooShort {
        /// Samples of the segment.
        found: usize,
    },
    /// A sample is infinite or not a number.
    #[error("sample {sample} of the segment is not a finite number")]
    NotFinite {
        /// Its place in the segment.
        sample: usize,
    },
    /// No descriptor of that id.
    #[error("there is no descriptor `{id}`; known are {known}")]
    Unknown {
        /// The id asked for.
        id: String,
        /// All ids.
        known: String,
    },
    /// A feature file is not what its name in the inputs says.
    #[error("input `{input}` holds {found}, expected is {expected}; give the stage the features of this split")]
    Features {
        /// Name of the input.
        input: String,
        /// What it holds.
        found: String,
        /// What it has to hold.
        expected: String,
    },
    /// A window of a split could not be described.
    #[error("window {window} of split `{split}`, performance `{performance}`: {source}")]
    Window {
        /// Number of the window in its split.
        window: usize,
        /// The split.
        split: String,
        /// The performance that the window belongs to.
        performance: String,
        /// What is wrong with it.
        source: Box<Error>,
    },
}

impl From<Error> for hit_stage::StageError {
    fn from(error: Error) -> Self {
        Self::failed(error)
    }
}

#[cfg(test)]
mod tests;
