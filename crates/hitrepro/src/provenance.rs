//! Volatile facts about a run: when, how long, on what. They go to `provenance.json` and nowhere else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, SystemTime};

use hit_engine::{Graph, RunOptions, Summary};
use serde_json::{Value, json};

use crate::project::{Compute, Project};
use crate::sharing::slots_per_gpu;
use crate::system::{Checkout, Hardware, timestamp};

/// Name of the file in the results folder.
pub const PROVENANCE: &str = "provenance.json";

/// One finished run.
pub struct Run<'a> {
    /// The project.
    pub project: &'a Project,
    /// Where models ran.
    pub compute: &'a Compute,
    /// How it ran.
    pub options: &'a RunOptions,
    /// What it did.
    pub summary: &'a Summary,
    /// When it began.
    pub started: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// Energy that the processor used meanwhile, by this and everything else; none if it does not tell.
    pub energy_joules: Option<f64>,
    /// How long each executed stage took.
    pub durations: BTreeMap<String, Duration>,
}

impl Run<'_> {
    /// What `provenance.json` says: of this run if it did anything, else what it says already.
    pub fn facts(&self, graph: &Graph) -> Value {
        let before = if self.summary.executed.is_empty() { read(&self.project.results()) } else { None };
        before.unwrap_or_else(|| self.new_facts(graph))
    }

    fn new_facts(&self, graph: &Graph) -> Value {
        let ids: BTreeSet<&str> = graph.nodes().iter().map(|node| node.id.as_str()).collect();
        let gpus = crate::commands::doctor::gpu_names();
        json!({
            "format": 1,
            "profile": self.project.name,
            "corpus": self.project.profile.corpus.text(),
            "started": timestamp(self.started),
            "finished": timestamp(self.started + self.took),
            "seconds": seconds(self.took),
            "executed": self.summary.executed.len(),
            "cached": self.summary.cached.len(),
            "backend": self.compute.backend,
            "devices": self.compute.devices,
            "slots_per_gpu": slots_per_gpu(&self.compute.devices, self.options),
            "jobs": self.options.jobs,
            "threads_per_stage": self.options.threads_per_stage,
            "hitrepro": env!("CARGO_PKG_VERSION"),
            "rust": env!("HITREPRO_RUSTC"),
            "energy_joules": self.energy_joules,
            "checkout": Checkout::detect(&self.project.root),
            "hardware": Hardware::detect(gpus),
            "latex": hit_report::latex::find_engine().map(|engine| engine.version),
            "stage_seconds": stage_seconds(&self.durations, &earlier(&self.project.results()), &ids),
        })
    }
}

/// Durations of earlier runs, as the file that is there states them.
fn earlier(results: &Path) -> BTreeMap<String, f64> {
    let seconds = |value: Value| serde_json::from_value(value.get("stage_seconds")?.clone()).ok();
    read(results).and_then(seconds).unwrap_or_default()
}

/// The file that is there, if it is one.
fn read(results: &Path) -> Option<Value> {
    let text = fs_err::read_to_string(results.join(PROVENANCE)).ok()?;
    serde_json::from_str(&text).ok().filter(Value::is_object)
}

/// Durations of this run, and of earlier ones for stages that were not run now and still exist.
fn stage_seconds(
    now: &BTreeMap<String, Duration>,
    earlier: &BTreeMap<String, f64>,
    ids: &BTreeSet<&str>,
) -> BTreeMap<String, f64> {
    let before = earlier.iter().filter(|(id, _)| ids.contains(id.as_str())).map(|(id, seconds)| (id.clone(), *seconds));
    let mut all: BTreeMap<String, f64> = before.collect();
    all.extend(now.iter().map(|(id, took)| (id.clone(), seconds(*took))));
    all
}

/// Seconds to the millisecond.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_earlier_runs_stay_while_their_stages_do() {
        let now = BTreeMap::from([("a".to_owned(), Duration::from_micros(1_234_567))]);
        let before = BTreeMap::from([("a".to_owned(), 9.0), ("b".to_owned(), 2.0), ("gone".to_owned(), 3.0)]);
        let all = stage_seconds(&now, &before, &BTreeSet::from(["a", "b"]));
        assert_eq!(all, BTreeMap::from([("a".to_owned(), 1.235), ("b".to_owned(), 2.0)]));
    }

    #[test]
    fn a_file_that_is_something_else_is_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        assert!(earlier(dir.path()).is_empty());
        for text in ["", "[]", "{\"stage_seconds\": 3}", "{\"stage_seconds\": {\"a\": \"x\"}}"] {
            fs_err::write(dir.path().join(PROVENANCE), text).unwrap();
            assert!(earlier(dir.path()).is_empty(), "{text}");
        }
        fs_err::write(dir.path().join(PROVENANCE), "{\"stage_seconds\": {\"a\": 1.5}}").unwrap();
        assert_eq!(earlier(dir.path()), BTreeMap::from([("a".to_owned(), 1.5)]));
    }
}
