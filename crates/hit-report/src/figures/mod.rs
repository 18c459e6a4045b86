//! Figures: one file a figure, one line each in [`FIGURES`].

mod ablation;
mod bands;
mod bars;
mod cka;
mod confirmation;
mod cosines;
mod curves;
mod dashboard;
mod families;
mod noise;
mod overview;
mod projection;
mod screening;
mod seeds;
mod tested;
mod training;
mod transposition;

use std::collections::BTreeMap;

use hit_stage::{Context, Stage, StageError};
use serde::Serialize;

use crate::error::Error;
use crate::facts::Facts;
use crate::sources::{Input, Sources};
use crate::style;
use crate::tables::numbered;

/// A figure that can be drawn.
pub struct FigureDef {
    /// Id: the stage is `figure/<id>`, the files `figures/<id>.svg` and `.pdf`.
    pub id: &'static str,
    /// Its number in the paper; none if the paper has no such figure. [`numbers`] has the numbers of all.
    pub number: Option<&'static str>,
    /// What it shows.
    pub title: &'static str,
    /// What it is made from.
    pub inputs: &'static [Input],
    draw: fn(&Sources) -> Result<String, Error>,
}

/// All figures, in the order of the paper.
pub const FIGURES: &[FigureDef] = &[
    overview::DEF,
    screening::DEF,
    families::DEF,
    confirmation::DEF,
    seeds::DEF,
    training::DEF,
    ablation::DEF,
    transposition::DEF,
    bands::DEF,
    noise::DEF,
    dashboard::DEF,
    cka::DEF,
    projection::TSNE,
    projection::UMAP,
    cosines::DEF,
];

/// Numbers of all figures by id, as printed: that of the paper, or `R1`, `R2`, ... in the order of [`FIGURES`] where the
/// paper has no such figure.
pub fn numbers() -> BTreeMap<&'static str, String> {
    numbered(FIGURES.iter().map(|def| (def.id, def.number)))
}

/// The figure of that id.
///
/// # Errors
/// [`Error::Unknown`] with the ids there are.
pub fn figure(id: &str) -> Result<&'static FigureDef, Error> {
    FIGURES.iter().find(|def| def.id == id).ok_or_else(|| Error::Unknown {
        kind: "figure",
        id: id.to_owned(),
        known: FIGURES.iter().map(|def| def.id).collect::<Vec<_>>().join(", "),
    })
}

/// Stage `figure/<id>`: outputs `svg` and `pdf`, both of the print size and with the bundled font.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// Id of the figure.
    pub id: String,
    /// Facts about the campaign.
    pub facts: Facts,
}

impl Stage for Figure {
    const KIND: &'static str = "figure";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["svg", "pdf"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let def = figure(&self.id)?;
        let sources = Sources::read(def.id, &self.facts, def.inputs, cx)?;
        let svg = (def.draw)(&sources)?;
        let pdf = style::pdf(&svg).map_err(|what| failed(def.id, what))?;
        cx.write("svg", svg)?;
        cx.write("pdf", pdf)
    }
}

fn failed(id: &str, what: String) -> Error {
    Error::Draw { id: id.to_owned(), what }
}

#[cfg(test)]
mod tests;
