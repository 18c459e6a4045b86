//! The configuration against mistakes, and the project's own file.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::schema::schema;
use super::*;
use crate::Error;

/// The project's file.
const OURS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../pipeline.toml"));

fn parse(text: &str) -> Result<Config, Box<ConfigError>> {
    Config::parse(text, Path::new("project/pipeline.toml"))
}

fn config() -> Config {
    parse(OURS).unwrap_or_else(|error| panic!("{}", Error::from(error).render(100, true)))
}

/// The project's file with the first `from` replaced by `to`, and what is said about it.
fn complaint(from: &str, to: &str) -> String {
    assert!(OURS.contains(from), "{from}");
    let error = parse(&OURS.replacen(from, to, 1)).expect_err(to);
    Error::from(error).render(100, true)
}

/// Line numbers move with every edit of the file; what is said does not.
fn stable(text: &str) -> String {
    let at_line = |line: &str| {
        let start = line.trim_start();
        match start.split_once(" │ ") {
            Some((number, rest)) if number.parse::<usize>().is_ok() => format!("N │ {rest}"),
            _ if start.starts_with("╭─[") => "  ╭─[pipeline.toml:LINE]".to_owned(),
            _ if start.starts_with(['·', '╰']) => format!("  {start}"),
            _ => line.trim_end().to_owned(),
        }
    };
    let text = text.lines().map(at_line).collect::<Vec<_>>().join("\n");
    // What is allowed grows with every arm; that it is listed is enough.
    text.split_once("allowed: ").map_or(text.clone(), |(said, list)| {
        assert!(!list.trim().is_empty());
        format!("{said}allowed: ...")
    })
}

macro_rules! complaints {
    ($($name:ident: $from:expr => $to:expr;)*) => {
        $(#[test]
        fn $name() {
            insta::assert_snapshot!(stable(&complaint($from, $to)));
        })*
    };
}

