//! docs/extending.md, executed: its TOML and commands run, its Rust is compiled here byte for byte, and what it says about
//! lines to add and stages to rerun is held against the sources.

use std::collections::{BTreeMap, BTreeSet};

// What a module below the root of hit-descriptors sees there, since `flux` is to become one.
use hit_descriptors::{Compute, DESCRIPTORS, Descriptor, Error, Rows, Stft, Variant, a4};
use hit_model::{
    ArmSpec, Declarations, Device, DualEncoder, HostBatch, Injection, InjectionSpec, Model, Pass, Side, Weights,
    counts, host,
};
use hit_schema::Token;
use hit_train::AdamW;
use hitrepro::config::{Config, Profile, window_size};
use hitrepro::registry;
use serde_json::Value;

use crate::project::{Project, repository, stderr};
use sources::{Tree, count_of, tokens};

#[path = "../extending/add.rs"]
mod add;
#[path = "../extending/flux.rs"]
mod flux;
#[path = "../extending/sources.rs"]
mod sources;

/// What the blocks of the text are called: what stands behind their three backticks.
const BLOCKS: [&str; 13] = [
    "console arm",
    "rust add.rs",
    "rust descriptor line",
    "rust descriptor mod",
    "rust family line",
    "rust flux.rs",
    "rust mechanism line",
    "rust mechanism mod",
    "toml arm",
    "toml descriptor arm",
    "toml mechanism arm",
    "toml profile",
    "toml schedule",
];

fn doc() -> String {
    fs_err::read_to_string(repository().join("docs/extending.md")).unwrap()
}

/// The fenced blocks by name.
fn blocks() -> BTreeMap<String, String> {
    let mut blocks = BTreeMap::new();
    let mut open: Option<(String, String)> = None;
    for line in doc().lines() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(name), None) => open = Some((name.to_owned(), String::new())),
            (Some(_), Some((name, body))) => {
                assert!(blocks.insert(name.clone(), body).is_none(), "two blocks `{name}`");
            }
            (None, Some((name, body))) => open = Some((name, body + line + "\n")),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

fn block(name: &str) -> String {
    blocks().remove(name).unwrap_or_else(|| panic!("docs/extending.md has no block `{name}`"))
}

/// Adds blocks to the configuration of a project; `smoke` takes minutes, so its place is taken by `tiny`.
fn extend(project: &Project, names: &[&str]) {
    let mut text = project.read("pipeline.toml");
    for name in names {
        text += "\n";
        text += &block(name).replace("inherits = \"smoke\"", "inherits = \"tiny\"");
    }
    fs_err::write(project.path("pipeline.toml"), text).unwrap();
}

/// Stages that `plan` does not find in the cache, sorted.
fn to_run(project: &Project, words: &[&str]) -> BTreeSet<String> {
    let plan = project.json(&[&["plan"], words].concat());
    let rows = plan.as_array().unwrap().iter().filter(|row| row["state"] != "cached");
    rows.map(|row| row["stage"].as_str().unwrap().to_owned()).collect()
}

fn kind(stage: &str) -> &str {
    stage.split('/').next().unwrap()
}

/// The lines of a block of commands, as words.
fn commands(name: &str) -> Vec<Vec<String>> {
    let words = |line: &str| line.split_whitespace().map(|word| word.trim_matches('\'').to_owned()).collect::<Vec<_>>();
    let lines: Vec<Vec<String>> = block(name).lines().map(words).collect();
    assert!(lines.iter().all(|line| line[0] == "hitrepro"));
    lines.into_iter().map(|line| line[1..].to_vec()).collect()
}

/// Parameters of a Linear.
const fn linear(inputs: usize, outputs: usize) -> usize {
    inputs * outputs + outputs
}

/// What a8x-d4 adds to encoders of these widths: A8 by cross-attention, D4 by concatenation.
fn added(audio: usize, midi: usize) -> u64 {
    let attention = 4 * linear(audio, audio);
    (linear(12, audio) + attention + 2 * audio + linear(midi + 4, midi) + 2 * midi) as u64
}

fn parameters(arms: &Value, id: &str) -> u64 {
    let arm = arms.as_array().unwrap().iter().find(|arm| arm["id"] == id).unwrap_or_else(|| panic!("no arm `{id}`"));
    arm["parameters"].as_u64().unwrap()
}

