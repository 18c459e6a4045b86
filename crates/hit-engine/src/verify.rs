//! Checking committed results where there is neither a cache nor a corpus nor a GPU.
//!
//! Three levels: L0, the lock is consistent and its keys are those of the present code and parameters; L1, the files are
//! those of the lock; L2, pure stages, run again from files of the results, give the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hit_stage::{Artifact, Cancel, Digest, FileRef, Numerics};
use serde::Serialize;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::files::{files_below, found};
use crate::graph::{Graph, Node, RESERVED, Source};
use crate::hashing::Digests;
use crate::key::{NoCode, Recipe};
use crate::lock::{Lock, LockedStage};
use crate::plan::lineage_line;
use crate::reason::{Reason, difference};
use crate::summary::{Observer, RunOptions, Silent};

mod rerun;

/// How deep a check goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Level {
    /// The lock against itself and against keys computed from the present code, parameters and files.
    L0,
    /// The files of the results against the lock.
    L1,
    /// Pure stages re-executed and compared byte for byte.
    L2,
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As stated.
    Ok,
    /// Right when it was made; code, parameters or files have changed since.
    Stale,
    /// Not what the lock states.
    Mismatch,
    /// Not there.
    Missing,
    /// Could not be checked; never a pass.
    Skipped,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// A path of the results (L1), a stage (L0), or `stage:output` (L2).
    pub artifact: String,
    /// How deep.
    pub level: Level,
    /// What was found.
    pub outcome: Verdict,
    /// Why, unless it is fine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Check {
    fn new(artifact: impl Into<String>, level: Level, outcome: Verdict, detail: impl Into<String>) -> Self {
        Self { artifact: artifact.into(), level, outcome, detail: Some(detail.into()) }
    }

    fn ok(artifact: impl Into<String>, level: Level) -> Self {
        Self { artifact: artifact.into(), level, outcome: Verdict::Ok, detail: None }
    }
}

impl Engine {
    /// Checks the results in `results` at all levels; the checks are sorted by level and artifact.
    ///
    /// # Errors
    /// [`EngineError`] if files that are there cannot be read. What is wrong with the results is in the checks.
    pub fn verify(&self, graph: &Graph, results: &Path) -> Result<Vec<Check>, EngineError> {
        self.verify_with(graph, results, &RunOptions::default(), &Silent, &Cancel::default())
    }

