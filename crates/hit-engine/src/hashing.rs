//! Reading external files side by side, before a plan or during a run, told to an observer and noted now and then.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use hit_stage::{Cancel, FileRef};

use crate::engine::Engine;
use crate::error::chain;
use crate::external::{Glance, Watch};
use crate::graph::{Graph, Source};
use crate::select::Selection;
use crate::summary::Observer;

/// What reading a file gave: its digest, nothing if there is no file, or why it cannot be read.
pub(crate) type Found = Result<Option<FileRef>, String>;

/// External files as they were found first: what a plan or run goes by, however often it asks.
#[derive(Default)]
pub(crate) struct Digests(BTreeMap<PathBuf, Found>);

impl Digests {
    /// What was found at `path`; files that are not in here were not read because somebody asked for a stop.
    pub(crate) fn get(&self, path: &Path) -> Found {
        let stopped = || Err(format!("{} was not read: stopped on request", path.display()));
        self.0.get(path).cloned().unwrap_or_else(stopped)
    }

    pub(crate) fn insert(&mut self, path: PathBuf, found: Found) {
        self.0.insert(path, found);
    }
}

/// A file that has to be read.
pub(crate) struct Unread {
    pub(crate) path: PathBuf,
    /// Bytes.
    pub(crate) size: u64,
}

/// How much of what is to be read has been read, bytes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Amount {
    done: u64,
    total: u64,
}

impl Amount {
    pub(crate) fn of(total: u64) -> Self {
        Self { done: 0, total }
    }

    /// Counts what was read. A file that grew or was read twice never makes it more than there is.
    pub(crate) fn read(&mut self, bytes: u64, observer: &dyn Observer) {
        self.done = (self.done + bytes).min(self.total);
        observer.hashing(self.done, self.total);
    }

    /// Nobody needs these bytes any more.
    pub(crate) fn drop_from(&mut self, bytes: u64) {
        self.total = self.total.saturating_sub(bytes).max(self.done);
    }

    /// Everything was read: what was counted too little (a file that shrank, say) is made up for.
    pub(crate) fn finish(&mut self, observer: &dyn Observer) {
        if self.done < self.total {
            self.read(self.total - self.done, observer);
        }
    }
}

/// What a reading thread reports.
enum Heard {
    Read(u64),
    Found(PathBuf, Found),
}

impl Engine {
    /// Reads the external files of the selected stages that are new or have changed, `threads` at a time, and notes their digests.
    ///
    /// Plans, runs and checks do so by themselves; called before, this lets `observer` hear of it
    /// ([`Observer::hashing`]) and `cancel` stop it. What was read until then is noted, as it is every few seconds, so
    /// that a kill costs little. Files that cannot be read show up in the plan.
    pub fn hash_files(
        &self,
        graph: &Graph,
        selection: &Selection,
        threads: usize,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) {
        self.digests(graph, selection, threads, observer, cancel);
    }

    /// The digests of the external files of the selected stages.
    pub(crate) fn digests(
        &self,
        graph: &Graph,
        selection: &Selection,
        threads: usize,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Digests {
        let selected = |idx: &usize| selection.ids.contains(&graph.nodes()[*idx].id);
        let (mut digests, unread) = self.survey(graph, (0..graph.nodes().len()).filter(selected));
        let mut amount = Amount::of(unread.iter().map(|file| file.size).sum());
        let (next, (sender, receiver)) = (AtomicUsize::new(0), channel());
        std::thread::scope(|scope| {
            for _ in 0..threads.max(1).min(unread.len()) {
                let (sender, next, unread) = (sender.clone(), &next, &unread);
                scope.spawn(move || {
                    while let Some(Unread { path, .. }) = unread.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let go_on = |bytes| sender.send(Heard::Read(bytes)).is_ok() && !cancel.requested();
                        let found = self.hash_file(path, &go_on);
                        if cancel.requested() || sender.send(Heard::Found(path.clone(), found)).is_err() {
                            return;
                        }
                    }
                });
            }
            // Each thread has its own: the loop ends with the last of them.
            drop(sender);
            for heard in receiver {
                match heard {
                    Heard::Read(bytes) => amount.read(bytes, observer),
                    Heard::Found(path, found) => digests.insert(path, found),
                }
            }
        });
        if !cancel.requested() {
            amount.finish(observer);
        }
        self.store.remember_files();
        digests
    }

    /// What is known of the external files of these nodes without reading any, and those to be read, in order, each once.
    pub(crate) fn survey(&self, graph: &Graph, nodes: impl Iterator<Item = usize>) -> (Digests, Vec<Unread>) {
        let (mut digests, mut unread, mut seen) = (Digests::default(), Vec::new(), BTreeSet::new());
        for path in nodes.flat_map(|idx| external_paths(graph, idx)) {
            if !seen.insert(path) {
                continue;
            }
            let found = match self.store.externals.glance(path) {
                Ok(Glance::Known(file)) => Ok(Some(file)),
                Ok(Glance::Absent) => Ok(None),
                Ok(Glance::Unread(size)) => {
                    unread.push(Unread { path: path.to_owned(), size });
                    continue;
                }
                Err(error) => Err(chain(&error)),
            };
            digests.insert(path.to_owned(), found);
        }
        (digests, unread)
    }

    /// Reads one file, and writes the table of digests if that is due.
    pub(crate) fn hash_file(&self, path: &Path, watch: Watch) -> Found {
        let found = self.store.externals.digest_watched(path, watch);
        let size = found.as_ref().ok().and_then(Option::as_ref).map_or(0, |file| file.size);
        if self.store.externals.save_is_due(size) {
            self.store.remember_files();
        }
        found.map_err(|error: io::Error| chain(&error))
    }
}

/// Paths of the external files of a node.
pub(crate) fn external_paths(graph: &Graph, idx: usize) -> impl Iterator<Item = &Path> {
    graph.nodes()[idx].inputs.values().filter_map(|source| match source {
        Source::External { path, .. } => Some(path.as_path()),
        _ => None,
    })
}

/// As many threads as this machine runs at once.
pub(crate) fn all_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Told(Mutex<Vec<(u64, u64)>>);

    impl Observer for Told {
        fn hashing(&self, done: u64, total: u64) {
            self.0.lock().unwrap().push((done, total));
        }
    }

    proptest::proptest! {
        #[test]
        fn amounts_never_go_back_and_end_at_the_total(
            total in 0u64..1000,
            steps in proptest::collection::vec((proptest::bool::ANY, 0u64..400), 0..10),
        ) {
            let (told, mut amount) = (Told::default(), Amount::of(total));
            for (read, bytes) in steps {
                if read { amount.read(bytes, &told) } else { amount.drop_from(bytes) }
            }
            amount.finish(&told);
            let told = told.0.into_inner().unwrap();
            proptest::prop_assert!(told.is_sorted_by_key(|(done, _)| *done));
            proptest::prop_assert!(told.iter().all(|(done, all)| done <= all && *all <= total));
            proptest::prop_assert!(amount.done == amount.total);
        }
    }

    #[test]
    fn what_was_not_read_is_told_apart_from_what_is_not_there() {
        let mut digests = Digests::default();
        digests.insert(PathBuf::from("/gone"), Ok(None));
        assert_eq!(digests.get(Path::new("/gone")), Ok(None));
        assert_eq!(digests.get(Path::new("/other")).unwrap_err(), "/other was not read: stopped on request");
    }
}
