//! S of tested models with white noise on the audio (after Figure 7 of the paper).

use super::curves::{self, Curve, Plot, Point};
use super::tested::{self, published};
use super::{FigureDef, failed};
use crate::error::Error;
use crate::sources::{Input, Sources};
use crate::tables::battery::{Battery, NORMAL};

pub(super) const DEF: FigureDef = FigureDef {
    id: "noise",
    number: Some("7"),
    title: "S with noise on the audio",
    inputs: &[Input::Measurements, Input::Published],
    draw,
};

/// A level of noise: how far the signal is above it, decibels; none without noise.
type Level = Option<f64>;

fn draw(sources: &Sources) -> Result<String, Error> {
    let battery = Battery::read(sources, "t09")?;
    let models = tested::models(sources, &battery)?;
    let levels = levels(&battery)?;
    let mut curves = Vec::new();
    for of in &models {
        let mut points = Vec::new();
        for (slot, (level, condition)) in levels.iter().enumerate() {
            let Some(value) = battery.one(&of.model, condition, "s")? else { continue };
            let column = level.map_or("clean".to_owned(), |db| format!("snr{db}"));
            let published = published(sources, &format!("fig07_noise.{}.{column}", of.model.arm))?;
            let what = match level {
                None => format!("{}, no noise: S", of.label),
                Some(db) => format!("{}, signal {db} dB above noise: S", of.label),
            };
            points.push(Point { x: slot as f64, value, published, what });
        }
        curves.push(Curve { of, points });
    }
    let name = |level: &Level| level.map_or("none".to_owned(), |db| db.to_string());
    let plot = Plot {
        title: "S (%)".to_owned(),
        x_title: "signal above white noise (dB)".to_owned(),
        places: levels.iter().enumerate().map(|(slot, (level, _))| (slot as f64, name(level))).collect(),
        curves,
        metric: "s",
        level: curves::chance(sources)?,
    };
    curves::draw(&[plot], 120.0, 78.0).map_err(|what| failed(DEF.id, what))
}

/// Levels from none to the loudest, with their conditions; none at all if no noise was measured.
fn levels(battery: &Battery) -> Result<Vec<(Level, String)>, Error> {
    let conditions = battery.conditions(None, "s")?;
    let noise = conditions.iter().filter(|condition| condition.kind == "snr_db");
    let mut levels: Vec<(f64, String)> = noise.filter_map(|it| Some((it.number()?, it.name.clone()))).collect();
    levels.sort_by(|a, b| b.0.total_cmp(&a.0));
    let clean = (!levels.is_empty()).then(|| (None, NORMAL.to_owned()));
    Ok(clean.into_iter().chain(levels.into_iter().map(|(db, name)| (Some(db), name))).collect())
}
