//! Removing from the store what nothing needs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hit_stage::{Artifact, Digest};
use serde::Serialize;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::files::{files_below, found, remove};
use crate::graph::Graph;
use crate::lock::Lock;
use crate::plan::State;
use crate::store::{DAMAGED, LOCKS, Loaded, OBJECTS, RECORDS, SCRATCH, TMP};

/// What must stay: everything that these graphs (as they are now) and these locks reach.
///
/// Of a stage that is blocked because a file is not there, what it made last stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keep<'a> {
    /// Graphs, usually of every profile.
    pub graphs: &'a [Graph],
    /// Locks, usually of every results folder.
    pub locks: &'a [Lock],
}

/// What was removed, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GcReport {
    /// Relative to the store, sorted.
    pub removed: Vec<PathBuf>,
    /// Bytes of these.
    pub bytes: u64,
    /// Objects that stay.
    pub kept_objects: usize,
    /// Bytes of these.
    pub kept_bytes: u64,
}

/// Keys and objects that stay.
#[derive(Default)]
struct Needed {
    keys: BTreeSet<Digest>,
    objects: BTreeSet<Digest>,
}

impl Engine {
    /// Removes from the store what `keep` does not reach; with `dry_run` only says what that is.
    ///
    /// # Errors
    /// [`EngineError::Busy`] if any process uses the store.
    pub fn gc(&self, keep: Keep, dry_run: bool) -> Result<GcReport, EngineError> {
        self.store.prepare().map_err(|why| EngineError::Store { root: self.store.root.clone(), why })?;
        let Some(_alone) = self.store.enter_alone()? else {
            return Err(EngineError::Busy(self.store.root.clone()));
        };
        let needed = self.needed(keep)?;
        let mut report = GcReport::default();
        for folder in [OBJECTS, RECORDS, SCRATCH, DAMAGED, LOCKS, TMP] {
            let root = self.store.root.join(folder);
            for path in found(files_below(&root))?.unwrap_or_default() {
                let size = fs_err::symlink_metadata(root.join(&path))?.len();
                if needed.keeps(folder, &path) {
                    if folder == OBJECTS {
                        report.kept_objects += 1;
                        report.kept_bytes += size;
                    }
                    continue;
                }
                report.bytes += size;
                report.removed.push(Path::new(folder).join(path));
            }
        }
        report.removed.sort();
        if !dry_run {
            report.removed.iter().try_for_each(|path| remove(&self.store.root.join(path)))?;
            self.remove_empty_folders()?;
            self.store.externals.save(true)?;
        }
        Ok(report)
    }

    fn needed(&self, keep: Keep) -> Result<Needed, EngineError> {
        let (mut needed, latest) = (Needed::default(), self.store.latest());
        for graph in keep.graphs {
            for row in self.walk(graph, &graph.all())?.rows {
                // Also of a stage that is yet to run: its scratch folder may hold half of a training.
                needed.keys.extend(row.key);
                if row.state == State::Blocked {
                    // A corpus that is not mounted today is no reason to throw away what was made from it.
                    needed.keys.extend(latest.get(&row.stage).map(|last| last.key));
                }
            }
        }
        for stage in keep.locks.iter().flat_map(|lock| lock.stages.values()) {
            needed.keys.insert(stage.key);
            needed.objects.extend(stage.outputs.values().map(|output| output.digest));
            needed.objects.extend(stage.exports.values().map(|file| file.digest));
        }
        for (kind, key) in self.store.records()? {
            if !needed.keys.contains(&key) {
                continue;
            }
            if let Loaded::Found(record) = self.store.record(&kind, key)? {
                needed.objects.extend(record.outputs.values().flat_map(Artifact::files).map(|file| file.digest));
            }
        }
        Ok(needed)
    }

    /// Scratch and object folders without files; what is not empty stays.
    fn remove_empty_folders(&self) -> Result<(), EngineError> {
        for folder in [OBJECTS, SCRATCH] {
            for entry in fs_err::read_dir(self.store.root.join(folder))? {
                let path = entry?.path();
                if found(files_below(&path))?.is_some_and(|files| files.is_empty()) {
                    remove(&path)?;
                }
            }
        }
        Ok(())
    }
}

impl Needed {
    /// Whether the file `path` of `folder` stays.
    fn keeps(&self, folder: &str, path: &Path) -> bool {
        let digest = |name: Option<&std::ffi::OsStr>| name.and_then(|name| name.to_str()?.parse::<Digest>().ok());
        match folder {
            OBJECTS => digest(path.file_name()).is_some_and(|digest| self.objects.contains(&digest)),
            RECORDS => digest(path.file_stem()).is_some_and(|key| self.keys.contains(&key)),
            SCRATCH => digest(path.iter().next()).is_some_and(|key| self.keys.contains(&key)),
            // Locks of keys are left by killed processes; the others have names and are in use, by us at least.
            LOCKS => digest(path.file_name()).is_none(),
            // Dead processes' folders were swept on entry; our own is empty or in use.
            TMP => true,
            _ => false,
        }
    }
}
