//! What `Cargo.toml` says about a crate that its results may depend on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::Error;
use crate::modules::normal;

/// A crate with its manifest read and its inheritance from the workspace resolved.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Folder of the manifest.
    pub(crate) dir: PathBuf,
    pub(crate) edition: String,
    /// `[features]`, names to what they enable.
    pub(crate) features: BTreeMap<String, BTreeSet<String>>,
    /// Normal and build dependencies, of every target; sorted.
    pub(crate) dependencies: BTreeSet<Dependency>,
    /// Folder of the library's sources, relative to `dir`.
    pub(crate) src: PathBuf,
    /// Build script, relative to `dir`, whether or not there is such a file.
    pub(crate) build: Option<PathBuf>,
    /// Root of the library, relative to `dir`.
    pub(crate) lib: PathBuf,
}

/// One line of a `[dependencies]` table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Dependency {
    /// The name in code.
    pub(crate) key: String,
    /// The name of the package.
    pub(crate) package: String,
    /// `normal` or `build`.
    pub(crate) kind: &'static str,
    /// The `cfg(..)` or triple of a `[target]` table; empty for all targets.
    pub(crate) target: String,
    pub(crate) features: BTreeSet<String>,
    pub(crate) default_features: bool,
    pub(crate) optional: bool,
    /// Folder of a path dependency.
    pub(crate) path: Option<PathBuf>,
}

/// The parts of the root manifest that members inherit.
#[derive(Debug)]
pub(crate) struct Root {
    pub(crate) dir: PathBuf,
    package: Table,
    dependencies: Table,
    pub(crate) members: Vec<PathBuf>,
    /// Folders of the path entries of `[patch]`.
    pub(crate) patches: BTreeSet<PathBuf>,
}

/// Reads a TOML file.
pub(crate) fn read_toml(path: &Path) -> Result<Table, Error> {
    let text = fs_err::read_to_string(path)?;
    text.parse().map_err(|source| Error::Toml { path: path.to_owned(), source: Box::new(source) })
}

fn table<'a>(parent: &'a Table, key: &str) -> Option<&'a Table> {
    parent.get(key).and_then(Value::as_table)
}

fn strings(value: Option<&Value>) -> impl Iterator<Item = &str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

impl Root {
    /// Reads the `Cargo.toml` of a workspace.
    pub(crate) fn read(dir: &Path) -> Result<Self, Error> {
        let path = dir.join("Cargo.toml");
        let manifest = read_toml(&path)?;
        let workspace = table(&manifest, "workspace")
            .ok_or_else(|| Error::Manifest { path: path.clone(), what: "has no [workspace] table".to_owned() })?;
        let patches = table(&manifest, "patch").into_iter().flat_map(|sources| sources.values());
        let patches = patches.filter_map(Value::as_table).flat_map(|source| source.values());
        let patches = patches.filter_map(|entry| Some(normal(&dir.join(entry.get("path")?.as_str()?)))).collect();
        let excluded: BTreeSet<PathBuf> =
            strings(workspace.get("exclude")).map(|path| normal(&dir.join(path))).collect();
        let mut members = BTreeSet::new();
        if manifest.contains_key("package") {
            members.insert(dir.to_owned());
        }
        for pattern in strings(workspace.get("members")) {
            members.extend(expand(dir, pattern)?);
        }
        Ok(Self {
            dir: dir.to_owned(),
            package: table(workspace, "package").cloned().unwrap_or_default(),
            dependencies: table(workspace, "dependencies").cloned().unwrap_or_default(),
            members: members.into_iter().filter(|member| !excluded.contains(member)).collect(),
            patches,
        })
    }
}

/// Folders with a manifest that match a member pattern, in which `*` stands for any part of one name.
fn expand(dir: &Path, pattern: &str) -> Result<Vec<PathBuf>, Error> {
    let mut found = vec![dir.to_owned()];
    for part in pattern.split('/').filter(|part| !part.is_empty() && *part != ".") {
        let mut next = Vec::new();
        for folder in found {
            if !part.contains('*') {
                next.push(folder.join(part));
                continue;
            }
            for entry in fs_err::read_dir(&folder)? {
                let entry = entry?;
                if matches(part, &entry.file_name().to_string_lossy()) {
                    next.push(entry.path());
                }
            }
        }
        found = next;
    }
    if pattern.contains('*') {
        found.retain(|folder| folder.join("Cargo.toml").is_file());
    }
    Ok(found)
}

/// Whether `name` matches a pattern with any number of `*`.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, rest)) => name.strip_prefix(head).is_some_and(|tail| {
            let ends = tail.char_indices().map(|(at, _)| at).chain([tail.len()]);
            ends.into_iter().any(|at| matches(rest, &tail[at..]))
        }),
    }
}

