//! The module tree of a crate: which of its files only tests reach.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::{Expr, ExprLit, Item, Lit, Meta};

use crate::strip;
use crate::tokens::Source;

/// A declaration `mod name;`, possibly inside inline modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModDecl {
    /// Names (or `#[path]`s) of the inline modules around it, outermost first.
    pub(crate) inside: PathBuf,
    /// The module's name.
    pub(crate) name: String,
    /// The value of its `#[path]` attribute.
    pub(crate) path: Option<String>,
    /// It, or a module around it, is compiled for tests only.
    pub(crate) test_only: bool,
}

/// The `mod name;` declarations among `items`, and the folders of the inline modules that only tests have.
pub(crate) fn declarations(items: &[Item]) -> (Vec<ModDecl>, Vec<PathBuf>) {
    let mut found = (Vec::new(), Vec::new());
    collect(items, Path::new(""), false, &mut found);
    found
}

fn collect(items: &[Item], inside: &Path, test_only: bool, found: &mut (Vec<ModDecl>, Vec<PathBuf>)) {
    for item in items {
        let Item::Mod(module) = item else { continue };
        let path = path_attribute(module);
        let test_only = test_only || strip::test_only(&module.attrs);
        let name = module.ident.to_string().trim_start_matches("r#").to_owned();
        match &module.content {
            None => found.0.push(ModDecl { inside: inside.to_owned(), name, path, test_only }),
            Some((_, items)) => {
                let folder = inside.join(path.unwrap_or(name));
                collect(items, &folder, test_only, found);
                if test_only {
                    found.1.push(folder);
                }
            }
        }
    }
}

fn path_attribute(module: &syn::ItemMod) -> Option<String> {
    module.attrs.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}

/// Which files tests alone reach.
#[derive(Debug, Default)]
pub(crate) struct TestOnly {
    files: BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
    reached: BTreeSet<PathBuf>,
}

impl TestOnly {
    /// Whether `path` is a file that only tests reach, or lies in the folder of a module that only tests have.
    pub(crate) fn contains(&self, path: &Path) -> bool {
        if self.reached.contains(path) {
            return false;
        }
        self.files.contains(path) || path.ancestors().any(|folder| self.folders.contains(folder))
    }
}

/// Walks the modules of a crate from its `roots` (`lib.rs`, `main.rs`, ..).
pub(crate) fn test_only(roots: &[PathBuf], sources: &BTreeMap<PathBuf, Source>) -> TestOnly {
    let mut walk = Walk { sources, normal: BTreeSet::new(), tests: BTreeSet::new(), folders: BTreeSet::new() };
    for root in roots {
        walk.visit(root, root.parent().unwrap_or(Path::new("")), false);
    }
    let files = walk.tests.difference(&walk.normal).cloned().collect();
    TestOnly { files, folders: walk.folders, reached: walk.normal }
}

struct Walk<'a> {
    sources: &'a BTreeMap<PathBuf, Source>,
    normal: BTreeSet<PathBuf>,
    tests: BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
}

impl Walk<'_> {
    /// Visits `file`, whose child modules live in `folder`.
    fn visit(&mut self, file: &Path, folder: &Path, test_only: bool) {
        let sources = self.sources;
        let Some(source) = sources.get(file) else { return };
        let test_only = test_only || source.test_only;
        let seen = if test_only { &mut self.tests } else { &mut self.normal };
        if !seen.insert(file.to_owned()) {
            return;
        }
        self.folders.extend(source.test_folders.iter().map(|inside| folder.join(inside)));
        for declaration in &source.declarations {
            self.declaration(file, folder, declaration, test_only || declaration.test_only);
        }
    }

    fn declaration(&mut self, file: &Path, folder: &Path, declaration: &ModDecl, test_only: bool) {
        let around = folder.join(&declaration.inside);
        if let Some(path) = &declaration.path {
            // outside inline modules a `#[path]` is relative to the file; its own children live beside it
            let inline = declaration.inside.as_os_str().is_empty();
            let base = if inline { file.parent().unwrap_or(Path::new("")) } else { &around };
            let target = normal(&base.join(path));
            let children = target.parent().unwrap_or(Path::new("")).to_owned();
            return self.visit(&target, &children, test_only);
        }
        let own = around.join(&declaration.name);
        self.visit(&own.with_extension("rs"), &own, test_only);
        self.visit(&own.join("mod.rs"), &own, test_only);
        let is_there =
            [own.with_extension("rs"), own.join("mod.rs")].iter().any(|path| self.sources.contains_key(path));
        if test_only && is_there {
            self.folders.insert(own);
        }
    }
}

/// Resolves `.` and `..` by name.
pub(crate) fn normal(path: &Path) -> PathBuf {
    let mut resolved = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir if resolved.file_name().is_some() => {
                resolved.pop();
            }
            _ => resolved.push(part),
        }
    }
    resolved
}
