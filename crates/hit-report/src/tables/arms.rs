//! Arms of a screening against the baseline: what the tables `screening` and `families` have in common.

use super::{arm_cell, arms_of, interval_head, ranked};
use crate::error::Error;
use crate::frame::{Measured, Select};
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::Sources;

/// Stage whose baseline stands in where an experiment has none of its own.
pub(super) const START: &str = "screening";

/// A row: the arm and the experiment that its values come from.
struct Row {
    stage: String,
    arm: String,
    s: Option<Measured>,
}

impl Row {
    fn select(&self, condition: &str, metric: &str) -> Select {
        Select::stage(&self.stage).arm(&self.arm).condition(condition).metric(metric)
    }
}

/// The arms of an experiment, best first: S with interval, difference to the baseline, last epoch, both hard negatives,
/// published S and difference. The baseline of the screening stands among the arms of an experiment without one;
/// `families` adds the column of model families.
pub(super) fn build(sources: &Sources, stage: &str, families: bool) -> Result<Sheet, Error> {
    let (facts, frame) = (&sources.facts, sources.frame()?);
    let mut sheet = Sheet::new(columns(sources, families));
    let versus = format!("best_vs_{}", facts.baseline);
    for row in rows(sources, stage)? {
        let measured = |condition: &str, metric: &str| frame.one(&row.select(condition, metric));
        let cell = |condition: &str, metric: &str| {
            Ok::<_, Error>(Cell::measured(measured(condition, metric)?.as_ref(), metric))
        };
        let published = |condition: &str, metric: &str| {
            let own = row.stage == stage;
            let beside = if own { sources.published_beside(&row.select(condition, metric))? } else { None };
            Ok::<_, Error>(Cell::measured(beside.as_ref(), metric))
        };
        let mut cells = vec![arm_cell(facts, &row.arm)];
        if families {
            cells.push(Cell::text(facts.arm(&row.arm).map(|arm| arm.family.clone()).unwrap_or_default()));
        }
        cells.extend([
            Cell::measured(row.s.as_ref(), "s"),
            Cell::interval(row.s.as_ref(), "s"),
            cell(&versus, "delta_s")?,
            Cell::interval(measured(&versus, "delta_s")?.as_ref(), "delta_s"),
            cell("last", "s")?,
            Cell::interval(measured("last", "s")?.as_ref(), "s"),
            cell("selected", "hard_same_piece")?,
            cell("selected", "hard_random")?,
            published("selected", "s")?,
            published(&versus, "delta_s")?,
        ]);
        sheet.row(cells);
    }
    Ok(sheet)
}

fn columns(sources: &Sources, families: bool) -> Vec<Column> {
    let interval = interval_head(&sources.facts);
    let numbers = [
        ("s", "$S$"),
        ("s_interval", interval.as_str()),
        ("delta_s", "$\\Delta S$"),
        ("delta_s_interval", interval.as_str()),
        ("s_last", "$S$ last"),
        ("s_last_interval", interval.as_str()),
        ("hard_same_piece", "Same piece"),
        ("hard_random", "Random"),
        ("published_s", "$S$ publ."),
        ("published_delta_s", "$\\Delta S$ publ."),
    ];
    let mut columns = vec![Column::new("arm", "Arm", Align::Left)];
    columns.extend(families.then(|| Column::new("family", "Family", Align::Left)));
    columns.extend(numbers.into_iter().map(|(name, head)| Column::new(name, head, Align::Right)));
    columns
}

/// The rows by S, highest first.
fn rows(sources: &Sources, stage: &str) -> Result<Vec<Row>, Error> {
    let (facts, frame) = (&sources.facts, sources.frame()?);
    let mut stages: Vec<(String, String)> =
        arms_of(facts, frame, stage)?.into_iter().map(|arm| (arm, stage.to_owned())).collect();
    let lacks_baseline = !stages.is_empty() && stages.iter().all(|(arm, _)| *arm != facts.baseline);
    if lacks_baseline && arms_of(facts, frame, START)?.contains(&facts.baseline) {
        stages.push((facts.baseline.clone(), START.to_owned()));
    }
    let mut rows = Vec::new();
    for (arm, stage) in stages {
        let mut row = Row { stage, arm, s: None };
        row.s = frame.one(&row.select("selected", "s"))?;
        rows.push(row);
    }
    let order = ranked(rows.iter().map(|row| row.arm.clone()).collect(), |arm| {
        rows.iter().find(|row| row.arm == arm)?.s.as_ref().map(|s| s.value)
    });
    rows.sort_by_key(|row| order.iter().position(|arm| *arm == row.arm));
    Ok(rows)
}
