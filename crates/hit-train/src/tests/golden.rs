//! Loss and optimiser against PyTorch: tests/golden/model.py.

use std::collections::BTreeMap;

use hit_model::{Declarations, Device, Init, Tensor, TensorData, Weights, host};
use serde::Deserialize;

use crate::{AdamW, AdamWSpec, VicregSpec, vicreg};

#[derive(Deserialize)]
struct Golden {
    vicreg: Vec<GoldenVicreg>,
    adamw: GoldenAdamW,
}

#[derive(Deserialize)]
struct GoldenVicreg {
    batch: usize,
    dims: usize,
    terms: [f64; 4],
    grad_a: Vec<f64>,
    grad_m: Vec<f64>,
}

#[derive(Deserialize)]
struct GoldenAdamW {
    norms: Vec<f64>,
    params: BTreeMap<String, Vec<f64>>,
}

fn golden() -> Golden {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/model.json"));
    serde_json::from_str(text).unwrap()
}

const LOSS: VicregSpec = VicregSpec { invariance: 10.0, variance: 10.0, covariance: 1.0, gamma: 1.0, epsilon: 1e-4 };

fn wave(name: &str, n: usize) -> Vec<f32> {
    let phase = name.bytes().map(f64::from).sum::<f64>();
    (0..n).map(|i| (0.37 * (i * i) as f64 + phase).sin() as f32).collect()
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

/// float32 against float64 results of order 1.
fn close(found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f64::from(*f) - e).abs() < 1e-5 * (1.0 + e.abs()), "{f} instead of {e}");
    }
}

#[test]
fn vicreg_and_its_gradients_are_those_of_pytorch() {
    for case in golden().vicreg {
        let shape = [case.batch, case.dims];
        let n = case.batch * case.dims;
        let a = tensor(wave("a", n).iter().map(|v| 1.5 * v).collect(), shape).autodiff().require_grad();
        let m = tensor(wave("m", n).iter().map(|v| 0.8 * v + 0.1).collect(), shape).autodiff().require_grad();
        let terms = vicreg(a.clone(), m.clone(), &LOSS);
        let gradients = terms.loss.backward();
        let values = [terms.loss, terms.invariance, terms.variance, terms.covariance].map(|t| host(t)[0]);
        close(&values, &case.terms);
        close(&host(a.grad(&gradients).unwrap()), &case.grad_a);
        close(&host(m.grad(&gradients).unwrap()), &case.grad_m);
    }
}

#[test]
fn vicreg_of_a_collapsed_model_is_its_variance_term() {
    let z = tensor(vec![0.25; 12], [4, 3]);
    let terms = vicreg(z.clone(), z, &LOSS);
    close(&host(terms.invariance), &[0.0]);
    close(&host(terms.covariance), &[0.0]);
    // Two sides, each 1 − √1e-4 short of γ = 1.
    close(&host(terms.variance), &[2.0 * 0.99]);
    close(&host(terms.loss), &[19.8]);
}

#[test]
fn vicreg_gradients_are_those_of_central_differences() {
    let base = wave("z", 20);
    let other = tensor(wave("y", 20), [5, 4]);
    let value = |z: &[f32]| f64::from(host(vicreg(tensor(z.to_vec(), [5, 4]), other.clone(), &LOSS).loss)[0]);
    let z = tensor(base.clone(), [5, 4]).autodiff().require_grad();
    let grad = host(z.grad(&vicreg(z.clone(), other.clone(), &LOSS).loss.backward()).unwrap());
    for (at, slope) in grad.iter().enumerate() {
        let moved = |by: f32| {
            let mut z = base.clone();
            z[at] += by;
            value(&z)
        };
        let difference = (moved(1e-2) - moved(-1e-2)) / 2e-2;
        assert!((difference - f64::from(*slope)).abs() < 0.01 * (1.0 + difference.abs()), "{slope} {difference}");
    }
}

#[test]
fn adamw_with_groups_schedule_and_clipping_is_pytorchs() {
    let case = golden().adamw;
    let rates =
        BTreeMap::from([("audio.a", 0.05), ("audio.b", 0.01), ("midi.c", 0.1)].map(|(n, lr)| (n.to_owned(), lr)));
    let mut declarations = Declarations::default();
    for (name, values) in &case.params {
        declarations.parameter(name.clone(), &[values.len()], Init::Constant(0.0));
    }
    let mut weights = Weights::initial(&declarations, 1, &[], &Device::flex());
    for (name, values) in &case.params {
        let n = values.len();
        weights.set(name, tensor(wave(name, n).iter().map(|v| 0.3 * v).collect(), [n]));
    }
    let spec = AdamWSpec { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.1, clip_norm: 1.0 };
    let mut adamw = AdamW::new(spec, rates);
    let mut norms = Vec::new();
    for (step, (scale, factor)) in (1u64..).zip([(3.0f32, 0.5), (1.0, 1.0), (0.1, 0.25)]) {
        // The gradient of Σ p·g is g.
        let products = case.params.iter().map(|(name, values)| {
            let n = values.len();
            let g = tensor(wave(&format!("{name}{step}"), n).iter().map(|v| scale * v).collect(), [n]);
            (weights.flat(name).clone() * g).sum()
        });
        let mut gradients = products.reduce(|a, b| a + b).unwrap().backward();
        norms.push(host(adamw.step(&mut weights, &mut gradients, step, factor))[0]);
    }
    close(&norms, &case.norms);
    for (name, expected) in &case.params {
        close(&host(weights.flat(name).clone()), expected);
    }
}
