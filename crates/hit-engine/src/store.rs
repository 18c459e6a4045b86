//! The store under `cache/`: objects by digest, one record per executed key, locks between processes.
//!
//! *Invariant:* an object is used only after its bytes were checked in this process, and a record only if its own
//! checksum fits; so a power cut, a kill or a bad disk can lose work but never change a result.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use fs_err::File;
use hit_stage::{Artifact, Cancel, Digest, FileRef};
use serde::{Deserialize, Serialize};

use crate::error::NO_LOCKS;
use crate::external::Externals;
use crate::files::{absent_is_fine, files_below, found, remove, sync_folder, write_atomic};
use crate::key::Recipe;

/// Says to backup programs that the folder can be made again; see <https://bford.info/cachedir/>.
const CACHEDIR_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n# Made by hitrepro; may be deleted.\n";

pub(crate) const OBJECTS: &str = "objects-v1";
pub(crate) const RECORDS: &str = "records-v1";
pub(crate) const SCRATCH: &str = "scratch-v1";
pub(crate) const DAMAGED: &str = "damaged-v1";
pub(crate) const LOCKS: &str = "locks-v1";
pub(crate) const TMP: &str = "tmp";
const LATEST: &str = "latest-v1/stages.json";
const STAT: &str = "stat-v1.json";

/// What a finished stage leaves: its recipe, its outputs and how the run went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Digest of the recipe.
    pub key: Digest,
    /// Id under which it was run (equal work under another id shares the record).
    pub stage: String,
    /// What the result is a function of.
    pub recipe: Recipe,
    /// The results.
    pub outputs: BTreeMap<String, Artifact>,
    /// Bytes of all outputs.
    pub size: u64,
    /// `cpu` or `cuda:N`.
    pub device: String,
    /// Threads given to it.
    pub threads: usize,
    /// Duration in milliseconds.
    pub duration_ms: u64,
    /// Versions and hardware, as the program states them; no host names, no paths.
    pub facts: BTreeMap<String, String>,
}

/// A record with the digests of its outputs: that of a tree of thousands of files costs more than the rest of a look-up.
pub(crate) struct Finished {
    record: Record,
    digests: BTreeMap<String, Digest>,
}

impl Finished {
    pub(crate) fn new(record: Record) -> Self {
        let digests = record.outputs.iter().map(|(name, artifact)| (name.clone(), artifact.digest())).collect();
        Self { record, digests }
    }

    /// Content digest of each output.
    pub(crate) fn digests(&self) -> &BTreeMap<String, Digest> {
        &self.digests
    }
}

impl std::ops::Deref for Finished {
    type Target = Record;

    fn deref(&self) -> &Record {
        &self.record
    }
}

/// What reading a record found.
pub(crate) enum Loaded {
    Found(Box<Record>),
    Absent,
    /// It cannot be trusted, and why.
    Damaged(String),
}

/// Why an object cannot be used.
#[derive(Debug)]
pub(crate) enum BadObject {
    /// It is not there.
    Lost,
    /// Its bytes were wrong; it was set aside.
    Damaged,
    Io(io::Error),
}

impl From<io::Error> for BadObject {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Last key used for each stage id: what reasons compare with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Latest {
    pub(crate) kind: String,
    pub(crate) key: Digest,
}

pub(crate) struct Store {
    pub(crate) root: PathBuf,
    pub(crate) externals: Externals,
    /// Objects whose bytes this process has checked.
    verified: Mutex<BTreeSet<Digest>>,
    /// Folders whose names are to be made durable at the end of the run.
    touched: Mutex<BTreeSet<PathBuf>>,
    session: Mutex<Option<Session>>,
}

/// The folder of one process under `tmp/`; its `alive` file is locked for as long as the process lives.
struct Session {
    folder: tempfile::TempDir,
    /// Closed, and thereby unlocked, when the session is dropped.
    _alive: File,
}

/// A lock of one key; the file goes away with it.
pub(crate) struct KeyLock {
    path: PathBuf,
    _file: File,
}

impl Drop for KeyLock {
    fn drop(&mut self) {
        // Removed while still held: whoever waits on this file finds it unlinked and takes a new one.
        _ = fs_err::remove_file(&self.path);
    }
}

impl Store {
    pub(crate) fn new(root: PathBuf) -> Self {
        let externals = Externals::new(root.join(STAT));
        Self { root, externals, verified: Mutex::default(), touched: Mutex::default(), session: Mutex::default() }
    }

