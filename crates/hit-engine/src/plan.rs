//! Looking stages up: what is cached, what would run, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use hit_stage::{Artifact, Cancel, Digest};
use serde::Serialize;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::graph::{Graph, Node, Source};
use crate::hashing::{Digests, all_threads};
use crate::key::Recipe;
use crate::reason::{Reason, difference};
use crate::select::Selection;
use crate::store::{Finished, Latest, Loaded};
use crate::summary::Silent;

/// What would happen to a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its result is in the store.
    Cached,
    /// It would run; if its key is not known yet, unless the stages before it yield bytes for which there is a result.
    Run,
    /// It cannot run: a file is missing, or a stage before it is blocked.
    Blocked,
}

/// One line of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanRow {
    /// Stage id.
    pub stage: String,
    /// Its key, once all its inputs are known.
    pub key: Option<Digest>,
    /// What would happen.
    pub state: State,
    /// Why, unless it is cached.
    pub reason: Option<Reason>,
}

/// What a run would do; rows in the order of the graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// One row a selected stage.
    pub rows: Vec<PlanRow>,
}

/// How many stages are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// In the store.
    pub cached: usize,
    /// Would run.
    pub run: usize,
    /// Cannot run.
    pub blocked: usize,
}

impl Plan {
    /// Stages by state.
    pub fn counts(&self) -> Counts {
        let of = |state| self.rows.iter().filter(|row| row.state == state).count();
        Counts { cached: of(State::Cached), run: of(State::Run), blocked: of(State::Blocked) }
    }
}

/// An input as far as it is known.
pub(crate) enum Input {
    Known(Digest),
    /// Comes from this node, which is not finished.
    Pending(usize),
    NoFile(PathBuf),
    /// Why this file cannot be read.
    Unreadable(PathBuf, String),
}

/// By node: the record of its finished run.
pub(crate) type Done = [Option<Arc<Finished>>];

/// What looking up a key found.
pub(crate) enum Lookup {
    Hit(Arc<Finished>),
    Absent,
    /// The record is there, an object of this output is not.
    Lost(String),
    Damaged(String),
}

/// A plan together with the records of what is cached.
pub(crate) struct Walk {
    pub(crate) rows: Vec<PlanRow>,
    pub(crate) done: Vec<Option<Arc<Finished>>>,
}

impl Engine {
    /// What running the selected stages would do, with one reason each; changes nothing (but the digests of corpus files
    /// it had to read are noted: in the store, which is made if that was much).
    ///
    /// # Errors
    /// [`EngineError`] if the store cannot be read or a crate is unknown. A stage with a file that is absent or cannot be
    /// read is blocked.
    pub fn plan(&self, graph: &Graph, selection: &Selection) -> Result<Plan, EngineError> {
        Ok(Plan { rows: self.walk(graph, selection)?.rows })
    }

    /// Stages by kind and state.
    ///
    /// # Errors
    /// As [`Engine::plan`].
    pub fn status(&self, graph: &Graph) -> Result<BTreeMap<String, Counts>, EngineError> {
        let mut kinds: BTreeMap<String, Counts> = BTreeMap::new();
        for row in self.walk(graph, &graph.all())?.rows {
            let Some(node) = graph.node(&row.stage) else { continue };
            let counts = kinds.entry(node.stage.kind().to_owned()).or_default();
            *match row.state {
                State::Cached => &mut counts.cached,
                State::Run => &mut counts.run,
                State::Blocked => &mut counts.blocked,
            } += 1;
        }
        Ok(kinds)
    }

    pub(crate) fn walk(&self, graph: &Graph, selection: &Selection) -> Result<Walk, EngineError> {
        let digests = self.digests(graph, selection, all_threads(), &Silent, &Cancel::default());
        let mut walk = Walk { rows: Vec::new(), done: vec![None; graph.nodes().len()] };
        let mut blocked = BTreeSet::new();
        let mut latest = None;
        for (idx, node) in graph.nodes().iter().enumerate() {
            if !selection.ids.contains(&node.id) {
                continue;
            }
            let row = self.look(graph, idx, &digests, &mut walk.done, &blocked, &mut latest)?;
            if row.state == State::Blocked {
                blocked.insert(idx);
            }
            walk.rows.push(row);
        }
        Ok(walk)
    }

