//! Digests of files outside of the store, remembered by size, times and inode so that a large corpus is hashed once.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hit_stage::{Digest, FileRef};
use serde::{Deserialize, Serialize};

use crate::files::{found, write_atomic};

/// A file younger than this may change again within the resolution of its times: its digest is not remembered.
const RACY: Duration = Duration::from_secs(2);

/// What identifies the content of a file without reading it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Stamp {
    size: u64,
    mtime_ns: i64,
    ctime_ns: i64,
    inode: u64,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Seen {
    #[serde(flatten)]
    stamp: Stamp,
    digest: Digest,
}

/// Absolute path to what was seen there.
type Table = BTreeMap<String, Seen>;

/// The remembered digests; kept in one file of the store.
pub(crate) struct Externals {
    file: PathBuf,
    table: Mutex<Option<Table>>,
    /// Whether something was added since the table was written.
    fresh: AtomicBool,
}

impl Externals {
    pub(crate) fn new(file: PathBuf) -> Self {
        Self { file, table: Mutex::new(None), fresh: AtomicBool::new(false) }
    }

    /// Digest and size of the file at `path`; `None` if there is none.
    pub(crate) fn digest(&self, path: &Path) -> io::Result<Option<FileRef>> {
        let Some(stamp) = stamp(path)? else { return Ok(None) };
        let name = std::path::absolute(path)?.to_str().map(str::to_owned);
        let known = name.as_ref().and_then(|name| self.with(|table| table.get(name).copied()));
        match known {
            Some(seen) if seen.stamp == stamp => Ok(Some(FileRef { digest: seen.digest, size: stamp.size })),
            _ => self.read(path, name, stamp).map(Some),
        }
    }

    /// Hashes the file, again if it changes meanwhile, and remembers the digest if that is safe.
    fn read(&self, path: &Path, name: Option<String>, mut before: Stamp) -> io::Result<FileRef> {
        for _ in 0..3 {
            let (digest, size) = Digest::of_reader(fs_err::File::open(path)?)?;
            let Some(after) = stamp(path)? else { break };
            if before == after && size == after.size {
                if let Some(name) = name.filter(|_| settled(after)) {
                    self.with(|table| table.insert(name, Seen { stamp: after, digest }));
                    self.fresh.store(true, Ordering::Relaxed);
                }
                return Ok(FileRef { digest, size });
            }
            before = after;
        }
        Err(io::Error::other(format!("{} keeps changing while it is read", path.display())))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Table) -> T) -> T {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        act(table.get_or_insert_with(|| load(&self.file)))
    }

    /// Writes the table, with what other processes have added; the caller holds the lock for that.
    ///
    /// Entries whose file is gone are dropped if `prune` is set.
    pub(crate) fn save(&self, prune: bool) -> io::Result<()> {
        if !self.fresh.swap(false, Ordering::Relaxed) && !prune {
            return Ok(());
        }
        let mut merged = load(&self.file);
        merged.extend(self.with(|table| table.clone()));
        if prune {
            merged.retain(|path, _| Path::new(path).exists());
        }
        write_atomic(&self.file, &serde_json::to_vec(&merged)?)
    }
}

/// A table that cannot be read is an empty one: everything is hashed again.
fn load(file: &Path) -> Table {
    fs_err::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// The stamp of the file at `path`; `None` if there is none, an error if it is a folder.
pub(crate) fn stamp(path: &Path) -> io::Result<Option<Stamp>> {
    let Some(meta) = found(fs_err::metadata(path))? else { return Ok(None) };
    if !meta.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} is not a file", path.display())));
    }
    Ok(Some(Stamp {
        size: meta.len(),
        mtime_ns: meta.mtime() * 1_000_000_000 + meta.mtime_nsec(),
        ctime_ns: meta.ctime() * 1_000_000_000 + meta.ctime_nsec(),
        inode: meta.ino(),
    }))
}

fn settled(stamp: Stamp) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as i64);
    stamp.mtime_ns.max(stamp.ctime_ns) + (RACY.as_nanos() as i64) < now
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old(path: &Path) -> Stamp {
        Stamp { mtime_ns: 1, ctime_ns: 1, ..stamp(path).unwrap().unwrap() }
    }

    #[test]
    fn a_young_file_is_read_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let (file, table) = (dir.path().join("x"), Externals::new(dir.path().join("stat")));
        for text in ["one", "two", "six"] {
            // Same size and, on coarse clocks, same times: only reading tells.
            fs_err::write(&file, text).unwrap();
            assert_eq!(table.digest(&file).unwrap().unwrap().digest, Digest::of(text.as_bytes()));
        }
        table.save(false).unwrap();
        assert!(!dir.path().join("stat").exists(), "nothing is settled yet");
    }

    #[test]
    fn a_remembered_digest_is_used_while_the_stamp_is_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let (file, stat) = (dir.path().join("x"), dir.path().join("stat"));
        fs_err::write(&file, "abc").unwrap();
        let name = file.to_str().unwrap().to_owned();
        let planted = Digest::of(b"planted");
        let first = Externals::new(stat.clone());
        let seen = stamp(&file).unwrap().unwrap();
        first.with(|table| table.insert(name.clone(), Seen { stamp: seen, digest: planted }));
        first.save(true).unwrap();
        let second = Externals::new(stat.clone());
        assert_eq!(second.digest(&file).unwrap().unwrap().digest, planted, "taken from the table");
        second.with(|table| table.insert(name, Seen { stamp: old(&file), digest: planted }));
        assert_eq!(second.digest(&file).unwrap().unwrap().digest, Digest::of(b"abc"), "stamp differs: read");
        fs_err::remove_file(&file).unwrap();
        assert_eq!(second.digest(&file).unwrap(), None);
        second.save(true).unwrap();
        assert_eq!(load(&stat).len(), 0, "pruned");
    }

    #[test]
    fn folders_and_broken_tables() {
        let dir = tempfile::tempdir().unwrap();
        fs_err::write(dir.path().join("stat"), "{ not json").unwrap();
        let table = Externals::new(dir.path().join("stat"));
        assert!(table.digest(dir.path()).is_err());
        assert_eq!(table.digest(&dir.path().join("stat/below")).unwrap(), None);
        fs_err::write(dir.path().join("y"), "").unwrap();
        assert_eq!(table.digest(&dir.path().join("y")).unwrap().unwrap().size, 0);
    }
}
