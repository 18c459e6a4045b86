//! Embeddings of length 1, and their cosines.

use hit_schema::{Embeddings, SplitIndex};

use crate::Error;

/// Least length that is divided by; an embedding of zeros stays zero and resembles nothing.
const FLOOR: f64 = 1e-12;

/// The embeddings of a split, each divided by its length (spec 9.1).
#[derive(Clone, PartialEq, Debug)]
pub struct UnitVectors {
    dims: usize,
    audio: Vec<f64>,
    midi: Vec<f64>,
}

impl UnitVectors {
    /// Normalises the embeddings of `index`'s windows.
    ///
    /// # Errors
    /// [`Error::Embeddings`] if they are of another split, of another number of windows, or not finite.
    pub fn new(embeddings: &Embeddings, index: &SplitIndex, entry: &str) -> Result<Self, Error> {
        let wrong = |what: String| Err(Error::Embeddings { entry: entry.to_owned(), what });
        if embeddings.split != index.split {
            return wrong(format!("they are of split `{}`, not `{}`", embeddings.split, index.split));
        }
        if embeddings.n_windows() != index.n_windows() {
            return wrong(format!("{} windows, the split has {}", embeddings.n_windows(), index.n_windows()));
        }
        for (side, values) in [("audio", &embeddings.audio), ("midi", &embeddings.midi)] {
            if let Some(i) = values.iter().position(|v| !v.is_finite()) {
                let window = i / embeddings.dims;
                return wrong(format!("the {side} embedding of window {window} is not finite: training diverged"));
            }
        }
        let dims = embeddings.dims;
        Ok(Self { dims, audio: normalised(&embeddings.audio, dims), midi: normalised(&embeddings.midi, dims) })
    }

    /// Cosine of the audio of one window and the MIDI of another.
    pub fn cosine(&self, audio: usize, midi: usize) -> f64 {
        dot(&self.audio[audio * self.dims..][..self.dims], &self.midi[midi * self.dims..][..self.dims])
    }
}

fn normalised(values: &[f32], dims: usize) -> Vec<f64> {
    let unit = |vector: &[f32]| {
        let vector: Vec<f64> = vector.iter().map(|&v| f64::from(v)).collect();
        let length = dot(&vector, &vector).sqrt().max(FLOOR);
        vector.into_iter().map(move |v| v / length)
    };
    values.chunks_exact(dims).flat_map(unit).collect()
}

/// Sum of products in four interleaved parts: a fixed order that the processor can overlap.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut parts = [0.0; 4];
    let (whole_a, whole_b) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = whole_a.remainder().iter().zip(whole_b.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in whole_a.zip(whole_b) {
        for (part, (x, y)) in parts.iter_mut().zip(x.iter().zip(y)) {
            *part += x * y;
        }
    }
    (parts[0] + parts[1]) + (parts[2] + parts[3]) + rest
}
