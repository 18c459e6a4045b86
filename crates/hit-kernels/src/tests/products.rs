//! Products of matrices in every precision.

use std::io::Write as _;

use burn::tensor::Tensor;
use proptest::prelude::*;

use super::reference::{self, distance, grad, gradients, leaf, plain, slopes, wide};
use crate::{Precision, host, linear, matmul};

const ALL: [Precision; 3] = [Precision::F32, Precision::Tf32, Precision::Bf16];

/// Rounding of a product of `k` terms of size 1, of which the factors, and with bfloat16 the product, are rounded: an error of half a unit each. Errors
/// of terms point everywhere, so that √k of them count; five times that is far out.
fn tolerance(precision: Precision, k: usize) -> f64 {
    let unit = precision.epsilon() / 2.0;
    5.0 * (2.0 * unit + 1.2e-7) * (k as f64).sqrt() + unit
}

/// Distance by the largest value that a product of `k` terms has here, about √k/3, but not less than 1.
#[track_caller]
fn assert_near(found: &[f64], expected: &[f64], precision: Precision, k: usize, what: &str) {
    let found = distance(found, expected);
    assert!(found < tolerance(precision, k), "{what} in {}: {found:e}", precision.name());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn linear_maps_are_those_of_float64(rows in 1usize..9, width in 1usize..40, outputs in 1usize..9) {
        let shape = [rows, width, outputs];
        for precision in ALL {
            let (x, w, b) = (leaf("x", [rows, width]), leaf("w", [outputs, width]), leaf("b", [outputs]));
            let inputs = [wide(&x), wide(&w), wide(&b)];
            let y = linear(x.clone(), w.clone(), b.clone(), precision);
            let f = |inputs: &[Vec<f64>]| reference::linear(inputs, shape);
            assert_near(&wide(&y), &f(&inputs), precision, width, "y");
            let gradients = gradients(y);
            assert_near(&grad(&x, &gradients), &slopes(&inputs, 0, f), precision, outputs, "dx");
            assert_near(&grad(&w, &gradients), &slopes(&inputs, 1, f), precision, rows, "dw");
            assert_near(&grad(&b, &gradients), &slopes(&inputs, 2, f), Precision::F32, rows, "db");
        }
    }

    #[test]
    fn products_are_those_of_float64(n in 1usize..7, k in 1usize..30, m in 1usize..7) {
        for precision in ALL {
            let (a, b) = (leaf("a", [1, n, k]), leaf("b", [1, k, m]));
            let inputs = [wide(&a), wide(&b)];
            let y = matmul(a.clone(), b.clone(), precision);
            let f = |inputs: &[Vec<f64>]| reference::product(&inputs[0], &inputs[1], [n, k, m]);
            assert_near(&wide(&y), &f(&inputs), precision, k, "y");
            let gradients = gradients(y);
            assert_near(&grad(&a, &gradients), &slopes(&inputs, 0, f), precision, m, "da");
            assert_near(&grad(&b, &gradients), &slopes(&inputs, 1, f), precision, n, "db");
        }
    }
}

#[test]
fn precisions_differ_by_what_they_say() {
    let (n, k, m) = (24, 512, 24);
    let (a, b) = (plain("a", [n, k]), plain("b", [k, m]));
    let expected = reference::product(&wide(&a), &wide(&b), [n, k, m]);
    let error = |precision| distance(&wide(&matmul(a.clone(), b.clone(), precision)), &expected);
    let [single, tf32, bf16] = ALL.map(error);
    assert!(single < 2e-6, "{single:e}");
    // Eight times as coarse, with the rounding of the product on top.
    assert!(tf32 > 20.0 * single && bf16 > 3.0 * tf32, "{single:e}, {tf32:e}, {bf16:e}");
}

