//! The stage that puts intervals around the scores of a run.

use hit_stage::{Context, Seed, Stage, StageError};
use hit_stats::{Measurement, grouped};
use serde::Serialize;

use crate::{BootstrapSpec, Error, Ranked, s_of_totals, totals};

/// A statistic of hits from audio to MIDI, hits from MIDI to audio, and queries.
type Statistic = fn(&[f64]) -> f64;

/// Scores that get an interval, as functions of the hits at 10.
const STATISTICS: [(&str, Statistic); 3] =
    [("s", s_of_totals), ("r10_a2m", |t| 100.0 * t[0] / t[2]), ("r10_m2a", |t| 100.0 * t[1] / t[2])];

/// Adds intervals to S and R@10 of the selected epoch (spec 9.6): `intervals/<run>`.
///
/// Inputs: `measurements` and `ranks` of [`crate::Retrieve`]. Output: `measurements`, the same rows. It stands apart from
/// the ranking so that another number of resamples changes no selection and retrains nothing.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Intervals {
    /// How they are drawn.
    pub bootstrap: BootstrapSpec,
    /// Root seed of the resamples.
    pub seed: u64,
}

impl Stage for Intervals {
    const KIND: &'static str = "intervals";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["measurements"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        self.bootstrap.check()?;
        let mut rows = Measurement::read(&cx.file("measurements")?.path).map_err(Error::from)?;
        let ranked = Ranked::read(&cx.file("ranks")?.path)?;
        let groups: Vec<Vec<f64>> = totals(&ranked, 10).into_values().map(Vec::from).collect();
        let plan = self.bootstrap.plan(Seed::derive(self.seed, Self::KIND, "bootstrap"));
        for (metric, statistic) in STATISTICS {
            // Queries from a single performance say nothing of others: no interval.
            let interval = match groups.len() {
                0 | 1 => None,
                _ => Some(grouped(&groups, &plan, statistic).map_err(Error::from)?),
            };
            let selected = |row: &&mut Measurement| row.metric == metric && row.condition.ends_with("selected");
            for row in rows.iter_mut().filter(selected) {
                row.interval = interval;
            }
        }
        cx.write("measurements", Measurement::to_csv(&rows).map_err(Error::from)?)
    }
}
