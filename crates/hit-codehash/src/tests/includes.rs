//! The files that code names, and the modules it is made of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::modules::{normal, test_only};
use crate::tokens::{Include, Source, Target, source};

fn includes(text: &str) -> Vec<Include> {
    source(text).includes
}

fn target(argument: &str) -> Target {
    let mut found = includes(&format!("const A: &str = include_str!({argument});"));
    assert_eq!(found.len(), 1, "{argument}");
    found.remove(0).target
}

fn beside(path: &str) -> Target {
    Target::BesideFile(path.to_owned())
}

fn in_crate(path: &str) -> Target {
    Target::InCrate(path.to_owned())
}

#[test]
fn paths_of_includes_are_read() {
    assert_eq!(target(r#""a/b.txt""#), beside("a/b.txt"));
    assert_eq!(target(r#""a/b.txt","#), beside("a/b.txt"));
    assert_eq!(target(r##"r#"a"b.txt"#"##), beside("a\"b.txt"));
    assert_eq!(target(r#"concat!("a/", "b", ".txt",)"#), beside("a/b.txt"));
    assert_eq!(target(r#"concat!(env!("CARGO_MANIFEST_DIR"), "/a", "/b.txt")"#), in_crate("a/b.txt"));
    assert_eq!(target(r#"concat!(concat!(env!("CARGO_MANIFEST_DIR"), "/../"), "b.txt")"#), in_crate("../b.txt"));
    assert_eq!(target(r#"concat!(env!("OUT_DIR"), "/b.rs")"#), Target::Generated);
    for unknown in [r#"path!("a")"#, "PATH", r#"concat!("a", PATH)"#, r#"env!("HOME")"#, "1", r#"concat!("a/", 1)"#] {
        assert!(matches!(target(unknown), Target::Unknown(_)), "{unknown}");
    }
}

#[test]
fn metavariables_stand_for_any_file_of_a_folder() {
    let of_rule = |matcher: &str, argument: &str| {
        let text = format!("macro_rules! m {{ ({matcher}) => {{ include_bytes!({argument}) }} }}");
        includes(&text).into_iter().map(|include| include.target).collect::<Vec<_>>()
    };
    let folder = |target| vec![Target::Folder(Box::new(target))];
    assert_eq!(of_rule("$x:literal", r#"concat!("../fonts/", $x)"#), folder(beside("../fonts")));
    assert_eq!(of_rule("$x:literal", r#"concat!("../fonts/prefix-", $x)"#), folder(beside("../fonts")));
    let manifest = r#"concat!(env!("CARGO_MANIFEST_DIR"), "/fonts/", $x)"#;
    assert_eq!(of_rule("$x:literal", manifest), folder(in_crate("fonts")));
    // repetitions keep their `$`, so both spellings are read
    assert_eq!(of_rule("$($x:literal),*", r#"$(concat!("../fonts/", $x)),*"#).len(), 1);
    assert!(matches!(of_rule("$x:expr", "$x")[..], [Target::Unknown(_)]));
    assert!(matches!(of_rule("$x:expr", r#"concat!("a/", $x, "/b")"#)[..], [Target::Unknown(_)]));
}

#[test]
fn includes_are_found_wherever_they_stand() {
    let files = |text: &str| {
        let name = |include: Include| match include.target {
            Target::BesideFile(path) if include.code => format!("code {path}"),
            Target::BesideFile(path) => path,
            other => format!("{other:?}"),
        };
        includes(text).into_iter().map(name).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(files("include!(\"a.rs\"); fn f() { g(include_bytes!(\"b\")); }"), "code a.rs b");
    assert_eq!(files("fn f() { vec![std::include_str!(\"a\")] ; m! { x => include_str!(\"b\") } }"), "a b");
    assert_eq!(files("#[cfg(test)] const A: &str = include_str!(\"a\"); /// include_str!(\"b\")\nfn f() {}"), "");
    assert_eq!(files("#[doc = include_str!(\"a\")] fn f() { let include_str = 1; \"include_str!(b)\"; }"), "");
}

#[test]
fn paths_are_resolved_from_the_file_or_the_crate() {
    let (file, dir) = (Path::new("/w/c/src/deep/a.rs"), Path::new("/w/c"));
    let path = |target: &Target| target.path(file, dir).map(|path| normal(&path));
    assert_eq!(path(&beside("../b.txt")), Some(PathBuf::from("/w/c/src/b.txt")));
    assert_eq!(path(&in_crate("b.txt")), Some(PathBuf::from("/w/c/b.txt")));
    assert_eq!(path(&Target::Folder(Box::new(beside("x")))), Some(PathBuf::from("/w/c/src/deep/x")));
    assert_eq!(path(&Target::Generated), None);
    assert_eq!(path(&Target::Unknown(String::new())), None);
}

/// The files of a crate, those only tests reach marked with `-`.
fn marked(files: &[(&str, &str)]) -> String {
    let sources: BTreeMap<PathBuf, Source> =
        files.iter().map(|(path, text)| (PathBuf::from(path), source(text))).collect();
    let tests = test_only(&[PathBuf::from("src/lib.rs")], &sources);
    let mark = |path: &PathBuf| format!("{}{}", if tests.contains(path) { "-" } else { "" }, path.display());
    sources.keys().map(mark).collect::<Vec<_>>().join(" ")
}

#[test]
fn modules_are_found_where_rustc_looks_for_them() {
    let tree = [
        ("src/lib.rs", "mod a; #[cfg(test)] mod b; mod c { mod d; #[cfg(test)] mod e; }"),
        ("src/a/mod.rs", "#[cfg(test)] mod x;"),
        ("src/a/x.rs", ""),
        ("src/b.rs", "mod x;"),
        ("src/b/x.rs", "mod y;"),
        ("src/b/x/y.rs", ""),
        ("src/c/d.rs", ""),
        ("src/c/e/mod.rs", ""),
        ("src/c/e/data.json", ""),
        ("src/c/f.rs", ""),
    ];
    let expected = "src/a/mod.rs -src/a/x.rs -src/b/x/y.rs -src/b/x.rs -src/b.rs src/c/d.rs -src/c/e/data.json \
                    -src/c/e/mod.rs src/c/f.rs src/lib.rs";
    assert_eq!(marked(&tree), expected);
}

#[test]
fn named_paths_start_at_the_file_or_at_the_inline_module() {
    let tree = [
        (
            "src/lib.rs",
            "mod a; #[cfg(test)] #[path = \"far/t.rs\"] mod t; mod i { #[cfg(test)] #[path = \"u.rs\"] mod u; }",
        ),
        ("src/a.rs", "#[cfg(test)] #[path = \"b.rs\"] mod c; #[path = \"k.rs\"] mod k;"),
        ("src/b.rs", ""),
        ("src/far/s.rs", ""),
        ("src/far/t.rs", "mod s;"),
        ("src/i/u.rs", ""),
        ("src/k.rs", ""),
    ];
    assert_eq!(marked(&tree), "src/a.rs -src/b.rs -src/far/s.rs -src/far/t.rs -src/i/u.rs src/k.rs src/lib.rs");
}

#[test]
fn what_code_also_reaches_counts() {
    let tree = [
        ("src/lib.rs", "#[cfg(test)] mod a; #[path = \"a.rs\"] mod again; mod round;"),
        ("src/a.rs", "mod inner;"),
        ("src/a/inner.rs", ""),
        ("src/inner.rs", ""),
        ("src/round.rs", "#[path = \"lib.rs\"] mod back;"),
    ];
    // as `again`, the file's children lie beside it
    assert_eq!(marked(&tree), "-src/a/inner.rs src/a.rs src/inner.rs src/lib.rs src/round.rs");
}

proptest! {
    #[test]
    fn a_path_is_normal_once_and_for_all(parts in proptest::collection::vec("[a-c]|\\.|\\.\\.", 0..8)) {
        let once = normal(Path::new(&parts.join("/")));
        prop_assert_eq!(&normal(&once), &once);
        // what is left of `..` stands in front
        let names: Vec<bool> = once.components().map(|part| part.as_os_str() == "..").collect();
        prop_assert!(names.is_sorted_by(|left, right| left >= right), "{:?}", once);
    }

    #[test]
    fn any_literal_path_is_read_back(path in "[ -~]{1,40}") {
        prop_assert_eq!(target(&format!("{path:?}")), beside(&path));
        let (head, tail) = path.split_at(path.len() / 2);
        prop_assert_eq!(target(&format!("concat!({head:?}, {tail:?})")), beside(&path));
    }
}
