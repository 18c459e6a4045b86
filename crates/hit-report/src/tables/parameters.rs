//! The arms: what each is given, how, how many parameters it has, and what a forward pass costs.

use super::{TableDef, arm_cell};
use crate::error::Error;
use crate::latex::Format;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "parameters",
    number: None,
    title: "Arms, injected descriptors, parameter counts and costs",
    inputs: &[Input::Published, Input::Compare],
    build,
};

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let facts = &sources.facts;
    let mut sheet = Sheet::new(vec![
        Column::new("arm", "Arm", Align::Left),
        Column::new("family", "Family", Align::Left),
        Column::new("injections", "Injections", Align::Wrap(52)),
        Column::new("parameters", "Parameters", Align::Right),
        Column::new("trainable", "Trained", Align::Right),
        Column::new("published", "Published", Align::Right),
        Column::new("audio_tokens", "Tokens", Align::Right),
        Column::new("gflop", "GFLOP", Align::Right),
    ]);
    for arm in &facts.arms {
        let each = arm.descriptors.iter().zip(&arm.mechanisms);
        let injections = each.map(|(descriptor, mechanism)| format!("{descriptor} {}", mechanism.replace('_', " ")));
        let injections = injections.collect::<Vec<_>>().join(", ");
        let entry = sources.compare()?.compare.iter().find(|entry| entry.parameters.as_ref() == Some(&arm.id));
        let published = entry.map(|entry| sources.published()?.get(&entry.published)).transpose()?;
        let published = published.and_then(crate::published::Leaf::number);
        sheet.row(vec![
            arm_cell(facts, &arm.id),
            Cell::text(&arm.family),
            Cell::text(if injections.is_empty() { "none".to_owned() } else { injections }),
            Cell::Number(arm.parameters as f64, Format::Count),
            Cell::Number(arm.trainable as f64, Format::Count),
            published.map_or(Cell::Missing, |value| Cell::Number(value, Format::Count)),
            Cell::Number(arm.audio_tokens as f64, Format::Count),
            Cell::Number(arm.flops as f64 / 1e9, Format::Significant(3)),
        ]);
    }
    sheet.note(format!(
        "Tokens: what the audio Transformer sees of a window. GFLOP: a forward pass over one window with {} notes, a \
         multiplication with its addition counted as two.",
        facts.flops_notes
    ));
    Ok(sheet)
}
