//! Histograms of the cosines of matched and of random pairs, a panel a model (after Figure 11 of the paper).

use hit_schema::{CosineBin, RunId};

use super::tested::{labels, nothing, order};
use super::{FigureDef, failed};
use crate::error::Error;
use crate::frame::{Measured, Select};
use crate::latex::Format;
use crate::published::Leaf;
use crate::sources::{Input, Sources};
use crate::style::{self, At, Axis, BAR, BAR_INK, Canvas, INK, LINE_MM, Panel, RGB};

pub(super) const DEF: FigureDef = FigureDef {
    id: "cosines",
    number: Some("11"),
    title: "Cosines of matched and of random pairs",
    inputs: &[Input::Measurements, Input::Published, Input::Cosines],
    draw,
};

const COLUMNS: usize = 2;
const WIDTH_MM: f64 = 160.0;
const TALL_MM: f64 = 36.0;
/// Colour of random pairs: dark lines over the pale surfaces of the matched ones.
const RANDOM: RGB = RGB(0xb0, 0x3a, 0x00);

struct Histogram<'a> {
    label: String,
    bins: &'a [CosineBin],
    /// Means of matched and of random pairs.
    means: [Option<Measured>; 2],
    /// The same as printed, only where they are the same quantity.
    published: [Option<f64>; 2],
}

fn draw(sources: &Sources) -> Result<String, Error> {
    let mut runs: Vec<&RunId> = sources.cosines()?.keys().collect();
    if let Some(run) = runs.iter().find(|run| sources.facts.arm(&run.arm).is_none()) {
        return Err(Error::UnknownArm(run.arm.clone()));
    }
    runs.sort_by(|a, b| order(&sources.facts, a).cmp(&order(&sources.facts, b)));
    let labels = labels(runs.iter().map(|run| (run.arm.as_str(), run.schedule.as_str(), Some(run.seed))));
    let mut histograms = Vec::new();
    for (run, label) in runs.into_iter().zip(labels) {
        let select = Select::stage("t10").arm(&run.arm).schedule(&run.schedule).seed(run.seed).condition("normal");
        let mean = |metric: &str| sources.frame()?.one(&select.clone().metric(metric));
        let means = [mean("cosine_matched")?, mean("cosine_random")?];
        let printed = |column: &str| {
            let leaf = sources.published()?.find(&format!("fig11_cosine.{}.{column}", run.arm));
            Ok::<_, Error>(leaf.and_then(Leaf::number).filter(|_| sources.facts.comparable()))
        };
        let published = [printed("matched")?, printed("random")?];
        histograms.push(Histogram { label, bins: &sources.cosines()?[run], means, published });
    }
    paint(&histograms).map_err(|what| failed(DEF.id, what))
}

fn paint(histograms: &[Histogram]) -> Result<String, String> {
    let columns = histograms.len().clamp(1, COLUMNS);
    let rows = histograms.len().max(1).div_ceil(columns);
    let (each, step) = (WIDTH_MM / COLUMNS as f64, TALL_MM + 22.0);
    style::draw((each * columns as f64, step * rows as f64 + 6.0), |canvas| {
        key(canvas)?;
        for (idx, histogram) in histograms.iter().enumerate() {
            let (left, top) = (each * (idx % columns) as f64, step * (idx / columns) as f64 + 18.0);
            draw_panel(canvas, histogram, [left + 12.0, top, left + each - 4.0, top + TALL_MM])?;
        }
        if histograms.is_empty() {
            nothing(canvas, (each / 2.0, step / 2.0))?;
        }
        Ok(())
    })
}

fn key(canvas: &Canvas) -> Result<(), String> {
    canvas.bar([3.0, 1.8, 8.0, 4.2], BAR)?;
    canvas.text("matched pairs", (9.5, 3.0), At::Start, INK)?;
    canvas.line(&[(36.0, 3.0), (42.0, 3.0)], RANDOM, LINE_MM, &[])?;
    canvas.text("random pairs", (43.5, 3.0), At::Start, INK)
}

