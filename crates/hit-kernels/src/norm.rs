//! Normalisation of rows.

use burn::tensor::Tensor;

use crate::cube;
use crate::host::{Host, Of, by_rows, is_host, sum, tensor};
use crate::sums::column_sums;
use crate::vjp::{Value, differentiable, of_rank, when};

/// Each row of `x` to mean 0 and variance 1 (biased, `epsilon` added), then scaled and shifted. `x`: `[rows, width]`; `weight`, `bias`:
/// `[width]`.
///
/// Keeps the normalised rows and one number a row.
pub fn layer_norm(x: Tensor<2>, weight: Tensor<1>, bias: Tensor<1>, epsilon: f64) -> Tensor<2> {
    differentiable([x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch()], move |[x, weight, bias]| {
        let (x, weight, bias) = (of_rank::<2>(x), of_rank::<1>(weight), of_rank::<1>(bias));
        let (y, kept) = if is_host(&x) {
            let kept = on_host(x, epsilon);
            (kept.rows.clone() * weight.clone().unsqueeze() + bias.unsqueeze(), kept)
        } else {
            let [y, rows, inverse] = cube::layer_norm(x, weight.clone(), bias, epsilon);
            (y, Normalised { rows, inverse })
        };
        Value::new(y, move |grad: Tensor<2>, [for_x, for_weight, for_bias]| {
            let of_weight = when(for_weight, || column_sums(grad.clone(), Some(kept.rows.clone())));
            let of_bias = when(for_bias, || column_sums(grad.clone(), None));
            // Last, so that the gradient may be written over.
            [when(for_x, || back(grad, kept.clone(), weight.clone())), of_weight, of_bias]
        })
    })
}

/// Rows of mean 0 and variance 1, and 1/√(variance + ε) of each before, `[rows, 1]`.
#[derive(Clone)]
struct Normalised {
    rows: Tensor<2>,
    inverse: Tensor<2>,
}

fn on_host(x: Tensor<2>, epsilon: f64) -> Normalised {
    let [n, width] = x.dims();
    let mut rows = Host::new(x);
    let mut inverse = vec![0.0; n];
    let (share, epsilon) = (1.0 / width as f32, epsilon as f32);
    let both = (Of(rows.values_mut(), width), Of(&mut *inverse, 1));
    by_rows(
        n,
        width,
        both,
        #[inline(always)]
        |_, (rows, inverse)| {
            for (row, inverse) in rows.0.chunks_exact_mut(width).zip(inverse.0) {
                let mean = sum(width, |i| row[i]) * share;
                for value in row.iter_mut() {
                    *value -= mean;
                }
                let variance = sum(width, |i| row[i] * row[i]) * share;
                *inverse = 1.0 / (variance + epsilon).sqrt();
                for value in row.iter_mut() {
                    *value *= *inverse;
                }
            }
        },
    );
    Normalised { rows: rows.tensor(), inverse: tensor(inverse, [n, 1]) }
}

/// (h − mean(h) − r·mean(h·r))/σ row by row, with h = grad·weight and r the normalised row.
fn back(grad: Tensor<2>, kept: Normalised, weight: Tensor<1>) -> Tensor<2> {
    if is_host(&grad) {
        back_on_host(grad, kept, weight)
    } else {
        cube::layer_norm_back(grad, kept.rows, kept.inverse, weight)
    }
}

fn back_on_host(grad: Tensor<2>, kept: Normalised, weight: Tensor<1>) -> Tensor<2> {
    let [n, width] = grad.dims();
    let (mut grads, weight) = (Host::new(grad), Host::new(weight));
    let (rows, inverse) = (Host::new(kept.rows), Host::new(kept.inverse));
    let share = 1.0 / width as f32;
    let weight = &weight.values()[..width];
    let all = (Of(grads.values_mut(), width), Of(rows.values(), width), Of(inverse.values(), 1));
    by_rows(
        n,
        width,
        all,
        #[inline(always)]
        |_, (grads, rows, inverse)| {
            let rows = grads.0.chunks_exact_mut(width).zip(rows.0.chunks_exact(width));
            for ((grad, row), inverse) in rows.zip(inverse.0) {
                for (grad, weight) in grad.iter_mut().zip(weight) {
                    *grad *= weight;
                }
                let mean = sum(width, |i| grad[i]) * share;
                let along = sum(width, |i| grad[i] * row[i]) * share;
                for (grad, row) in grad.iter_mut().zip(row) {
                    *grad = (*grad - mean - row * along) * inverse;
                }
            }
        },
    );
    grads.tensor()
}

/// GroupNorm of channels-last sequences: mean and biased variance over time and the channels of a group, `epsilon` added.
///
/// `x`: `[batch, time, channels]`; `weight`, `bias`: `[channels]`. A composition: the convolutions before it are frozen in the
/// published runs, so that nothing is kept.
pub fn group_norm(x: Tensor<3>, groups: usize, weight: Tensor<1>, bias: Tensor<1>, epsilon: f64) -> Tensor<3> {
    let [batch, time, channels] = x.dims();
    let each = channels / groups;
    let per_group = |x: Tensor<3>| {
        let sums = x.sum_dim(1).reshape([batch, groups, each]).sum_dim(2) / (time * each) as f64;
        sums.repeat_dim(2, each).reshape([batch, 1, channels])
    };
    let centred = x.clone() - per_group(x);
    let variance = per_group(centred.clone() * centred.clone());
    let scale = (variance + epsilon).sqrt().recip() * weight.unsqueeze();
    centred * scale + bias.unsqueeze()
}
