//! The crates a crate is built from: those of the workspace, and the locked ones from elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::files::{self, Digested, Fields};
use crate::manifest::{Package, Root, read_toml};
use crate::modules::normal;
use crate::{CrateCode, Error};

/// The code of each crate at hand, by name.
pub(crate) type Own<'a> = BTreeMap<&'a str, Digested>;

/// A workspace: its crates and its lock file.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Every crate whose sources are at hand, by name: members, path dependencies, path patches.
    packages: BTreeMap<String, Package>,
    /// The names of those that belong to the workspace.
    members: BTreeSet<String>,
    lock: Lock,
    root: PathBuf,
}

impl Workspace {
    /// Reads the manifests and the lock file of the workspace in `dir`.
    pub(crate) fn read(dir: &Path) -> Result<Self, Error> {
        // one spelling of each path, so that a crate reached in two ways is one crate
        let dir = &normal(dir);
        let root = Root::read(dir)?;
        let mut packages = BTreeMap::new();
        let mut members = BTreeSet::new();
        let mut open: Vec<(PathBuf, bool)> = root.members.iter().map(|path| (path.clone(), true)).collect();
        open.extend(root.patches.iter().map(|path| (path.clone(), false)));
        let mut seen = BTreeSet::new();
        while !open.is_empty() {
            let (dir, is_member) = open.remove(0);
            if !seen.insert(dir.clone()) {
                continue;
            }
            let package = Package::read(&dir, &root)?;
            // cargo makes a member of every path dependency below the root
            let below = |path: &PathBuf| (path.clone(), is_member && path.starts_with(&root.dir));
            open.extend(package.dependencies.iter().filter_map(|dependency| dependency.path.as_ref()).map(below));
            if is_member {
                members.insert(package.name.clone());
            }
            packages.insert(package.name.clone(), package);
        }
        Ok(Self { packages, members, lock: Lock::read(&dir.join("Cargo.lock"))?, root: dir.to_owned() })
    }

    /// Reads the code of every crate at hand.
    pub(crate) fn digested(&self) -> Result<Own<'_>, Error> {
        self.packages.iter().map(|(name, package)| Ok((name.as_str(), files::digested(package)?))).collect()
    }

    /// The code of each member that has sources.
    pub(crate) fn codes(&self, own: &Own<'_>) -> Result<Vec<CrateCode>, Error> {
        let mut codes = Vec::new();
        for name in self.members.iter().filter(|name| self.packages[*name].has_sources()) {
            let closure = self.closure(name)?;
            let locked = self.locked(&closure, own)?;
            codes.push(CrateCode {
                name: name.clone(),
                own: own[name.as_str()].own.clone(),
                locked,
                closure: closure.into_iter().map(str::to_owned).collect(),
            });
        }
        Ok(codes)
    }

    /// The paths whose change can change a digest.
    pub(crate) fn watched(&self, own: &Own<'_>) -> BTreeSet<PathBuf> {
        let mut paths: BTreeSet<PathBuf> = ["Cargo.toml", "Cargo.lock"].map(|name| self.root.join(name)).into();
        for package in self.packages.values() {
            paths.insert(package.dir.join("Cargo.toml"));
            if package.has_sources() {
                let at_root = package.src_dir() == package.dir;
                paths.insert(if at_root { package.dir.join(&package.lib) } else { package.src_dir() });
            }
            paths.extend(package.build_script());
        }
        paths.extend(own.values().flat_map(|code| code.elsewhere.iter().cloned()));
        paths
    }

    /// The crates at hand that `name` is built from, itself included.
    fn closure(&self, name: &str) -> Result<BTreeSet<&str>, Error> {
        let mut closure = BTreeSet::new();
        let mut open = vec![self.package(name)?];
        while let Some(package) = open.pop() {
            if closure.insert(package.name.as_str()) {
                for dependency in package.dependencies.iter().filter(|dependency| dependency.path.is_some()) {
                    open.push(self.package(&dependency.package)?);
                }
            }
        }
        Ok(closure)
    }

    fn package(&self, name: &str) -> Result<&Package, Error> {
        self.packages.get(name).ok_or_else(|| Error::NoSources { name: name.to_owned() })
    }

    /// Digest of the locked packages from elsewhere that the crates of `closure` are built from.
    ///
    /// A package whose sources are at hand though the closure does not name it (a path patch) counts with
    /// its own digest, and what it depends on is followed.
    fn locked(&self, closure: &BTreeSet<&str>, own: &Own<'_>) -> Result<String, Error> {
        let mut lines = BTreeSet::new();
        let mut open = Vec::new();
        for name in closure {
            let entry = self.lock.at_hand(name)?;
            open.extend(self.lock.dependencies(entry, Some(&self.packages[*name]))?);
        }
        let mut seen = BTreeSet::new();
        while let Some(entry) = open.pop() {
            let at_hand = entry.source.is_none();
            if !seen.insert((&entry.name, &entry.version, &entry.source)) || closure.contains(entry.name.as_str()) {
                continue;
            }
            let package = if at_hand { Some(self.package(&entry.name)?) } else { None };
            let digest = package.map(|package| own[package.name.as_str()].own.as_str()).or(entry.checksum.as_deref());
            let source = entry.source.as_deref().unwrap_or("path");
            lines.insert(format!("{} {} {source} {}", entry.name, entry.version, digest.unwrap_or("unsigned")));
            open.extend(self.lock.dependencies(entry, package)?);
        }
        let mut fields = Fields::new("locked");
        for line in lines {
            fields.add(line);
        }
        Ok(fields.finish())
    }
}

