//! Digests of a small workspace under edits of its files.
//!
//! `top` -> `mid` -> `base`; `side` -> `base`. `base` uses `ext` (which uses `deep`), `side` uses `wrap`, which
//! uses `patched`, a package replaced by a folder. `mid` uses `dev` in tests only. `checks` has tests only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{CrateCode, Error, generate, rerun_paths, to_rust, write_rust};

const ROOT: &str = r#"
[workspace]
members = ["crates/*", "checks"]
[workspace.package]
edition = "2024"
version = "0.1.0"
[workspace.dependencies]
base = { path = "crates/base" }
mid = { path = "crates/mid" }
side = { path = "crates/side" }
ext = { version = "1", features = ["b", "a"] }
wrap = "1"
dev = "1"
[patch.crates-io]
patched = { path = "patches/patched" }
"#;

const LOCK: &str = r#"
version = 4
[[package]]
name = "base"
version = "0.1.0"
dependencies = ["ext 1.2.0"]
[[package]]
name = "mid"
version = "0.1.0"
dependencies = ["base", "dev"]
[[package]]
name = "side"
version = "0.1.0"
dependencies = ["base", "wrap"]
[[package]]
name = "top"
version = "0.1.0"
dependencies = ["mid"]
[[package]]
name = "checks"
version = "0.1.0"
dependencies = ["top"]
[[package]]
name = "patched"
version = "1.0.0"
dependencies = ["deep"]
[[package]]
name = "ext"
version = "1.2.0"
source = "registry+https://example.org/index"
checksum = "e12"
dependencies = ["deep"]
[[package]]
name = "ext"
version = "0.9.0"
source = "registry+https://example.org/index"
checksum = "e09"
[[package]]
name = "deep"
version = "3.0.0"
source = "registry+https://example.org/index"
checksum = "d3"
[[package]]
name = "wrap"
version = "1.0.0"
source = "registry+https://example.org/index"
checksum = "w1"
dependencies = ["patched"]
[[package]]
name = "dev"
version = "1.0.0"
source = "registry+https://example.org/index"
checksum = "v1"
dependencies = ["deep"]
"#;

fn manifest(name: &str, rest: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion.workspace = true\nedition.workspace = true\n{rest}")
}

/// A workspace on disk.
struct Fixture(TempDir);

impl Fixture {
    fn new() -> Self {
        let fixture = Self(tempfile::tempdir().expect("a temporary folder can be made"));
        fixture.write("Cargo.toml", ROOT);
        fixture.write("Cargo.lock", LOCK);
        for (name, rest) in [
            ("base", "[dependencies]\next.workspace = true\n"),
            ("mid", "[dependencies]\nbase.workspace = true\n[dev-dependencies]\ndev.workspace = true\n"),
            ("side", "[dependencies]\nbase = { workspace = true }\nwrap.workspace = true\n"),
            ("top", "[dependencies]\nmid.workspace = true\n"),
        ] {
            fixture.write(&format!("crates/{name}/Cargo.toml"), manifest(name, rest));
            fixture.write(&format!("crates/{name}/src/lib.rs"), format!("pub fn {name}() {{}}"));
        }
        fixture.write("checks/Cargo.toml", manifest("checks", "[dependencies]\ntop = { path = \"../crates/top\" }\n"));
        fixture.write("checks/it/main.rs", "#[test] fn t() {}");
        fixture.write("patches/patched/Cargo.toml", manifest("patched", "[dependencies]\ndeep = \"3\"\n"));
        fixture.write("patches/patched/src/lib.rs", "pub fn patched() {}");
        fixture
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        fs_err::create_dir_all(path.parent().expect("a file has a folder")).expect("folders can be made");
        fs_err::write(path, text).expect("files can be written");
    }

    fn replace(&self, path: &str, from: &str, to: &str) {
        let text = fs_err::read_to_string(self.path().join(path)).expect("the file is there");
        assert!(text.contains(from), "{path} does not contain {from}");
        self.write(path, text.replace(from, to));
    }

    fn codes(&self) -> BTreeMap<String, CrateCode> {
        let codes = generate(self.path()).expect("the workspace is whole");
        codes.into_iter().map(|code| (code.name.clone(), code)).collect()
    }

    /// `crate.own` and `crate.locked` that differ after `edit`, which is checked to lead back.
    fn changed(&self, edit: impl FnOnce(&Self)) -> Vec<String> {
        let before = self.codes();
        edit(self);
        let after = self.codes();
        let mut changed = Vec::new();
        for (name, code) in &before {
            let Some(now) = after.get(name) else { continue };
            if code.own != now.own {
                changed.push(format!("{name}.own"));
            }
            if code.locked != now.locked {
                changed.push(format!("{name}.locked"));
            }
            if code.closure != now.closure {
                changed.push(format!("{name}.closure"));
            }
        }
        changed
    }
}

