//! Gradients against central differences, and which parameters have any.

use burn::tensor::Tensor;

use super::support::*;
use crate::*;

/// A scalar function of the outputs in which every value counts differently.
fn score(outputs: Outputs) -> Tensor<1> {
    let weigh = |x: Tensor<2>, name: &str| {
        let dims @ [rows, width] = x.dims();
        (x.clone() * x * tensor(wave(name, rows * width), dims)).sum()
    };
    weigh(outputs.audio, "ga") + weigh(outputs.midi, "gm")
}

#[test]
fn whole_model_gradients_are_those_of_central_differences() {
    let model = d0::FAMILY.model(&small(), &d0()).unwrap();
    let declarations = declarations(&*model);
    let mut host_batch = golden_batch();
    // BatchNorm over two rows is all but constant: use six.
    host_batch.windows = (0..6).collect();
    host_batch.audio = wave("audio", 6 * 400);
    host_batch.tokens = (0..6).map(|w| host_batch.tokens[w % 2][..(w + 2).min(3 + 4 * (w % 2))].to_vec()).collect();
    let batch = host_batch.upload(&cpu());
    let weights = Weights::initial(&declarations, 3, &[], &cpu());
    let value = |weights: &Weights| {
        // Dropout masks depend on seed and step alone, so they are the same in every evaluation.
        f64::from(host(score(model.forward(&Pass::training(weights, 5, 9), &batch)))[0])
    };
    let gradients = score(model.forward(&Pass::training(&weights, 5, 9), &batch)).backward();
    let names = [
        "audio.cnn.conv.0.weight",
        "audio.cnn.norm.1.weight",
        "audio.positions",
        "audio.layers.0.self_attn.in_proj_weight",
        "audio.layers.1.linear1.weight",
        "midi.embedding.pitch.weight",
        "midi.embedding.norm.bias",
        "midi.layers.0.self_attn.in_proj_bias",
        "midi.layers.1.norm1.weight",
        "midi.norm.weight",
        "heads.audio.0.weight",
        "heads.audio.1.weight",
        "heads.midi.6.bias",
    ];
    for name in names {
        let flat = host(weights.flat(name).clone());
        let grad = host(weights.flat(name).grad(&gradients).unwrap());
        // The steepest coordinate: there rounding matters least.
        let (at, slope) = grad
            .iter()
            .enumerate()
            .fold((0, 0.0f32), |best, (i, &g)| if g.abs() > best.1.abs() { (i, g) } else { best });
        let h = 2e-3;
        let moved = |by: f32| {
            let mut other = weights.clone();
            let mut values = flat.clone();
            values[at] += by;
            other.set(name, tensor(values, [flat.len()]));
            value(&other)
        };
        let difference = (moved(h) - moved(-h)) / (2.0 * f64::from(h));
        let error = (difference - f64::from(slope)).abs() / (1.0 + difference.abs());
        assert!(error < 0.03, "{name}[{at}]: gradient {slope}, central difference {difference}");
    }
}

#[test]
fn frozen_parameters_have_no_gradient_and_the_others_all_have_one() {
    let model = d0::FAMILY.model(&small(), &d0()).unwrap();
    let frozen = ["audio.cnn", "audio.positions"].map(str::to_owned);
    let weights = Weights::initial(&declarations(&*model), 3, &frozen, &cpu());
    let pass = Pass::training(&weights, 5, 9);
    let outputs = model.forward(&pass, &golden_batch().upload(&cpu()));
    let gradients = score(outputs).backward();
    for name in weights.names() {
        let statistic = name.contains("running");
        let expected = !statistic && !frozen.iter().any(|prefix| has_prefix(name, prefix));
        assert_eq!(weights.flat(name).grad(&gradients).is_some(), expected, "{name}");
    }
    // The frozen convolutions are computed outside the graph altogether.
    let features = AudioEncoder::new(small().audio).features(&pass, golden_batch().upload(&cpu()).audio);
    assert!(!features.is_tracked());
}

#[test]
fn dropout_acts_in_training_only_and_repeats() {
    let model = d0::FAMILY.model(&small(), &d0()).unwrap();
    let weights = Weights::initial(&declarations(&*model), 3, &[], &cpu());
    let batch = golden_batch().upload(&cpu());
    let audio = |pass: Pass| host(model.forward(&pass, &batch).midi);
    assert_eq!(audio(Pass::evaluation(&weights)), audio(Pass::evaluation(&weights)));
    assert_eq!(audio(Pass::training(&weights, 1, 1)), audio(Pass::training(&weights, 1, 1)));
    assert_ne!(audio(Pass::training(&weights, 1, 1)), audio(Pass::training(&weights, 1, 2)));
    assert_ne!(audio(Pass::training(&weights, 1, 1)), audio(Pass::training(&weights, 2, 1)));
}

/// Gradients of all parameters under coarser products, against those of single precision: as vectors, since single numbers may
/// cross zero.
#[test]
fn coarser_products_turn_no_gradient() {
    let model = d0::FAMILY.model(&small(), &d0()).unwrap();
    let mut host_batch = golden_batch();
    host_batch.windows = (0..6).collect();
    host_batch.audio = wave("audio", 6 * 400);
    host_batch.tokens = (0..6).map(|w| host_batch.tokens[w % 2][..(w + 2).min(3 + 4 * (w % 2))].to_vec()).collect();
    let batch = host_batch.upload(&cpu());
    let gradients = |precision| {
        let weights = Weights::initial(&declarations(&*model), 3, &[], &cpu()).in_precision(precision);
        let gradients = score(model.forward(&Pass::training(&weights, 5, 9), &batch)).backward();
        let of = |name: &str| (name.to_owned(), host(weights.flat(name).grad(&gradients).unwrap()));
        weights.trained().map(of).collect::<Vec<_>>()
    };
    let single = gradients(Precision::F32);
    // Some thirty roundings lie between a parameter and the loss.
    for (precision, largest) in [(Precision::F32, 1e-30), (Precision::Tf32, 0.04), (Precision::Bf16, 0.32)] {
        for ((name, expected), (_, found)) in single.iter().zip(gradients(precision)) {
            let square = |x: f32| f64::from(x) * f64::from(x);
            let apart: f64 = expected.iter().zip(&found).map(|(a, b)| square(a - b)).sum();
            let length: f64 = expected.iter().map(|&x| square(x)).sum();
            // A bias before a BatchNorm has no gradient but rounding.
            if length.sqrt() > 1e-3 {
                let share = (apart / length).sqrt();
                assert!(share <= largest, "{name} in {}: {share}", precision.name());
            }
        }
    }
}
