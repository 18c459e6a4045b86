//! Which stage a measurement comes from.
//!
//! The lock lists what the table of all measurements was put together from. Which of these outputs a row was in follows from
//! the names; whether that is true is then checked: the rows said to be of an output, written as a table, must have its digest.
//! Rows of outputs that fail this are said to come from the stage that made the whole table, which is true of every row.

use std::collections::BTreeMap;
use std::path::Path;

use hit_engine::Lock;
use hit_schema::RunId;
use hit_stage::Digest;
use hit_stats::Measurement;
use serde::Serialize;

use crate::Results;
use crate::results::Cell;

/// Stage that puts all measurements together, and its output.
const ALL: &str = "measurements";

/// An output of a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Stage id.
    pub stage: String,
    /// Output.
    pub output: String,
    /// Key of the stage.
    pub key: Digest,
    /// Digest of the output.
    pub digest: Digest,
}

/// Where the rows of a table of measurements come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Outputs that hold rows, by stage id.
    pub outputs: Vec<Source>,
    /// For every measurement its place in `outputs`.
    pub of: Vec<Option<usize>>,
}

/// An output that may hold a row.
struct Candidate {
    stage: String,
    output: String,
    /// What stands between the kind and the run in the id of the stage.
    experiment: String,
    /// Perturbation that precedes the condition of its rows.
    prefix: String,
    run: Option<RunId>,
}

impl Sources {
    /// Finds them.
    pub fn of(results: &Results) -> Self {
        let none = || Self { outputs: Vec::new(), of: vec![None; results.measurements.len()] };
        results.lock.as_ref().and_then(|lock| find(lock, results)).unwrap_or_else(none)
    }

    /// Source of the row at that place.
    pub fn get(&self, row: usize) -> Option<&Source> {
        self.outputs.get((*self.of.get(row)?)?)
    }
}

fn find(lock: &Lock, results: &Results) -> Option<Sources> {
    let rows = &results.measurements;
    let whole = lock.stages.get(ALL)?;
    let candidates: Vec<Candidate> = whole.inputs.keys().filter_map(|name| candidate(name)).collect();
    let exported = exported(lock, results, &candidates);
    let mut claimed: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (idx, row) in rows.iter().enumerate() {
        let found = exported.get(&row.cell()).copied().or_else(|| best(&candidates, row));
        if let Some(found) = found {
            claimed.entry(found).or_default().push(idx);
        }
    }
    let mut sources = Sources { outputs: Vec::new(), of: vec![None; rows.len()] };
    if let Some(output) = whole.outputs.get(ALL) {
        let (stage, key) = (ALL.to_owned(), whole.key);
        sources.outputs.push(Source { stage: stage.clone(), output: stage, key, digest: output.digest });
        sources.of.fill(Some(0));
    }
    for (candidate, places) in claimed {
        let Candidate { stage, output, .. } = &candidates[candidate];
        let Some(locked) = lock.stages.get(stage) else { continue };
        let Some(digest) = locked.outputs.get(output).map(|output| output.digest) else { continue };
        let own: Vec<Measurement> = places.iter().map(|place| rows[*place].clone()).collect();
        if Measurement::to_csv(&own).is_ok_and(|text| Digest::of(text.as_bytes()) == digest) {
            let place = sources.outputs.len();
            sources.outputs.push(Source { stage: stage.clone(), output: output.clone(), key: locked.key, digest });
            for row in places {
                sources.of[row] = Some(place);
            }
        }
    }
    Some(sources)
}

/// `intervals/t04/transpose.+3/D0@cosine#42/measurements`: a stage, with run, and its output.
fn candidate(name: &str) -> Option<Candidate> {
    let (stage, output) = name.rsplit_once('/')?;
    let mut parts: Vec<&str> = stage.split('/').skip(1).collect();
    let run = parts.last().and_then(|last| last.parse::<RunId>().ok());
    if run.is_some() {
        parts.pop();
    }
    let (experiment, rest) = parts.split_first()?;
    Some(Candidate {
        stage: stage.to_owned(),
        output: output.to_owned(),
        experiment: (*experiment).to_owned(),
        prefix: rest.join("/"),
        run,
    })
}

/// Cells of candidates that are exported as tables of measurements themselves.
fn exported<'a>(lock: &Lock, results: &'a Results, candidates: &[Candidate]) -> BTreeMap<Cell<'a>, usize> {
    let mut cells = BTreeMap::new();
    for (idx, candidate) in candidates.iter().enumerate() {
        let exports = lock.stages.get(&candidate.stage).into_iter().flat_map(|stage| stage.exports.keys());
        for path in exports.filter(|path| Path::new(path).extension().is_some_and(|extension| extension == "csv")) {
            let Ok(rows) = Measurement::read(&results.folder.join(path)) else { continue };
            for row in rows {
                if let Ok(at) = results.measurements.binary_search_by(|other| other.cell().cmp(&row.cell())) {
                    cells.insert(results.measurements[at].cell(), idx);
                }
            }
        }
    }
    cells
}

/// The candidate whose name fits the row best.
fn best(candidates: &[Candidate], row: &Measurement) -> Option<usize> {
    let fits = candidates.iter().enumerate().filter_map(|(idx, candidate)| Some((fit(candidate, row)?, idx)));
    // of equals the first: the lock is sorted, so this is the same everywhere
    fits.max_by_key(|(fit, idx)| (*fit, std::cmp::Reverse(*idx))).map(|(_, idx)| idx)
}

