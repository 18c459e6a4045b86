//! Test 06: how similar the layers of both encoders are, beside Table 8 of the paper.

use super::TableDef;
use super::battery::{Battery, Model, finished, published};
use crate::error::Error;
use crate::latex::Format;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "cka",
    number: Some("8"),
    title: "Similarity of the layers of both encoders",
    inputs: &[Input::Measurements, Input::Published],
    build,
};

const STAGE: &str = "t06";
/// How a similarity is written, as in Table 8.
const SIMILARITY: Format = Format::Fixed(3);
/// Condition, and how it is written.
const FORMS: [(&str, &str); 2] = [("sampled", "ours"), ("published", "ours, first windows")];
/// Metric and LaTeX head.
const METRICS: [(&str, &str); 5] = [
    ("cka_mean", "CKA mean"),
    ("cka_max", "largest"),
    ("cka_debiased_mean", "debiased"),
    ("cka_null_mean", "unrelated"),
    ("rsa_mean", "RSA mean"),
];

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let battery = Battery::read(sources, STAGE)?;
    let mut columns = vec![Column::new("form", "", Align::Left)];
    columns.extend(METRICS.map(|(name, head)| Column::new(name, head, Align::Right)));
    let gain = format!("to {} (\\%)", crate::latex::escape(&sources.facts.baseline));
    columns.push(Column::new("cka_gain", &gain, Align::Right));
    let mut sheet = Sheet::new(columns);
    for model in &battery.models {
        sheet.group(battery.label(model));
        for (condition, words) in FORMS {
            let mut cells = vec![Cell::text(words)];
            for (metric, _) in METRICS {
                let found = battery.one(model, condition, metric)?;
                cells.push(found.map_or(Cell::Missing, |found| Cell::Number(found.value, SIMILARITY)));
            }
            cells.push(gain_of(sources, &battery, model, condition)?);
            if cells[1..].iter().any(|cell| *cell != Cell::Missing) {
                sheet.row(cells);
            }
        }
        for cells in printed(sources, &model.arm)? {
            sheet.row(cells);
        }
    }
    Ok(finished(sheet))
}

/// How far the mean is above that of the baseline, in percent of it. The baseline has none to itself.
fn gain_of(sources: &Sources, battery: &Battery, model: &Model, condition: &str) -> Result<Cell, Error> {
    let baseline = battery.models.iter().find(|other| other.arm == sources.facts.baseline);
    let Some(baseline) = baseline.filter(|_| model.arm != sources.facts.baseline) else { return Ok(Cell::text("")) };
    let metric = METRICS[0].0;
    let (ours, other) = (battery.one(model, condition, metric)?, battery.one(baseline, condition, metric)?);
    let gain = ours.zip(other.filter(|other| other.value > 0.0));
    Ok(gain.map_or(Cell::Missing, |(ours, other)| {
        Cell::Number(100.0 * (ours.value / other.value - 1.0), Format::Signed(0))
    }))
}

/// The row of Table 8, and what the authors' report has in place of its RSA (inconsistencies 6.8).
fn printed(sources: &Sources, arm: &str) -> Result<Vec<Vec<Cell>>, Error> {
    let cell = |column: &str, format| published(sources, &format!("table08_cka.{arm}.{column}"), format);
    let none = || Cell::text("");
    let table = vec![
        Cell::text("published"),
        cell("cka_mean", SIMILARITY)?,
        none(),
        none(),
        none(),
        cell("rsa_mean", SIMILARITY)?,
        if arm == sources.facts.baseline { none() } else { cell("gain_vs_D0", Format::Signed(0))? },
    ];
    let mut report = vec![Cell::text("published, run files")];
    report.extend(vec![none(); METRICS.len() - 1]);
    report.extend([cell("rsa_mean_report", SIMILARITY)?, none()]);
    let numbers = |cells: &Vec<Cell>| cells.iter().any(|cell| matches!(cell, Cell::Number(..)));
    Ok([table, report].into_iter().filter(numbers).collect())
}
