//! What single bands of A4 do to tested models: how far embeddings move when a band is raised, and what S loses when it is
//! zero (after Figure 6 of the paper).

use super::curves::{self, Curve, Plot, Point};
use super::tested::{self, Tested, published};
use super::{FigureDef, failed};
use crate::error::Error;
use crate::sources::{Input, Sources};
use crate::tables::battery::Battery;

pub(super) const DEF: FigureDef = FigureDef {
    id: "bands",
    number: Some("6"),
    title: "Single bands of A4: how far embeddings move, what S loses",
    inputs: &[Input::Measurements, Input::Published],
    draw,
};

const DESCRIPTOR: &str = "a4";

fn draw(sources: &Sources) -> Result<String, Error> {
    let battery = Battery::read(sources, "t08")?;
    let models = tested::models(sources, &battery)?;
    let moved = plot(sources, &battery, &models, "offset", "moved_audio_first", "embedding moved (L2)")?;
    let lost = plot(sources, &battery, &models, "zero_dim", "delta_s", "change of S, band at zero (pp)")?;
    curves::draw(&[moved, lost], 160.0, 72.0).map_err(|what| failed(DEF.id, what))
}

fn plot<'a>(
    sources: &Sources,
    battery: &Battery,
    models: &'a [Tested],
    kind: &str,
    metric: &'static str,
    title: &str,
) -> Result<Plot<'a>, Error> {
    let mut curves = Vec::new();
    let mut bands: Vec<u32> = Vec::new();
    for of in models {
        let mut points = Vec::new();
        for condition in battery.conditions(Some(&of.model), metric)? {
            let Some((band, DESCRIPTOR)) = condition.dim().filter(|_| condition.kind == kind) else { continue };
            let Some(value) = battery.one(&of.model, &condition.name, metric)? else { continue };
            let path = format!("table09_bands.{}.band{band}", of.model.arm);
            let published = if kind == "offset" { published(sources, &path)? } else { None };
            let what = if kind == "offset" { "raised: moved" } else { "at zero: change of S" };
            points.push(Point {
                x: f64::from(band),
                value,
                published,
                what: format!("{}, band {band} {what}", of.label),
            });
            bands.push(band);
        }
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        // a model without the descriptor has no curve and no place in the legend
        if !points.is_empty() {
            curves.push(Curve { of, points });
        }
    }
    bands.sort_unstable();
    bands.dedup();
    Ok(Plot {
        title: title.to_owned(),
        x_title: "band of A4, from low to high".to_owned(),
        places: bands.into_iter().map(|band| (f64::from(band), band.to_string())).collect(),
        curves,
        metric,
        level: None,
    })
}
