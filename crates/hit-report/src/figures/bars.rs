//! S of the arms or runs of an experiment as horizontal bars from zero, best first: what the figures `screening`, `families`
//! and `confirmation` have in common (after Figure 2 of the paper).

use super::failed;
use crate::error::Error;
use crate::facts::{ConfirmationFacts, ConfirmedFacts, Facts};
use crate::frame::{Measured, Select};
use crate::latex::Format;
use crate::sources::{Input, Sources};
use crate::style::{self, At, Axis, Canvas, GREY, INK, LINE_MM, Marker, PALE, Panel, THIN_MM};

/// What such a figure is made from.
pub(super) const INPUTS: &[Input] = &[Input::Measurements, Input::Published, Input::Compare];

/// Experiment whose baseline stands in where another has none of its own.
const START: &str = "screening";
/// Height of a row and of the bar in it, millimetres.
const ROW_MM: f64 = 5.4;
const BAR_MM: f64 = 3.6;
const WIDTH_MM: f64 = 120.0;
/// Height of a line of labels above the panel.
const LABEL_MM: f64 = 3.8;

/// How a bar is filled; no two look alike in grey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// An arm of the paper.
    Paper,
    /// The arm that the others are compared with.
    Baseline,
    /// An arm that is not the paper's.
    Extra,
}

struct Bar {
    label: String,
    kind: Kind,
    s: Measured,
    /// Only where it is the same quantity.
    published: Option<f64>,
}

/// A vertical line through all bars.
struct Reference {
    name: String,
    value: f64,
}

struct Plot {
    bars: Vec<Bar>,
    references: Vec<Reference>,
}

/// What a bar stands for: an arm, under a schedule where it has several.
struct Run {
    arm: String,
    schedule: Option<String>,
}

impl Run {
    fn select(&self, stage: &str) -> Select {
        let select = Select::stage(stage).arm(&self.arm).condition("selected").metric("s");
        Select { schedule: self.schedule.clone(), ..select }
    }

    fn label(&self) -> String {
        self.schedule.as_ref().map_or_else(|| self.arm.clone(), |schedule| format!("{} {schedule}", self.arm))
    }
}

/// Draws the arms of `stage`, or its runs. Published values are marked only where this campaign is comparable with them.
pub(super) fn draw(sources: &Sources, stage: &str) -> Result<String, Error> {
    let plot = Plot { bars: bars(sources, stage)?, references: references(sources, stage)? };
    paint(&plot).map_err(|what| failed(stage, what))
}

/// The experiment of long runs if it is the one of that name.
fn confirmation<'a>(facts: &'a Facts, stage: &str) -> Option<&'a ConfirmationFacts> {
    facts.confirmation.as_ref().filter(|_| stage == "confirmation")
}

fn runs(facts: &Facts, stage: &str) -> Vec<Run> {
    match confirmation(facts, stage) {
        Some(confirmation) => {
            let run = |run: &ConfirmedFacts| Run { arm: run.arm.clone(), schedule: Some(run.schedule.clone()) };
            confirmation.runs.iter().map(run).collect()
        }
        None => facts.arms.iter().map(|arm| Run { arm: arm.id.clone(), schedule: None }).collect(),
    }
}

fn bars(sources: &Sources, stage: &str) -> Result<Vec<Bar>, Error> {
    let facts = &sources.facts;
    let mut bars = Vec::new();
    for run in runs(facts, stage) {
        let select = run.select(stage);
        let Some(s) = sources.frame()?.one(&select)? else { continue };
        let published = if facts.comparable() { sources.published_beside(&select)? } else { None };
        let kind = match facts.arm(&run.arm).is_some_and(|arm| arm.extra) {
            true => Kind::Extra,
            false if run.arm == facts.baseline => Kind::Baseline,
            false => Kind::Paper,
        };
        bars.push(Bar { label: run.label(), kind, s, published: published.map(|published| published.value) });
    }
    if !bars.is_empty() && bars.iter().all(|bar| bar.kind != Kind::Baseline) {
        let (run, s) = baseline(sources, START)?;
        bars.extend(s.map(|s| Bar { label: run.label(), kind: Kind::Baseline, s, published: None }));
    }
    bars.sort_by(|a, b| b.s.value.total_cmp(&a.s.value));
    Ok(bars)
}

/// The run that the others are compared with, and its S.
fn baseline(sources: &Sources, stage: &str) -> Result<(Run, Option<Measured>), Error> {
    let schedule = confirmation(&sources.facts, stage).map(|confirmation| confirmation.reference_schedule.clone());
    let run = Run { arm: sources.facts.baseline.clone(), schedule };
    let s = sources.frame()?.one(&run.select(stage))?;
    Ok((run, s))
}

fn references(sources: &Sources, stage: &str) -> Result<Vec<Reference>, Error> {
    let (chance, of) = sources.chance()?;
    let own = baseline(sources, stage)?;
    let (run, s) = if own.1.is_some() { own } else { baseline(sources, START)? };
    let line = |s: Measured| Reference { name: format!("baseline {}", run.label()), value: s.value };
    let chance = Reference { name: format!("chance of {of}"), value: chance };
    Ok(std::iter::once(chance).chain(s.map(line)).collect())
}

