//! Six numbers of every tested model at one glance (after Figure 8 of the paper).

use super::tested::{all_models, labels, nothing};
use super::{FigureDef, failed};
use crate::error::Error;
use crate::frame::Measured;
use crate::latex::Format;
use crate::published::LeafValue;
use crate::sources::{Input, Sources};
use crate::style::{self, At, Axis, Canvas, GREY, INK, LINE_MM, Marker, PALE, Panel, THIN_MM};
use crate::tables::battery::{Battery, Model, NORMAL};

pub(super) const DEF: FigureDef = FigureDef {
    id: "dashboard",
    number: Some("8"),
    title: "Six numbers of every tested model",
    inputs: &[Input::Measurements, Input::Published],
    draw,
};

const WIDTH_MM: f64 = 160.0;
const ROW_MM: f64 = 5.2;
const BAR_MM: f64 = 3.4;
const COLUMNS: usize = 3;

/// A panel: title, metric (how values are written), stage, published bars and the arms that they are of.
struct Quantity(&'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

const ALL: [&str; 4] = ["D0", "d4a4", "a4r", "d4-a4r"];
const QUANTITIES: [Quantity; 6] = [
    Quantity("S (%)", "s", "t12", "S", &ALL),
    Quantity("R@1, audio to MIDI (%)", "r1_a2m", "t12", "R1_a2m", &ALL),
    Quantity("R@1, MIDI to audio (%)", "r1_m2a", "t12", "R1_m2a", &ALL),
    Quantity("CKA, mean over layers", "cka_mean", "t06", "cka", &ALL),
    Quantity("S kept, notes ±3 (%)", "retention", "t04", "retention", &ALL),
    Quantity("A4: farthest moved (L2)", "moved_audio_first", "t08", "peak_sensitivity", &["d4a4", "a4r", "d4-a4r"]),
];

struct Bar {
    label: String,
    value: Option<Measured>,
    published: Option<f64>,
}

fn draw(sources: &Sources) -> Result<String, Error> {
    let batteries = ["t12", "t06", "t04", "t08"].map(|stage| Ok((stage, Battery::read(sources, stage)?)));
    let batteries = batteries.into_iter().collect::<Result<Vec<_>, Error>>()?;
    let models = all_models(sources)?;
    let labels = labels(models.iter().map(|model| (model.arm.as_str(), model.schedule.as_str(), model.seed)));
    let mut panels = Vec::new();
    for Quantity(title, metric, stage, column, arms) in &QUANTITIES {
        let battery = batteries.iter().find(|(name, _)| name == stage).map(|(_, battery)| battery);
        let mut bars = Vec::new();
        for (model, label) in models.iter().zip(&labels) {
            let value = battery.map(|battery| value(battery, model, metric)).transpose()?.flatten();
            let published = published(sources, column, arms, &model.arm)?;
            bars.push(Bar { label: label.clone(), value, published });
        }
        panels.push((*title, *metric, bars));
    }
    paint(&panels).map_err(|what| failed(DEF.id, what))
}

fn value(battery: &Battery, model: &Model, metric: &str) -> Result<Option<Measured>, Error> {
    match metric {
        "cka_mean" => battery.one(model, "sampled", metric),
        "retention" => battery.one(model, "within_3", metric),
        "moved_audio_first" => {
            let mut farthest: Option<Measured> = None;
            for condition in battery.conditions(Some(model), metric)? {
                let Some(moved) = battery.one(model, &condition.name, metric)? else { continue };
                let ours = condition.kind == "offset" && condition.dim().is_some_and(|dim| dim.1 == "a4");
                if ours && farthest.as_ref().is_none_or(|other| other.value < moved.value) {
                    farthest = Some(moved);
                }
            }
            Ok(farthest)
        }
        _ => match battery.one(model, "selected", metric)? {
            None if metric == "s" => battery.one(model, NORMAL, metric),
            found => Ok(found),
        },
    }
}

/// The bar of Figure 8, only where it is the same quantity.
fn published(sources: &Sources, column: &str, arms: &[&str], arm: &str) -> Result<Option<f64>, Error> {
    if !sources.facts.comparable() {
        return Ok(None);
    }
    let leaf = sources.published()?.find(&format!("fig08_dashboard.{column}"));
    let slot = arms.iter().position(|other| *other == arm);
    Ok(slot.and_then(|slot| match &leaf?.value {
        LeafValue::Numbers(bars) => bars.get(slot).copied(),
        _ => None,
    }))
}

fn paint(panels: &[(&str, &str, Vec<Bar>)]) -> Result<String, String> {
    let n = panels.iter().map(|panel| panel.2.len()).max().unwrap_or(0).max(2);
    let tall = ROW_MM * n as f64;
    let marked = panels.iter().flat_map(|panel| &panel.2).any(|bar| bar.published.is_some());
    let head = if marked { 6.0 } else { 1.5 };
    let (each, step) = (WIDTH_MM / COLUMNS as f64, tall + 15.0);
    let height = head + step * panels.len().div_ceil(COLUMNS) as f64;
    style::draw((WIDTH_MM, height), |canvas| {
        if marked {
            canvas.marker(Marker::Diamond, (6.0, 3.0), 1.0, INK, true)?;
            canvas.text("published", (8.5, 3.0), At::Start, INK)?;
        }
        let mut names = 6.0_f64;
        for bar in panels.iter().flat_map(|panel| &panel.2) {
            names = names.max(canvas.text_width(&bar.label)? * 1.12);
        }
        for (idx, (title, metric, bars)) in panels.iter().enumerate() {
            let (left, top) = (each * (idx % COLUMNS) as f64, head + step * (idx / COLUMNS) as f64 + 6.0);
            let frame = [left + names + 3.0, top, left + each - 11.0, top + tall];
            canvas.text(title, (left + 2.0, top - 3.2), At::Start, INK)?;
            draw_panel(canvas, frame, metric, bars)?;
        }
        Ok(())
    })
}

fn draw_panel(canvas: &Canvas, frame: [f64; 4], metric: &str, bars: &[Bar]) -> Result<(), String> {
    let [left, top, right, bottom] = frame;
    let values = bars.iter().flat_map(|bar| bar.value.iter().map(|value| value.value).chain(bar.published));
    let panel =
        Panel { frame, x: Axis::covering(values.chain([0.0]), 3), y: Axis { low: 0.0, high: 1.0, ticks: Vec::new() } };
    for (tick, label) in panel.x.ticks.iter().zip(panel.x.labels()) {
        let at = panel.at(*tick, 0.0).0;
        canvas.line(&[(at, top), (at, bottom)], PALE, THIN_MM, &[])?;
        // names of the inner ticks would touch
        if *tick == panel.x.ticks[0] || Some(tick) == panel.x.ticks.last() {
            canvas.text(&label, (at, bottom + 2.6), At::Middle, INK)?;
        }
    }
    for (slot, bar) in bars.iter().enumerate() {
        let y = top + ROW_MM * (slot as f64 + 0.5);
        canvas.text(&bar.label, (left - 1.4, y), At::End, INK)?;
        let Some(value) = &bar.value else {
            canvas.text("–", (left + 2.0, y), At::Middle, GREY)?;
            continue;
        };
        canvas.titled(&format!("{}: {}", bar.label, style::words(value, metric)), || {
            let ends = [panel.at(0.0, 0.0).0, panel.at(value.value, 0.0).0];
            let rect = [ends[0].min(ends[1]), y - BAR_MM / 2.0, ends[0].max(ends[1]), y + BAR_MM / 2.0];
            canvas.bar(rect, style::BAR)?;
            let Some((low, high)) = value.interval else { return Ok(()) };
            let ends = [low, high].map(|value| (panel.at(value, 0.0).0.clamp(left, right), y));
            canvas.line(&ends, INK, LINE_MM * 0.8, &[])
        })?;
        let format = Format::of(metric, &value.unit);
        canvas.text(&format.plain(value.value), (right + 10.0, y), At::End, INK)?;
        if let Some(published) = bar.published {
            canvas.titled(&format!("{}, published: {}", bar.label, Format::Shortest.plain(published)), || {
                canvas.marker(Marker::Diamond, (panel.at(published, 0.0).0, y), 1.0, INK, true)
            })?;
        }
    }
    canvas.line(&[(left, top), (left, bottom), (right, bottom)], INK, THIN_MM, &[])?;
    if bars.is_empty() {
        nothing(canvas, (f64::midpoint(left, right), f64::midpoint(top, bottom)))?;
    }
    Ok(())
}
