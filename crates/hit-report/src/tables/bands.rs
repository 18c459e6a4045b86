//! Test 08: single values of a descriptor's rows raised or set to zero, beside Table 9 of the paper.

use std::collections::BTreeMap;

use super::battery::{Battery, Condition, Model, NORMAL, finished, note_others, published};
use super::{TableDef, interval_head};
use crate::error::Error;
use crate::latex::Format;
use crate::published::LeafValue;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "bands",
    number: Some("9"),
    title: "Single values of a descriptor: how far embeddings move, what S loses",
    inputs: &[Input::Measurements, Input::Published],
    build,
};

const STAGE: &str = "t08";
/// Kind of the condition that raises a value, and of the one that sets it to zero.
const KINDS: [&str; 2] = ["offset", "zero_dim"];
/// Metric and LaTeX head.
const MOVED: [(&str, &str); 4] = [
    ("moved_audio", "audio, all"),
    ("moved_audio_first", "first"),
    ("moved_midi", "MIDI, all"),
    ("moved_midi_first", "first"),
];
/// How distances are written, as in Table 9.
const DISTANCE: Format = Format::Fixed(3);
/// Descriptor of Table 9.
const PRINTED: &str = "a4";

/// Values of the rows of one descriptor, each with what was done to it.
type Dims = BTreeMap<u32, BTreeMap<String, String>>;

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let battery = Battery::read(sources, STAGE)?;
    let interval = interval_head(&sources.facts);
    let mut columns = vec![Column::new("value", "Value", Align::Left)];
    columns.extend(MOVED.map(|(name, head)| Column::new(name, head, Align::Right)));
    columns.extend([
        Column::new("published_moved_audio_first", "publ.", Align::Right),
        Column::new("s", "$S$ at zero", Align::Right),
        Column::new("s_interval", &interval, Align::Right),
        Column::new("delta_s", "$\\Delta S$", Align::Right),
        Column::new("delta_s_interval", &interval, Align::Right),
    ]);
    let mut sheet = Sheet::new(columns);
    let mut others = Vec::new();
    for model in &battery.models {
        for (descriptor, dims) in descriptors(&battery, model, &mut others)? {
            sheet.group(format!("{}: {}", battery.label(model), descriptor.to_uppercase()));
            for (dim, conditions) in &dims {
                sheet.row(row(sources, &battery, model, (&descriptor, *dim), conditions)?);
            }
            if let Some(cells) = halves(sources, &battery, model, &descriptor, &dims)? {
                sheet.row(cells);
            }
        }
    }
    for model in &battery.models {
        if let Some(note) = run_files(sources, &model.arm) {
            sheet.note(note);
        }
    }
    note_others(&mut sheet, others);
    Ok(finished(sheet))
}

/// The descriptors of a model whose values were changed; conditions that are something else go to `others`.
fn descriptors(battery: &Battery, model: &Model, others: &mut Vec<String>) -> Result<BTreeMap<String, Dims>, Error> {
    let mut conditions: Vec<Condition> = battery.conditions(Some(model), "s")?;
    conditions.extend(battery.conditions(Some(model), MOVED[0].0)?);
    let mut found: BTreeMap<String, Dims> = BTreeMap::new();
    for condition in conditions.into_iter().filter(|condition| condition.name != NORMAL) {
        match condition.dim().filter(|_| KINDS.contains(&condition.kind.as_str())) {
            Some((dim, descriptor)) => {
                let dims = found.entry(descriptor.to_owned()).or_default();
                dims.entry(dim).or_default().insert(condition.kind.clone(), condition.name.clone());
            }
            None => others.push(condition.name),
        }
    }
    Ok(found)
}

fn row(
    sources: &Sources,
    battery: &Battery,
    model: &Model,
    (descriptor, dim): (&str, u32),
    conditions: &BTreeMap<String, String>,
) -> Result<Vec<Cell>, Error> {
    let [offset, zero] = KINDS.map(|kind| conditions.get(kind));
    let mut cells = vec![Cell::text(dim.to_string())];
    for (metric, _) in MOVED {
        let moved = offset.map(|offset| battery.one(model, offset, metric)).transpose()?.flatten();
        cells.push(moved.map_or(Cell::Missing, |moved| Cell::Number(moved.value, DISTANCE)));
    }
    cells.push(match descriptor {
        PRINTED => published(sources, &format!("table09_bands.{}.band{dim}", model.arm), DISTANCE)?,
        _ => Cell::Missing,
    });
    for metric in ["s", "delta_s"] {
        let pair = zero.map(|zero| battery.pair(model, zero, metric)).transpose()?;
        cells.extend(pair.unwrap_or([Cell::Missing, Cell::Missing]));
    }
    Ok(cells)
}

/// The upper half of the bands over the lower one, for the statement that the upper ones carry several times as much
/// (inconsistencies 6.10). None unless the descriptor is that of Table 9 with all its bands.
fn halves(
    sources: &Sources,
    battery: &Battery,
    model: &Model,
    descriptor: &str,
    dims: &Dims,
) -> Result<Option<Vec<Cell>>, Error> {
    if descriptor != PRINTED || !dims.keys().copied().eq(0..8) {
        return Ok(None);
    }
    let mut cells = vec![Cell::text("upper half / lower half")];
    for (metric, _) in MOVED {
        let mut sums = [0.0, 0.0];
        for (dim, conditions) in dims {
            let Some(offset) = conditions.get(KINDS[0]) else { return Ok(None) };
            let Some(moved) = battery.one(model, offset, metric)? else { return Ok(None) };
            sums[usize::from(*dim >= 4)] += moved.value;
        }
        cells.push(if sums[0] > 0.0 { Cell::Number(sums[1] / sums[0], Format::Fixed(2)) } else { Cell::text("") });
    }
    cells.push(published(sources, &format!("table09_bands.{}.ratio_high_low", model.arm), Format::Fixed(2))?);
    cells.extend(vec![Cell::text(""); 4]);
    Ok(Some(cells))
}

/// What the run files give of D4, without saying for which values.
fn run_files(sources: &Sources, arm: &str) -> Option<String> {
    let leaf = sources.published().ok()?.find(&format!("table09_bands_meta.D4_sensitivity_{arm}"))?;
    let LeafValue::Numbers(values) = &leaf.value else { return None };
    let values: Vec<String> = values.iter().map(|value| DISTANCE.plain(*value)).collect();
    Some(format!("Published for D4 of {arm}, {}: {} ({}).", leaf.note, values.join(" and "), leaf.source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_a_value_of_a_descriptor_or_nothing() {
        let dim = |name: &str| Condition::new(name).dim().map(|(dim, descriptor)| (dim, descriptor.to_owned()));
        assert_eq!(dim("offset.3.a4"), Some((3, "a4".to_owned())));
        assert_eq!(dim("zero_dim.11.d4.x"), Some((11, "d4.x".to_owned())));
        for name in
            ["offset", "offset.", "offset.3", "offset.3.", "offset.-1.a4", "offset.1e9.a4", "offset.99999999999.a4"]
        {
            assert_eq!(dim(name), None, "{name}");
        }
    }
}