complaints! {
    typo_in_a_key: "batch_size = 16" => "bach_size = 16";
    typo_in_a_table: "[profiles.smoke.retrieval]" => "[profiles.smoke.retreival]";
    typo_at_the_top: "default_profile =" => "default_profil =";
    unknown_default_profile: "default_profile = \"smoke\"" => "default_profile = \"smok\"";
    wrong_type: "n_queries = 500" => "n_queries = \"500\"";
    negative_size: "n_queries = 500" => "n_queries = -5";
    list_for_a_number: "window_s = 4.0" => "window_s = [4.0]";
    missing_value: "hop_s = 1.0\n" => "\n";
    missing_table: "[profiles.smoke.corpus.synthetic]" => "[profiles.rendered.corpus.synthetic]";
    unknown_arm: "arms = [\"D0\", \"d4a4\", " => "arms = [\"D0\", \"d4a5\", ";
    unknown_arm_of_a_family: "\"t3-wt\", \"t3-tri\"" => "\"t3-wd\", \"t3-tri\"";
    unknown_schedule: "schedule = \"cosine30\"" => "schedule = \"cosine31\"";
    schedule_that_makes_no_course: "knee = 0.10" => "knee = 1.10";
    schedule_with_a_value_of_another_kind: "hold = 0.5\n" => "holt = 0.5\n";
    unknown_family: "family = \"inject\"" => "family = \"injekt\"";
    unknown_descriptor: "descriptor = \"d4\"" => "descriptor = \"d5\"";
    unknown_mechanism: "mechanism = \"concat\"" => "mechanism = \"conkat\"";
    dims_of_another_descriptor: "dims = 4" => "dims = 8";
    side_of_another_modality: "mechanism = \"film\", side = \"midi\"" => "mechanism = \"film\", side = \"audio\"";
    cross_modal_to_its_own_side: "dims = 4, mechanism = \"cross_modal\", side = \"audio\"" => "dims = 4, mechanism = \"cross_modal\", side = \"midi\"";
    option_that_the_family_lacks: "hidden = 128\n" => "hidden = 128\nhiden = 64\n";
    option_that_is_missing: "top_k = 2\n" => "\n";
    option_of_an_arm: "options = { pair = 0.0" => "options = { pear = 0.0";
    values_of_no_family: "[profiles.reference.families.moe]" => "[profiles.reference.families.mow]";
    too_few_positions: "max_frames = 200" => "max_frames = 100";
    unknown_word: "source = \"synthetic\"" => "source = \"syntetic\"";
    unknown_parent: "inherits = \"smoke\"" => "inherits = \"smoky\"";
    circle: "description = \"the values of the published runs, on" => "inherits = \"small\"\ndescription = \"on";
    circle_of_one: "inherits = \"smoke\"" => "inherits = \"small\"";
    epoch_beyond_the_schedule: "evaluate = [2, 3, 4]" => "evaluate = [2, 3, 9]";
    epochs_that_do_not_rise: "evaluate = [2, 3, 4]" => "evaluate = [2, 4, 3]";
    seed_given_twice: "seeds = [42, 123, 456, 789, 1337]" => "seeds = [42, 123, 42]";
    one_seed: "seeds = [42, 123, 456, 789, 1337]" => "seeds = [42]";
    baseline_that_is_not_compared: "arms = [\"D0\", \"d4a4\", " => "arms = [\"d4a4\", ";
    refused_by_the_model: "n_heads = 2" => "n_heads = 5";
    refused_by_the_trainer: "beta1 = 0.9" => "beta1 = 1.9";
    refused_by_retrieval: "n_hard = 64" => "n_hard = 640";
    refused_by_the_corpus: "composers = 6" => "composers = 60";
    prefix_that_names_nothing: "\"heads\" = 1e-4" => "\"haeds\" = 1e-4";
    frozen_prefix_that_names_nothing: "frozen = [\"audio.cnn\", " => "frozen = [\"audio.cmn\", ";
    parameter_without_a_rate: "\"midi\" = 5e-5\n" => "\n";
    confirmed_run_without_its_baseline: "    { arm = \"D0\", schedule = \"cosine60\" },\n" => "";
    confirmed_run_stated_twice: "    { arm = \"D0\", schedule = \"cosine60\" },\n" => "    { arm = \"D0\", schedule = \"cosine60\" },\n    { arm = \"D0\", schedule = \"cosine60\" },\n";
    schedule_without_epochs: "trapez50 = [5, 10, 15, 20, 25, 30, 35, 40, 45, 50]\n\n[profiles.reference.campaign.replication]" => "\n[profiles.reference.campaign.replication]";
    choice_that_was_not_run: "reference_schedule = \"cosine-tail60\"" => "reference_schedule = \"cosine5\"";
    option_at_fault_among_several: "bottleneck = 4 " => "bottleneck = 3 ";
    option_of_an_arm_out_of_range: "options = { expert_std = 0.02, noise_start = 0.5, noise_end = 0.05, routing" => "options = { expert_std = -0.02, noise_start = 0.5, noise_end = 0.05, routing";
    baseline_among_the_families: "\"t3-wt\", \"t3-tri\"" => "\"D0\", \"t3-tri\"";
    families_that_end_elsewhere: "evaluate = [3, 5]" => "evaluate = [3, 4]";
    windows_too_long_for_the_model: "max_positions = 64" => "max_positions = 50";
    name_with_a_slash: "[arms.d4a4]" => "[arms.\"d4/a4\"]";
    not_toml: "hop_s = 1.0" => "hop_s = = 1.0";
    key_stated_twice: "hop_s = 1.0" => "hop_s = 1.0\nhop_s = 2.0";
}

