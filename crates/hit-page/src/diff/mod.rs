//! Two results folders held against each other: two machines, two commits, two seeds.

mod causes;
mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use hit_claims::Outcome;
use hit_stats::Measurement;
use serde::Serialize;

pub use causes::{Fact, Root, Stages};

use crate::results::Cell;
use crate::{Results, Sources};

/// How far two numbers may lie apart and still agree. Zero means the same number.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize)]
pub struct Tolerance {
    /// For `%` and `pp`, in points.
    pub points: f64,
    /// For everything else, as a share of the larger of the two, or of [`Tolerance::FLOOR`] where both are smaller.
    pub relative: f64,
}

impl Tolerance {
    /// Below this size numbers are not told apart by their share of each other but by their share of this. What is measured
    /// without a unit and comes near zero are correlations, R², cosines, gaps between them and p-values: 0.001 against
    /// −0.001 is nearly the same there, although the one is 200 % off the other. With `relative` 0.01 they agree up to 0.001.
    pub const FLOOR: f64 = 0.1;
}

/// How two folders agree, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Agreement {
    /// Every measurement is the same in every digit.
    Same,
    /// Every measurement is within the tolerance.
    Within,
    /// A measurement is not, or a measurement or claim is in one folder only.
    Different,
    /// A claim comes out otherwise.
    Flipped,
}

/// A number as one of the folders has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Value {
    /// The number.
    pub value: f64,
    /// Its interval.
    pub interval: Option<(f64, f64)>,
    /// Its unit.
    pub unit: String,
    /// Number of cases.
    pub n: Option<u64>,
}

/// A measurement that differs by more than the tolerance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Experiment.
    pub stage: String,
    /// Arm.
    pub arm: String,
    /// Schedule.
    pub schedule: String,
    /// Training seed.
    pub seed: Option<u64>,
    /// Condition.
    pub condition: String,
    /// Metric.
    pub metric: String,
    /// In A.
    pub a: Value,
    /// In B.
    pub b: Value,
    /// What differs: `unit`, `n`, `value`, or `interval`.
    pub what: &'static str,
    /// How far value or interval lie apart: points for `%` and `pp`, else relative as [`Tolerance::relative`]. The larger
    /// of the two.
    pub distance: f64,
    /// Stage in the lock of A that it comes from.
    pub source: Option<String>,
}

/// What is in one folder only.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize)]
pub struct Only {
    /// In A.
    pub a: Vec<String>,
    /// In B.
    pub b: Vec<String>,
}

/// A claim that comes out otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flip {
    /// Its id.
    pub id: String,
    /// In words.
    pub text: String,
    /// In A.
    pub a: Outcome,
    /// In B.
    pub b: Outcome,
}

/// One of the two folders.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// The folder.
    pub folder: String,
    /// Its profile, if stated.
    pub profile: Option<String>,
    /// Measurements in it.
    pub measurements: usize,
}

/// How two results folders differ; as JSON a contract.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diff {
    /// One folder.
    pub a: Side,
    /// The other.
    pub b: Side,
    /// What still agrees.
    pub tolerance: Tolerance,
    /// How they agree as a whole.
    pub agreement: Agreement,
    /// Measurements that are the same in every digit.
    pub same: usize,
    /// Measurements that are not, but within the tolerance.
    pub within: usize,
    /// Measurements beyond it, worst first.
    pub different: Vec<Difference>,
    /// Measurements in one folder only.
    pub measurements_only: Only,
    /// Exported files with the same digest.
    pub files_same: usize,
    /// Exported files with another.
    pub files_different: Vec<String>,
    /// Exported files in one folder only.
    pub files_only: Only,
    /// Claims that come out the same.
    pub claims_same: usize,
    /// Claims that do not.
    pub claims_flipped: Vec<Flip>,
    /// Claims in one folder only.
    pub claims_only: Only,
    /// Facts about the runs that differ.
    pub facts: Vec<Fact>,
    /// Stages that differ, if both folders have a lock.
    pub stages: Option<Stages>,
}

/// Holds two folders against each other.
pub fn diff(a: &Results, b: &Results, tolerance: Tolerance) -> Diff {
    let (rows_a, rows_b) = (by_cell(a), by_cell(b));
    let sources = Sources::of(a);
    let (mut same, mut within, mut different) = (0, 0, Vec::new());
    for (cell, (place, row)) in &rows_a {
        let Some((_, other)) = rows_b.get(cell) else { continue };
        match compare(row, other, tolerance) {
            None => same += 1,
            Some((_, _, true)) => within += 1,
            Some((what, distance, false)) => {
                let source = sources.get(*place).map(|source| source.stage.clone());
                different.push(difference(row, other, what, distance, source));
            }
        }
    }
    different.sort_by(worst_first);
    let (files_same, files_different, files_only) = keyed(&a.files, &b.files);
    let outcomes = |results: &Results| -> BTreeMap<String, Outcome> {
        results.claims.iter().map(|claim| (claim.id.clone(), claim.outcome)).collect()
    };
    let (claims_a, claims_b) = (outcomes(a), outcomes(b));
    let (claims_same, flipped, claims_only) = keyed(&claims_a, &claims_b);
    let flip = |id: String| {
        let text = a.claims.iter().find(|claim| claim.id == id).map(|claim| claim.text.clone()).unwrap_or_default();
        Flip { text, a: claims_a[&id], b: claims_b[&id], id }
    };
    let claims_flipped: Vec<Flip> = flipped.into_iter().map(flip).collect();
    let lacking = |from: &BTreeMap<Cell, (usize, &Measurement)>, other: &BTreeMap<Cell, (usize, &Measurement)>| {
        from.iter().filter(|(cell, _)| !other.contains_key(*cell)).map(|(_, (_, row))| label(row)).collect::<Vec<_>>()
    };
    let measurements_only = Only { a: lacking(&rows_a, &rows_b), b: lacking(&rows_b, &rows_a) };
    let agreement = match () {
        () if !claims_flipped.is_empty() => Agreement::Flipped,
        () if !different.is_empty() || measurements_only != Only::default() || claims_only != Only::default() => {
            Agreement::Different
        }
        () if within > 0 => Agreement::Within,
        () => Agreement::Same,
    };
    Diff {
        a: side(a),
        b: side(b),
        tolerance,
        agreement,
        same,
        within,
        different,
        measurements_only,
        files_same,
        files_different,
        files_only,
        claims_same,
        claims_flipped,
        claims_only,
        facts: causes::facts(a, b),
        stages: causes::stages(a, b),
    }
}

