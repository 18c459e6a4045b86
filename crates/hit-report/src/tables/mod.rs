//! Tables: one file a table, one line each in [`TABLES`].

pub(crate) mod ablation;
mod architecture;
mod arms;
mod attractors;
mod audit;
mod bands;
pub(crate) mod battery;
mod catalog;
mod cka;
mod claims;
mod compare;
mod confirmation;
mod controls;
mod corpus;
mod cosines;
mod defects;
mod descriptors;
mod families;
mod hyperparameters;
mod octaves;
mod pairwise;
mod parameters;
mod perturbation;
mod probes;
mod protocols;
mod provenance;
mod replication;
mod run;
mod scoreboard;
mod screening;
mod sizes;
mod summaries;
mod test_split;
mod transposition;
mod variants;

use std::collections::BTreeMap;

use hit_stage::{Context, Stage, StageError};
use serde::Serialize;

use crate::error::Error;
use crate::facts::Facts;
use crate::frame::{Frame, Select};
use crate::latex::Format;
use crate::sheet::{Cell, Sheet};
use crate::sources::{Input, Sources};

pub(crate) use corpus::{counts as corpus_counts, splits as corpus_splits};
pub(crate) use defects::shown as shown_observation;
pub(crate) use variants::{VARIANTS, Variant, seeds_above};

/// A table that can be made.
pub struct TableDef {
    /// Id: the stage is `table/<id>`, the files `tables/<id>.tex` and `.csv`.
    pub id: &'static str,
    /// Its number in the paper; none if the paper has no such table. [`numbers`] has the numbers of all.
    pub number: Option<&'static str>,
    /// What it shows.
    pub title: &'static str,
    /// What it is made from.
    pub inputs: &'static [Input],
    build: fn(&Sources) -> Result<Sheet, Error>,
}

/// All tables, in the order of the paper.
pub const TABLES: &[TableDef] = &[
    run::DEF,
    corpus::DEF,
    descriptors::DEF,
    octaves::DEF,
    defects::DEF,
    parameters::DEF,
    architecture::DEF,
    screening::DEF,
    families::DEF,
    confirmation::DEF,
    replication::DEF,
    variants::DEF,
    pairwise::DEF,
    test_split::DEF,
    scoreboard::DEF,
    ablation::DEF,
    controls::DEF,
    transposition::DEF,
    bands::DEF,
    summaries::DEF,
    perturbation::DEF,
    probes::DEF,
    cka::DEF,
    cosines::DEF,
    compare::DEF,
    protocols::DEF,
    catalog::DEF,
    attractors::DEF,
    sizes::CNN,
    sizes::AUDIO_TRANSFORMER,
    sizes::MIDI_EMBEDDING,
    sizes::MIDI_TRANSFORMER,
    hyperparameters::DEF,
    claims::DEF,
    audit::DEF,
    provenance::DEF,
];

/// Numbers of all tables by id, as printed: that of the paper, or `R1`, `R2`, ... in the order of [`TABLES`] where the
/// paper has no such table.
pub fn numbers() -> BTreeMap<&'static str, String> {
    numbered(TABLES.iter().map(|def| (def.id, def.number)))
}

/// Numbers by id; those without one are counted by themselves.
pub(crate) fn numbered(
    defs: impl Iterator<Item = (&'static str, Option<&'static str>)>,
) -> BTreeMap<&'static str, String> {
    let mut others = 0;
    let mut number = |number: Option<&'static str>| {
        number.map_or_else(
            || {
                others += 1;
                format!("R{others}")
            },
            str::to_owned,
        )
    };
    defs.map(|(id, of_paper)| (id, number(of_paper))).collect()
}

/// The table of that id.
///
/// # Errors
/// [`Error::Unknown`] with the ids there are.
pub fn table(id: &str) -> Result<&'static TableDef, Error> {
    TABLES.iter().find(|def| def.id == id).ok_or_else(|| Error::Unknown {
        kind: "table",
        id: id.to_owned(),
        known: TABLES.iter().map(|def| def.id).collect::<Vec<_>>().join(", "),
    })
}

/// Stage `table/<id>`: outputs `tex` (a `tabular` or `longtable`) and `csv` (the same cells).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// Id of the table.
    pub id: String,
    /// Facts about the campaign.
    pub facts: Facts,
}

impl Stage for Table {
    const KIND: &'static str = "table";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["tex", "csv"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let def = table(&self.id)?;
        let sources = Sources::read(def.id, &self.facts, def.inputs, cx)?;
        let sheet = (def.build)(&sources)?;
        cx.write("tex", sheet.tex())?;
        cx.write("csv", sheet.csv())
    }
}

/// Arms of an experiment in the order of the configuration, then any others that have measurements.
fn arms_of(facts: &Facts, frame: &Frame, stage: &str) -> Result<Vec<String>, Error> {
    let measured = frame.filter(&Select::stage(stage))?.distinct("arm")?;
    let planned = facts.experiment(stage).map(|experiment| experiment.arms.clone()).unwrap_or_default();
    for arm in &measured {
        if !arm.is_empty() && facts.arm(arm).is_none() {
            return Err(Error::UnknownArm(arm.clone()));
        }
    }
    let mut arms: Vec<String> = planned;
    arms.extend(measured);
    let mut seen = Vec::new();
    for arm in arms.into_iter().filter(|arm| !arm.is_empty()) {
        if !seen.contains(&arm) {
            seen.push(arm);
        }
    }
    seen.sort_by_key(|arm| facts.arm_idx(arm));
    Ok(seen)
}

/// LaTeX head of a column of intervals: their level.
fn interval_head(facts: &Facts) -> String {
    format!("{}\\,\\%", Format::Fixed(0).plain(100.0 * facts.retrieval.level))
}

/// The arms by a value, highest first; those without it last. Equal values keep the order of the configuration.
fn ranked(arms: Vec<String>, value: impl Fn(&str) -> Option<f64>) -> Vec<String> {
    let mut keyed: Vec<_> = arms.into_iter().map(|arm| (value(&arm).unwrap_or(f64::NEG_INFINITY), arm)).collect();
    keyed.sort_by(|a, b| b.0.total_cmp(&a.0));
    keyed.into_iter().map(|(_, arm)| arm).collect()
}

/// The cell that names an arm, marked if the arm is not the paper's.
fn arm_cell(facts: &Facts, id: &str) -> Cell {
    if facts.arm(id).is_some_and(|arm| arm.extra) { Cell::Marked(id.to_owned()) } else { Cell::text(id) }
}

#[cfg(test)]
pub(crate) mod battery_tests;
#[cfg(test)]
mod tests;