#[test]
fn every_block_is_tested() {
    assert_eq!(blocks().keys().map(String::as_str).collect::<Vec<_>>(), BLOCKS);
    for (name, file) in
        [("rust flux.rs", include_str!("../extending/flux.rs")), ("rust add.rs", include_str!("../extending/add.rs"))]
    {
        assert_eq!(block(name), file, "{name}: the text and tests/extending differ");
    }
}

#[test]
fn an_arm_of_existing_parts_runs_and_nothing_else_does() {
    let project = Project::computed();
    extend(&project, &["toml arm", "toml profile"]);

    let arms = project.json(&["list", "arms", "--profile", "mine"]);
    assert_eq!(parameters(&arms, "a8x-d4"), parameters(&arms, "D0") + added(16, 16));
    let arms = project.json(&["list", "arms", "--profile", "reference"]);
    let published = 74_194_432 + added(1024, 512);
    assert_eq!(parameters(&arms, "a8x-d4"), published);
    let digits = published.to_string();
    let grouped = [&digits[..2], &digits[2..5], &digits[5..]].join(",");
    assert!(doc().contains(&grouped), "the text states another size than {grouped}");

    let new = to_run(&project, &["--profile", "mine"]);
    let run = "screening/a8x-d4@cosine2#42";
    let own: BTreeSet<String> = ["train", "retrieve", "intervals", "select"].map(|kind| format!("{kind}/{run}")).into();
    assert!(own.is_subset(&new), "{new:?}");
    // `examine` looks at the descriptors that the campaign reads, and this one has fewer arms than `tiny`.
    let gathering = ["examine", "battery", "measurements", "claims", "table", "figure", "numbers", "tex", "pdf"];
    for stage in new.difference(&own) {
        assert!(gathering.contains(&kind(stage)) && !stage.contains('@'), "{stage}");
        assert!(kind(stage) != "battery" || stage == "battery/screening", "{stage}");
    }

    for words in commands("console arm") {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if words[0] == "stage" {
            let summary = project.json(&words);
            assert_eq!(summary["executed_stages"], serde_json::json!([format!("train/{run}")]), "{summary}");
        } else {
            let output = project.run(&words);
            assert!(output.status.success(), "{words:?}: {}", stderr(&output));
        }
    }
    assert!(to_run(&project, &["--profile", "mine"]).is_empty());
    for file in ["measurements.csv", "tables/screening.csv"] {
        let text = project.read(&format!("results/mine/{file}"));
        assert!(text.contains("a8x-d4"), "{file}:\n{text}");
    }
}

#[test]
fn a_schedule_a_profile_and_a_seed_run_what_uses_them() {
    let project = Project::computed();
    extend(&project, &["toml arm", "toml profile", "toml schedule"]);
    let trains = |stages: &BTreeSet<String>| {
        let trains = stages.iter().filter(|stage| kind(stage) == "train");
        trains.cloned().collect::<Vec<_>>()
    };
    assert!(to_run(&project, &[]).is_empty(), "what no campaign of the profile names runs nothing");
    let new = to_run(&project, &["--profile", "longer"]);
    let arms = ["A8", "D0", "D4", "a8x-d4"];
    assert_eq!(trains(&new), arms.map(|arm| format!("train/screening/{arm}@cosine3#42")));
    let upstream = ["synth", "segment", "dataset", "descriptor", "embed"];
    assert!(new.iter().all(|stage| !upstream.contains(&kind(stage))), "{new:?}");

    project.edit("pipeline.toml", "seeds = [1, 2]", "seeds = [1, 2, 3]");
    let new = trains(&to_run(&project, &[]));
    assert!(
        !new.is_empty() && new.iter().all(|stage| stage.starts_with("train/replication/") && stage.ends_with("#3"))
    );
}

#[test]
fn an_arm_whose_part_is_not_registered_is_refused_with_what_there_is() {
    for (name, unknown, known) in
        [("toml descriptor arm", "flux", "a4, a4e"), ("toml mechanism arm", "add", "concat, cross_modal")]
    {
        let project = Project::new();
        extend(&project, &[name]);
        let output = project.run(&["list", "arms"]);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(&format!("`{unknown}`")) && text.contains(known), "{text}");
    }
}

