//! What the paper claims and how it comes out here; failures are printed as plainly as successes.

use super::variants::AS_PUBLISHED;
use super::{TableDef, interval_head};
use crate::compare::{Claim, Relation};
use crate::error::Error;
use crate::latex::Format;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "claims",
    title: "Claims of the paper and their outcome here",
    inputs: &[Input::Measurements, Input::Published, Input::Compare],
    build,
};

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let (facts, frame, published) = (&sources.facts, sources.frame()?, sources.published()?);
    let mut sheet = Sheet::new(vec![
        Column::new("claim", "Claim", Align::Wrap(80)),
        Column::new("source", "Source", Align::Wrap(24)),
        Column::new("published", "Published", Align::Right),
        Column::new("arm", "Arm", Align::Left),
        Column::new("ours", "Ours", Align::Right),
        Column::new("ours_interval", &interval_head(facts), Align::Right),
        Column::new("criterion", "Criterion", Align::Left),
        Column::new("outcome", "Outcome", Align::Left),
    ]);
    let compare = sources.compare()?;
    for claim in &compare.claim {
        let tested = compare.test(claim, frame, published)?;
        let metric = claim.measurement.metric.as_deref().unwrap_or_default();
        let leaf = published.get(&claim.source)?;
        let theirs = leaf.number().map(|value| Cell::Number(value, Format::of(metric, &leaf.unit)));
        sheet.row(vec![
            Cell::text(&claim.text),
            Cell::text(claim.stated.as_ref().unwrap_or(&leaf.source)),
            theirs.unwrap_or(Cell::Missing),
            tested.arm.map_or(Cell::Missing, Cell::text),
            Cell::measured(tested.ours.as_ref(), metric),
            Cell::interval(tested.ours.as_ref(), metric),
            Cell::text(criterion(sources, claim)?),
            Cell::text(tested.outcome.words()),
        ]);
    }
    sheet.note("The published value is the one that the claim rests on. Of claims about several arms, the arm nearest to failing is given.");
    if compare.claim.iter().any(|claim| claim.measurement.stage.as_deref() == Some(AS_PUBLISHED)) {
        sheet.note("Replication: tested with queries drawn with the training seed, as published, at the best of the evaluated epochs.");
    }
    compare.notes().for_each(|note| sheet.note(note));
    Ok(sheet)
}

fn criterion(sources: &Sources, claim: &Claim) -> Result<String, Error> {
    let rule = match &claim.relation {
        Relation::Above(threshold) => format!("> {threshold}"),
        Relation::AtMost(threshold) => format!("≤ {threshold}"),
        Relation::BelowPublished(key) => {
            let threshold = sources.published()?.get(key)?.number().unwrap_or(f64::NAN);
            format!("< {}", Format::PValue.plain(threshold))
        }
        Relation::AboveArms(arms) if arms.len() > 2 => format!("> all {}", arms.len()),
        Relation::AboveArms(arms) => format!("> {}", arms.join(", ")),
        Relation::Highest => "highest".to_owned(),
        Relation::Lowest => "lowest".to_owned(),
    };
    Ok(if claim.arms.is_empty() { rule } else { format!("{rule}, each") })
}
