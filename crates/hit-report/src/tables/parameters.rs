//! The arms: what each is given, how, and how many parameters it has.

use super::TableDef;
use crate::error::Error;
use crate::latex::Format;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "parameters",
    title: "Arms, injected descriptors and parameter counts",
    inputs: &[Input::Published, Input::Compare],
    build,
};

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let mut sheet = Sheet::new(vec![
        Column::new("arm", "Arm", Align::Left),
        Column::new("descriptors", "Descriptors", Align::Left),
        Column::new("mechanisms", "Mechanisms", Align::Left),
        Column::new("parameters", "Parameters", Align::Right),
        Column::new("trainable", "of these trained", Align::Right),
        Column::new("published", "Published", Align::Right),
    ]);
    for arm in &sources.facts.arms {
        let words = |items: &[String]| Cell::text(if items.is_empty() { "none".to_owned() } else { items.join(", ") });
        let entry = sources.compare()?.compare.iter().find(|entry| entry.parameters.as_ref() == Some(&arm.id));
        let published = entry.map(|entry| sources.published()?.get(&entry.published)).transpose()?;
        let published = published.and_then(crate::published::Leaf::number);
        sheet.row(vec![
            Cell::text(&arm.id),
            words(&arm.descriptors),
            words(&arm.mechanisms),
            Cell::Number(arm.parameters as f64, Format::Count),
            Cell::Number(arm.trainable as f64, Format::Count),
            published.map_or(Cell::Missing, |value| Cell::Number(value, Format::Count)),
        ]);
    }
    Ok(sheet)
}
