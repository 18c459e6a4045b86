//! Guards the shape of the workspace: who may depend on whom, where heavy dependencies live, and the
//! habits of the code that results come from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// Which crates of ours each crate may depend on. Data flows one way: a crate never names one that comes after it.
/// Training and embedding are handed the arms, so that an edit of one retrains that one alone (and the third tower with the
/// injections that it contains).
const EDGES: [(&str, &[&str]); 27] = [
    ("hit-stage", &[]),
    ("hit-stats", &[]),
    ("hit-codehash", &[]),
    ("hit-audit", &["hit-stage", "hit-stats"]),
    ("hit-engine", &["hit-stage"]),
    ("hit-schema", &["hit-stage"]),
    ("hit-corpus", &["hit-schema", "hit-stage"]),
    ("hit-descriptors", &["hit-schema", "hit-stage"]),
    // neither is a stage: what they do comes before a corpus is one
    ("hit-fetch", &["hit-stage"]),
    ("hit-check", &["hit-corpus", "hit-descriptors", "hit-schema", "hit-stage"]),
    ("hit-perturb", &["hit-schema", "hit-stage"]),
    ("hit-kernels", &[]),
    ("hit-model", &["hit-kernels", "hit-schema", "hit-stage"]),
    ("hit-arm-film", &["hit-model"]),
    ("hit-arm-inject", &["hit-model"]),
    ("hit-arm-moe", &["hit-model"]),
    // its arms contain the injections of d4a4
    ("hit-arm-tower", &["hit-arm-inject", "hit-model"]),
    ("hit-train", &["hit-kernels", "hit-model", "hit-schema", "hit-stage"]),
    ("hit-embed", &["hit-model", "hit-schema", "hit-stage"]),
    // it times steps and is no stage: no result comes from it
    ("hit-bench", &["hit-model", "hit-schema", "hit-stage", "hit-train"]),
    ("hit-retrieval", &["hit-schema", "hit-stage", "hit-stats"]),
    ("hit-battery", &["hit-retrieval", "hit-schema", "hit-stage", "hit-stats"]),
    ("hit-represent", &["hit-schema", "hit-stage", "hit-stats"]),
    ("hit-claims", &["hit-schema", "hit-stage", "hit-stats"]),
    ("hit-report", &["hit-audit", "hit-claims", "hit-schema", "hit-stage", "hit-stats"]),
    // it reads what the engine exports, the lock among it, and is no stage
    ("hit-page", &["hit-claims", "hit-engine", "hit-schema", "hit-stage", "hit-stats"]),
    (
        "hitrepro",
        &[
            "hit-arm-film",
            "hit-arm-inject",
            "hit-arm-moe",
            "hit-arm-tower",
            "hit-audit",
            "hit-battery",
            "hit-bench",
            "hit-check",
            "hit-claims",
            "hit-codehash",
            "hit-corpus",
            "hit-descriptors",
            "hit-embed",
            "hit-engine",
            "hit-fetch",
            "hit-model",
            "hit-page",
            "hit-perturb",
            "hit-report",
            "hit-represent",
            "hit-retrieval",
            "hit-schema",
            "hit-stage",
            "hit-stats",
            "hit-train",
        ],
    ),
];

const MODEL_SIDE: &[&str] = &["hit-kernels", "hit-model", "hit-arm-", "hit-train", "hit-embed"];

/// Heavy or impure dependencies and the only crates that may have them; a name that ends in `-` is a prefix.
const QUARANTINE: [(&str, &[&str]); 27] = [
    ("polars", &["hit-report"]),
    ("plotters", &["hit-report"]),
    ("svg2pdf", &["hit-report"]),
    ("tera", &["hit-page", "hit-report"]),
    ("faer", &["hit-represent"]),
    ("manifolds-rs", &["hit-represent"]),
    ("burn", MODEL_SIDE),
    ("burn-cubecl", MODEL_SIDE),
    ("cubecl-cuda", MODEL_SIDE),
    ("cubek", MODEL_SIDE),
    ("rusty_mp3", &["hit-corpus"]),
    ("symphonia", &["hit-corpus"]),
    ("midly", &["hit-corpus"]),
    ("rustysynth", &["hit-corpus"]),
    ("hound", &["hit-corpus"]),
    ("rustfft", &["hit-corpus", "hit-descriptors"]),
    ("pulp", &["hit-descriptors", "hit-kernels"]),
    ("ureq", &["hit-fetch"]),
    ("zip", &["hit-fetch"]),
    ("tar", &["hit-fetch"]),
    ("flate2", &["hit-fetch"]),
    ("md-5", &["hit-check"]),
    ("statrs", &["hit-stats"]),
    ("clap", &["hitrepro"]),
    ("miette", &["hitrepro"]),
    ("indicatif", &["hitrepro"]),
    ("anyhow", &["hitrepro"]),
];

