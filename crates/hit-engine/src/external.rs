//! Digests of files outside of the store, remembered by size, times and inode so that a large corpus is hashed once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hit_stage::{Digest, FileRef, Hasher};
use serde::{Deserialize, Serialize};

use crate::files::{found, write_atomic};

/// A file younger than this may change again within the resolution of its times: its digest is not remembered.
const RACY: Duration = Duration::from_secs(2);
/// Bytes read at once: few calls, and it stays in a core's cache while it is hashed.
const BLOCK: u64 = 1 << 17;
/// While files are hashed, the table is written this often, or after so many bytes: what a kill may cost.
const SAVE_EVERY: Duration = Duration::from_secs(5);
const SAVE_BYTES: u64 = 1 << 30;
/// Who only asked for a plan gets a store to note digests in if so many bytes were hashed for it.
const WORTH_A_STORE: u64 = 1 << 28;

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

/// Absolute path (see [`name_of`]) to what was seen there.
type Table = BTreeMap<String, Seen>;

/// What is known of a file without reading it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Glance {
    Known(FileRef),
    Absent,
    /// It has to be read; this many bytes.
    Unread(u64),
}

/// Told of each block of a file that is being hashed; says whether to go on.
pub(crate) type Watch<'a> = &'a dyn Fn(u64) -> bool;

/// The remembered digests; kept in one file of the store.
pub(crate) struct Externals {
    file: PathBuf,
    table: Mutex<Option<Table>>,
    /// Whether something was added since the table was written.
    fresh: AtomicBool,
    /// When the table was last written, and how much was hashed since.
    saved: Mutex<(Instant, u64)>,
    /// Bytes hashed by this process.
    hashed: AtomicU64,
}

impl Externals {
    pub(crate) fn new(file: PathBuf) -> Self {
        let saved = Mutex::new((Instant::now(), 0));
        Self { file, table: Mutex::new(None), fresh: AtomicBool::new(false), saved, hashed: AtomicU64::new(0) }
    }

    /// Digest and size of the file at `path`; `None` if there is none.
    pub(crate) fn digest(&self, path: &Path) -> io::Result<Option<FileRef>> {
        self.digest_watched(path, &|_| true)
    }

    /// What is known of the file at `path`.
    pub(crate) fn glance(&self, path: &Path) -> io::Result<Glance> {
        let Some(stamp) = stamp(path)? else { return Ok(Glance::Absent) };
        Ok(self.recall(&name_of(path)?, stamp).map_or(Glance::Unread(stamp.size), Glance::Known))
    }

    /// [`Externals::digest`], with each block told to `watch`.
    ///
    /// A file that goes away while it is read is none; one that `watch` stops at gives an error.
    pub(crate) fn digest_watched(&self, path: &Path, watch: Watch) -> io::Result<Option<FileRef>> {
        let Some(mut before) = stamp(path)? else { return Ok(None) };
        let name = name_of(path)?;
        if let Some(file) = self.recall(&name, before) {
            return Ok(Some(file));
        }
        for _ in 0..3 {
            let Some((digest, size)) = found(hash(path, before.size, watch))? else { return Ok(None) };
            let Some(after) = stamp(path)? else { return Ok(None) };
            if before == after && size == after.size {
                if settled(after) {
                    self.with(|table| table.insert(name, Seen { stamp: after, digest }));
                    self.fresh.store(true, Ordering::Relaxed);
                }
                return Ok(Some(FileRef { digest, size }));
            }
            before = after;
        }
        let path = path.display();
        Err(io::Error::other(format!(
            "{path} keeps changing while it is read: wait until it is complete, then run again"
        )))
    }

    fn recall(&self, name: &str, stamp: Stamp) -> Option<FileRef> {
        let seen = self.with(|table| table.get(name).copied())?;
        (seen.stamp == stamp).then_some(FileRef { digest: seen.digest, size: stamp.size })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Table) -> T) -> T {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        act(table.get_or_insert_with(|| load(&self.file)))
    }

    /// Counts `bytes` as hashed and says whether the table should be written now.
    pub(crate) fn save_is_due(&self, bytes: u64) -> bool {
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        saved.1 += bytes;
        self.hashed.fetch_add(bytes, Ordering::Relaxed);
        let due = self.fresh.load(Ordering::Relaxed) && (saved.1 >= SAVE_BYTES || saved.0.elapsed() >= SAVE_EVERY);
        if due {
            *saved = (Instant::now(), 0);
        }
        due
    }

    /// Whether something is to be written.
    pub(crate) fn is_fresh(&self) -> bool {
        self.fresh.load(Ordering::Relaxed)
    }

    /// Whether hashing took so long that a store is made to note it in.
    pub(crate) fn is_worth_a_store(&self) -> bool {
        self.hashed.load(Ordering::Relaxed) >= WORTH_A_STORE
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
            merged.retain(|name, _| path_of(name).exists());
        }
        let written = write_atomic(&self.file, &serde_json::to_vec(&merged)?);
        if written.is_err() {
            self.fresh.store(true, Ordering::Relaxed);
        }
        written
    }
}

/// A table that cannot be read is an empty one: everything is hashed again.
fn load(file: &Path) -> Table {
    fs_err::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// Digest and number of the bytes at `path`, but of no more than one byte over `size`: a file that grows while it is
/// read, perhaps faster than it is, has changed already.
fn hash(path: &Path, size: u64, watch: Watch) -> io::Result<(Digest, u64)> {
    let limit = size.saturating_add(1);
    let mut file = fs_err::File::open(path)?.take(limit);
    let mut block = vec![0; BLOCK.min(limit) as usize];
    let (mut hasher, mut read) = (Hasher::default(), 0);
    loop {
        let n = match file.read(&mut block) {
            Ok(0) => return Ok((hasher.finish(), read)),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&block[..n]);
        read += n as u64;
        if !watch(n as u64) {
            return Err(io::Error::other(format!("hashing {} was stopped", path.display())));
        }
    }
}

/// Start of a name that holds a path as hexadecimal bytes, because it is not UTF-8; no path contains it.
const HEX: &str = "\0hex:";

/// The absolute path as text.
fn name_of(path: &Path) -> io::Result<String> {
    let path = std::path::absolute(path)?;
    Ok(path.to_str().map_or_else(
        || path.as_os_str().as_bytes().iter().fold(HEX.to_owned(), |text, byte| format!("{text}{byte:02x}")),
        str::to_owned,
    ))
}

/// The path that [`name_of`] was given; of a name that was edited, one that does not exist.
fn path_of(name: &str) -> PathBuf {
    let Some(hex) = name.strip_prefix(HEX) else { return PathBuf::from(name) };
    let byte = |at| hex.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or(0);
    PathBuf::from(OsString::from_vec((0..hex.len()).step_by(2).map(byte).collect()))
}

/// The stamp of the file at `path`; `None` if there is none, an error if something else is there.
pub(crate) fn stamp(path: &Path) -> io::Result<Option<Stamp>> {
    let Some(meta) = found(fs_err::metadata(path))? else { return Ok(None) };
    let kind = meta.file_type();
    if !kind.is_file() {
        // Opening a pipe would wait for a writer.
        let what = if kind.is_dir() {
            "a folder"
        } else if kind.is_fifo() {
            "a pipe"
        } else if kind.is_socket() {
            "a socket"
        } else {
            "a device"
        };
        let message = format!("{} is not a file but {what}", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
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
mod tests;
