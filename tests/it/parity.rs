//! Every arm against PyTorch: tests/golden/parity.py, whose float64 results ours, in float32, meet to stated bounds.
//!
//! To make the vectors anew: `cargo run --release --example parity_export -- FOLDER`, then `python3
//! tests/golden/parity.py FOLDER tests/golden`.

use std::collections::BTreeSet;
use std::path::Path;

use hit_model::{Declarations, Device, Pass, Tensor, Weights, has_prefix, host};
use hit_schema::{Block, Checkpoint};
use hit_train::{Fit, Plan, ScheduleSpec, TrainSpec};
use hitrepro::config::Config;
use hitrepro::registry::{self, FAMILIES};

use crate::cases::{Case, Cases, batch, checkpoint, small};
use crate::project::repository;

/// Embeddings, running statistics and the loss, relative to the largest value or 1: some hundred roundings of 6e-8.
const VALUE: f64 = 2e-5;
/// Gradients, relative to the norm of all of them: they pass the network twice.
const GRADIENT: f64 = 5e-5;
/// A step, relative to the learning rate, where the gradient is no rounding noise (see `step`).
const STEP: f64 = 5e-3;

#[derive(serde::Deserialize)]
struct Golden {
    cases: Cases,
}

pub fn golden() -> (Cases, Block) {
    let folder = repository().join("tests/golden");
    let text = fs_err::read_to_string(folder.join("parity.json")).unwrap();
    let Golden { cases } = serde_json::from_str(&text).unwrap();
    (cases, Block::open(&folder.join("parity.safetensors"), "parity").unwrap())
}

/// Results of a case by name.
struct Expected<'a> {
    block: &'a Block,
    case: &'a str,
}

impl Expected<'_> {
    fn get(&self, name: &str) -> Vec<f32> {
        self.block.f32(&format!("{}/{name}", self.case)).unwrap()
    }

    /// Names of the results of a kind.
    fn names(&self, kind: &str) -> BTreeSet<&str> {
        let prefix = format!("{}/{kind}/", self.case);
        self.block.names().filter_map(|name| name.strip_prefix(prefix.as_str())).collect()
    }

    fn close(&self, name: &str, found: &[f32], tolerance: f64, scale: f64) {
        let expected = self.get(name);
        assert_eq!(found.len(), expected.len(), "{}/{name}", self.case);
        for (i, (f, e)) in found.iter().zip(&expected).enumerate() {
            let off = f64::from((f - e).abs());
            // A value that is no number is not below any bound.
            assert!(off <= tolerance * scale, "{}/{name}[{i}]: off by {off:e} of {scale}", self.case);
        }
    }

    fn value(&self, name: &str, found: &[f32]) {
        let scale = self.get(name).iter().fold(1.0f64, |max, v| max.max(f64::from(v.abs())));
        self.close(name, found, VALUE, scale);
    }
}

fn train_spec(cases: &Cases) -> TrainSpec {
    TrainSpec {
        batch_size: 4,
        batches_per_epoch: 1,
        optimizer: cases.optimizer,
        warmup_steps: 0,
        groups: cases.groups.clone(),
        frozen: cases.frozen.clone(),
        loss: cases.loss,
        save_every_steps: 1,
    }
}

fn hold(cases: &Cases, case: &Case, expected: &Expected) {
    let device = Device::flex();
    let model = registry::family(&case.family).model(&cases.model, &case.arm()).unwrap();
    let mut declarations = Declarations::default();
    model.declare(&mut declarations);
    let start: Checkpoint = checkpoint(&*model);

    let fixed = Weights::of_checkpoint(&declarations, &start, &device).unwrap();
    let outputs = model.forward(&Pass::evaluation(&fixed), &batch().upload(&device));
    expected.value("eval/audio", &host(outputs.audio));
    expected.value("eval/midi", &host(outputs.midi));

    let mut weights = Weights::initial(&declarations, 1, &cases.frozen, &device);
    weights.load(&start).unwrap();
    let pass = Pass::training(&weights, 1, 1);
    let outputs = model.forward(&pass, &batch().upload(&device));
    expected.value("train/audio", &host(outputs.audio.clone()));
    expected.value("train/midi", &host(outputs.midi.clone()));
    if let Some(pair) = outputs.others.first() {
        expected.value("train/tower", &host(pair.second.clone()));
    }
    let noted = pass.into_noted();
    let penalty = noted.penalties.iter().map(|term| host(term.clone())[0]).sum::<f32>();
    expected.value("penalty", &[penalty]);
    let running = expected.names("running");
    assert_eq!(noted.statistics.keys().map(String::as_str).collect::<BTreeSet<_>>(), running, "{}", case.name);
    for (name, value) in &noted.statistics {
        expected.value(&format!("running/{name}"), &host(value.clone()));
    }
    let loss = hit_train::loss(outputs, noted.penalties, &cases.loss);
    expected.value("loss", &host(loss.total.clone()));

    let gradients = loss.total.backward();
    let norm = f64::from(expected.get("grad_norm")[0]);
    let names: BTreeSet<String> = weights.trained().map(str::to_owned).collect();
    assert_eq!(names.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected.names("grad"), "{}", case.name);
    for name in &names {
        let grad = weights.flat(name).grad(&gradients);
        // What nothing reaches has no gradient here and zeros there.
        let grad = grad.map_or_else(|| vec![0.0; weights.flat(name).dims()[0]], host);
        expected.close(&format!("grad/{name}"), &grad, GRADIENT, norm);
    }
    if case.step {
        step(cases, case, expected, &start);
    }
}

