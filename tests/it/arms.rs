//! What holds for all arms, and what sets single ones apart: on small models, without training.

use std::collections::BTreeMap;

use hit_model::{ArmSpec, Declarations, Device, Error, HostBatch, Init, Model, ModelSpec, Pass, Weights, host};
use hit_schema::Token;
use hit_train::{Fit, Plan, ScheduleSpec, TrainSpec};
use hitrepro::registry;
use serde_json::json;

use crate::cases::{Cases, batch, checkpoint};
use crate::parity::golden;

/// Rounding of float32 through a network whose values are of order 1.
const ROUNDING: f32 = 2e-5;

struct Arms(Cases);

impl Arms {
    fn new() -> Self {
        Self(golden().0)
    }

    fn spec(&self) -> &ModelSpec {
        &self.0.model
    }

    fn arm(&self, name: &str) -> ArmSpec {
        self.0.models.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case `{name}`")).arm()
    }

    fn build(&self, arm: &ArmSpec) -> Result<Box<dyn Model>, Error> {
        registry::family(&arm.family).model(self.spec(), arm)
    }

    /// Embeddings in evaluation under values by formula, window by window: audio, MIDI.
    fn embed(&self, name: &str, batch: &HostBatch) -> Vec<[Vec<f32>; 2]> {
        let model = self.build(&self.arm(name)).unwrap();
        let weights = Weights::of_checkpoint(&declarations(&*model), &checkpoint(&*model), &Device::flex()).unwrap();
        evaluate(&*model, &weights, batch)
    }

    /// The same under fresh values.
    fn fresh(&self, name: &str) -> Vec<[Vec<f32>; 2]> {
        let model = self.build(&self.arm(name)).unwrap();
        evaluate(&*model, &Weights::initial(&declarations(&*model), 42, &[], &Device::flex()), &batch())
    }

    /// Penalties of a training pass under fresh values, with dropout and noise.
    fn penalties(&self, arm: &ArmSpec, step: u64, progress: f64) -> f32 {
        let model = self.build(arm).unwrap();
        let weights = Weights::initial(&declarations(&*model), 42, &[], &Device::flex());
        let pass = Pass::training(&weights, 1, step).at(progress);
        let _ = model.forward(&pass, &batch().upload(&Device::flex()));
        pass.into_noted().penalties.into_iter().map(|term| host(term)[0]).sum()
    }
}

fn declarations(model: &dyn Model) -> Declarations {
    let mut declarations = Declarations::default();
    model.declare(&mut declarations);
    declarations
}

fn evaluate(model: &dyn Model, weights: &Weights, batch: &HostBatch) -> Vec<[Vec<f32>; 2]> {
    let outputs = model.forward(&Pass::evaluation(weights), &batch.clone().upload(&Device::flex()));
    assert!(outputs.others.is_empty(), "evaluation compares nothing");
    let width = outputs.audio.dims()[1];
    let rows = |values: Vec<f32>| values.chunks(width).map(<[f32]>::to_vec).collect::<Vec<_>>();
    rows(host(outputs.audio)).into_iter().zip(rows(host(outputs.midi))).map(|(a, m)| [a, m]).collect()
}

