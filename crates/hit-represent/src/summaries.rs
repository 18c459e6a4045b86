//! Correlations between what a descriptor is over a window and the window's embedding (test 08).

use hit_schema::{Features, RunId};
use hit_stage::{Context, Stage, StageError};
use serde::Serialize;

use crate::input::{Rows, Sides, features};
use crate::matrix::dot;
use crate::{Error, Matrix};

/// Prefix of the inputs.
const FEATURES: &str = "features/";
/// Deviation below this share of what the values are: they differ by rounding only.
const STILL: f64 = 1e-12;
/// Windows between two looks at the request to stop.
const CHUNK: usize = 1024;

/// What is averaged over the rows of a window.
type Summary = fn(f64) -> f64;

/// How the rows of a window become one value, and what that is called in metrics.
const SUMMARIES: [(&str, Summary); 2] = [("", f64::abs), ("_time_mean", |value| value)];

/// Correlates summaries of descriptors with embeddings (§5.5; spec 10, test 08): `summaries/<run>`.
///
/// Inputs: `embeddings` (tree, one entry), `features/<descriptor>`. Output: `measurements`; under
/// `summary.<descriptor>.<dim>` the largest and the mean |Pearson r| between a summary of that dim and each embedding dim
/// of the side that the descriptor is of: `abs_r_max` and `abs_r_mean` for the mean of |value| over a window's rows,
/// `abs_r_max_time_mean` and `abs_r_mean_time_mean` for the plain mean over rows that was published. n is the number of
/// windows.
///
/// # Choices
/// The plain mean of A4 is 0 but for rounding, since A4 is standardised over the window: its row shows that and nothing
/// else. Embedding dims that do not vary are left out; a summary that does not vary gives no row. Windows without rows are
/// left out.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Summaries {
    /// Name of the test in the measurements: `t08`.
    pub stage: String,
    /// The model's run.
    pub run: RunId,
}

impl Stage for Summaries {
    const KIND: &'static str = "summaries";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["measurements"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let descriptors: Vec<String> = cx.inputs_under(FEATURES).map(|(name, _)| name.to_owned()).collect();
        if descriptors.is_empty() {
            return Err(Error::NoFeatures.into());
        }
        let sides = Sides::read(cx, &self.run, None)?;
        let mut rows = Rows::new(&self.stage, &self.run);
        for descriptor in descriptors {
            let input = format!("{FEATURES}{descriptor}");
            let features = features(cx, &input, sides.n())?;
            let (windows, summaries) = summarised(cx, &input, &features)?;
            let side = if features.meta().per_note { &sides.midi } else { &sides.audio };
            let embeddings = side.take(&windows);
            for (summary, (suffix, _)) in summaries.iter().zip(SUMMARIES) {
                cx.checkpoint()?;
                add(&mut rows, &descriptor, suffix, summary, &embeddings);
            }
        }
        rows.write(cx)
    }
}

/// Windows with rows, and for each of [`SUMMARIES`] their means over rows: `[n, dims]`.
fn summarised(cx: &Context, input: &str, features: &Features) -> Result<(Vec<usize>, [Matrix; 2]), StageError> {
    let dims = features.meta().dims;
    let (mut windows, mut values) = (Vec::new(), [Vec::new(), Vec::new()]);
    for window in 0..features.n_windows() {
        if window % CHUNK == 0 {
            cx.checkpoint()?;
        }
        let rows = Matrix::from_f32(dims, features.window(window)?);
        if rows.values().iter().any(|value| !value.is_finite()) {
            let what = format!("a value of window {window} is not finite");
            return Err(Error::Features { input: input.to_owned(), what }.into());
        }
        if rows.rows() > 0 {
            windows.push(window);
            for (values, (_, summary)) in values.iter_mut().zip(SUMMARIES) {
                values.extend(rows.map(|_, value| summary(value)).means());
            }
        }
    }
    let n = windows.len();
    Ok((windows, values.map(|values| Matrix::new(n, dims, values))))
}

fn add(rows: &mut Rows, descriptor: &str, suffix: &str, summary: &Matrix, embeddings: &Matrix) {
    let columns: Vec<Vec<f64>> = (0..embeddings.cols()).filter_map(|j| direction(&embeddings.column(j))).collect();
    for dim in 0..summary.cols() {
        let Some(values) = direction(&summary.column(dim)) else { continue };
        let found: Vec<f64> = columns.iter().map(|column| dot(&values, column).abs().min(1.0)).collect();
        let condition = format!("summary.{descriptor}.{dim}");
        let mean = found.iter().sum::<f64>() / found.len() as f64;
        let largest = found.iter().copied().reduce(f64::max);
        rows.add(&condition, &format!("abs_r_max{suffix}"), largest, summary.rows(), None);
        rows.add(&condition, &format!("abs_r_mean{suffix}"), largest.map(|_| mean), summary.rows(), None);
    }
}

/// Values less their mean, divided by their length; none if they do not vary.
fn direction(values: &[f64]) -> Option<Vec<f64>> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let moved: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let (length, whole) = (dot(&moved, &moved).sqrt(), dot(values, values).sqrt());
    if length > STILL * whole { Some(moved.into_iter().map(|value| value / length).collect()) } else { None }
}

/// Pearson's correlation; none unless both vary and are equally many.
pub fn pearson(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() == b.len() { Some(dot(&direction(a)?, &direction(b)?)) } else { None }
}
