//! Replication: arms over training seeds.

use std::collections::BTreeMap;

use hit_retrieval::BootstrapSpec;
use hit_stage::{Context, Seed, Stage, StageError};
use hit_stats::{Bootstrap, Measurement, Summary, cohen_d, hedges_g, holm, welch};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::runs::{At, RunResult, interval};

/// Compares arms over training seeds (Table 12; spec 8.4, 11): `replication`.
///
/// Inputs: `<run>/measurements`, `<run>/ranks`, `<run>/selection` of each run. Output: `measurements`, rows without a
/// seed, under the conditions of the best epochs (`best`, `best_vs_<other>`) and of the last ones (`last`,
/// `last_vs_<other>`).
///
/// Per arm: `s_mean`, `s_sd` (n − 1), `s_min`, `s_max`; for the best epochs `s_mean` has an interval over performances
/// and `excludes_chance` is 1 if that lies above the chance level of S (of one evaluation, `chance_s`). Per pair of arms of a schedule: `delta_s` (for
/// the best epochs with a paired interval, pooled over seeds), `welch_t`, `welch_df`, `welch_p`, `holm_p` (over all
/// pairs of the schedule), `cohen_d`, `hedges_g`, and `worst_minus_best`: worst seed of the arm minus best seed of the
/// other. A pair is written from the arm that is not the baseline, else from the first by name. Numbers that are not
/// defined (one seed, no spread) have no row.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replication {
    /// Name of the experiment in the measurements: `replication`, or `replication_as_published` if queries were drawn with
    /// the training seed.
    pub stage: String,
    /// Id of the arm that the others are compared with (`D0`).
    pub baseline: String,
    /// Intervals of means and differences.
    pub bootstrap: BootstrapSpec,
    /// Seed of the resampling.
    pub seed: u64,
}

/// The runs of one arm under one schedule.
struct Arm<'a> {
    stage: &'a str,
    id: &'a str,
    schedule: &'a str,
    runs: Vec<&'a RunResult>,
}

impl Arm<'_> {
    /// S of each seed, in the order of seeds.
    fn s(&self, at: At) -> Result<Vec<f64>, Error> {
        self.runs.iter().map(|run| run.row(at, "s").map(|row| row.value)).collect()
    }

    fn row(&self, condition: &str, metric: &str, value: f64, unit: &str) -> Measurement {
        Measurement {
            stage: self.stage.to_owned(),
            arm: self.id.to_owned(),
            schedule: self.schedule.to_owned(),
            seed: None,
            condition: condition.to_owned(),
            metric: metric.to_owned(),
            value,
            unit: unit.to_owned(),
            n: Some(self.runs.len() as u64),
            interval: None,
        }
    }
}

impl Stage for Replication {
    const KIND: &'static str = "replication";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["measurements"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        self.bootstrap.check().map_err(Error::from)?;
        let results = RunResult::read_all(cx)?;
        let plan = self.bootstrap.plan(Seed::derive(self.seed, Self::KIND, "bootstrap"));
        let mut rows = Vec::new();
        for arms in self.schedules(&results)? {
            for arm in &arms {
                cx.checkpoint()?;
                rows.extend(own_rows(arm, &plan)?);
            }
            for at in At::BOTH {
                cx.checkpoint()?;
                rows.extend(self.pairs(&arms, at, &plan)?);
            }
        }
        cx.write("measurements", Measurement::to_csv(&rows).map_err(Error::from)?)
    }
}

/// What the arm reached.
fn own_rows(arm: &Arm, plan: &Bootstrap) -> Result<Vec<Measurement>, Error> {
    let mut rows = Vec::new();
    for at in At::BOTH {
        let summary = Summary::of(&arm.s(at)?)?;
        let mut mean = arm.row(at.name(), "s_mean", summary.mean, "%");
        mean.interval = interval(&arm.runs, &[], at, plan)?;
        if let Some((low, _)) = mean.interval {
            // It is that of the pools, whatever the epoch.
            let chance = arm.runs[0].row(At::Best, "chance_s")?.value;
            rows.push(arm.row(at.name(), "excludes_chance", f64::from(u8::from(low > chance)), ""));
        }
        rows.push(mean);
        rows.extend(summary.sd.map(|sd| arm.row(at.name(), "s_sd", sd, "pp")));
        rows.push(arm.row(at.name(), "s_min", summary.min, "%"));
        rows.push(arm.row(at.name(), "s_max", summary.max, "%"));
    }
    Ok(rows)
}