fn distance(a: &[[Vec<f32>; 2]], b: &[[Vec<f32>; 2]]) -> f32 {
    let flat = |x: &[[Vec<f32>; 2]]| x.iter().flatten().flatten().copied().collect::<Vec<f32>>();
    let (a, b) = (flat(a), flat(b));
    assert_eq!(a.len(), b.len());
    assert!(a.iter().chain(&b).all(|value| value.is_finite()), "embeddings are numbers");
    a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// A batch of one of the windows.
fn alone(all: &HostBatch, w: usize) -> HostBatch {
    let mut one = all.clone();
    one.windows = vec![w];
    one.audio = all.audio[w * all.n_samples..][..all.n_samples].to_vec();
    one.tokens = vec![all.tokens[w].clone()];
    for rows in one.descriptors.values_mut() {
        rows.windows = vec![rows.windows[w].clone()];
    }
    one
}

/// The batch with a window more, whose list of notes is longer than all others.
fn with_a_long_list() -> HostBatch {
    let mut batch = batch();
    batch.windows.push(4);
    batch.audio.extend(alone(&batch, 0).audio);
    batch.tokens.push(vec![Token { pitch: 60, velocity: 64, duration: 3 }; 40]);
    for rows in batch.descriptors.values_mut() {
        let window = if rows.per_note { vec![0.5; 40 * rows.dims] } else { rows.windows[0].clone() };
        rows.windows.push(window);
    }
    batch
}

fn changed(id: &str, change: impl Fn(&mut Vec<f32>, usize)) -> HostBatch {
    let mut batch = batch();
    let rows = batch.descriptors.get_mut(id).unwrap();
    let dims = rows.dims;
    rows.windows.iter_mut().for_each(|window| change(window, dims));
    batch
}

fn zeroed(id: &str) -> HostBatch {
    changed(id, |window, _| window.fill(0.0))
}

/// A4 as it is: each band of mean 0 over the frames.
fn centred(id: &str) -> HostBatch {
    changed(id, |window, dims| {
        for band in 0..dims {
            let n = window.len() / dims;
            let mean = (0..n).map(|t| window[t * dims + band]).sum::<f32>() / n as f32;
            (0..n).for_each(|t| window[t * dims + band] -= mean);
        }
    })
}

#[test]
fn an_embedding_depends_neither_on_its_batch_nor_on_padding() {
    let arms = Arms::new();
    for case in &arms.0.models {
        let together = arms.embed(&case.name, &batch());
        let longer = arms.embed(&case.name, &with_a_long_list());
        let singly: Vec<_> = (0..4).flat_map(|w| arms.embed(&case.name, &alone(&batch(), w))).collect();
        let moved = distance(&together, &singly).max(distance(&together, &longer[..4]));
        if case.name.ends_with("-reference") {
            assert!(moved > 1e-3, "{}: the published padding shows, as documented: {moved}", case.name);
        } else {
            assert!(moved < ROUNDING, "{}: {moved}", case.name);
        }
    }
}

#[test]
fn the_rules_of_padding_agree_where_there_is_none() {
    let arms = Arms::new();
    for name in ["D4x", "D4r", "d4a4cm"] {
        let longest = alone(&batch(), 2);
        let (masked, reference) = (arms.embed(name, &longest), arms.embed(&format!("{name}-reference"), &longest));
        assert!(distance(&masked, &reference) < ROUNDING, "{name}");
    }
}

#[test]
fn the_mean_of_a4_tells_film_and_the_routers_nothing() {
    let arms = Arms::new();
    for name in ["film-a4", "moe-a4", "moe-a4-v4", "moe-paper"] {
        let (given, without) = (arms.embed(name, &centred("a4")), arms.embed(name, &zeroed("a4")));
        assert!(distance(&given, &without) < ROUNDING, "{name}: the published arms do not see A4");
    }
    // What is conditioned on something that has a mean does see it.
    for (name, id) in [("film-a4e", "a4e"), ("film-d4", "d4"), ("film-dual", "d4"), ("moe-dual", "d4")] {
        let moved = distance(&arms.embed(name, &batch()), &arms.embed(name, &zeroed(id)));
        assert!(moved > 10.0 * ROUNDING, "{name}: {moved}");
    }
    for name in ["A4", "A4x", "a4r", "d4a4"] {
        let moved = distance(&arms.embed(name, &centred("a4")), &arms.embed(name, &zeroed("a4")));
        assert!(moved > 10.0 * ROUNDING, "{name}: {moved}");
    }
}

#[test]
fn a_descriptor_changes_nothing_in_arms_that_are_not_given_it() {
    let arms = Arms::new();
    for (name, id) in [("D0", "a4"), ("D0", "d4"), ("a4r", "d4"), ("A4", "d4"), ("D4", "a4"), ("A8", "a7")] {
        assert_eq!(arms.embed(name, &batch()), arms.embed(name, &zeroed(id)), "{id} in {name}");
    }
    // t3-anc gives its descriptors to the tower alone, which retrieval does not use.
    for id in ["a4", "d4"] {
        assert_eq!(arms.embed("t3-anc", &batch()), arms.embed("t3-anc", &zeroed(id)), "{id}");
    }
}

#[test]
fn a_descriptor_reaches_its_own_encoder_or_the_other_one() {
    let arms = Arms::new();
    let reached = |name: &str, id: &str| {
        let (before, after) = (arms.embed(name, &batch()), arms.embed(name, &zeroed(id)));
        [0, 1].map(|side| before.iter().zip(&after).any(|(a, b)| a[side] != b[side]))
    };
    for name in ["A4", "A4x", "a4r", "A7x", "d4a4", "d4-a4r", "t3-wt"] {
        let id = if name == "A7x" { "a7" } else { "a4" };
        assert_eq!(reached(name, id), [true, false], "{id} in {name}");
    }
    for name in ["D4", "D4x", "D4r", "d4a4", "d4a4r", "moe-dual"] {
        assert_eq!(reached(name, "d4"), [false, true], "d4 in {name}");
    }
    // Cross-modal: an embedding of one modality needs the other's data.
    assert_eq!((reached("d4a4cm", "a4"), reached("d4a4cm", "d4")), ([false, true], [true, false]));
}

#[test]
fn new_modules_that_start_at_zero_leave_the_foundation_as_it_is() {
    let arms = Arms::new();
    let base = arms.fresh("D0");
    for name in ["film-a4", "film-d4", "film-dual", "film-a4e", "moe-a4", "moe-dual", "t3-anc"] {
        assert!(distance(&base, &arms.fresh(name)) < ROUNDING, "{name}");
    }
    for name in ["moe-a4-v2", "moe-paper", "A4", "a4r"] {
        assert!(distance(&base, &arms.fresh(name)) > 1e-4, "{name}");
    }
    assert_eq!(arms.fresh("t3-wt"), arms.fresh("d4a4"), "the tower adds to training alone");
}

#[test]
fn one_feed_forward_expert_is_the_layer_itself() {
    let arms = Arms::new();
    let mut arm = arms.arm("moe-paper");
    arm.options.extend([("n_experts".to_owned(), json!(1)), ("top_k".to_owned(), json!(1))]);
    let model = arms.build(&arm).unwrap();
    let weights = Weights::of_checkpoint(&declarations(&*model), &checkpoint(&*model), &Device::flex()).unwrap();
    assert!(distance(&evaluate(&*model, &weights, &batch()), &arms.embed("D0", &batch())) < ROUNDING);
}

#[test]
fn noise_on_the_router_is_of_training_falls_over_the_epochs_and_repeats() {
    let arms = Arms::new();
    let mut arm = arms.arm("moe-a4-v2");
    assert_eq!(arms.penalties(&arm, 1, 0.0), arms.penalties(&arm, 2, 0.0), "without noise all steps are alike");
    arm.options.extend([("noise_start".to_owned(), json!(0.5)), ("noise_end".to_owned(), json!(0.0))]);
    let noisy = |step, progress| arms.penalties(&arm, step, progress);
    assert_eq!(noisy(1, 0.0), noisy(1, 0.0));
    assert_ne!(noisy(1, 0.0), noisy(2, 0.0));
    assert_eq!(noisy(1, 1.0), noisy(2, 1.0), "none is left in the last epoch");
    let spread = |progress| {
        let values: Vec<f32> = (1..30).map(|step| noisy(step, progress)).collect();
        values.iter().copied().fold(f32::MIN, f32::max) - values.iter().copied().fold(f32::MAX, f32::min)
    };
    assert!(spread(0.0) > 1.5 * spread(0.8), "{} {}", spread(0.0), spread(0.8));
}

#[test]
fn training_tells_the_router_how_far_it_is() {
    let arms = Arms::new();
    let log = |noise_start: f64, steps: std::ops::RangeInclusive<u64>| {
        let mut arm = arms.arm("moe-a4-v2");
        arm.options.extend([("noise_start".to_owned(), json!(noise_start)), ("noise_end".to_owned(), json!(0.0))]);
        let model = arms.build(&arm).unwrap();
        let spec = TrainSpec {
            batch_size: 4,
            batches_per_epoch: 1,
            optimizer: arms.0.optimizer,
            warmup_steps: 0,
            groups: arms.0.groups.clone(),
            frozen: arms.0.frozen.clone(),
            loss: arms.0.loss,
            save_every_steps: 1,
        };
        let plan = Plan { seed: 1, n_windows: 4, batch_size: 4, per_epoch: 1, epochs: 2 };
        let schedule = ScheduleSpec::cosine(2);
        let mut fit = Fit::new(&*model, &spec, schedule, plan, None, &Device::flex()).unwrap();
        steps.map(|step| fit.step(&batch().upload(&Device::flex()), step).values[4]).collect::<Vec<f64>>()
    };
    assert_ne!(log(0.5, 1..=1), log(0.0, 1..=1), "noise in the first epoch");
    assert_eq!(log(0.5, 2..=2), log(0.0, 2..=2), "none in the last");
}

#[test]
fn new_arrays_start_as_the_published_ones() {
    let arms = Arms::new();
    let start = |name: &str, array: &str| {
        let model = arms.build(&arms.arm(name)).unwrap();
        let all = declarations(&*model);
        all.specs().iter().find(|spec| spec.name == array).unwrap_or_else(|| panic!("{name}: {array}")).init
    };
    assert_eq!(start("a4r", "inject.audio.a4.positions"), Init::Normal(0.02));
    assert_eq!(start("a4r", "inject.audio.a4.attention.in_proj_weight"), Init::Xavier(8, 24));
    assert_eq!(start("A4x", "inject.audio.a4.linear.weight"), Init::Fan(8));
    assert_eq!(start("film-d4", "inject.midi.d4.film.2.weight"), Init::Constant(0.0));
    assert_eq!(start("moe-a4", "inject.audio.a4.moe.0.experts.1.2.weight"), Init::Normal(0.0));
    assert_eq!(start("moe-a4-v2", "inject.audio.a4.moe.1.experts.0.2.weight"), Init::Normal(0.02));
    assert_eq!(start("moe-a4-v2", "inject.audio.a4.moe.1.experts.0.2.bias"), Init::Constant(0.0));
    assert_eq!(start("t3-wt", "inject.tower.head.0.weight"), Init::Xavier(8, 6));
}

#[test]
fn balanced_routers_cost_nothing_and_undecided_ones_cost_their_entropy() {
    let arms = Arms::new();
    // A router of zeros shares every token equally: no variance, the entropy of two halves.
    let even = |name: &str| {
        let model = arms.build(&arms.arm(name)).unwrap();
        let mut start = checkpoint(&*model);
        for (name, array) in &mut start.params {
            if name.contains("router.2") {
                array.values.fill(0.0);
            }
        }
        let weights = Weights::of_checkpoint(&declarations(&*model), &start, &Device::flex()).unwrap();
        let pass = Pass::training(&weights, 1, 1);
        let _ = model.forward(&pass, &batch().upload(&Device::flex()));
        pass.into_noted().penalties.into_iter().map(|term| f64::from(host(term)[0])).sum::<f64>()
    };
    assert!(even("moe-a4").abs() < 1e-9);
    // Weight 1 in these cases; ln 2 a token.
    assert!((even("moe-a4-v3") - std::f64::consts::LN_2).abs() < 1e-5, "{}", even("moe-a4-v3"));
}

#[test]
fn arms_that_cannot_be_are_refused_with_the_option_or_mechanism_named() {
    let arms = Arms::new();
    let complaint = |name: &str, change: &dyn Fn(&mut ArmSpec)| {
        let mut arm = arms.arm(name);
        change(&mut arm);
        match arms.build(&arm) {
            Err(error @ (Error::Arm { .. } | Error::Options { .. })) => error.to_string(),
            Err(error) => panic!("{name}: {error}"),
            Ok(_) => panic!("{name} was built"),
        }
    };
    let option = |name: &'static str, key: &'static str, value: serde_json::Value| {
        let said = complaint(name, &|arm| drop(arm.options.insert(key.to_owned(), value.clone())));
        // Behind the family's own name, the first one said is that of the option at fault.
        assert_eq!(said.split('`').nth(3), Some(key), "{name}: {said}");
    };
    for (name, key, value) in [
        ("A4x", "n_heads", json!(3)),
        ("A4x", "dropout", json!(1.0)),
        ("a4r", "max_frames", json!(0)),
        ("a4r", "position_std", json!(-1.0)),
        ("D4x", "padding", json!("none")),
        ("film-a4", "hidden", json!(0)),
        ("film-a4", "hiden", json!(4)),
        ("film-a4", "hidden", json!("4")),
        ("moe-a4", "bottleneck", json!(3)),
        ("moe-a4", "n_experts", json!(0)),
        ("moe-a4", "expert_std", json!(-0.1)),
        ("moe-a4-v3", "entropy", json!(-0.1)),
        ("moe-a4", "routing", json!("hard")),
        ("moe-a4", "top_k", json!(1)),
        ("moe-paper", "top_k", json!(5)),
        ("moe-paper", "n_experts", json!(0)),
        ("moe-paper", "balance", json!(-1.0)),
        ("t3-wt", "n_heads", json!(3)),
        ("t3-wt", "d_model", json!(7)),
        ("t3-wt", "hidden", json!([0])),
        ("t3-anc", "pair", json!(-1.0)),
        ("t3-wt", "dropout", json!(-0.1)),
        ("D0", "hidden", json!(4)),
    ] {
        option(name, key, value);
    }
    let mut plain = arms.arm("A4");
    plain.options.insert("n_heads".to_owned(), json!(3));
    assert!(arms.build(&plain).is_ok(), "concatenation has no heads to divide its width");
    let two = |name: &str| complaint(name, &|arm| arm.injections.push(arm.injections[0].clone()));
    for name in ["A4", "A4x", "film-a4", "moe-a4", "moe-paper"] {
        assert!(two(name).contains("more than one descriptor enters the audio encoder"), "{name}");
    }
    let unknown = complaint("film-a4", &|arm| arm.injections[0].mechanism = "flim".to_owned());
    assert!(unknown.contains("`flim`") && unknown.contains("film"), "{unknown}");
    let without_audio = complaint("t3-anc", &|arm| drop(arm.injections.remove(0)));
    assert!(without_audio.contains("descriptor of the audio"), "{without_audio}");
    assert!(complaint("a4r", &|arm| "moe".clone_into(&mut arm.family)).contains("unknown"));
}

#[test]
fn costs_follow_from_the_architecture() {
    let arms = Arms::new();
    let window = hit_model::WindowSize { n_samples: 400, n_frames: 21, n_notes: 10 };
    let cost: BTreeMap<&str, _> = arms
        .0
        .models
        .iter()
        .map(|case| (case.name.as_str(), arms.build(&case.arm()).unwrap().cost(&window).unwrap()))
        .collect();
    // 400 samples: 79, then 40 tokens; 8 dims, 2 layers of 16; a layer is its projections, scores and feed-forward part.
    let layer = |tokens: u64| 2 * (4 * tokens * 8 * 8 + 2 * tokens * tokens * 8 + 2 * tokens * 8 * 16);
    assert_eq!((cost["D0"].audio_tokens, cost["A4x"].audio_tokens, cost["a4r"].audio_tokens), (40, 40, 21));
    assert_eq!(cost["A4"].flops - cost["D0"].flops, 2 * 40 * (8 + 8) * 8);
    let cross = |asking: u64, asked: u64| 2 * (21 * 8 * 8 + 2 * asking * 64 + 2 * asked * 64 + 2 * asking * asked * 8);
    assert_eq!(cost["A4x"].flops - cost["D0"].flops, cross(40, 21));
    assert_eq!(cost["D0"].flops - 2 * layer(40) + 2 * layer(21) + cross(21, 40), cost["a4r"].flops);
    assert_eq!(cost["t3-anc"], cost["D0"], "the tower costs nothing in evaluation");
    let short = hit_model::WindowSize { n_frames: 26, ..window };
    let refused = arms.build(&arms.arm("a4r")).unwrap().cost(&short).unwrap_err().to_string();
    assert!(refused.contains("`max_frames`"), "{refused}");
}
