//! Mean and standard deviation of feature blocks, and their checked reading.

use hit_schema::Features;
use hit_stage::{Context, StageError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Whether statistics are over what is there, or also over the zeros that fill a batch up.
///
/// It matters for features of notes only: windows have different numbers of notes, but the same number of frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Rows of notes and frames only: the sound choice.
    LeftOut,
    /// Every window of a batch counts as many rows as the longest, zeros in the rest (the published runs). Mean and
    /// standard deviation are then too small.
    Counted,
}

/// How much of a block statistics are over.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) batch_size: usize,
    pub(crate) padding: Padding,
    /// 1 for all values together, the dims of the block for each column by itself.
    pub(crate) columns: usize,
}

/// A feature block whose values are checked when they are read.
pub(crate) struct Input {
    pub(crate) name: &'static str,
    pub(crate) features: Features,
}

impl Input {
    /// Opens the input of that name.
    pub(crate) fn open(cx: &Context, name: &'static str) -> Result<Self, StageError> {
        Ok(Self { name, features: Features::open(&cx.file(name)?.path)? })
    }

    /// Features of window `w`: `[n_rows, dims]`, row-major, finite.
    pub(crate) fn window(&self, w: usize) -> Result<&[f32], Error> {
        let values = self.features.window(w)?;
        match values.iter().position(|value| !value.is_finite()) {
            Some(value) => Err(Error::NotFinite { input: self.name.to_owned(), window: w, value }),
            None => Ok(values),
        }
    }

    /// Number, mean and squares of each column over `windows`, in that order, cut into batches.
    pub(crate) fn moments(&self, cx: &Context, windows: &[usize], extent: Extent) -> Result<Vec<Moments>, StageError> {
        let Extent { batch_size, padding, columns } = extent;
        let mut moments = vec![Moments::default(); columns];
        for batch in windows.chunks(batch_size) {
            cx.checkpoint()?;
            let rows = batch.iter().map(|&w| self.window(w)).collect::<Result<Vec<_>, _>>()?;
            let longest = rows.iter().map(|row| row.len()).max().unwrap_or(0);
            for values in rows {
                let n = if padding == Padding::Counted { longest } else { values.len() };
                let filled = values.iter().map(|&value| f64::from(value)).chain(std::iter::repeat(0.0)).take(n);
                for (place, value) in filled.enumerate() {
                    moments[place % columns].push(value);
                }
            }
        }
        Ok(moments)
    }
}

/// Number, mean and sum of squared deviations of a row of values (Welford, 1962).
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Moments {
    pub(crate) n: u64,
    pub(crate) mean: f64,
    squares: f64,
}

impl Moments {
    pub(crate) fn push(&mut self, value: f64) {
        self.n += 1;
        let away = value - self.mean;
        self.mean += away / self.n as f64;
        self.squares += away * (value - self.mean);
    }

    /// Sample standard deviation (n − 1); not a number for less than two values.
    pub(crate) fn sd(&self) -> f64 {
        (self.squares / (self.n as f64 - 1.0)).sqrt()
    }
}
