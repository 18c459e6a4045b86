//! The graph: stages, what they read and what they export, checked before anything runs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use hit_stage::{Digest, DynStage, check_name};

use crate::error::suggest;
use crate::select::nearest;

/// Names in the results folder that the engine writes itself.
pub(crate) const RESERVED: [&str; 2] = ["pipeline.lock", "provenance.json"];

/// One stage in the graph.
#[derive(Clone)]
pub struct Node {
    /// Unique name, `kind/label`.
    pub id: String,
    /// The work.
    pub stage: Arc<dyn DynStage>,
    /// Where each input comes from.
    pub inputs: BTreeMap<String, Source>,
    /// Further names under which the stage can be selected.
    pub groups: Vec<String>,
    /// Outputs that go to the results folder.
    pub exports: Vec<Export>,
    /// Whether `verify` re-executes it: cheap, exact, and fed by exported files alone.
    pub pure: bool,
    /// How long it takes, in any unit: of the stages that could start, the one whose way to the end is longest does. In no key.
    pub cost: u64,
}

impl Node {
    /// A stage with neither inputs nor exports, of cost 1.
    pub fn new(id: impl Into<String>, stage: impl DynStage + 'static) -> Self {
        Self {
            id: id.into(),
            stage: Arc::new(stage),
            inputs: BTreeMap::new(),
            groups: Vec::new(),
            exports: Vec::new(),
            pure: false,
            cost: 1,
        }
    }

    /// Adds an input that is an output of another stage.
    #[must_use]
    pub fn input(mut self, name: impl Into<String>, stage: impl Into<String>, output: impl Into<String>) -> Self {
        self.inputs.insert(name.into(), Source::Output { stage: stage.into(), output: output.into() });
        self
    }

    /// Adds an input that is a file outside of the store.
    #[must_use]
    pub fn external(mut self, name: impl Into<String>, path: impl Into<PathBuf>, recorded: Option<Digest>) -> Self {
        self.inputs.insert(name.into(), Source::External { path: path.into(), recorded });
        self
    }

    /// Adds the lineage of this stage as an input file.
    #[must_use]
    pub fn lineage(mut self, name: impl Into<String>) -> Self {
        self.inputs.insert(name.into(), Source::Lineage);
        self
    }

    /// Adds a name under which the stage can be selected.
    #[must_use]
    pub fn group(mut self, name: impl Into<String>) -> Self {
        self.groups.push(name.into());
        self
    }

    /// Exports an output to `path` below the results folder.
    #[must_use]
    pub fn export(mut self, output: impl Into<String>, path: impl Into<String>) -> Self {
        self.exports.push(Export { output: output.into(), path: path.into() });
        self
    }

    /// Marks the stage as pure.
    #[must_use]
    pub fn pure(mut self) -> Self {
        self.pure = true;
        self
    }

    /// States how long the stage takes: long stages are to start early, so that none is left alone at the end.
    #[must_use]
    pub fn cost(mut self, cost: u64) -> Self {
        self.cost = cost;
        self
    }
}

/// Where an input comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// An output of another stage.
    Output {
        /// Its id.
        stage: String,
        /// Name of the output.
        output: String,
    },
    /// A file outside of the store.
    External {
        /// Where it lies.
        path: PathBuf,
        /// Digest to assume when the file is not there (so that a finished run needs no corpus).
        recorded: Option<Digest>,
    },
    /// A text with id, key and output digests of every ancestor of this stage, one a line.
    Lineage,
}

/// An output that goes to the results folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Name of the output.
    pub output: String,
    /// Relative path below the results folder; an output that is a tree becomes a folder.
    pub path: String,
}

/// Why stages do not make a graph.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GraphError {
    /// Two stages of one id.
    #[error("two stages are called `{0}`: ids must be unique")]
    Duplicate(String),
    /// A name that cannot be used.
    #[error(
        "`{name}` cannot name {what} of stage `{stage}`: letters, digits and `._#@+-` are allowed, parts joined by `/`"
    )]
    BadName {
        /// The stage.
        stage: String,
        /// What it should name.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// An input from a stage that does not exist.
    #[error("input `{input}` of `{stage}` comes from `{from}`, which does not exist{}", suggest(.nearest))]
    UnknownStage {
        /// Reader.
        stage: String,
        /// Its input.
        input: String,
        /// Missing producer.
        from: String,
        /// Ids that resemble it.
        nearest: Vec<String>,
    },
    /// An input or export of an output that the stage does not have.
    #[error("`{from}` has no output `{output}`, which {wanted} needs; it has: {}", .known.join(", "))]
    UnknownOutput {
        /// Producer.
        from: String,
        /// Missing output.
        output: String,
        /// Who needs it.
        wanted: String,
        /// Outputs it has.
        known: Vec<String>,
    },
    /// Stages that wait for each other.
    #[error("these stages wait for each other: {}", .0.join(" -> "))]
    Cycle(Vec<String>),
    /// Two exports to one place, or one inside another's.
    #[error("`{path}` (exported by `{second}`) collides with `{other}` (exported by `{first}`)")]
    ExportClash {
        /// One stage.
        first: String,
        /// Its path.
        other: String,
        /// The other stage.
        second: String,
        /// Its path.
        path: String,
    },
    /// A pure stage reads from one that is not pure something that is not exported, so `verify` could not re-run it.
    #[error("pure stage `{stage}` reads output `{output}` of `{from}`, which is neither pure nor exports it")]
    NotExported {
        /// Reader.
        stage: String,
        /// Producer.
        from: String,
        /// Output.
        output: String,
    },
    /// A pattern that selects nothing.
    #[error("`{pattern}` is no stage, kind or group{}", suggest(.nearest))]
    UnknownPattern {
        /// As given.
        pattern: String,
        /// Names that resemble it.
        nearest: Vec<String>,
    },
}

