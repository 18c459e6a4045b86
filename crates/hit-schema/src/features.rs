//! Descriptor features of every window of a split.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Block, BlockWriter, Error};

/// What a feature file holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FeatureMeta {
    /// Descriptor id, for example `a4`.
    pub descriptor: String,
    /// `reference` or `paper`.
    pub variant: String,
    /// Values per row: 8 for A4, 4 for D4, 12 for A7–A9.
    pub dims: usize,
    /// Whether a row belongs to a note of the window; otherwise to a frame.
    pub per_note: bool,
}

/// Features to write: per window a number of rows (frames, or notes) of `dims` values.
#[derive(Clone, PartialEq, Debug)]
pub struct FeatureBlock {
    /// What it holds.
    pub meta: FeatureMeta,
    /// Rows of window `w` are `offsets[w]..offsets[w + 1]`.
    pub offsets: Vec<u64>,
    /// All rows, row-major: `[n_rows, dims]`.
    pub values: Vec<f32>,
}

const KIND: &str = "features";

impl FeatureBlock {
    /// Windows (each `[n_rows, dims]`, row-major) to block.
    ///
    /// # Panics
    /// If a window is not a multiple of `dims` long.
    pub fn from_windows(meta: FeatureMeta, windows: impl IntoIterator<Item = Vec<f32>>) -> Self {
        let mut block = Self { meta, offsets: vec![0], values: Vec::new() };
        for window in windows {
            assert_eq!(window.len() % block.meta.dims, 0, "a window of features has whole rows");
            block.values.extend(window);
            block.offsets.push((block.values.len() / block.meta.dims) as u64);
        }
        block
    }

    /// Writes the block.
    ///
    /// # Errors
    /// As [`BlockWriter::write`].
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let shape = [self.values.len() / self.meta.dims, self.meta.dims];
        BlockWriter::new(KIND, &self.meta)
            .u64("offsets", &[self.offsets.len()], &self.offsets)
            .f32("values", &shape, &self.values)
            .write(path)
    }
}

/// A feature file, read a window at a time.
pub struct Features {
    meta: FeatureMeta,
    offsets: Vec<u64>,
    block: Block,
}

impl Features {
    /// Opens a file.
    ///
    /// # Errors
    /// [`Error::Format`], [`Error::Io`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let block = Block::open(path, KIND)?;
        let meta: FeatureMeta = block.meta()?;
        let offsets = block.u64("offsets")?;
        let shape = block.shape("values")?;
        if shape.len() != 2 || shape[1] != meta.dims || meta.dims == 0 {
            return Err(block.wrong("`values` is not [rows, dims]"));
        }
        if offsets.first() != Some(&0) || !offsets.is_sorted() || offsets.last() != Some(&(shape[0] as u64)) {
            return Err(block.wrong("its offsets do not fit its rows"));
        }
        Ok(Self { meta, offsets, block })
    }

    /// What it holds.
    pub fn meta(&self) -> &FeatureMeta {
        &self.meta
    }

    /// Number of windows.
    pub fn n_windows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Features of window `w`: `[n_rows, dims]`, row-major.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read.
    pub fn window(&self, w: usize) -> Result<Vec<f32>, Error> {
        let (start, end) = (self.offsets[w] as usize, self.offsets[w + 1] as usize);
        self.block.f32_range("values", start * self.meta.dims, (end - start) * self.meta.dims)
    }
}
