//! S of every arm of the architecture families, as bars, beside the baseline of the screening and the chance level.

use super::{FigureDef, bars};
use crate::error::Error;
use crate::sources::Sources;

pub(super) const DEF: FigureDef = FigureDef {
    id: "families",
    number: None,
    title: "S of every architecture family with its interval",
    inputs: bars::INPUTS,
    draw,
};

fn draw(sources: &Sources) -> Result<String, Error> {
    bars::draw(sources, "families")
}
