//! Kernels with a unit for each element.

#![expect(clippy::used_underscore_binding, reason = "the kernel's numbers are used by what the macro writes")]

use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::Tensor;
use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;

use super::{beside, beside_like, buffer, elementwise, narrow_buffer, read, read_rows, wrapped, written};
use crate::adamw::{Factors, Moments};
use crate::dropout::Mask;
use crate::gelu::{A1, A2, A3, A4, A5, DENSITY, P};

/// GELU and, if it is asked for, its derivative, each of the shape of `x`.
pub(crate) fn gelu<const D: usize>(x: Tensor<D>, with_slope: bool) -> (Tensor<D>, Option<Tensor<D>>) {
    let dims = x.dims();
    let x = read(x);
    let value = beside(&x, dims);
    let slope = with_slope.then(|| beside(&x, dims));
    let (count, dim) = elementwise(&x.client, dims.iter().product());
    let none = || beside(&x, [1]);
    let of_slope = buffer(&slope.clone().unwrap_or_else(none));
    gelu_kernel::launch(&x.client, count, dim, buffer(&x), buffer(&value), of_slope, with_slope);
    (wrapped(value), slope.map(wrapped))
}

/// As `gelu::gelu_of`.
#[cube(launch)]
fn gelu_kernel(x: &[f32], value: &mut [f32], slope: &mut [f32], #[comptime] with_slope: bool) {
    if ABSOLUTE_POS < x.len() {
        let at = x[ABSOLUTE_POS];
        let phi = distribution(at);
        value[ABSOLUTE_POS] = at * phi;
        if comptime!(with_slope) {
            slope[ABSOLUTE_POS] = at * (bell(at) * DENSITY) + phi;
        }
    }
}

/// e^(−x²/2).
#[cube]
fn bell(x: f32) -> f32 {
    let a = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    (-a * a).exp()
}

/// Φ(x).
#[cube]
fn distribution(x: f32) -> f32 {
    let a = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + P * a);
    let polynomial = t * (A1 + t * (A2 + t * (A3 + t * (A4 + t * A5))));
    let tail = 0.5 * polynomial * bell(x);
    select(x < 0.0, tail, 1.0 - tail)
}

/// GELU of rows and `bias`, `[width]`, with a mask over it, in the numbers of `rows`, `[rows, width]`.
pub(crate) fn activated(rows: Tensor<2>, bias: Tensor<1>, mask: Option<Mask>) -> Tensor<2> {
    let dims = rows.dims();
    let ((rows, pitch), bias) = (read_rows(rows), read(bias));
    let y = beside_like(&rows, dims);
    let (count, dim) = elementwise(&rows.client, dims.iter().product());
    let numbers = dtype_to_storage_type(rows.dtype);
    activated_kernel::launch(
        &rows.client,
        count,
        dim,
        narrow_buffer(&rows),
        buffer(&bias),
        narrow_buffer(&y),
        pitch,
        Draws::launch_any(mask, 0),
        mask.is_some(),
        numbers,
    );
    wrapped(y)
}

#[cube(launch)]
fn activated_kernel<I: Float>(
    rows: &[I],
    bias: &[f32],
    y: &mut [I],
    pitch: usize,
    draws: Draws,
    #[comptime] masked: bool,
    #[define(I)] _numbers: ElemType,
) {
    let at = ABSOLUTE_POS;
    if at < y.len() {
        let (row, column) = (at / bias.len(), at % bias.len());
        let x = f32::cast_from(rows[row * pitch + column]) + bias[column];
        let mut value = x * distribution(x);
        if comptime!(masked) {
            value *= draws.factor(at as u32);
        }
        y[at] = I::cast_from(value);
    }
}

/// Back through [`activated`]: gradients of `rows` from those of its value, in their numbers.
pub(crate) fn activated_back(grad: Tensor<2>, rows: Tensor<2>, bias: Tensor<1>, mask: Option<Mask>) -> Tensor<2> {
    let dims = rows.dims();
    let ((grad, pitch_of_grad), (rows, pitch), bias) = (read_rows(grad), read_rows(rows), read(bias));
    assert_eq!(grad.dtype, rows.dtype, "both are products of one precision");
    let y = beside_like(&rows, dims);
    let (count, dim) = elementwise(&rows.client, dims.iter().product());
    let numbers = dtype_to_storage_type(rows.dtype);
    activated_back_kernel::launch(
        &rows.client,
        count,
        dim,
        narrow_buffer(&grad),
        narrow_buffer(&rows),
        buffer(&bias),
        narrow_buffer(&y),
        pitch_of_grad,
        pitch,
        Draws::launch_any(mask, 0),
        mask.is_some(),
        numbers,
    );
    wrapped(y)
}

#[cube(launch)]
fn activated_back_kernel<I: Float>(
    grad: &[I],
    rows: &[I],
    bias: &[f32],
    y: &mut [I],
    pitch_of_grad: usize,
    pitch: usize,
    draws: Draws,
    #[comptime] masked: bool,
    #[define(I)] _numbers: ElemType,
) {
    let at = ABSOLUTE_POS;
    if at < y.len() {
        let (row, column) = (at / bias.len(), at % bias.len());
        let x = f32::cast_from(rows[row * pitch + column]) + bias[column];
        let mut value = f32::cast_from(grad[row * pitch_of_grad + column]);
        if comptime!(masked) {
            value *= draws.factor(at as u32);
        }
        y[at] = I::cast_from(value * (x * (bell(x) * DENSITY) + distribution(x)));
    }
}

