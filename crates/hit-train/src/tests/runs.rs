//! Whole trainings on a toy corpus: what they emit, and that a killed one ends with the bytes of one that was not.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use hit_model::{AudioEncoder, Pass, Source, has_prefix};
use hit_schema::{Checkpoint, CheckpointMeta, Embeddings, HistoryRow};
use hit_stage::{Cancel, Context, Needs, Numerics, Progress, Stage, StageError};

use super::toy::*;
use crate::{Fit, Plan, ScheduleSpec, Train, TrainSpec};

/// All files below a folder by relative name.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs_err::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            all.extend(files(&path).into_iter().map(|(below, bytes)| (format!("{name}/{below}"), bytes)));
        } else {
            all.insert(name, fs_err::read(&path).unwrap());
        }
    }
    all
}

struct Bench {
    dir: tempfile::TempDir,
    toy: Toy,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let toy = Toy::write(&dir.path().join("corpus"), tiny_windows(), 4, 6.0);
        Self { dir, toy }
    }

    fn context(&self, name: &str) -> Context {
        self.toy.context(&self.dir.path().join(name))
    }

    fn outputs(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        files(&self.dir.path().join(name).join("staging"))
    }

    fn run(&self, stage: &Train, name: &str) -> BTreeMap<String, Vec<u8>> {
        stage.run(&mut self.context(name)).unwrap();
        self.outputs(name)
    }
}

#[test]
fn a_run_emits_history_checkpoints_and_validation_embeddings_and_repeats() {
    let bench = Bench::new();
    let stage = tiny_stage("d4a4");
    let outputs = bench.run(&stage, "a");
    let names: Vec<&str> = outputs.keys().map(String::as_str).collect();
    let expected = [
        "checkpoints/e002.safetensors",
        "checkpoints/e004.safetensors",
        "embeddings/e002.safetensors",
        "embeddings/e004.safetensors",
        "history",
    ];
    assert_eq!(names, expected);
    let staging = bench.dir.path().join("a/staging");
    let embeddings = Embeddings::read(&staging.join("embeddings/e004.safetensors")).unwrap();
    assert_eq!((embeddings.split.as_str(), embeddings.epoch, embeddings.dims), ("validation", 4, 8));
    assert_eq!(embeddings.n_windows(), 18);
    let checkpoint = Checkpoint::read(&staging.join("checkpoints/e004.safetensors")).unwrap();
    assert_eq!(checkpoint.meta, CheckpointMeta { arm: "d4a4".into(), epoch: 4, step: 20 });
    let history = HistoryRow::read(&staging.join("history")).unwrap();
    assert_eq!(history.iter().map(|row| row.step).collect::<Vec<_>>(), [5, 10, 15, 20]);
    assert!(history[3].lr_factor.abs() < 1e-12, "the cosine ends at 0");
    // Two threads, another folder: the same bytes.
    let mut cx = bench.context("b");
    cx.threads = 2;
    stage.run(&mut cx).unwrap();
    assert_eq!(bench.outputs("b"), outputs);
    // Another seed: other bytes.
    let mut other = tiny_stage("d4a4");
    other.run.seed = 43;
    assert_ne!(bench.run(&other, "c"), outputs);
}

#[test]
fn trainings_side_by_side_do_not_touch_each_other() {
    let bench = Bench::new();
    let arms = ["d0", "d4", "d4a4"];
    let alone: Vec<_> = arms.iter().map(|arm| bench.run(&tiny_stage(arm), arm)).collect();
    let beside = |arm: &'static str| {
        let mut cx = bench.context(&format!("{arm}-beside"));
        move || tiny_stage(arm).run(&mut cx).unwrap()
    };
    thread::scope(|scope| arms.map(|arm| scope.spawn(beside(arm))).map(|run| run.join().unwrap()));
    for (arm, alone) in arms.iter().zip(alone) {
        assert_eq!(bench.outputs(&format!("{arm}-beside")), alone, "{arm}");
    }
}

#[test]
fn frozen_parameters_and_foundations_are_kept() {
    let bench = Bench::new();
    bench.run(&tiny_stage("d0"), "foundation");
    let init = bench.dir.path().join("foundation/staging/checkpoints/e004.safetensors");
    let foundation = Checkpoint::read(&init).unwrap();
    let mut stage = tiny_stage("a4");
    for rate in stage.train.groups.values_mut() {
        *rate = 0.0;
    }
    let mut cx = bench.context("arm");
    cx.inputs.insert("init".into(), hit_stage::Opened::File(open_file(init)));
    stage.run(&mut cx).unwrap();
    let path = bench.dir.path().join("arm/staging/checkpoints/e002.safetensors");
    let trained = Checkpoint::read(&path).unwrap();
    // With rates of 0 everything but the running statistics stays, also under weight decay, which is multiplied by the rate.
    for (name, array) in &foundation.params {
        assert_eq!(trained.params[name] == *array, !name.contains("running"), "{name}");
    }
    assert!(trained.params.contains_key("inject.audio.a4.linear.weight"), "new modules are fresh");
    // Trained for real, only the frozen ones stay.
    let outputs = Checkpoint::read(&bench.dir.path().join("foundation/staging/checkpoints/e002.safetensors")).unwrap();
    for (name, array) in &foundation.params {
        let frozen = name.starts_with("audio.cnn") || name == "audio.positions";
        assert_eq!(outputs.params[name] == *array, frozen, "{name}");
    }
}

