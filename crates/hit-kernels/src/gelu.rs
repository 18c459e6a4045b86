//! Exact GELU, forward and backward.
//!
//! burn's own GELU is exact forward but uses the derivative of the tanh approximation backward (error up to 3e-4), and a
//! composition of its primitives needs a dozen passes backward. Value and derivative come from one loop, on GPUs from one kernel:
//! the error function of a general library was a fifth of a training step on a CPU.

use std::f32::consts::FRAC_1_SQRT_2;

use burn::tensor::Tensor;

use crate::cube;
use crate::host::{Host, Of, by_rows, exp_of_negative, is_host, tensor};
use crate::vjp::{Value, differentiable, of_rank, when};

/// x·Φ(x) elementwise, with Φ the Gaussian distribution function; derivative Φ(x) + x·φ(x).
///
/// Keeps the derivative.
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    // Outside of the graph nobody asks for the derivative.
    if !x.is_autodiff() {
        return if is_host(&x) { value_on_host(x) } else { cube::gelu(x, false).0 };
    }
    differentiable([x.into_dispatch()], |[x]| {
        let x: Tensor<D> = of_rank(x);
        let (value, slope) = if is_host(&x) { on_host(x) } else { on_gpu(x) };
        Value::new(value, move |grad: Tensor<D>, [wanted]| [when(wanted, || grad * slope.clone())])
    })
}

fn on_gpu<const D: usize>(at: Tensor<D>) -> (Tensor<D>, Tensor<D>) {
    let (value, slope) = cube::gelu(at, true);
    (value, slope.expect("it was asked for"))
}

/// Value and derivative by a loop of plain arithmetic, which the compiler vectorises.
fn on_host<const D: usize>(at: Tensor<D>) -> (Tensor<D>, Tensor<D>) {
    let dims = at.dims();
    let mut values = Host::new(at);
    let mut slopes = vec![0.0; values.values().len()];
    let rows = (Of(values.values_mut(), 1), Of(&mut *slopes, 1));
    by_rows(
        rows.0.0.len(),
        1,
        rows,
        #[inline(always)]
        |_, (values, slopes)| {
            for (value, slope) in values.0.iter_mut().zip(slopes.0) {
                (*value, *slope) = gelu_of(*value);
            }
        },
    );
    (values.tensor(), tensor(slopes, dims))
}

/// The same value alone.
fn value_on_host<const D: usize>(at: Tensor<D>) -> Tensor<D> {
    let mut values = Host::new(at);
    let rows = Of(values.values_mut(), 1);
    by_rows(
        rows.0.len(),
        1,
        rows,
        #[inline(always)]
        |_, values| {
            for value in values.0 {
                *value = gelu_of(*value).0;
            }
        },
    );
    values.tensor()
}

/// 1/√(2π).
pub(crate) const DENSITY: f32 = 0.398_942_3;

/// erfc(a) = e^{−a²}·(t·a₁ + … + t⁵·a₅) with t = 1/(1 + p·a), Abramowitz and Stegun 7.1.26.
pub(crate) const P: f32 = 0.327_591_1;
pub(crate) const A1: f32 = 0.254_829_6;
pub(crate) const A2: f32 = -0.284_496_74;
pub(crate) const A3: f32 = 1.421_413_7;
pub(crate) const A4: f32 = -1.453_152;
pub(crate) const A5: f32 = 1.061_405_4;

/// GELU and its derivative. Φ's error is below 1.5e-7.
#[inline(always)]
pub(crate) fn gelu_of(x: f32) -> (f32, f32) {
    let a = x.abs() * FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + P * a);
    let polynomial = t * (A1 + t * (A2 + t * (A3 + t * (A4 + t * A5))));
    let bell = exp_of_negative(-a * a);
    let tail = 0.5 * polynomial * bell;
    let phi = if x < 0.0 { tail } else { 1.0 - tail };
    (x * phi, x * (bell * DENSITY) + phi)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::host;

    #[test]
    fn the_exponential_is_that_of_the_library() {
        for i in 0..=8700 {
            let y = -0.01 * i as f32;
            let (found, expected) = (exp_of_negative(y), libm::exp(f64::from(y)));
            assert!((f64::from(found) / expected - 1.0).abs() < 2.5e-7, "{y}: {found} instead of {expected}");
        }
        assert!(exp_of_negative(f32::NAN).is_nan());
        assert_eq!(exp_of_negative(f32::NEG_INFINITY), 0.0);
    }

    #[test]
    fn it_is_the_exact_function() {
        let points: Vec<f32> = (-1200..=1200).map(|i| 0.01 * i as f32).collect();
        let at = || tensor(points.clone(), [points.len()]);
        let (values, slopes) = on_host(at());
        for ((x, value), slope) in points.iter().zip(host(values)).zip(host(slopes)) {
            let x = f64::from(*x);
            let phi = 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
            let density = libm::exp(-0.5 * x * x) / libm::sqrt(std::f64::consts::TAU);
            // 2e-7 is three units in the last place of 1; values are as large as x.
            assert!((f64::from(value) - x * phi).abs() < 2e-7 * (1.0 + x.abs()), "{x}: {value}");
            assert!((f64::from(slope) - (phi + x * density)).abs() < 4e-7, "{x}: {slope}");
        }
        let strange = host(on_host(Tensor::<1>::from_floats([f32::NAN, 1e30, -1e30, 0.0], &Device::flex())).0);
        assert!(strange[0].is_nan() && strange[1..] == [1e30, 0.0, 0.0], "{strange:?}");
    }
}
