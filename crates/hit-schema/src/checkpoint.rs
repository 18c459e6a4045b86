//! Weights of a trained model, with the names and layouts PyTorch would give them.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Block, BlockWriter, Error};

/// Where a checkpoint comes from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CheckpointMeta {
    /// Arm id.
    pub arm: String,
    /// Finished epochs.
    pub epoch: usize,
    /// Finished optimiser steps.
    pub step: u64,
}

/// One array of weights.
#[derive(Clone, PartialEq, Debug)]
pub struct ParamArray {
    /// Shape, row-major.
    pub shape: Vec<usize>,
    /// Values.
    pub values: Vec<f32>,
}

/// All arrays of a model (parameters and running statistics) by name.
#[derive(Clone, PartialEq, Debug)]
pub struct Checkpoint {
    /// Where it comes from.
    pub meta: CheckpointMeta,
    /// Arrays by name.
    pub params: BTreeMap<String, ParamArray>,
}

impl Checkpoint {
    const KIND: &'static str = "checkpoint";

    /// Writes a safetensors file.
    ///
    /// # Errors
    /// As [`BlockWriter::write`].
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let start = BlockWriter::new(Self::KIND, &self.meta);
        self.params.iter().fold(start, |writer, (name, p)| writer.f32(name, &p.shape, &p.values)).write(path)
    }

    /// Reads it back.
    ///
    /// # Errors
    /// [`Error::Format`], [`Error::Io`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let block = Block::open(path, Self::KIND)?;
        let mut params = BTreeMap::new();
        for name in block.names() {
            let array = ParamArray { shape: block.shape(name)?.to_vec(), values: block.f32(name)? };
            params.insert(name.to_owned(), array);
        }
        Ok(Self { meta: block.meta()?, params })
    }
}