/// How well a candidate fits: 0 is possible, more is better.
fn fit(candidate: &Candidate, row: &Measurement) -> Option<u8> {
    let own = candidate.experiment.strip_prefix(&row.stage)?;
    // `t02-zero` holds rows of `t02` whose condition begins with `zero/`
    let prefix = match (own.strip_prefix('-'), own) {
        (Some(condition), _) => condition,
        (None, "") => &candidate.prefix,
        _ => return None,
    };
    let below = !prefix.is_empty() && row.condition.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
    match &candidate.run {
        Some(run) if run.arm != row.arm || run.schedule != row.schedule || Some(run.seed) != row.seed => None,
        Some(_) if below => Some(3),
        Some(_) if !prefix.is_empty() => None,
        Some(_) if row.condition == "selected" || row.condition.starts_with("epoch=") => Some(2),
        Some(_) => Some(0),
        None => own.is_empty().then_some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn results(change: impl FnOnce(&std::path::Path)) -> Results {
        let dir = tempfile::tempdir().unwrap();
        fixture::write(dir.path());
        change(dir.path());
        Results::read(dir.path()).unwrap()
    }

    #[test]
    fn every_row_has_the_output_that_it_was_in() {
        let results = results(|_| ());
        let sources = Sources::of(&results);
        let expected: BTreeMap<String, &str> = fixture::rows()
            .into_iter()
            .flat_map(|(name, rows)| rows.into_iter().map(move |row| (format!("{:?}", row.cell()), name)))
            .collect();
        for (place, row) in results.measurements.iter().enumerate() {
            let source = sources.get(place).unwrap();
            assert_eq!(format!("{}/{}", source.stage, source.output), expected[&format!("{:?}", row.cell())]);
            assert_eq!(source.key, results.lock.as_ref().unwrap().stages[&source.stage].key);
        }
    }

    #[test]
    fn a_row_whose_output_does_not_check_comes_from_the_whole_table() {
        let mut results = results(|_| ());
        let at = results.measurements.iter().position(|row| row.condition == "zero.a4/selected").unwrap();
        results.measurements[at].value += 1.0;
        let sources = Sources::of(&results);
        assert_eq!(sources.get(at).unwrap().stage, "measurements");
        let others = (0..results.measurements.len()).filter(|place| *place != at);
        assert!(others.map(|place| sources.get(place).unwrap()).all(|source| source.stage != "measurements"));
    }

    #[test]
    fn without_a_lock_nothing_is_claimed() {
        let results = results(|dir| fs_err::remove_file(dir.join("pipeline.lock")).unwrap());
        let sources = Sources::of(&results);
        assert_eq!(sources.of.len(), results.measurements.len());
        assert!((0..200).all(|place| sources.get(place).is_none()));
    }

    #[test]
    fn exported_tables_tell_two_stages_of_an_experiment_apart() {
        let moved = fixture::row("t04", "a4r", Some(42), "offset.0", "moved", 1.5);
        let mut rows = fixture::rows();
        rows.insert("battery/t04-sensitivity/measurements", vec![moved.clone()]);
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        fixture::write(dir);
        let mut lock = fixture::lock(&rows);
        let file = serde_json::from_value(serde_json::json!({"digest": Digest::of(b""), "size": 0})).unwrap();
        let stage = lock.stages.get_mut("battery/t04-sensitivity").unwrap();
        stage.exports.insert("runs/sensitivity.csv".into(), file);
        fs_err::write(dir.join("pipeline.lock"), lock.render()).unwrap();
        fs_err::create_dir_all(dir.join("runs")).unwrap();
        fs_err::write(dir.join("runs/sensitivity.csv"), Measurement::to_csv(std::slice::from_ref(&moved)).unwrap())
            .unwrap();
        let all: Vec<Measurement> = rows.values().flatten().cloned().collect();
        fs_err::write(dir.join("measurements.csv"), Measurement::to_csv(&all).unwrap()).unwrap();
        let results = Results::read(dir).unwrap();
        let sources = Sources::of(&results);
        let at = results.measurements.iter().position(|row| row.metric == "moved").unwrap();
        assert_eq!(sources.get(at).unwrap().stage, "battery/t04-sensitivity");
        assert!(sources.outputs.iter().any(|source| source.stage == "battery/t04"), "the rest still checks");
    }

    #[test]
    fn names_fit_as_they_should() {
        let row = |condition: &str| fixture::row("t02", "D0", Some(1), condition, "s", 1.0);
        let fit = |name: &str, condition: &str| super::fit(&candidate(name).unwrap(), &row(condition));
        let run = "D0@cosine4#1/measurements";
        assert_eq!(fit(&format!("intervals/t02/zero.a4/{run}"), "zero.a4/selected"), Some(3));
        assert_eq!(fit(&format!("intervals/t02-zero/{run}"), "zero/selected"), Some(3));
        assert_eq!(fit(&format!("intervals/t02-zero/{run}"), "zero.a4/selected"), None);
        assert_eq!(fit(&format!("intervals/t02/{run}"), "epoch=003"), Some(2));
        assert_eq!(fit(&format!("intervals/t02/{run}"), "best"), Some(0));
        assert_eq!(fit("battery/t02/measurements", "best"), Some(1));
        assert_eq!(fit("battery/t03/measurements", "best"), None);
        assert_eq!(fit("intervals/t02/D0@cosine4#2/measurements", "selected"), None, "another seed");
    }
}