#[test]
fn closures_follow_the_manifests() {
    let codes = Fixture::new().codes();
    let closures: Vec<(&str, String)> =
        codes.values().map(|code| (code.name.as_str(), code.closure.join(" "))).collect();
    let expected = [("base", "base"), ("mid", "base mid"), ("side", "base side"), ("top", "base mid top")];
    assert_eq!(closures, expected.map(|(name, closure)| (name, closure.to_owned())));
    for code in codes.values() {
        for digest in [&code.own, &code.locked] {
            assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{digest}");
        }
    }
    // the same crates from elsewhere, whatever the workspace crates on top of them
    assert_eq!(codes["base"].locked, codes["top"].locked);
    assert_ne!(codes["base"].locked, codes["side"].locked);
}

#[test]
fn the_place_on_disk_does_not_count() {
    let codes = || {
        let fixture = Fixture::new();
        fixture.write("shared/code.rs", "pub fn shared() {}");
        fixture.write("shared/text.txt", "text");
        let text = "include!(\"../../../shared/code.rs\"); const A: &str = include_str!(\"../../../shared/text.txt\");";
        fixture.write("crates/base/src/lib.rs", text);
        let codes = fixture.codes();
        fixture.write("shared/code.rs", "pub fn shared() -> u8 { 1 }");
        assert_ne!(codes["base"].own, fixture.codes()["base"].own);
        codes
    };
    assert_eq!(codes(), codes());
}

#[test]
fn sources_change_their_own_crate_only() {
    let fixture = Fixture::new();
    let edit = |path: &'static str, text: &'static str| fixture.changed(move |fixture| fixture.write(path, text));
    assert_eq!(edit("crates/base/src/lib.rs", "pub fn base() { more() }"), ["base.own"]);
    assert_eq!(edit("crates/mid/src/data/table.csv", "1,2\n"), ["mid.own"]);
    assert_eq!(edit("crates/mid/src/data/table.csv", "1,2\r\n"), ["mid.own"]);
    assert_eq!(edit("crates/mid/src/data/blob.bin", "\u{0}"), ["mid.own"]);
    assert_eq!(edit("crates/side/build.rs", "fn main() {}"), ["side.own"]);
    assert_eq!(edit("crates/side/src/bin/tool.rs", "fn main() {}"), ["side.own"]);
    // a module nobody declares may be included by a macro
    assert_eq!(edit("crates/top/src/orphan.rs", "fn f() {}"), ["top.own"]);
    // a patch is part of what is locked
    assert_eq!(edit("patches/patched/src/lib.rs", "pub fn patched() -> u8 { 1 }"), ["side.locked"]);
}

#[test]
fn what_is_not_code_changes_nothing() {
    let fixture = Fixture::new();
    let edit = |path: &'static str, text: &'static str| fixture.changed(move |fixture| fixture.write(path, text));
    for path in [
        "crates/base/tests/it.rs",
        "crates/base/benches/b.rs",
        "crates/base/examples/e.rs",
        "crates/base/README.md",
        "crates/base/proptest-regressions/a.txt",
        "crates/base/src/.lib.rs.swp",
        "crates/base/src/lib.rs~",
        "crates/base/src/lib.rs.bk",
        "crates/base/src/snapshots/base__x.snap",
        "checks/it/more.rs",
        "notes.txt",
    ] {
        assert!(edit(path, "anything").is_empty(), "{path} counted");
    }
    assert!(edit("crates/base/src/lib.rs", "//! Docs.\npub fn base(\n) {}\n#[cfg(test)] mod tests;").is_empty());
    assert!(edit("crates/base/src/tests.rs", "mod deeper; #[test] fn t() {}").is_empty());
    assert!(edit("crates/base/src/tests/deeper.rs", "fn helper() {}").is_empty());
    assert!(edit("crates/base/src/tests/data.json", "{}").is_empty());
    assert!(edit("patches/patched/src/lib.rs", "// why\npub fn patched() {}").is_empty());
}

