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
        self.add_to(BlockWriter::new(Self::KIND, &self.meta)).write(path)
    }

    /// Writes the same file with more in its metadata, for other programs: `about` beside what [`CheckpointMeta`] holds.
    ///
    /// # Errors
    /// As [`BlockWriter::write`].
    ///
    /// # Panics
    /// Never: metadata are an object.
    pub fn export(&self, about: serde_json::Map<String, serde_json::Value>, path: &Path) -> Result<(), Error> {
        let own = serde_json::to_value(&self.meta).expect("metadata are representable as JSON");
        let all: serde_json::Map<_, _> =
            about.into_iter().chain(own.as_object().cloned().into_iter().flatten()).collect();
        self.add_to(BlockWriter::new(Self::KIND, &all)).write(path)
    }

    fn add_to<'a>(&'a self, writer: BlockWriter<'a>) -> BlockWriter<'a> {
        self.params.iter().fold(writer, |writer, (name, p)| writer.f32(name, &p.shape, &p.values))
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