#[test]
fn the_loss_falls() {
    let bench = Bench::new();
    let mut stage = tiny_stage("d4a4");
    stage.schedule = ScheduleSpec::cosine(16);
    stage.evaluate = vec![16];
    let outputs = bench.run(&stage, "a");
    let path = bench.dir.path().join("a/staging/history");
    assert!(outputs.contains_key("history"));
    let history = HistoryRow::read(&path).unwrap();
    let (first, last) = (&history[0], &history[15]);
    assert!(last.loss < 0.8 * first.loss, "{} then {}", first.loss, last.loss);
}

/// Asks for a stop when a step is reached.
struct StopAt(u64, Cancel);

impl Progress for StopAt {
    fn update(&self, done: u64, _: u64, _: &'static str) {
        if done >= self.0 {
            self.1.request();
        }
    }
}

#[test]
fn a_cancelled_training_resumes_to_the_same_bytes() {
    let bench = Bench::new();
    let stage = tiny_stage("d4");
    let whole = bench.run(&stage, "whole");
    // Stopped at every kind of place: before a save, at a save, at the end of an epoch, after an evaluation.
    for stops in [vec![1], vec![6], vec![10], vec![11, 14, 19]] {
        let name = format!("parts{stops:?}");
        for stop in stops {
            let mut cx = bench.context(&name);
            cx.progress = Arc::new(StopAt(stop, cx.cancel.clone()));
            assert!(matches!(stage.run(&mut cx), Err(StageError::Cancelled)), "{stop}");
            assert!(bench.outputs(&name).is_empty(), "nothing is emitted before the end");
        }
        assert_eq!(bench.run(&stage, &name), whole, "{name}");
    }
}

const CHILD: &str = "HIT_TRAIN_TEST_CHILD";
const KILLED_AT: u64 = 13;

/// Stands still when a step is reached, after saying so.
struct StandAt(u64, std::path::PathBuf);

impl Progress for StandAt {
    fn update(&self, done: u64, _: u64, _: &'static str) {
        if done == self.0 {
            fs_err::write(&self.1, "").unwrap();
            loop {
                thread::sleep(Duration::from_mins(1));
            }
        }
    }
}

/// Not a test of its own: what the process that is killed runs.
#[test]
fn child() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let dir = Path::new(&dir);
    let toy = Toy::write(&dir.join("child-corpus"), tiny_windows(), 4, 6.0);
    let mut cx = toy.context(&dir.join("killed"));
    cx.progress = Arc::new(StandAt(KILLED_AT, dir.join("standing")));
    tiny_stage("d4a4").run(&mut cx).unwrap();
}

