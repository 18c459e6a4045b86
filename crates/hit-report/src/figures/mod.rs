//! Figures: one file a figure, one line each in [`FIGURES`].

mod bars;
mod confirmation;
mod families;
mod screening;
mod seeds;
mod training;

use hit_stage::{Context, Stage, StageError};
use serde::Serialize;

use crate::error::Error;
use crate::facts::Facts;
use crate::sources::{Input, Sources};
use crate::style;

/// A figure that can be drawn.
pub struct FigureDef {
    /// Id: the stage is `figure/<id>`, the files `figures/<id>.svg` and `.pdf`.
    pub id: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// What it is made from.
    pub inputs: &'static [Input],
    draw: fn(&Sources) -> Result<String, Error>,
}

/// All figures, in the order of the paper.
pub const FIGURES: &[FigureDef] = &[screening::DEF, families::DEF, confirmation::DEF, seeds::DEF, training::DEF];

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
