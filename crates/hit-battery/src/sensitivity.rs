//! How far an embedding moves when one dim of a descriptor is offset (test 08).

use std::collections::BTreeMap;

use hit_schema::{Embeddings, RunId};
use hit_stage::{Context, OpenTree, Stage, StageError};
use hit_stats::Measurement;
use serde::{Deserialize, Serialize};

use crate::{Error, NORMAL};

/// Measures how far embeddings move under conditions (spec 10, test 08): `t08`.
///
/// Inputs: `normal/<run>` and `<condition>/<run>`, trees of embeddings of one epoch. Output: `measurements`: per model, condition
/// and encoder `moved_audio`, `moved_midi`, the mean over windows of ‖z' − z‖₂ of embeddings that are not normalised, and
/// `moved_audio_first`, `moved_midi_first` over the first `first` windows, as published.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sensitivity {
    /// Name of the test in the measurements: `t08`.
    pub stage: String,
    /// Windows of the published mean: 20 batches of 16.
    pub first: usize,
}

impl Stage for Sensitivity {
    const KIND: &'static str = "sensitivity";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["measurements"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let mut models: BTreeMap<RunId, BTreeMap<String, String>> = BTreeMap::new();
        for name in cx.inputs.keys() {
            let (condition, run) = name.split_once('/').ok_or(Error::NoRuns)?;
            let run: RunId = run.parse().map_err(Error::from)?;
            models.entry(run).or_default().insert(condition.to_owned(), name.clone());
        }
        if models.is_empty() {
            return Err(Error::NoRuns.into());
        }
        let mut rows = Vec::new();
        for (run, names) in &models {
            let normal = names.get(NORMAL).ok_or_else(|| Error::NoNormal { run: run.to_string() })?;
            let normal = only(cx.tree(normal)?, run)?;
            for (condition, name) in names.iter().filter(|(condition, _)| *condition != NORMAL) {
                cx.checkpoint()?;
                rows.extend(self.rows(run, condition, &normal, &only(cx.tree(name)?, run)?)?);
            }
        }
        cx.write("measurements", Measurement::to_csv(&rows).map_err(Error::from)?)
    }
}

/// The embeddings of the one epoch in a tree.
fn only(tree: &OpenTree, run: &RunId) -> Result<Embeddings, Error> {
    let mut entries = tree.0.values();
    match (entries.next(), entries.next()) {
        (Some(file), None) => Ok(Embeddings::read(&file.path)?),
        _ => Err(Error::OneEpoch { run: run.to_string(), found: tree.0.len() }),
    }
}

impl Sensitivity {
    fn rows(
        &self,
        run: &RunId,
        condition: &str,
        normal: &Embeddings,
        moved: &Embeddings,
    ) -> Result<Vec<Measurement>, Error> {
        if (normal.n_windows(), normal.dims) != (moved.n_windows(), moved.dims) {
            return Err(Error::Shapes { run: run.to_string(), condition: condition.to_owned() });
        }
        let sides = [("audio", &normal.audio, &moved.audio), ("midi", &normal.midi, &moved.midi)];
        let mut rows = Vec::new();
        for (side, before, after) in sides {
            let distances: Vec<f64> =
                before.chunks(normal.dims).zip(after.chunks(normal.dims)).map(|(a, b)| distance(a, b)).collect();
            let first = &distances[..self.first.min(distances.len())];
            for (metric, of) in
                [(format!("moved_{side}"), distances.as_slice()), (format!("moved_{side}_first"), first)]
            {
                rows.push(Measurement {
                    stage: self.stage.clone(),
                    arm: run.arm.clone(),
                    schedule: run.schedule.clone(),
                    seed: Some(run.seed),
                    condition: condition.to_owned(),
                    metric,
                    value: of.iter().sum::<f64>() / of.len().max(1) as f64,
                    unit: String::new(),
                    n: Some(of.len() as u64),
                    interval: None,
                });
            }
        }
        Ok(rows)
    }
}

/// ‖a − b‖₂.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>().sqrt()
}
