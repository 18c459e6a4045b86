//! Trained models under changed inputs: S under each condition beside S without it (Gate 5B).

use std::collections::BTreeMap;

use hit_retrieval::BootstrapSpec;
use hit_schema::RunId;
use hit_stage::{Context, Seed, Stage, StageError};
use hit_stats::Measurement;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::runs::{At, RunResult, interval};

/// Compares retrieval under conditions with retrieval without (spec 10, tests 01, 04, 08, 09): `t01`, `t04`, ...
///
/// Inputs: `normal/<run>/...` of each model and `<condition>/<run>/...` of each condition that it was put under, `...`
/// being `measurements`, `ranks`, `selection`. Output: `measurements`.
///
/// Per model `s` under condition `normal`, and under each condition `s` and `delta_s` (points, paired interval over
/// performances). For each group of `means` whose conditions are all there, `retention`: mean S of these over S without, in
/// percent (test 04: −3 and +3 semitones).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// Name of the test in the measurements: `t01`.
    pub stage: String,
    /// Groups of conditions whose mean is put over S without any, by name.
    pub means: BTreeMap<String, Vec<String>>,
    /// Intervals of differences.
    pub bootstrap: BootstrapSpec,
    /// Seed of the resampling.
    pub seed: u64,
}

/// The condition of unchanged inputs.
pub const NORMAL: &str = "normal";

impl Stage for Conditions {
    const KIND: &'static str = "conditions";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["measurements"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        self.bootstrap.check().map_err(Error::from)?;
        let mut models: BTreeMap<RunId, BTreeMap<String, RunResult>> = BTreeMap::new();
        let names: Vec<&str> = cx.inputs.keys().filter_map(|name| name.strip_suffix("/measurements")).collect();
        for (condition, run) in names.into_iter().filter_map(|name| name.split_once('/')) {
            let result = RunResult::read_under(cx, condition, run)?;
            models.entry(result.run.clone()).or_default().insert(condition.to_owned(), result);
        }
        if models.is_empty() {
            return Err(Error::NoRuns.into());
        }
        let mut rows = Vec::new();
        for (run, results) in &models {
            cx.checkpoint()?;
            rows.extend(self.rows(run, results)?);
        }
        cx.write("measurements", Measurement::to_csv(&rows).map_err(Error::from)?)
    }
}

impl Conditions {
    fn rows(&self, run: &RunId, results: &BTreeMap<String, RunResult>) -> Result<Vec<Measurement>, Error> {
        let normal = results.get(NORMAL).ok_or_else(|| Error::NoNormal { run: run.to_string() })?;
        let plan = self.bootstrap.plan(Seed::derive(self.seed, Self::KIND, "bootstrap"));
        let mut rows = Vec::new();
        let mut s_under = BTreeMap::new();
        for (condition, result) in results {
            result.same_queries(normal)?;
            let s = result.row(At::Best, "s")?.clone();
            s_under.insert(condition.as_str(), s.value);
            let row = Measurement { stage: self.stage.clone(), condition: condition.clone(), ..s };
            if condition != NORMAL {
                rows.push(Measurement {
                    metric: "delta_s".to_owned(),
                    value: row.value - normal.row(At::Best, "s")?.value,
                    unit: "pp".to_owned(),
                    interval: interval(&[result], &[normal], At::Best, &plan)?,
                    ..row.clone()
                });
            }
            rows.push(row);
        }
        let template = normal.row(At::Best, "s")?;
        for (name, conditions) in &self.means {
            let values: Option<Vec<f64>> =
                conditions.iter().map(|condition| s_under.get(condition.as_str()).copied()).collect();
            let Some(values) = values.filter(|values| !values.is_empty() && template.value > 0.0) else { continue };
            rows.push(Measurement {
                stage: self.stage.clone(),
                condition: name.clone(),
                metric: "retention".to_owned(),
                value: 100.0 * values.iter().sum::<f64>() / values.len() as f64 / template.value,
                interval: None,
                ..template.clone()
            });
        }
        Ok(rows)
    }
}
