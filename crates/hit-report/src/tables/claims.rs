//! What the paper claims and how it comes out here; failures are printed as plainly as successes.

use hit_claims::{Ours, Power, Verdict};

use super::TableDef;
use crate::error::Error;
use crate::latex::Format;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "claims",
    number: None,
    title: "Claims of the paper and their outcome here",
    inputs: &[Input::Claims],
    build,
};

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let mut sheet = Sheet::new(vec![
        Column::new("claim", "Claim", Align::Wrap(44)),
        Column::new("stated", "Stated", Align::Wrap(16)),
        Column::new("form", "Form", Align::Left),
        Column::new("published", "Published", Align::Right),
        Column::new("ours", "Ours", Align::Right),
        Column::new("ours_interval", "interval", Align::Right),
        Column::new("power", "Power", Align::Right),
        Column::new("outcome", "Outcome", Align::Wrap(17)),
    ]);
    sheet.long = Some("claimscaption");
    let mut group = "";
    for verdict in sources.claims()? {
        if verdict.group != group {
            group = &verdict.group;
            sheet.group(group);
        }
        sheet.row(row(verdict));
    }
    Ok(sheet)
}

fn row(verdict: &Verdict) -> Vec<Cell> {
    let ours = verdict.ours.as_ref();
    let number = |value: f64| Cell::Number(value, format(ours));
    let power = |power: &Power| power.at_effect.map(|share| Cell::Number(100.0 * share, Format::Fixed(0)));
    let interval = |ours: &Ours| ours.interval.map(|interval| Cell::Interval(interval, format(Some(ours))));
    vec![
        Cell::text(&verdict.text),
        Cell::text(&verdict.stated),
        Cell::text(verdict.form.words()),
        verdict.published.map_or(Cell::Missing, |value| match ours {
            Some(_) => number(value),
            None => Cell::Number(value, Format::Shortest),
        }),
        ours.map_or(Cell::Missing, |ours| number(ours.value)),
        ours.and_then(interval).unwrap_or(Cell::Missing),
        verdict.power.as_ref().and_then(power).unwrap_or(Cell::Missing),
        Cell::text(verdict.outcome.words()),
    ]
}

/// Points with one decimal, everything else with the digits that tell it apart.
fn format(ours: Option<&Ours>) -> Format {
    match ours.map(|ours| ours.unit.as_str()) {
        Some("%" | "pp") => Format::Fixed(1),
        _ => Format::Significant(3),
    }
}