#[test]
fn files_that_only_tests_reach_do_not_count() {
    let fixture = Fixture::new();
    fixture.write(
        "crates/base/src/lib.rs",
        "mod a; #[cfg(test)] mod inline { mod inner; } #[cfg(test)] #[path = \"odd.rs\"] mod odd; mod both;\n\
         #[cfg(all(test, feature = \"x\"))] mod gated; mod whole;",
    );
    for (path, text) in [
        ("a.rs", "#[cfg(test)] mod tests;"),
        ("a/tests.rs", ""),
        ("inline/inner.rs", "mod below;"),
        ("inline/inner/below.rs", ""),
        ("odd.rs", ""),
        ("both.rs", "#[cfg(test)] #[path = \"shared.rs\"] mod one; #[path = \"shared.rs\"] mod two;"),
        ("shared.rs", ""),
        ("gated/mod.rs", "mod child;"),
        ("gated/child.rs", ""),
        ("whole.rs", "#![cfg(test)] mod part;"),
        ("whole/part.rs", ""),
    ] {
        fixture.write(&format!("crates/base/src/{path}"), text);
    }
    let edit =
        |path: &str| fixture.changed(|fixture| fixture.write(&format!("crates/base/src/{path}"), "fn edited() {}"));
    for path in [
        "a/tests.rs",
        "inline/inner/below.rs",
        "inline/inner.rs",
        "odd.rs",
        "gated/child.rs",
        "gated/mod.rs",
        "whole/part.rs",
    ] {
        assert!(edit(path).is_empty(), "{path} counted");
    }
    assert_eq!(edit("shared.rs"), ["base.own"]);
    assert_eq!(edit("a.rs"), ["base.own"]);
}

#[test]
fn included_files_count_wherever_they_are() {
    let fixture = Fixture::new();
    fixture.write("paper/a.tera", "one");
    fixture.write("crates/base/assets/font.ttf", "two");
    fixture.write("crates/base/assets/more/x.txt", "three");
    fixture.write("crates/base/gen/code.rs", "const A: &str = include_str!(\"deep.txt\");");
    fixture.write("crates/base/gen/deep.txt", "four");
    fixture.write("crates/base/src/tests/data.json", "five");
    fixture.write("crates/base/src/doc.md", "six");
    fixture.write("crates/base/notes.md", "seven");
    fixture.write(
        "crates/base/src/lib.rs",
        r#"
        #![doc = include_str!("../notes.md")]
        const A: &str = include_str!("../../../paper/a.tera");
        const B: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/font.ttf"));
        macro_rules! asset { ($name:literal) => { include_str!(concat!("../assets/more/", $name)) }; }
        include!("../gen/code.rs");
        include!(concat!(env!("OUT_DIR"), "/made.rs"));
        const C: &str = include_str!("tests/data.json");
        #[cfg(test)]
        mod tests { const D: &str = include_str!("../unknown.txt"); }
        "#,
    );
    let edit = |path: &'static str, text: &'static str| fixture.changed(move |fixture| fixture.write(path, text));
    for path in [
        "paper/a.tera",
        "crates/base/assets/font.ttf",
        "crates/base/assets/more/x.txt",
        "crates/base/assets/more/new.txt",
        "crates/base/gen/deep.txt",
        "crates/base/src/tests/data.json",
    ] {
        assert_eq!(edit(path, "edited"), ["base.own"], "{path}");
    }
    let included = "const A: &str = include_str!(\"deep.txt\"); // a comment";
    assert!(edit("crates/base/gen/code.rs", included).is_empty());
    assert_eq!(edit("crates/base/gen/code.rs", "const A: &str = \"\";"), ["base.own"]);
    assert!(edit("crates/base/notes.md", "edited").is_empty());
    assert!(edit("crates/base/assets/unused.txt", "edited").is_empty());
    let watched = rerun_paths(fixture.path());
    for path in ["paper/a.tera", "crates/base/assets/font.ttf"] {
        assert!(watched.contains(&fixture.path().join(path)), "{path} is not watched");
    }
}

#[test]
fn an_include_that_cannot_be_followed_is_an_error() {
    let fixture = Fixture::new();
    fixture.write("crates/base/src/lib.rs", "macro_rules! m { ($path:expr) => { include_str!($path) }; }");
    let error = generate(fixture.path()).expect_err("the path is unknown");
    assert!(matches!(&error, Error::Include { path, .. } if path.ends_with("crates/base/src/lib.rs")), "{error}");
    assert!(error.to_string().contains("CARGO_MANIFEST_DIR"), "{error}");
    // one that only tests have is none of our business
    fixture.write("crates/base/src/lib.rs", "#[cfg(test)] mod t { const A: &str = include_str!(path!()); }");
    fixture.codes();
}

