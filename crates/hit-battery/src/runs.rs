//! The results of runs, read from a stage's inputs, and what is made from several of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hit_retrieval::{Ranked, s_of_totals, totals};
use hit_schema::{RunId, Selection};
use hit_stage::{Context, StageError};
use hit_stats::{Bootstrap, Measurement, grouped};

use crate::Error;

/// Which epoch of a run a number is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum At {
    /// The epoch with the best S: the published rule, biased by the choice.
    Best,
    /// The last evaluated epoch: chosen before the run.
    Last,
}

impl At {
    pub(crate) const BOTH: [Self; 2] = [Self::Best, Self::Last];

    /// Its name in conditions.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Last => "last",
        }
    }

    /// Condition of a comparison with an arm.
    pub(crate) fn versus(self, other: &str) -> String {
        format!("{}_vs_{other}", self.name())
    }
}

/// What retrieval found for one run.
pub(crate) struct RunResult {
    pub(crate) run: RunId,
    pub(crate) ranked: Vec<Ranked>,
    selection: Selection,
    rows: Vec<Measurement>,
    path: PathBuf,
    last: usize,
}

impl RunResult {
    /// Reads the inputs `<run>/measurements`, `<run>/ranks` and `<run>/selection` of every run, sorted by run.
    ///
    /// # Errors
    /// [`Error::NoRuns`]; [`Error::Queries`] if runs of one schedule and seed do not share their queries; whatever
    /// reading returns.
    pub(crate) fn read_all(cx: &Context) -> Result<Vec<Self>, StageError> {
        let mut results = Vec::new();
        for name in cx.inputs.keys() {
            if let Some(run) = name.strip_suffix("/measurements") {
                results.push(Self::read(cx, run)?);
            }
        }
        if results.is_empty() {
            return Err(Error::NoRuns.into());
        }
        results.sort_by(|a, b| a.run.cmp(&b.run));
        check_queries(&results)?;
        Ok(results)
    }

    fn read(cx: &Context, name: &str) -> Result<Self, StageError> {
        let run: RunId = name.parse().map_err(Error::from)?;
        let file = |output: &str| cx.file(&format!("{name}/{output}")).map(|file| file.path.as_path());
        let path = file("measurements")?.to_owned();
        let rows = Measurement::read(&path).map_err(Error::from)?;
        let selection = Selection::read(file("selection")?)?;
        let ranked = Ranked::read(file("ranks")?)?;
        let epochs = rows.iter().filter_map(|row| row.condition.strip_prefix("epoch=")?.parse().ok());
        let last = epochs.max().unwrap_or(selection.epoch);
        Ok(Self { run, ranked, selection, rows, path, last })
    }

    /// Number of the epoch.
    pub(crate) fn epoch(&self, at: At) -> usize {
        match at {
            At::Best => self.selection.epoch,
            At::Last => self.last,
        }
    }

    /// The row of a metric.
    ///
    /// # Errors
    /// [`Error::NoRow`].
    pub(crate) fn row(&self, at: At, metric: &str) -> Result<&Measurement, Error> {
        let condition = match at {
            At::Best => "selected".to_owned(),
            At::Last => format!("epoch={:03}", self.last),
        };
        self.rows.iter().find(|row| row.condition == condition && row.metric == metric).ok_or_else(|| Error::NoRow {
            run: self.run.to_string(),
            path: self.path.clone(),
            condition,
            metric: metric.to_owned(),
        })
    }
}

/// Runs of one schedule and seed are compared, so they must have been asked the same.
fn check_queries(results: &[RunResult]) -> Result<(), Error> {
    let asked = |result: &RunResult| -> Vec<_> {
        result.ranked.iter().map(|row| (row.window, row.performance.clone())).collect()
    };
    let mut first_of: BTreeMap<(&str, u64), &RunResult> = BTreeMap::new();
    for result in results {
        let first = *first_of.entry((&result.run.schedule, result.run.seed)).or_insert(result);
        if asked(first) != asked(result) {
            return Err(Error::Queries { first: first.run.to_string(), second: result.run.to_string() });
        }
    }
    Ok(())
}

/// Interval of mean S of the runs at their best epochs, or of its difference to that of `others` if there are any:
/// percentiles over resampled performances, the same performances for all runs, so a difference is paired (spec 9.6,
/// 11). None if the queries come from a single performance.
///
/// # Errors
/// [`Error::Stats`].
pub(crate) fn interval(
    runs: &[&RunResult],
    others: &[&RunResult],
    plan: &Bootstrap,
) -> Result<Option<(f64, f64)>, Error> {
    let all: Vec<&RunResult> = runs.iter().chain(others).copied().collect();
    let mut groups: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (i, result) in all.iter().enumerate() {
        for (performance, sums) in totals(&result.ranked, 10) {
            groups.entry(performance).or_insert_with(|| vec![0.0; 3 * all.len()])[3 * i..][..3].copy_from_slice(&sums);
        }
    }
    if groups.len() < 2 {
        return Ok(None);
    }
    let mean = |totals: &[f64], n: usize| totals.chunks_exact(3).map(s_of_totals).sum::<f64>() / n as f64;
    let difference = |totals: &[f64]| {
        let (ours, theirs) = totals.split_at(3 * runs.len());
        mean(ours, runs.len()) - if others.is_empty() { 0.0 } else { mean(theirs, others.len()) }
    };
    let groups: Vec<_> = groups.into_values().collect();
    Ok(Some(grouped(&groups, plan, difference)?))
}
