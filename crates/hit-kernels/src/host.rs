//! Tensors as slices, where they lie in main memory.

use burn::tensor::{Device, Tensor, TensorData};

/// The values of a tensor, row-major, in main memory.
///
/// # Panics
/// If the device fails or the tensor is not of `f32`.
pub fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.without_autodiff().try_into_vec_as::<f32>().expect("a tensor of f32 can be read back")
}

/// Whether a tensor outside of the graph lies in main memory, where loops of ours run.
pub(crate) fn is_host<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.device() == Device::flex()
}

/// A tensor in main memory.
pub(crate) fn tensor<const D: usize>(values: Vec<f32>, dims: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, dims), &Device::flex())
}

/// Runs a loop compiled for the vectors of this machine. Arithmetic is IEEE's in any of them and is not contracted, so
/// the values are the same with and without.
#[inline(always)]
pub(crate) fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// Partial sums kept side by side, which a compiler puts into vectors.
pub(crate) const LANES: usize = 16;

/// Σ f(i) over `0..n`, added in [`LANES`] columns and then the columns in order.
#[inline(always)]
pub(crate) fn sum(n: usize, f: impl Fn(usize) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let whole = n - n % LANES;
    let mut i = 0;
    while i < whole {
        for (lane, total) in lanes.iter_mut().enumerate() {
            *total += f(i + lane);
        }
        i += LANES;
    }
    let mut total = 0.0;
    for lane in lanes {
        total += lane;
    }
    while i < n {
        total += f(i);
        i += 1;
    }
    total
}

/// The largest of `values`; −∞ of none. A NaN is passed over.
#[inline(always)]
pub(crate) fn largest(values: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (whole, rest) = values.split_at(values.len() - values.len() % LANES);
    for chunk in whole.chunks_exact(LANES) {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = larger(*lane, value);
        }
    }
    let mut largest = f32::NEG_INFINITY;
    for &value in lanes.iter().chain(rest) {
        largest = larger(largest, value);
    }
    largest
}

/// e^y for y ≤ 0 to two units in the last place; 0 below −87, NaN for NaN.
#[inline(always)]
pub(crate) fn exp_of_negative(y: f32) -> f32 {
    // Adding and taking away 1.5·2²³ rounds to the nearest integer.
    const ROUND: f32 = 12_582_912.0;
    let low = y < -87.0;
    let y = if low { -87.0 } else { y };
    let n = (y * std::f32::consts::LOG2_E + ROUND) - ROUND;
    // ln 2 in two parts, the first with trailing zeros, so that n times it is exact.
    let r = (y - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let series =
        1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0))))));
    let power = series * f32::from_bits((((n as i32) + 127) << 23) as u32);
    if low { 0.0 } else { power }
}
