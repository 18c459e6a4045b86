//! S of every seed and arm of the replication, with mean and standard deviation, and the chance level.

use super::{FigureDef, failed};
use crate::error::Error;
use crate::frame::Select;
use crate::latex::Format;
use crate::sources::{Input, Sources};
use crate::style::{self, At, Axis, GREY, INK, LINE_MM, Panel, THIN_MM, look};

pub(super) const DEF: FigureDef = FigureDef {
    id: "seeds",
    number: None,
    title: "S of every seed of the replication",
    inputs: &[Input::Measurements],
    draw,
};

struct Arm {
    id: String,
    idx: usize,
    /// S by seed.
    values: Vec<(Option<u64>, f64)>,
}

fn digits(value: f64) -> String {
    Format::Fixed(1).plain(value)
}

fn draw(sources: &Sources) -> Result<String, Error> {
    let arms = arms(sources)?;
    let chance = sources.chance()?;
    let width = 22.0 + 24.0 * arms.len().max(2) as f64;
    paint(&arms, chance, width.min(160.0)).map_err(|what| failed(DEF.id, what))
}

fn arms(sources: &Sources) -> Result<Vec<Arm>, Error> {
    let selected = sources.frame()?.filter(&Select::stage("replication").condition("selected").metric("s"))?;
    let mut arms = Vec::new();
    for (idx, arm) in sources.facts.arms.iter().enumerate() {
        let rows = selected.filter(&Select::default().arm(&arm.id))?;
        let values: Vec<_> = rows.seeds()?.into_iter().zip(rows.measured()?.iter().map(|m| m.value)).collect();
        if !values.is_empty() {
            arms.push(Arm { id: arm.id.clone(), idx, values });
        }
    }
    Ok(arms)
}

fn paint(arms: &[Arm], (chance, of): (f64, &str), width: f64) -> Result<String, String> {
    style::draw((width, 62.0), |canvas| {
        let n = arms.len().max(1) as f64;
        let all = arms.iter().flat_map(|arm| arm.values.iter().map(|seed| seed.1)).chain([chance, 0.0]);
        let x = Axis { low: 0.0, high: n, ticks: Vec::new() };
        let panel = Panel::new(canvas, [10.0, 8.0, width - 3.0, 54.0], x, Axis::covering(all, 5), "S (%)")?;
        let [left, _, right, bottom] = panel.frame;
        let y = panel.at(0.0, chance).1;
        canvas.line(&[(left, y), (right, y)], GREY, LINE_MM, &[1.4, 1.0])?;
        canvas.text(&format!("chance of {of}"), (right, y - 2.0), At::End, GREY)?;
        let mut widest = 0.0_f64;
        for arm in arms {
            widest = widest.max(canvas.text_width(&arm.id)?);
        }
        // names that would touch go to two rows in turn
        let crowded = widest + 1.5 > (right - left) / n;
        for (slot, arm) in arms.iter().enumerate() {
            let look = look(arm.idx);
            let centre = slot as f64 + 0.5;
            let row = if crowded && slot % 2 == 1 { 3.2 } else { 0.0 };
            canvas.text(&arm.id, (panel.at(centre, 0.0).0, bottom + 3.2 + row), At::Middle, INK)?;
            let (mean, sd) = mean_sd(&arm.values.iter().map(|seed| seed.1).collect::<Vec<_>>());
            let (mx, my) = panel.at(centre, mean);
            // mean and deviation stand left of the dots, so nothing lies on top of anything; all shrink if arms are many
            let scale = ((right - left) / n / 24.0).min(1.0);
            let x = mx - 5.0 * scale;
            let title = format!("{}: mean {}, SD {} %", arm.id, digits(mean), digits(sd));
            canvas.titled(&title, || {
                let ends = [mean - sd, mean + sd].map(|value| (x, panel.at(centre, value).1));
                canvas.line(&ends, look.colour, THIN_MM * 1.5, &[])?;
                canvas.line(&[(x - 2.0 * scale, my), (x + 2.0 * scale, my)], look.colour, LINE_MM * 1.6, &[])
            })?;
            let mut values = arm.values.clone();
            values.sort_by(|a, b| a.1.total_cmp(&b.1));
            for (k, (seed, value)) in values.iter().enumerate() {
                let spread = (k as f64 - (values.len() as f64 - 1.0) / 2.0) * 1.9 * scale;
                let at = (mx + 2.5 * scale + spread, panel.at(centre, *value).1);
                let seed = seed.map(|seed| format!(", seed {seed}")).unwrap_or_default();
                canvas.titled(&format!("{}{seed}: S {} %", arm.id, digits(*value)), || {
                    canvas.marker(look.marker, at, 0.95 * scale.max(0.6), look.colour, false)
                })?;
            }
        }
        Ok(())
    })
}

fn mean_sd(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    if values.len() < 2 {
        return (mean, 0.0);
    }
    let squares = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
    (mean, (squares / (n - 1.0)).sqrt())
}
