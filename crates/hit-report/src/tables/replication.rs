//! The replication over seeds with the same queries for all: mean, spread, and the test against the baseline. Table 12 of
//! the paper is another quantity, see [`super::variants`].

use super::{TableDef, arm_cell, arms_of, interval_head};
use crate::error::Error;
use crate::frame::Select;
use crate::latex::Format;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "replication",
    number: None,
    title: "Replication over seeds, with tests against the baseline",
    inputs: &[Input::Measurements],
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
    let columns = METRICS.iter().map(|(name, head, _)| Column::new(name, head, Align::Right));
    let mut columns: Vec<Column> = std::iter::once(Column::new("arm", "Arm", Align::Left)).chain(columns).collect();
    // behind the mean and the difference, counted before either is there
    for (at, name) in [(6, "delta_s_interval"), (2, "s_mean_interval")] {
        columns.insert(at, Column::new(name, &interval_head(facts), Align::Right));
    }
    let mut sheet = Sheet::new(columns);
    let mut above_chance = Vec::new();
    let against = format!("best_vs_{}", facts.baseline);
    for arm in arms_of(facts, frame, "replication")? {
        let measured = |metric: &str, compares: bool| {
            let condition = if compares { against.as_str() } else { "best" };
            frame.one(&Select::stage("replication").arm(&arm).condition(condition).metric(metric))
        };
        let mut cells = vec![arm_cell(facts, &arm)];
        for (metric, _, compares) in METRICS {
            let value = measured(metric, compares)?;
            cells.push(Cell::measured(value.as_ref(), metric));
            if ["s_mean", "delta_s"].contains(&metric) {
                cells.push(Cell::interval(value.as_ref(), metric));
            }
        }
        if measured("excludes_chance", false)?.is_some_and(|flag| flag.value == 1.0) {
            above_chance.push(arm.clone());
        }
        sheet.row(cells);
    }
    let (chance, of) = sources.chance()?;
    let chance = Format::Fixed(1).plain(chance);
    let above = if above_chance.is_empty() { "no arm".to_owned() } else { above_chance.join(", ") };
    sheet.note(format!("S, its spread and differences in % and pp. Chance level of {of} in this pool: {chance} %."));
    sheet.note(format!("The interval of the mean lies above the chance level for: {above}."));
    Ok(sheet)
}
