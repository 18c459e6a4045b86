//! The final models on the test split: a clean estimate, since no epoch was chosen there (spec 1.1).

use super::{TableDef, arm_cell, arms_of, interval_head};
use crate::error::Error;
use crate::frame::Select;
use crate::latex::Format;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "test",
    number: None,
    title: "The final models on the test split",
    inputs: &[Input::Measurements],
    build,
};

/// Metric and LaTeX head.
const METRICS: [(&str, &str); 6] = [
    ("s", "Mean $S$"),
    ("r10_a2m", "R@10 a$\\to$m"),
    ("r10_m2a", "R@10 m$\\to$a"),
    ("mrr_a2m", "MRR a$\\to$m"),
    ("hard_same_piece", "Same piece"),
    ("hard_random", "Random"),
];

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let (facts, frame) = (&sources.facts, sources.frame()?);
    let head = [Column::new("arm", "Arm", Align::Left), Column::new("seeds", "Seeds", Align::Right)];
    let mut columns: Vec<Column> = head.into_iter().collect();
    columns.extend(METRICS.iter().map(|(name, head)| Column::new(name, head, Align::Right)));
    columns.insert(3, Column::new("s_validation", "on validation", Align::Right));
    columns.insert(4, Column::new("s_validation_interval", &interval_head(facts), Align::Right));
    let mut sheet = Sheet::new(columns);
    for arm in arms_of(facts, frame, "test")? {
        let means = |stage: &str, metric: &str| -> Result<(usize, Cell), Error> {
            let select = Select::stage(stage).arm(&arm).condition("selected").metric(metric);
            let found = frame.filter(&select)?.measured()?;
            let Some(first) = found.first() else { return Ok((0, Cell::Missing)) };
            let mean = found.iter().map(|m| m.value).sum::<f64>() / found.len() as f64;
            Ok((found.len(), Cell::Number(mean, Format::of(metric, &first.unit))))
        };
        let (n_seeds, s) = means("test", "s")?;
        let mut cells = vec![arm_cell(facts, &arm), Cell::Number(n_seeds as f64, Format::Count), s];
        cells.push(means("replication", "s")?.1);
        let mean = frame.one(&Select::stage("replication").arm(&arm).condition("best").metric("s_mean"))?;
        cells.push(Cell::interval(mean.as_ref(), "s_mean"));
        for (metric, _) in &METRICS[1..] {
            cells.push(means("test", metric)?.1);
        }
        sheet.row(cells);
    }
    Ok(sheet)
}
