//! The formulas in float64, written as plainly as they can be, and their derivatives by central differences.

use burn::tensor::{Device, Gradients, Tensor};

use crate::host::{host, tensor};
use crate::{GOLDEN, Mask, mix};

/// `n` values in −1..1 that look random: a function of `name`.
pub fn noise(name: &str, n: usize) -> Vec<f32> {
    let key = name.bytes().fold(7, |key: u64, byte| mix(key ^ u64::from(byte)));
    let draw = |k: u64| mix(key.wrapping_add(k.wrapping_mul(GOLDEN))) >> 40;
    (0..n as u64).map(|k| draw(k) as f32 / (1 << 23) as f32 - 1.0).collect()
}

/// The same as a leaf of a graph.
pub fn leaf<const D: usize>(name: &str, dims: [usize; D]) -> Tensor<D> {
    tensor(noise(name, dims.iter().product()), dims).autodiff().require_grad()
}

/// The same outside of any graph.
pub fn plain<const D: usize>(name: &str, dims: [usize; D]) -> Tensor<D> {
    tensor(noise(name, dims.iter().product()), dims)
}

/// In float64.
pub fn wide<const D: usize>(x: &Tensor<D>) -> Vec<f64> {
    host(x.clone()).into_iter().map(f64::from).collect()
}

/// Gradients of Σ w·y, every value of `y` weighing differently.
pub fn gradients<const D: usize>(y: Tensor<D>) -> Gradients {
    let dims = y.dims();
    (y * tensor(noise("weigh", dims.iter().product()), dims)).sum().backward()
}

/// Σ w·y of the same weights.
pub fn weigh(y: &[f64]) -> f64 {
    noise("weigh", y.len()).into_iter().zip(y).map(|(w, y)| f64::from(w) * y).sum()
}

/// Central differences of `f` in every value of input `which`.
pub fn slopes(inputs: &[Vec<f64>], which: usize, f: impl Fn(&[Vec<f64>]) -> Vec<f64>) -> Vec<f64> {
    let h = 1e-5;
    let mut inputs = inputs.to_vec();
    (0..inputs[which].len())
        .map(|i| {
            let at = inputs[which][i];
            let mut moved = |by: f64| {
                inputs[which][i] = at + by;
                weigh(&f(&inputs))
            };
            let slope = (moved(h) - moved(-h)) / (2.0 * h);
            inputs[which][i] = at;
            slope
        })
        .collect()
}

/// Largest distance, over the largest expected value (1 at least).
#[track_caller]
pub fn distance(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(1.0f64, |scale, x| scale.max(x.abs()));
    found.iter().zip(expected).map(|(a, b)| if a.is_nan() { f64::INFINITY } else { (a - b).abs() }).fold(0.0, f64::max)
        / scale
}

/// Gradient of a leaf.
pub fn grad<const D: usize>(leaf: &Tensor<D>, gradients: &Gradients) -> Vec<f64> {
    wide(&leaf.grad(gradients).expect("a leaf of the graph has a gradient"))
}

/// a·b with `a` `[n, k]` and `b` `[k, m]`.
pub fn product(a: &[f64], b: &[f64], [n, k, m]: [usize; 3]) -> Vec<f64> {
    let mut y = vec![0.0; n * m];
    for i in 0..n {
        for j in 0..m {
            y[i * m + j] = (0..k).map(|l| a[i * k + l] * b[l * m + j]).sum();
        }
    }
    y
}

/// x·Wᵀ + b.
pub fn linear(inputs: &[Vec<f64>], [rows, width, outputs]: [usize; 3]) -> Vec<f64> {
    let [x, w, b] = inputs else { unreachable!() };
    let at = |i: usize, o: usize| (0..width).map(|l| x[i * width + l] * w[o * width + l]).sum::<f64>() + b[o];
    (0..rows * outputs).map(|at_| at(at_ / outputs, at_ % outputs)).collect()
}

/// (x − mean)/√(variance + ε)·w + b of each row.
pub fn layer_norm(inputs: &[Vec<f64>], width: usize, epsilon: f64) -> Vec<f64> {
    let [x, w, b] = inputs else { unreachable!() };
    let each = |row: &[f64]| {
        let mean = row.iter().sum::<f64>() / width as f64;
        let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / width as f64;
        let value = |(i, x): (usize, &f64)| (x - mean) / (variance + epsilon).sqrt() * w[i] + b[i];
        row.iter().enumerate().map(value).collect::<Vec<_>>()
    };
    x.chunks(width).flat_map(each).collect()
}

/// Sizes of an attention: batch, heads, queries, keys, width of a head.
#[derive(Clone, Copy, Debug)]
pub struct Sizes(pub usize, pub usize, pub usize, pub usize, pub usize);

/// softmax(q·kᵀ/√width + bias)·factors·v; `bias`: `[batch, keys]`; `factors`: of the weights, by place.
pub fn attention(inputs: &[Vec<f64>], sizes: Sizes, bias: Option<&[f64]>, factors: &[f32]) -> Vec<f64> {
    let [q, k, v] = inputs else { unreachable!() };
    let Sizes(batch, heads, queries, keys, width) = sizes;
    let mut y = vec![0.0; batch * heads * queries * width];
    for bh in 0..batch * heads {
        for i in 0..queries {
            let row = (bh * queries + i) * width;
            let score = |j: usize| {
                let key = (bh * keys + j) * width;
                let dot: f64 = (0..width).map(|l| q[row + l] * k[key + l]).sum();
                dot / (width as f64).sqrt() + bias.map_or(0.0, |bias| bias[bh / heads * keys + j])
            };
            let scores: Vec<f64> = (0..keys).map(score).collect();
            let peak = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = scores.iter().map(|s| (s - peak).exp()).sum();
            for (j, score) in scores.iter().enumerate() {
                let weight = (score - peak).exp() / total * f64::from(factors[(bh * queries + i) * keys + j]);
                for l in 0..width {
                    y[row + l] += weight * v[(bh * keys + j) * width + l];
                }
            }
        }
    }
    y
}

/// Main memory.
pub fn cpu() -> Device {
    Device::flex()
}

/// What a GPU drops and scales, `n` values from place `first` on: see `dropout.rs`.
pub fn gpu_factors(mask: Mask, first: usize, n: usize) -> Vec<f32> {
    let (low, high) = (mask.key as u32, (mask.key >> 32) as u32);
    let below = (mask.p * 4_294_967_296.0) as u32;
    let factor = |place: usize| {
        let h = place as u32 ^ low;
        let h = (h ^ (h >> 16)).wrapping_mul(0x7feb_352d) ^ high;
        let h = (h ^ (h >> 15)).wrapping_mul(0x846c_a68b);
        if h ^ (h >> 16) < below { 0.0 } else { (1.0 / (1.0 - mask.p)) as f32 }
    };
    (first..first + n).map(factor).collect()
}
