//! Test 08, second part: correlations of embeddings with summaries of descriptors over a window, beside what the paper
//! states of them (section 5.5).

use std::collections::BTreeMap;

use super::TableDef;
use super::battery::{Battery, Model, finished, published};
use crate::error::Error;
use crate::frame::Select;
use crate::latex::Format;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "summaries",
    number: None,
    title: "Correlation of embeddings with summaries of descriptors",
    inputs: &[Input::Measurements, Input::Published],
    build,
};

const STAGE: &str = "t08";
const PREFIX: &str = "summary.";
/// Metric, LaTeX head, and whether the largest over the values of a descriptor is meant and not the mean.
const METRICS: [(&str, &str, bool); 4] = [
    ("abs_r_max", "of the mean size: largest", true),
    ("abs_r_mean", "mean", false),
    ("abs_r_max_time_mean", "of the mean: largest", true),
    ("abs_r_mean_time_mean", "mean", false),
];
/// How a correlation is written.
const R: Format = Format::Fixed(3);

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let battery = Battery::read(sources, STAGE)?;
    let mut columns =
        vec![Column::new("descriptor", "Descriptor", Align::Left), Column::new("n", "Values", Align::Right)];
    columns.extend(METRICS.map(|(name, head, _)| Column::new(name, head, Align::Right)));
    let mut sheet = Sheet::new(columns);
    for model in &battery.models {
        let found = descriptors(sources, model)?;
        if !found.is_empty() {
            sheet.group(battery.label(model));
        }
        for (descriptor, dims) in found {
            let mut cells = vec![Cell::text(descriptor.to_uppercase()), Cell::Number(dims.len() as f64, Format::Count)];
            for (metric, _, largest) in METRICS {
                let mut values = Vec::new();
                for condition in dims.values() {
                    values.extend(battery.one(model, condition, metric)?.map(|found| found.value));
                }
                let folded = match (values.len(), largest) {
                    (0, _) => None,
                    (_, true) => values.iter().copied().reduce(f64::max),
                    (n, false) => Some(values.iter().sum::<f64>() / n as f64),
                };
                cells.push(folded.map_or(Cell::Missing, |value| Cell::Number(value, R)));
            }
            sheet.row(cells);
        }
    }
    if !sheet.rows.is_empty() {
        let [stated, found] = ["max_abs_pearson", "max_single_pearson"]
            .map(|column| published(sources, &format!("table09_bands_meta.{column}"), Format::Fixed(2)));
        sheet.note(format!(
            "Published of the plain mean over time: below {} in the text. The run files name {} as the largest single correlation, and not of which descriptor.",
            stated?.plain(),
            found?.plain()
        ));
    }
    Ok(finished(sheet))
}

/// The values of each descriptor whose summaries were correlated, with the name of their condition.
fn descriptors(sources: &Sources, model: &Model) -> Result<BTreeMap<String, BTreeMap<u32, String>>, Error> {
    let mut select = Select::stage(STAGE).arm(&model.arm).schedule(&model.schedule);
    select.seed = model.seed;
    let mut found: BTreeMap<String, BTreeMap<u32, String>> = BTreeMap::new();
    for condition in sources.frame()?.filter(&select)?.distinct("condition")? {
        if let Some((descriptor, dim)) = summary(&condition) {
            found.entry(descriptor.to_owned()).or_default().insert(dim, condition.clone());
        }
    }
    Ok(found)
}

/// Descriptor and value of a condition `summary.<descriptor>.<value>`.
fn summary(condition: &str) -> Option<(&str, u32)> {
    let (descriptor, dim) = condition.strip_prefix(PREFIX)?.rsplit_once('.')?;
    Some((descriptor, dim.parse().ok()?)).filter(|(descriptor, _)| !descriptor.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_value_of_a_descriptor_is_a_summary() {
        assert_eq!(summary("summary.a4.11"), Some(("a4", 11)));
        assert_eq!(summary("summary.a.b.0"), Some(("a.b", 0)));
        for name in
            ["summary", "summary.", "summary.a4", "summary..3", "summary.a4.-1", "zero_dim.3.a4", "summary.a4.x"]
        {
            assert_eq!(summary(name), None, "{name}");
        }
    }
}
