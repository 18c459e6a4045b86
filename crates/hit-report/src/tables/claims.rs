//! What the paper claims and how it comes out here; failures are printed as plainly as successes.

use super::TableDef;
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
    let (frame, published) = (sources.frame()?, sources.published()?);
    let mut sheet = Sheet::new(vec![
        Column::new("claim", "Claim", Align::Wrap(80)),
        Column::new("source", "Source", Align::Left),
        Column::new("ours", "Ours", Align::Right),
        Column::new("criterion", "Criterion", Align::Left),
        Column::new("outcome", "Outcome", Align::Left),
    ]);
    for claim in &sources.compare()?.claim {
        let (ours, outcome) = claim.test(frame, published)?;
        let measured = frame.one(&claim.measurement)?;
        let metric = claim.measurement.metric.as_deref().unwrap_or_default();
        debug_assert_eq!(ours, measured.as_ref().map(|m| m.value));
        sheet.row(vec![
            Cell::text(&claim.text),
            Cell::text(&published.get(&claim.source)?.source),
            Cell::measured(measured.as_ref(), metric),
            Cell::text(criterion(sources, claim)?),
            Cell::text(outcome.words()),
        ]);
    }
    Ok(sheet)
}

fn criterion(sources: &Sources, claim: &Claim) -> Result<String, Error> {
    Ok(match &claim.relation {
        Relation::Above(threshold) => format!("> {threshold}"),
        Relation::BelowPublished(key) => {
            let threshold = sources.published()?.get(key)?.number().unwrap_or(f64::NAN);
            format!("< {}", Format::PValue.plain(threshold))
        }
        Relation::Highest => "highest".to_owned(),
    })
}
