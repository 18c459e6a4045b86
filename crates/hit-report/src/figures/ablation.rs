//! S of tested models with descriptors replaced at inference: a row a condition, a mark a model (after Figure 3 of the
//! paper).

use super::tested::{self, Tested, ends, nothing, published};
use super::{FigureDef, failed};
use crate::error::Error;
use crate::frame::Measured;
use crate::sources::{Input, Sources};
use crate::style::{self, At, Axis, Canvas, GREY, INK, LINE_MM, Marker, PALE, Panel, THIN_MM, legend};
use crate::tables::ablation::{printed, sorted, words};
use crate::tables::battery::Battery;

pub(super) const DEF: FigureDef = FigureDef {
    id: "ablation",
    number: Some("3"),
    title: "S with descriptors replaced",
    inputs: &[Input::Measurements, Input::Published],
    draw,
};

const WIDTH_MM: f64 = 150.0;
/// Height that one model takes in a row, and what is left between rows.
const MODEL_MM: f64 = 1.9;
const GAP_MM: f64 = 2.0;

struct Row {
    name: String,
    /// One a model, where it was measured.
    values: Vec<Option<(Measured, Option<f64>)>>,
}

fn draw(sources: &Sources) -> Result<String, Error> {
    let battery = Battery::read(sources, "t01")?;
    let models = tested::models(sources, &battery)?;
    let mut rows = Vec::new();
    for condition in sorted(battery.conditions(None, "s")?) {
        let (descriptors, what) = words(&condition);
        let name = if descriptors.is_empty() { what } else { format!("{descriptors}: {what}") };
        let mut values = Vec::new();
        for of in &models {
            let beside = match &printed(&condition)[0] {
                Some(column) => published(sources, &format!("table06_ablation.{}.{column}", of.model.arm))?,
                None => None,
            };
            values.push(battery.one(&of.model, &condition.name, "s")?.map(|s| (s, beside)));
        }
        rows.push(Row { name, values });
    }
    let (chance, of) = sources.chance()?;
    paint(&models, &rows, (chance, &format!("chance of {of}"))).map_err(|what| failed(DEF.id, what))
}

fn paint(models: &[Tested], rows: &[Row], (chance, name): (f64, &str)) -> Result<String, String> {
    let row_mm = MODEL_MM * models.len().max(1) as f64 + GAP_MM;
    // the legend may need a second row
    let head = 14.0 + 4.4 * (models.len() / 4) as f64;
    let height = head + row_mm * rows.len().max(2) as f64 + 11.0;
    style::draw((WIDTH_MM, height), |canvas| {
        let mut names = 8.0_f64;
        for row in rows {
            names = names.max(canvas.text_width(&row.name)?);
        }
        let all = rows.iter().flat_map(|row| row.values.iter().flatten());
        let values = all.flat_map(|(s, beside)| ends(s).into_iter().chain(*beside));
        let frame = [1.25 * names + 4.0, head, WIDTH_MM - 4.0, height - 11.0];
        let [left, top, right, bottom] = frame;
        let panel = Panel {
            frame,
            x: Axis::covering(values.chain([chance, 0.0]), 6),
            y: Axis { low: 0.0, high: 1.0, ticks: Vec::new() },
        };
        let items: Vec<_> = models.iter().map(|of| (of.label.clone(), of.look)).collect();
        legend(canvas, &items, (4.0, 3.0), WIDTH_MM - 2.0)?;
        for tick in &panel.x.ticks {
            let at = panel.at(*tick, 0.0).0;
            canvas.line(&[(at, top), (at, bottom)], PALE, THIN_MM, &[])?;
        }
        let at = panel.at(chance, 0.0).0;
        canvas.titled(&format!("{name}: {}", crate::latex::Format::Fixed(1).plain(chance)), || {
            canvas.line(&[(at, top), (at, bottom)], GREY, LINE_MM, &[1.4, 1.0])
        })?;
        let half = canvas.text_width(name)? * 0.58;
        canvas.text(name, (at.clamp(left + half, right - half), top - 2.0), At::Middle, GREY)?;
        for (slot, row) in rows.iter().enumerate() {
            draw_row(canvas, &panel, models, row, top + row_mm * slot as f64)?;
        }
        canvas.line(&[(left, top), (left, bottom), (right, bottom)], INK, THIN_MM, &[])?;
        if rows.is_empty() {
            nothing(canvas, (f64::midpoint(left, right), f64::midpoint(top, bottom)))?;
        }
        panel.x_labels(canvas, "S (%)")
    })
}

fn draw_row(canvas: &Canvas, panel: &Panel, models: &[Tested], row: &Row, top: f64) -> Result<(), String> {
    let [left, _, right, _] = panel.frame;
    let row_mm = MODEL_MM * models.len() as f64 + GAP_MM;
    canvas.line(&[(left, top + row_mm), (right, top + row_mm)], PALE, THIN_MM, &[])?;
    canvas.text(&row.name, (left - 1.6, top + row_mm / 2.0), At::End, INK)?;
    for (slot, (of, value)) in models.iter().zip(&row.values).enumerate() {
        let Some((s, beside)) = value else { continue };
        let y = top + GAP_MM / 2.0 + MODEL_MM * (slot as f64 + 0.5);
        let title = format!("{}, {}: S {}", of.label, row.name, style::words(s, "s"));
        canvas.titled(&title, || {
            let ends = ends(s).map(|value| (panel.at(value, 0.0).0, y));
            canvas.line(&ends, of.look.colour, THIN_MM * 1.5, &[])?;
            canvas.marker(of.look.marker, (panel.at(s.value, 0.0).0, y), 0.85, of.look.colour, false)
        })?;
        if let Some(published) = beside {
            let title =
                format!("{}, {}: S published {}", of.label, row.name, crate::latex::Format::Fixed(1).plain(*published));
            canvas
                .titled(&title, || canvas.marker(Marker::Diamond, (panel.at(*published, 0.0).0, y), 0.8, INK, true))?;
        }
    }
    Ok(())
}
