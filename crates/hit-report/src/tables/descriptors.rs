//! The descriptors: what each is, and which arms are given it.

use super::TableDef;
use crate::error::Error;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::Sources;

pub(super) const DEF: TableDef = TableDef {
    id: "descriptors",
    number: None,
    title: "Descriptors and the arms that are given them",
    inputs: &[],
    build,
};

/// More arms than this are counted and not named; the table of the arms says of each what it is given.
const MAX_NAMED: usize = 6;

#[expect(clippy::unnecessary_wraps, reason = "the type of every table")]
fn build(sources: &Sources) -> Result<Sheet, Error> {
    let facts = &sources.facts;
    let mut sheet = Sheet::new(vec![
        Column::new("descriptor", "", Align::Left),
        Column::new("title", "Descriptor", Align::Wrap(34)),
        Column::new("shape", "Shape", Align::Left),
        Column::new("formula", "Definition", Align::Wrap(74)),
        Column::new("source", "Source", Align::Wrap(24)),
        Column::new("arms", "Arms", Align::Wrap(34)),
    ]);
    for descriptor in &facts.descriptors {
        let given = |arm: &&crate::ArmFacts| arm.descriptors.iter().any(|id| id.eq_ignore_ascii_case(&descriptor.id));
        let arms: Vec<&str> = facts.arms.iter().filter(given).map(|arm| arm.id.as_str()).collect();
        let arms = match arms.len() {
            0 => "none".to_owned(),
            n if n > MAX_NAMED => format!("{n} arms"),
            _ => arms.join(", "),
        };
        sheet.row(vec![
            Cell::text(descriptor.id.to_uppercase()),
            Cell::text(&descriptor.title),
            Cell::text(descriptor.shape.replace(" x ", " × ")),
            Cell::text(&descriptor.formula),
            Cell::text(&descriptor.source),
            Cell::text(arms),
        ]);
    }
    Ok(sheet)
}
