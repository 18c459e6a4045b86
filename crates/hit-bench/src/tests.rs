//! Tests of whole measurements.

pub(crate) mod fixture;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use hit_train::ScheduleSpec;

use crate::{Error, Measured, Rate, Settings, Subject, Watch, Windows, measure};
use fixture::{arm, model, train, windows};

/// Counts steps, keeps notes, and stops after so many steps.
struct Witness {
    left: AtomicU64,
    notes: Mutex<Vec<String>>,
}

impl Witness {
    fn patient() -> Self {
        Self::until(u64::MAX)
    }

    fn until(steps: u64) -> Self {
        Self { left: AtomicU64::new(steps), notes: Mutex::default() }
    }

    fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Watch for Witness {
    fn progress(&self, done: u64, total: u64) {
        assert!(0 < done && done <= total, "{done} of {total}");
        self.left.fetch_sub(1, Ordering::Relaxed);
    }

    fn note(&self, text: &str) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
    }

    fn cancelled(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

fn settings() -> Settings {
    Settings { device: "cpu".into(), threads: 1, steps: 4, seconds: 60.0, hash_after: None, seed: 42 }
}

fn measured_with(settings: &Settings, windows: &Windows, watch: &dyn Watch) -> Result<Measured, Error> {
    let (arm, model, train) = (arm(), model(), train());
    let subject = Subject {
        id: "d4a4",
        arm: &arm,
        family: hit_arm_inject::FAMILY,
        model: &model,
        train: &train,
        schedule: ScheduleSpec::cosine(2),
        windows,
    };
    measure(&subject, settings, watch)
}

fn hashed(threads: usize, steps: u64, seed: u64) -> Measured {
    let settings = Settings { threads, hash_after: Some(steps), seed, steps: 1, ..settings() };
    measured_with(&settings, &windows(), &Witness::patient()).unwrap()
}

#[test]
fn everything_is_measured_and_belongs_together() {
    let witness = Witness::patient();
    let found = measured_with(&settings(), &windows(), &witness).unwrap();
    assert_eq!((found.batch, found.n_samples, found.n_notes), (4, 2000, 12));
    assert_eq!(found.n_frames, [("a4".to_owned(), 20)].into(), "d4 has rows of notes");
    assert!(found.padded_notes.iter().all(|&n| n == 16 || n == 24), "{:?}", found.padded_notes);
    assert!(0 < found.n_trained && found.n_trained < found.n_parameters);
    assert_eq!(found.step_ms.n, 4);
    assert!(found.first_step_s > 0.0 && found.step_ms.min > 0.0 && found.step_ms.min <= found.step_ms.median);
    assert_eq!(found.windows_per_s, 4.0 / (found.step_ms.median * 1e-3));
    let parts = [found.parts_ms.upload, found.parts_ms.forward, found.parts_ms.backward, found.parts_ms.optimizer];
    assert!(parts.iter().all(|&ms| ms > 0.0), "{parts:?}");
    assert_eq!(found.peak_memory_bytes, found.peak_host_bytes, "the CPU's memory is main memory");
    assert_eq!((found.hash, found.hash_after), (None, None));
    let rate = Rate::from(&found);
    assert!((rate.train_s * found.windows_per_s - 1.0).abs() < 1e-12);
    assert!((rate.embed_s * found.embed_windows_per_s - 1.0).abs() < 1e-12);
    assert_eq!(rate.flops, found.flops_per_window);
    assert!(witness.notes().iter().all(|note| note.starts_with("d4a4: ")), "{:?}", witness.notes());
}

#[test]
fn no_time_still_gives_three_repetitions() {
    let settings = Settings { seconds: 0.0, steps: 1000, ..settings() };
    assert_eq!(measured_with(&settings, &windows(), &Witness::patient()).unwrap().step_ms.n, 3);
    let few = Settings { steps: 1, ..settings };
    assert_eq!(measured_with(&few, &windows(), &Witness::patient()).unwrap().step_ms.n, 3);
}

#[test]
fn the_same_steps_end_with_the_same_bits_whatever_the_threads() {
    let first = hashed(1, 5, 42);
    assert!(first.hash.is_some() && first.hash_after == Some(5));
    assert_eq!(hashed(2, 5, 42).hash, first.hash);
    assert_ne!(hashed(1, 6, 42).hash, first.hash, "one step more");
    assert_ne!(hashed(1, 5, 43).hash, first.hash, "another seed");
}

#[test]
fn how_long_is_measured_does_not_change_the_hash() {
    let long = Settings { hash_after: Some(5), steps: 9, ..settings() };
    assert_eq!(measured_with(&long, &windows(), &Witness::patient()).unwrap().hash, hashed(1, 5, 42).hash);
}

#[test]
fn a_measurement_stops_when_asked() {
    // In the warm-up, among the steps, among their parts, in embedding.
    for steps in [0, 3, 10, 14, 19] {
        let witness = Witness::until(steps);
        let stopped = measured_with(&settings(), &windows(), &witness);
        assert!(matches!(stopped, Err(Error::Cancelled)), "{steps}");
        assert_eq!(witness.left.load(Ordering::Relaxed), 0, "no step after that");
    }
}

#[test]
fn settings_that_cannot_be_are_refused_by_name() {
    let refused = |settings: Settings, windows: Windows| {
        measured_with(&settings, &windows, &Witness::patient()).unwrap_err().to_string()
    };
    assert!(refused(Settings { steps: 0, ..settings() }, windows()).starts_with("steps: "));
    for seconds in [-1.0, f64::NAN] {
        assert!(refused(Settings { seconds, ..settings() }, windows()).starts_with("seconds: "));
    }
    assert!(refused(settings(), Windows { n_notes: 0, ..windows() }).starts_with("notes: "));
    assert!(refused(Settings { device: "cuda:99".into(), ..settings() }, windows()).contains("cpu"));
}

#[test]
fn a_step_whose_loss_is_no_number_is_not_timed() {
    let mut train = train();
    train.groups.values_mut().for_each(|lr| *lr = 1e30);
    train.warmup_steps = 0;
    let (arm, model, windows) = (arm(), model(), windows());
    let subject = Subject {
        id: "d4a4",
        arm: &arm,
        family: hit_arm_inject::FAMILY,
        model: &model,
        train: &train,
        schedule: ScheduleSpec::cosine(2),
        windows: &windows,
    };
    match measure(&subject, &settings(), &Witness::patient()) {
        Err(Error::NotFinite { arm, step, .. }) => assert!(arm == "d4a4" && step > 1, "{step}"),
        other => panic!("{:?}", other.map(|found| found.step_ms)),
    }
}

#[test]
fn the_json_is_a_contract() {
    let found = hashed(1, 1, 42);
    let value = serde_json::to_value(&found).unwrap();
    let keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "arm",
        "batch",
        "embed_windows_per_s",
        "family",
        "first_step_s",
        "flops_per_window",
        "frozen",
        "hash",
        "hash_after",
        "injections",
        "model",
        "n_frames",
        "n_notes",
        "n_parameters",
        "n_samples",
        "n_trained",
        "options",
        "padded_notes",
        "parts_ms",
        "peak_host_bytes",
        "peak_memory_bytes",
        "step_ms",
        "train",
        "windows_per_s",
    ];
    assert_eq!(keys, expected);
    assert_eq!(value["hash"].as_str().unwrap().len(), 64);
    for (of, keys) in [
        ("model", vec!["audio", "heads", "midi", "precision"]),
        ("parts_ms", vec!["backward", "forward", "optimizer", "upload"]),
        ("step_ms", vec!["median", "min", "n", "p90"]),
        ("train", vec!["groups", "loss", "optimizer", "warmup_steps"]),
    ] {
        assert_eq!(value[of].as_object().unwrap().keys().collect::<Vec<_>>(), keys, "{of}");
    }
}
