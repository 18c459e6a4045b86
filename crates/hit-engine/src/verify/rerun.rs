//! L2: pure stages run again in a store of their own, fed by files of the results.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hit_stage::{Cancel, Context, Digest, DynStage, Needs, StageError};
use serde_json::{Value, json};

use super::{Check, Level, Verdict, locked_lineage};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::graph::{Graph, Node, Source};
use crate::lock::{Lock, LockedStage};
use crate::store::Record;
use crate::summary::{Observer, RunOptions, Summary};

/// One output of a [`Given`].
#[derive(Clone)]
enum Held {
    File(PathBuf),
    /// Files by name.
    Tree(BTreeMap<String, PathBuf>),
    Text(String),
}

/// Stands in for a stage that is not run: its outputs are what the results folder holds.
struct Given {
    crate_name: &'static str,
    outputs: BTreeMap<&'static str, Held>,
}

impl DynStage for Given {
    fn kind(&self) -> &'static str {
        "given"
    }

    fn crate_name(&self) -> &'static str {
        self.crate_name
    }

    fn plugins(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn params(&self) -> Value {
        let text = |value: &Held| match value {
            Held::File(path) => json!(path),
            Held::Tree(files) => json!(files),
            Held::Text(text) => json!(text),
        };
        self.outputs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), text(value)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    fn outputs(&self) -> Vec<&'static str> {
        self.outputs.keys().copied().collect()
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        for (output, value) in &self.outputs {
            match value {
                Held::Text(text) => cx.write(output, text)?,
                Held::File(path) => copy(path, &cx.output(output)?)?,
                Held::Tree(files) => {
                    fs_err::create_dir_all(cx.output(output)?)?;
                    for (name, path) in files {
                        copy(path, &cx.output_in(output, name)?)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), StageError> {
    let mut source = fs_err::File::open(from)?;
    // Not fs::copy: the copy must not inherit permissions.
    std::io::copy(&mut source, &mut fs_err::File::create(to)?)?;
    Ok(())
}

/// The part of the graph to run again, and why the rest of the pure stages is not in it.
struct Part {
    nodes: Vec<Node>,
    left_out: BTreeMap<String, String>,
}

impl Engine {
    pub(super) fn rerun_pure(
        &self,
        graph: &Graph,
        lock: &Lock,
        results: &Path,
        options: &RunOptions,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<Vec<Check>, EngineError> {
        let part = self.part(graph, lock, results)?;
        let place = tempfile::Builder::new().prefix("hit-verify-").tempdir()?;
        let engine = Self::new(place.path(), self.code.clone(), self.backend.clone());
        let small = Graph::new(part.nodes)?;
        let summary = engine.run(&small, &small.all(), options, observer, cancel)?;
        let walk = engine.walk(&small, &small.all())?;
        let mut checks = Vec::new();
        for node in graph.nodes().iter().filter(|node| node.pure) {
            let skipped = |why: &str| Check::new(&node.id, Level::L2, Verdict::Skipped, why);
            let Some(entry) = lock.stages.get(&node.id) else {
                checks.push(skipped("it is not in the lock"));
                continue;
            };
            let record = small.index(&node.id).and_then(|idx| walk.done[idx].as_ref());
            match (part.left_out.get(&node.id), record) {
                (Some(why), _) => checks.push(skipped(why)),
                (None, Some(record)) => checks.extend(compare(node, entry, record)),
                (None, None) => checks.push(skipped(&why_not(&summary, &node.id))),
            }
        }
        Ok(checks)
    }

    fn part(&self, graph: &Graph, lock: &Lock, results: &Path) -> Result<Part, EngineError> {
        let mut part = Part { nodes: Vec::new(), left_out: BTreeMap::new() };
        let mut given = BTreeSet::new();
        for (idx, node) in graph.nodes().iter().enumerate().filter(|(_, node)| node.pure) {
            let Some(entry) = lock.stages.get(&node.id) else {
                part.left_out.insert(node.id.clone(), "it is not in the lock".to_owned());
                continue;
            };
            if let Some(why) = self.obstacle(node, entry, &part.left_out)? {
                part.left_out.insert(node.id.clone(), why);
                continue;
            }
            let mut copy = Node { exports: Vec::new(), groups: Vec::new(), pure: false, ..node.clone() };
            for source in copy.inputs.values_mut() {
                match source {
                    Source::Output { stage, .. } => {
                        let from = graph.node(stage).filter(|from| !from.pure && given.insert(from.id.clone()));
                        part.nodes.extend(from.map(|from| stand_in(from, lock, results)));
                    }
                    Source::Lineage => {
                        let id = format!("lineage/{}", node.id);
                        let text = Held::Text(locked_lineage(graph, idx, lock));
                        let outputs = BTreeMap::from([("text", text)]);
                        part.nodes.push(Node::new(&id, Given { crate_name: node.stage.crate_name(), outputs }));
                        *source = Source::Output { stage: id, output: "text".to_owned() };
                    }
                    Source::External { .. } => (),
                }
            }
            part.nodes.push(copy);
        }
        Ok(part)
    }

    /// Why a pure stage cannot be run again on what the lock says it read.
    fn obstacle(
        &self,
        node: &Node,
        entry: &LockedStage,
        left_out: &BTreeMap<String, String>,
    ) -> Result<Option<String>, EngineError> {
        for (name, source) in &node.inputs {
            match source {
                Source::Output { stage, .. } if left_out.contains_key(stage) => {
                    return Ok(Some(format!("its input `{name}` comes from {stage}, which was not run again")));
                }
                Source::External { path, .. } => {
                    let here = self.store.externals.digest(path)?.map(|file| file.digest);
                    if here.is_none() {
                        return Ok(Some(format!("its input `{name}`, {}, is not there", path.display())));
                    }
                    if here != entry.inputs.get(name).copied() {
                        return Ok(Some(format!("its input `{name}`, {}, has changed", path.display())));
                    }
                }
                _ => (),
            }
        }
        Ok(None)
    }
}

/// A stage that yields what `node` has exported.
fn stand_in(node: &Node, lock: &Lock, results: &Path) -> Node {
    let mut outputs = BTreeMap::new();
    for output in node.stage.outputs() {
        let Some(export) = node.exports.iter().find(|export| export.output == output) else { continue };
        let entry = lock.stages.get(&node.id);
        let tree = entry.and_then(|entry| entry.outputs.get(output)).is_some_and(|output| output.files.is_some());
        let path = results.join(&export.path);
        let value = if tree {
            let files = entry.into_iter().flat_map(|entry| entry.exports.keys()).filter_map(|name| {
                let inner = name.strip_prefix(&export.path)?.strip_prefix('/')?;
                Some((inner.to_owned(), results.join(name)))
            });
            Held::Tree(files.collect())
        } else {
            Held::File(path)
        };
        outputs.insert(output, value);
    }
    Node::new(&node.id, Given { crate_name: node.stage.crate_name(), outputs })
}

fn why_not(summary: &Summary, id: &str) -> String {
    let failed = summary.failed.iter().find(|failure| failure.stage == id);
    let waits = summary.not_run.iter().find(|other| other.stage == id);
    match (failed, waits) {
        (Some(failure), _) => format!("running it again failed: {}", failure.error),
        (None, Some(waits)) => format!("it was not run again because of {}", waits.because),
        (None, None) => "it was not run again".to_owned(),
    }
}

/// Compares the outputs of a stage run again with the lock's.
fn compare(node: &Node, entry: &LockedStage, record: &Record) -> Vec<Check> {
    let other: Vec<&String> = differing(&entry.inputs, &record.recipe.inputs);
    if let Some(name) = other.first() {
        let why = format!("its input `{name}` is not what the lock states");
        return vec![Check::new(&node.id, Level::L2, Verdict::Skipped, why)];
    }
    let check = |(name, artifact): (&String, &hit_stage::Artifact)| {
        let label = format!("{}:{name}", node.id);
        let (stated, found) = (entry.outputs.get(name).map(|output| output.digest), artifact.digest());
        if stated == Some(found) {
            return Check::ok(label, Level::L2);
        }
        let stated = stated.map_or_else(|| "no such output".to_owned(), Digest::short);
        Check::new(
            label,
            Level::L2,
            Verdict::Mismatch,
            format!("run again it gives {}, the lock states {stated}", found.short()),
        )
    };
    record.outputs.iter().map(check).collect()
}

fn differing<'a>(a: &'a BTreeMap<String, Digest>, b: &BTreeMap<String, Digest>) -> Vec<&'a String> {
    a.iter().filter(|(name, digest)| b.get(*name) != Some(digest)).map(|(name, _)| name).collect()
}
