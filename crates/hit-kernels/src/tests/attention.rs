//! Attention over odd shapes, with padding and dropout, in portions and whole, to a sequence of its own and to another.

use burn::tensor::{Gradients, Tensor, TensorData};

use super::reference::{self, Sizes, cpu, distance, gradients, noise, slopes};
use crate::host::{host, tensor};
use crate::{Attending, Maps, Mask, Precision, multi_head};

const SHAPES: [Sizes; 6] = [
    Sizes { batch: 1, heads: 1, tokens: 1, others: Some(1), width: 1 },
    Sizes { batch: 2, heads: 2, tokens: 5, others: None, width: 4 },
    Sizes { batch: 3, heads: 1, tokens: 4, others: Some(17), width: 2 },
    Sizes { batch: 1, heads: 3, tokens: 2, others: Some(60), width: 3 },
    Sizes { batch: 2, heads: 1, tokens: 33, others: None, width: 8 },
    Sizes { batch: 1, heads: 2, tokens: 1, others: Some(188), width: 1 },
];

/// Flat inputs of a layer, leaves of a graph.
fn leaves(sizes: Sizes) -> Vec<Tensor<1>> {
    let leaf = |(i, n): (usize, usize)| tensor(noise(&format!("input {i}"), n), [n]).autodiff().require_grad();
    sizes.inputs().into_iter().enumerate().map(leaf).collect()
}

/// All but the first key of every second sample are padding, half of them of the others.
fn padding(sizes: Sizes) -> Vec<f32> {
    let keys = sizes.keys();
    let there = |sample: usize| if sample % 2 == 1 { 1 } else { keys.div_ceil(2) };
    (0..sizes.batch * keys).map(|i| if i % keys < there(i / keys) { 0.0 } else { -1e9 }).collect()
}

/// The layer, of flat inputs.
pub fn layer(inputs: &[Tensor<1>], sizes: Sizes, padding: Option<Vec<f32>>, how: Attending) -> Tensor<2> {
    let Sizes { batch, heads, tokens, others, .. } = sizes;
    let d = sizes.d();
    let (queries, arrays) = inputs.split_first().unwrap();
    let queries = queries.clone().reshape([batch * tokens, d]);
    let (memory, arrays) = match others {
        Some(others) => (Some(arrays[0].clone().reshape([batch * others, d])), &arrays[1..]),
        None => (None, arrays),
    };
    let [in_weight, in_bias, out_weight, out_bias] = arrays else { unreachable!() };
    let maps = Maps {
        in_weight: in_weight.clone().reshape([3 * d, d]),
        in_bias: in_bias.clone(),
        out_weight: out_weight.clone().reshape([d, d]),
        out_bias: out_bias.clone(),
    };
    let device = queries.device().without_autodiff();
    let bias = |bias: Vec<f32>| Tensor::from_data(TensorData::new(bias, [batch, 1, 1, sizes.keys()]), &device);
    multi_head(queries, memory, maps, [batch, heads], padding.map(bias), how)
}

fn run(sizes: Sizes, padded: bool, how: Attending) -> (Vec<f32>, Vec<Tensor<1>>, Gradients) {
    let inputs = leaves(sizes);
    let y = layer(&inputs, sizes, padded.then(|| padding(sizes)), how);
    (host(y.clone()), inputs, gradients(y))
}

fn grads(inputs: &[Tensor<1>], gradients: &Gradients) -> Vec<Vec<f32>> {
    inputs.iter().map(|input| host(input.grad(gradients).expect("a leaf of the graph has a gradient"))).collect()
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().copied().map(f64::from).collect()
}

fn factors(sizes: Sizes, mask: Option<Mask>) -> Vec<f32> {
    let mut factors = vec![1.0; sizes.n_scores()];
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
                    let bias = padded.then(|| wide(&padding(sizes)));
                    let factors = factors(sizes, mask);
                    let f = |inputs: &[Vec<f64>]| reference::multi_head(inputs, sizes, bias.as_deref(), &factors);
                    let wide_inputs: Vec<Vec<f64>> = inputs.iter().map(reference::wide).collect();
                    assert!(distance(&wide(&y), &f(&wide_inputs)) < 1e-6, "{sizes:?}, {padded}, {mask:?}");
                    for (which, found) in grads(&inputs, &gradients).iter().enumerate() {
                        let found = distance(&wide(found), &slopes(&wide_inputs, which, f));
                        assert!(found < 3e-6, "{sizes:?}, {padded}, {mask:?}, {kept}, input {which}: {found:e}");
                    }
                }
            }
        }
    }
}

