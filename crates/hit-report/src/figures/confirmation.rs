//! S of every long run with its interval, as bars, beside the run of the baseline that the paper chose and the chance level.

use super::{FigureDef, bars};
use crate::error::Error;
use crate::sources::Sources;

pub(super) const DEF: FigureDef = FigureDef {
    id: "confirmation",
    number: None,
    title: "S of every long run with its interval",
    inputs: bars::INPUTS,
    draw,
};

fn draw(sources: &Sources) -> Result<String, Error> {
    bars::draw(sources, "confirmation")
}
