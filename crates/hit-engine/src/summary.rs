//! What a run is told, and what it tells: options, an observer, a summary.

use std::time::Duration;

use serde::Serialize;

/// How to run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Stages at a time, at least 1.
    pub jobs: usize,
    /// Device slots: a device is named as often as stages may share it (`cuda:0`, `cuda:1`, `cuda:0`, `cuda:1`, or `cpu`
    /// several times). A stage that needs a device takes a slot on the one that holds the fewest stages, among equals on
    /// the one named first.
    pub devices: Vec<String>,
    /// Threads that one stage may use.
    pub threads_per_stage: usize,
    /// Whether independent stages go on after a failure.
    pub keep_going: bool,
}

impl Default for RunOptions {
    /// One job on one CPU slot that goes on after failures.
    fn default() -> Self {
        Self { jobs: 1, devices: vec!["cpu".to_owned()], threads_per_stage: 1, keep_going: true }
    }
}

/// How a stage came to its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was run.
    Executed,
    /// Its result was in the store.
    Cached,
}

/// Hears what happens, on the thread that called [`crate::Engine::run`] (or another method that takes an observer).
pub trait Observer: Send + Sync {
    /// A stage begins to run.
    fn started(&self, _stage: &str) {}
    /// A running stage has finished `done` of `total` units.
    fn progress(&self, _stage: &str, _done: u64, _total: u64, _unit: &str) {}
    /// External files are being read for their digests: `done` of `total` bytes; the two are equal when all are read.
    ///
    /// Heard before and between stages, and only if there is a file that is new or has changed.
    fn hashing(&self, _done: u64, _total: u64) {}
    /// A stage has its result.
    fn finished(&self, _stage: &str, _outcome: Outcome, _duration: Duration) {}
    /// A stage failed.
    fn failed(&self, _stage: &str, _error: &str) {}
    /// Something else worth telling: a damaged object, a wait for another process.
    fn note(&self, _text: &str) {}
}

/// Hears nothing.
pub struct Silent;

impl Observer for Silent {}

/// A stage that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Its id.
    pub stage: String,
    /// The error and its causes.
    pub error: String,
}

/// A stage that was not run because another failed or the run was stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotRun {
    /// Its id.
    pub stage: String,
    /// Why: the failed stage, or `stopped`.
    pub because: String,
}

/// What a run did; lists in the order of the graph.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Stages that were run.
    pub executed: Vec<String>,
    /// Stages whose result was there.
    pub cached: Vec<String>,
    /// Stages that failed.
    pub failed: Vec<Failure>,
    /// Stages that were therefore not run.
    pub not_run: Vec<NotRun>,
    /// Whether the run was asked to stop before it was through.
    pub cancelled: bool,
}

impl Summary {
    /// Whether every selected stage has its result.
    pub fn complete(&self) -> bool {
        self.failed.is_empty() && self.not_run.is_empty()
    }
}
