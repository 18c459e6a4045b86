//! All pairs of arms of the replication: Welch's test with Holm's correction.

use super::{TableDef, arms_of, interval_head};
use crate::error::Error;
use crate::frame::Select;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "pairwise",
    number: None,
    title: "All pairs of arms with Holm's correction",
    inputs: &[Input::Measurements],
    build,
};

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let (facts, frame) = (&sources.facts, sources.frame()?);
    let metrics = [
        ("delta_s", "$\\Delta S$ (pp)"),
        ("welch_t", "$t$"),
        ("welch_df", "df"),
        ("welch_p", "$p$"),
        ("holm_p", "$p$ (Holm)"),
        ("cohen_d", "$d$"),
    ];
    let head = Column::new("pair", "Pair", Align::Left);
    let columns = metrics.iter().map(|(name, head)| Column::new(name, head, Align::Right));
    let mut columns: Vec<Column> = std::iter::once(head).chain(columns).collect();
    columns.insert(2, Column::new("delta_s_interval", &interval_head(facts), Align::Right));
    let mut sheet = Sheet::new(columns);
    let arms = arms_of(facts, frame, "replication")?;
    for arm in &arms {
        for other in &arms {
            let select = Select::stage("replication").arm(arm).condition(&format!("best_vs_{other}"));
            let pair = frame.filter(&select)?;
            if pair.one(&Select::default().metric("holm_p"))?.is_none() {
                continue;
            }
            let mut cells = vec![Cell::text(format!("{arm} − {other}"))];
            for (metric, _) in metrics {
                cells.push(Cell::measured(pair.one(&Select::default().metric(metric))?.as_ref(), metric));
            }
            let delta = pair.one(&Select::default().metric("delta_s"))?;
            cells.insert(2, Cell::interval(delta.as_ref(), "delta_s"));
            sheet.row(cells);
        }
    }
    Ok(sheet)
}