#[test]
fn dependencies_and_their_features_count() {
    let fixture = Fixture::new();
    let edit = |path: &'static str, from: &'static str, to: &'static str| {
        fixture.changed(move |fixture| fixture.replace(path, from, to))
    };
    assert!(edit("Cargo.toml", "[\"b\", \"a\"]", "[\"a\", \"b\"]").is_empty(), "order of features");
    assert!(edit("Cargo.toml", "version = \"1\", features", "version = \"1.1\", features").is_empty(), "requirement");
    assert_eq!(edit("Cargo.toml", "[\"a\", \"b\"]", "[\"a\"]"), ["base.own"]);
    assert_eq!(edit("Cargo.toml", "features = [\"a\"]", "default-features = false"), ["base.own"]);
    assert_eq!(
        edit("crates/base/Cargo.toml", "ext.workspace = true", "ext = { workspace = true, default-features = true }"),
        ["base.own"]
    );
    assert_eq!(
        edit("crates/base/Cargo.toml", "default-features", "features = [\"c\"], default-features"),
        ["base.own"]
    );
    assert_eq!(edit("crates/top/Cargo.toml", "edition.workspace = true", "edition = \"2021\""), ["top.own"]);
    assert!(edit("crates/top/Cargo.toml", "version.workspace = true", "version = \"9.9.9\"").is_empty());
    assert_eq!(edit("crates/top/Cargo.toml", "[dependencies]", "[features]\nfast = []\n[dependencies]"), ["top.own"]);
    assert!(edit("crates/top/Cargo.toml", "[features]", "[lints.rust]\nunused = \"warn\"\n[features]").is_empty());
    assert!(
        edit("crates/mid/Cargo.toml", "dev.workspace = true", "dev = { version = \"1\", features = [\"x\"] }")
            .is_empty()
    );
}

#[test]
fn build_and_target_dependencies_count() {
    let fixture = Fixture::new();
    fixture.replace(
        "Cargo.lock",
        "name = \"top\"\nversion = \"0.1.0\"\ndependencies = [\"mid\"",
        "name = \"top\"\nversion = \"0.1.0\"\ndependencies = [\"mid\", \"side\", \"dev\"",
    );
    let top = manifest("top", "[dependencies]\nmid.workspace = true\n");
    let with = |rest: &str| fixture.changed(|fixture| fixture.write("crates/top/Cargo.toml", format!("{top}{rest}")));
    let all = ["top.own", "top.locked", "top.closure"];
    assert_eq!(with("[build-dependencies]\nside.workspace = true\n"), all);
    assert_eq!(with("[target.'cfg(unix)'.dependencies]\nside.workspace = true\n"), ["top.own"]);
    assert_eq!(with(""), all);
    assert_eq!(with("[target.'cfg(unix)'.dependencies]\ndev.workspace = true\n"), ["top.own", "top.locked"]);
}

#[test]
fn the_lock_file_counts_where_it_is_used() {
    let fixture = Fixture::new();
    let edit =
        |from: &'static str, to: &'static str| fixture.changed(move |fixture| fixture.replace("Cargo.lock", from, to));
    let all = ["base.locked", "mid.locked", "side.locked", "top.locked"];
    assert_eq!(edit("\"e12\"", "\"e12x\""), all);
    assert_eq!(edit("\"d3\"", "\"d3x\""), all, "transitive");
    assert_eq!(edit("\"3.0.0\"", "\"3.0.1\""), all);
    assert_eq!(edit("1.2.0", "1.3.0"), all);
    assert_eq!(edit("\"w1\"", "\"w1x\""), ["side.locked"]);
    assert!(edit("\"v1\"", "\"v1x\"").is_empty(), "a dev-dependency");
    assert!(edit("\"e09\"", "\"e09x\"").is_empty(), "another version of the same package");
    assert!(edit("version = 4", "version = 3").is_empty());
}

