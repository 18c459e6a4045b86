//! Kernels with a cube for each row.

#![expect(clippy::used_underscore_binding, reason = "the kernel's numbers are used by what the macro writes")]

use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::{FloatDType, Tensor};
use burn_cubecl::cubecl;
use burn_cubecl::cubecl::calculate_cube_count_elemwise;
use burn_cubecl::cubecl::client::Client;
use burn_cubecl::cubecl::prelude::*;

use super::elements::{Draws, DrawsLaunch};
use super::{beside, beside_in, buffer, elementwise, narrow_buffer, read, read_rows, wrapped};
use crate::dropout::Mask;

/// Units of a row. Part of the numbers: how many sums a row is added in.
pub(super) const UNITS: usize = 128;
const HALVINGS: usize = UNITS.ilog2() as usize;

pub(super) fn rowwise(client: &Client, rows: usize) -> (CubeCount, CubeDim) {
    let dim = CubeDim::new_1d(UNITS as u32);
    (calculate_cube_count_elemwise(client, rows * UNITS, dim), dim)
}

/// The sum of what the units of a cube have, in pairs of a fixed order. Every unit gets it.
#[cube]
pub(super) fn sum_of_units(shared: &mut Shared<[f32]>, of_unit: f32) -> f32 {
    let unit = UNIT_POS as usize;
    shared[unit] = of_unit;
    sync_cube();
    #[unroll]
    for step in 0..HALVINGS {
        let half = comptime!(UNITS >> (step + 1));
        if unit < half {
            let other = shared[unit + half];
            shared[unit] += other;
        }
        sync_cube();
    }
    let sum = shared[0];
    // Nobody writes the next one before all have read this one.
    sync_cube();
    sum
}

/// The largest of what the units of a cube have.
#[cube]
fn largest_of_units(shared: &mut Shared<[f32]>, of_unit: f32) -> f32 {
    let unit = UNIT_POS as usize;
    shared[unit] = of_unit;
    sync_cube();
    #[unroll]
    for step in 0..HALVINGS {
        let half = comptime!(UNITS >> (step + 1));
        if unit < half {
            let other = shared[unit + half];
            shared[unit] = max(shared[unit], other);
        }
        sync_cube();
    }
    let largest = shared[0];
    sync_cube();
    largest
}

/// LayerNorm of `[rows, width]`: its value, the normalised rows, and 1/√(variance + ε) of each, `[rows, 1]`.
pub(crate) fn layer_norm(x: Tensor<2>, weight: Tensor<1>, bias: Tensor<1>, epsilon: f64) -> [Tensor<2>; 3] {
    let [n, width] = x.dims();
    let (x, weight, bias) = (read(x), read(weight), read(bias));
    let (y, rows, inverse) = (beside(&x, [n, width]), beside(&x, [n, width]), beside(&x, [n, 1]));
    let (count, dim) = rowwise(&x.client, n);
    layer_norm_kernel::launch(
        &x.client,
        count,
        dim,
        buffer(&x),
        buffer(&weight),
        buffer(&bias),
        buffer(&y),
        buffer(&rows),
        buffer(&inverse),
        width,
        epsilon as f32,
    );
    [y, rows, inverse].map(wrapped)
}

#[cube(launch)]
fn layer_norm_kernel(
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    y: &mut [f32],
    rows: &mut [f32],
    inverse: &mut [f32],
    width: usize,
    epsilon: f32,
) {
    let mut shared = Shared::new_slice(UNITS);
    let row = CUBE_POS;
    // Cubes are launched in a grid, which may have more of them than there are rows.
    if row >= inverse.len() {
        terminate!();
    }
    let start = row * width;
    let share = 1.0 / f32::cast_from(width as u32);
    let mut sum = 0.0f32;
    let mut k = UNIT_POS as usize;
    while k < width {
        sum += x[start + k];
        k += UNITS;
    }
    let mean = sum_of_units(&mut shared, sum) * share;
    let mut squares = 0.0f32;
    let mut k = UNIT_POS as usize;
    while k < width {
        let off = x[start + k] - mean;
        squares += off * off;
        k += UNITS;
    }
    let variance = sum_of_units(&mut shared, squares) * share;
    let scale = 1.0 / (variance + epsilon).sqrt();
    let mut k = UNIT_POS as usize;
    while k < width {
        let normal = (x[start + k] - mean) * scale;
        rows[start + k] = normal;
        y[start + k] = normal * weight[k] + bias[k];
        k += UNITS;
    }
    if UNIT_POS == 0 {
        inverse[row] = scale;
    }
}