impl Replication {
    /// The arms of each schedule, sorted.
    fn schedules<'a>(&'a self, results: &'a [RunResult]) -> Result<Vec<Vec<Arm<'a>>>, Error> {
        let mut schedules: BTreeMap<&str, BTreeMap<&str, Vec<&RunResult>>> = BTreeMap::new();
        for result in results {
            let arms = schedules.entry(&result.run.schedule).or_default();
            arms.entry(&result.run.arm).or_default().push(result);
        }
        let with_baseline = |(schedule, arms): (&'a str, BTreeMap<&'a str, Vec<&'a RunResult>>)| {
            if !arms.contains_key(self.baseline.as_str()) {
                let compared = arms.keys().map(|arm| format!("{arm}@{schedule}")).collect::<Vec<_>>().join("`, `");
                return Err(Error::NoBaseline { compared, baseline: self.baseline.clone(), and_seed: "" });
            }
            Ok(arms.into_iter().map(|(id, runs)| Arm { stage: &self.stage, id, schedule, runs }).collect())
        };
        schedules.into_iter().map(with_baseline).collect()
    }

    /// All pairs of arms of a schedule.
    fn pairs(&self, arms: &[Arm], at: At, plan: &Bootstrap) -> Result<Vec<Measurement>, Error> {
        let mut rows = Vec::new();
        let mut tested = Vec::new();
        for (i, first) in arms.iter().enumerate() {
            for second in &arms[i + 1..] {
                let turned = first.id == self.baseline;
                let (arm, other) = if turned { (second, first) } else { (first, second) };
                let (pair, p) = compared(arm, other, at, plan)?;
                rows.extend(pair);
                tested.extend(p.map(|p| (arm, other, p)));
            }
        }
        let adjusted = holm(&tested.iter().map(|(_, _, p)| *p).collect::<Vec<_>>())?;
        for ((arm, other, _), p) in tested.into_iter().zip(adjusted) {
            rows.push(between(arm, other, at, "holm_p", p, ""));
        }
        Ok(rows)
    }
}

/// A number of a pair; its n counts the seeds of both.
fn between(arm: &Arm, other: &Arm, at: At, metric: &str, value: f64, unit: &str) -> Measurement {
    let n = Some((arm.runs.len() + other.runs.len()) as u64);
    Measurement { n, ..arm.row(&at.versus(other.id), metric, value, unit) }
}

/// What sets two arms apart, and p of the test if there is one.
fn compared(arm: &Arm, other: &Arm, at: At, plan: &Bootstrap) -> Result<(Vec<Measurement>, Option<f64>), Error> {
    let row = |metric: &str, value, unit| between(arm, other, at, metric, value, unit);
    let (ours, theirs) = (Summary::of(&arm.s(at)?)?, Summary::of(&other.s(at)?)?);
    let mut delta = row("delta_s", ours.mean - theirs.mean, "pp");
    delta.interval = interval(&arm.runs, &other.runs, at, plan)?;
    let mut rows = vec![delta, row("worst_minus_best", ours.min - theirs.max, "pp")];
    let (Ok(a), Ok(b)) = (ours.moments(), theirs.moments()) else {
        return Ok((rows, None));
    };
    let Ok(test) = welch(&a, &b) else {
        return Ok((rows, None));
    };
    rows.extend([("welch_t", test.t), ("welch_df", test.df), ("welch_p", test.p)].map(|(name, v)| row(name, v, "")));
    rows.push(row("cohen_d", cohen_d(&a, &b)?, ""));
    rows.push(row("hedges_g", hedges_g(&a, &b)?, ""));
    Ok((rows, Some(test.p)))
}
