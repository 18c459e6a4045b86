//! Test 03: what a probe reads from embeddings of trained models, beside Table 11 of the paper.

use super::battery::{Battery, finished, note_others, published};
use super::{TableDef, interval_head};
use crate::error::Error;
use crate::frame::Select;
use crate::latex::Format;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "probes",
    number: Some("11"),
    title: "What probes read from embeddings",
    inputs: &[Input::Measurements, Input::Published],
    build,
};

const STAGE: &str = "t03";
/// How a share of explained variance is written, as in Table 11.
const R2: Format = Format::Fixed(3);
/// Condition, embedding, target, and whether the target is of the other modality; in the order of Table 11.
const PROBES: [(&str, &str, &str, bool); 6] = [
    ("audio/pitch_histogram", "audio", "pitch histogram", true),
    ("audio/interval_histogram", "audio", "interval histogram", true),
    ("midi/chroma", "MIDI", "chroma", true),
    ("midi/centroid", "MIDI", "spectral centroid", true),
    ("audio/chroma", "audio", "chroma", false),
    ("midi/pitch_histogram", "MIDI", "pitch histogram", false),
];

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let battery = Battery::read(sources, STAGE)?;
    let mut sheet = Sheet::new(vec![
        Column::new("embedding", "Embedding", Align::Left),
        Column::new("target", "Target", Align::Left),
        Column::new("of", "of the", Align::Left),
        Column::new("r2", "$R^2$ ridge", Align::Right),
        Column::new("r2_interval", &interval_head(&sources.facts), Align::Right),
        Column::new("r2_mlp", "$R^2$ MLP", Align::Right),
        Column::new("published_r2_mlp", "$R^2$ publ.", Align::Right),
    ]);
    for model in &battery.models {
        sheet.group(battery.label(model));
        for (condition, embedding, target, cross) in PROBES {
            let [ridge, mlp] = [battery.one(model, condition, "r2")?, battery.one(model, condition, "r2_mlp")?];
            if ridge.is_none() && mlp.is_none() {
                continue;
            }
            let number = |value: Option<f64>| value.map_or(Cell::Missing, |value| Cell::Number(value, R2));
            let interval = ridge.as_ref().and_then(|ridge| ridge.interval);
            let path = format!("table11_probes.{}.{}", condition.replace('/', "_"), model.arm);
            sheet.row(vec![
                Cell::text(embedding),
                Cell::text(target),
                Cell::text(if cross { "other side" } else { "same side" }),
                number(ridge.map(|ridge| ridge.value)),
                interval.map_or(Cell::Missing, |interval| Cell::Interval(interval, R2)),
                number(mlp.map(|mlp| mlp.value)),
                published(sources, &path, R2)?,
            ]);
        }
    }
    let measured = sources.frame()?.filter(&Select::stage(STAGE).metric("r2"))?.distinct("condition")?;
    note_others(&mut sheet, measured.into_iter().filter(|it| PROBES.iter().all(|probe| probe.0 != it)).collect());
    Ok(finished(sheet))
}
