//! Writing the results folder: exported files, `pipeline.lock`, `provenance.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hit_stage::{Artifact, FileRef, check_name};
use serde_json::Value;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::files::{TEMPORARY, absent_is_fine, copy_atomic, files_below, found, write_atomic};
use crate::graph::{Graph, Node, RESERVED};
use crate::key::{CrateCode, NoCode, roots};
use crate::lock::{Lock, LockedCrate, LockedOutput, LockedStage};
use crate::plan::State;
use crate::store::Finished;

/// What an export did.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The lock of the results.
    pub lock: Lock,
    /// Files that were written, `pipeline.lock` and `provenance.json` included.
    pub written: Vec<String>,
    /// Files that were there already.
    pub unchanged: usize,
    /// Files named in the previous lock that are made no longer, and are now gone.
    pub deleted: Vec<String>,
}

/// A file of the results: what it is, and where it comes from.
struct Wanted<'g> {
    file: FileRef,
    stage: &'g str,
    output: &'g str,
}

impl Engine {
    /// Writes what the graph exports to the folder `results`.
    ///
    /// Files are replaced only if their bytes change; files that the previous lock names and this graph no longer makes
    /// are removed; `provenance` (volatile facts) is written last, and only if something else was, so that repeating a
    /// run leaves the folder as it is.
    ///
    /// # Errors
    /// [`EngineError::Incomplete`] if a stage is not in the store; others if a file cannot be written.
    pub fn export(&self, graph: &Graph, results: &Path, provenance: &Value) -> Result<Exported, EngineError> {
        let _in_use = self.enter()?;
        let records = self.finished(graph)?;
        let lock = self.lock(graph, &records)?;
        let wanted = wanted(graph, &lock)?;
        fs_err::create_dir_all(results)?;
        remove_leftovers(results)?;
        let deleted = delete_old(results, &wanted)?;
        let (mut written, mut unchanged) = (Vec::new(), 0);
        for (path, wanted) in &wanted {
            if self.place(results, path, wanted)? {
                written.push(path.clone());
            } else {
                unchanged += 1;
            }
        }
        let text = lock.render();
        if found(fs_err::read(results.join(RESERVED[0])))?.as_deref() != Some(text.as_bytes()) {
            write_atomic(&results.join(RESERVED[0]), text.as_bytes())?;
            written.push(RESERVED[0].to_owned());
        }
        if !written.is_empty() || !deleted.is_empty() || !results.join(RESERVED[1]).exists() {
            let text = serde_json::to_string_pretty(provenance).map_err(std::io::Error::from)? + "\n";
            write_atomic(&results.join(RESERVED[1]), text.as_bytes())?;
            written.push(RESERVED[1].to_owned());
        }
        Ok(Exported { lock, written, unchanged, deleted })
    }

    /// The record of every node, in the order of the graph.
    fn finished(&self, graph: &Graph) -> Result<Vec<std::sync::Arc<Finished>>, EngineError> {
        let walk = self.walk(graph, &graph.all())?;
        if let Some(row) = walk.rows.iter().find(|row| row.state != State::Cached) {
            let why = row.reason.as_ref().map_or_else(String::new, ToString::to_string);
            return Err(EngineError::Incomplete { stage: row.stage.clone(), why });
        }
        Ok(walk.done.into_iter().flatten().collect())
    }

    fn lock(&self, graph: &Graph, records: &[std::sync::Arc<Finished>]) -> Result<Lock, EngineError> {
        let (mut code, mut stages) = (BTreeMap::new(), BTreeMap::new());
        for (node, record) in graph.nodes().iter().zip(records) {
            let crates = roots(node.stage.as_ref());
            let closure = self.code.closure(crates.iter().map(String::as_str));
            let closure = closure.map_err(|NoCode(name)| EngineError::UnknownCrate { stage: node.id.clone(), name })?;
            for (name, CrateCode { own, locked, closure }) in closure {
                code.insert(name, LockedCrate { own, locked, closure });
            }
            stages.insert(node.id.clone(), locked_stage(node, record, crates));
        }
        Ok(Lock::new(code, stages))
    }