#[test]
fn our_file_is_sound() {
    let config = config();
    assert_eq!(config.default_profile, "smoke");
    for profile in ["paper", "reference", "rendered", "small", "small-rendered", "smoke"] {
        assert!(config.profiles.contains_key(profile), "{profile}");
    }
    assert_eq!(config.chain("small"), ["small", "smoke", "reference"]);
    let (name, smoke) = config.profile(None).unwrap();
    assert_eq!((name, smoke.corpus.source), ("smoke", CorpusKind::Synthetic));
    // Stated by itself, inherited, inherited within a table of which it states other values.
    assert_eq!((smoke.retrieval.pool_size, smoke.retrieval.seed, smoke.train.optimizer.clip_norm), (64, 42, 1.0));
    assert!(!smoke.train.groups.contains_key("audio.layers.0"), "groups are replaced as a whole");
    let error = config.profile(Some("refrence")).unwrap_err();
    assert_eq!(error.exit(), crate::exit::Exit::Usage);
    assert!(error.to_string().contains("did you mean `reference`?"), "{error}");
}

#[test]
fn the_published_protocol_is_stated() {
    let config = config();
    let (_, reference) = config.profile(Some("reference")).unwrap();
    assert_eq!(reference.corpus.windows.window_samples(), 96_000);
    assert_eq!(reference.model.audio.n_tokens(96_000), 2400);
    assert_eq!(reference.campaign.replication.seeds, [42, 123, 456, 789, 1337]);
    let (_, paper) = config.profile(Some("paper")).unwrap();
    assert_eq!((paper.train.warmup_steps, paper.train.optimizer.weight_decay), (500, 0.01));
    assert_eq!(paper.train.batches_per_epoch, reference.train.batches_per_epoch);
    assert!(paper.train.frozen.is_empty());
}

/// What tells the published arms of a family apart, and the values that all of it share (spec 4, 5).
#[test]
fn options_are_those_of_the_published_runs() {
    let config = config();
    let (_, reference) = config.profile(Some("reference")).unwrap();
    let (_, paper) = config.profile(Some("paper")).unwrap();
    let complete =
        |profile: &Profile, arm: &str| serde_json::to_value(profile.complete(&config.arms[arm]).options).unwrap();
    let inject = json!({"n_heads": 8, "dropout": 0.1, "max_frames": 200, "position_std": 0.02, "padding": "masked"});
    for arm in ["A4", "D4x", "a4r", "d4a4cm", "d4-a4r"] {
        assert_eq!(complete(reference, arm), inject, "{arm}");
    }
    for arm in ["film-a4", "film-d4", "film-dual", "film-a4e"] {
        assert_eq!(complete(reference, arm), json!({"hidden": 128}), "{arm}");
    }
    let moe = |entropy: f64, routing: &str, noise: [f64; 2], std: f64| {
        json!({"n_experts": 2, "bottleneck": 4, "router_hidden": 64, "balance": 0.01, "entropy": entropy,
            "routing": routing, "noise_start": noise[0], "noise_end": noise[1], "expert_std": std})
    };
    assert_eq!(complete(reference, "moe-a4"), moe(0.0, "soft", [0.0; 2], 0.0));
    assert_eq!(complete(reference, "moe-dual"), complete(reference, "moe-a4"));
    assert_eq!(complete(reference, "moe-a4-v2"), moe(0.0, "soft", [0.5, 0.05], 0.02));
    assert_eq!(complete(reference, "moe-a4-v3"), moe(0.01, "soft", [0.5, 0.05], 0.02));
    assert_eq!(complete(reference, "moe-a4-v4"), moe(0.0, "top1", [0.5, 0.05], 0.02));
    assert_eq!(complete(reference, "moe-paper"), json!({"n_experts": 4, "top_k": 2, "balance": 0.01}));
    let tower = |pair: f64, audio: f64, midi: f64| {
        json!({"d_model": 256, "n_layers": 2, "n_heads": 4, "d_ff": 1024, "dropout": 0.1, "hidden": [256],
            "pair": pair, "audio": audio, "midi": midi})
    };
    let third = 1.0 / 3.0;
    assert_eq!(complete(reference, "t3-wt"), tower(1.0, 0.15, 0.15));
    assert_eq!(complete(reference, "t3-tri"), tower(third, third, third));
    assert_eq!(complete(reference, "t3-anc"), tower(0.0, 0.5, 0.5));
    assert_eq!(complete(paper, "t3-wt"), tower(1.0, 0.5, 0.5), "Eq. 20");
    assert_eq!(complete(paper, "t3-anc"), tower(0.0, 0.5, 0.5));
}