fn draw_panel(canvas: &Canvas, histogram: &Histogram, frame: [f64; 4]) -> Result<(), String> {
    let totals =
        [histogram.bins.iter().map(|bin| bin.matched).sum(), histogram.bins.iter().map(|bin| bin.random).sum()];
    let share = |n: u64, of: u64| if of == 0 { 0.0 } else { 100.0 * n as f64 / of as f64 };
    let shares: Vec<[f64; 2]> =
        histogram.bins.iter().map(|bin| [share(bin.matched, totals[0]), share(bin.random, totals[1])]).collect();
    let y = Axis::covering(shares.iter().flatten().copied().chain([0.0, 1.0]), 4);
    let x = Axis { low: -1.0, high: 1.0, ticks: vec![-1.0, -0.5, 0.0, 0.5, 1.0] };
    let [left, _, right, _] = frame;
    let panel = Panel::new(canvas, frame, x, y, "pairs (%)")?;
    canvas.text(&histogram.label, (left - 6.0, frame[1] - 10.6), At::Start, INK)?;
    for (bin, [matched, random]) in histogram.bins.iter().zip(&shares) {
        let corner = |value: f64| (panel.at(bin.low.max(-1.0), 0.0), panel.at(bin.high.min(1.0), value));
        let digits = |value: f64| Format::Fixed(1).plain(value);
        let title = format!(
            "{}, cosine {} to {}: {} % of the matched pairs, {} % of the random ones",
            histogram.label,
            Format::Fixed(2).plain(bin.low),
            Format::Fixed(2).plain(bin.high),
            digits(*matched),
            digits(*random)
        );
        canvas.titled(&title, || {
            if *matched > 0.0 {
                let ((from, floor), (to, top)) = corner(*matched);
                canvas.bar([from, top, to, floor], BAR)?;
            }
            if *random > 0.0 {
                let ((from, _), (to, top)) = corner(*random);
                canvas.line(&[(from, top), (to, top)], RANDOM, LINE_MM, &[])?;
            }
            Ok(())
        })?;
    }
    outline(canvas, &panel, histogram.bins, &shares)?;
    means(canvas, &panel, histogram)?;
    if histogram.bins.is_empty() {
        nothing(canvas, (f64::midpoint(left, right), f64::midpoint(frame[1], frame[3])))?;
    }
    panel.x_labels(canvas, "cosine")
}

/// The steps of the random pairs, which the matched ones would hide as surfaces.
fn outline(canvas: &Canvas, panel: &Panel, bins: &[CosineBin], shares: &[[f64; 2]]) -> Result<(), String> {
    let mut steps = Vec::new();
    for (bin, [_, random]) in bins.iter().zip(shares) {
        steps.extend([panel.at(bin.low.max(-1.0), *random), panel.at(bin.high.min(1.0), *random)]);
    }
    if steps.len() > 1 { canvas.line(&steps, RANDOM, LINE_MM, &[]) } else { Ok(()) }
}

/// Means as dashed lines, with their numbers above the panel.
fn means(canvas: &Canvas, panel: &Panel, histogram: &Histogram) -> Result<(), String> {
    let [left, top, right, bottom] = panel.frame;
    let names = ["matched", "random"];
    for (slot, ((mean, printed), name)) in histogram.means.iter().zip(histogram.published).zip(names).enumerate() {
        let Some(mean) = mean else { continue };
        let (x, _) = panel.at(mean.value.clamp(-1.0, 1.0), 0.0);
        let colour = if slot == 0 { BAR_INK } else { RANDOM };
        let number = Format::Fixed(2).plain(mean.value);
        let also =
            printed.map(|printed| format!(", published {}", Format::Fixed(2).plain(printed))).unwrap_or_default();
        canvas
            .titled(&format!("{}, mean of {name} pairs: {}{also}", histogram.label, style::words(mean, "")), || {
                canvas.line(&[(x, top), (x, bottom)], colour, LINE_MM, &[1.4, 1.0])
            })?;
        let words =
            printed.map_or(number.clone(), |printed| format!("{number} (publ. {})", Format::Fixed(2).plain(printed)));
        // each on a line of its own, right of the title of the axis
        let half = canvas.text_width(&words)? * 0.6;
        let centre = x.clamp(left + 11.0 + half, right - half);
        canvas.text(&words, (centre, top - 2.6 - 3.6 * slot as f64), At::Middle, colour)?;
    }
    Ok(())
}
