//! The replication over seeds, beside Table 12 of the paper: mean, spread, and the test against the baseline.

use super::{TableDef, arm_cell, arms_of, interval_head};
use crate::error::Error;
use crate::frame::Select;
use crate::latex::Format;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "replication",
    title: "Replication over seeds, with tests against the baseline",
    inputs: &[Input::Measurements, Input::Published, Input::Compare],
    build,
};

/// Metric, LaTeX head, and whether it compares with the baseline.
const METRICS: [(&str, &str, bool); 11] = [
    ("s_mean", "Mean $S$", false),
    ("s_sd", "SD", false),
    ("s_min", "Min", false),
    ("s_max", "Max", false),
    ("delta_s", "$\\Delta$", true),
    ("welch_t", "$t$", true),
    ("welch_df", "df", true),
    ("welch_p", "$p$", true),
    ("cohen_d", "$d$", true),
    ("hedges_g", "$g$", true),
    ("worst_minus_best", "Worst$-$best", true),
];

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let (facts, frame) = (&sources.facts, sources.frame()?);
    let head = [Column::new("arm", "Arm", Align::Left), Column::new("who", "", Align::Left)];
    let columns = METRICS.iter().map(|(name, head, _)| Column::new(name, head, Align::Right));
    let mut columns: Vec<Column> = head.into_iter().chain(columns).collect();
    columns.insert(3, Column::new("s_mean_interval", &interval_head(facts), Align::Right));
    let mut sheet = Sheet::new(columns);
    let mut above_chance = Vec::new();
    let against = format!("best_vs_{}", facts.baseline);
    for arm in arms_of(facts, frame, "replication")? {
        let select = |metric: &str, compares: bool| {
            let condition = if compares { against.as_str() } else { "best" };
            Select::stage("replication").arm(&arm).condition(condition).metric(metric)
        };
        let mut ours = vec![arm_cell(facts, &arm), Cell::text("ours")];
        let mut published = vec![Cell::text(""), Cell::text("published")];
        for (metric, _, compares) in METRICS {
            let select = select(metric, compares);
            ours.push(Cell::measured(frame.one(&select)?.as_ref(), metric));
            published.push(Cell::measured(sources.published_beside(&select)?.as_ref(), metric));
        }
        ours.insert(3, Cell::interval(frame.one(&select("s_mean", false))?.as_ref(), "s_mean"));
        published.insert(3, Cell::Missing);
        if frame.one(&select("excludes_chance", false))?.is_some_and(|flag| flag.value == 1.0) {
            above_chance.push(arm.clone());
        }
        sheet.row(ours);
        if published[2..].iter().any(|cell| *cell != Cell::Missing) {
            sheet.row(published);
        }
    }
    let (chance, of) = sources.chance()?;
    let chance = Format::Fixed(1).plain(chance);
    let above = if above_chance.is_empty() { "no arm".to_owned() } else { above_chance.join(", ") };
    sheet.note(format!("S, its spread and differences in % and pp. Chance level of {of} in this pool: {chance} %."));
    sheet.note(format!("The interval of the mean lies above the chance level for: {above}."));
    Ok(sheet)
}
