//! Test 02: an arm trained and evaluated on descriptors that are real, zero, random or those of other windows, beside
//! the four numbers that the paper prints in prose (section 6.6).

use super::ablation::difference;
use super::battery::{Battery, Condition, Model, NORMAL, finished, published};
use super::{TableDef, interval_head};
use crate::error::Error;
use crate::latex::Format;
use crate::published::Leaf;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "controls",
    number: None,
    title: "Trained on other descriptors of equal size: S and its difference",
    inputs: &[Input::Measurements, Input::Published],
    build,
};

const STAGE: &str = "t02";
/// Condition, how it is written, and its name among the published values.
const CONDITIONS: [(&str, &str, &str); 4] = [
    (NORMAL, "real", "real"),
    ("zero", "zero", "zero"),
    ("random", "random, like those of training", "random"),
    ("shuffled", "of another window", "shuffled"),
];

/// A heading and the rows under it.
type Group = (String, Vec<Vec<Cell>>);

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let battery = Battery::read(sources, STAGE)?;
    let interval = interval_head(&sources.facts);
    let mut sheet = Sheet::new(vec![
        Column::new("condition", "Descriptors", Align::Left),
        Column::new("s", "$S$", Align::Right),
        Column::new("s_interval", &interval, Align::Right),
        Column::new("delta_s", "$\\Delta$ to real", Align::Right),
        Column::new("delta_s_interval", &interval, Align::Right),
        Column::new("published_s", "$S$ publ.", Align::Right),
        Column::new("published_delta_s", "$\\Delta$ publ.", Align::Right),
    ]);
    for model in &battery.models {
        let conditions = sorted(battery.conditions(Some(model), "s")?);
        if conditions.is_empty() {
            continue;
        }
        sheet.group(battery.label(model));
        for condition in conditions {
            let mut cells = vec![Cell::text(words(&condition))];
            cells.extend(battery.pair(model, &condition.name, "s")?);
            cells.extend(difference(&condition, battery.pair(model, &condition.name, "delta_s")?));
            let [s, delta] = printed(sources, model, &condition)?;
            cells.push(s);
            cells.extend(difference(&condition, [delta]));
            sheet.row(cells);
        }
    }
    for (heading, rows) in means(&battery)? {
        sheet.group(heading);
        for row in rows {
            sheet.row(row);
        }
    }
    Ok(finished(sheet))
}

/// In the order of [`CONDITIONS`], others last by name.
fn sorted(mut conditions: Vec<Condition>) -> Vec<Condition> {
    conditions.sort_by_key(|condition| (rank(&condition.name), condition.name.clone()));
    conditions
}

fn rank(name: &str) -> usize {
    CONDITIONS.iter().position(|(known, ..)| *known == name).unwrap_or(CONDITIONS.len())
}

fn words(condition: &Condition) -> String {
    let known = CONDITIONS.get(rank(&condition.name));
    known.map_or_else(|| condition.name.clone(), |(_, words, _)| (*words).to_owned())
}

/// S and difference of the paper, beside the run of the seed that it has.
fn printed(sources: &Sources, model: &Model, condition: &Condition) -> Result<[Cell; 2], Error> {
    let seed = sources.published()?.find("test02_controls_meta.seed").and_then(Leaf::number);
    let same = seed.is_none() || model.seed.map(|seed| seed as f64) == seed;
    let Some((.., name)) = CONDITIONS.get(rank(&condition.name)).filter(|_| same) else {
        return Ok([Cell::Missing, Cell::Missing]);
    };
    let path = |column: &str| format!("test02_controls.{name}.{column}");
    Ok([
        published(sources, &path("S"), Format::Fixed(1))?,
        published(sources, &path("delta_vs_real"), Format::Signed(1))?,
    ])
}

/// Means over seeds of every arm that has several, without intervals.
fn means(battery: &Battery) -> Result<Vec<Group>, Error> {
    let mut runs: Vec<Vec<&Model>> = Vec::new();
    for model in &battery.models {
        match runs.iter_mut().find(|of| of[0].arm == model.arm && of[0].schedule == model.schedule) {
            Some(of) => of.push(model),
            None => runs.push(vec![model]),
        }
    }
    let mut groups = Vec::new();
    for models in runs.into_iter().filter(|models| models.len() > 1) {
        let mut rows = Vec::new();
        for condition in sorted(battery.conditions(Some(models[0]), "s")?) {
            let mut cells = vec![Cell::text(words(&condition))];
            let [s, delta] = [mean(battery, &models, &condition, "s")?, mean(battery, &models, &condition, "delta_s")?];
            let [delta] = difference(&condition, [delta]);
            cells.extend([s, Cell::text(""), delta, Cell::text(""), Cell::text(""), Cell::text("")]);
            rows.push(cells);
        }
        let first = models[0];
        groups.push((format!("{}, {}, mean of {} seeds", first.arm, first.schedule, models.len()), rows));
    }
    Ok(groups)
}

/// The mean over models, if all have the value.
fn mean(battery: &Battery, models: &[&Model], condition: &Condition, metric: &str) -> Result<Cell, Error> {
    let (mut sum, mut unit) = (0.0, String::new());
    for model in models {
        let Some(measured) = battery.one(model, &condition.name, metric)? else { return Ok(Cell::Missing) };
        sum += measured.value;
        unit = measured.unit;
    }
    Ok(Cell::Number(sum / models.len() as f64, Format::of(metric, &unit)))
}