#[test]
fn errors_name_file_and_line() {
    let text = OURS.replacen("hop_s = 1.0", "hopp_s = 1.0", 1);
    let error = parse(&text).unwrap_err();
    let line = text.lines().position(|line| line.starts_with("hopp_s")).unwrap() + 1;
    assert_eq!(error.line(), line);
    assert_eq!(&text[error.span.clone()], "hopp_s");
    let shown = Error::from(error).to_string();
    assert_eq!(shown, format!("pipeline.toml:{line}: unknown key `hopp_s` in `profiles.reference.corpus.windows`"));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("no/such/pipeline.toml")).unwrap_err();
    assert!(error.to_string().contains("no/such/pipeline.toml"), "{error}");
}

/// The part of JSON Schema that the types use.
fn violations(schema: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
    if let Some(options) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array) {
        let fits = |option: &Value| {
            let mut found = Vec::new();
            violations(option, value, at, &mut found);
            found.is_empty()
        };
        if !options.iter().any(fits) {
            out.push(format!("{at}: fits none of {} forms", options.len()));
        }
    }
    let types = match &schema["type"] {
        Value::String(name) => vec![name.as_str()],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("a type that this test does not know: {other}"),
    };
    if !types.is_empty() && !types.into_iter().any(is) {
        out.push(format!("{at}: {value} is no {}", schema["type"]));
    }
    if let Some(known) = schema["enum"].as_array().filter(|known| !known.contains(value)) {
        out.push(format!("{at}: {value} is none of {known:?}"));
    }
    if let Some(expected) = schema.get("const").filter(|expected| *expected != value) {
        out.push(format!("{at}: {value} is not {expected}"));
    }
    if let Some(least) = schema["minimum"].as_f64().filter(|least| value.as_f64().is_some_and(|value| value < *least)) {
        out.push(format!("{at}: {value} is below {least}"));
    }
    for item in value.as_array().into_iter().flatten() {
        violations(&schema["items"], item, &format!("{at}[]"), out);
    }
    let Some(object) = value.as_object() else { return };
    for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !object.contains_key(required) {
            out.push(format!("{at}: lacks {required}"));
        }
    }
    for (key, value) in object {
        let here = format!("{at}.{key}");
        match (&schema["properties"][key], &schema["additionalProperties"]) {
            (Value::Null, Value::Bool(false)) => out.push(format!("{here}: unknown")),
            (Value::Null, further) => violations(further, value, &here, out),
            (known, _) => violations(known, value, &here, out),
        }
    }
}

fn checked(text: &str) -> Vec<String> {
    let value: Value = toml::from_str(text).unwrap();
    let mut out = Vec::new();
    violations(&schema(), &value, "", &mut out);
    out
}

#[test]
fn our_file_follows_the_schema() {
    assert_eq!(checked(OURS), Vec::<String>::new());
}

#[test]
fn keys_of_profiles_are_those_of_the_type() {
    let schema = schema();
    let known = schema["properties"]["profiles"]["additionalProperties"]["properties"].as_object().unwrap();
    let mut known: Vec<&str> = known.keys().map(String::as_str).collect();
    let mut ours = load::PROFILE;
    known.sort_unstable();
    ours.sort_unstable();
    assert_eq!(known, ours);
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    for (from, to) in [
        ("batch_size = 16", "bach_size = 16"),
        ("n_queries = 500", "n_queries = \"500\""),
        ("n_queries = 500", "n_queries = -5"),
        ("default_profile =", "default_profil ="),
        ("source = \"synthetic\"", "source = \"syntetic\""),
        ("kernel = 10, ", ""),
        ("kind = \"cosine\"", "kind = \"line\""),
        ("description = \"the printed", "descr = \"the printed"),
    ] {
        assert!(!checked(&OURS.replacen(from, to, 1)).is_empty(), "{to}");
    }
}