#[test]
fn manifests_and_lock_at_odds_are_errors() {
    type Case = (&'static str, &'static str, &'static str, fn(&Error) -> bool);
    let cases: [Case; 7] = [
        ("Cargo.toml", "[workspace]", "[workspace\n", |error| matches!(error, Error::Toml { .. })),
        ("Cargo.toml", "[workspace", "[other", |error| matches!(error, Error::Manifest { .. })),
        (
            "Cargo.toml",
            "ext = {",
            "extra = {",
            |error| matches!(error, Error::Manifest { what, .. } if what.contains("`ext`")),
        ),
        ("Cargo.toml", "patches/patched", "patches/gone", |error| matches!(error, Error::Read(_))),
        (
            "Cargo.toml",
            "patched = { path = \"patches/patched\" }",
            "",
            |error| matches!(error, Error::NoSources { name } if name == "patched"),
        ),
        (
            "Cargo.lock",
            "\"ext 1.2.0\"",
            "",
            |error| matches!(error, Error::Lock { what, .. } if what.contains("`ext`")),
        ),
        (
            "Cargo.lock",
            "name = \"mid\"",
            "name = \"mud\"",
            |error| matches!(error, Error::Lock { what, .. } if what.contains("`mid`")),
        ),
    ];
    for (path, from, to, expected) in cases {
        let fixture = Fixture::new();
        fixture.replace(path, from, to);
        let error = generate(fixture.path()).expect_err(to);
        assert!(expected(&error), "{path}: {from} -> {to}: {error:?}");
    }
    let missing = PathBuf::from("no/such/workspace");
    let error = generate(&missing).expect_err("nothing is there");
    assert!(error.to_string().contains("no/such/workspace"), "{error}");
    assert_eq!(rerun_paths(&missing), [missing.join("Cargo.toml"), missing.join("Cargo.lock")]);
}

#[test]
fn cargo_watches_manifests_lock_and_sources() {
    let fixture = Fixture::new();
    fixture.write("crates/side/build.rs", "fn main() {}");
    let watched: Vec<String> = rerun_paths(fixture.path())
        .iter()
        .map(|path| crate::files::slashes(path.strip_prefix(fixture.path()).expect("below the root")))
        .collect();
    let expected = [
        "Cargo.lock",
        "Cargo.toml",
        "checks/Cargo.toml",
        "crates/base/Cargo.toml",
        "crates/base/src",
        "crates/mid/Cargo.toml",
        "crates/mid/src",
        "crates/side/Cargo.toml",
        "crates/side/build.rs",
        "crates/side/src",
        "crates/top/Cargo.toml",
        "crates/top/src",
        "patches/patched/Cargo.toml",
        "patches/patched/src",
    ];
    assert_eq!(watched, expected);
}

#[test]
fn the_table_is_rust_that_says_the_same() {
    let code = CrateCode {
        name: "top".to_owned(),
        own: "00ff".to_owned(),
        locked: "ee".to_owned(),
        closure: vec!["base".to_owned(), "top".to_owned()],
    };
    let text = to_rust(&[code.clone(), CrateCode { name: "x".to_owned(), ..code }]);
    syn::parse_file(&text).expect("the table is Rust");
    super::same(
        &text,
        "pub const CODE: &[hit_engine::CodeEntry] = &[
            hit_engine::CodeEntry { name: \"top\", own: \"00ff\", locked: \"ee\", closure: &[\"base\", \"top\"] },
            hit_engine::CodeEntry { name: \"x\", own: \"00ff\", locked: \"ee\", closure: &[\"base\", \"top\"] },
        ];",
    );
    super::same(&to_rust(&[]), "pub const CODE: &[hit_engine::CodeEntry] = &[];");
}

#[test]
fn the_table_is_written_only_if_it_changes() {
    let fixture = Fixture::new();
    let table = fixture.path().join("code.rs");
    let watched = write_rust(fixture.path(), &table).expect("the workspace is whole");
    assert_eq!(watched, rerun_paths(fixture.path()));
    let written = fs_err::read_to_string(&table).expect("the table is there");
    assert_eq!(written, to_rust(&generate(fixture.path()).expect("the workspace is whole")));
    // a table that may not be written shows whether it was
    let read_only = |on: bool| {
        let mut permissions = fs_err::metadata(&table).expect("the table is there").permissions();
        permissions.set_readonly(on);
        fs_err::set_permissions(&table, permissions).expect("permissions can be set");
    };
    read_only(true);
    let before = fs_err::metadata(&table).and_then(|meta| meta.modified()).expect("the table has a time");
    write_rust(fixture.path(), &table).expect("nothing is written");
    assert_eq!(fs_err::metadata(&table).and_then(|meta| meta.modified()).expect("the table has a time"), before);
    read_only(false);
    fixture.write("crates/base/src/lib.rs", "pub fn other() {}");
    write_rust(fixture.path(), &table).expect("the workspace is whole");
    assert_ne!(fs_err::read_to_string(&table).expect("the table is there"), written);
}

#[test]
fn this_workspace_is_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let codes = generate(&root).expect("the workspace is whole");
    let own = codes.iter().find(|code| code.name == env!("CARGO_PKG_NAME")).expect("this crate is in it");
    assert_eq!(own.closure, [env!("CARGO_PKG_NAME")]);
}
