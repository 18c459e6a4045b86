//! Test 12: the selected models without any change, all measures of retrieval, beside Table 5 of the paper.

use super::battery::{Battery, Model, finished, published};
use super::{TableDef, interval_head};
use crate::error::Error;
use crate::latex::Format;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "scoreboard",
    number: Some("5"),
    title: "Selected models: every measure of retrieval",
    inputs: &[Input::Measurements, Input::Published],
    build,
};

const STAGE: &str = "t12";
/// Metric without its direction, LaTeX head, column of Table 5, and whether an interval follows.
const DIRECTED: [(&str, &str, &str, bool); 6] = [
    ("r1", "R@1", "R1", false),
    ("r5", "R@5", "R5", false),
    ("r10", "R@10", "R10", true),
    ("r20", "R@20", "R20", false),
    ("mrr", "MRR", "MRR", false),
    ("mean_rank", "Rank", "mean_rank", false),
];
/// Metric, LaTeX head, column of Table 5, whether an interval follows. The negative of Table 5 is the random one
/// (inconsistencies 2.2); the other stands in the run files.
const BOTH: [(&str, &str, &str, bool); 3] = [
    ("s", "$S$", "S", true),
    ("hard_same_piece", "Same piece", "hard_neg_same_piece", false),
    ("hard_random", "Random", "hard_neg", false),
];
/// Direction and how it is written.
const DIRECTIONS: [(&str, &str); 2] = [("a2m", "audio → MIDI"), ("m2a", "MIDI → audio")];

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let battery = Battery::read(sources, STAGE)?;
    let interval = interval_head(&sources.facts);
    let mut columns = vec![Column::new("row", "", Align::Left), Column::new("direction", "Direction", Align::Left)];
    for (metric, head, _, with_interval) in DIRECTED.into_iter().chain(BOTH) {
        columns.push(Column::new(metric, head, Align::Right));
        if with_interval {
            columns.push(Column::new(&format!("{metric}_interval"), &interval, Align::Right));
        }
    }
    let mut sheet = Sheet::new(columns);
    for model in &battery.models {
        sheet.group(battery.label(model));
        for (idx, direction) in DIRECTIONS.into_iter().enumerate() {
            sheet.row(ours(&battery, model, direction, idx == 0)?);
        }
        for (idx, direction) in DIRECTIONS.into_iter().enumerate() {
            let cells = printed(sources, &model.arm, direction, idx == 0)?;
            if cells.iter().any(|cell| matches!(cell, Cell::Number(..))) {
                sheet.row(cells);
            }
        }
    }
    Ok(finished(sheet))
}

/// A row of a model: what has a direction, and in the `first` what has none.
fn ours(battery: &Battery, model: &Model, (direction, words): (&str, &str), first: bool) -> Result<Vec<Cell>, Error> {
    let mut cells = vec![Cell::text("ours"), Cell::text(words)];
    for (metric, _, _, interval) in DIRECTED {
        let pair = battery.pair(model, "selected", &format!("{metric}_{direction}"))?;
        cells.extend(pair.into_iter().take(if interval { 2 } else { 1 }));
    }
    for (metric, _, _, interval) in BOTH {
        let pair = if first { battery.pair(model, "selected", metric)? } else { [blank(), blank()] };
        cells.extend(pair.into_iter().take(if interval { 2 } else { 1 }));
    }
    Ok(cells)
}

/// The same of Table 5 and its run files.
fn printed(sources: &Sources, arm: &str, (direction, words): (&str, &str), first: bool) -> Result<Vec<Cell>, Error> {
    let mut cells = vec![Cell::text("published"), Cell::text(words)];
    let path = |column: &str| format!("table05_scoreboard.{arm}.{column}");
    for (metric, _, column, interval) in DIRECTED {
        let format = match metric {
            "mrr" => Format::Fixed(3),
            _ => Format::Fixed(1),
        };
        cells.push(published(sources, &path(&format!("{column}_{direction}")), format)?);
        cells.extend(interval.then(blank));
    }
    for (_, _, column, interval) in BOTH {
        cells.push(if first { published(sources, &path(column), Format::Fixed(1))? } else { blank() });
        cells.extend(interval.then(blank));
    }
    Ok(cells)
}

/// Nothing, because it stands in the row above or cannot be.
fn blank() -> Cell {
    Cell::text("")
}