/// A sound graph: nodes in an order in which every stage comes after those it reads.
#[derive(Clone)]
pub struct Graph {
    nodes: Vec<Node>,
    index: BTreeMap<String, usize>,
    /// By node: the nodes it reads, ascending, each once.
    parents: Vec<Vec<usize>>,
    children: Vec<Vec<usize>>,
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.nodes.iter().map(|node| &node.id)).finish()
    }
}

impl Graph {
    /// Checks the stages and puts them in order (by dependency, then by id).
    ///
    /// # Errors
    /// [`GraphError`], the first found.
    pub fn new(nodes: Vec<Node>) -> Result<Self, GraphError> {
        let mut by_id = BTreeMap::new();
        for node in nodes {
            check_names(&node)?;
            let id = node.id.clone();
            if by_id.insert(id.clone(), node).is_some() {
                return Err(GraphError::Duplicate(id));
            }
        }
        check_sources(&by_id)?;
        check_exports(&by_id)?;
        let order = sort(&by_id)?;
        let index: BTreeMap<String, usize> = order.iter().enumerate().map(|(idx, id)| (id.clone(), idx)).collect();
        let nodes: Vec<Node> = order.iter().filter_map(|id| by_id.remove(id)).collect();
        let parents: Vec<Vec<usize>> = nodes.iter().map(|node| parents_of(node, &index)).collect();
        let mut children = vec![Vec::new(); nodes.len()];
        for (idx, parents) in parents.iter().enumerate() {
            for &parent in parents {
                children[parent].push(idx);
            }
        }
        Ok(Self { nodes, index, parents, children })
    }

    /// The stages, each after those it reads.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The stage of that id.
    pub fn node(&self, id: &str) -> Option<&Node> {
        self.index(id).map(|idx| &self.nodes[idx])
    }

    /// Ids of the stages that `id` reads directly.
    pub fn parents(&self, id: &str) -> Vec<&str> {
        let of = |idx: usize| self.parents[idx].iter().map(|&parent| self.nodes[parent].id.as_str()).collect();
        self.index(id).map_or_else(Vec::new, of)
    }

    pub(crate) fn index(&self, id: &str) -> Option<usize> {
        self.index.get(id).copied()
    }

    pub(crate) fn parents_at(&self, idx: usize) -> &[usize] {
        &self.parents[idx]
    }

    pub(crate) fn children_at(&self, idx: usize) -> &[usize] {
        &self.children[idx]
    }

    pub(crate) fn ancestors(&self, from: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        reach(from, |idx| &self.parents[idx])
    }

    pub(crate) fn descendants(&self, from: usize) -> BTreeSet<usize> {
        reach([from], |idx| &self.children[idx])
    }
}

/// All nodes reached from `from` over `next`, `from` included.
fn reach<'a>(from: impl IntoIterator<Item = usize>, next: impl Fn(usize) -> &'a [usize]) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut stack: Vec<usize> = from.into_iter().collect();
    while let Some(idx) = stack.pop() {
        if seen.insert(idx) {
            stack.extend(next(idx));
        }
    }
    seen
}

fn check_names(node: &Node) -> Result<(), GraphError> {
    let bad = |what, name: &str| GraphError::BadName { stage: node.id.clone(), what, name: name.to_owned() };
    if !check_name(&node.id) {
        return Err(bad("an id", &node.id));
    }
    if let Some(name) = node.inputs.keys().find(|name| !check_name(name)) {
        return Err(bad("an input", name));
    }
    let outputs = node.stage.outputs();
    let plain = |name: &str| check_name(name) && !name.contains('/');
    if let Some((at, name)) =
        outputs.iter().enumerate().find(|(at, name)| !plain(name) || outputs[..*at].contains(name))
    {
        let what = if outputs[..at].contains(name) { "a second output" } else { "an output (no `/` here)" };
        return Err(bad(what, name));
    }
    let kind = node.stage.kind();
    if !plain(kind) {
        return Err(bad("the kind (no `/` here)", kind));
    }
    for export in &node.exports {
        if !check_name(&export.path) || RESERVED.contains(&export.path.as_str()) {
            return Err(bad("an export", &export.path));
        }
    }
    Ok(())
}