#[test]
fn portions_change_no_bit() {
    let sizes = Sizes { batch: 5, heads: 2, tokens: 7, others: Some(9), width: 4 };
    let mask = Some(Mask { p: 0.2, key: 8 });
    let bits = |at_once: usize, kept: usize| {
        let how = Attending::new(mask, Precision::F32).in_portions(at_once, kept);
        let (y, inputs, gradients) = run(sizes, true, how);
        (y, grads(&inputs, &gradients))
    };
    let (whole, again) = (bits(usize::MAX, usize::MAX), bits(usize::MAX, 0));
    for at_once in [1, 126, 127, 252, 300] {
        assert!(bits(at_once, usize::MAX) == whole && bits(at_once, 0) == again, "{at_once}");
    }
    assert_eq!(whole.0, again.0);
    for (kept, again) in whole.1.iter().zip(&again.1) {
        assert!(distance(&wide(again), &wide(kept)) < 1e-6);
    }
}

#[test]
fn a_sample_does_not_depend_on_its_neighbours() {
    let sizes = Sizes { batch: 3, heads: 2, tokens: 8, others: None, width: 5 };
    let how = Attending::new(None, Precision::F32);
    let mut inputs = leaves(sizes);
    let all = host(layer(&inputs, sizes, None, how));
    inputs[0] = inputs[0].clone().narrow(0, 80, 80);
    assert_eq!(all[80..160], host(layer(&inputs, Sizes { batch: 1, ..sizes }, None, how)));
}

/// A sequence as long as the published one: against the composition whose gradients burn derives.
#[test]
fn long_sequences_are_those_of_derived_gradients() {
    let sizes = Sizes { batch: 1, heads: 1, tokens: 2400, others: Some(188), width: 4 };
    let how = Attending::new(None, Precision::F32).in_portions(1, 0);
    let (y, inputs, gradients_found) = run(sizes, false, how);
    let leaves = leaves(sizes);
    let expected = reference::composed(&leaves, sizes, None, None, Precision::F32);
    assert!(distance(&wide(&y), &reference::wide(&expected)) < 1e-6);
    let gradients_expected = gradients(expected);
    for (found, expected) in grads(&inputs, &gradients_found).iter().zip(grads(&leaves, &gradients_expected)) {
        let found = distance(&wide(found), &wide(&expected));
        assert!(found < 1e-5, "{found:e}");
    }
}

#[test]
fn coarser_products_stay_near() {
    for others in [None, Some(60)] {
        let sizes = Sizes { batch: 2, heads: 2, tokens: 40, others, width: 16 };
        let all = |precision| {
            let (y, inputs, gradients) = run(sizes, true, Attending::new(None, precision));
            [vec![y], grads(&inputs, &gradients)].concat()
        };
        let single = all(Precision::F32);
        for (precision, largest) in [(Precision::Tf32, 0.004), (Precision::Bf16, 0.03)] {
            for (which, (found, expected)) in all(precision).iter().zip(&single).enumerate() {
                let found = distance(&wide(found), &wide(expected));
                // No product leads to the last bias.
                let is_off = found > 1e-6 || which + 1 == single.len();
                assert!(is_off && found < largest, "{}, {which}: {found:e}", precision.name());
            }
        }
    }
}

/// A frozen memory, say: it is given no gradient, and the others are what they were.
#[test]
fn constants_have_no_gradient() {
    let sizes = Sizes { batch: 2, heads: 2, tokens: 3, others: Some(5), width: 4 };
    let how = Attending::new(None, Precision::F32);
    let (_, inputs, found) = run(sizes, false, how);
    let all = grads(&inputs, &found);
    for constant in 0..inputs.len() {
        let mut inputs = leaves(sizes);
        inputs[constant] = inputs[constant].clone().without_autodiff();
        let found = gradients(layer(&inputs, sizes, None, how));
        for (which, (input, grad)) in inputs.iter().zip(&all).enumerate() {
            let found = if which == constant { None } else { input.grad(&found).map(host) };
            assert_eq!(found.as_ref(), (which != constant).then_some(grad), "{which} of {constant}");
        }
    }
}

#[test]
fn what_is_not_a_number_stays_visible() {
    let sizes = Sizes { batch: 1, heads: 1, tokens: 2, others: Some(3), width: 3 };
    let with = |which: usize, factor: f64| {
        let mut inputs: Vec<Tensor<1>> = leaves(sizes).into_iter().map(Tensor::without_autodiff).collect();
        inputs[which] = inputs[which].clone() * factor;
        host(layer(&inputs, sizes, None, Attending::new(None, Precision::F32)))
    };
    for (which, factor) in [(0, f64::NAN), (1, f64::NAN), (1, f64::INFINITY)] {
        let y = with(which, factor);
        assert!(y.iter().all(|y| !y.is_finite()), "{y:?}");
    }
    assert_eq!(cpu(), leaves(sizes)[0].device().without_autodiff());
}