/// The gradient of LayerNorm's input: see `norm::back`.
pub(crate) fn layer_norm_back(grad: Tensor<2>, rows: Tensor<2>, inverse: Tensor<2>, weight: Tensor<1>) -> Tensor<2> {
    let [n, width] = grad.dims();
    let (grad, rows, inverse, weight) = (read(grad), read(rows), read(inverse), read(weight));
    let of_x = beside(&grad, [n, width]);
    let (count, dim) = rowwise(&grad.client, n);
    layer_norm_back_kernel::launch(
        &grad.client,
        count,
        dim,
        buffer(&grad),
        buffer(&rows),
        buffer(&inverse),
        buffer(&weight),
        buffer(&of_x),
        width,
    );
    wrapped(of_x)
}

#[cube(launch)]
fn layer_norm_back_kernel(grad: &[f32], rows: &[f32], inverse: &[f32], weight: &[f32], of_x: &mut [f32], width: usize) {
    let mut shared = Shared::new_slice(UNITS);
    let row = CUBE_POS;
    if row >= inverse.len() {
        terminate!();
    }
    let start = row * width;
    let share = 1.0 / f32::cast_from(width as u32);
    let mut sum = 0.0f32;
    let mut along = 0.0f32;
    let mut k = UNIT_POS as usize;
    while k < width {
        let scaled = grad[start + k] * weight[k];
        sum += scaled;
        along += scaled * rows[start + k];
        k += UNITS;
    }
    let mean = sum_of_units(&mut shared, sum) * share;
    let along = sum_of_units(&mut shared, along) * share;
    let mut k = UNIT_POS as usize;
    while k < width {
        let scaled = grad[start + k] * weight[k];
        of_x[start + k] = (scaled - mean - rows[start + k] * along) * inverse[row];
        k += UNITS;
    }
}

/// Where the rows of scores `[n, heads, queries, keys]` lie, what is added to them and what is dropped.
pub(crate) struct Scores {
    /// `[n, 1, 1, keys]`.
    pub key_bias: Option<Tensor<4>>,
    pub mask: Option<Mask>,
    /// Place of the first score in the mask.
    pub first: usize,
    /// Numbers of the weights and of gradients, as products take them.
    pub storage: FloatDType,
}

impl Scores {
    fn draws(&self) -> DrawsLaunch {
        Draws::launch_any(self.mask, self.first)
    }
}

/// Softmax of rows, dropped: the weights, and ln Σ e^score of each row, `[n, heads, queries, 1]`.
pub(crate) fn softmax(scores: Tensor<4>, of: Scores) -> [Tensor<4>; 2] {
    let dims = scores.dims();
    let [n, heads, queries, keys] = dims;
    let (scores, pitch) = read_rows(scores);
    let (weights, logs) = (beside_in(&scores, dims, of.storage), beside(&scores, [n, heads, queries, 1]));
    let (count, dim) = rowwise(&scores.client, n * heads * queries);
    let numbers = [&scores, &weights].map(|x| dtype_to_storage_type(x.dtype));
    let (biased, masked, draws) = (of.key_bias.is_some(), of.mask.is_some(), of.draws());
    let bias = of.key_bias.map_or_else(|| beside(&scores, [1]), read);
    softmax_kernel::launch(
        &scores.client,
        count,
        dim,
        narrow_buffer(&scores),
        buffer(&bias),
        narrow_buffer(&weights),
        buffer(&logs),
        keys,
        pitch,
        heads * queries,
        draws,
        biased,
        masked,
        numbers,
    );
    [weights, logs].map(wrapped)
}

