//! One run an arm: screening, families, confirmation.

use hit_retrieval::BootstrapSpec;
use hit_schema::RunId;
use hit_stage::{Context, Seed, Stage, StageError};
use hit_stats::Measurement;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::runs::{At, RunResult, interval};

/// Compares single runs (Tables 2 to 4; spec 8.2, 8.3): `screening`, `families`, `confirmation`.
///
/// Inputs: `<run>/measurements`, `<run>/ranks`, `<run>/selection` of each run. Output: `measurements`.
///
/// Per run, under condition `best` (epoch with the best S, as published) and `last` (last evaluated epoch): `epoch`,
/// `s`, `hard_same_piece`, `hard_random`. Against the baseline of the same schedule and seed, under `best_vs_<baseline>`
/// and `last_vs_<baseline>`: `delta_s`, `delta_hard_same_piece`, `delta_hard_random` in points; `s` and `delta_s` have intervals (paired for
/// differences), at the last epoch where its ranks were given. If there is a `reference`, the same against that run,
/// whatever its schedule, under `best_vs_<arm>@<schedule>` and `last_vs_...`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Screening {
    /// Name of the experiment in the measurements: `screening`, `families`, `confirmation`.
    pub stage: String,
    /// Arms to report. The baseline may come from another experiment and need not be among them.
    pub arms: Vec<String>,
    /// Id of the arm that the others are compared with (`D0`).
    pub baseline: String,
    /// Run of the baseline that all are also compared with (Table 4: the one the paper chose).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub reference: Option<RunId>,
    /// Intervals of differences.
    pub bootstrap: BootstrapSpec,
    /// Seed of the resampling.
    pub seed: u64,
}

const METRICS: [&str; 3] = ["s", "hard_same_piece", "hard_random"];

impl Stage for Screening {
    const KIND: &'static str = "screening";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["measurements"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        self.bootstrap.check().map_err(Error::from)?;
        let results = RunResult::read_all(cx)?;
        let mut rows = Vec::new();
        for result in &results {
            cx.checkpoint()?;
            if !self.arms.contains(&result.run.arm) {
                continue;
            }
            rows.extend(self.own_rows(result)?);
            if result.run.arm != self.baseline {
                let run = RunId { arm: self.baseline.clone(), ..result.run.clone() };
                rows.extend(self.compared(result, find(&results, &run, &result.run)?, &self.baseline)?);
            }
            if let Some(run) = self.reference.as_ref().filter(|run| **run != result.run) {
                let name = format!("{}@{}", run.arm, run.schedule);
                rows.extend(self.compared(result, find(&results, run, &result.run)?, &name)?);
            }
        }
        cx.write("measurements", Measurement::to_csv(&rows).map_err(Error::from)?)
    }
}

/// The run that `compared` is compared with.
fn find<'a>(results: &'a [RunResult], run: &RunId, compared: &RunId) -> Result<&'a RunResult, Error> {
    results.iter().find(|result| result.run == *run).ok_or_else(|| Error::NoBaseline {
        compared: compared.to_string(),
        baseline: run.arm.clone(),
        and_seed: " and seed",
    })
}

impl Screening {
    /// What the run reached.
    fn own_rows(&self, result: &RunResult) -> Result<Vec<Measurement>, Error> {
        let plan = self.bootstrap.plan(Seed::derive(self.seed, Self::KIND, "bootstrap"));
        let mut rows = Vec::new();
        for at in At::BOTH {
            let condition = at.name().to_owned();
            for metric in METRICS {
                let mut row = result.row(at, metric)?.clone();
                if at == At::Last && metric == "s" {
                    row.interval = interval(&[result], &[], at, &plan)?;
                }
                rows.push(Measurement { stage: self.stage.clone(), condition: condition.clone(), ..row });
            }
            let template = result.row(at, "s")?.clone();
            rows.push(Measurement {
                stage: self.stage.clone(),
                condition,
                metric: "epoch".to_owned(),
                value: result.epoch(at) as f64,
                unit: String::new(),
                n: None,
                interval: None,
                ..template
            });
        }
        Ok(rows)
    }

    /// What sets the run apart from another, which is called `name`.
    fn compared(&self, result: &RunResult, baseline: &RunResult, name: &str) -> Result<Vec<Measurement>, Error> {
        let plan = self.bootstrap.plan(Seed::derive(self.seed, Self::KIND, "bootstrap"));
        let mut rows = Vec::new();
        for at in At::BOTH {
            let paired = interval(&[result], &[baseline], at, &plan)?;
            for metric in METRICS {
                let row = result.row(at, metric)?.clone();
                rows.push(Measurement {
                    stage: self.stage.clone(),
                    condition: at.versus(name),
                    metric: format!("delta_{metric}"),
                    value: row.value - baseline.row(at, metric)?.value,
                    unit: "pp".to_owned(),
                    interval: paired.filter(|_| metric == "s"),
                    ..row
                });
            }
        }
        Ok(rows)
    }
}
