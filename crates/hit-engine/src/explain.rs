//! From a result back to where it comes from.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hit_stage::Digest;
use serde::Serialize;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::graph::{Graph, RESERVED, Source};
use crate::lock::Lock;
use crate::select::nearest;

/// One thing and what it was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// Its role: a path of the results, or the name of the input that it is above.
    pub name: String,
    /// What it is.
    pub origin: Origin,
    /// Content digest, as the lock of the results states it.
    pub digest: Option<Digest>,
    /// The stage was explained before; `from` is left empty here.
    pub repeated: bool,
    /// What it was made from.
    pub from: Vec<Explained>,
}

/// What a thing is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Origin {
    /// A file below the results folder.
    Export {
        /// Its path.
        path: String,
    },
    /// A stage, or one output of it.
    Stage {
        /// Its id.
        stage: String,
        /// The output, if one is meant.
        output: Option<String>,
        /// Its key, as the lock states it.
        key: Option<Digest>,
    },
    /// A file outside of the store.
    External {
        /// Where it lies.
        path: PathBuf,
    },
    /// The lineage of the stage above.
    Lineage,
}

impl Engine {
    /// Explains an exported file (its path below `results`, or one that leads there), a stage, or `stage:output`.
    ///
    /// What follows the last `#` (a cell of a table, say) may be left standing.
    ///
    /// # Errors
    /// [`EngineError::UnknownThing`] with the nearest names; [`EngineError::Lock`] if the lock cannot be read.
    pub fn explain(&self, graph: &Graph, results: &Path, what: &str) -> Result<Explained, EngineError> {
        let lock = Lock::read(&results.join(RESERVED[0]))?;
        let mut tree = Tree { graph, lock: lock.as_ref(), seen: BTreeSet::new() };
        let bare = what.rsplit_once('#').map(|(start, _)| start);
        for name in [Some(what), bare].into_iter().flatten() {
            let below = Path::new(name).strip_prefix(results).ok().and_then(Path::to_str).unwrap_or(name);
            if let Some(explained) = tree.thing(below) {
                return Ok(explained);
            }
        }
        let exports = lock.iter().flat_map(|lock| lock.stages.values()).flat_map(|stage| stage.exports.keys());
        let names = graph.nodes().iter().map(|node| &node.id).chain(exports).map(String::as_str);
        Err(EngineError::UnknownThing { what: what.to_owned(), nearest: nearest(what, names) })
    }
}

struct Tree<'a> {
    graph: &'a Graph,
    lock: Option<&'a Lock>,
    seen: BTreeSet<String>,
}

impl Tree<'_> {
    fn thing(&mut self, name: &str) -> Option<Explained> {
        if self.graph.node(name).is_some() {
            return Some(self.stage(name, name, None));
        }
        if let Some((stage, output)) = name.rsplit_once(':') {
            let node = self.graph.node(stage)?;
            return node.stage.outputs().contains(&output).then(|| self.stage(name, stage, Some(output)));
        }
        let inside = |path: &str| name.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let exporter = |node: &crate::graph::Node| {
            let export = node.exports.iter().find(|export| inside(&export.path))?;
            Some((node.id.clone(), export.output.clone()))
        };
        let (stage, output) = self.graph.nodes().iter().find_map(exporter)?;
        let digest = self.lock.and_then(|lock| Some(lock.stages.get(&stage)?.exports.get(name)?.digest));
        let from = vec![self.stage(&output, &stage, Some(&output))];
        let origin = Origin::Export { path: name.to_owned() };
        Some(Explained { name: name.to_owned(), origin, digest, repeated: false, from })
    }

    fn stage(&mut self, name: &str, stage: &str, output: Option<&str>) -> Explained {
        let entry = self.lock.and_then(|lock| lock.stages.get(stage));
        let digest = output.and_then(|output| Some(entry?.outputs.get(output)?.digest));
        let origin = Origin::Stage {
            stage: stage.to_owned(),
            output: output.map(str::to_owned),
            key: entry.map(|entry| entry.key),
        };
        let repeated = !self.seen.insert(stage.to_owned());
        let from = if repeated { Vec::new() } else { self.inputs(stage) };
        Explained { name: name.to_owned(), origin, digest, repeated, from }
    }

    fn inputs(&mut self, stage: &str) -> Vec<Explained> {
        let Some(node) = self.graph.node(stage) else { return Vec::new() };
        let entry = self.lock.and_then(|lock| lock.stages.get(stage));
        let mut from = Vec::new();
        for (name, source) in &node.inputs {
            let digest = entry.and_then(|entry| entry.inputs.get(name)).copied();
            let leaf = |origin| Explained { name: name.clone(), origin, digest, repeated: false, from: Vec::new() };
            from.push(match source {
                Source::Output { stage, output } => self.stage(name, stage, Some(output)),
                Source::External { path, .. } => leaf(Origin::External { path: path.clone() }),
                Source::Lineage => leaf(Origin::Lineage),
            });
        }
        from
    }
}