    /// [`Engine::verify`] with as many jobs as `options` says, observed and stoppable.
    ///
    /// # Errors
    /// As [`Engine::verify`].
    pub fn verify_with(
        &self,
        graph: &Graph,
        results: &Path,
        options: &RunOptions,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<Vec<Check>, EngineError> {
        let name = RESERVED[0];
        let path = results.join(name);
        let Some(bytes) = found(fs_err::read(&path))? else {
            return Ok(vec![Check::new(
                name,
                Level::L0,
                Verdict::Missing,
                "there is no lock: nothing was exported here",
            )]);
        };
        let lock = match Lock::parse(&bytes, &path) {
            Ok(lock) => lock,
            Err(error) => return Ok(vec![Check::new(name, Level::L0, Verdict::Mismatch, error.to_string())]),
        };
        let mut checks = vec![check_text(&lock, &bytes)];
        let digests = self.digests(graph, &graph.all(), options.jobs, observer, cancel);
        checks.extend(self.check_stages(graph, &lock, &digests)?);
        checks.extend(check_files(&lock, results)?);
        checks.extend(self.rerun_pure(graph, &lock, results, options, observer, cancel)?);
        checks.sort_by(|a, b| (a.level, &a.artifact).cmp(&(b.level, &b.artifact)));
        Ok(checks)
    }

    // ---- L0 ----

    fn check_stages(&self, graph: &Graph, lock: &Lock, digests: &Digests) -> Result<Vec<Check>, EngineError> {
        let mut checks = Vec::new();
        for (idx, node) in graph.nodes().iter().enumerate() {
            let check = match lock.stages.get(&node.id) {
                None => Check::new(&node.id, Level::L0, Verdict::Stale, "not in the lock: the stage is new"),
                Some(entry) => match contradiction(node, lock, entry) {
                    Some(why) => Check::new(&node.id, Level::L0, Verdict::Mismatch, why),
                    None => match self.changed(graph, idx, digests, lock, entry)? {
                        Some(reason) => Check::new(&node.id, Level::L0, Verdict::Stale, reason.to_string()),
                        None => Check::ok(&node.id, Level::L0),
                    },
                },
            };
            checks.push(check);
        }
        let gone = lock.stages.keys().filter(|id| graph.node(id).is_none());
        checks
            .extend(gone.map(|id| Check::new(id, Level::L0, Verdict::Stale, "in the lock, but no stage of the graph")));
        Ok(checks)
    }

    /// How the stage as it is now differs from what the lock states.
    fn changed(
        &self,
        graph: &Graph,
        idx: usize,
        digests: &Digests,
        lock: &Lock,
        entry: &LockedStage,
    ) -> Result<Option<Reason>, EngineError> {
        let node = &graph.nodes()[idx];
        // The results may have been made on another backend than this machine would use.
        let numerics = node.stage.needs().numerics == Numerics::Backend;
        let backend = entry.backend.as_ref().filter(|_| numerics).unwrap_or(&self.backend);
        let mut now = Recipe::of(node.stage.as_ref(), &self.code, backend)
            .map_err(|NoCode(name)| EngineError::UnknownCrate { stage: node.id.clone(), name })?;
        for (name, source) in &node.inputs {
            let digest = match source {
                Source::Output { stage, output } => locked_output(lock, stage, output),
                Source::Lineage => Some(Digest::of(locked_lineage(graph, idx, lock).as_bytes())),
                Source::External { path, recorded } => {
                    let here = match digests.get(path) {
                        Ok(file) => file.map(|file| file.digest),
                        Err(why) => {
                            let (name, path) = (name.clone(), path.clone());
                            return Ok(Some(Reason::Unreadable { name, path, why }));
                        }
                    };
                    here.or(*recorded).or_else(|| entry.inputs.get(name).copied())
                }
            };
            now.inputs.extend(digest.map(|digest| (name.clone(), digest)));
        }
        let Ok(before) = lock.recipe(entry) else { return Ok(Some(Reason::Missing)) };
        let same = now.key() == entry.key;
        Ok((!same).then(|| difference(&before, &now, node, &[]).unwrap_or(Reason::Missing)))
    }
}

/// Whether the lock is as the engine writes it.
fn check_text(lock: &Lock, bytes: &[u8]) -> Check {
    let name = RESERVED[0];
    if lock.campaign != lock.campaign_digest() {
        return Check::new(
            name,
            Level::L0,
            Verdict::Mismatch,
            "its entries do not give its campaign digest: it was edited",
        );
    }
    if lock.render().as_bytes() != bytes {
        return Check::new(
            name,
            Level::L0,
            Verdict::Mismatch,
            "it is not written as the engine writes it: it was edited",
        );
    }
    Check::ok(name, Level::L0)
}

/// What in an entry contradicts the rest of the lock.
fn contradiction(node: &Node, lock: &Lock, entry: &LockedStage) -> Option<String> {
    match lock.recipe(entry) {
        Err(NoCode(name)) => return Some(format!("the lock states no code digest of {name}")),
        Ok(recipe) if recipe.key() != entry.key => {
            return Some("its key does not follow from what the lock states: it was edited".to_owned());
        }
        Ok(_) => (),
    }
    for export in &node.exports {
        let stated = entry.outputs.get(&export.output).map(|output| (output.digest, output.size));
        let exported = exported(entry, &export.output, &export.path);
        if stated.is_some() && exported.as_ref().map(|artifact| (artifact.digest(), artifact.size())) != stated {
            return Some(format!("what it exports to `{}` is not its output `{}`", export.path, export.output));
        }
    }
    None
}

/// The artifact that the exported files of an output make up.
fn exported(entry: &LockedStage, output: &str, path: &str) -> Option<Artifact> {
    let tree = entry.outputs.get(output)?.files.is_some();
    if !tree {
        return entry.exports.get(path).copied().map(Artifact::File);
    }
    let inside =
        |(name, file): (&String, &FileRef)| Some((name.strip_prefix(path)?.strip_prefix('/')?.to_owned(), *file));
    Some(Artifact::Tree(entry.exports.iter().filter_map(inside).collect()))
}

fn locked_output(lock: &Lock, stage: &str, output: &str) -> Option<Digest> {
    Some(lock.stages.get(stage)?.outputs.get(output)?.digest)
}

/// The lineage of a node, from the lock.
fn locked_lineage(graph: &Graph, idx: usize, lock: &Lock) -> String {
    let ids: BTreeSet<&str> = graph.ancestors([idx]).into_iter().map(|at| graph.nodes()[at].id.as_str()).collect();
    let mut text = String::new();
    for id in ids {
        if let Some(entry) = lock.stages.get(id).filter(|_| id != graph.nodes()[idx].id) {
            let outputs = entry.outputs.iter().map(|(name, output)| (name.as_str(), output.digest));
            lineage_line(&mut text, id, entry.key, outputs);
        }
    }
    text
}

// ---- L1 ----

fn check_files(lock: &Lock, results: &Path) -> Result<Vec<Check>, EngineError> {
    let stated: BTreeMap<&String, FileRef> =
        lock.stages.values().flat_map(|stage| &stage.exports).map(|(path, file)| (path, *file)).collect();
    let mut checks = Vec::new();
    for (path, file) in &stated {
        let check = match read(results, path)? {
            None => Check::new(*path, Level::L1, Verdict::Missing, "the lock names it"),
            Some(found) if found == *file => Check::ok(*path, Level::L1),
            Some(found) => {
                let why = format!("its digest is {}, the lock states {}", found.digest.short(), file.digest.short());
                Check::new(*path, Level::L1, Verdict::Mismatch, why)
            }
        };
        checks.push(check);
    }
    for path in files_below(results)? {
        let name = path.to_string_lossy().into_owned();
        if !stated.contains_key(&name) && !RESERVED.contains(&name.as_str()) {
            checks.push(Check::new(name, Level::L1, Verdict::Mismatch, "the lock does not name it"));
        }
    }
    Ok(checks)
}

/// Digest and size of a file of the results, read anew; a path that leaves the folder is no such file.
fn read(results: &Path, path: &str) -> Result<Option<FileRef>, EngineError> {
    let path = results.join(path);
    if !hit_stage::check_name(path.strip_prefix(results).ok().and_then(Path::to_str).unwrap_or("")) || !path.is_file() {
        return Ok(None);
    }
    let (digest, size) = Digest::of_reader(fs_err::File::open(path)?)?;
    Ok(Some(FileRef { digest, size }))
}