    /// Makes the folders and removes what dead processes left in `tmp/`.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        for folder in [OBJECTS, RECORDS, SCRATCH, LOCKS, TMP, "latest-v1"] {
            fs_err::create_dir_all(self.root.join(folder))?;
        }
        let tag = self.root.join("CACHEDIR.TAG");
        if !tag.exists() {
            write_atomic(&tag, CACHEDIR_TAG.as_bytes())?;
        }
        self.sweep()
    }

    fn sweep(&self) -> io::Result<()> {
        let _guard = self.exclusive("tmp")?;
        for entry in fs_err::read_dir(self.root.join(TMP))? {
            let path = entry?.path();
            let alive = found(File::open(path.join("alive")))?.is_some_and(|file| file.try_lock().is_err());
            if !alive {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// A new name in this process's own temporary folder.
    pub(crate) fn temporary(&self) -> io::Result<tempfile::TempDir> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if session.is_none() {
            let _guard = self.exclusive("tmp")?;
            let folder = tempfile::Builder::new().prefix("p-").tempdir_in(self.root.join(TMP))?;
            let alive = File::create(folder.path().join("alive"))?;
            alive.lock().map_err(|error| no_locks(&error))?;
            *session = Some(Session { folder, _alive: alive });
        }
        let folder = session.as_ref().map_or_else(|| self.root.join(TMP), |session| session.folder.path().to_owned());
        tempfile::Builder::new().prefix("s-").tempdir_in(folder)
    }

    // ---- locks ----

    fn lock_file(&self, name: &str) -> io::Result<File> {
        File::options().create(true).truncate(false).write(true).read(true).open(self.root.join(LOCKS).join(name))
    }

    /// Waits for the small lock `name`; released when the file is dropped.
    pub(crate) fn exclusive(&self, name: &str) -> io::Result<File> {
        let file = self.lock_file(name)?;
        file.lock().map_err(|error| no_locks(&error))?;
        Ok(file)
    }

    /// Says that this process uses the store: nobody collects garbage meanwhile.
    pub(crate) fn enter(&self) -> io::Result<File> {
        let file = self.lock_file("store")?;
        file.lock_shared().map_err(|error| no_locks(&error))?;
        Ok(file)
    }

    /// The store for oneself, or `None` if anyone uses it.
    pub(crate) fn enter_alone(&self) -> io::Result<Option<File>> {
        let file = self.lock_file("store")?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(no_locks(&error)),
        }
    }

    /// Takes the lock of `key`; while another process has it, `waiting` is called once. `None` if cancelled.
    pub(crate) fn lock_key(&self, key: Digest, cancel: &Cancel, waiting: impl Fn()) -> io::Result<Option<KeyLock>> {
        let name = key.to_string();
        let path = self.root.join(LOCKS).join(&name);
        let mut told = false;
        loop {
            let file = self.lock_file(&name)?;
            match file.try_lock() {
                Ok(()) => {
                    // The holder before us may have unlinked the file that we opened: then it guards nothing.
                    let same = found(fs_err::metadata(&path))?.is_some_and(|meta| same_inode(&file, &meta));
                    if same {
                        return Ok(Some(KeyLock { path, _file: file }));
                    }
                }
                Err(std::fs::TryLockError::WouldBlock) => {
                    if !told {
                        waiting();
                        told = true;
                    }
                    if cancel.requested() {
                        return Ok(None);
                    }
                    sleep(Duration::from_millis(20));
                }
                Err(std::fs::TryLockError::Error(error)) => return Err(no_locks(&error)),
            }
        }
    }

    // ---- objects ----

    pub(crate) fn object_path(&self, digest: Digest) -> PathBuf {
        let name = hex(digest);
        let mut path = self.root.join(OBJECTS);
        path.reserve(name.len() + 4);
        path.push(&name[..2]);
        path.push(name);
        path
    }

    /// Whether an object of that digest and size lies there; its bytes are not read.
    pub(crate) fn has(&self, file: FileRef) -> bool {
        // No error is built where none is needed: this is called for every object of a run.
        fs_err::metadata(self.object_path(file.digest)).is_ok_and(|meta| meta.is_file() && meta.len() == file.size)
    }

    /// Path of an object whose bytes are right; damaged ones are set aside.
    pub(crate) fn open(&self, file: FileRef) -> Result<PathBuf, BadObject> {
        let path = self.object_path(file.digest);
        if self.verified().contains(&file.digest) && self.has(file) {
            return Ok(path);
        }
        if sound(&path, file)? {
            self.verified().insert(file.digest);
            return Ok(path);
        }
        // Looked at again under a lock: another process may just have replaced the object by a good one.
        let _guard = self.exclusive("damage")?;
        if !path.exists() {
            return Err(BadObject::Lost);
        }
        if sound(&path, file)? {
            return Ok(path);
        }
        self.set_aside(&path)?;
        Err(BadObject::Damaged)
    }

    /// Reads an object that was not checked yet, so that [`Store::open`] need not; a bad one is left to it.
    pub(crate) fn check(&self, file: FileRef) {
        if sound(&self.object_path(file.digest), file).unwrap_or(false) {
            self.verified().insert(file.digest);
        }
    }

    /// Whether the bytes of an object were checked in this process.
    pub(crate) fn is_checked(&self, digest: Digest) -> bool {
        self.verified().contains(&digest)
    }

    /// Moves the file at `from` into the store.
    pub(crate) fn put(&self, from: &Path) -> io::Result<FileRef> {
        let source = File::open(from)?;
        let (digest, size) = Digest::of_reader(&source)?;
        source.set_permissions(std::fs::Permissions::from_mode(0o444))?;
        source.sync_all()?;
        let path = self.object_path(digest);
        let folder = path.parent().unwrap_or(&self.root).to_owned();
        fs_err::create_dir_all(&folder)?;
        // Also over an object that is there: ours has just been read, that one has not.
        fs_err::rename(from, &path)?;
        self.touch(folder);
        self.verified().insert(digest);
        Ok(FileRef { digest, size })
    }

    fn verified(&self) -> std::sync::MutexGuard<'_, BTreeSet<Digest>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves a file out of use, to `damaged-v1/`.
    pub(crate) fn set_aside(&self, path: &Path) -> io::Result<()> {
        let folder = self.root.join(DAMAGED);
        fs_err::create_dir_all(&folder)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // With n files in the folder, one of n + 1 names is free.
        let n = fs_err::read_dir(&folder)?.count();
        let free = (0..=n).map(|n| folder.join(format!("{name}.{n}"))).find(|path| !path.exists());
        absent_is_fine(fs_err::rename(path, free.unwrap_or(folder)))
    }

    // ---- records ----

    pub(crate) fn record_path(&self, kind: &str, key: Digest) -> PathBuf {
        self.root.join(RECORDS).join(kind).join(format!("{key}.json"))
    }

    pub(crate) fn record(&self, kind: &str, key: Digest) -> io::Result<Loaded> {
        // As in `has`: absence is the common case of a cold run and deserves no message.
        let Some(bytes) = found(fs_err::read(self.record_path(kind, key)))? else { return Ok(Loaded::Absent) };
        Ok(match unseal(&bytes) {
            Ok(record) if record.key == key => Loaded::Found(Box::new(record)),
            Ok(record) => Loaded::Damaged(format!("it is the record of key {}", record.key.short())),
            Err(why) => Loaded::Damaged(why),
        })
    }

    pub(crate) fn write_record(&self, record: &Record) -> io::Result<()> {
        let path = self.record_path(&record.recipe.kind, record.key);
        write_atomic(&path, &seal(record)?)?;
        if let Some(folder) = path.parent() {
            self.touch(folder.to_owned());
        }
        Ok(())
    }

    /// Kind and key of every record, from the names of their files.
    pub(crate) fn records(&self) -> io::Result<Vec<(String, Digest)>> {
        let Some(files) = found(files_below(&self.root.join(RECORDS)))? else { return Ok(Vec::new()) };
        let named = |path: &Path| {
            let key = path.file_stem()?.to_str()?.parse().ok()?;
            Some((path.parent()?.to_str()?.to_owned(), key))
        };
        Ok(files.iter().filter_map(|path| named(path)).collect())
    }

    pub(crate) fn scratch(&self, key: Digest) -> PathBuf {
        self.root.join(SCRATCH).join(key.to_string())
    }

    // ---- bookkeeping ----

    fn touch(&self, folder: PathBuf) {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).insert(folder);
    }

    /// Makes the names of everything stored so far durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let touched = std::mem::take(&mut *self.touched.lock().unwrap_or_else(PoisonError::into_inner));
        touched.iter().try_for_each(|folder| sync_folder(folder))
    }

    /// The last key of each stage; what cannot be read counts as never run.
    pub(crate) fn latest(&self) -> BTreeMap<String, Latest> {
        let bytes = fs_err::read(self.root.join(LATEST)).ok();
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Notes digests of external files, if there are new ones and nothing is in the way; where there is no store yet, only
    /// if hashing them took long.
    pub(crate) fn remember_files(&self) {
        let there = self.root.join(LOCKS).is_dir();
        if self.externals.is_fresh() && (there || self.externals.is_worth_a_store()) {
            // Only saves time: a store that cannot be written is told of when something runs.
            let prepared = if there { Ok(()) } else { self.prepare() };
            _ = prepared.and_then(|()| self.exclusive("index")).and_then(|_guard| self.externals.save(false));
        }
    }

    /// Notes the last keys of stages and the digests of external files.
    pub(crate) fn remember(&self, news: BTreeMap<String, Latest>) -> io::Result<()> {
        let _guard = self.exclusive("index")?;
        self.externals.save(false)?;
        let before = self.latest();
        let mut after = before.clone();
        after.extend(news);
        if after == before {
            return Ok(());
        }
        write_atomic(&self.root.join(LATEST), &serde_json::to_vec(&after)?)
    }
}

