//! The table of everything measured.

use std::collections::BTreeMap;

use hit_stage::{Context, Opened, Stage, StageError};
use hit_stats::Measurement;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Puts all tables of measurements into one: `measurements`, exported as `results/<profile>/measurements.csv`.
///
/// Inputs: all whose name ends in `/measurements`. Output: `measurements`, sorted, each cell once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Measurements {}

impl Stage for Measurements {
    const KIND: &'static str = "measurements";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["measurements"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let mut tables = Vec::new();
        for (name, opened) in &cx.inputs {
            match opened {
                Opened::File(file) if name.ends_with("/measurements") => {
                    tables.push((name.as_str(), Measurement::read(&file.path).map_err(Error::from)?));
                }
                _ => {}
            }
        }
        check_cells(&tables)?;
        let rows: Vec<_> = tables.into_iter().flat_map(|(_, rows)| rows).collect();
        cx.write("measurements", Measurement::to_csv(&rows).map_err(Error::from)?)
    }
}

/// Whether each cell comes from one input.
fn check_cells(tables: &[(&str, Vec<Measurement>)]) -> Result<(), Error> {
    let mut origin = BTreeMap::new();
    for (name, rows) in tables {
        for row in rows {
            if let Some(first) = origin.insert(row.cell(), *name) {
                let (stage, arm, schedule, seed, condition, metric) = row.cell();
                let seed = seed.map(|seed| seed.to_string()).unwrap_or_default();
                let cell = [stage, arm, schedule, &seed, condition, metric].join("/");
                return Err(Error::Twice { cell, first: first.to_owned(), second: (*name).to_owned() });
            }
        }
    }
    Ok(())
}
