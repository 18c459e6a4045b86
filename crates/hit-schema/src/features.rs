//! Descriptor features of every window of a split.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use serde::{Deserialize, Serialize};

use crate::block::head;
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

/// Writes a feature file a window at a time: the features of a large split need not fit into memory.
///
/// The file is the one that [`FeatureBlock::write`] would write, byte for byte.
pub struct FeatureWriter {
    path: PathBuf,
    file: BufWriter<fs_err::File>,
    dims: usize,
    /// Rows of each window.
    rows: Vec<usize>,
    /// Windows written.
    written: usize,
}

impl FeatureWriter {
    /// Opens `path` for windows of `rows` rows each.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Format`] if safetensors refuses the arrays.
    pub fn create(path: &Path, meta: &FeatureMeta, rows: Vec<usize>) -> Result<Self, Error> {
        let mut offsets = vec![0u64];
        for n in &rows {
            offsets.push(offsets[offsets.len() - 1] + *n as u64);
        }
        let n_rows = offsets[rows.len()] as usize;
        let arrays = [("offsets", Dtype::U64, vec![offsets.len()]), ("values", Dtype::F32, vec![n_rows, meta.dims])];
        let head = head(KIND, meta, &arrays).map_err(|error| Error::format(path, KIND, error))?;
        let mut file = BufWriter::with_capacity(1 << 20, fs_err::File::create(path)?);
        file.write_all(&head)?;
        file.write_all(bytemuck::cast_slice(&offsets))?;
        Ok(Self { path: path.to_owned(), file, dims: meta.dims, rows, written: 0 })
    }

    /// Adds the next window: `[n_rows, dims]`, row-major.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Format`] if there is no next window or it has another number of rows.
    pub fn window(&mut self, values: &[f32]) -> Result<(), Error> {
        let expected = self.rows.get(self.written).map(|rows| rows * self.dims);
        if expected != Some(values.len()) {
            let what = format!("window {} has {} values instead of {expected:?}", self.written, values.len());
            return Err(Error::format(&self.path, KIND, what));
        }
        self.written += 1;
        Ok(self.file.write_all(bytemuck::cast_slice(values))?)
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Format`] if windows are missing.
    pub fn finish(mut self) -> Result<(), Error> {
        if self.written < self.rows.len() {
            let what = format!("only {} of {} windows were written", self.written, self.rows.len());
            return Err(Error::format(&self.path, KIND, what));
        }
        Ok(self.file.flush()?)
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
    /// [`Error::Format`] if the file cannot be read.
    pub fn window(&self, w: usize) -> Result<&[f32], Error> {
        let (start, end) = (self.offsets[w] as usize, self.offsets[w + 1] as usize);
        self.block.f32_range("values", start * self.meta.dims, (end - start) * self.meta.dims)
    }
}