/// The only arm of a block.
fn arm(name: &str) -> ArmSpec {
    #[derive(serde::Deserialize)]
    struct Arms {
        arms: BTreeMap<String, ArmSpec>,
    }
    let Arms { arms } = toml::from_str(&block(name)).unwrap();
    assert_eq!(arms.len(), 1);
    arms.into_values().next().unwrap()
}

/// The profile of the first command.
fn smoke() -> Profile {
    let config = Config::load(&repository().join("pipeline.toml")).unwrap();
    config.profile(Some("smoke")).unwrap().1.clone()
}

/// A window of 4 s with two notes that ring out, other ones in each window.
fn window(w: usize) -> Vec<f32> {
    let note = |at: f64, hz: f64, t: f64| {
        let age = t - at;
        if age < 0.0 { 0.0 } else { 0.3 * (2.0 * std::f64::consts::PI * hz * age).sin() * (-3.0 * age).exp() }
    };
    let (first, second) = (0.2 + 0.3 * w as f64, 2.0 + 0.2 * w as f64);
    let sample = |t: f64| note(first, 220.0 * (w + 1) as f64, t) + note(second, 330.0 + 50.0 * w as f64, t);
    (0..96_000).map(|i| sample(f64::from(i) / 24_000.0) as f32).collect()
}

/// Four windows with a descriptor.
fn batch(descriptor: &Descriptor) -> HostBatch {
    let note = |w: usize, i: usize| Token { pitch: (40 + 7 * w + 5 * i) as u8, velocity: 60, duration: (3 * i) as u8 };
    let tokens: Vec<Vec<Token>> = (0..4).map(|w| (0..2 + w).map(|i| note(w, i)).collect()).collect();
    let audio: Vec<Vec<f32>> = (0..4).map(window).collect();
    let mut stft = Stft::new();
    let describe = |w: usize| match descriptor.compute {
        Compute::Audio(compute) => compute(&mut stft, &audio[w], Variant::Reference).unwrap(),
        Compute::Midi(compute) => compute(&tokens[w], Variant::Reference),
    };
    let windows: Vec<Vec<f32>> = (0..4).map(describe).collect();
    let per_note = descriptor.rows == Rows::Notes;
    for (rows, notes) in windows.iter().zip(&tokens) {
        assert_eq!(rows.len(), descriptor.dims * if per_note { notes.len() } else { 188 });
    }
    let rows = hit_model::Rows { dims: descriptor.dims, per_note, windows };
    HostBatch {
        windows: (0..4).collect(),
        n_samples: 96_000,
        audio: audio.concat(),
        tokens,
        n_durations: 32,
        descriptors: BTreeMap::from([(descriptor.id.to_owned(), rows)]),
    }
}

fn declarations(model: &dyn Model) -> Declarations {
    let mut declarations = Declarations::default();
    model.declare(&mut declarations);
    declarations
}

/// A step of training moves every parameter below `prefix`, each along a gradient of its own.
fn learns(model: &dyn Model, profile: &Profile, batch: HostBatch, prefix: &str) {
    let (device, train) = (Device::flex(), &profile.train);
    let mut weights = Weights::initial(&declarations(model), 42, &train.frozen, &device);
    let before = weights.clone();
    let pass = Pass::training(&weights, 42, 1);
    let outputs = model.forward(&pass, &batch.upload(&device));
    let loss = hit_train::loss(outputs, pass.into_noted().penalties, &train.loss);
    let mut gradients = loss.total.backward();
    let new: Vec<String> = weights.trained().filter(|name| name.starts_with(prefix)).map(str::to_owned).collect();
    assert!(!new.is_empty(), "nothing below {prefix} is trained");
    for name in &new {
        let gradient = host(weights.flat(name).grad(&gradients).unwrap_or_else(|| panic!("{name} has no gradient")));
        let moving = gradient.iter().filter(|value| value.is_finite() && **value != 0.0).count();
        assert!(2 * moving > gradient.len(), "{name}: {moving} of {} values have a gradient", gradient.len());
    }
    let rates = train.rates(weights.trained()).unwrap();
    AdamW::new(train.optimizer, rates).step(&mut weights, &mut gradients, 1, 1.0);
    for name in &new {
        assert_ne!(host(before.flat(name).clone()), host(weights.flat(name).clone()), "{name}");
    }
}

/// Parameters that a model has more than the base model.
fn more_than_base(model: &dyn Model, profile: &Profile) -> usize {
    counts(model, &[]).total - counts(&DualEncoder::new(&profile.model), &[]).total
}