/// The crates whose code is in no key. Every other one computes results and obeys the stricter lints.
const NO_STAGES: [&str; 7] =
    ["hit-audit", "hit-bench", "hit-check", "hit-codehash", "hit-engine", "hit-fetch", "hitrepro"];

/// The crates whose results are the same bits on every machine.
const EXACT: [&str; 6] = ["hit-corpus", "hit-descriptors", "hit-perturb", "hit-retrieval", "hit-battery", "hit-stats"];

/// Longest file, in lines.
const LONGEST: usize = 600;

/// The one file with unsafe code: no map is safe against whoever writes to its file.
const MAPS_FILES: &str = "hit-schema/src/map.rs";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn manifest(path: &Path) -> Table {
    let text = fs_err::read_to_string(path).expect("manifests can be read");
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn table<'a>(parent: &'a Table, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    parent.get(name).and_then(Value::as_table).into_iter().flatten()
}

/// Our crates and their manifests. What the root excludes is a stand-in for somebody else's crate.
fn crates() -> BTreeMap<String, Table> {
    let whole = manifest(&root().join("Cargo.toml"));
    let excluded: Vec<String> = match whole["workspace"].get("exclude") {
        Some(list) => list.clone().try_into().expect("exclude is a list of paths"),
        None => Vec::new(),
    };
    let folders = fs_err::read_dir(root().join("crates")).expect("there is a folder of crates");
    let folders = folders.map(|entry| entry.expect("the folder can be read").file_name());
    let names = folders.map(|name| name.into_string().expect("names of crates are UTF-8"));
    names
        .filter(|name| !excluded.contains(&format!("crates/{name}")))
        .map(|name| (name.clone(), manifest(&root().join("crates").join(&name).join("Cargo.toml"))))
        .collect()
}

/// The `[dependencies]` and `[build-dependencies]` of a crate, for every target.
fn dependencies(manifest: &Table) -> Vec<(&String, &Value)> {
    let sections = ["dependencies", "build-dependencies"];
    let targets = table(manifest, "target").filter_map(|(_, target)| target.as_table());
    [manifest]
        .into_iter()
        .chain(targets)
        .flat_map(|from| sections.into_iter().flat_map(|name| table(from, name)))
        .collect()
}

fn dependency_names(manifest: &Table) -> BTreeSet<&str> {
    dependencies(manifest).into_iter().map(|(name, _)| name.as_str()).collect()
}

/// The Rust files below a folder, sorted.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs_err::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    paths.sort();
    let is_rust = |path: &Path| path.extension().is_some_and(|extension| extension == "rs");
    paths
        .into_iter()
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| is_rust(path))
        .collect()
}

/// Path and text of the Rust files below a folder.
fn texts(folder: &Path) -> Vec<(String, String)> {
    let show = |path: &Path| path.strip_prefix(root()).unwrap_or(path).display().to_string();
    let read = |path: PathBuf| (show(&path), fs_err::read_to_string(&path).expect("sources can be read"));
    rust_files(folder).into_iter().map(read).collect()
}

/// The Rust files that a crate is made of, for the crates that pass `filter`, tests included.
fn sources(filter: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let folders =
        crates().into_keys().filter(|name| filter(name)).map(|name| root().join("crates").join(name).join("src"));
    let found: Vec<(String, String)> = folders.flat_map(|folder| texts(&folder)).collect();
    assert!(!found.is_empty(), "no sources found, so nothing is tested");
    found
}

/// All Rust files of the project: sources, tests, benches, build scripts.
fn all_files() -> Vec<(String, String)> {
    let ours = crates().into_keys().flat_map(|name| texts(&root().join("crates").join(name)));
    ours.chain(texts(&root().join("tests").join("it"))).collect()
}

/// The tokens of a file in a row, each between spaces, so that ` std :: fs ` finds a path and no text.
fn code(path: &str, text: &str, with_tests: bool) -> String {
    let tokens = hit_codehash::flat_tokens(text, with_tests).unwrap_or_else(|| panic!("{path} does not parse"));
    // literals hold no code
    let is_literal = |token: &str| token.contains('"') || token.starts_with('\'') && token.len() > 2;
    let words: Vec<&str> = tokens.iter().map(|token| if is_literal(token) { "\"\"" } else { token }).collect();
    format!(" {} ", words.join(" "))
}

/// Asserts that no file has a fault; lists all that do.
#[track_caller]
fn clean(rule: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}

