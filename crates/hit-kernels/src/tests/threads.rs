//! The same bits whatever the number of threads.

use burn::tensor::{Gradients, Tensor};
use proptest::prelude::*;

use super::reference::{gradients, leaf, plain};
use crate::host::{Of, by_rows, tensor};
use crate::{
    Attending, Maps, Mask, Moments, Precision, TwoMaps, Update, adamw, dropout, feed_forward, gelu, host, layer_norm,
    linear, multi_head,
};

/// The bits of all that `f` returns, on one thread, and the same on two and three.
fn assert_same_bits(f: impl Fn() -> Vec<Vec<f32>> + Sync) {
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let values = pool.install(&f);
        values.into_iter().map(|x| x.into_iter().map(f32::to_bits).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    let one = on(1);
    for threads in [2, 3] {
        assert_eq!(on(threads), one, "{threads} threads");
    }
}

/// The gradient of one leaf.
type Grad<'a> = &'a dyn Fn(&Gradients) -> Vec<f32>;

/// A value and gradients of leaves.
fn with_gradients<const D: usize, const N: usize>(y: Tensor<D>, leaves: [Grad<'_>; N]) -> Vec<Vec<f32>> {
    let gradients = gradients(y.clone());
    std::iter::once(host(y)).chain(leaves.map(|grad| grad(&gradients))).collect()
}

fn of<const D: usize>(leaf: &Tensor<D>) -> impl Fn(&Gradients) -> Vec<f32> {
    let leaf = leaf.clone();
    move |gradients| host(leaf.grad(gradients).expect("a leaf of the graph has a gradient"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn loops_see_every_row_once(n in 0usize..5_000, width in 1usize..40) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let (mut found, scale) = (vec![1.0; n * width], tensor(vec![2.0; n], [n]));
        let scale = host(scale);
        pool.install(|| {
            by_rows(n, width, (Of(&mut *found, width), Of(&*scale, 1)), |first, (rows, scale)| {
                for (row, (values, scale)) in (first..).zip(rows.0.chunks_exact_mut(width).zip(scale.0)) {
                    for value in values {
                        *value += scale * row as f32;
                    }
                }
            });
        });
        let expected: Vec<f32> = (0..n * width).map(|i| 1.0 + 2.0 * (i / width) as f32).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn attention_has_the_same_bits(tokens in 40usize..90, keep: bool, odd in 1usize..4) {
        assert_same_bits(|| {
            let (x, in_weight, out_weight) = (leaf("x", [odd * tokens, 35]), leaf("in", [105, 35]), leaf("out", [35, 35]));
            let (in_bias, out_bias) = (leaf("in bias", [105]), leaf("out bias", [35]));
            let maps = Maps {
                in_weight: in_weight.clone(),
                in_bias: in_bias.clone(),
                out_weight: out_weight.clone(),
                out_bias: out_bias.clone(),
            };
            let mask = Mask { p: 0.1, key: 5 };
            let how = Attending::new(Some(mask), Precision::F32).in_portions(1 << 20, if keep { 1 << 20 } else { 0 });
            let y = multi_head(x.clone(), None, maps, [odd, 5], None, how);
            with_gradients(y, [&of(&x), &of(&in_weight), &of(&in_bias), &of(&out_weight), &of(&out_bias)])
        });
    }

    #[test]
    fn feed_forward_parts_have_the_same_bits(rows in 300usize..500, hidden in 50usize..150) {
        assert_same_bits(|| {
            let (x, weight1, bias1) = (leaf("x", [rows, 33]), leaf("w1", [hidden, 33]), leaf("b1", [hidden]));
            let (weight2, bias2) = (leaf("w2", [40, hidden]), leaf("b2", [40]));
            let maps = TwoMaps {
                weight1: weight1.clone(),
                bias1: bias1.clone(),
                weight2: weight2.clone(),
                bias2: bias2.clone(),
            };
            let y = feed_forward(x.clone(), maps, Some(Mask { p: 0.1, key: 5 }), Precision::F32);
            with_gradients(y, [&of(&x), &of(&weight1), &of(&bias1), &of(&weight2), &of(&bias2)])
        });
    }

    #[test]
    fn rows_have_the_same_bits(rows in 900usize..1200, width in 17usize..70) {
        assert_same_bits(|| {
            let (x, w, b) = (leaf("x", [rows, width]), leaf("w", [width]), leaf("b", [width]));
            let y = layer_norm(x.clone(), w.clone(), b.clone(), 1e-5);
            let mut found = with_gradients(y, [&of(&x), &of(&w), &of(&b)]);
            found.extend(with_gradients(gelu(x.clone()), [&of(&x)]));
            found.extend(with_gradients(dropout(x.clone(), Mask { p: 0.3, key: 99 }), [&of(&x)]));
            found.push(host(gelu(plain("x", [rows, width]))));
            found
        });
    }

    #[test]
    fn masks_have_the_same_bits(first in 0usize..5, n in 30_000usize..40_000) {
        let mask = Mask { p: 0.5, key: 1 };
        assert_same_bits(|| {
            let mut factors = vec![1.0; n];
            mask.apply(&mut factors, first);
            vec![factors]
        });
    }

    #[test]
    fn updates_have_the_same_bits(n in 17_000usize..60_000) {
        let update = Update { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, rate: 0.01, decay: 0.1, step: 3 };
        let moments = || Moments { first: plain("first", [n]), second: plain("second", [n]).abs() };
        assert_same_bits(|| {
            let clip = tensor(vec![0.7], [1]);
            let (value, kept) = adamw(plain("value", [n]), plain("grad", [n]), &clip, Some(moments()), update);
            [value, kept.first, kept.second].map(host).to_vec()
        });
    }
}

#[test]
fn linear_maps_have_the_same_bits() {
    for [rows, inputs, outputs] in [[960, 64, 64], [1472, 64, 128], [333, 97, 75]] {
        assert_same_bits(|| {
            let (x, w, b) = (leaf("x", [rows, inputs]), leaf("w", [outputs, inputs]), leaf("b", [outputs]));
            let y = linear(x.clone(), w.clone(), b.clone(), Precision::F32);
            with_gradients(y, [&of(&x), &of(&w), &of(&b)])
        });
    }
}

#[test]
fn gelu_is_the_same_inside_and_outside_of_the_graph() {
    let x = leaf("x", [300, 101]);
    assert_eq!(host(gelu(x.clone() * 5.0)), host(gelu(x.without_autodiff() * 5.0)));
}
