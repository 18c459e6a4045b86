//! The formulas in float64, written as plainly as they can be, and their derivatives by central differences.

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Gradients, Tensor};

use crate::host::{host, tensor};
use crate::{GOLDEN, Mask, Precision, matmul, mix};

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

/// Sizes of an attention layer.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    pub batch: usize,
    pub heads: usize,
    pub tokens: usize,
    /// Tokens of another sequence, of which keys and values are made.
    pub others: Option<usize>,
    /// Of a head.
    pub width: usize,
}

impl Sizes {
    pub fn d(self) -> usize {
        self.heads * self.width
    }

    pub fn keys(self) -> usize {
        self.others.unwrap_or(self.tokens)
    }

    pub fn n_scores(self) -> usize {
        self.batch * self.heads * self.tokens * self.keys()
    }

    /// Sizes of a layer's inputs: queries, perhaps a memory, weight and bias of the maps before and after.
    pub fn inputs(self) -> Vec<usize> {
        let d = self.d();
        let rows = [Some(self.tokens), self.others];
        let rows = rows.into_iter().flatten().map(|tokens| self.batch * tokens * d);
        rows.chain([3 * d * d, 3 * d, d * d, d]).collect()
    }
}

/// Multi-head attention; `bias`: `[batch, keys]`; `factors`: of the weights, by place.
pub fn multi_head(inputs: &[Vec<f64>], sizes: Sizes, bias: Option<&[f64]>, factors: &[f32]) -> Vec<f64> {
    let [queries, memory @ .., in_weight, in_bias, out_weight, out_bias] = inputs else { unreachable!() };
    let memory = memory.first().unwrap_or(queries);
    let (d, keys) = (sizes.d(), sizes.keys());
    let map = |x: &[f64], which: usize| {
        let (weight, bias) = (&in_weight[which * d * d..][..d * d], &in_bias[which * d..][..d]);
        linear(&[x.to_vec(), weight.to_vec(), bias.to_vec()], [x.len() / d, d, d])
    };
    let (q, k, v) = (map(queries, 0), map(memory, 1), map(memory, 2));
    let mut mixed = vec![0.0; q.len()];
    for (row, scores_at) in (0..sizes.batch * sizes.heads * sizes.tokens).map(|row| (row, row * keys)) {
        let (at, token) = (row / sizes.tokens, row % sizes.tokens);
        let (sample, head) = (at / sizes.heads, at % sizes.heads);
        let place = |token: usize, tokens: usize| (sample * tokens + token) * d + head * sizes.width;
        let query = place(token, sizes.tokens);
        let score = |j: usize| {
            let dot: f64 = (0..sizes.width).map(|l| q[query + l] * k[place(j, keys) + l]).sum();
            dot / (sizes.width as f64).sqrt() + bias.map_or(0.0, |bias| bias[sample * keys + j])
        };
        let scores: Vec<f64> = (0..keys).map(score).collect();
        let peak = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = scores.iter().map(|s| (s - peak).exp()).sum();
        for (j, score) in scores.iter().enumerate() {
            let weight = (score - peak).exp() / total * f64::from(factors[scores_at + j]);
            for l in 0..sizes.width {
                mixed[query + l] += weight * v[place(j, keys) + l];
            }
        }
    }
    let rows = mixed.len() / d;
    linear(&[mixed, out_weight.clone(), out_bias.clone()], [rows, d, d])
}

/// The same of burn's operations and products of that precision, whose gradients are derived; `bias`: `[batch, 1, 1, keys]`; `factors`: of the
/// weights, flat.
pub fn composed(
    inputs: &[Tensor<1>],
    sizes: Sizes,
    bias: Option<Tensor<4>>,
    factors: Option<Tensor<1>>,
    precision: Precision,
) -> Tensor<2> {
    let [queries, memory @ .., in_weight, in_bias, out_weight, out_bias] = inputs else { unreachable!() };
    let memory = memory.first().unwrap_or(queries);
    let Sizes { batch, heads, width, .. } = sizes;
    let d = sizes.d();
    let map = |x: Tensor<2>, weight: &Tensor<1>, bias: &Tensor<1>, which: usize| {
        let weight = weight.clone().narrow(0, which * d * d, d * d).reshape([d, d]);
        matmul(x, weight.transpose(), precision) + bias.clone().narrow(0, which * d, d).unsqueeze()
    };
    let heads_of = |x: &Tensor<1>, which: usize| {
        let tokens = x.dims()[0] / batch / d;
        let rows = map(x.clone().reshape([batch * tokens, d]), in_weight, in_bias, which);
        rows.reshape([batch, tokens, heads, width]).swap_dims(1, 2)
    };
    let (q, k, v) = (heads_of(queries, 0), heads_of(memory, 1), heads_of(memory, 2));
    let mut scores = matmul(q / (width as f64).sqrt(), k.transpose(), precision);
    if let Some(bias) = bias {
        scores = scores + bias;
    }
    let mut weights = softmax(scores, 3);
    if let Some(factors) = factors {
        weights = weights.clone() * factors.reshape(weights.dims());
    }
    let mixed = matmul(weights, v, precision).swap_dims(1, 2).reshape([batch * sizes.tokens, d]);
    map(mixed, out_weight, out_bias, 0)
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