fn paint(plot: &Plot) -> Result<String, String> {
    let legend = legend_items(plot);
    let head = LABEL_MM * (plot.references.len() as f64 + f64::from(u8::from(!legend.is_empty()))) + 2.0;
    let height = head + ROW_MM * plot.bars.len().max(1) as f64 + 10.0;
    style::draw((WIDTH_MM, height), |canvas| {
        let mut names = 8.0_f64;
        for bar in &plot.bars {
            names = names.max(canvas.text_width(&bar.label)?);
        }
        let panel = Panel {
            frame: [1.25 * names + 4.0, head, WIDTH_MM - 12.0, height - 10.0],
            x: axis(plot),
            y: Axis { low: 0.0, high: 1.0, ticks: Vec::new() },
        };
        let [left, top, right, bottom] = panel.frame;
        draw_legend(canvas, &legend, (4.0, 2.4))?;
        for tick in &panel.x.ticks {
            let at = panel.at(*tick, 0.0).0;
            canvas.line(&[(at, top), (at, bottom)], PALE, THIN_MM, &[])?;
        }
        for (slot, bar) in plot.bars.iter().enumerate() {
            draw_bar(canvas, &panel, bar, top + ROW_MM * (slot as f64 + 0.5))?;
        }
        draw_references(canvas, &panel, &plot.references)?;
        for (slot, bar) in plot.bars.iter().enumerate() {
            draw_marks(canvas, &panel, bar, top + ROW_MM * (slot as f64 + 0.5))?;
        }
        canvas.line(&[(left, top), (left, bottom), (right, bottom)], INK, THIN_MM, &[])?;
        panel.x_labels(canvas, "S (%)")
    })
}

/// From zero over everything that is drawn.
fn axis(plot: &Plot) -> Axis {
    let ends = plot.bars.iter().flat_map(|bar| {
        let (low, high) = bar.s.interval.unwrap_or((bar.s.value, bar.s.value));
        [low, high, bar.s.value, bar.published.unwrap_or(bar.s.value)]
    });
    Axis::covering(ends.chain(plot.references.iter().map(|line| line.value)).chain([0.0]), 6)
}

/// The bar, its name before it and its value at the right.
fn draw_bar(canvas: &Canvas, panel: &Panel, bar: &Bar, y: f64) -> Result<(), String> {
    let [left, _, right, _] = panel.frame;
    let rect = [left, y - BAR_MM / 2.0, panel.at(bar.s.value, 0.0).0, y + BAR_MM / 2.0];
    canvas.titled(&format!("{}: S {}", bar.label, style::words(&bar.s, "s")), || swatch(canvas, bar.kind, rect))?;
    canvas.text(&bar.label, (left - 1.6, y), At::End, INK)?;
    canvas.text(&Format::Fixed(1).plain(bar.s.value), (right + 10.5, y), At::End, INK)
}

fn swatch(canvas: &Canvas, kind: Kind, rect: [f64; 4]) -> Result<(), String> {
    match kind {
        Kind::Paper => canvas.bar(rect, style::BAR),
        Kind::Baseline => canvas.bar(rect, GREY),
        Kind::Extra => canvas.hatched(rect, style::BAR_INK),
    }
}

/// Whiskers of the interval and the published value, over everything else.
fn draw_marks(canvas: &Canvas, panel: &Panel, bar: &Bar, y: f64) -> Result<(), String> {
    if let Some((low, high)) = bar.s.interval {
        let ends = [low, high].map(|value| panel.at(value, 0.0).0);
        canvas.titled(&format!("{}: S {}", bar.label, style::words(&bar.s, "s")), || {
            canvas.line(&[(ends[0], y), (ends[1], y)], INK, LINE_MM * 0.8, &[])?;
            ends.iter().try_for_each(|x| canvas.line(&[(*x, y - 0.9), (*x, y + 0.9)], INK, LINE_MM * 0.8, &[]))
        })?;
    }
    let Some(published) = bar.published else { return Ok(()) };
    canvas.titled(&format!("{}: S published {} %", bar.label, Format::Fixed(1).plain(published)), || {
        canvas.marker(Marker::Diamond, (panel.at(published, 0.0).0, y), 1.1, INK, true)
    })
}

/// Dashed lines, each named on a line of its own above the panel, so that names never touch.
fn draw_references(canvas: &Canvas, panel: &Panel, references: &[Reference]) -> Result<(), String> {
    const DASHES: [&[f64]; 2] = [&[0.7, 0.7], &[2.2, 0.9]];
    let [left, top, right, bottom] = panel.frame;
    for (level, line) in references.iter().enumerate() {
        let x = panel.at(line.value, 0.0).0;
        let y = top - 1.6 - LABEL_MM * level as f64;
        canvas.titled(&format!("{}: {} %", line.name, Format::Fixed(1).plain(line.value)), || {
            canvas.line(&[(x, y + 1.6), (x, bottom)], INK, THIN_MM * 1.5, DASHES[level % DASHES.len()])
        })?;
        let half = canvas.text_width(&line.name)? / 2.0;
        canvas.text(&line.name, (x.clamp(left + half, (right - half).max(left + half)), y), At::Middle, INK)?;
    }
    Ok(())
}