/// `Cargo.lock`.
#[derive(Debug)]
struct Lock {
    path: PathBuf,
    packages: BTreeMap<String, Vec<Locked>>,
}

/// One `[[package]]` of the lock file.
#[derive(Debug)]
struct Locked {
    name: String,
    version: String,
    /// Registry or git address; none where the sources are at hand.
    source: Option<String>,
    checksum: Option<String>,
    /// `name`, `name version` or `name version (source)`: as much as tells it from others.
    dependencies: Vec<String>,
}

impl Lock {
    fn read(path: &Path) -> Result<Self, Error> {
        let table = read_toml(path)?;
        let mut packages: BTreeMap<String, Vec<Locked>> = BTreeMap::new();
        for entry in table.get("package").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table) {
            let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
            let name = text("name").unwrap_or_default();
            packages.entry(name.clone()).or_default().push(Locked {
                name,
                version: text("version").unwrap_or_default(),
                source: text("source"),
                checksum: text("checksum"),
                dependencies: dependency_names(entry),
            });
        }
        Ok(Self { path: path.to_owned(), packages })
    }

    fn fault(&self, what: String) -> Error {
        Error::Lock { path: self.path.clone(), what }
    }

    /// The entry of a crate whose sources are at hand.
    fn at_hand(&self, name: &str) -> Result<&Locked, Error> {
        let entries = self.packages.get(name).map_or(&[][..], Vec::as_slice);
        let entry = entries.iter().find(|entry| entry.source.is_none());
        entry.ok_or_else(|| self.fault(format!("has no entry for `{name}`")))
    }

    /// The entries that `entry` depends on.
    ///
    /// The lock file mixes in the dev-dependencies of crates at hand; the manifest in `package` tells
    /// them apart.
    fn dependencies(&self, entry: &Locked, package: Option<&Package>) -> Result<Vec<&Locked>, Error> {
        let mut found = Vec::new();
        for dependency in &entry.dependencies {
            let name = dependency.split_whitespace().next().unwrap_or_default();
            if package.is_none_or(|package| package.dependencies.iter().any(|known| known.package == name)) {
                found.push(self.resolve(dependency).ok_or_else(|| {
                    self.fault(format!("has no entry for `{dependency}`, which `{}` depends on", entry.name))
                })?);
            }
        }
        for known in package.into_iter().flat_map(|package| &package.dependencies) {
            if !found.iter().any(|entry| entry.name == known.package) {
                return Err(
                    self.fault(format!("does not list `{}` as a dependency of `{}`", known.package, entry.name))
                );
            }
        }
        Ok(found)
    }

    fn resolve(&self, dependency: &str) -> Option<&Locked> {
        let mut parts = dependency.split_whitespace();
        let entries = self.packages.get(parts.next()?)?;
        let version = parts.next();
        let source = parts.next().map(|text| text.trim_matches(['(', ')']));
        entries.iter().find(|entry| {
            version.is_none_or(|version| entry.version == version)
                && source.is_none_or(|source| entry.source.as_deref() == Some(source))
        })
    }
}

fn dependency_names(entry: &Table) -> Vec<String> {
    let names = entry.get("dependencies").and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}
