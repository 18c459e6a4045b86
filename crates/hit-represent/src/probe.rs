//! What of the music can be read off embeddings (test 03).

use std::ops::Range;

use hit_schema::{RunId, SplitIndex};
use hit_stage::{Context, Seed, Stage, StageError};
use hit_stats::Bootstrap;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::input::{Rows, Sides, check_bootstrap, one_row_each, performances};
use crate::mlp::shuffle;
use crate::{Error, Matrix, MlpProbe, REFERENCE, Ridge, Standard, Totals, r2};

/// The probes: side that is read off, and what (Table 11).
pub const PROBES: [(&str, &str); 6] = [
    ("audio", "pitch_histogram"),
    ("audio", "interval_histogram"),
    ("midi", "chroma"),
    ("midi", "centroid"),
    ("audio", "chroma"),
    ("midi", "pitch_histogram"),
];

/// Folds of performances, each held out once; also the share that chooses the penalty, and that the reference holds out.
const FOLDS: usize = 5;
/// Performances that are needed: one to fit, one to choose the penalty, one to score.
const LEAST: usize = 3;
/// Windows that the reference's probe is trained and scored on: the first of the split.
const REFERENCE_WINDOWS: usize = 5_000;

/// Measures what can be read off the embeddings of a model (spec 10, test 03): `probe/<run>`.
///
/// Inputs: `index`, `embeddings` (tree, one entry), `targets/<name>` for the targets of [`PROBES`] and for
/// `chroma_reference` and `centroid_reference`. Output: `measurements`; per probe, under `<side>/<target>`:
/// `r2`, that of ridge regressions on performances they were not fitted to (n: all windows; interval over performances),
/// and `r2_mlp`, that of the reference's network on its own split and targets. A target that does not vary gives no row.
///
/// # Choices
/// Linear probe: the performances are dealt into five folds, drawn (one for each if there are three or four); each is predicted by a fit to the other four, a fifth
/// of whose performances chose the penalty ([`crate::LAMBDAS`]) before. Columns are standardised by what is fitted, so no
/// fold knows what it is scored on; R² is pooled over outputs standardised by all windows, so each counts alike. A fit may
/// be worse than the mean of the windows that are scored: R² is negative then. The reference's: a fifth of the first 5,000
/// windows, drawn one by one, is scored, so nearly every window that is scored overlaps one that was fitted: its R² is no
/// measure of what other music would give.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Probe {
    /// Name of the test in the measurements: `t03`.
    pub stage: String,
    /// The model's run.
    pub run: RunId,
    /// Root seed of the splits, of the networks and of the resamples.
    pub seed: u64,
    /// Resamples of an interval.
    pub resamples: usize,
    /// Share of resamples inside an interval, between 0 and 1.
    pub level: f64,
}

impl Stage for Probe {
    const KIND: &'static str = "probe";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["measurements"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        check_bootstrap(self.resamples, self.level)?;
        let index = SplitIndex::read(&cx.file("index")?.path)?;
        let folds = self.folds(&index)?;
        let sides = Sides::read(cx, &self.run, Some(&index))?;
        let mut rows = Rows::new(&self.stage, &self.run);
        for (done, (side, target)) in PROBES.into_iter().enumerate() {
            cx.checkpoint()?;
            let x = if side == "audio" { &sides.audio } else { &sides.midi };
            let y = one_row_each(cx, &format!("targets/{target}"), sides.n())?;
            let condition = format!("{side}/{target}");
            let (found, interval) = self.linear(&index, &folds, x, &y)?;
            rows.add(&condition, "r2", found, sides.n(), interval);
            let y = match target {
                "chroma" | "centroid" => one_row_each(cx, &format!("targets/{target}_reference"), sides.n())?,
                _ => y,
            };
            let (found, n) = self.reference(cx, &condition, x, &y)?;
            rows.add(&condition, "r2_mlp", found, n, None);
            cx.progress.update(done as u64 + 1, PROBES.len() as u64, "probes");
        }
        rows.write(cx)
    }
}

/// A score, if it is defined, and its interval, if there is one.
type Scored = (Option<f64>, Option<(f64, f64)>);

/// Windows to fit, to choose the penalty, and to score; no performance is in two of them.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Fold {
    pub(crate) fit: Vec<usize>,
    pub(crate) valid: Vec<usize>,
    pub(crate) test: Vec<usize>,
}

impl Probe {
    fn stream(&self, label: &str) -> Seed {
        Seed::derive(self.seed, Self::KIND, label)
    }

