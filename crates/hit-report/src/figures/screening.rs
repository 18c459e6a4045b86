//! S of every screened arm with its interval, sorted, beside the baseline.

use super::{FigureDef, failed};
use crate::error::Error;
use crate::frame::{Measured, Select};
use crate::sources::{Input, Sources};
use crate::style::{self, At, Axis, GREY, INK, LINE_MM, PALE, Panel, THIN_MM, look};

pub(super) const DEF: FigureDef = FigureDef {
    id: "screening",
    title: "S of every screened arm with its interval",
    inputs: &[Input::Measurements],
    draw,
};

struct Arm {
    id: String,
    idx: usize,
    s: Measured,
}

fn draw(sources: &Sources) -> Result<String, Error> {
    let facts = &sources.facts;
    let selected = sources.frame()?.filter(&Select::stage("screening").condition("selected").metric("s"))?;
    let mut arms = Vec::new();
    for (idx, arm) in facts.arms.iter().enumerate() {
        if let Some(s) = selected.one(&Select::default().arm(&arm.id))? {
            arms.push(Arm { id: arm.id.clone(), idx, s });
        }
    }
    arms.sort_by(|a, b| b.s.value.total_cmp(&a.s.value));
    let baseline = arms.iter().find(|arm| arm.id == facts.baseline).map(|arm| arm.s.value);
    paint(&arms, baseline, &facts.baseline, sources.chance()?).map_err(|what| failed(DEF.id, what))
}

fn paint(arms: &[Arm], baseline: Option<f64>, name: &str, (chance, of): (f64, &str)) -> Result<String, String> {
    let (width, row) = (110.0, 6.0);
    let height = 20.0 + row * arms.len().max(1) as f64;
    style::draw((width, height), |canvas| {
        let mut labels = 8.0_f64;
        for arm in arms {
            labels = labels.max(canvas.text_width(&arm.id)?);
        }
        let ends = arms.iter().flat_map(|arm| arm.s.interval.map_or([arm.s.value; 2], |(low, high)| [low, high]));
        let x = Axis::covering(ends.chain([0.0, chance]), 6);
        let frame = [labels + 6.0, 6.5, width - 4.0, height - 10.0];
        let [left, top, right, bottom] = frame;
        let panel = Panel { frame, x, y: Axis { low: 0.0, high: 1.0, ticks: Vec::new() } };
        for tick in &panel.x.ticks {
            let at = panel.at(*tick, 0.0).0;
            canvas.line(&[(at, top), (at, bottom)], PALE, THIN_MM, &[])?;
        }
        canvas.line(&[(left, bottom), (right, bottom)], INK, THIN_MM, &[])?;
        panel.x_labels(canvas, "S (%)")?;
        reference(canvas, &panel, chance, &format!("chance of {of}"))?;
        if let Some(value) = baseline {
            reference(canvas, &panel, value, name)?;
        }
        for (slot, arm) in arms.iter().enumerate() {
            let y = top + row * (slot as f64 + 0.5);
            let look = look(arm.idx);
            canvas.text(&arm.id, (left - 2.0, y), At::End, INK)?;
            if let Some((low, high)) = arm.s.interval {
                let ends = [low, high].map(|value| panel.at(value, 0.0).0);
                canvas.line(&[(ends[0], y), (ends[1], y)], look.colour, LINE_MM, &[])?;
                for x in ends {
                    canvas.line(&[(x, y - 0.9), (x, y + 0.9)], look.colour, LINE_MM, &[])?;
                }
            }
            canvas.marker(look.marker, (panel.at(arm.s.value, 0.0).0, y), 1.1, look.colour, false)?;
        }
        Ok(())
    })
}

fn reference(canvas: &style::Canvas, panel: &Panel, value: f64, name: &str) -> Result<(), String> {
    let [_, top, _, bottom] = panel.frame;
    let x = panel.at(value, 0.0).0;
    canvas.line(&[(x, top), (x, bottom)], GREY, THIN_MM * 1.5, &[1.4, 1.0])?;
    canvas.text(name, (x, top - 2.6), At::Middle, GREY)
}
