//! The artifacts on disk, one noun a file: what stages write and other stages read.
//!
//! Arrays are safetensors files, so every one of them opens in Python; listings are JSON or CSV. Crates that
//! make data meet crates that use it here and nowhere else.

#[cfg(target_endian = "big")]
compile_error!("arrays are stored little-endian and read by reinterpretation");

mod activations;
mod block;
mod checkpoint;
mod embeddings;
mod features;
mod history;
mod map;
mod observation;
mod ranks;
mod run;
mod segments;
mod split;
mod token;

pub use activations::{Activations, CosineBin, Layer, Projected};
pub use block::{Block, BlockWriter};
pub use checkpoint::{Checkpoint, CheckpointMeta, ParamArray};
pub use embeddings::Embeddings;
pub use features::{FeatureBlock, FeatureMeta, FeatureWriter, Features};
pub use history::HistoryRow;
pub use observation::Observation;
pub use ranks::{RankRow, Selection};
pub use run::RunId;
pub use segments::Segments;
pub use split::{AudioSource, Performance, SplitIndex, WindowSpec};
pub use token::{DUMMY_NOTE, DurationBuckets, Note, Token, TokenBlock};

use std::path::PathBuf;

/// An artifact that cannot be read as what it should be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading or writing failed; the message names the path.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Not a file of the expected kind or shape.
    #[error("{path} is not a usable {kind} file: {what}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What was expected of it.
        kind: String,
        /// What is wrong.
        what: String,
    },
    /// A run id that does not read `arm@schedule#seed`.
    #[error("`{0}` is not a run: `arm@schedule#seed` is expected, for example `d4a4@cosine30#42`")]
    RunId(String),
}

impl Error {
    pub(crate) fn format(path: impl Into<PathBuf>, kind: &str, what: impl std::fmt::Display) -> Self {
        Self::Format { path: path.into(), kind: kind.to_owned(), what: what.to_string() }
    }
}

impl From<Error> for hit_stage::StageError {
    fn from(error: Error) -> Self {
        Self::failed(error)
    }
}

#[cfg(test)]
mod tests;
