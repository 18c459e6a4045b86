//! Published numbers that this campaign computes the same quantity of and that no other table has a place for, beside ours.

use super::{TableDef, interval_head};
use crate::error::Error;
use crate::facts::source_word;
use crate::latex::Format;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "compare",
    number: None,
    title: "Published against ours",
    inputs: &[Input::Measurements, Input::Published, Input::Compare],
    build,
};

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let (facts, frame, published) = (&sources.facts, sources.frame()?, sources.published()?);
    let mut sheet = Sheet::new(vec![
        Column::new("quantity", "Quantity", Align::Wrap(43)),
        Column::new("unit", "Unit", Align::Left),
        Column::new("published", "Published", Align::Right),
        Column::new("ours", "Ours", Align::Right),
        Column::new("ours_interval", &interval_head(facts), Align::Right),
        Column::new("difference", "Difference", Align::Right),
        Column::new("corpus", "Corpus", Align::Left),
        Column::new("source", "Source", Align::Wrap(23)),
    ]);
    sheet.long = Some("comparecaption");
    let mut group = "";
    let compare = sources.compare()?;
    for entry in compare.compare.iter().filter(|entry| entry.table.is_none()) {
        let Some(ours) = entry.ours(facts, frame)? else { continue };
        if entry.group != group {
            group = &entry.group;
            sheet.group(group);
        }
        let leaf = published.get(&entry.published)?;
        let format = entry.format(&leaf.unit);
        let theirs = leaf.number();
        let number = |value: Option<f64>, format| value.map_or(Cell::Missing, |value| Cell::Number(value, format));
        // counts and chance levels do not depend on the corpus, but on the profile's model and pool
        let corpus = if entry.measurement.is_some() { source_word(facts.corpus.audio) } else { "none" };
        sheet.row(vec![
            Cell::text(&entry.quantity),
            Cell::text(&leaf.unit),
            number(theirs, format),
            Cell::Number(ours.value, format),
            ours.interval.map_or(Cell::Missing, |interval| Cell::Interval(interval, format)),
            // a difference of values of different experiments would be a number without a meaning
            number(theirs.filter(|_| facts.comparable()).map(|theirs| ours.value - theirs), signed(format)),
            Cell::text(corpus),
            Cell::text(&leaf.source),
        ]);
    }
    compare.notes().for_each(|note| sheet.note(note));
    Ok(sheet)
}

/// The format of a difference of two such numbers.
fn signed(format: Format) -> Format {
    match format {
        Format::Fixed(decimals) => Format::Signed(decimals),
        Format::PValue => Format::Signed(4),
        other => other,
    }
}