fn has_output(node: &Node, output: &str, wanted: impl FnOnce() -> String) -> Result<(), GraphError> {
    let known = node.stage.outputs();
    if known.contains(&output) {
        return Ok(());
    }
    Err(GraphError::UnknownOutput {
        from: node.id.clone(),
        output: output.to_owned(),
        wanted: wanted(),
        known: known.into_iter().map(str::to_owned).collect(),
    })
}

fn check_sources(nodes: &BTreeMap<String, Node>) -> Result<(), GraphError> {
    for node in nodes.values() {
        for (input, source) in &node.inputs {
            let Source::Output { stage, output } = source else { continue };
            let Some(from) = nodes.get(stage) else {
                let nearest = nearest(stage, nodes.keys().map(String::as_str));
                let (input, from) = (input.clone(), stage.clone());
                return Err(GraphError::UnknownStage { stage: node.id.clone(), input, from, nearest });
            };
            has_output(from, output, || format!("input `{input}` of `{}`", node.id))?;
            if node.pure && !from.pure && !from.exports.iter().any(|export| export.output == *output) {
                let (from, output) = (stage.clone(), output.clone());
                return Err(GraphError::NotExported { stage: node.id.clone(), from, output });
            }
        }
        for export in &node.exports {
            has_output(node, &export.output, || format!("its export to `{}`", export.path))?;
        }
    }
    Ok(())
}

fn check_exports(nodes: &BTreeMap<String, Node>) -> Result<(), GraphError> {
    let mut paths: BTreeMap<String, &str> = BTreeMap::new();
    let clash = |first: &str, other: &str, second: &str, path: &str| GraphError::ExportClash {
        first: first.to_owned(),
        other: other.to_owned(),
        second: second.to_owned(),
        path: path.to_owned(),
    };
    for node in nodes.values() {
        for export in &node.exports {
            if let Some(first) = paths.insert(export.path.clone(), &node.id) {
                return Err(clash(first, &export.path, &node.id, &export.path));
            }
        }
    }
    for (path, second) in &paths {
        for (at, _) in path.match_indices('/') {
            if let Some(first) = paths.get(&path[..at]) {
                return Err(clash(first, &path[..at], second, path));
            }
        }
    }
    Ok(())
}

/// Kahn's algorithm, the smallest id first.
fn sort(nodes: &BTreeMap<String, Node>) -> Result<Vec<String>, GraphError> {
    let mut waits: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut readers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in nodes.values() {
        let from: BTreeSet<&str> = node.inputs.values().filter_map(producer).collect();
        for &from in &from {
            readers.entry(from).or_default().push(&node.id);
        }
        waits.insert(&node.id, from);
    }
    let mut ready: BTreeSet<&str> = waits.iter().filter(|(_, from)| from.is_empty()).map(|(&id, _)| id).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(id) = ready.pop_first() {
        order.push(id.to_owned());
        waits.remove(id);
        for &reader in readers.get(id).into_iter().flatten() {
            let Some(from) = waits.get_mut(reader) else { continue };
            from.remove(id);
            if from.is_empty() {
                ready.insert(reader);
            }
        }
    }
    if waits.is_empty() { Ok(order) } else { Err(GraphError::Cycle(find_cycle(&waits))) }
}

/// A cycle among stages each of which still waits for another: follow the first wait until an id comes back.
fn find_cycle(waits: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<String> {
    let mut path: Vec<&str> = Vec::new();
    let mut at = waits.keys().next().copied();
    while let Some(id) = at {
        if let Some(start) = path.iter().position(|&seen| seen == id) {
            path.push(id);
            return path[start..].iter().map(|&id| id.to_owned()).collect();
        }
        path.push(id);
        at = waits.get(id).and_then(|from| from.iter().find(|id| waits.contains_key(*id)).copied());
    }
    path.into_iter().map(str::to_owned).collect()
}

fn producer(source: &Source) -> Option<&str> {
    match source {
        Source::Output { stage, .. } => Some(stage),
        _ => None,
    }
}

fn parents_of(node: &Node, index: &BTreeMap<String, usize>) -> Vec<usize> {
    let parents: BTreeSet<usize> = node.inputs.values().filter_map(producer).map(|id| index[id]).collect();
    parents.into_iter().collect()
}

#[cfg(test)]
mod tests;
