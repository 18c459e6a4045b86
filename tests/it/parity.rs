//! Every arm against PyTorch: tests/golden/parity.py, whose float64 results ours, in float32, meet to stated bounds.
//!
//! To make the vectors anew: `cargo run --release --example parity_export -- FOLDER`, then `python3
//! tests/golden/parity.py FOLDER tests/golden`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hit_model::{Declarations, Device, Pass, Tensor, Weights, host};
use hit_schema::{Block, Checkpoint};
use hit_train::{AdamW, TrainSpec};
use hitrepro::config::Config;
use hitrepro::registry::{self, FAMILIES};

use crate::cases::{Case, Cases, batch, checkpoint};
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

    fn close(&self, name: &str, found: &[f32], tolerance: f64, scale: f64) {
        let expected = self.get(name);
        assert_eq!(found.len(), expected.len(), "{}/{name}", self.case);
        let error = found.iter().zip(&expected).map(|(f, e)| f64::from((f - e).abs())).fold(0.0, f64::max);
        assert!(error <= tolerance * scale, "{}/{name}: off by {error:e} of {scale}", self.case);
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
    let noted = pass.into_noted();
    let penalty = noted.penalties.iter().map(|term| host(term.clone())[0]).sum::<f32>();
    expected.value("penalty", &[penalty]);
    for (name, value) in &noted.statistics {
        expected.value(&format!("running/{name}"), &host(value.clone()));
    }
    let loss = hit_train::loss(outputs, noted.penalties, &cases.loss);
    expected.value("loss", &host(loss.total.clone()));

    let mut gradients = loss.total.backward();
    let norm = expected.get("grad_norm")[0];
    let names: Vec<String> = weights.trained().map(str::to_owned).collect();
    let mut grads = BTreeMap::new();
    for name in &names {
        let grad = weights.flat(name).grad(&gradients);
        // What nothing reaches has no gradient here and zeros there.
        let grad = grad.map_or_else(|| vec![0.0; weights.flat(name).dims()[0]], host);
        expected.close(&format!("grad/{name}"), &grad, GRADIENT, f64::from(norm));
        grads.insert(name.clone(), grad);
    }
    let prefix = format!("{}/grad/", case.name);
    let theirs: BTreeSet<&str> = expected.block.names().filter_map(|name| name.strip_prefix(prefix.as_str())).collect();
    assert_eq!(names.iter().map(String::as_str).collect::<BTreeSet<_>>(), theirs, "{}: what is trained", case.name);
    if case.step {
        let rates = train_spec(cases).rates(names.iter().map(String::as_str)).unwrap();
        let mut adamw = AdamW::new(cases.optimizer, rates.clone());
        let found = host(adamw.step(&mut weights, &mut gradients, 1, cases.schedule_factor))[0];
        expected.close("grad_norm", &[found], VALUE, f64::from(norm));
        for name in &names {
            step(cases, expected, name, rates[name], &start, &weights.flat(name).clone(), norm);
        }
    }
}

/// AdamW's first step is the learning rate times the sign of the gradient. Where that is zero by nature (biases before a
/// BatchNorm, those of attention's keys) rounding noise decides the sign, and only the size of the step can be held.
fn step(cases: &Cases, expected: &Expected, name: &str, rate: f64, start: &Checkpoint, now: &Tensor<1>, norm: f32) {
    let rate = rate * cases.schedule_factor;
    let clip = (cases.optimizer.clip_norm / f64::from(norm)).min(1.0);
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
    let published = config.arms.iter().filter(|(_, arm)| !arm.extra);
    for (id, arm) in published {
        let case = cases.models.iter().find(|case| case.name == *id).unwrap_or_else(|| panic!("no vectors of `{id}`"));
        assert_eq!((&case.family, &case.injections), (&arm.family, &arm.injections), "{id}");
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
