//! Test 10: cosines of matched and of random pairs, and how well the drawings in the plane keep neighbours, beside the
//! numbers printed in Figure 11 of the paper.

use super::battery::{Battery, NORMAL, finished, published};
use super::{TableDef, interval_head};
use crate::error::Error;
use crate::latex::Format;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "cosines",
    number: None,
    title: "Cosines of matched and of random pairs",
    inputs: &[Input::Measurements, Input::Published],
    build,
};

const STAGE: &str = "t10";
/// How a cosine is written, as in Figure 11.
const COSINE: Format = Format::Fixed(3);
/// Metric, LaTeX head, name in Figure 11 if it is printed there, whether an interval follows.
const METRICS: [(&str, &str, Option<&str>, bool); 9] = [
    ("cosine_matched", "Matched", Some("matched"), true),
    ("cosine_matched_sd", "SD", None, false),
    ("cosine_random", "Random", Some("random"), true),
    ("cosine_random_sd", "SD", None, false),
    ("cosine_gap", "Gap", Some("gap"), true),
    ("cosine_auc", "Above", None, false),
    ("modality_gap", "Between means", None, false),
    ("trust_tsne", "t-SNE", None, false),
    ("trust_umap", "UMAP", None, false),
];

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let battery = Battery::read(sources, STAGE)?;
    let interval = interval_head(&sources.facts);
    let mut columns = vec![Column::new("row", "", Align::Left)];
    for (metric, head, _, with_interval) in METRICS {
        columns.push(Column::new(metric, head, Align::Right));
        if with_interval {
            columns.push(Column::new(&format!("{metric}_interval"), &interval, Align::Right));
        }
    }
    let mut sheet = Sheet::new(columns);
    for model in &battery.models {
        sheet.group(battery.label(model));
        let (mut ours, mut theirs) = (vec![Cell::text("ours")], vec![Cell::text("published")]);
        for (metric, _, printed, with_interval) in METRICS {
            let found = battery.one(model, NORMAL, metric)?;
            let interval = found.as_ref().and_then(|found| found.interval);
            ours.push(found.map_or(Cell::Missing, |found| Cell::Number(found.value, COSINE)));
            theirs.push(match printed {
                Some(printed) => published(sources, &format!("fig11_cosine.{}.{printed}", model.arm), COSINE)?,
                None => Cell::text(""),
            });
            if with_interval {
                ours.push(interval.map_or(Cell::Missing, |interval| Cell::Interval(interval, COSINE)));
                theirs.push(Cell::text(""));
            }
        }
        sheet.row(ours);
        if theirs.iter().any(|cell| matches!(cell, Cell::Number(..))) {
            sheet.row(theirs);
        }
    }
    Ok(finished(sheet))
}