/// The names that code takes from a module of `std`, such as `File` of `std::fs`; `self` for the module itself.
fn taken_from_std(code: &str, module: &str) -> BTreeSet<String> {
    let words: Vec<&str> = code.split_whitespace().collect();
    let mut taken = BTreeSet::new();
    for at in 0..words.len() {
        if words[at] != "std" || words.get(at + 1) != Some(&"::") {
            continue;
        }
        // `std::fs ..` or `std::{.., fs .., ..}`
        let starts = match words.get(at + 2) {
            Some(&"{") => members(&words[at + 3..]).into_iter().map(|member| at + 3 + member).collect(),
            _ => vec![at + 2],
        };
        for start in starts.into_iter().filter(|start| words[*start] == module) {
            match words.get(start + 1..start + 3) {
                Some(["::", "{"]) => {
                    let inner = &words[start + 3..];
                    taken.extend(members(inner).into_iter().map(|member| inner[member].to_owned()));
                }
                Some(["::", name]) => {
                    taken.insert((*name).to_owned());
                }
                _ => {
                    taken.insert("self".to_owned());
                }
            }
        }
    }
    taken
}

/// Where the members of a `{ .. }` start whose opening brace was just read.
fn members(words: &[&str]) -> Vec<usize> {
    let (mut depth, mut starts, mut fresh) = (0, Vec::new(), true);
    for (at, word) in words.iter().enumerate() {
        match *word {
            "}" if depth == 0 => break,
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 0 => fresh = true,
            _ if fresh => {
                starts.push(at);
                fresh = false;
            }
            _ => {}
        }
    }
    starts
}

#[test]
fn the_crates_are_the_ones_of_the_table() {
    let listed: BTreeSet<String> = EDGES.iter().map(|(name, _)| (*name).to_owned()).collect();
    let present: BTreeSet<String> = crates().into_keys().collect();
    assert_eq!(present, listed, "a crate is a decision: add it to the table and say why in ARCHITECTURE.md");
}

#[test]
fn crates_depend_on_each_other_only_as_the_table_allows() {
    let edges: BTreeMap<&str, &[&str]> = EDGES.into();
    let crates = crates();
    let mut faults = Vec::new();
    for (name, manifest) in &crates {
        let allowed = edges.get(name.as_str()).copied().unwrap_or_default();
        let ours = dependency_names(manifest).into_iter().filter(|dependency| crates.contains_key(*dependency));
        faults.extend(ours.filter(|to| !allowed.contains(to)).map(|to| format!("{name} -> {to}")));
    }
    clean("edges that the table does not allow", &faults);
}

#[test]
fn the_table_of_edges_has_no_cycle_and_is_sorted() {
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for (name, allowed) in EDGES {
        assert!(allowed.is_sorted(), "{name}");
        let above: Vec<&&str> = allowed.iter().filter(|to| !done.contains(**to)).collect();
        assert!(above.is_empty(), "{name} comes before {above:?}, which it may depend on");
        done.insert(name);
    }
}

#[test]
fn the_engine_knows_the_contract_and_only_the_binary_knows_the_engine() {
    for (name, manifest) in crates() {
        let all = dependency_names(&manifest);
        let ours: Vec<&&str> = all.iter().filter(|to| to.starts_with("hit")).collect();
        if name == "hit-engine" {
            assert_eq!(ours, [&"hit-stage"]);
        }
        let knows = ["hit-page", "hitrepro"].contains(&name.as_str());
        assert!(!all.contains("hit-engine") || knows, "{name} depends on the engine");
        assert!(!all.contains("hitrepro"), "{name} depends on the binary");
    }
}

#[test]
fn digests_of_code_are_a_matter_of_the_build() {
    for (name, manifest) in crates() {
        let normal = table(&manifest, "dependencies").any(|(to, _)| to == "hit-codehash");
        assert!(!normal, "{name} has hit-codehash among its normal dependencies");
    }
}

#[test]
fn heavy_dependencies_stay_in_quarantine() {
    let mut faults = Vec::new();
    for (name, manifest) in crates() {
        for (heavy, homes) in QUARANTINE {
            let at_home = homes.iter().any(|home| name == *home || home.ends_with('-') && name.starts_with(home));
            if dependency_names(&manifest).contains(heavy) && !at_home {
                faults.push(format!("{name} depends on {heavy}, which is for {homes:?}"));
            }
        }
    }
    clean("dependencies out of quarantine", &faults);
}

#[test]
fn versions_and_lints_are_decided_in_the_root_manifest() {
    let mut faults = Vec::new();
    for (name, manifest) in crates() {
        let inherits = |value: &Value| value.get("workspace").and_then(Value::as_bool) == Some(true);
        let development = table(&manifest, "dev-dependencies");
        for (dependency, value) in dependencies(&manifest).into_iter().chain(development) {
            if !inherits(value) {
                faults.push(format!("{name} does not inherit the version of {dependency}"));
            }
        }
        if !manifest.get("lints").is_some_and(inherits) {
            faults.push(format!("{name} does not inherit the lints, so `unsafe` is not denied there"));
        }
    }
    clean("what members decide for themselves", &faults);
}

