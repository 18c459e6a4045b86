//! The feed-forward part of a layer, over odd shapes, with and without dropout.

use super::reference::{self, distance, grad, gradients, leaf, slopes, wide};
use crate::host::host;
use crate::{Mask, Precision, TwoMaps, feed_forward};

type Leaves = (burn::tensor::Tensor<2>, TwoMaps);

fn leaves([rows, width, hidden, outputs]: [usize; 4]) -> Leaves {
    let maps = TwoMaps {
        weight1: leaf("weight 1", [hidden, width]),
        bias1: leaf("bias 1", [hidden]),
        weight2: leaf("weight 2", [outputs, hidden]),
        bias2: leaf("bias 2", [outputs]),
    };
    (leaf("x", [rows, width]), maps)
}

/// Value and gradients.
fn run(dims: [usize; 4], mask: Option<Mask>, precision: Precision) -> [Vec<f64>; 6] {
    let (x, maps) = leaves(dims);
    let TwoMaps { weight1, bias1, weight2, bias2 } = &maps;
    let copy =
        TwoMaps { weight1: weight1.clone(), bias1: bias1.clone(), weight2: weight2.clone(), bias2: bias2.clone() };
    let y = feed_forward(x.clone(), copy, mask, precision);
    let value = wide(&y);
    let all = gradients(y);
    [value, grad(&x, &all), grad(weight1, &all), grad(bias1, &all), grad(weight2, &all), grad(bias2, &all)]
}

#[test]
fn values_and_gradients_are_those_of_float64() {
    for dims @ [rows, width, hidden, outputs] in [[1, 1, 1, 1], [3, 5, 7, 2], [17, 4, 33, 6]] {
        for mask in [None, Some(Mask { p: 0.3, key: 5 })] {
            let (x, maps) = leaves(dims);
            let inputs = [wide(&x), wide(&maps.weight1), wide(&maps.bias1), wide(&maps.weight2), wide(&maps.bias2)];
            let mut factors = vec![1.0; rows * hidden];
            if let Some(mask) = mask {
                mask.apply(&mut factors, 0);
            }
            let f = |inputs: &[Vec<f64>]| {
                let inner = reference::linear(&inputs[..3], [rows, width, hidden]);
                let gelu = |x: f64| 0.5 * x * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
                let between = inner.iter().zip(&factors).map(|(x, factor)| gelu(*x) * f64::from(*factor)).collect();
                reference::linear(&[between, inputs[3].clone(), inputs[4].clone()], [rows, hidden, outputs])
            };
            let found = run(dims, mask, Precision::F32);
            assert!(distance(&found[0], &f(&inputs)) < 1e-6, "{dims:?}, {mask:?}");
            for (which, found) in found[1..].iter().enumerate() {
                let found = distance(found, &slopes(&inputs, which, f));
                assert!(found < 3e-6, "{dims:?}, {mask:?}, input {which}: {found:e}");
            }
        }
    }
}

#[test]
fn coarser_products_stay_near() {
    let dims = [60, 32, 128, 32];
    let single = run(dims, None, Precision::F32);
    for (precision, largest) in [(Precision::Tf32, 0.004), (Precision::Bf16, 0.03)] {
        for (which, (found, expected)) in run(dims, None, precision).iter().zip(&single).enumerate() {
            let found = distance(found, expected);
            // No product leads to the last bias.
            let is_off = found > 1e-6 || which == 5;
            assert!(is_off && found < largest, "{}, {which}: {found:e}", precision.name());
        }
    }
}

#[test]
fn the_value_is_the_same_inside_and_outside_of_the_graph() {
    let dims = [70, 32, 65, 3];
    let mask = Some(Mask { p: 0.1, key: 3 });
    let (x, maps) = leaves(dims);
    let outside = TwoMaps {
        weight1: maps.weight1.clone().without_autodiff(),
        bias1: maps.bias1.clone().without_autodiff(),
        weight2: maps.weight2.clone().without_autodiff(),
        bias2: maps.bias2.clone().without_autodiff(),
    };
    let inside = feed_forward(x.clone(), maps, mask, Precision::F32);
    let outside = feed_forward(x.without_autodiff(), outside, mask, Precision::F32);
    assert!(!outside.is_autodiff());
    assert_eq!(host(inside), host(outside));
}
