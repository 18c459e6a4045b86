//! Audio and MIDI files in the folder that no row of the table names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::report::{Finding, Kind, Severity};

/// Folders within folders that are followed.
const MAX_DEPTH: usize = 16;
/// Files and folders that are looked at.
const MAX_ENTRIES: usize = 200_000;
/// Strays that are listed singly.
const MAX_LISTED: usize = 50;
/// What a stray ends in; other files (licences, readmes, lists) are nobody's business.
const EXTENSIONS: [&str; 8] = ["mid", "midi", "wav", "flac", "ogg", "oga", "mp3", "opus"];

/// The strays below `root`, given the files that rows name.
///
/// Links are followed, each folder is entered once whatever leads to it, so that a loop ends.
pub(crate) fn findings(root: &Path, named: &[&PathBuf]) -> Vec<Finding> {
    let named: BTreeSet<PathBuf> = named.iter().filter_map(|path| fs_err::canonicalize(path).ok()).collect();
    let mut walk = Walk { root, named, entered: BTreeSet::new(), n_entries: 0, strays: Vec::new(), cut: false };
    walk.folder(root, 0);
    walk.strays.sort();
    let mut found = Vec::new();
    for file in walk.strays.iter().take(MAX_LISTED) {
        let advice = "add it to the table, or leave it: it is not used";
        let finding = Finding::new(Kind::StrayFile, Severity::Warning, "no row of the table names it", advice);
        found.push(finding.in_file(file));
    }
    if walk.strays.len() > MAX_LISTED {
        let what = format!("{} more files are named by no row", walk.strays.len() - MAX_LISTED);
        found.push(Finding::new(Kind::StrayFile, Severity::Warning, what, "check that this is the right table"));
    }
    if walk.cut {
        let what = format!("the folder has more than {MAX_ENTRIES} entries, or is deeper than {MAX_DEPTH} folders");
        let advice = "files beyond that were not looked for in the table; move what is no part of the corpus";
        found.push(Finding::new(Kind::StrayFile, Severity::Note, what, advice));
    }
    found
}

struct Walk<'a> {
    root: &'a Path,
    named: BTreeSet<PathBuf>,
    entered: BTreeSet<PathBuf>,
    n_entries: usize,
    strays: Vec<String>,
    cut: bool,
}

impl Walk<'_> {
    /// Goes through one folder; what cannot be read has no strays.
    fn folder(&mut self, folder: &Path, depth: usize) {
        let Ok(real) = fs_err::canonicalize(folder) else { return };
        if !self.entered.insert(real) {
            return;
        }
        let Ok(entries) = fs_err::read_dir(folder) else { return };
        let mut paths: Vec<PathBuf> = Vec::new();
        for entry in entries.flatten() {
            if self.n_entries == MAX_ENTRIES {
                self.cut = true;
                break;
            }
            self.n_entries += 1;
            paths.push(entry.path());
        }
        paths.sort();
        for path in paths {
            let Ok(kind) = fs_err::metadata(&path) else { continue };
            if kind.is_dir() && depth < MAX_DEPTH {
                self.folder(&path, depth + 1);
            } else if kind.is_dir() {
                self.cut = true;
            } else if kind.is_file() {
                self.file(&path);
            }
        }
    }

    fn file(&mut self, path: &Path) {
        let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        if !extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str())) {
            return;
        }
        let is_named = fs_err::canonicalize(path).is_ok_and(|real| self.named.contains(&real));
        if !is_named {
            self.strays.push(relative(self.root, path));
        }
    }
}

/// A path below the corpus folder, `/` between its parts.
pub(crate) fn relative(root: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = inside.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests;
