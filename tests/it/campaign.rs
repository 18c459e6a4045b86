//! The whole campaign of the tiny profile: repetition, resumption, damage, edits, verification.

use std::time::Duration;

use serde_json::Value;

use crate::project::{Project, assert_same, stderr, walk};

/// Kinds of the stages that `plan` would run.
fn kinds_to_run(project: &Project) -> Vec<String> {
    let plan = project.json(&["plan"]);
    let rows = plan.as_array().expect("plan prints a list");
    let mut kinds: Vec<String> = rows
        .iter()
        .filter(|row| row["state"] == "run")
        .map(|row| row["stage"].as_str().unwrap().split('/').next().unwrap().to_owned())
        .collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

fn count(summary: &Value, field: &str) -> u64 {
    summary[field].as_u64().unwrap_or_else(|| panic!("`{field}` is a number in {summary}"))
}

#[test]
fn a_second_run_executes_nothing_and_changes_no_byte() {
    let project = Project::computed();
    let first = project.results();
    let summary = project.json(&["all"]);
    assert_eq!(count(&summary, "executed"), 0, "{summary}");
    assert!(count(&summary, "cached") > 40, "{summary}");
    assert_same(&first, &project.results());
    assert!(kinds_to_run(&project).is_empty());
}

#[test]
fn an_empty_cache_gives_the_same_bytes() {
    let first = Project::computed().results();
    let again = Project::new();
    let summary = again.json(&["all"]);
    assert!(count(&summary, "executed") > 40, "{summary}");
    assert_same(&first, &again.results());
}

#[test]
fn an_edit_of_the_paper_reruns_the_report_and_nothing_else() {
    let project = Project::computed();
    let mut template = None;
    walk(&project.path("paper/templates"), &mut |path| {
        template.get_or_insert(path.to_owned());
    });
    let template = template.expect("the paper has templates");
    let text = fs_err::read_to_string(&template).unwrap();
    fs_err::write(&template, format!("{text}\n% edited\n")).unwrap();
    let kinds = kinds_to_run(&project);
    assert!(!kinds.is_empty());
    let upstream = ["synth", "segment", "dataset", "descriptor", "train", "embed", "retrieve", "battery"];
    assert!(kinds.iter().all(|kind| !upstream.contains(&kind.as_str())), "{kinds:?}");
}

#[test]
fn an_edit_of_a_statistic_retrains_nothing() {
    let project = Project::computed();
    project.edit("pipeline.toml", "resamples = 200\n", "resamples = 300\n");
    let kinds = kinds_to_run(&project);
    assert!(kinds.contains(&"intervals".to_owned()), "{kinds:?}");
    assert!(
        !kinds.iter().any(|kind| ["descriptor", "train", "embed", "retrieve"].contains(&kind.as_str())),
        "{kinds:?}"
    );
    let plan = String::from_utf8(project.run(&["plan"]).stdout).unwrap();
    assert!(plan.contains("200 -> 300"), "the reason names the parameter:\n{plan}");
}

#[test]
fn a_killed_run_resumes_to_the_same_bytes() {
    let expected = Project::computed().results();
    let project = Project::new();
    // Killed at several depths: while the corpus is made, while models are trained, late.
    for ms in [300, 1500, 4000] {
        let mut child = project.command(&["all", "--quiet"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(ms));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    project.json(&["all"]);
    assert_same(&expected, &project.results());
}

#[test]
fn damaged_objects_are_reported_and_rebuilt() {
    let project = Project::computed();
    let expected = project.results();
    let mut objects = Vec::new();
    walk(&project.path("cache/objects-v1"), &mut |path| objects.push(path.to_owned()));
    objects.sort();
    // Every fifth object: some truncated, some altered.
    for (idx, path) in objects.iter().enumerate().step_by(5) {
        let mut bytes = fs_err::read(path).unwrap();
        match bytes.first_mut() {
            Some(byte) if idx % 2 == 0 => *byte ^= 0xff,
            _ => bytes.truncate(bytes.len() / 2),
        }
        fs_err::remove_file(path).unwrap();
        fs_err::write(path, bytes).unwrap();
    }
    // A changed template makes the report read its inputs again, and with them all that is damaged on the way.
    fs_err::remove_dir_all(project.path("cache/records-v1")).unwrap();
    let output = project.run(&["all"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_same(&expected, &project.results());
}

#[test]
fn two_processes_share_one_cache() {
    let project = Project::new();
    let children: Vec<_> = (0..2)
        .map(|idx| {
            let results = format!("results-{idx}");
            project.command(&["all", "--quiet", "--results", &results]).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let read = |idx: usize| fs_err::read(project.path(&format!("results-{idx}/tiny/pipeline.lock"))).unwrap();
    assert_eq!(read(0), read(1));
}

#[test]
fn verify_passes_and_finds_every_kind_of_tampering() {
    let project = Project::computed();
    fs_err::remove_dir_all(project.path("cache")).unwrap();
    let checks = project.json(&["verify"]);
    let checks = checks.as_array().expect("verify prints a list");
    let levels: std::collections::BTreeSet<_> = checks.iter().map(|check| check["level"].to_string()).collect();
    assert!(levels.len() >= 3, "{levels:?}");
    assert!(checks.iter().all(|check| check["outcome"] == "ok"), "{checks:?}");

    // A number is changed in a table that people read.
    let measurements = project.read("results/tiny/measurements.csv");
    let row = measurements.lines().nth(5).unwrap();
    project.edit("results/tiny/measurements.csv", row, &row.replace(',', ",9"));
    let output = project.run(&["verify"]);
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    fs_err::write(project.path("results/tiny/measurements.csv"), measurements).unwrap();
    assert!(project.run(&["verify"]).status.success());

    // The protocol is changed after the results were made, in a value that no table prints.
    project.edit("pipeline.toml", "save_every_steps = 1\n", "save_every_steps = 2\n");
    let output = project.run(&["verify"]);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
}

#[test]
fn explain_walks_from_the_measurements_to_the_midi() {
    let project = Project::computed();
    let text = String::from_utf8(project.run(&["explain", "measurements.csv", "--full"]).stdout).unwrap();
    for needed in ["measurements", "battery/replication", "retrieve/", "train/", "descriptor/a4", "segment/", "synth/"]
    {
        assert!(text.contains(needed), "`{needed}` is missing in\n{text}");
    }
}

#[test]
fn measurements_keep_their_contract() {
    let project = Project::computed();
    let text = project.read("results/tiny/measurements.csv");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("stage,arm,schedule,seed,condition,metric,value,unit,n,interval"));
    assert!(lines.any(|line| line.starts_with("replication,")));
    for file in ["pipeline.lock", "provenance.json", "corpus.csv", "numbers.tex", "measurements.csv"] {
        assert!(project.path("results/tiny").join(file).is_file(), "{file}");
    }
    // Volatile facts stand in one file only.
    for (name, bytes) in project.results() {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(project.path("").to_str().unwrap()), "{} names a local path", name.display());
    }
}

#[test]
fn gc_keeps_what_the_lock_needs() {
    let project = Project::computed();
    let expected = project.results();
    assert!(project.run(&["gc"]).status.success());
    let summary = project.json(&["all"]);
    assert_eq!(count(&summary, "executed"), 0, "{summary}");
    assert_same(&expected, &project.results());
}
