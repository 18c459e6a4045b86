//! What the stages read, checked, and the rows that they write.

use std::ops::Range;

use hit_schema::{Embeddings, Features, RunId, SplitIndex};
use hit_stage::{Context, StageError};
use hit_stats::Measurement;

use crate::{Error, Matrix};

/// The embeddings of one model: two matrices of equally many rows.
pub(crate) struct Sides {
    pub(crate) audio: Matrix,
    pub(crate) midi: Matrix,
}

impl Sides {
    /// Reads input `embeddings`, a tree with one entry.
    ///
    /// # Errors
    /// [`Error::OneEpoch`], [`Error::Embeddings`] if they are not finite or not those of `index`; whatever reading returns.
    pub(crate) fn read(cx: &Context, run: &RunId, index: Option<&SplitIndex>) -> Result<Self, StageError> {
        let tree = cx.tree("embeddings")?;
        let mut entries = tree.0.values();
        let (Some(file), None) = (entries.next(), entries.next()) else {
            return Err(Error::OneEpoch { run: run.to_string(), found: tree.0.len() }.into());
        };
        let embeddings = Embeddings::read(&file.path)?;
        let wrong = |what: String| Error::Embeddings { run: run.to_string(), what };
        if let Some(index) = index {
            let (found, expected) = (embeddings.n_windows(), index.n_windows());
            if embeddings.split != index.split || found != expected {
                let what = format!(
                    "the embeddings are of {found} windows of split `{}`, the index of {expected} of `{}`; give both of one split",
                    embeddings.split, index.split
                );
                return Err(wrong(what).into());
            }
        }
        for (side, values) in [("audio", &embeddings.audio), ("midi", &embeddings.midi)] {
            if let Some(i) = values.iter().position(|value| !value.is_finite()) {
                let window = i / embeddings.dims;
                let what = format!("the {side} embedding of window {window} is not finite: training diverged");
                return Err(wrong(what).into());
            }
        }
        let matrix = |values: &[f32]| Matrix::from_f32(embeddings.dims, values);
        Ok(Self { audio: matrix(&embeddings.audio), midi: matrix(&embeddings.midi) })
    }

    /// Number of windows.
    pub(crate) fn n(&self) -> usize {
        self.audio.rows()
    }

    /// Both sides, each embedding divided by its length.
    pub(crate) fn unit(&self) -> Self {
        Self { audio: self.audio.unit_rows(), midi: self.midi.unit_rows() }
    }
}

/// Windows of each performance that has some, in the order of the split, with its id.
pub(crate) fn performances(index: &SplitIndex) -> Vec<(&str, Range<usize>)> {
    let mut first = 0;
    let mut found = Vec::new();
    for performance in &index.performances {
        let range = first..first + performance.n_windows;
        first = range.end;
        if !range.is_empty() {
            found.push((performance.id.as_str(), range));
        }
    }
    found
}

/// Opens a feature file and checks that it has as many windows as there are.
pub(crate) fn features(cx: &Context, input: &str, n_windows: usize) -> Result<Features, StageError> {
    let features = Features::open(&cx.file(input)?.path)?;
    if features.n_windows() == n_windows {
        return Ok(features);
    }
    let what =
        format!("it has {} windows, the embeddings have {n_windows}; give both of one split", features.n_windows());
    Err(Error::Features { input: input.to_owned(), what }.into())
}

/// Reads features of one row a window: `[n_windows, dims]`.
///
/// # Errors
/// [`Error::Features`] if a window has another number of rows or a value is not finite; whatever reading returns.
pub(crate) fn one_row_each(cx: &Context, input: &str, n_windows: usize) -> Result<Matrix, StageError> {
    let features = features(cx, input, n_windows)?;
    let dims = features.meta().dims;
    let wrong = |what: String| Error::Features { input: input.to_owned(), what };
    let mut values = Vec::with_capacity(n_windows * dims);
    for window in 0..n_windows {
        let row = features.window(window)?;
        if row.len() != dims {
            return Err(wrong(format!("window {window} has {} rows, one is expected", row.len() / dims)).into());
        }
        if row.iter().any(|value| !value.is_finite()) {
            return Err(wrong(format!("a value of window {window} is not finite")).into());
        }
        values.extend(row);
    }
    Ok(Matrix::from_f32(dims, &values))
}

/// Rows of one stage and run.
pub(crate) struct Rows<'a> {
    pub(crate) stage: &'a str,
    pub(crate) run: &'a RunId,
    pub(crate) measured: Vec<Measurement>,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(stage: &'a str, run: &'a RunId) -> Self {
        Self { stage, run, measured: Vec::new() }
    }

    /// Adds a row without unit; nothing if there is no value.
    pub(crate) fn add(
        &mut self,
        condition: &str,
        metric: &str,
        value: Option<f64>,
        n: usize,
        interval: Option<(f64, f64)>,
    ) {
        let Some(value) = value else { return };
        self.measured.push(Measurement {
            stage: self.stage.to_owned(),
            arm: self.run.arm.clone(),
            schedule: self.run.schedule.clone(),
            seed: Some(self.run.seed),
            condition: condition.to_owned(),
            metric: metric.to_owned(),
            value,
            unit: String::new(),
            n: Some(n as u64),
            interval,
        });
    }

    /// Writes output `measurements`.
    ///
    /// # Errors
    /// [`Error::Stats`] for a value that is not finite; whatever writing returns.
    pub(crate) fn write(&self, cx: &mut Context) -> Result<(), StageError> {
        cx.write("measurements", Measurement::to_csv(&self.measured).map_err(Error::from)?)
    }
}

/// Checks the parameters of an interval.
///
/// # Errors
/// [`Error::Parameter`].
pub(crate) fn check_bootstrap(resamples: usize, level: f64) -> Result<(), Error> {
    if resamples == 0 {
        let expected = "at least one resample is needed";
        return Err(Error::Parameter { field: "resamples", value: "0".to_owned(), expected });
    }
    if !(level > 0.0 && level < 1.0) {
        let expected = "a number between 0 and 1 is expected, for example 0.95";
        return Err(Error::Parameter { field: "level", value: level.to_string(), expected });
    }
    Ok(())
}