    /// Deals the performances that have windows into folds.
    ///
    /// # Errors
    /// [`Error::TooFew`].
    pub(crate) fn folds(&self, index: &SplitIndex) -> Result<Vec<Fold>, Error> {
        let mut all = performances(index);
        if all.len() < LEAST {
            return Err(Error::TooFew {
                split: index.split.clone(),
                found: all.len(),
                unit: "performances with windows",
                purpose: "a probe that is scored on other performances than it is fitted to",
                needed: LEAST,
            });
        }
        shuffle(&mut all, &mut ChaCha8Rng::from_seed(self.stream("performances").bytes()));
        let n_folds = FOLDS.min(all.len());
        let fold = |held_out: usize| {
            let mut fold = Fold { fit: Vec::new(), valid: Vec::new(), test: Vec::new() };
            let mut others = 0;
            for (i, (_, windows)) in all.iter().enumerate() {
                let part = if i % n_folds == held_out {
                    &mut fold.test
                } else {
                    others += 1;
                    // The first of each five others, so that there is one whatever their number.
                    if others % FOLDS == 1 { &mut fold.valid } else { &mut fold.fit }
                };
                part.extend(windows.clone());
            }
            for part in [&mut fold.fit, &mut fold.valid, &mut fold.test] {
                part.sort_unstable();
            }
            fold
        };
        Ok((0..n_folds).map(fold).collect())
    }

    /// R² of the linear probes of all folds, and its interval.
    fn linear(&self, index: &SplitIndex, folds: &[Fold], x: &Matrix, y: &Matrix) -> Result<Scored, Error> {
        let mut predicted = vec![0.0; y.values().len()];
        for fold in folds {
            let found = predict(fold, x, y)?;
            for (&window, row) in fold.test.iter().zip(found.iter()) {
                predicted[window * y.cols()..][..y.cols()].copy_from_slice(row);
            }
        }
        let scale = Standard::of(y);
        let (truth, predicted) = (scale.apply(y), scale.apply(&Matrix::new(y.rows(), y.cols(), predicted)));
        let Some(found) = r2(&truth, &predicted) else { return Ok((None, None)) };
        let totals = |(_, windows): (&str, Range<usize>)| {
            let windows: Vec<usize> = windows.collect();
            Totals::of(&truth.take(&windows), &predicted.take(&windows))
        };
        let plan = Bootstrap { resamples: self.resamples, level: self.level, seed: self.stream("bootstrap").bytes() };
        let interval = Totals::interval(performances(index).into_iter().map(totals).collect(), &plan)?;
        Ok((Some(found), interval))
    }

    /// R² of the reference's probe, and the windows it is scored on.
    fn reference(
        &self,
        cx: &Context,
        condition: &str,
        x: &Matrix,
        y: &Matrix,
    ) -> Result<(Option<f64>, usize), StageError> {
        let mut windows: Vec<usize> = (0..x.rows().min(REFERENCE_WINDOWS)).collect();
        shuffle(&mut windows, &mut ChaCha8Rng::from_seed(self.stream("windows").bytes()));
        let train = windows.split_off(windows.len() / FOLDS);
        let standard = Standardised::of(x, y, &train);
        let (train_x, train_y) = standard.rows(x, y, &train);
        let seed = self.stream(condition).bytes();
        let probe = MlpProbe::fit(&train_x, &train_y, &REFERENCE, seed, || cx.checkpoint())?;
        let (test_x, test_y) = standard.rows(x, y, &windows);
        Ok((r2(&test_y, &probe.predict(&test_x)), windows.len()))
    }
}

/// What a fit to the other performances makes of those held out: `[n, outputs]`, in the unit of `y`.
fn predict(fold: &Fold, x: &Matrix, y: &Matrix) -> Result<Matrix, Error> {
    let standard = Standardised::of(x, y, &fold.fit);
    let (fit_x, fit_y) = standard.rows(x, y, &fold.fit);
    let (valid_x, valid_y) = standard.rows(x, y, &fold.valid);
    let mut others = [fold.fit.as_slice(), &fold.valid].concat();
    others.sort_unstable();
    let whole = Standardised::of(x, y, &others);
    // A pitch that hardly occurs among the fitted windows would weigh most by its deviation there.
    let [fit_y, valid_y] = [fit_y, valid_y].map(|targets| standard.y.rescale(&targets, &whole.y));
    let lambda = Ridge::choose((&fit_x, &fit_y), (&valid_x, &valid_y))?;

    let standard = whole;
    let (others_x, others_y) = standard.rows(x, y, &others);
    let probe = Ridge::fit(&others_x, &others_y, lambda * others.len() as f64)?;
    Ok(standard.y.undo(&probe.predict(&standard.x.apply(&x.take(&fold.test)))))
}

/// Means and deviations of the rows that are fitted.
struct Standardised {
    x: Standard,
    y: Standard,
}

impl Standardised {
    fn of(x: &Matrix, y: &Matrix, rows: &[usize]) -> Self {
        Self { x: Standard::of(&x.take(rows)), y: Standard::of(&y.take(rows)) }
    }

    fn rows(&self, x: &Matrix, y: &Matrix, rows: &[usize]) -> (Matrix, Matrix) {
        (self.x.apply(&x.take(rows)), self.y.apply(&y.take(rows)))
    }
}
