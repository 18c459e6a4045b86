//! S of tested models with transposed notes, both signs (after Figure 4 of the paper).

use super::curves::{self, Curve, Plot, Point};
use super::tested::{self, Tested, published};
use super::{FigureDef, failed};
use crate::error::Error;
use crate::sources::{Input, Sources};
use crate::tables::battery::{Battery, Condition, NORMAL};

pub(super) const DEF: FigureDef = FigureDef {
    id: "transposition",
    number: Some("4"),
    title: "S with transposed notes",
    inputs: &[Input::Measurements, Input::Published],
    draw,
};

fn draw(sources: &Sources) -> Result<String, Error> {
    let battery = Battery::read(sources, "t04")?;
    let models = tested::models(sources, &battery)?;
    let mut curves = Vec::new();
    let mut places: Vec<(f64, String)> = Vec::new();
    for of in &models {
        let mut points = Vec::new();
        for condition in battery.conditions(Some(&of.model), "s")? {
            let Some(x) = semitones(&condition) else { continue };
            let Some(value) = battery.one(&of.model, &condition.name, "s")? else { continue };
            let path = format!("table07_transposition.{}.{}", of.model.arm, column(x));
            points.push(Point { x, value, published: published(sources, &path)?, what: what(of, x) });
            if places.iter().all(|place| place.0 != x) {
                places.push((x, signed(x)));
            }
        }
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        curves.push(Curve { of, points });
    }
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    let plot = Plot {
        title: "S (%)".to_owned(),
        x_title: "notes transposed by semitones, audio unchanged".to_owned(),
        places,
        curves,
        metric: "s",
        level: curves::chance(sources)?,
    };
    curves::draw(&[plot], 120.0, 78.0).map_err(|what| failed(DEF.id, what))
}

fn semitones(condition: &Condition) -> Option<f64> {
    if condition.name == NORMAL {
        return Some(0.0);
    }
    condition.number().filter(|_| condition.kind == "transpose")
}

fn column(semitones: f64) -> String {
    match semitones {
        0.0 => "zero".to_owned(),
        up if up > 0.0 => format!("plus{up}"),
        down => format!("minus{}", -down),
    }
}

fn signed(x: f64) -> String {
    match x {
        0.0 => "0".to_owned(),
        up if up > 0.0 => format!("+{up}"),
        down => format!("−{}", -down),
    }
}

fn what(of: &Tested, x: f64) -> String {
    match x {
        0.0 => format!("{}, notes unchanged: S", of.label),
        x => format!("{}, notes {} semitones: S", of.label, signed(x)),
    }
}
