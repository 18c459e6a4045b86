//! The screening: S of every arm after a short training from one foundation, beside Table 2 of the paper.

use super::{TableDef, arms_of, interval_head, published_beside, ranked};
use crate::error::Error;
use crate::frame::Select;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "screening",
    title: "Screening: S, its difference to the baseline, hard negatives",
    inputs: &[Input::Measurements, Input::Published, Input::Compare],
    build,
};

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let (facts, frame) = (&sources.facts, sources.frame()?);
    let mut sheet = Sheet::new(vec![
        Column::new("arm", "Arm", Align::Left),
        Column::new("s", "$S$", Align::Right),
        Column::new("s_interval", &interval_head(facts), Align::Right),
        Column::new("delta_s", "$\\Delta S$", Align::Right),
        Column::new("delta_s_interval", &interval_head(facts), Align::Right),
        Column::new("s_last", "$S$ last", Align::Right),
        Column::new("hard_same_piece", "Same piece", Align::Right),
        Column::new("hard_random", "Random", Align::Right),
        Column::new("published_s", "$S$ publ.", Align::Right),
        Column::new("published_delta_s", "$\\Delta S$ publ.", Align::Right),
    ]);
    let selected = |arm: &str, metric: &str| Select::stage("screening").arm(arm).condition("selected").metric(metric);
    let versus = format!("best_vs_{}", facts.baseline);
    let delta = |arm: &str| Select::stage("screening").arm(arm).condition(&versus).metric("delta_s");
    let last = |arm: &str| Select::stage("screening").arm(arm).condition("last").metric("s");
    let s = |arm: &str| frame.one(&selected(arm, "s"));
    let arms = arms_of(facts, frame, "screening")?;
    let values =
        arms.iter().map(|arm| Ok((arm.clone(), s(arm)?.map(|m| m.value)))).collect::<Result<Vec<_>, Error>>()?;
    for arm in ranked(arms, |arm| values.iter().find(|(id, _)| id == arm)?.1) {
        let (s, difference) = (s(&arm)?, frame.one(&delta(&arm))?);
        let cell = |metric: &str| Ok::<_, Error>(Cell::measured(frame.one(&selected(&arm, metric))?.as_ref(), metric));
        let published = |metric: &str| {
            let select = if metric == "s" { selected(&arm, metric) } else { delta(&arm) };
            Ok::<_, Error>(Cell::measured(published_beside(sources, &select)?.as_ref(), metric))
        };
        sheet.row(vec![
            Cell::text(&arm),
            Cell::measured(s.as_ref(), "s"),
            Cell::interval(s.as_ref(), "s"),
            Cell::measured(difference.as_ref(), "delta_s"),
            Cell::interval(difference.as_ref(), "delta_s"),
            Cell::measured(frame.one(&last(&arm))?.as_ref(), "s"),
            cell("hard_same_piece")?,
            cell("hard_random")?,
            published("s")?,
            published("delta_s")?,
        ]);
    }
    Ok(sheet)
}
