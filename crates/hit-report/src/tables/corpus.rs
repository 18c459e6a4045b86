//! The corpus by split: performances, windows, notes, composers, hours, and what was skipped.

use std::collections::BTreeSet;

use hit_schema::{Performance, SplitIndex};

use super::TableDef;
use crate::error::Error;
use crate::latex::Format;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef =
    TableDef { id: "corpus", number: None, title: "Corpus by split", inputs: &[Input::Indices], build };

/// More skipped performances than this are counted and not listed.
const MAX_LISTED: usize = 6;

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let mut sheet = Sheet::new(vec![
        Column::new("split", "Split", Align::Left),
        Column::new("performances", "Performances", Align::Right),
        Column::new("skipped", "Skipped", Align::Right),
        Column::new("windows", "Windows", Align::Right),
        Column::new("notes", "Notes", Align::Right),
        Column::new("composers", "Composers", Align::Right),
        Column::new("hours", "Hours", Align::Right),
    ]);
    let mut skipped = Vec::new();
    for index in splits(sources)? {
        sheet.row(row(index));
        skipped.extend(index.performances.iter().filter_map(|p| Some(format!("{}: {}", p.id, p.skipped.as_ref()?))));
    }
    match skipped.len() {
        0 => {}
        n if n > MAX_LISTED => {
            sheet.note(format!("{n} performances were skipped; corpus.csv lists them with reasons."));
        }
        _ => sheet.note(format!("Skipped: {}.", skipped.join("; "))),
    }
    Ok(sheet)
}

/// Splits in the usual order; further ones after them.
pub(crate) fn splits(sources: &Sources) -> Result<Vec<&SplitIndex>, Error> {
    let mut indices: Vec<_> = sources.indices()?.values().collect();
    let order = ["train", "validation", "test"];
    indices.sort_by_key(|index| order.iter().position(|split| *split == index.split).unwrap_or(order.len()));
    Ok(indices)
}

/// Counts of a split: used and skipped performances, windows, notes, composers, and hours of the used ones.
pub(crate) fn counts(index: &SplitIndex) -> [(&'static str, f64); 6] {
    let used: Vec<&Performance> = index.performances.iter().filter(|p| p.skipped.is_none()).collect();
    let composers: BTreeSet<&str> = used.iter().map(|p| p.composer.as_str()).collect();
    [
        ("performances", used.len() as f64),
        ("skipped", (index.performances.len() - used.len()) as f64),
        ("windows", index.n_windows() as f64),
        ("notes", used.iter().map(|p| p.n_notes).sum::<usize>() as f64),
        ("composers", composers.len() as f64),
        ("hours", used.iter().map(|p| p.duration_s).sum::<f64>() / 3600.0),
    ]
}

fn row(index: &SplitIndex) -> Vec<Cell> {
    let format = |name: &str| if name == "hours" { Format::Fixed(2) } else { Format::Count };
    let numbers = counts(index).into_iter().map(|(name, value)| Cell::Number(value, format(name)));
    std::iter::once(Cell::text(&index.split)).chain(numbers).collect()
}