/// In three passes over a row, which is in the cache for two of them.
#[cube(launch)]
fn softmax_kernel<I: Float, O: Float>(
    scores: &[I],
    bias: &[f32],
    weights: &mut [O],
    logs: &mut [f32],
    keys: usize,
    pitch: usize,
    rows_of_sample: usize,
    draws: Draws,
    #[comptime] biased: bool,
    #[comptime] masked: bool,
    #[define(I, O)] _numbers: [ElemType; 2],
) {
    let mut shared = Shared::new_slice(UNITS);
    let row = CUBE_POS;
    if row >= logs.len() {
        terminate!();
    }
    let (start, found) = (row * keys, row * pitch);
    let of_sample = row / rows_of_sample * keys;
    // A unit without a key has the first one's score, which changes no maximum.
    let mut peak = score(scores, bias, found, of_sample, biased);
    let mut k = UNIT_POS as usize;
    while k < keys {
        peak = max(peak, score(scores, bias, found + k, of_sample + k, biased));
        k += UNITS;
    }
    let peak = largest_of_units(&mut shared, peak);
    let mut sum = 0.0f32;
    let mut k = UNIT_POS as usize;
    while k < keys {
        sum += (score(scores, bias, found + k, of_sample + k, biased) - peak).exp();
        k += UNITS;
    }
    let total = sum_of_units(&mut shared, sum);
    let share = 1.0 / total;
    let mut k = UNIT_POS as usize;
    while k < keys {
        let mut weight = (score(scores, bias, found + k, of_sample + k, biased) - peak).exp() * share;
        if comptime!(masked) {
            weight *= draws.factor((start + k) as u32);
        }
        weights[start + k] = O::cast_from(weight);
        k += UNITS;
    }
    if UNIT_POS == 0 {
        logs[row] = peak + total.ln();
    }
}

#[cube]
fn score<I: Float>(scores: &[I], bias: &[f32], at: usize, of_key: usize, #[comptime] biased: bool) -> f32 {
    let mut score = f32::cast_from(scores[at]);
    if comptime!(biased) {
        score += bias[of_key];
    }
    score
}

/// Back through [`softmax`]: from the scores again, the logarithms `row`, the gradients of dropped weights and each row's `along`, the
/// weights as they were dropped and the gradients of scores.
pub(crate) fn softmax_back(
    scores: Tensor<4>,
    of: Scores,
    row: Tensor<4>,
    of_weights: Tensor<4>,
    along: Tensor<4>,
) -> [Tensor<4>; 2] {
    let dims = scores.dims();
    let [_, heads, queries, keys] = dims;
    let ((scores, pitch), (of_weights, pitch_of_weights)) = (read_rows(scores), read_rows(of_weights));
    let (row, along) = (read(row), read(along));
    assert_eq!(scores.dtype, of_weights.dtype, "both are products of a layer");
    let [dropped, of_scores] = [(); 2].map(|()| beside_in(&scores, dims, of.storage));
    let (count, dim) = elementwise(&scores.client, dims.iter().product());
    let numbers = [&scores, &dropped].map(|x| dtype_to_storage_type(x.dtype));
    let (biased, masked, draws) = (of.key_bias.is_some(), of.mask.is_some(), of.draws());
    let bias = of.key_bias.map_or_else(|| beside(&scores, [1]), read);
    softmax_back_kernel::launch(
        &scores.client,
        count,
        dim,
        narrow_buffer(&scores),
        buffer(&bias),
        buffer(&row),
        narrow_buffer(&of_weights),
        buffer(&along),
        narrow_buffer(&dropped),
        narrow_buffer(&of_scores),
        keys,
        pitch,
        pitch_of_weights,
        heads * queries,
        draws,
        biased,
        masked,
        numbers,
    );
    [dropped, of_scores].map(wrapped)
}

#[cube(launch)]
fn softmax_back_kernel<I: Float, O: Float>(
    scores: &[I],
    bias: &[f32],
    logs: &[f32],
    of_weights: &[I],
    along: &[f32],
    dropped: &mut [O],
    of_scores: &mut [O],
    keys: usize,
    pitch: usize,
    pitch_of_weights: usize,
    rows_of_sample: usize,
    draws: Draws,
    #[comptime] biased: bool,
    #[comptime] masked: bool,
    #[define(I, O)] _numbers: [ElemType; 2],
) {
    let at = ABSOLUTE_POS;
    if at < dropped.len() {
        let (row, key) = (at / keys, at % keys);
        let of_key = row / rows_of_sample * keys + key;
        let weight = (score(scores, bias, row * pitch + key, of_key, biased) - logs[row]).exp();
        let mut factor = 1.0f32;
        if comptime!(masked) {
            factor = draws.factor(at as u32);
        }
        dropped[at] = O::cast_from(weight * factor);
        of_scores[at] =
            O::cast_from(weight * (f32::cast_from(of_weights[row * pitch_of_weights + key]) * factor - along[row]));
    }
}