impl Diff {
    /// For a terminal: at most 120 columns, and at most `most` lines of each kind.
    pub fn text(&self, most: usize) -> String {
        text::text(self, most)
    }
}

fn by_cell(results: &Results) -> BTreeMap<Cell<'_>, (usize, &Measurement)> {
    results.measurements.iter().enumerate().map(|(place, row)| (row.cell(), (place, row))).collect()
}

fn side(results: &Results) -> Side {
    Side {
        folder: results.folder.display().to_string(),
        profile: results
            .provenance
            .as_ref()
            .map(|provenance| provenance.profile.clone())
            .filter(|name| !name.is_empty()),
        measurements: results.measurements.len(),
    }
}

/// `stage/arm@schedule#seed condition metric`, without what does not apply.
fn label(row: &Measurement) -> String {
    name(&row.stage, &row.arm, &row.schedule, row.seed, &row.condition, &row.metric)
}

fn name(stage: &str, arm: &str, schedule: &str, seed: Option<u64>, condition: &str, metric: &str) -> String {
    let mut run = arm.to_owned();
    if !schedule.is_empty() {
        run = format!("{run}@{schedule}");
    }
    if let Some(seed) = seed {
        run = format!("{run}#{seed}");
    }
    let whole = if run.is_empty() { stage.to_owned() } else { format!("{stage}/{run}") };
    [whole.as_str(), condition, metric].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What differs, how far, and whether that is within the tolerance; none if nothing does.
fn compare(a: &Measurement, b: &Measurement, tolerance: Tolerance) -> Option<(&'static str, f64, bool)> {
    let points = matches!(a.unit.as_str(), "%" | "pp");
    let apart = |x: f64, y: f64| match (x == y, points) {
        (true, _) => 0.0,
        (false, true) => (x - y).abs(),
        (false, false) => (x - y).abs() / x.abs().max(y.abs()).max(Tolerance::FLOOR),
    };
    let of_value = apart(a.value, b.value);
    let of_interval = match (a.interval, b.interval) {
        (Some(a), Some(b)) => apart(a.0, b.0).max(apart(a.1, b.1)),
        _ => 0.0,
    };
    let distance = of_value.max(of_interval);
    if a.unit != b.unit {
        return Some(("unit", distance, false));
    }
    if a.n != b.n {
        return Some(("n", distance, false));
    }
    if a.interval.is_some() != b.interval.is_some() {
        return Some(("interval", distance, false));
    }
    let allowed = if points { tolerance.points } else { tolerance.relative };
    match (of_value > 0.0, of_interval > 0.0) {
        (false, false) => None,
        (_, of_interval) => {
            let what = if of_interval && distance > of_value { "interval" } else { "value" };
            Some((what, distance, distance <= allowed))
        }
    }
}

fn difference(
    a: &Measurement,
    b: &Measurement,
    what: &'static str,
    distance: f64,
    source: Option<String>,
) -> Difference {
    let value =
        |row: &Measurement| Value { value: row.value, interval: row.interval, unit: row.unit.clone(), n: row.n };
    Difference {
        stage: a.stage.clone(),
        arm: a.arm.clone(),
        schedule: a.schedule.clone(),
        seed: a.seed,
        condition: a.condition.clone(),
        metric: a.metric.clone(),
        a: value(a),
        b: value(b),
        what,
        distance,
        source,
    }
}

/// A point counts as a hundredth, so that points and shares can stand in one list.
fn worst_first(a: &Difference, b: &Difference) -> std::cmp::Ordering {
    let size = |row: &Difference| match row.a.unit.as_str() {
        "%" | "pp" => row.distance / 100.0,
        _ => row.distance,
    };
    size(b).total_cmp(&size(a))
}

/// How many entries of two maps are the same, which differ, and which are in one only.
fn keyed<T: PartialEq>(a: &BTreeMap<String, T>, b: &BTreeMap<String, T>) -> (usize, Vec<String>, Only) {
    let (mut same, mut different) = (0, Vec::new());
    for (key, value) in a {
        match b.get(key) {
            Some(other) if other == value => same += 1,
            Some(_) => different.push(key.clone()),
            None => {}
        }
    }
    let lacking = |from: &BTreeMap<String, T>, other: &BTreeMap<String, T>| {
        from.keys().filter(|key| !other.contains_key(*key)).cloned().collect()
    };
    (same, different, Only { a: lacking(a, b), b: lacking(b, a) })
}
