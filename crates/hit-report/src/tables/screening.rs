//! The screening: S of every arm after a short training from one foundation, beside Table 2 of the paper.

use super::{TableDef, arms};
use crate::error::Error;
use crate::sheet::Sheet;
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "screening",
    number: Some("2"),
    title: "Screening: S, its difference to the baseline, hard negatives",
    inputs: &[Input::Measurements, Input::Published, Input::Compare],
    build,
};

fn build(sources: &Sources) -> Result<Sheet, Error> {
    arms::build(sources, "screening", false)
}
