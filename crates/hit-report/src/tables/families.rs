//! The architecture families: FiLM, mixture of experts and third tower against the baseline of the screening, beside
//! Table 3 of the paper.

use super::{TableDef, arms, arms_of};
use crate::error::Error;
use crate::latex::Format;
use crate::sheet::Sheet;
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "families",
    number: Some("3"),
    title: "Architecture families: S, its difference to the baseline, hard negatives",
    inputs: &[Input::Measurements, Input::Published, Input::Compare],
    build,
};

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let mut sheet = arms::build(sources, "families", true)?;
    if let Some(note) = baseline_note(sources) {
        sheet.note(note);
    }
    for arm in arms_of(&sources.facts, sources.frame()?, "families")? {
        if let Some(note) = epoch_note(sources, &arm)? {
            sheet.note(note);
        }
    }
    Ok(sheet)
}

/// Where the row of the baseline comes from, and that it had more epochs to be best at.
fn baseline_note(sources: &Sources) -> Option<String> {
    let facts = &sources.facts;
    let (families, start) = (facts.families.as_ref()?, facts.experiment(arms::START)?);
    let list = |epochs: &[usize]| epochs.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let from = format!("{} is that of the {}", facts.baseline, arms::START);
    Some(if families.evaluate == start.evaluate {
        format!("{from}.")
    } else {
        format!(
            "{from}, the best of epochs {}; the families are the best of {}.",
            list(&start.evaluate),
            list(&families.evaluate)
        )
    })
}

/// For an arm whose published S is not the best of its epochs: what the other would be (inconsistencies 3.2).
fn epoch_note(sources: &Sources, arm: &str) -> Result<Option<String>, Error> {
    let number = |field: &str| {
        let leaf = sources.published()?.find(&format!("table03_families.{arm}.{field}"));
        Ok::<_, Error>(leaf.and_then(crate::published::Leaf::number))
    };
    let (Some(epoch), Some(other)) = (number("epoch_of_S")?, number("S_epoch3")?) else { return Ok(None) };
    let (epoch, other) = (Format::Count.plain(epoch), Format::Fixed(1).plain(other));
    Ok(Some(format!(
        "Published S of {arm} is that of epoch {epoch}; epoch 3 had {other}, which the rule of the other arms would report."
    )))
}