/// One step of the training loop itself: its loss, what the loss holds beside L(audio, MIDI), the norm, and the new weights.
fn step(cases: &Cases, case: &Case, expected: &Expected, start: &Checkpoint) {
    let device = Device::flex();
    let model = registry::family(&case.family).model(&cases.model, &case.arm()).unwrap();
    let spec = train_spec(cases);
    let schedule = ScheduleSpec::cosine(2);
    let plan = Plan { seed: 1, n_windows: 4, batch_size: 4, per_epoch: 1, epochs: 2 };
    let mut fit = Fit::new(&*model, &spec, schedule, plan, Some(start), &device).unwrap();
    assert!((fit.factor(1) - cases.schedule_factor).abs() < 1e-12, "half way down the cosine");
    let [loss, .., auxiliary, norm] = fit.step(&batch().upload(&device), 1).values;
    expected.value("loss", &[loss as f32]);
    expected.close("grad_norm", &[norm as f32], VALUE, norm);
    let penalty = expected.get("penalty")[0];
    if penalty != 0.0 {
        expected.value("penalty", &[auxiliary as f32]);
    }
    assert_eq!(auxiliary != 0.0, penalty != 0.0 || case.family == "tower", "{}", case.name);
    let names: Vec<String> = fit.weights.trained().map(str::to_owned).collect();
    let rates = spec.rates(names.iter().map(String::as_str)).unwrap();
    for name in &names {
        changed(cases, expected, name, rates[name], start, fit.weights.flat(name), norm);
    }
    let bytes = |weights: &Weights, name: &str| host(weights.flat(name).clone());
    for name in fit.weights.names().filter(|name| cases.frozen.iter().any(|prefix| has_prefix(name, prefix))) {
        assert_eq!(bytes(&fit.weights, name), start.params[name].values, "{name} is frozen");
    }
}

/// AdamW's first step is the learning rate times the sign of the gradient. Where that is zero by nature (biases before a
/// BatchNorm, those of attention's keys) rounding noise decides the sign, and only the size of the step can be held.
fn changed(cases: &Cases, expected: &Expected, name: &str, rate: f64, start: &Checkpoint, now: &Tensor<1>, norm: f64) {
    let rate = rate * cases.schedule_factor;
    let clip = (cases.optimizer.clip_norm / norm).min(1.0);
    let gradient = expected.get(&format!("grad/{name}"));
    let change = expected.get(&format!("step/{name}"));
    for (i, (now, before)) in host(now.clone()).into_iter().zip(&start.params[name].values).enumerate() {
        let found = f64::from(now) - f64::from(*before);
        // The new value is rounded to float32 beside its own size.
        let rounding = 1.2e-7 * (1.0 + f64::from(before.abs()));
        if f64::from(gradient[i].abs()) * clip > 1e-6 {
            let off = (found - f64::from(change[i])).abs();
            assert!(off <= STEP * rate + rounding, "{}/step/{name}[{i}]: off by {off:e}", expected.case);
        } else {
            let bound = rate * (1.0 + cases.optimizer.weight_decay * f64::from(before.abs())) * 1.001 + rounding;
            assert!(found.abs() <= bound, "{}/step/{name}[{i}]: {found:e}", expected.case);
        }
    }
}

#[test]
fn every_arm_is_pytorchs_in_evaluation_in_training_and_after_a_step() {
    let (cases, block) = golden();
    for case in &cases.models {
        hold(&cases, case, &Expected { block: &block, case: &case.name });
    }
}

#[test]
fn the_vectors_cover_every_arm_and_every_mechanism() {
    let (cases, _) = golden();
    let config = Config::load(&repository().join("pipeline.toml")).unwrap();
    let (_, reference) = config.profile(Some("reference")).unwrap();
    let published = config.arms.iter().filter(|(_, arm)| !arm.extra);
    for (id, arm) in published {
        let case = cases.models.iter().find(|case| case.name == *id).unwrap_or_else(|| panic!("no vectors of `{id}`"));
        assert_eq!((&case.family, &case.injections), (&arm.family, &arm.injections), "{id}");
        assert_eq!(case.options, small(&arm.family, reference.complete(arm).options), "{id}");
    }
    let covered: BTreeSet<(&str, &str)> = cases
        .models
        .iter()
        .flat_map(|case| case.injections.iter().map(|injection| (case.family.as_str(), injection.mechanism.as_str())))
        .collect();
    let known = FAMILIES.iter().flat_map(|family| family.mechanisms.iter().map(|mechanism| (family.id, mechanism.id)));
    assert_eq!(covered, known.collect(), "add an arm with it, export, and run parity.py");
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/parity.py").exists());
}