impl Package {
    /// Reads the `Cargo.toml` in `dir`.
    pub(crate) fn read(dir: &Path, root: &Root) -> Result<Self, Error> {
        let path = dir.join("Cargo.toml");
        let manifest = read_toml(&path)?;
        let fault = |what: &str| Error::Manifest { path: path.clone(), what: what.to_owned() };
        let package = table(&manifest, "package").ok_or_else(|| fault("has no [package] table"))?;
        let name = package.get("name").and_then(Value::as_str).ok_or_else(|| fault("has no package.name"))?;
        let lib = table(&manifest, "lib").and_then(|lib| lib.get("path")).and_then(Value::as_str);
        let lib = PathBuf::from(lib.unwrap_or("src/lib.rs"));
        let build = match package.get("build") {
            Some(Value::Boolean(false)) => None,
            Some(Value::String(path)) => Some(PathBuf::from(path)),
            _ => Some(PathBuf::from("build.rs")),
        };
        let features = table(&manifest, "features").into_iter().flatten();
        Ok(Self {
            name: name.to_owned(),
            dir: dir.to_owned(),
            edition: inherited(package.get("edition"), root.package.get("edition")).unwrap_or("2015").to_owned(),
            features: features.map(|(name, on)| (name.clone(), owned(strings(Some(on))))).collect(),
            dependencies: dependencies(&manifest, &path, root)?,
            src: lib.parent().unwrap_or(Path::new("")).to_owned(),
            build,
            lib,
        })
    }

    /// Whether there is a library or a program here, as opposed to tests alone.
    pub(crate) fn has_sources(&self) -> bool {
        [self.lib.clone(), self.src.join("main.rs")].iter().any(|root| self.dir.join(root).is_file())
    }

    /// The folder of the sources.
    pub(crate) fn src_dir(&self) -> PathBuf {
        self.dir.join(&self.src)
    }

    /// The build script, if there is one.
    pub(crate) fn build_script(&self) -> Option<PathBuf> {
        self.build.as_ref().map(|path| self.dir.join(path)).filter(|path| path.is_file())
    }
}

fn owned<'a>(texts: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    texts.map(str::to_owned).collect()
}

/// A value that may be `{ workspace = true }`.
fn inherited<'a>(own: Option<&'a Value>, workspace: Option<&'a Value>) -> Option<&'a str> {
    match own {
        Some(Value::Table(_)) => workspace.and_then(Value::as_str),
        own => own.and_then(Value::as_str),
    }
}

fn dependencies(manifest: &Table, path: &Path, root: &Root) -> Result<BTreeSet<Dependency>, Error> {
    let mut found = BTreeSet::new();
    let mut read = |parent: &Table, target: &str| -> Result<(), Error> {
        for (section, kind) in
            [("dependencies", "normal"), ("build-dependencies", "build"), ("build_dependencies", "build")]
        {
            for (key, own) in table(parent, section).into_iter().flatten() {
                found.insert(dependency(key, own, kind, target, path, root)?);
            }
        }
        Ok(())
    };
    read(manifest, "")?;
    for (target, section) in table(manifest, "target").into_iter().flatten() {
        section.as_table().map_or(Ok(()), |section| read(section, target))?;
    }
    Ok(found)
}

fn dependency(
    key: &str,
    own: &Value,
    kind: &'static str,
    target: &str,
    manifest: &Path,
    root: &Root,
) -> Result<Dependency, Error> {
    let empty = Table::new();
    let own_table = own.as_table().unwrap_or(&empty);
    let inherits = own_table.get("workspace").and_then(Value::as_bool) == Some(true);
    let (base, base_dir) = if inherits {
        let shared = root.dependencies.get(key).ok_or_else(|| Error::Manifest {
            path: manifest.to_owned(),
            what: format!("inherits `{key}`, which [workspace.dependencies] does not have"),
        })?;
        (shared.as_table().unwrap_or(&empty), root.dir.as_path())
    } else {
        (own_table, manifest.parent().unwrap_or(Path::new("")))
    };
    let text = |name: &str| base.get(name).and_then(Value::as_str);
    let default_of = |table: &Table| {
        table.get("default-features").or_else(|| table.get("default_features")).and_then(Value::as_bool)
    };
    // a member can switch default features on, not off
    let default_features = default_of(base).unwrap_or(true) || (inherits && default_of(own_table) == Some(true));
    Ok(Dependency {
        key: key.to_owned(),
        package: text("package").unwrap_or(key).to_owned(),
        kind,
        target: target.to_owned(),
        features: owned(strings(base.get("features")).chain(strings(own_table.get("features")))),
        default_features,
        optional: own_table.get("optional").and_then(Value::as_bool).unwrap_or(false),
        path: text("path").map(|path| normal(&base_dir.join(path))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_parts_of_one_name() {
        for (pattern, name, expected) in [
            ("*", "anything", true),
            ("hit-*", "hit-stage", true),
            ("hit-*", "other", false),
            ("*-stage", "hit-stage", true),
            ("h*t*e", "hit-stage", true),
            ("h*x*e", "hit-stage", false),
            ("hit", "hit-stage", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} against {name}");
        }
    }
}