    /// Writes one file if it is not there as wanted; whether it was written.
    fn place(&self, results: &Path, path: &str, wanted: &Wanted) -> Result<bool, EngineError> {
        let target = results.join(path);
        if self.store.externals.digest(&target)? == Some(wanted.file) {
            return Ok(false);
        }
        let lost = |_| EngineError::ObjectLost {
            stage: wanted.stage.to_owned(),
            output: wanted.output.to_owned(),
            digest: wanted.file.digest.to_string(),
        };
        copy_atomic(&self.store.open(wanted.file).map_err(lost)?, &target)?;
        Ok(true)
    }
}

fn locked_stage(node: &Node, record: &Finished, crates: BTreeSet<String>) -> LockedStage {
    let output = |name: &str, artifact: &Artifact| LockedOutput {
        digest: record.digests().get(name).copied().unwrap_or_else(|| artifact.digest()),
        size: artifact.size(),
        files: if let Artifact::Tree(files) = artifact { Some(files.len()) } else { None },
    };
    let mut exports = BTreeMap::new();
    for export in &node.exports {
        match record.outputs.get(&export.output) {
            Some(Artifact::File(file)) => _ = exports.insert(export.path.clone(), *file),
            Some(Artifact::Tree(files)) => {
                exports.extend(files.iter().map(|(name, file)| (format!("{}/{name}", export.path), *file)));
            }
            None => (),
        }
    }
    LockedStage {
        kind: record.recipe.kind.clone(),
        key: record.key,
        crates: crates.into_iter().collect(),
        backend: record.recipe.backend.clone(),
        params: record.recipe.params.clone(),
        inputs: record.recipe.inputs.clone(),
        outputs: record.outputs.iter().map(|(name, artifact)| (name.clone(), output(name, artifact))).collect(),
        exports,
    }
}

/// All files to export, by path. Graph::new has refused paths inside each other, so none can clash.
fn wanted<'g>(graph: &'g Graph, lock: &Lock) -> Result<BTreeMap<String, Wanted<'g>>, EngineError> {
    let mut all: BTreeMap<String, Wanted> = BTreeMap::new();
    for node in graph.nodes() {
        for (path, file) in lock.stages.get(&node.id).into_iter().flat_map(|stage| &stage.exports) {
            let inside = |at: &str| path == at || path.starts_with(&format!("{at}/"));
            let output = node.exports.iter().find(|export| inside(&export.path)).map_or("", |export| &export.output);
            let before = all.insert(path.clone(), Wanted { file: *file, stage: &node.id, output });
            if let Some(before) = before {
                let (first, second) = (before.stage.to_owned(), node.id.clone());
                return Err(EngineError::ExportClash { path: path.clone(), first, second });
            }
        }
    }
    Ok(all)
}

/// Removes files that an export was writing when it was killed.
fn remove_leftovers(results: &Path) -> Result<(), EngineError> {
    for path in files_below(results)? {
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(TEMPORARY)) {
            absent_is_fine(fs_err::remove_file(results.join(path)))?;
        }
    }
    Ok(())
}

/// Removes files that the previous lock names and nobody makes any more, and folders that this empties.
fn delete_old(results: &Path, wanted: &BTreeMap<String, Wanted>) -> Result<Vec<String>, EngineError> {
    // A lock that cannot be understood names nothing; what it meant shows up in `verify` as unknown files.
    let Ok(Some(previous)) = Lock::read(&results.join(RESERVED[0])) else { return Ok(Vec::new()) };
    let mut deleted = Vec::new();
    for path in previous.stages.values().flat_map(|stage| stage.exports.keys()) {
        // The lock may have been edited: a path that leaves the folder is nothing of ours.
        let ours = check_name(path) && !RESERVED.contains(&path.as_str());
        if !ours || wanted.contains_key(path) || !results.join(path).is_file() {
            continue;
        }
        fs_err::remove_file(results.join(path))?;
        deleted.push(path.clone());
        let mut folder = Path::new(path).parent();
        while let Some(inner) = folder.filter(|inner| !inner.as_os_str().is_empty()) {
            // Fails, as it should, when something else is in it.
            if fs_err::remove_dir(results.join(inner)).is_err() {
                break;
            }
            folder = inner.parent();
        }
    }
    Ok(deleted)
}
