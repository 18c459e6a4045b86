//! Digests of what the code of a crate says, blind to comments, docs, tests and formatting.
//!
//! The keys of stages contain the digest of the code that computes them. The build script of the
//! binary calls [`generate`] and compiles the answer in with [`to_rust`], so that an edit of a comment
//! reruns nothing and an edit of a formula reruns its users.
//!
//! # What counts
//! - Every token of the Rust files below a crate's `src` and of its build script, except docs
//!   (`///`, `//!`, `#[doc]`), items, statements, fields, arms, .. under a `#[cfg]` that is false
//!   unless tests or docs are built, `#[test]` functions, and files that only test modules reach.
//! - Other files below `src` and files that `include!`, `include_str!` and `include_bytes!` name,
//!   wherever they are; data with its bytes. Left out: hidden files, editors' leavings, `*.snap`, and
//!   the folders of test modules unless code includes a file of theirs.
//! - Of the manifest: name, edition, `[features]`, and the normal and build dependencies of all
//!   targets with their features (version requirements do not count, the lock file has the versions).
//! - Of `Cargo.lock`: name, version, source and checksum of every package that the crate or a
//!   workspace crate below it is built from, on any target. A package replaced by a path (`[patch]`) counts with its
//!   own code digest.
//!
//! # What does not
//! The crate's own version, lints, profiles, compiler, `tests/`, `benches/`, `examples/` and
//! dev-dependencies. Two limits: a feature that another crate of the workspace switches on in a shared
//! dependency shows only where it changes the lock file, and a new dev-dependency that makes a locked
//! package use more of its optional dependencies shows although it need not.
//!
//! rustfmt's choices (trailing commas, order of `use`, braces around a closure's only expression, ..) are
//! undone first, so formatting does not count either. As the compiler does, this tells `(x,)` from
//! `(x)` and `f!(x,)` from `f!(x)`.

mod closure;
mod files;
mod layout;
mod manifest;
mod modules;
mod strip;
mod tokens;

#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use closure::Workspace;

/// The code of one crate of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CrateCode {
    /// Name of the package.
    pub name: String,
    /// SHA-256 of its own sources and manifest, 64 hexadecimal digits.
    pub own: String,
    /// SHA-256 of the locked packages that it and the crates in `closure` are built from, 64 hexadecimal digits.
    pub locked: String,
    /// The crates of the workspace it is built from, itself included, sorted.
    pub closure: Vec<String>,
}

/// Why the code of a workspace could not be digested.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read; the message names it.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// A manifest or the lock file is not TOML.
    #[error("{path} is not valid TOML: {source}", path = path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: Box<toml::de::Error>,
    },
    /// A manifest lacks something.
    #[error("{path} {what}", path = path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The lock file does not fit the manifests.
    #[error("{path} {what}; `cargo metadata` brings it up to date", path = path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What is missing.
        what: String,
    },
    /// The lock file or a manifest names a crate without a source, and no folder of it is known.
    #[error("the sources of `{name}` are not in the workspace; name its folder in [patch] or in [workspace] members")]
    NoSources {
        /// The package.
        name: String,
    },
    /// An include macro's path cannot be known before macros are expanded.
    #[error(
        "{path} includes `{argument}`, which cannot be followed; write a literal, \
         or `concat!` of literals after `env!(\"CARGO_MANIFEST_DIR\")`",
        path = path.display()
    )]
    Include {
        /// The file with the macro.
        path: PathBuf,
        /// The macro's argument.
        argument: String,
    },
}

/// Digests the code of each crate of the workspace whose manifest is `root/Cargo.toml`, sorted by name.
///
/// Members without `src/lib.rs` or `src/main.rs` (tests alone) are left out. The result depends on the
/// contents of the workspace only, not on where it is checked out.
///
/// # Errors
/// [`Error`] says which file is missing or at odds with the others.
pub fn generate(root: &Path) -> Result<Vec<CrateCode>, Error> {
    let workspace = Workspace::read(root)?;
    workspace.codes(&workspace.digested()?)
}

/// Rust source of a constant `CODE: &[hit_engine::CodeEntry]` that holds `codes`.
pub fn to_rust(codes: &[CrateCode]) -> String {
    let mut text = String::from(
        "/// Code digests of the crates of this workspace, made by the build script.\n\
         pub const CODE: &[hit_engine::CodeEntry] = &[\n",
    );
    for CrateCode { name, own, locked, closure } in codes {
        let _ = writeln!(
            text,
            "    hit_engine::CodeEntry {{\n        name: {name:?},\n        own: {own:?},\n        locked: {locked:?},\n        \
             closure: &{closure:?},\n    }},"
        );
    }
    text.push_str("];\n");
    text
}

/// Writes [`to_rust`] of [`generate`] to `path`, unless that is what the file already says; returns [`rerun_paths`].
///
/// One reading of the workspace serves both.
///
/// # Errors
/// As [`generate`], and if the file cannot be written.
pub fn write_rust(root: &Path, path: &Path) -> Result<Vec<PathBuf>, Error> {
    let workspace = Workspace::read(root)?;
    let own = workspace.digested()?;
    let text = to_rust(&workspace.codes(&own)?);
    // an untouched file spares cargo a recompilation
    if fs_err::read_to_string(path).ok().as_ref() != Some(&text) {
        fs_err::write(path, text)?;
    }
    Ok(workspace.watched(&own).into_iter().collect())
}

/// The tokens of a Rust source file without comments and docs, for lints that read code.
///
/// Operators are one token (`::`, `=>`), groups are an opening and a closing token, literals stand as
/// written. Without `with_tests`, what is compiled for tests only is left out. `None` if the text does not
/// parse.
pub fn flat_tokens(text: &str, with_tests: bool) -> Option<Vec<String>> {
    tokens::flat(text, with_tests)
}

/// The files and folders whose change can change [`generate`]'s answer, for `cargo::rerun-if-changed`.
///
/// If the workspace cannot be read, its manifest and lock file alone: the build script fails on
/// [`generate`] then, and runs again when they change.
pub fn rerun_paths(root: &Path) -> Vec<PathBuf> {
    match Workspace::read(root) {
        Ok(workspace) => workspace.watched(&workspace.digested().unwrap_or_default()).into_iter().collect(),
        Err(_) => vec![root.join("Cargo.toml"), root.join("Cargo.lock")],
    }
}

/// Lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