#[test]
fn factors_are_rounded_to_the_nearest() {
    let values = [1.0f32, 1.0 + 1.0 / 1024.0, 1.0 + 0.75 / 1024.0, 1.0 + 0.25 / 1024.0, -3.000_9, 1e30, 0.0, 7e-20];
    let rounded = crate::host(Precision::Tf32.factor(crate::host::tensor(values.to_vec(), [values.len()])));
    for (value, rounded) in values.iter().zip(&rounded) {
        // Thirteen bits of 24 are zero, and no other such number is nearer.
        assert_eq!(rounded.to_bits() & 0x1fff, 0, "{value}");
        let nearest = f32::from_bits((value.to_bits() + 0x1000) & !0x1fff);
        assert!((rounded - value).abs() <= (nearest - value).abs(), "{value}: {rounded}, not {nearest}");
    }
    let one = |x: f32| {
        crate::host(Precision::Bf16.factor(crate::host::tensor(vec![x], [1])).cast(burn::tensor::FloatDType::F32))[0]
    };
    assert_eq!([one(1.0 + 1.0 / 128.0), one(1.0 + 0.4 / 128.0), one(-257.0)], [1.007_812_5, 1.0, -256.0]);
}

#[test]
fn constants_have_no_gradient_and_cost_none() {
    let (x, w, b) = (leaf("x", [3, 4]), plain("w", [2, 4]), plain("b", [2]));
    let gradients = gradients(linear(x.clone(), w.clone(), b, Precision::F32));
    assert!(x.grad(&gradients).is_some() && w.grad(&gradients).is_none());
    let outside = linear(plain("x", [3, 4]), w, plain("b", [2]), Precision::F32);
    assert!(!outside.is_tracked() && !outside.is_autodiff());
    assert_eq!(outside.device(), super::reference::cpu());
}

/// As the sums of burn's own in main memory are, with its feature `simd` switched off: with it they are added in as many lanes as the
/// processor's vectors have.
#[test]
fn sums_in_main_memory_are_in_order() {
    for [n, width] in [[3, 7], [5, 64], [2, 1000]] {
        let x = plain("x", [n, width]);
        let values = host(x.clone());
        let rows: Vec<f32> = values.chunks(width).map(|row| row.iter().sum()).collect();
        assert_eq!(host(x.clone().sum_dim(1)), rows);
        let columns: Vec<f32> = (0..width).map(|i| (0..n).map(|row| values[row * width + i]).sum()).collect();
        assert_eq!(host(x.clone().sum_dim(0)), columns);
        assert_eq!(host(x.sum()), [values.iter().sum::<f32>()]);
    }
}

/// What makes bits of weights the same on processors with other caches, cores and vectors: each value of a product in main memory, small
/// or large, is a sum of fused multiplications in order, in equal blocks of at most 512.
#[test]
fn products_in_main_memory_are_fused_sums_in_order() {
    #[cfg(target_arch = "x86_64")]
    if !std::arch::is_x86_feature_detected!("fma") {
        std::io::stderr().write_all(b"SKIPPED: this processor does not fuse multiplications and additions\n").unwrap();
        return;
    }
    for [n, k, m] in [
        [17, 512, 33],
        [17, 513, 33],
        [70, 1500, 33],
        [64, 3008, 64],
        [20, 4099, 90],
        [200, 960, 64],
        [1, 700, 300],
        [300, 64, 1],
        [1, 9, 1],
        [5, 64, 7],
        [16, 600, 16],
        [40, 2, 50],
    ] {
        let (a, b) = (plain("a", [n, k]), plain("b", [k, m]));
        let (values_a, values_b) = (host(a.clone()), host(b.clone()));
        let block = k.div_ceil(k.div_ceil(512));
        let sum = |i: usize, j: usize, block: std::ops::Range<usize>| {
            block.fold(0f32, |sum, l| values_a[i * k + l].mul_add(values_b[l * m + j], sum))
        };
        let value = |i: usize, j: usize| {
            let blocks = (0..k).step_by(block).map(|first| sum(i, j, first..k.min(first + block)));
            blocks.reduce(|all, block| all + block).unwrap()
        };
        let expected: Vec<f32> = (0..n * m).map(|at| value(at / m, at % m)).collect();
        let columns = |x: Tensor<2>| x.transpose().add_scalar(0.0).transpose();
        let found = [
            Precision::F32.product(a.clone(), b.clone()),
            Precision::F32.product(a.clone(), columns(b.clone())),
            Precision::F32.product(columns(a), b),
        ];
        for found in found {
            assert!(host(found) == expected, "{n}, {k}, {m}");
        }
    }
}
