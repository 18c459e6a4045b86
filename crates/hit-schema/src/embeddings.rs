//! Embeddings of every window of a split, as the encoders give them: not normalised.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Block, BlockWriter, Error};

/// Paired embeddings in the order of the split's windows.
#[derive(Clone, PartialEq, Debug)]
pub struct Embeddings {
    /// Split they belong to.
    pub split: String,
    /// Epoch of the model.
    pub epoch: usize,
    /// Embedding width: 256 in the paper.
    pub dims: usize,
    /// `[n_windows, dims]`, row-major.
    pub audio: Vec<f32>,
    /// `[n_windows, dims]`, row-major.
    pub midi: Vec<f32>,
}

#[derive(Serialize, Deserialize)]
struct Meta {
    split: String,
    epoch: usize,
}

impl Embeddings {
    const KIND: &'static str = "embeddings";

    /// Number of windows.
    pub fn n_windows(&self) -> usize {
        self.audio.len() / self.dims
    }

    /// Name under which the embeddings of an epoch stand in a tree: `e005.safetensors`.
    pub fn entry(epoch: usize) -> String {
        format!("e{epoch:03}.safetensors")
    }

    /// Writes the file.
    ///
    /// # Errors
    /// As [`BlockWriter::write`].
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let shape = [self.n_windows(), self.dims];
        BlockWriter::new(Self::KIND, &Meta { split: self.split.clone(), epoch: self.epoch })
            .f32("audio", &shape, &self.audio)
            .f32("midi", &shape, &self.midi)
            .write(path)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Format`], [`Error::Io`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let block = Block::open(path, Self::KIND)?;
        let Meta { split, epoch } = block.meta()?;
        let shape = block.shape("audio")?.to_vec();
        if shape.len() != 2 || shape[1] == 0 || block.shape("midi")? != shape {
            return Err(block.wrong("`audio` and `midi` are not both [windows, dims]"));
        }
        Ok(Self { split, epoch, dims: shape[1], audio: block.f32("audio")?, midi: block.f32("midi")? })
    }
}