/// What has to be explained: a sample, or the hollow mark, and its words.
fn legend_items(plot: &Plot) -> Vec<(Option<Kind>, &'static str)> {
    let mut items = Vec::new();
    let has = |kind: Kind| plot.bars.iter().any(|bar| bar.kind == kind);
    if has(Kind::Extra) {
        items.extend(has(Kind::Paper).then_some((Some(Kind::Paper), "arm of the paper")));
        items.push((Some(Kind::Extra), "further arm"));
    }
    if plot.bars.iter().any(|bar| bar.published.is_some()) {
        items.push((None, "published"));
    }
    items
}

fn draw_legend(canvas: &Canvas, items: &[(Option<Kind>, &str)], (left, y): (f64, f64)) -> Result<(), String> {
    let mut x = left;
    for (kind, words) in items {
        match kind {
            Some(kind) => swatch(canvas, *kind, [x, y - 1.3, x + 6.0, y + 1.3])?,
            None => canvas.marker(Marker::Diamond, (x + 3.0, y), 1.1, INK, true)?,
        }
        canvas.text(words, (x + 7.4, y), At::Start, INK)?;
        x += 7.4 + canvas.text_width(words)? * 1.15 + 5.0;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::figures::tests::assert_texts_apart;

    fn bar(label: &str, kind: Kind, value: f64, half: Option<f64>, published: Option<f64>) -> Bar {
        let interval = half.map(|half| (value - half, value + half));
        Bar { label: label.to_owned(), kind, s: Measured { value, unit: "%".to_owned(), interval }, published }
    }

    fn line(name: &str, value: f64) -> Reference {
        Reference { name: name.to_owned(), value }
    }

    #[test]
    fn lines_that_fall_together_keep_their_names_apart() {
        for (chance, baseline) in [(50.0, 50.0), (0.0, 0.0), (3.9, 4.0), (99.0, 100.0)] {
            let bars =
                vec![bar("d4a4cm", Kind::Paper, 100.0, None, None), bar("D0", Kind::Baseline, baseline, None, None)];
            let plot = Plot { bars, references: vec![line("chance of R@10", chance), line("D0", baseline)] };
            assert_texts_apart("bars", &paint(&plot).unwrap());
        }
    }

    #[test]
    fn a_legend_explains_only_what_is_drawn() {
        let plain = Plot { bars: vec![bar("A4", Kind::Paper, 60.0, None, None)], references: Vec::new() };
        assert!(legend_items(&plain).is_empty());
        let extra = Plot { bars: vec![bar("a4e", Kind::Extra, 60.0, None, Some(61.0))], references: Vec::new() };
        assert_eq!(legend_items(&extra).iter().map(|item| item.1).collect::<Vec<_>>(), ["further arm", "published"]);
        let svg = paint(&extra).unwrap();
        assert!(svg.contains("further arm") && svg.contains("published"));
    }

    #[test]
    fn an_extra_is_drawn_with_lines_and_an_arm_of_the_paper_with_a_surface() {
        let drawn =
            |kind| paint(&Plot { bars: vec![bar("x", kind, 50.0, None, None)], references: Vec::new() }).unwrap();
        let lines = |svg: &str| svg.matches("<polyline").count();
        assert!(lines(&drawn(Kind::Extra)) > lines(&drawn(Kind::Paper)) + 20);
        assert_ne!(drawn(Kind::Paper), drawn(Kind::Baseline));
    }

    proptest! {
        /// Up to thirty bars of any values: nothing leaves the figure, no text lies on another.
        #[test]
        fn whatever_the_values_texts_keep_apart(
            values in proptest::collection::vec((0.0..100.0_f64, proptest::option::of(0.0..9.0_f64)), 0..30),
            (chance, baseline) in (0.0..40.0_f64, 0.0..100.0_f64),
        ) {
            let kinds = [Kind::Paper, Kind::Baseline, Kind::Extra];
            let bars = values.iter().enumerate().map(|(k, (value, half))| {
                bar(&format!("moe-a4-v{k}"), kinds[k % 3], *value, *half, (k % 4 == 0).then_some(value / 2.0))
            });
            let plot = Plot { bars: bars.collect(), references: vec![line("chance of S", chance), line("D0", baseline)] };
            assert_texts_apart("bars", &paint(&plot).unwrap());
        }

        #[test]
        fn every_axis_starts_at_zero(values in proptest::collection::vec(1.0..100.0_f64, 1..9)) {
            let bars = values.iter().map(|value| bar("x", Kind::Paper, *value, Some(0.5), None)).collect();
            let axis = axis(&Plot { bars, references: Vec::new() });
            prop_assert_eq!(axis.low, 0.0);
            prop_assert!(values.iter().all(|value| value + 0.5 <= axis.high + 1e-9));
        }
    }
}
