//! The files of a crate, and the digest of what they say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::manifest::Package;
use crate::modules::{self, normal};
use crate::tokens::{self, Source, Target};
use crate::{Error, hex};

/// Raised when the encoding changes, so that digests of different encodings never meet.
const VERSION: &str = "hit-codehash 1";

/// A SHA-256 over fields, each preceded by its length.
pub(crate) struct Fields(Sha256);

impl Fields {
    pub(crate) fn new(kind: &str) -> Self {
        let mut fields = Self(Sha256::new());
        fields.add(VERSION).add(kind);
        fields
    }

    pub(crate) fn add(&mut self, field: impl AsRef<[u8]>) -> &mut Self {
        let field = field.as_ref();
        self.0.update((field.len() as u64).to_le_bytes());
        self.0.update(field);
        self
    }

    pub(crate) fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// The code of one crate.
pub(crate) struct Digested {
    /// Digest of manifest and sources.
    pub(crate) own: String,
    /// Files outside the source folder that the code includes.
    pub(crate) elsewhere: BTreeSet<PathBuf>,
}

/// Reads the code of one crate.
///
/// # Errors
/// A file cannot be read, or an include macro names a file in a way that cannot be followed.
pub(crate) fn digested(package: &Package) -> Result<Digested, Error> {
    let mut fields = Fields::new("own");
    fields.add(&package.name).add(&package.edition);
    for (name, enables) in &package.features {
        fields.add("feature").add(name).add(format!("{enables:?}"));
    }
    for dependency in &package.dependencies {
        let switches = format!("default {} optional {}", dependency.default_features, dependency.optional);
        fields.add("dependency").add(&dependency.key).add(&dependency.package).add(dependency.kind);
        fields.add(&dependency.target).add(format!("{:?}", dependency.features)).add(switches);
    }
    let mut collection = Collection::read(package)?;
    collection.follow_includes()?;
    for (label, digest) in collection.entries()? {
        fields.add("file").add(label).add(digest);
    }
    let src = package.src_dir();
    let files = collection.includes.into_iter().chain(collection.sources.into_keys());
    Ok(Digested { own: fields.finish(), elsewhere: files.filter(|path| !path.starts_with(&src)).collect() })
}

fn digest(kind: &str, bytes: &[u8]) -> String {
    let mut fields = Fields::new(kind);
    fields.add(bytes);
    fields.finish()
}

/// The files of one crate that count.
struct Collection<'a> {
    package: &'a Package,
    /// Rust sources, read.
    sources: BTreeMap<PathBuf, Source>,
    /// Other files below the source folder.
    data: BTreeSet<PathBuf>,
    /// Files that code includes as data, wherever they are.
    includes: BTreeSet<PathBuf>,
}

impl<'a> Collection<'a> {
    fn read(package: &'a Package) -> Result<Self, Error> {
        let src = package.src_dir();
        let mut files = BTreeSet::new();
        // a crate whose library lies at the crate's root would drag in its tests: only its root counts then
        if src != package.dir && src.is_dir() {
            walk(&src, &mut files)?;
        }
        let roots = roots(package);
        files.extend(roots.iter().filter(|root| root.is_file()).cloned());
        let (rust, data): (BTreeSet<_>, BTreeSet<_>) = files.into_iter().partition(|path| is_rust(path));
        let mut sources = BTreeMap::new();
        for path in rust {
            let source = source(&path)?;
            sources.insert(path, source);
        }
        let tests = modules::test_only(&roots, &sources);
        sources.retain(|path, _| !tests.contains(path));
        let data = data.into_iter().filter(|path| !tests.contains(path)).collect();
        Ok(Self { package, sources, data, includes: BTreeSet::new() })
    }

    /// Label and digest of each file, sorted by label.
    fn entries(&self) -> Result<BTreeMap<String, String>, Error> {
        let mut entries = BTreeMap::new();
        for (path, source) in &self.sources {
            entries.insert(self.label(path), digest("code", &source.bytes));
        }
        for path in &self.data {
            entries.insert(self.label(path), digest("data", &fs_err::read(path)?));
        }
        for path in &self.includes {
            entries.insert(format!("included {}", self.label(path)), digest("data", &fs_err::read(path)?));
        }
        Ok(entries)
    }

    /// Path as seen from the crate's folder, with `/`: the same wherever the workspace is checked out.
    fn label(&self, path: &Path) -> String {
        let mut up = PathBuf::new();
        for folder in self.package.dir.ancestors() {
            if let Ok(below) = path.strip_prefix(folder) {
                return slashes(&up.join(below));
            }
            up.push("..");
        }
        slashes(path)
    }

    /// Adds what `include!`, `include_str!` and `include_bytes!` name, and what included code includes in turn.
    fn follow_includes(&mut self) -> Result<(), Error> {
        let mut open: Vec<PathBuf> = self.sources.keys().cloned().collect();
        while let Some(file) = open.pop() {
            for include in self.sources[&file].includes.clone() {
                let path = include.target.path(&file, &self.package.dir).map(|path| normal(&path));
                match (&include.target, path) {
                    (Target::Generated, _) => {}
                    (Target::Unknown(argument), _) => {
                        return Err(Error::Include { path: file, argument: argument.clone() });
                    }
                    // a file that is not there is rustc's to report
                    (_, Some(path)) if !path.exists() => {}
                    (Target::Folder(_), Some(folder)) => walk(&folder, &mut self.includes)?,
                    (_, Some(path)) if include.code => {
                        if !self.sources.contains_key(&path) {
                            self.data.remove(&path);
                            self.sources.insert(path.clone(), source(&path)?);
                            open.push(path);
                        }
                    }
                    (_, Some(path)) => {
                        self.includes.insert(path);
                    }
                    (_, None) => {}
                }
            }
        }
        Ok(())
    }
}

fn source(path: &Path) -> Result<Source, Error> {
    let bytes = fs_err::read(path)?;
    Ok(match std::str::from_utf8(&bytes) {
        Ok(text) => tokens::source(text),
        Err(_) => Source { bytes, ..Source::default() },
    })
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

/// The roots of a crate's module trees: library, programs, build script.
fn roots(package: &Package) -> Vec<PathBuf> {
    let src = package.src_dir();
    let mut roots = vec![package.dir.join(&package.lib), src.join("main.rs")];
    roots.extend(package.build_script());
    for entry in fs_err::read_dir(src.join("bin")).into_iter().flatten().flatten() {
        let path = entry.path();
        roots.push(if is_rust(&path) { path } else { path.join("main.rs") });
    }
    roots
}

/// The files below `folder`, without what editors, version control and snapshot tests leave there.
fn walk(folder: &Path, files: &mut BTreeSet<PathBuf>) -> Result<(), Error> {
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let left_behind = [".snap", ".snap.new", "~", ".bk", ".orig", ".rej", ".swp"];
        if name.starts_with('.') || left_behind.iter().any(|end| name.ends_with(end)) {
            continue;
        }
        if path.is_dir() {
            walk(&path, files)?;
        } else {
            files.insert(path);
        }
    }
    Ok(())
}

/// A path with `/` on every system.
pub(crate) fn slashes(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