#[test]
fn every_value_is_described_in_the_schema() {
    fn bare(schema: &Value, at: &str, out: &mut Vec<String>) {
        if !schema.is_object() {
            return;
        }
        for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
            let here = format!("{at}.{key}");
            if inner["description"].as_str().is_none_or(str::is_empty) {
                out.push(here.clone());
            }
            bare(inner, &here, out);
        }
        for further in ["items", "additionalProperties"] {
            bare(&schema[further], &format!("{at}[]"), out);
        }
        for option in ["anyOf", "oneOf"].iter().filter_map(|form| schema[*form].as_array()).flatten() {
            bare(option, at, out);
        }
    }
    let mut out = Vec::new();
    bare(&schema(), "", &mut out);
    assert_eq!(out, Vec::<String>::new());
}

#[test]
fn names_suggested_are_alike() {
    let names = ["smoke", "small", "reference"].map(str::to_owned);
    assert_eq!(nearest("smok", &names), Some("smoke"));
    assert_eq!(nearest("REFERENCE", &names), Some("reference"));
    assert_eq!(nearest("zzz", &names), None);
    assert_eq!(nearest("x", &[]), None);
}

/// The lines of the file that state a value, and where they begin.
fn values() -> Vec<(usize, &'static str)> {
    let mut at = 0;
    let mut out = Vec::new();
    for line in OURS.split_inclusive('\n') {
        if line.contains(" = ") && !line.starts_with([' ', '#']) && !line.trim_end().ends_with('[') {
            out.push((at, line));
        }
        at += line.len();
    }
    out
}

proptest! {
    #[test]
    fn cut_anywhere_it_never_panics_and_points_into_the_text(at in 0..OURS.len()) {
        let text: String = OURS.chars().take(at).collect();
        if let Err(error) = parse(&text) {
            prop_assert!(error.span.end <= text.len());
            prop_assert!(!Error::from(error).render(80, true).is_empty());
        }
    }

    #[test]
    fn a_key_that_is_misspelt_is_found_on_its_line(pick in 0usize..10_000) {
        let lines = values();
        let (at, line) = lines[pick % lines.len()];
        let (key, _) = line.split_once(" = ").unwrap();
        let bare = key.trim_matches('"');
        let wrong = format!("{bare}qq");
        let text = format!("{}{}{}", &OURS[..at], line.replacen(bare, &wrong, 1), &OURS[at + line.len()..]);
        let error = parse(&text).expect_err("no such key");
        let named = match &error.problem {
            Problem::UnknownKey { key, .. } => *key == wrong,
            // Keys of `evaluate` are schedules.
            Problem::UnknownName { name, .. } => *name == wrong,
            // Keys of `groups` are prefixes of parameter names.
            Problem::Invalid { what, .. } => what.contains(&wrong),
            _ => false,
        };
        prop_assert!(named && text[error.span.clone()].contains(&wrong), "{error}");
    }

    #[test]
    fn a_number_replaced_by_text_is_found_on_its_line(pick in 0usize..10_000) {
        let numeric = |line: &&(usize, &str)| line.1.split(" = ").nth(1).is_some_and(|value| value.starts_with(|c: char| c.is_ascii_digit()));
        let lines = values();
        let lines: Vec<_> = lines.iter().filter(numeric).collect();
        let (at, line) = lines[pick % lines.len()];
        let (key, rest) = line.split_once(" = ").unwrap();
        let end = rest.find([' ', '\n']).unwrap();
        let text = format!("{}{key} = \"qq\"{}{}", &OURS[..*at], &rest[end..], &OURS[at + line.len()..]);
        let error = parse(&text).expect_err("text is no number");
        prop_assert!(matches!(error.problem, Problem::WrongType { .. }), "{}", error);
        prop_assert_eq!(&text[error.span], "\"qq\"");
    }
}
