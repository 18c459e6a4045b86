//! The sources of the project: as tokens, and as a copy that a test may change.

use std::collections::BTreeMap;
use std::path::Path;

use hit_codehash::{CrateCode, flat_tokens};

use crate::project::{repository, walk};

/// Files that tests alone reach, which their names do not tell.
const FOR_TESTS: [&str; 2] = ["crates/hit-report/src/fixture.rs", "crates/hit-corpus/src/fixtures.rs"];

/// Tokens of the code of all crates, without comments and tests, by path from the root.
pub fn tokens() -> BTreeMap<String, Vec<String>> {
    let mut files = BTreeMap::new();
    let root = repository();
    walk(&root.join("crates"), &mut |path| {
        let name = path.strip_prefix(&root).unwrap().to_str().expect("paths are UTF-8").to_owned();
        let rust = path.extension().is_some_and(|extension| extension == "rs");
        let test = name.contains("/tests/") || name.ends_with("tests.rs") || FOR_TESTS.contains(&name.as_str());
        if name.contains("/src/") && rust && !test {
            let text = fs_err::read_to_string(path).unwrap();
            let tokens = flat_tokens(&text, false).unwrap_or_else(|| panic!("{name} does not parse"));
            files.insert(name, tokens);
        }
    });
    assert!(files.len() > 100, "{}", files.len());
    files
}

/// How often these tokens, with spaces between them, stand in a row.
pub fn count_of(tokens: &[String], text: &str) -> usize {
    let wanted: Vec<&str> = text.split(' ').collect();
    tokens.windows(wanted.len()).filter(|window| window.iter().eq(wanted.iter())).count()
}

/// A copy of what code digests are made of.
pub struct Tree {
    dir: tempfile::TempDir,
}

impl Tree {
    /// The workspace as it is.
    pub fn new() -> Self {
        let tree = Self { dir: tempfile::tempdir().expect("a temporary folder") };
        let root = repository();
        let copy = &mut |path: &Path| {
            let name = path.strip_prefix(&root).unwrap().to_str().expect("paths are UTF-8");
            tree.write_bytes(name, &fs_err::read(path).unwrap());
        };
        for folder in ["crates", "paper"] {
            walk(&root.join(folder), copy);
        }
        for file in ["Cargo.toml", "Cargo.lock", "pipeline.toml", "tests/Cargo.toml"] {
            copy(&root.join(file));
        }
        tree
    }

    fn write_bytes(&self, name: &str, bytes: &[u8]) {
        let path = self.dir.path().join(name);
        fs_err::create_dir_all(path.parent().expect("a file has a folder")).unwrap();
        fs_err::write(path, bytes).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.dir.path().join(name)).unwrap()
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) {
        self.write_bytes(name, text.as_bytes());
    }

    /// Inserts lines behind the only place that says `after`.
    pub fn insert(&self, name: &str, after: &str, lines: &str) {
        let text = self.read(name);
        let (head, tail) = text.split_once(after).unwrap_or_else(|| panic!("{name} does not say {after:?}"));
        self.write(name, &format!("{head}{after}{lines}{tail}"));
    }

    /// Inserts lines at the end of the list that begins with `of`; if its type states a length, that grows by one.
    pub fn insert_at_end_of(&self, name: &str, of: &str, lines: &str) {
        let text = self.read(name);
        let start = text.find(of).unwrap_or_else(|| panic!("{name} does not say {of:?}"));
        let end = start + text[start..].find("\n];").expect("a list ends") + 1;
        let (opening, items) = text[start..end].split_once('\n').expect("a list of several lines");
        let grown = match opening.rsplit_once("; ").and_then(|(kind, rest)| Some((kind, rest.split_once(']')?))) {
            Some((kind, (length, rest))) => format!("{kind}; {}]{rest}", length.parse::<usize>().unwrap() + 1),
            None => opening.to_owned(),
        };
        self.write(name, &format!("{}{grown}\n{items}{lines}{}", &text[..start], &text[end..]));
    }

    /// Copies a crate under another name, and locks it as the first is locked.
    pub fn copy_crate(&self, from: &str, to: &str) {
        let mut files = Vec::new();
        walk(&self.dir.path().join("crates").join(from), &mut |path| files.push(path.to_owned()));
        for path in files {
            let name = path.strip_prefix(self.dir.path()).unwrap().to_str().expect("paths are UTF-8").to_owned();
            let text = fs_err::read_to_string(path).unwrap();
            self.write(&name.replacen(from, to, 1), &text.replace(from, to));
        }
        let lock = self.read("Cargo.lock");
        let package = lock.split("\n\n").find(|package| package.contains(&format!("name = \"{from}\""))).unwrap();
        let own = package.replace(from, to);
        let used = lock.replace(&format!("\n \"{from}\",\n"), &format!("\n \"{from}\",\n \"{to}\",\n"));
        self.write("Cargo.lock", &format!("{}\n\n{own}\n", used.trim_end()));
    }

    fn codes(&self) -> BTreeMap<String, CrateCode> {
        let codes = hit_codehash::generate(self.dir.path()).unwrap_or_else(|error| panic!("{error}"));
        codes.into_iter().map(|code| (code.name.clone(), code)).collect()
    }

    /// Crates whose stages have other keys than in `before`, sorted.
    pub fn changed(&self, before: &Self) -> Vec<String> {
        let (now, then) = (self.codes(), before.codes());
        let differs = |name: &String| match (now.get(name), then.get(name)) {
            (Some(now), Some(then)) => (&now.own, &now.locked) != (&then.own, &then.locked),
            _ => true,
        };
        let changed = |code: &&CrateCode| {
            let locked = then.get(&code.name).is_none_or(|then| then.locked != code.locked);
            locked || code.closure.iter().any(differs)
        };
        now.values().filter(changed).map(|code| code.name.clone()).collect()
    }
}