#[test]
fn a_killed_training_resumes_to_the_same_bytes() {
    let bench = Bench::new();
    let stage = tiny_stage("d4a4");
    let whole = bench.run(&stage, "whole");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::runs::child"])
        .env(CHILD, bench.dir.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !bench.dir.path().join("standing").exists() {
        assert!(child.try_wait().unwrap().is_none(), "the child ended before it could be killed");
        thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // The state is of step 12; step 13 is lost and done again.
    let state = crate::Saved::read(&bench.dir.path().join("killed/scratch")).unwrap();
    assert_eq!(state.meta.step, 12);
    assert_eq!(bench.run(&stage, "killed"), whole);
}

#[test]
fn a_damaged_state_costs_time_and_changes_nothing() {
    let bench = Bench::new();
    let stage = tiny_stage("a4");
    let whole = bench.run(&stage, "whole");
    // A flipped bit among the weights, a file that is no state, a truncated one, and a lost result of a finished epoch.
    for damage in 0..4 {
        let mut cx = bench.context("damaged");
        cx.progress = Arc::new(StopAt(12, cx.cancel.clone()));
        assert!(stage.run(&mut cx).is_err());
        let path = bench.dir.path().join("damaged/scratch/state.safetensors");
        let bytes = fs_err::read(&path).unwrap();
        let mut flipped = bytes.clone();
        *flipped.last_mut().unwrap() ^= 1;
        match damage {
            0 => fs_err::write(&path, flipped).unwrap(),
            1 => fs_err::write(&path, b"not a state").unwrap(),
            2 => fs_err::write(&path, &bytes[..bytes.len() / 2]).unwrap(),
            _ => {
                let waiting = bench.dir.path().join("damaged/scratch/embeddings");
                let first = fs_err::read_dir(&waiting).unwrap().next().unwrap().unwrap().path();
                fs_err::write(first, b"").unwrap();
            }
        }
        assert_eq!(bench.run(&stage, "damaged"), whole);
        fs_err::remove_dir_all(bench.dir.path().join("damaged")).unwrap();
    }
}

#[test]
fn parameters_enter_the_key_and_the_family_does_as_a_crate() {
    let stage = tiny_stage("d4a4");
    let params = serde_json::to_value(&stage).unwrap();
    let keys: Vec<&str> = params.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["arm", "evaluate", "model", "run", "schedule", "train"]);
    assert_eq!(Stage::plugins(&stage), ["hit-arm-inject"]);
    assert_eq!(Stage::needs(&stage), Needs { numerics: Numerics::Backend, device: true });
}

#[test]
fn frozen_parts_cost_no_backward_pass_and_no_state_of_the_optimiser() {
    let dir = tempfile::tempdir().unwrap();
    let toy = Toy::write(&dir.path().join("corpus"), tiny_windows(), 2, 8.0);
    let cx = toy.context(&dir.path().join("work"));
    let stage = tiny_stage("d4a4");
    let model = stage.family.model(&stage.model, &stage.arm).unwrap();
    let source = Source::open(&cx, "train.", "/train", &stage.model, &stage.arm).unwrap();
    let device = hit_model::device("cpu").unwrap();
    let batch = source.batch(&[0, 3, 5, 8]).unwrap();
    let plan = Plan { seed: 1, n_windows: source.n_windows(), batch_size: 4, per_epoch: 2, epochs: 1 };
    let mut moved = Vec::new();
    for frozen in [stage.train.frozen.clone(), Vec::new()] {
        let spec = TrainSpec { frozen: frozen.clone(), ..stage.train.clone() };
        let mut fit = Fit::new(&*model, &spec, stage.schedule, plan, None, &device).unwrap();
        let below = |name: &str| frozen.iter().any(|prefix| has_prefix(name, prefix));
        let features = AudioEncoder::new(stage.model.audio.clone())
            .features(&Pass::training(&fit.weights, 1, 1), batch.clone().upload(&device).audio);
        assert_eq!(features.is_tracked(), frozen.is_empty(), "the frozen front end leaves nothing for a backward pass");
        let before = fit.weights.checkpoint(CheckpointMeta { arm: String::new(), epoch: 0, step: 0 });
        fit.step(&batch.clone().upload(&device), 1);
        assert!(fit.adamw.moments.keys().all(|name| !below(name)), "{:?}", fit.adamw.moments.keys());
        let after = fit.weights.checkpoint(CheckpointMeta { arm: String::new(), epoch: 0, step: 1 });
        for name in ["audio.cnn.conv.0.weight", "audio.positions", "audio.layers.0.linear1.weight"] {
            assert_eq!(before.params[name] == after.params[name], below(name), "{name}");
        }
        moved.push(fit.adamw.moments.len());
    }
    // Two convolutions with their norms, four arrays each, and the positions.
    assert_eq!(moved[1] - moved[0], 2 * 4 + 1);
}

#[test]
fn a_step_is_its_three_parts() {
    let dir = tempfile::tempdir().unwrap();
    let toy = Toy::write(&dir.path().join("corpus"), tiny_windows(), 2, 8.0);
    let cx = toy.context(&dir.path().join("work"));
    let stage = tiny_stage("d4a4");
    let model = stage.family.model(&stage.model, &stage.arm).unwrap();
    let source = Source::open(&cx, "train.", "/train", &stage.model, &stage.arm).unwrap();
    let device = hit_model::device("cpu").unwrap();
    let batch = source.batch(&[0, 3, 5, 8]).unwrap();
    let plan = Plan { seed: 1, n_windows: source.n_windows(), batch_size: 4, per_epoch: 2, epochs: 1 };
    let fresh = || Fit::new(&*model, &stage.train, stage.schedule, plan, None, &device).unwrap();
    let arrays = |fit: &Fit| fit.weights.checkpoint(CheckpointMeta { arm: String::new(), epoch: 0, step: 0 });
    let (mut whole, mut parted) = (fresh(), fresh());
    let before = arrays(&parted);
    let log = whole.step(&batch.clone().upload(&device), 1);
    let forward = parted.forward(&batch.upload(&device), 1);
    let gradients = forward.backward();
    assert_eq!(arrays(&parted), before, "nothing moves before the update, running statistics neither");
    assert_eq!(parted.update(forward, gradients, 1), log);
    assert!(arrays(&parted) == arrays(&whole) && arrays(&whole) != before);
}
