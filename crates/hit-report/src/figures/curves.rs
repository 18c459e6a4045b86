//! Values of several models along an axis of few places, with their intervals: transpositions, noise, bands.

use super::tested::{Tested, ends, nothing};
use crate::frame::Measured;
use crate::style::{self, At, Axis, Canvas, GREY, INK, LINE_MM, Marker, Panel, THIN_MM, legend};

/// One value.
pub(super) struct Point {
    /// Place on the horizontal axis.
    pub(super) x: f64,
    pub(super) value: Measured,
    /// Only where it is the same quantity.
    pub(super) published: Option<f64>,
    /// What the title of its mark says before the value: `d4a4, 3 semitones up: S`.
    pub(super) what: String,
}

/// The values of a model, from left to right.
pub(super) struct Curve<'a> {
    pub(super) of: &'a Tested,
    pub(super) points: Vec<Point>,
}

/// A panel of curves.
pub(super) struct Plot<'a> {
    /// Above the panel.
    pub(super) title: String,
    /// Below it.
    pub(super) x_title: String,
    /// Places on the horizontal axis and their names.
    pub(super) places: Vec<(f64, String)>,
    pub(super) curves: Vec<Curve<'a>>,
    /// Metric, which says how values are written.
    pub(super) metric: &'static str,
    /// A level that all values are seen against, and its name.
    pub(super) level: Option<(f64, String)>,
}

/// Draws panels side by side under one legend.
pub(super) fn draw(plots: &[Plot], width: f64, height: f64) -> Result<String, String> {
    style::draw((width, height), |canvas| {
        let mut items: Vec<(String, style::Look)> = Vec::new();
        for curve in plots.iter().flat_map(|plot| &plot.curves) {
            if items.iter().all(|(label, _)| *label != curve.of.label) {
                items.push((curve.of.label.clone(), curve.of.look));
            }
        }
        let mut top = legend(canvas, &items, (10.0, 3.0), width - 2.0)?;
        let mut left = 10.0;
        if let Some((_, name)) = plots.iter().find_map(|plot| plot.level.as_ref()) {
            canvas.line(&[(left, top + 2.4), (left + 8.0, top + 2.4)], GREY, LINE_MM, &[1.4, 1.0])?;
            canvas.text(name, (left + 9.5, top + 2.4), At::Start, INK)?;
            left += 14.5 + 1.1 * canvas.text_width(name)?;
        }
        let mut points = plots.iter().flat_map(|plot| &plot.curves).flat_map(|curve| &curve.points);
        if points.any(|point| point.published.is_some()) {
            canvas.marker(Marker::Diamond, (left + 4.0, top + 2.4), 1.0, INK, true)?;
            canvas.text("hollow: published", (left + 9.5, top + 2.4), At::Start, INK)?;
            left += 14.5;
        }
        top += if left > 10.0 { 4.6 } else { 0.0 };
        let each = width / plots.len() as f64;
        for (idx, plot) in plots.iter().enumerate() {
            let left = each * idx as f64;
            panel(canvas, plot, [left + 13.0, top + 8.0, left + each - 3.0, height - 10.0])?;
        }
        Ok(())
    })
}

fn panel(canvas: &Canvas, plot: &Plot, frame: [f64; 4]) -> Result<(), String> {
    let all = plot.curves.iter().flat_map(|curve| &curve.points);
    let values = all.flat_map(|point| ends(&point.value).into_iter().chain(point.published));
    let y = Axis::covering(values.chain(plot.level.iter().map(|level| level.0)).chain([0.0]), 5);
    let (first, last) =
        (plot.places.first().map_or(0.0, |place| place.0), plot.places.last().map_or(1.0, |place| place.0));
    let margin = 0.06 * (last - first).max(1.0);
    let x = Axis { low: first - margin, high: last + margin, ticks: Vec::new() };
    let panel = Panel::new(canvas, frame, x, y, &plot.title)?;
    let [left, top, right, bottom] = frame;
    places(canvas, plot, &panel)?;
    if let Some((level, name)) = &plot.level {
        let y = panel.at(0.0, *level).1;
        canvas.titled(&format!("{name}: {}", crate::latex::Format::Fixed(1).plain(*level)), || {
            canvas.line(&[(left, y), (right, y)], GREY, LINE_MM, &[1.4, 1.0])
        })?;
    }
    if panel.y.low < 0.0 {
        let y = panel.at(0.0, 0.0).1;
        canvas.line(&[(left, y), (right, y)], INK, THIN_MM, &[])?;
    }
    if plot.curves.iter().all(|curve| curve.points.is_empty()) {
        return nothing(canvas, (f64::midpoint(left, right), f64::midpoint(top, bottom)));
    }
    for (slot, curve) in plot.curves.iter().enumerate() {
        // models stand side by side, so that intervals do not cover each other
        let shift = (slot as f64 - (plot.curves.len() as f64 - 1.0) / 2.0) * 0.55;
        draw_curve(canvas, &panel, curve, plot.metric, shift)?;
    }
    Ok(())
}

/// Names of the places; where they would touch, only every second or third.
fn places(canvas: &Canvas, plot: &Plot, panel: &Panel) -> Result<(), String> {
    let [left, _, right, bottom] = panel.frame;
    let mut free = f64::NEG_INFINITY;
    for (x, name) in &plot.places {
        let at = panel.at(*x, 0.0).0;
        canvas.line(&[(at, bottom), (at, bottom + 0.9)], INK, THIN_MM, &[])?;
        let half = canvas.text_width(name)? * 1.15 / 2.0;
        if at - half > free + 0.6 {
            canvas.text(name, (at, bottom + 2.9), At::Middle, INK)?;
            free = at + half;
        }
    }
    canvas.text(&plot.x_title, (f64::midpoint(left, right), bottom + 6.9), At::Middle, INK)
}

fn draw_curve(canvas: &Canvas, panel: &Panel, curve: &Curve, metric: &str, shift: f64) -> Result<(), String> {
    let look = curve.of.look;
    let at = |x: f64, y: f64| {
        let (x, y) = panel.at(x, y);
        (x + shift, y)
    };
    let line: Vec<_> = curve.points.iter().map(|point| at(point.x, point.value.value)).collect();
    if line.len() > 1 {
        canvas.line(&line, look.colour, LINE_MM, look.dash)?;
    }
    for point in &curve.points {
        let title = format!("{} {}", point.what, style::words(&point.value, metric));
        canvas.titled(&title, || {
            let [low, high] = ends(&point.value).map(|value| at(point.x, value));
            canvas.line(&[low, high], look.colour, THIN_MM, &[])?;
            canvas.marker(look.marker, at(point.x, point.value.value), 0.95, look.colour, false)
        })?;
        if let Some(published) = point.published {
            let unit = &point.value.unit;
            let theirs = Measured { value: published, unit: unit.clone(), interval: None };
            canvas.titled(&format!("{}, published: {}", point.what, style::words(&theirs, metric)), || {
                canvas.marker(look.marker, at(point.x, published), 0.95, look.colour, true)
            })?;
        }
    }
    Ok(())
}

/// The chance level of S, for a level.
pub(super) fn chance(sources: &crate::sources::Sources) -> Result<Option<(f64, String)>, crate::error::Error> {
    let (value, of) = sources.chance()?;
    Ok(Some((value, format!("chance of {of}"))))
}
