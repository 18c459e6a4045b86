//! The results of runs, read from a stage's inputs, and what is made from several of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hit_retrieval::{Ranked, s_of_totals, totals};
use hit_schema::{RunId, Selection};
use hit_stage::{Context, StageError};
use hit_stats::{Bootstrap, Measurement, grouped};

use crate::{Error, NORMAL};

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
    ranked: Vec<Ranked>,
    /// At the last epoch, where it was given and is another than the selected one.
    ranked_last: Option<Vec<Ranked>>,
    selection: Selection,
    rows: Vec<Measurement>,
    path: PathBuf,
    last: usize,
    /// What stands before `selected` and `epoch=005` in its table: a condition and `/`, or nothing.
    prefix: String,
}

impl RunResult {
    /// Reads the inputs `<run>/measurements`, `<run>/ranks`, `<run>/selection` and, where given, `<run>/ranks_last` of every run, sorted by run.
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
        Self::read_at(cx, name, name, String::new())
    }

    /// Reads `<condition>/<run>/measurements`, `.../ranks` and `.../selection`.
    ///
    /// # Errors
    /// Whatever reading returns.
    pub(crate) fn read_under(cx: &Context, condition: &str, run: &str) -> Result<Self, StageError> {
        let prefix = if condition == NORMAL { String::new() } else { format!("{condition}/") };
        Self::read_at(cx, &format!("{condition}/{run}"), run, prefix)
    }

    fn read_at(cx: &Context, name: &str, run: &str, prefix: String) -> Result<Self, StageError> {
        let run: RunId = run.parse().map_err(Error::from)?;
        let file = |output: &str| cx.file(&format!("{name}/{output}")).map(|file| file.path.as_path());
        let path = file("measurements")?.to_owned();
        let rows = Measurement::read(&path).map_err(Error::from)?;
        let selection = Selection::read(file("selection")?)?;
        let ranked = Ranked::read(file("ranks")?)?;
        let epochs =
            rows.iter().filter_map(|row| row.condition.strip_prefix(&prefix)?.strip_prefix("epoch=")?.parse().ok());
        let last = epochs.max().unwrap_or(selection.epoch);
        let ranked_last = file("ranks_last").ok().filter(|_| last != selection.epoch).map(Ranked::read).transpose()?;
        Ok(Self { run, ranked, ranked_last, selection, rows, path, last, prefix })
    }

    /// Whether it was asked the same as another.
    ///
    /// # Errors
    /// [`Error::Queries`].
    pub(crate) fn same_queries(&self, other: &Self) -> Result<(), Error> {
        let asked = |result: &Self| -> Vec<_> {
            result.ranked.iter().map(|row| (row.window, row.performance.clone())).collect()
        };
        if asked(self) == asked(other) {
            return Ok(());
        }
        Err(Error::Queries { first: other.run.to_string(), second: self.run.to_string() })
    }

    /// Outcomes of the queries at that epoch, if they are known.
    fn ranked(&self, at: At) -> Option<&[Ranked]> {
        match at {
            At::Last if self.last != self.selection.epoch => self.ranked_last.as_deref(),
            _ => Some(&self.ranked),
        }
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
            At::Best => format!("{}selected", self.prefix),
            At::Last => format!("{}epoch={:03}", self.prefix, self.last),
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
    let mut first_of: BTreeMap<(&str, u64), &RunResult> = BTreeMap::new();
    for result in results {
        let first = *first_of.entry((&result.run.schedule, result.run.seed)).or_insert(result);
        result.same_queries(first)?;
    }
    Ok(())
}

/// Interval of mean S of the runs at these epochs, or of its difference to that of `others` if there are any:
/// percentiles over resampled performances, the same performances for all runs, so a difference is paired (spec 9.6,
/// 11). None if the queries come from a single performance, or are not known at that epoch.
///
/// # Errors
/// [`Error::Stats`].
pub(crate) fn interval(
    runs: &[&RunResult],
    others: &[&RunResult],
    at: At,
    plan: &Bootstrap,
) -> Result<Option<(f64, f64)>, Error> {
    let all: Vec<&RunResult> = runs.iter().chain(others).copied().collect();
    let mut groups: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (i, result) in all.iter().enumerate() {
        let Some(ranked) = result.ranked(at) else { return Ok(None) };
        for (performance, sums) in totals(ranked, 10) {
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
