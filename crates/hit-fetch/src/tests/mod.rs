//! Tests that need a server or an archive.

mod archives;
mod bombs;
mod download;
mod fetch;
mod hostile;
mod obtain;
mod server;
mod unpack;
mod url;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::watch::Watch;
use crate::work::FOLDER;

/// Remembers what it is told, and stops when a step has come so far or when it was asked so often.
#[derive(Default)]
struct Log {
    notes: RefCell<Vec<String>>,
    done: Cell<u64>,
    total: Cell<Option<u64>>,
    asked: Cell<u64>,
    stop_at_bytes: Option<u64>,
    stop_after_questions: Option<u64>,
}

impl Log {
    fn stopping_at(bytes: u64) -> Self {
        Self { stop_at_bytes: Some(bytes), ..Self::default() }
    }

    fn says(&self, text: &str) -> bool {
        self.notes.borrow().iter().any(|note| note.contains(text))
    }
}

impl Watch for Log {
    fn progress(&self, done: u64, total: Option<u64>) {
        assert!(total.is_none_or(|total| done <= total), "{done} of {total:?}");
        self.done.set(done);
        self.total.set(total);
    }

    fn note(&self, text: &str) {
        self.notes.borrow_mut().push(text.to_owned());
    }

    fn cancelled(&self) -> bool {
        self.asked.set(self.asked.get() + 1);
        self.stop_at_bytes.is_some_and(|at| self.done.get() >= at)
            || self.stop_after_questions.is_some_and(|most| self.asked.get() > most)
    }
}

/// A folder with a target in it and a neighbour that nobody may touch.
struct Yard {
    folder: TempDir,
}

impl Yard {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir(folder.path().join("target")).unwrap();
        fs_err::create_dir(folder.path().join("neighbour")).unwrap();
        fs_err::write(folder.path().join("neighbour/secret"), b"mine").unwrap();
        Self { folder }
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("target")
    }

    fn neighbour(&self) -> PathBuf {
        self.folder.path().join("neighbour")
    }

    fn archive(&self, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join("archive");
        fs_err::write(&path, bytes).unwrap();
        path
    }

    /// Writes a file below the target.
    fn put(&self, path: &str, bytes: &[u8]) {
        let path = self.target().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, bytes).unwrap();
    }

    /// Files below the target by path, without the working folder.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.target(), "", &mut files);
        files.retain(|path, _| !path.starts_with(FOLDER));
        files
    }

    /// Names in the working folder.
    fn work(&self) -> Vec<String> {
        names(&self.target().join(FOLDER))
    }

    /// Nothing was written beside the target, and no temporary file is left.
    fn check(&self) {
        let mut beside = names(self.folder.path());
        beside.retain(|name| name != "archive");
        assert_eq!(beside, ["neighbour", "target"]);
        assert_eq!(names(&self.neighbour()), ["secret"]);
        assert_eq!(fs_err::read(self.neighbour().join("secret")).unwrap(), b"mine");
        assert!(!self.target().join(FOLDER).join("unpacking").exists());
    }
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs_err::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for name in names(folder) {
        let path = folder.join(&name);
        let shown = format!("{prefix}{name}");
        if fs_err::symlink_metadata(&path).unwrap().is_dir() {
            collect(&path, &format!("{shown}/"), files);
        } else {
            files.insert(shown, fs_err::read(&path).unwrap_or_default());
        }
    }
}

/// Bytes without a pattern that compression would find; another `seed`, other bytes.
fn noise(len: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).max(1);
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 11) as u8
    };
    (0..len).map(step).collect()
}