    /// One row of a plan; a cached stage is entered into `done`.
    fn look(
        &self,
        graph: &Graph,
        idx: usize,
        digests: &Digests,
        done: &mut Done,
        blocked: &BTreeSet<usize>,
        latest: &mut Option<BTreeMap<String, Latest>>,
    ) -> Result<PlanRow, EngineError> {
        let node = &graph.nodes()[idx];
        let mut recipe = self.recipe(node)?;
        let mut pending: Vec<(&str, usize)> = Vec::new();
        let mut no_file = None;
        for (name, input) in Self::inputs(graph, idx, digests, done) {
            match input {
                Input::Known(digest) => _ = recipe.inputs.insert(name.to_owned(), digest),
                Input::Pending(from) => pending.push((name, from)),
                Input::NoFile(path) => no_file = Some(Reason::NoFile { name: name.to_owned(), path }),
                Input::Unreadable(path, why) => {
                    no_file = Some(Reason::Unreadable { name: name.to_owned(), path, why });
                }
            }
        }
        let row = |key, state, reason| PlanRow { stage: node.id.clone(), key, state, reason };
        let upstream = |from: usize| Reason::Upstream { stage: graph.nodes()[from].id.clone() };
        if no_file.is_some() {
            return Ok(row(None, State::Blocked, no_file));
        }
        if let Some((_, from)) = pending.iter().find(|(_, from)| blocked.contains(from)) {
            return Ok(row(None, State::Blocked, Some(upstream(*from))));
        }
        if let Some((_, from)) = pending.first() {
            let names: Vec<&str> = pending.iter().map(|(name, _)| *name).collect();
            let reason = self.compare(node, &recipe, &names, latest)?.unwrap_or_else(|| upstream(*from));
            return Ok(row(None, State::Run, Some(reason)));
        }
        let key = recipe.key();
        let reason = match self.lookup(node, key)? {
            Lookup::Hit(record) => {
                done[idx] = Some(record);
                return Ok(row(Some(key), State::Cached, None));
            }
            Lookup::Lost(output) => Reason::ObjectLost { output },
            Lookup::Damaged(_) => Reason::Missing,
            Lookup::Absent => self.compare(node, &recipe, &[], latest)?.unwrap_or(Reason::Missing),
        };
        Ok(row(Some(key), State::Run, Some(reason)))
    }

    /// How the recipe differs from that of the stage's last run; [`Reason::Missing`] if there was none.
    fn compare(
        &self,
        node: &Node,
        recipe: &Recipe,
        pending: &[&str],
        latest: &mut Option<BTreeMap<String, Latest>>,
    ) -> Result<Option<Reason>, EngineError> {
        let latest = latest.get_or_insert_with(|| self.store.latest());
        let Some(last) = latest.get(&node.id) else { return Ok(Some(Reason::Missing)) };
        Ok(match self.store.record(&last.kind, last.key)? {
            Loaded::Found(record) => difference(&record.recipe, recipe, node, pending),
            Loaded::Absent | Loaded::Damaged(_) => Some(Reason::Missing),
        })
    }

    /// The inputs of a node by name, as far as they are known.
    pub(crate) fn inputs<'g>(graph: &'g Graph, idx: usize, digests: &Digests, done: &Done) -> Vec<(&'g str, Input)> {
        let input = |source: &Source| match source {
            Source::Output { stage, output } => output_digest(graph, stage, output, done),
            Source::Lineage => lineage_text(graph, idx, done)
                .map_or_else(Input::Pending, |text| Input::Known(Digest::of(text.as_bytes()))),
            Source::External { path, recorded } => match digests.get(path) {
                Ok(Some(file)) => Input::Known(file.digest),
                Ok(None) => recorded.map_or_else(|| Input::NoFile(path.clone()), Input::Known),
                Err(why) => Input::Unreadable(path.clone(), why),
            },
        };
        graph.nodes()[idx].inputs.iter().map(|(name, source)| (name.as_str(), input(source))).collect()
    }

    /// Looks a key up; the objects are seen to be there, not read.
    pub(crate) fn lookup(&self, node: &Node, key: Digest) -> Result<Lookup, EngineError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let record = match known {
            Some(record) => record,
            None => match self.store.record(node.stage.kind(), key)? {
                Loaded::Found(record) => Arc::new(Finished::new(*record)),
                Loaded::Absent => return Ok(Lookup::Absent),
                Loaded::Damaged(why) => return Ok(Lookup::Damaged(why)),
            },
        };
        for output in node.stage.outputs() {
            let here = |artifact: &Artifact| artifact.files().into_iter().all(|file| self.store.has(file));
            if !record.outputs.get(output).is_some_and(here) {
                // Whoever makes it anew writes a record of its own.
                self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
                return Ok(Lookup::Lost(output.to_owned()));
            }
        }
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, record.clone());
        Ok(Lookup::Hit(record))
    }
}

fn output_digest(graph: &Graph, stage: &str, output: &str, done: &Done) -> Input {
    // Graph::new has checked that the stage exists, and a record is only accepted with all outputs.
    let from = graph.index(stage).unwrap_or_default();
    let digest = done[from].as_ref().and_then(|record| record.digests().get(output));
    digest.map_or(Input::Pending(from), |digest| Input::Known(*digest))
}

/// Id, key and output digests of every ancestor of a node, sorted by id; `Err` is the first that is not finished.
pub(crate) fn lineage_text(graph: &Graph, idx: usize, done: &Done) -> Result<String, usize> {
    let mut ancestors: Vec<usize> = graph.ancestors([idx]).into_iter().filter(|&ancestor| ancestor != idx).collect();
    ancestors.sort_by_key(|&ancestor| &graph.nodes()[ancestor].id);
    let mut text = String::new();
    for ancestor in ancestors {
        let record = done[ancestor].as_ref().ok_or(ancestor)?;
        let outputs = record.digests().iter().map(|(name, digest)| (name.as_str(), *digest));
        lineage_line(&mut text, &graph.nodes()[ancestor].id, record.key, outputs);
    }
    Ok(text)
}

/// One line of a lineage: `id key output=digest ...`.
pub(crate) fn lineage_line<'a>(
    text: &mut String,
    id: &str,
    key: Digest,
    outputs: impl IntoIterator<Item = (&'a str, Digest)>,
) {
    write!(text, "{id} {key}").expect("writing to a string");
    for (name, digest) in outputs {
        write!(text, " {name}={digest}").expect("writing to a string");
    }
    text.push('\n');
}
