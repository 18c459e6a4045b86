//! Exact GELU, forward and backward.
//!
//! burn's own GELU is exact forward but uses the derivative of the tanh approximation backward (error up to 3e-4), and a
//! composition of its primitives needs a dozen passes backward. Here value and derivative are computed once, outside
//! the graph, and joined so that the value is exactly the first and the gradient exactly the second. On the CPU both come
//! from one loop, since the error function of a general library was a fifth of a training step.

use std::f32::consts::{FRAC_1_SQRT_2, LOG2_E};

use burn::tensor::{Device, Tensor, TensorData};

use crate::host;

/// x·Φ(x) elementwise, with Φ the Gaussian distribution function; derivative Φ(x) + x·φ(x).
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let at = x.clone().without_autodiff();
    let tracked = x.is_tracked();
    let (value, slope) = if at.device() == Device::flex() { on_host(at.clone()) } else { on_device(at.clone()) };
    if !tracked {
        return value;
    }
    // x − at is exactly 0 wherever x is finite, so this adds a gradient and no value.
    (x - at) * slope + value
}

/// Value and derivative by tensor operations.
fn on_device<const D: usize>(at: Tensor<D>) -> (Tensor<D>, Tensor<D>) {
    let phi = (at.clone() * std::f64::consts::FRAC_1_SQRT_2).erf() * 0.5 + 0.5;
    let density = (at.clone() * at.clone() * -0.5).exp() * f64::from(DENSITY);
    (at.clone() * phi.clone(), at * density + phi)
}

/// Value and derivative by a loop of plain arithmetic, which the compiler vectorises.
fn on_host<const D: usize>(at: Tensor<D>) -> (Tensor<D>, Tensor<D>) {
    let (dims, device) = (at.dims(), at.device());
    let mut values = host(at);
    let mut slopes = vec![0.0; values.len()];
    for (value, slope) in values.iter_mut().zip(&mut slopes) {
        (*value, *slope) = gelu_of(*value);
    }
    let tensor = |values: Vec<f32>| Tensor::from_data(TensorData::new(values, dims), &device);
    (tensor(values), tensor(slopes))
}

/// 1/√(2π).
const DENSITY: f32 = 0.398_942_3;

/// GELU and its derivative. Φ's error is below 1.5e-7: erfc(a) = e^{−a²}·(polynomial in 1/(1 + p·a)), Abramowitz and Stegun 7.1.26.
#[inline]
fn gelu_of(x: f32) -> (f32, f32) {
    let a = x.abs() * FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * a);
    let polynomial = t * (0.254_829_6 + t * (-0.284_496_74 + t * (1.421_413_7 + t * (-1.453_152 + t * 1.061_405_4))));
    let bell = exp_of_negative(-a * a);
    let tail = 0.5 * polynomial * bell;
    let phi = if x < 0.0 { tail } else { 1.0 - tail };
    (x * phi, x * (bell * DENSITY) + phi)
}

/// e^y for y ≤ 0 to two units in the last place; e^−87 below −87, NaN for NaN.
#[inline]
fn exp_of_negative(y: f32) -> f32 {
    // Adding and taking away 1.5·2²³ rounds to the nearest integer.
    const ROUND: f32 = 12_582_912.0;
    let y = if y < -87.0 { -87.0 } else { y };
    let n = (y * LOG2_E + ROUND) - ROUND;
    // ln 2 in two parts, the first with trailing zeros, so that n times it is exact.
    let r = (y - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let series =
        1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0))))));
    series * f32::from_bits((((n as i32) + 127) << 23) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_that_of_the_library() {
        for i in 0..=8700 {
            let y = -0.01 * i as f32;
            let (found, expected) = (exp_of_negative(y), libm::exp(f64::from(y)));
            assert!((f64::from(found) / expected - 1.0).abs() < 2.5e-7, "{y}: {found} instead of {expected}");
        }
        assert!(exp_of_negative(f32::NAN).is_nan());
        assert!(exp_of_negative(f32::NEG_INFINITY) < 2e-38);
    }

    #[test]
    fn both_ways_are_the_exact_function() {
        let points: Vec<f32> = (-1200..=1200).map(|i| 0.01 * i as f32).collect();
        let at = || Tensor::<1>::from_data(TensorData::new(points.clone(), [points.len()]), &Device::flex());
        for (values, slopes) in [on_host(at()), on_device(at())] {
            for ((x, value), slope) in points.iter().zip(host(values)).zip(host(slopes)) {
                let x = f64::from(*x);
                let phi = 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
                let density = libm::exp(-0.5 * x * x) / libm::sqrt(std::f64::consts::TAU);
                // 2e-7 is three units in the last place of 1; values are as large as x.
                assert!((f64::from(value) - x * phi).abs() < 2e-7 * (1.0 + x.abs()), "{x}: {value}");
                assert!((f64::from(slope) - (phi + x * density)).abs() < 4e-7, "{x}: {slope}");
            }
        }
        let strange = host(on_host(Tensor::<1>::from_floats([f32::NAN, 1e30, -1e30, 0.0], &Device::flex())).0);
        assert!(strange[0].is_nan() && strange[1..] == [1e30, 0.0, 0.0], "{strange:?}");
    }
}