/// The digest as it is shown, but made without the machinery of formatting: a run asks for thousands of objects.
fn hex(digest: Digest) -> String {
    let digit = |n: u8| char::from(b"0123456789abcdef"[usize::from(n)]);
    digest.bytes().into_iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A lock that cannot be had, other than because somebody has it.
fn no_locks(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{error}; {NO_LOCKS}"))
}

fn same_inode(file: &File, meta: &std::fs::Metadata) -> bool {
    file.metadata().is_ok_and(|ours| ours.ino() == meta.ino() && ours.dev() == meta.dev())
}

/// Whether the bytes at `path` are those of `file`; a file that is not there is not sound.
fn sound(path: &Path, file: FileRef) -> io::Result<bool> {
    let Some(source) = found(File::open(path))? else { return Ok(false) };
    Ok(source.metadata()?.len() == file.size && Digest::of_reader(source)? == (file.digest, file.size))
}

const SEAL_START: &str = "{\"sum\":\"";
const SEAL_MIDDLE: &str = "\",\"record\":";
const SEAL_END: &str = "}\n";

/// One JSON object that holds the record and the digest of the record's own text.
fn seal(record: &Record) -> io::Result<Vec<u8>> {
    let text = serde_json::to_string(record)?;
    Ok(format!("{SEAL_START}{}{SEAL_MIDDLE}{text}{SEAL_END}", Digest::of(text.as_bytes())).into_bytes())
}

fn unseal(bytes: &[u8]) -> Result<Record, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let inner = text.strip_prefix(SEAL_START).and_then(|text| text.strip_suffix(SEAL_END));
    let (sum, record) = inner.and_then(|text| text.split_once(SEAL_MIDDLE)).ok_or("it is not complete")?;
    if Digest::of(record.as_bytes()).to_string() != sum {
        return Err("its checksum does not fit".to_owned());
    }
    serde_json::from_str(record).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
