//! Batches: in main memory as the loader makes them, and on a device as models read them.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use hit_schema::Token;

use crate::{N_PITCHES, N_VELOCITIES, Padding, Side};

/// Note lists are padded to a multiple of this many notes, so that a GPU compiles kernels for few shapes. Padding is masked:
/// it changes no result beyond rounding.
pub const NOTE_MULTIPLE: usize = 8;

/// Descriptor rows of the windows of a batch, ragged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Values per row.
    pub dims: usize,
    /// Whether a row belongs to a note; otherwise to a frame.
    pub per_note: bool,
    /// For each window its rows, row-major.
    pub windows: Vec<Vec<f32>>,
}

/// A batch in main memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostBatch {
    /// Windows of the split that it holds.
    pub windows: Vec<usize>,
    /// Samples per window.
    pub n_samples: usize,
    /// `[batch, n_samples]`, row-major.
    pub audio: Vec<f32>,
    /// Notes of each window, at least one.
    pub tokens: Vec<Vec<Token>>,
    /// Number of duration buckets.
    pub n_durations: usize,
    /// Descriptors by id.
    pub descriptors: BTreeMap<String, Rows>,
}

/// A batch on a device. It takes no part in the backward pass.
#[derive(Clone)]
pub struct Batch {
    /// `[batch, n_samples]`, mono, −1..=1.
    pub audio: Tensor<2>,
    /// One-hot pitches: `[batch, notes, 128]`. Padding is the note (0, 0, 0), as in the published runs, and masked.
    pub pitch: Tensor<3>,
    /// One-hot velocities: `[batch, notes, 128]`.
    pub velocity: Tensor<3>,
    /// One-hot duration buckets: `[batch, notes, buckets]`.
    pub duration: Tensor<3>,
    /// 1 at notes, 0 at padding: `[batch, notes]`.
    pub valid: Tensor<2>,
    /// Notes of each window.
    pub lengths: Vec<usize>,
    /// Descriptors by id: `[batch, rows, dims]`, zero rows at padding.
    pub descriptors: BTreeMap<String, Tensor<3>>,
}

impl Batch {
    /// The rows of a descriptor: `[batch, rows, dims]`.
    ///
    /// # Panics
    /// If the batch was made for an arm without it: [`crate::Source`] reads those of its arm.
    pub fn descriptor(&self, id: &str) -> Tensor<3> {
        self.descriptors.get(id).unwrap_or_else(|| panic!("the batch holds no descriptor `{id}`")).clone()
    }

    /// Mean of a descriptor over its frames (`Side::Audio`) or over the notes that are there: `[batch, dims]`.
    ///
    /// # Panics
    /// As [`Self::descriptor`].
    pub fn summary(&self, id: &str, of: Side) -> Tensor<2> {
        let rows = self.descriptor(id);
        match of {
            Side::Audio => rows.mean_dim(1).squeeze_dim(1),
            Side::Midi => Padding::of(&self.valid).mean(rows),
        }
    }

    /// Where it is.
    pub fn device(&self) -> Device {
        self.audio.device()
    }
}

impl HostBatch {
    /// Puts the batch on a device.
    ///
    /// # Panics
    /// If a token lies outside its table: [`crate::Source`] refuses those.
    pub fn upload(mut self, device: &Device) -> Batch {
        let audio = std::mem::take(&mut self.audio);
        let n = self.windows.len();
        let longest = self.tokens.iter().map(Vec::len).max().unwrap_or(1);
        let notes = longest.next_multiple_of(NOTE_MULTIPLE);
        let one_hot = |width: usize, value: fn(&Token) -> u8| {
            let mut hot = vec![0.0f32; n * notes * width];
            for (w, tokens) in self.tokens.iter().enumerate() {
                for i in 0..notes {
                    hot[(w * notes + i) * width + tokens.get(i).map_or(0, |token| usize::from(value(token)))] = 1.0;
                }
            }
            Tensor::from_data(TensorData::new(hot, [n, notes, width]), device)
        };
        let valid = self.tokens.iter().flat_map(|tokens| (0..notes).map(|i| f32::from(u8::from(i < tokens.len()))));
        let valid: Vec<f32> = valid.collect();
        let descriptor = |(id, rows): (&String, &Rows)| (id.clone(), Self::pad(rows, notes, device));
        Batch {
            audio: Tensor::from_data(TensorData::new(audio, [n, self.n_samples]), device),
            pitch: one_hot(N_PITCHES, |token| token.pitch),
            velocity: one_hot(N_VELOCITIES, |token| token.velocity),
            duration: one_hot(self.n_durations, |token| token.duration),
            valid: Tensor::from_data(TensorData::new(valid, [n, notes]), device),
            lengths: self.tokens.iter().map(Vec::len).collect(),
            descriptors: self.descriptors.iter().map(descriptor).collect(),
        }
    }

    /// Rows per note are padded as the notes are; rows per frame have one length and need no padding.
    fn pad(rows: &Rows, notes: usize, device: &Device) -> Tensor<3> {
        let count = |window: &Vec<f32>| window.len() / rows.dims;
        let longest = rows.windows.iter().map(count).max().unwrap_or(0);
        let length = if rows.per_note { notes } else { longest };
        let mut values = Vec::with_capacity(rows.windows.len() * length * rows.dims);
        for window in &rows.windows {
            values.extend_from_slice(window);
            values.resize(values.len() + length * rows.dims - window.len(), 0.0);
        }
        Tensor::from_data(TensorData::new(values, [rows.windows.len(), length, rows.dims]), device)
    }
}