#[test]
fn files_go_through_fs_err() {
    // types are the same ones, with or without fs-err
    let types = ["DirEntry", "File", "FileTimes", "FileType", "Metadata", "Permissions", "TryLockError"];
    let mut faults = Vec::new();
    for (path, text) in sources(|_| true) {
        let taken = taken_from_std(&code(&path, &text, true), "fs");
        let wrong = taken.into_iter().filter(|name| !types.contains(&name.as_str()));
        faults.extend(wrong.map(|name| format!("{path}: std::fs::{name}")));
    }
    clean("std::fs errors do not name the file, fs_err's do", &faults);
}

#[test]
fn stages_use_neither_hash_order_nor_clocks_nor_the_environment() {
    let banned =
        ["HashMap", "HashSet", "SystemTime", "Instant", "UNIX_EPOCH", "thread_rng", "from_entropy", "from_os_rng"];
    let mut faults = Vec::new();
    for (path, text) in sources(|name| !NO_STAGES.contains(&name)) {
        let code = code(&path, &text, false);
        let found = banned.iter().filter(|word| code.contains(&format!(" {word} ")));
        faults.extend(found.map(|word| format!("{path}: {word}")));
        faults.extend(taken_from_std(&code, "env").into_iter().map(|name| format!("{path}: std::env::{name}")));
    }
    clean("a result may depend on its inputs alone", &faults);
}

#[test]
fn exact_crates_take_transcendental_functions_from_libm() {
    let methods = [
        "acos", "asin", "atan", "atan2", "cbrt", "cos", "cosh", "exp", "exp2", "exp_m1", "hypot", "ln", "ln_1p", "log",
        "log10", "log2", "powf", "sin", "sin_cos", "sinh", "tan", "tanh",
    ];
    let mut faults = Vec::new();
    for (path, text) in sources(|name| EXACT.contains(&name)) {
        let code = code(&path, &text, false);
        let called = |method: &str| {
            let by_path = ["f32", "f64"].iter().any(|kind| code.contains(&format!(" {kind} :: {method} ")));
            by_path || code.contains(&format!(" . {method} ("))
        };
        faults.extend(methods.iter().filter(|method| called(method)).map(|method| format!("{path}: {method}")));
    }
    clean("the standard library's functions differ between platforms in the last bit, libm's do not", &faults);
}

#[test]
fn no_test_is_ignored_and_one_place_is_unsafe() {
    let mut faults = Vec::new();
    for (path, text) in all_files() {
        let code = code(&path, &text, true);
        if code.contains(" # [ ignore ]") || code.contains(" # [ ignore =") {
            faults.push(format!("{path}: #[ignore]"));
        }
        let n_unsafe = code.matches(" unsafe ").count();
        if n_unsafe != usize::from(path.ends_with(MAPS_FILES)) {
            faults.push(format!("{path}: {n_unsafe} times unsafe"));
        }
    }
    clean("skipped tests and unsafe code", &faults);
}

#[test]
fn files_open_with_a_line_of_docs_and_are_short() {
    let mut faults = Vec::new();
    for (path, text) in all_files() {
        if !text.starts_with("//!") {
            faults.push(format!("{path} does not start with //!"));
        }
        let lines = text.lines().count();
        if lines > LONGEST {
            faults.push(format!("{path} has {lines} lines of at most {LONGEST}"));
        }
    }
    clean("files", &faults);
}

/// The invalidation graph: an edit of a crate reruns the stages of every crate in whose line it stands.
#[test]
fn closures_of_the_crates() {
    let codes = hit_codehash::generate(&root()).expect("the workspace is whole");
    let lines: Vec<String> = codes.iter().map(|code| format!("{}: {}", code.name, code.closure.join(" "))).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn names_taken_from_the_standard_library_are_found() {
    let taken = |text: &str| {
        let code = code("text", text, true);
        taken_from_std(&code, "fs").into_iter().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(taken("use std::fs;"), "self");
    assert_eq!(taken("use std::{io, fs::{self, File}};"), "File self");
    assert_eq!(taken("use std::{fmt, fs as files};"), "self");
    assert_eq!(taken("fn f() { std::fs::read(x); let a: std::fs::File; }"), "File read");
    assert_eq!(
        taken("use std::{io::{self, fs}, path}; use fs_err as fs; // std::fs\nconst A: &str = \"std::fs\";"),
        ""
    );
}
