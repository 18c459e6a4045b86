//! Elementwise kernels and those of rows.

use burn::tensor::Tensor;

use super::reference::{self, distance, grad, gradients, leaf, plain, slopes, wide};
use crate::{Mask, dropout, gelu, group_norm, host, layer_norm};

#[test]
fn layer_norms_are_those_of_float64() {
    for (rows, width) in [(1, 1), (1, 16), (3, 5), (2, 64), (5, 67), (188, 3)] {
        let (x, w, b) = (leaf("x", [rows, width]), leaf("w", [width]), leaf("b", [width]));
        let inputs = [wide(&x), wide(&w), wide(&b)];
        let y = layer_norm(x.clone(), w.clone(), b.clone(), 1e-5);
        let f = |inputs: &[Vec<f64>]| reference::layer_norm(inputs, width, 1e-5);
        assert!(distance(&wide(&y), &f(&inputs)) < 2e-6, "{rows}, {width}");
        let gradients = gradients(y);
        for (which, found) in [grad(&x, &gradients), grad(&w, &gradients), grad(&b, &gradients)].iter().enumerate() {
            let found = distance(found, &slopes(&inputs, which, f));
            assert!(found < 5e-6, "{rows}, {width}, input {which}: {found:e}");
        }
    }
}

#[test]
fn a_constant_row_is_its_shift() {
    let x: Tensor<2> = (plain("x", [2, 8]) * 0.0 + 3.0).autodiff().require_grad();
    let y = layer_norm(x.clone(), plain("w", [8]), plain("b", [8]), 1e-5);
    assert_eq!(host(y.clone()), host(plain("b", [8])).repeat(2));
    let gradients = gradients(y);
    assert!(grad(&x, &gradients).iter().all(|g| g.is_finite()));
}

#[test]
fn rows_do_not_depend_on_their_neighbours() {
    let (x, w, b) = (plain("x", [7, 50]), plain("w", [50]), plain("b", [50]));
    let all = host(layer_norm(x.clone(), w.clone(), b.clone(), 1e-5));
    let one = host(layer_norm(x.narrow(0, 4, 1), w, b, 1e-5));
    assert_eq!(all[200..250], one);
}

#[test]
fn gelu_has_the_derivative_of_its_value() {
    let x = leaf("x", [3, 5, 7]);
    let y = gelu(x.clone() * 3.0);
    let f = |inputs: &[Vec<f64>]| -> Vec<f64> {
        let phi = |x: f64| 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
        inputs[0].iter().map(|x| 3.0 * x * phi(3.0 * x)).collect()
    };
    let inputs = [wide(&x)];
    assert!(distance(&wide(&y), &f(&inputs)) < 1e-6);
    assert!(distance(&grad(&x, &gradients(y)), &slopes(&inputs, 0, f)) < 2e-6);
}

#[test]
fn dropout_drops_the_same_values_both_ways() {
    let mask = Mask { p: 0.3, key: 99 };
    let x = leaf("x", [11, 13]);
    let y = dropout(x.clone(), mask);
    let mut factors = vec![1.0; 11 * 13];
    mask.apply(&mut factors, 0);
    assert!(factors.contains(&0.0));
    let expected: Vec<f32> = host(x.clone()).iter().zip(&factors).map(|(x, f)| x * f).collect();
    assert_eq!(host(y.clone()), expected);
    let gradients = gradients(y);
    let weights = reference::noise("weigh", 11 * 13);
    let expected: Vec<f32> = weights.iter().zip(&factors).map(|(w, f)| w * f).collect();
    assert_eq!(host(x.grad(&gradients).unwrap()), expected);
}

#[test]
fn groups_have_mean_0_and_variance_1() {
    let (batch, time, channels, groups) = (2, 9, 6, 3);
    let x = plain("x", [batch, time, channels]) * 4.0 + 1.0;
    let ones = plain("w", [channels]) * 0.0 + 1.0;
    let y = host(group_norm(x, groups, ones.clone(), ones * 0.0, 1e-5));
    for b in 0..batch {
        for g in 0..groups {
            let value = |t: usize, c: usize| f64::from(y[(b * time + t) * channels + g * 2 + c]);
            let values: Vec<f64> = (0..time * 2).map(|i| value(i / 2, i % 2)).collect();
            let mean = values.iter().sum::<f64>() / 18.0;
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 18.0;
            assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-4, "{mean}, {variance}");
        }
    }
}