/// Rows of `x`, `[rows, width]` in any numbers, and `bias`, `[width]`.
pub(crate) fn shifted(x: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    let [rows, width] = x.dims();
    let ((x, pitch), bias) = (read_rows(x), read(bias));
    let y = beside(&x, [rows, width]);
    let (count, dim) = elementwise(&x.client, rows * width);
    let numbers = dtype_to_storage_type(x.dtype);
    shifted_kernel::launch(&x.client, count, dim, narrow_buffer(&x), buffer(&bias), buffer(&y), pitch, numbers);
    wrapped(y)
}

#[cube(launch)]
fn shifted_kernel<I: Float>(x: &[I], bias: &[f32], y: &mut [f32], pitch: usize, #[define(I)] _numbers: ElemType) {
    let at = ABSOLUTE_POS;
    if at < y.len() {
        let (row, column) = (at / bias.len(), at % bias.len());
        y[at] = f32::cast_from(x[row * pitch + column]) + bias[column];
    }
}

/// `x` with a mask over it, whose place of the first value is `first`.
pub(crate) fn over<const D: usize>(x: Tensor<D>, mask: Mask, first: usize) -> Tensor<D> {
    let dims = x.dims();
    let x = read(x);
    let y = beside(&x, dims);
    let (count, dim) = elementwise(&x.client, dims.iter().product());
    over_kernel::launch(&x.client, count, dim, buffer(&x), buffer(&y), Draws::launch(mask, first));
    wrapped(y)
}

#[cube(launch)]
fn over_kernel(x: &[f32], y: &mut [f32], draws: Draws) {
    if ABSOLUTE_POS < x.len() {
        y[ABSOLUTE_POS] = x[ABSOLUTE_POS] * draws.factor(ABSOLUTE_POS as u32);
    }
}

/// A mask's draws for places from one on, in 32-bit arithmetic: see [`Mask`].
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub(super) struct Draws {
    first: u32,
    low: u32,
    high: u32,
    /// Draws below this are dropped.
    below: u32,
    scale: f32,
}

impl Draws {
    pub(super) fn launch(mask: Mask, first: usize) -> DrawsLaunch {
        Self::launch_any(Some(mask), first)
    }

    /// Of a mask that a kernel may be without.
    pub(super) fn launch_any(mask: Option<Mask>, first: usize) -> DrawsLaunch {
        let mask = mask.unwrap_or(Mask { p: 0.0, key: 0 });
        DrawsLaunch::new(first as u32, mask.key as u32, (mask.key >> 32) as u32, mask.below(), mask.scale())
    }
}

#[cube]
impl Draws {
    /// Of the value at a place after the first.
    pub(super) fn factor(&self, place: u32) -> f32 {
        let mut h = (place + self.first) ^ self.low;
        h = (h ^ (h >> 16)) * crate::dropout::FACTORS[0];
        h ^= self.high;
        h = (h ^ (h >> 15)) * crate::dropout::FACTORS[1];
        h ^= h >> 16;
        select(h < self.below, 0.0f32, self.scale)
    }
}

/// AdamW's step, flat; `clip`: `[1]`.
pub(crate) fn adamw(
    value: Tensor<1>,
    grad: Tensor<1>,
    clip: &Tensor<1>,
    moments: Moments,
    by: &Factors,
) -> (Tensor<1>, Moments) {
    // Whoever asks still has the value.
    let (value, first, second) = (read(value), written(moments.first), written(moments.second));
    let (grad, clip) = (read(grad), read(clip.clone()));
    let n = grad.meta.num_elements();
    let new = beside(&value, [n]);
    let (count, dim) = elementwise(&value.client, n);
    let factors = StepLaunch::new(by.beta1, by.rest1, by.beta2, by.rest2, by.root, by.epsilon, by.stay, by.rate);
    adamw_kernel::launch(
        &value.client,
        count,
        dim,
        buffer(&value),
        buffer(&grad),
        buffer(&clip),
        buffer(&first),
        buffer(&second),
        buffer(&new),
        factors,
    );
    (wrapped(new), Moments { first: wrapped(first), second: wrapped(second) })
}

#[derive(CubeType, CubeLaunch, Clone, Copy)]
struct Step {
    beta1: f32,
    rest1: f32,
    beta2: f32,
    rest2: f32,
    root: f32,
    epsilon: f32,
    stay: f32,
    rate: f32,
}

#[cube(launch)]
fn adamw_kernel(
    value: &[f32],
    grad: &[f32],
    clip: &[f32],
    first: &mut [f32],
    second: &mut [f32],
    new: &mut [f32],
    by: Step,
) {
    let k = ABSOLUTE_POS;
    if k < value.len() {
        let along = grad[k] * clip[0];
        let mean = first[k] * by.beta1 + along * by.rest1;
        let square = second[k] * by.beta2 + along * along * by.rest2;
        first[k] = mean;
        second[k] = square;
        let root = square.sqrt() / by.root + by.epsilon;
        new[k] = value[k] * by.stay - mean / root * by.rate;
    }
}
