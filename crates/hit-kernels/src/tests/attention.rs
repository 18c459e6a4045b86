//! Attention over odd shapes, with padding and dropout, in portions and whole.

use burn::tensor::{Gradients, Tensor};

use super::reference::{self, Sizes, distance, grad, gradients, leaf, plain, slopes, wide};
use crate::host::{host, tensor};
use crate::{Attending, Mask, Precision, attention};

const SHAPES: [Sizes; 6] = [
    Sizes(1, 1, 1, 1, 1),
    Sizes(2, 2, 5, 3, 4),
    Sizes(3, 1, 4, 17, 2),
    Sizes(1, 3, 2, 60, 3),
    Sizes(2, 1, 33, 2, 8),
    Sizes(1, 2, 1, 188, 1),
];

type Leaves = [Tensor<4>; 3];

fn leaves(Sizes(batch, heads, queries, keys, width): Sizes) -> Leaves {
    let memory = [batch, heads, keys, width];
    // Scores that matter.
    [leaf("q", [batch, heads, queries, width]), leaf("k", memory), leaf("v", memory)]
}

/// All but the first key of every second sample are padding, half of them of the others.
fn padding(Sizes(batch, _, _, keys, _): Sizes) -> Vec<f32> {
    let there = |sample: usize| if sample % 2 == 1 { 1 } else { keys.div_ceil(2) };
    (0..batch * keys).map(|i| if i % keys < there(i / keys) { 0.0 } else { -1e9 }).collect()
}

fn run(sizes: Sizes, padded: bool, how: Attending) -> (Vec<f32>, Leaves, Gradients) {
    let inputs = leaves(sizes);
    let bias = padded.then(|| tensor(padding(sizes), [sizes.0, 1, 1, sizes.3]));
    let [q, k, v] = inputs.clone();
    let y = attention(q, k, v, bias, how);
    (host(y.clone()), inputs, gradients(y))
}

fn factors(Sizes(batch, heads, queries, keys, _): Sizes, mask: Option<Mask>) -> Vec<f32> {
    let mut factors = vec![1.0; batch * heads * queries * keys];
    if let Some(mask) = mask {
        mask.apply(&mut factors, 0);
    }
    factors
}

#[test]
fn values_and_gradients_are_those_of_float64() {
    for sizes in SHAPES {
        for padded in [false, true] {
            for mask in [None, Some(Mask { p: 0.1, key: 5 })] {
                for kept in [0, usize::MAX] {
                    let how = Attending::new(mask, Precision::F32).in_portions(1, kept);
                    let (y, inputs, gradients) = run(sizes, padded, how);
                    let bias = padded.then(|| padding(sizes).into_iter().map(f64::from).collect::<Vec<_>>());
                    let factors = factors(sizes, mask);
                    let f = |inputs: &[Vec<f64>]| reference::attention(inputs, sizes, bias.as_deref(), &factors);
                    let wide_inputs = inputs.each_ref().map(wide);
                    let y: Vec<f64> = y.into_iter().map(f64::from).collect();
                    assert!(distance(&y, &f(&wide_inputs)) < 1e-6, "{sizes:?}, {padded}, {mask:?}");
                    for (which, input) in inputs.iter().enumerate() {
                        let found = distance(&grad(input, &gradients), &slopes(&wide_inputs, which, f));
                        assert!(found < 3e-6, "{sizes:?}, {padded}, {mask:?}, {kept}, input {which}: {found:e}");
                    }
                }
            }
        }
    }
}

#[test]
fn portions_change_no_bit() {
    let sizes = Sizes(5, 2, 7, 9, 4);
    let mask = Some(Mask { p: 0.2, key: 8 });
    let bits = |at_once: usize, kept: usize| {
        let how = Attending::new(mask, Precision::F32).in_portions(at_once, kept);
        let (y, inputs, gradients) = run(sizes, true, how);
        (y, inputs.map(|input| host(input.grad(&gradients).unwrap())))
    };
    let (whole, again) = (bits(usize::MAX, usize::MAX), bits(usize::MAX, 0));
    for at_once in [1, 126, 127, 252, 300] {
        assert!(bits(at_once, usize::MAX) == whole && bits(at_once, 0) == again, "{at_once}");
    }
    assert_eq!(whole.0, again.0);
    for (kept, again) in whole.1.iter().zip(&again.1) {
        let wide = |x: &[f32]| x.iter().copied().map(f64::from).collect::<Vec<_>>();
        assert!(distance(&wide(again), &wide(kept)) < 1e-6);
    }
}

#[test]
fn a_sample_does_not_depend_on_its_neighbours() {
    let dims = [3, 2, 8, 5];
    let [q, k, v] = ["q", "k", "v"].map(|name| plain(name, dims));
    let how = Attending::new(None, Precision::F32);
    let all = host(attention(q.clone(), k.clone(), v.clone(), None, how));
    let [q, k, v] = [q, k, v].map(|x: Tensor<4>| x.narrow(0, 1, 1));
    assert_eq!(all[80..160], host(attention(q, k, v, None, how)));
}

/// A sequence as long as the published one: against the composition whose gradients burn derives.
#[test]
fn long_sequences_are_those_of_derived_gradients() {
    let sizes @ Sizes(_, _, _, _, width) = Sizes(1, 1, 2400, 188, 4);
    let how = Attending::new(None, Precision::F32).in_portions(1, 0);
    let (y, inputs, gradients_found) = run(sizes, false, how);
    let composed = leaves(sizes);
    let [q, k, v] = composed.clone();
    let scores = q.matmul(k.transpose()) / (width as f64).sqrt();
    let expected = burn::tensor::activation::softmax(scores, 3).matmul(v);
    let y: Vec<f64> = y.into_iter().map(f64::from).collect();
    assert!(distance(&y, &wide(&expected)) < 1e-6);
    let gradients_expected = gradients(expected);
    for (found, expected) in inputs.iter().zip(&composed) {
        let found = distance(&grad(found, &gradients_found), &grad(expected, &gradients_expected));
        assert!(found < 1e-5, "{found:e}");
    }
}

#[test]
fn coarser_products_stay_near() {
    let sizes = Sizes(2, 2, 40, 60, 16);
    let all = |precision| {
        let (y, inputs, gradients) = run(sizes, true, Attending::new(None, precision));
        let y = y.into_iter().map(f64::from).collect::<Vec<_>>();
        [vec![y], inputs.iter().map(|input| grad(input, &gradients)).collect()].concat()
    };
    let single = all(Precision::F32);
    for (precision, largest) in [(Precision::Tf32, 0.004), (Precision::Bf16, 0.03)] {
        for (found, expected) in all(precision).iter().zip(&single) {
            let found = distance(found, expected);
            assert!(found > 1e-6 && found < largest, "{}: {found:e}", precision.name());
        }
    }
}

#[test]
fn what_is_not_a_number_stays_visible() {
    let [q, k, v] = ["q", "k", "v"].map(|name| plain(name, [1, 1, 2, 3]));
    let how = Attending::new(None, Precision::F32);
    let y = host(attention(q.clone() * f64::NAN, k.clone(), v.clone(), None, how));
    assert!(y.iter().all(|y| y.is_nan()), "{y:?}");
    let y = host(attention(q, k, v * f64::INFINITY, None, how));
    assert!(y.iter().all(|y| !y.is_finite()), "{y:?}");
}