#[test]
fn the_new_descriptor_is_computed_and_trains_an_arm() {
    let id = flux::DESCRIPTOR.id;
    assert!(DESCRIPTORS.iter().all(|known| known.id != id), "`{id}` is no longer new: the text needs another one");
    assert!(flux::DESCRIPTOR.rows == Rows::Frames && flux::DESCRIPTOR.side() == hit_descriptors::Side::Audio);
    let smoke = smoke();
    let arm = smoke.complete(&arm("toml descriptor arm"));
    assert_eq!(arm.descriptors().unwrap(), BTreeMap::from([(id.to_owned(), flux::DESCRIPTOR.dims)]));
    let model = registry::family(&arm.family).model(&smoke.model, &arm).unwrap();
    assert_eq!(more_than_base(&*model, &smoke), linear(64 + 8, 64) + 2 * 64);
    learns(&*model, &smoke, batch(&flux::DESCRIPTOR), "inject.audio.flux.");
}

#[test]
fn the_new_mechanism_is_built_counted_and_trained() {
    let (smoke, arm) = (smoke(), arm("toml mechanism arm"));
    let [injection] = arm.injections.as_slice() else { panic!("one injection is expected") };
    assert_eq!(injection.mechanism, add::MECHANISM.id);
    let build = || add::Add::new(injection, &smoke.model);
    let model = DualEncoder::new(&smoke.model).with(injection.side, Box::new(build()));
    assert_eq!(more_than_base(&model, &smoke), linear(8, 64));

    let window = window_size(&smoke);
    let tokens = smoke.model.audio.n_tokens(window.n_samples);
    assert_eq!(build().cost(&window, tokens).unwrap(), ((2 * tokens * 8 * 64) as u64, tokens));

    let a4 = hit_descriptors::find("a4").unwrap();
    let base = DualEncoder::new(&smoke.model);
    let embedded = |model: &dyn Model| {
        let weights = Weights::initial(&declarations(model), 42, &[], &Device::flex());
        let outputs = model.forward(&Pass::evaluation(&weights), &batch(a4).upload(&Device::flex()));
        (host(outputs.audio), host(outputs.midi))
    };
    assert_eq!(embedded(&model), embedded(&base), "it starts as the base model");
    learns(&model, &smoke, batch(a4), "inject.audio.a4.add.");

    let notes = InjectionSpec { descriptor: "d4".into(), dims: 4, mechanism: "add".into(), side: Side::Midi };
    let model = DualEncoder::new(&smoke.model).with(notes.side, Box::new(add::Add::new(&notes, &smoke.model)));
    learns(&model, &smoke, batch(hit_descriptors::find("d4").unwrap()), "inject.midi.d4.add.");
}

#[test]
fn a_descriptor_is_named_in_its_file_in_a_mod_line_and_in_the_registry() {
    let tree = tokens();
    let home = "crates/hit-descriptors/src/";
    let modules: Vec<&str> = tree
        .iter()
        .filter(|(_, tokens)| count_of(tokens, "pub const DESCRIPTOR :") == 1)
        .filter_map(|(path, _)| path.strip_prefix(home)?.strip_suffix(".rs"))
        .collect();
    assert_eq!(modules.len(), DESCRIPTORS.len(), "{modules:?}");
    for module in &modules {
        let said = |file: &str, text: &str| count_of(&tree[&format!("{home}{file}")], text);
        assert_eq!((said("lib.rs", &format!("mod {module} ;")), said("lib.rs", module)), (1, 1), "{module}");
        // The registry may name it twice: in its list, and where it imports what it lists.
        assert_eq!(said("registry.rs", &format!("{module} :: DESCRIPTOR")), 1, "{module}");
        assert!(said("registry.rs", module) <= 2, "{module}");
        for (path, tokens) in &tree {
            let name = path.strip_prefix(home).and_then(|path| path.strip_suffix(".rs"));
            let may = name.is_some_and(|name| modules.contains(&name) || ["lib", "registry"].contains(&name));
            let found = count_of(tokens, &format!(":: {module} ::"));
            // Tables 1 and 14 print constants of A4 and A7.
            let may = may || path == "crates/hitrepro/src/graph/setup.rs" && ["a4", "a7"].contains(module);
            assert!(found == 0 || may, "{path} names `{module}`");
        }
    }
    for descriptor in DESCRIPTORS {
        assert_eq!(naming(&tree, descriptor.id), [format!("{home}{}.rs", descriptor.id)]);
    }
}

