//! The command line as a user meets it: help, lists, plans, drawings, mistakes, exit codes. Nothing here trains.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::project::{Project, stderr};

/// The binary anywhere, with nothing but these words.
fn hitrepro(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hitrepro-it"));
    command.current_dir(folder).args(words).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Keys of an object, sorted.
fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn help_lists_verbs_and_exit_codes() {
    let help = hitrepro(Path::new("."), &["--help"]);
    assert_eq!(code(&help), 0);
    let text = stdout(&help);
    for verb in
        ["all", "stage", "plan", "explain", "status", "list", "verify", "gc", "graph", "data", "bench", "doctor"]
    {
        assert!(text.lines().any(|line| line.trim_start().starts_with(&format!("{verb} "))), "{verb}\n{text}");
    }
    let codes = text.split("Exit codes:").nth(1).unwrap();
    assert_eq!(codes.lines().filter(|line| !line.trim().is_empty()).count(), 9);
    assert_eq!(code(&hitrepro(Path::new("."), &["--version"])), 0);
}

#[test]
fn wrong_lines_end_with_2() {
    let project = Project::new();
    for words in [
        &["al"][..],
        &["stage"],
        &["all", "--jobs", "0"],
        &["plan", "--device", "gpu"],
        &["plan", "--format", "dot"],
        &["plan", "--slots-per-gpu", "0"],
        &["plan", "--device", "cpu", "--slots-per-gpu", "2"],
    ] {
        let output = hitrepro(&project.path(""), words);
        assert_eq!(code(&output), 2, "{words:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{words:?}");
    }
}

#[test]
fn mistakes_in_the_configuration_are_shown_in_place() {
    let project = Project::new();
    project.edit("pipeline.toml", "n_queries = 500", "n_querys = 500");
    let output = project.run(&["plan"]);
    assert_eq!(code(&output), 2);
    let text = stderr(&output);
    assert!(text.contains("unknown key `n_querys`") && text.contains("did you mean `n_queries`?"), "{text}");
    assert!(text.contains("[pipeline.toml:"), "{text}");
}

#[test]
fn unknown_names_come_with_the_nearest() {
    let project = Project::new();
    for (words, near) in [
        (&["plan", "--profile", "smoek"][..], "smoke"),
        (&["stage", "replicatoin"], "replication"),
        (&["plan", "--only", "replicatoin"], "replication"),
        (&["explain", "measurments.csv"], "measurements"),
    ] {
        let output = project.run(words);
        let text = stderr(&output);
        assert_eq!(code(&output), 2, "{words:?}: {text}");
        assert!(text.contains(near), "{words:?}: {text}");
    }
}

#[test]
fn a_missing_corpus_ends_with_6() {
    let project = Project::new();
    for words in [&["plan", "--profile", "small"][..], &["all", "--profile", "small", "--corpus", "nowhere"]] {
        let output = project.run(words);
        assert_eq!(code(&output), 6, "{words:?}: {}", stderr(&output));
        assert!(stderr(&output).contains("--corpus"), "{}", stderr(&output));
    }
    let output = project.run(&["plan", "--corpus", "."]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(stderr(&output).contains("makes its own corpus"), "{}", stderr(&output));
}

#[test]
fn outside_of_a_project_one_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let output = hitrepro(dir.path(), &["status"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("--config"), "{}", stderr(&output));
}

#[test]
fn arms_in_json_are_a_contract() {
    let project = Project::new();
    let arms = project.json(&["list", "arms", "--profile", "reference"]);
    let arms = arms.as_array().unwrap();
    for arm in arms {
        let expected = [
            "audio_tokens",
            "descriptors",
            "dims",
            "extra",
            "family",
            "flops",
            "id",
            "mechanisms",
            "parameters",
            "parts",
            "trainable",
        ];
        assert_eq!(keys(arm), expected);
    }
    let counts = |id: &str| {
        let arm = arms.iter().find(|arm| arm["id"] == id).unwrap();
        (arm["parameters"].as_u64().unwrap(), arm["trainable"].as_u64().unwrap())
    };
    // The published run files and the arithmetic of the published sizes; the reference freezes 9,302,528 of each.
    for (id, total) in COUNTS {
        assert_eq!(counts(id), (total, total - 9_302_528), "{id}");
    }
    let published: Vec<&str> =
        arms.iter().filter(|arm| arm["extra"] == false).map(|arm| arm["id"].as_str().unwrap()).collect();
    assert_eq!(
        published.len(),
        COUNTS.len(),
        "the 13 arms of the screening, the 11 of other families, and d4-a4r: {published:?}"
    );
    // Eq. 10: reverse cross-attention leaves 188 of 2,400 tokens.
    let tokens = |id: &str| arms.iter().find(|arm| arm["id"] == id).unwrap()["audio_tokens"].as_u64().unwrap();
    assert_eq!([tokens("D0"), tokens("A4x"), tokens("a4r"), tokens("D4r")], [2400, 2400, 188, 2400]);
}

/// Parameters by arm.
const COUNTS: [(&str, u64); 25] = [
    ("D0", 74_194_432),
    ("D4", 74_460_160),
    ("A4", 75_254_272),
    ("A7", 75_258_368),
    ("A8", 75_258_368),
    ("A9", 75_258_368),
    ("D4x", 75_248_640),
    ("A4x", 78_404_096),
    ("A7x", 78_408_192),
    ("D4r", 75_248_640),
    ("a4r", 78_608_896),
    ("d4a4", 75_520_000),
    ("d4a4cm", 75_517_952),
    ("d4-a4r", 78_874_624),
    ("film-a4", 75_252_352),
    ("film-d4", 74_723_456),
    ("film-dual", 75_781_376),
    ("moe-a4", 78_663_944),
    ("moe-a4-v2", 78_663_944),
    ("moe-a4-v3", 78_663_944),
    ("moe-a4-v4", 78_663_944),
    ("moe-dual", 79_850_512),
    ("t3-wt", 77_235_968),
    ("t3-tri", 77_235_968),
    ("t3-anc", 75_910_400),
];

#[test]
fn plans_in_json_are_a_contract() {
    let project = Project::new();
    let plan = project.json(&["plan"]);
    let rows = plan.as_array().unwrap();
    assert!(rows.len() > 60, "{}", rows.len());
    for row in rows {
        assert_eq!(keys(row), ["key", "reason", "stage", "state"]);
        assert_eq!(row["state"], "run");
    }
    // Nothing has run, so only stages that read no other stage have a key; planning makes no cache.
    assert!(rows.iter().any(|row| row["key"].is_string()) && rows.iter().any(|row| row["key"].is_null()));
    assert!(!project.path("results").exists());
}

#[test]
fn only_narrows_what_is_selected() {
    let project = Project::new();
    let all = project.json(&["plan"]).as_array().unwrap().len();
    let some = project.json(&["plan", "--only", "dataset/train"]).as_array().unwrap().len();
    assert!(0 < some && some < all, "{some} of {all}");
    let output = project.run(&["plan", "screening", "--only", "replication"]);
    assert_eq!(code(&output), 2, "{}", stdout(&output));
}

#[test]
fn everything_listed_is_an_array_of_objects() {
    let project = Project::new();
    for (what, first) in [
        ("descriptors", "descriptor"),
        ("mechanisms", "mechanism"),
        ("schedules", "schedule"),
        ("profiles", "profile"),
        ("tables", "table"),
        ("figures", "figure"),
        ("stages", "stage"),
    ] {
        let list = project.json(&["list", what]);
        let rows = list.as_array().unwrap();
        assert!(!rows.is_empty() && rows.iter().all(|row| row[first].is_string()), "{what}: {list}");
        let text = stdout(&project.run(&["list", what]));
        assert!(text.starts_with(first), "{text}");
        assert_eq!(text.lines().count(), rows.len() + 1, "{text}");
    }
    let schema = project.json(&["list", "schema"]);
    assert_eq!(schema["title"], "pipeline.toml");
}

#[test]
fn graphs_are_drawn_in_each_language() {
    let project = Project::new();
    let draw = |words: &[&str]| stdout(&project.run(&[&["graph"], words].concat()));
    assert!(draw(&[]).starts_with("flowchart LR\n"));
    let (folded, full) = (draw(&["--format", "dot"]), draw(&["--format", "dot", "--full"]));
    assert!(folded.starts_with("digraph") && folded.lines().count() < full.lines().count());
    let nodes = project.json(&["graph"]);
    let nodes = nodes.as_array().unwrap();
    assert!(nodes.iter().all(|node| keys(node) == ["exports", "groups", "kind", "needs", "pure", "stage"]));
    let ids: Vec<&str> = nodes.iter().filter_map(|node| node["stage"].as_str()).collect();
    let needs = nodes.iter().flat_map(|node| node["needs"].as_array().unwrap());
    assert!(needs.into_iter().all(|need| ids.contains(&need.as_str().unwrap())));
}

#[test]
fn subfolders_belong_to_the_project() {
    let project = Project::new();
    let output = project.command(&["plan", "--format", "json"]).current_dir(project.path("paper")).output().unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let below: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(below, project.json(&["plan"]));
}

#[test]
fn status_counts_every_stage() {
    let project = Project::new();
    let status = project.json(&["status"]);
    let planned = project.json(&["plan"]).as_array().unwrap().len();
    let counted: u64 = status.as_object().unwrap().values().map(|kind| kind["run"].as_u64().unwrap()).sum();
    assert_eq!(counted as usize, planned);
}

#[test]
fn results_that_never_were_are_stale() {
    let project = Project::new();
    let output = project.run(&["verify", "--format", "json"]);
    assert_eq!(code(&output), 4, "{}", stderr(&output));
    let checks: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(checks[0]["artifact"], "pipeline.lock");
    assert_eq!(checks[0]["outcome"], "missing");
}

#[test]
fn explain_walks_back_to_the_corpus() {
    let project = Project::new();
    let output = project.run(&["explain", "measurements.csv"]);
    let text = stdout(&output);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(text.starts_with("measurements.csv\n"), "{text}");
    for stage in ["train/", "dataset/train", "synth/"] {
        assert!(text.contains(stage), "{stage}\n{text}");
    }
}

#[test]
fn gc_of_an_empty_cache_deletes_nothing() {
    let project = Project::new();
    let report = project.json(&["gc", "--dry-run"]);
    assert_eq!(report["removed"].as_array().unwrap().len(), 0);
}

#[test]
fn doctor_says_what_is_there() {
    let project = Project::new();
    let findings = project.json(&["doctor"]);
    let whats: Vec<&str> = findings.as_array().unwrap().iter().filter_map(|finding| finding["what"].as_str()).collect();
    // `headers` where there is a GPU for CUDA.
    let others: Vec<&str> = whats.into_iter().filter(|what| *what != "headers").collect();
    assert_eq!(others, ["cpu", "memory", "disk", "gpu", "nvrtc", "wgpu", "latex", "corpus", "cache"]);
    let output = project.run(&["doctor", "--profile", "rendered"]);
    assert_eq!(code(&output), 6);
    assert!(stdout(&output).contains("soundfont"), "{}", stdout(&output));
}
