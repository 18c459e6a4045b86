//! `bench` as a user runs it: the JSON that others read, the digest that tells whether training repeats, what is refused. Times are not looked at.

use serde_json::Value;

use crate::project::{Project, stderr};

/// Keys of an object, sorted.
fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// Few steps of the tiny profile.
fn bench<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [&["bench", "--steps", "3", "--seconds", "1", "--notes", "12", "--quiet"], words].concat()
}

/// Numbers with a fraction and bytes become `#`, runs of spaces one: what is left is the same on every machine.
fn without_times(text: &str) -> String {
    let masked = |word: &str| {
        let number = word.parse::<f64>().is_ok() && word.contains('.');
        if number { "#".to_owned() } else { word.to_owned() }
    };
    let line = |line: &str| line.split_whitespace().map(masked).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_json_is_a_contract() {
    let project = Project::new();
    let report = project.json(&bench(&["D0", "a4r", "--batch", "4"]));
    let expected = [
        "arms",
        "backend",
        "checkout",
        "device",
        "forecast",
        "hardware",
        "hitrepro",
        "precision",
        "profile",
        "rust",
        "schema",
        "threads",
    ];
    assert_eq!(keys(&report), expected);
    assert_eq!((&report["schema"], &report["profile"], &report["device"]), (&1.into(), &"tiny".into(), &"cpu".into()));
    assert_eq!((&report["backend"], &report["precision"]), (&"flex".into(), &"f32".into()));
    let arms = report["arms"].as_array().unwrap();
    assert_eq!(arms.iter().map(|arm| &arm["arm"]).collect::<Vec<_>>(), ["D0", "a4r"]);
    for arm in arms {
        assert_eq!((&arm["batch"], &arm["n_samples"], &arm["n_notes"]), (&4.into(), &96_000.into(), &12.into()));
        assert_eq!(arm["model"]["audio"]["d_model"], 16);
        assert!(arm["step_ms"]["median"].as_f64().unwrap() > 0.0);
        assert!(arm["hash"].is_null());
    }
    assert_eq!(arms[1]["n_frames"]["a4"], 188);
    assert_eq!(arms[1]["options"]["n_heads"], 2);
    assert_eq!(arms[0]["injections"].as_array().unwrap().len(), 0);
}

#[test]
fn the_forecast_has_every_training_of_the_graph() {
    let project = Project::new();
    let report = project.json(&bench(&["D0"]));
    let forecast = &report["forecast"];
    let expected = [
        "at_most",
        "corpus",
        "embed_hours",
        "embed_windows",
        "hours_on_devices",
        "n_devices",
        "runs",
        "total_hours",
        "train_hours",
        "windows",
    ];
    assert_eq!(keys(forecast), expected);
    assert_eq!((&forecast["at_most"], &forecast["n_devices"]), (&false.into(), &2.into()), "two jobs share the cores");
    // 4 performances of 16 s have 13 windows each: three batches an epoch.
    assert_eq!(forecast["windows"]["train"], 52);
    let plan = project.json(&["plan"]);
    let mut planned: Vec<&str> = plan.as_array().unwrap().iter().filter_map(|row| row["stage"].as_str()).collect();
    planned.retain(|stage| stage.starts_with("train/"));
    planned.sort_unstable();
    let runs = forecast["runs"].as_array().unwrap();
    let mut told: Vec<&str> = runs.iter().filter_map(|run| run["stage"].as_str()).collect();
    told.sort_unstable();
    assert_eq!(told, planned);
    for run in runs {
        assert_eq!(keys(run), ["arm", "from", "hours", "like", "stage", "steps"]);
        assert_eq!(run["from"], if run["arm"] == "D0" { "measured" } else { "flops" });
        assert_eq!(run["like"], "D0");
    }
    let hours: f64 = runs.iter().filter_map(|run| run["hours"].as_f64()).sum();
    assert!((forecast["train_hours"].as_f64().unwrap() / hours - 1.0).abs() < 1e-9);
    assert!(!project.path("cache").exists() && !project.path("results").exists(), "nothing is written");
}

#[test]
fn training_repeats_to_the_bit_in_another_process_and_with_other_threads() {
    let project = Project::new();
    let words = bench(&["d4a4", "--hash-after", "6"]);
    let first = project.json(&words);
    let hash = |report: &Value| report["arms"][0]["hash"].as_str().unwrap().to_owned();
    assert_eq!(first["arms"][0]["hash_after"], 6);
    assert_eq!(hash(&first), hash(&project.json(&words)), "another process");
    // One job has all cores; on a machine with one core the two are the same.
    let all_cores = project.command(&[&words[..], &["--format", "json"]].concat());
    let mut command = std::process::Command::new(all_cores.get_program());
    let words = all_cores.get_args().map(|word| if word == "2" { "1".as_ref() } else { word });
    let output = command.args(words).current_dir(project.path("")).output().unwrap();
    let alone: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    assert!(alone["threads"].as_u64() >= first["threads"].as_u64(), "{} {}", alone["threads"], first["threads"]);
    assert_eq!(hash(&first), hash(&alone), "other threads");
}

#[test]
fn people_see_tables() {
    let project = Project::new();
    let output = project.run(&bench(&["D0", "--hash-after", "2"]));
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
    let text = String::from_utf8(output.stdout).unwrap();
    for line in ["profile tiny on cpu: flex, ", "D0 after 2 steps: ", "left out: "] {
        assert!(text.lines().any(|found| found.starts_with(line)), "{line}\n{text}");
    }
    let text = without_times(&text);
    let heads = "arm trained first s step ms min p90 upload forward backward optimizer windows/s embedded/s memory";
    assert!(text.lines().any(|line| line == heads), "{text}");
    for experiment in ["foundation 1 6 ", "screening 15 90 ", "replication 8 48 ", "embedding ", "all "] {
        assert!(text.lines().any(|line| line.starts_with(experiment)), "{experiment}\n{text}");
    }
}

#[test]
fn no_corpus_is_needed() {
    let project = Project::new();
    let output = project.run(&bench(&["D0", "--profile", "small", "--batch", "2", "--format", "json"]));
    assert!(output.status.success(), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let forecast = &report["forecast"];
    assert_eq!((&forecast["at_most"], &forecast["embed_hours"]), (&true.into(), &Value::Null));
    assert!(forecast["windows"]["train"].is_null());
    assert!(forecast["corpus"].as_str().unwrap().contains("--corpus"), "{forecast}");
    assert!(forecast["runs"].as_array().unwrap().iter().all(|run| run["steps"].as_u64().unwrap().is_multiple_of(75)));
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let project = Project::new();
    for (words, near) in [
        (&["bench", "d4a5"][..], "did you mean `d4a4`?"),
        (&["bench", "D0", "--notes", "5000", "--quiet"], "notes: "),
        (&["bench", "D0", "--batch", "1"], "--batch"),
        (&["bench", "D0", "--hash-after", "0"], "--hash-after"),
    ] {
        let output = project.run(words);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {text}");
        assert!(text.contains(near) && output.stdout.is_empty(), "{words:?}: {text}");
    }
}