/// Files that hold a string of exactly this text. The report knows some by name: what the paper says about them is not true of others.
fn naming(tree: &BTreeMap<String, Vec<String>>, text: &str) -> Vec<String> {
    let literal = format!("\"{text}\"");
    // The reader of macros knows one that is called `concat`.
    let files = tree.iter().filter(|(path, tokens)| tokens.contains(&literal) && !path.contains("hit-codehash"));
    let files = files.filter(|(path, _)| !path.starts_with("crates/hit-report/"));
    files.map(|(path, _)| path.clone()).collect()
}

#[test]
fn a_mechanism_and_a_family_are_named_where_they_are_made_and_in_their_registry() {
    let tree = tokens();
    for family in registry::FAMILIES {
        for mechanism in family.mechanisms {
            // Family `tower` takes this one over.
            let home = if mechanism.id == "concat" { "hit-arm-inject" } else { family.crate_name };
            let files = naming(&tree, mechanism.id);
            let at_home = files.iter().all(|path| path.starts_with(&format!("crates/{home}/")));
            assert!(!files.is_empty() && at_home, "{}: {files:?}", mechanism.id);
        }
        let name = family.crate_name.replace('-', "_");
        if family.crate_name == "hit-model" {
            continue;
        }
        let users = tree.iter().filter(|(_, tokens)| tokens.contains(&name)).map(|(path, _)| path.as_str());
        let tower = (name == "hit_arm_inject").then_some("crates/hit-arm-tower/src/lib.rs");
        let expected: Vec<&str> = tower.into_iter().chain(["crates/hitrepro/src/registry.rs"]).collect();
        assert_eq!(users.collect::<Vec<_>>(), expected, "{name}");
    }
    let home = "crates/hit-arm-inject/src/";
    let modules = tree.keys().filter_map(|path| path.strip_prefix(home)?.strip_suffix(".rs"));
    for module in modules.filter(|module| *module != "lib") {
        assert_eq!(count_of(&tree[&format!("{home}lib.rs")], &format!("mod {module} ;")), 1, "{module}");
    }
    for mechanism in registry::family("inject").mechanisms {
        let literal = format!("\"{}\"", mechanism.id);
        let times = naming(&tree, mechanism.id).iter().map(|path| count_of(&tree[path], &literal)).sum::<usize>();
        assert_eq!(times, 1, "{}", mechanism.id);
    }
}

#[test]
fn new_code_reruns_what_the_table_says() {
    let before = Tree::new();
    let after = Tree::new();
    after.write("crates/hit-descriptors/src/flux.rs", &block("rust flux.rs"));
    after.insert("crates/hit-descriptors/src/lib.rs", "pub mod d4;\n", &block("rust descriptor mod"));
    after.insert_at_end_of(
        "crates/hit-descriptors/src/registry.rs",
        "const DESCRIPTORS",
        &block("rust descriptor line"),
    );
    // hit-check uses the descriptors' transform and is in no stage's key.
    assert_eq!(after.changed(&before), ["hit-check", "hit-descriptors", "hitrepro"]);

    let after = Tree::new();
    after.write("crates/hit-arm-inject/src/add.rs", &block("rust add.rs"));
    after.insert("crates/hit-arm-inject/src/lib.rs", "mod cross;\n", &block("rust mechanism mod"));
    after.insert_at_end_of("crates/hit-arm-inject/src/lib.rs", "const MECHANISMS", &block("rust mechanism line"));
    assert_eq!(after.changed(&before), ["hit-arm-inject", "hit-arm-tower", "hitrepro"]);

    let after = Tree::new();
    after.copy_crate("hit-arm-film", "hit-arm-mine");
    after.insert(
        "Cargo.toml",
        "hit-arm-film = { path = \"crates/hit-arm-film\" }\n",
        "hit-arm-mine = { path = \"crates/hit-arm-mine\" }\n",
    );
    after.insert("crates/hitrepro/Cargo.toml", "hit-arm-film.workspace = true\n", "hit-arm-mine.workspace = true\n");
    after.insert_at_end_of("crates/hitrepro/src/registry.rs", "const FAMILIES", &block("rust family line"));
    assert_eq!(after.changed(&before), ["hit-arm-mine", "hitrepro"]);
}
