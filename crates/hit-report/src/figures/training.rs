//! The course of the replication: training loss and S on the validation split by epoch, mean and range over seeds.

use std::collections::BTreeMap;

use super::{FigureDef, failed};
use crate::error::Error;
use crate::facts::ExperimentFacts;
use crate::frame::Select;
use crate::latex::Format;
use crate::sources::{Input, Sources};
use crate::style::{self, At, Axis, Canvas, GREY, LINE_MM, Look, Panel, THIN_MM, legend, look};

pub(super) const DEF: FigureDef = FigureDef {
    id: "training",
    number: None,
    title: "Training loss and S by epoch",
    inputs: &[Input::Measurements, Input::Histories],
    draw,
};

/// Values of an arm by epoch, one a seed.
type Curve = BTreeMap<usize, Vec<f64>>;

struct Arm {
    id: String,
    look: Look,
    loss: Curve,
    s: Curve,
}

fn draw(sources: &Sources) -> Result<String, Error> {
    let facts = &sources.facts;
    let found =
        [("replication", &facts.replication), ("screening", &facts.screening), ("foundation", &facts.foundation)]
            .into_iter()
            .find_map(|(stage, experiment)| Some((stage, experiment.as_ref()?)));
    let mut arms = Vec::new();
    if let Some((stage, experiment)) = found {
        for (idx, arm) in facts.arms.iter().enumerate() {
            let (loss, s) = (losses(sources, &arm.id, experiment)?, scores(sources, &arm.id, stage)?);
            if !loss.is_empty() || !s.is_empty() {
                arms.push(Arm { id: arm.id.clone(), look: look(idx), loss, s });
            }
        }
    }
    paint(&arms, sources.chance()?).map_err(|what| failed(DEF.id, what))
}

fn losses(sources: &Sources, arm: &str, experiment: &ExperimentFacts) -> Result<Curve, Error> {
    let mut curve = Curve::new();
    for (run, rows) in sources.histories()? {
        if run.arm == arm && run.schedule == experiment.schedule && experiment.seeds.contains(&run.seed) {
            for row in rows {
                curve.entry(row.epoch).or_default().push(row.loss);
            }
        }
    }
    Ok(curve)
}

fn scores(sources: &Sources, arm: &str, stage: &str) -> Result<Curve, Error> {
    let rows = sources.frame()?.filter(&Select::stage(stage).arm(arm).metric("s"))?;
    let mut curve = Curve::new();
    for (condition, measured) in rows.words("condition")?.iter().zip(rows.measured()?) {
        if let Some(epoch) = condition.strip_prefix("epoch=").and_then(|epoch| epoch.parse().ok()) {
            curve.entry(epoch).or_default().push(measured.value);
        }
    }
    Ok(curve)
}

fn paint(arms: &[Arm], (chance, of): (f64, &str)) -> Result<String, String> {
    let width = 160.0;
    style::draw((width, 66.0), |canvas| {
        let items: Vec<_> = arms.iter().map(|arm| (arm.id.clone(), arm.look)).collect();
        let top = legend(canvas, &items, (10.0, 3.0), width - 2.0)? + 7.0;
        let loss = panel(canvas, arms, |arm| &arm.loss, [12.0, top, 76.0, 56.0], None, "training loss")?;
        curves(canvas, &loss, arms, "loss", |arm| &arm.loss)?;
        let s =
            panel(canvas, arms, |arm| &arm.s, [94.0, top, 157.0, 56.0], Some(chance), "S on the validation split (%)")?;
        let y = s.at(s.x.low, chance).1;
        canvas.line(&[(s.frame[0], y), (s.frame[2], y)], GREY, LINE_MM, &[1.4, 1.0])?;
        canvas.text(&format!("chance of {of}"), (s.frame[2], y - 2.0), At::End, GREY)?;
        curves(canvas, &s, arms, "S", |arm| &arm.s)
    })
}

fn digits(value: f64) -> String {
    Format::Fixed(2).plain(value)
}

fn panel(
    canvas: &Canvas,
    arms: &[Arm],
    curve: fn(&Arm) -> &Curve,
    frame: [f64; 4],
    chance: Option<f64>,
    title: &str,
) -> Result<Panel, String> {
    let values = arms.iter().flat_map(|arm| curve(arm).values().flatten().copied());
    // a percentage is shown from zero, a loss is not
    let y = Axis::covering(values.chain(chance.into_iter().flat_map(|chance| [chance, 0.0])), 5);
    let last = arms.iter().flat_map(|arm| curve(arm).keys().copied()).max().unwrap_or(1);
    let mut x = Axis::covering([0.0, last as f64].into_iter(), 6);
    x.ticks.retain(|tick| tick.fract() == 0.0);
    // room for the markers of the last epoch
    x.high = x.high.max(1.03 * last as f64);
    let panel = Panel::new(canvas, frame, x, y, title)?;
    panel.x_labels(canvas, "epoch")?;
    Ok(panel)
}

fn curves(canvas: &Canvas, panel: &Panel, arms: &[Arm], name: &str, curve: fn(&Arm) -> &Curve) -> Result<(), String> {
    let n = arms.len() as f64;
    for (slot, arm) in arms.iter().enumerate() {
        // arms stand side by side within an epoch, so ranges do not cover each other
        let shift = (slot as f64 - (n - 1.0) / 2.0) * 0.5;
        let mut points = Vec::new();
        for (epoch, values) in curve(arm) {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let (x, y) = panel.at(*epoch as f64, mean);
            points.push(((x + shift, y), format!("{}, epoch {epoch}: mean {name} {}", arm.id, digits(mean))));
            let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
            let ends = [low, high].map(|value| (x + shift, panel.at(*epoch as f64, value).1));
            canvas.line(&ends, arm.look.colour, THIN_MM, &[])?;
        }
        let line: Vec<_> = points.iter().map(|point| point.0).collect();
        canvas.line(&line, arm.look.colour, LINE_MM, arm.look.dash)?;
        // every epoch of a long training would be a string of beads
        let every = points.len().div_ceil(12).max(1);
        for (at, title) in points.iter().rev().step_by(every) {
            canvas.titled(title, || canvas.marker(arm.look.marker, *at, 0.8, arm.look.colour, false))?;
        }
    }
    Ok(())
}
