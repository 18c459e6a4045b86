//! Manifests are read as cargo reads them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::manifest::{Package, Root};
use crate::modules::normal;

/// One dependency, in words that both sides can say.
type Line = String;

/// What `cargo metadata` says about the members of a workspace: name, edition, dependencies.
fn asked(root: &Path) -> BTreeSet<(String, String, BTreeSet<Line>)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path"])
        .arg(root.join("Cargo.toml"))
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("there are packages");
    packages.iter().map(|package| (text(&package["name"]), text(&package["edition"]), lines(package))).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn lines(package: &Value) -> BTreeSet<Line> {
    let dependencies = package["dependencies"].as_array().expect("there is a list of dependencies");
    let counts = dependencies.iter().filter(|dependency| dependency["kind"] != "dev");
    counts
        .map(|dependency| {
            let name = text(&dependency["name"]);
            let key = dependency["rename"].as_str().unwrap_or(&name).to_owned();
            let kind = dependency["kind"].as_str().unwrap_or("normal");
            let features = dependency["features"].as_array().into_iter().flatten().map(text);
            line(
                &[&key, &name, kind, &text(&dependency["target"])],
                &features.collect(),
                [&dependency["uses_default_features"], &dependency["optional"]].map(|value| value == true),
                dependency["path"].as_str().map(Path::new),
            )
        })
        .collect()
}

fn line(words: &[&str], features: &BTreeSet<String>, switches: [bool; 2], path: Option<&Path>) -> Line {
    format!("{words:?} {features:?} default {} optional {} at {path:?}", switches[0], switches[1])
}

/// What this crate reads about them.
fn read(root: &Path) -> BTreeSet<(String, String, BTreeSet<Line>)> {
    let root = Root::read(&normal(root)).expect("the workspace is whole");
    let package = |dir: &PathBuf| {
        let package = Package::read(dir, &root).expect("the manifest is whole");
        let lines = package.dependencies.into_iter().map(|it| {
            let switches = [it.default_features, it.optional];
            line(&[&it.key, &it.package, it.kind, &it.target], &it.features, switches, it.path.as_deref())
        });
        (package.name, package.edition, lines.collect())
    };
    root.members.iter().map(package).collect()
}

#[test]
fn the_manifests_of_this_workspace_are_read_as_cargo_reads_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    assert_eq!(read(&root), asked(&root));
}

#[test]
fn every_way_to_write_a_dependency_is_read_as_cargo_reads_it() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    // on some systems the temporary folder is a link, which cargo resolves
    let root = fs_err::canonicalize(folder.path()).expect("the folder is there");
    let write = |path: &str, text: &str| {
        let path = root.join(path);
        fs_err::create_dir_all(path.parent().expect("a file has a folder")).expect("folders can be made");
        fs_err::write(path, text).expect("files can be written");
    };
    write(
        "Cargo.toml",
        r#"
        [workspace]
        resolver = "3"
        members = ["crates/a*", "./crates/b", "crates/*-end"]
        exclude = ["crates/a-not"]
        [workspace.package]
        edition = "2021"
        [workspace.dependencies]
        plain = "1"
        off = { version = "1", default-features = false, features = ["x"] }
        renamed = { package = "real-name", version = "1", features = ["z", "y"] }
        b = { path = "crates/b", features = ["f"] }
        "#,
    );
    write(
        "crates/a/Cargo.toml",
        r#"
        [package]
        name = "a"
        version = "0.1.0"
        edition.workspace = true
        [dependencies]
        plain.workspace = true
        off = { workspace = true, features = ["w", "x"] }
        renamed = { workspace = true, optional = true }
        b.workspace = true
        direct = { version = "2", default-features = false }
        other = { package = "other-name", version = "3", features = ["q"] }
        [build-dependencies]
        off = { workspace = true, default-features = true }
        [dev-dependencies]
        unseen = "1"
        [target.'cfg(unix)'.dependencies]
        direct = "2"
        [target.x86_64-unknown-linux-gnu.build-dependencies]
        plain.workspace = true
        [target.'cfg(windows)'.dev-dependencies]
        unseen = "1"
        "#,
    );
    write("crates/a/src/lib.rs", "");
    write(
        "crates/b/Cargo.toml",
        "package.name = \"b\"\npackage.version = \"0.1.0\"\n[features]\nf = []\n[dependencies]\nthe-end = { path = \"../the-end\" }",
    );
    write("crates/b/src/main.rs", "fn main() {}");
    write("crates/the-end/Cargo.toml", "[package]\nname = \"the-end\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    write("crates/the-end/src/lib.rs", "");
    write("crates/a-not/Cargo.toml", "[package]\nname = \"a-not\"\n");
    let expected = asked(&root);
    assert_eq!(expected.len(), 3, "cargo sees other members: {expected:?}");
    assert_eq!(read(&root), expected);
}
