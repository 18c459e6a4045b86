//! S of every screened arm with its interval, as bars, beside the baseline and the chance level.

use super::{FigureDef, bars};
use crate::error::Error;
use crate::sources::Sources;

pub(super) const DEF: FigureDef = FigureDef {
    id: "screening",
    number: Some("2"),
    title: "S of every screened arm with its interval",
    inputs: bars::INPUTS,
    draw,
};

fn draw(sources: &Sources) -> Result<String, Error> {
    bars::draw(sources, "screening")
}
