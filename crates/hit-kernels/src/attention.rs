//! Attention of heads that never holds the scores of a whole batch.
//!
//! Scores grow with the square of the sequence: at the published size (16 windows, 8 heads, 2,400 tokens) one layer has 737
//! million, and derived gradients would keep them several times over. Here they are made and used up some samples at a
//! time. Where they are few the weights are kept, else the backward pass makes them again from queries, keys and one number a row
//! (Dao et al. 2022, in units of samples instead of blocks).

use burn::tensor::Tensor;

use crate::dropout::Mask;
use crate::host::{Host, Of, by_rows, exp_of_negative, is_host, largest, sum, tensor};
use crate::{Precision, cube};

/// Scores held at once in main memory, unless one sample has more: 256 MiB of f32.
const AT_ONCE: usize = 1 << 26;
/// The same on GPUs, where each portion is some thirteen launches: 512 MiB of bf16.
const AT_ONCE_ON_GPU: usize = 1 << 28;
/// Weights of a layer up to this many are kept for the backward pass: 16 MiB of f32.
const KEPT: usize = 1 << 22;

/// How attention is computed.
#[derive(Clone, Copy, Debug)]
pub struct Attending {
    /// Dropout of the weights.
    pub mask: Option<Mask>,
    /// Of its products.
    pub precision: Precision,
    at_once: Option<usize>,
    kept: usize,
}

impl Attending {
    /// With that dropout and precision.
    pub fn new(mask: Option<Mask>, precision: Precision) -> Self {
        Self { mask, precision, at_once: None, kept: KEPT }
    }

    /// The same in other portions: scores held at once, and weights kept for the backward pass. Forward values are the same bits.
    #[must_use]
    pub fn in_portions(self, at_once: usize, kept: usize) -> Self {
        Self { at_once: Some(at_once), kept, ..self }
    }
}

/// Sizes of a layer, and how many samples a portion has.
#[derive(Clone, Copy)]
struct Shape {
    batch: usize,
    per_sample: usize,
    samples: usize,
}

impl Shape {
    fn of(q: &Tensor<4>, k: &Tensor<4>, how: Attending) -> Self {
        let [batch, heads, queries, _] = q.dims();
        let per_sample = heads * queries * k.dims()[2];
        let at_once = how.at_once.unwrap_or(if is_host(q) { AT_ONCE } else { AT_ONCE_ON_GPU });
        let n_parts = batch.div_ceil((at_once / per_sample).clamp(1, batch));
        Self { batch, per_sample, samples: batch.div_ceil(n_parts) }
    }

    fn n_scores(self) -> usize {
        self.batch * self.per_sample
    }

    fn parts(self) -> impl Iterator<Item = Part> {
        (0..self.batch).step_by(self.samples).map(move |first| {
            let n = self.samples.min(self.batch - first);
            Part { first, n, whole: n == self.batch, first_score: first * self.per_sample }
        })
    }
}

/// Some samples.
#[derive(Clone, Copy)]
struct Part {
    first: usize,
    n: usize,
    whole: bool,
    first_score: usize,
}

impl Part {
    fn of(self, x: &Tensor<4>) -> Tensor<4> {
        if self.whole { x.clone() } else { x.clone().narrow(0, self.first, self.n) }
    }
}

/// What is known of a portion's softmax in the backward pass.
pub(crate) enum Kept {
    /// Weights before dropout.
    Weights(Tensor<4>),
    /// ln Σ e^score of each row, `[n, heads, queries, 1]`.
    Row(Tensor<4>),
}

struct Softmax {
    weights: Tensor<4>,
    row: Tensor<4>,
}

/// softmax(q·kᵀ + `key_bias`)·v, the softmax over keys, with dropout of its weights.
///
/// `q`: `[batch, heads, queries, width]`, scaled by 1/√width; `k`, `v`: `[batch, heads, keys, width]`: all three as products take them, row by row;
/// `key_bias`: `[batch, 1, 1, keys]`.
pub(crate) struct Heads {
    pub q: Tensor<4>,
    pub k: Tensor<4>,
    pub v: Tensor<4>,
    pub key_bias: Option<Tensor<4>>,
    pub how: Attending,
}

impl Heads {
    fn shape(&self) -> Shape {
        Shape::of(&self.q, &self.k, self.how)
    }

    /// Of each portion `[samples, heads, queries, width]`, in numbers of the products, and what is to be kept of it.
    pub(crate) fn forward(&self) -> (Vec<Tensor<4>>, Vec<Kept>) {
        let shape = self.shape();
        let keeps = shape.n_scores() <= self.how.kept;
        let each = |part: Part| {
            let (dropped, kept) = self.weights(part, keeps);
            (self.product(dropped, part.of(&self.v)), kept)
        };
        shape.parts().map(each).unzip()
    }

    /// Gradients of scaled queries, of keys and of values, by portion, in numbers of the products. `grad`: the gradient of the output, as products
    /// take it; `along`: `[batch, heads, queries, 1]`, the output times its gradient, added up along each row, which is the sum of a row's
    /// weights times their gradients.
    pub(crate) fn back(&self, kept: &[Kept], grad: &Tensor<4>, along: &Tensor<4>) -> [Vec<Tensor<4>>; 3] {
        let mut grads: [Vec<Tensor<4>>; 3] = Default::default();
        for (part, kept) in self.shape().parts().zip(kept) {
            let of_part = self.back_of(part, kept, part.of(grad), part.of(along));
            for (all, one) in grads.iter_mut().zip(of_part) {
                all.push(one);
            }
        }
        grads
    }

    /// In numbers of the products, as all that is joined later.
    fn product(&self, a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
        self.how.precision.narrow_product(self.how.precision.factor(a), b)
    }

    fn scores(&self, part: Part) -> Tensor<4> {
        self.product_for_softmax(part.of(&self.q), part.of(&self.k).transpose())
    }

    /// Kernels of GPUs take numbers as products are made in: the scores of a layer are not copied to widen them.
    fn product_for_softmax(&self, a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
        let precision = self.how.precision;
        if is_host(&a) { precision.product(a, b) } else { precision.narrow_product(a, b) }
    }

    fn biased(&self, scores: Tensor<4>, part: Part) -> Tensor<4> {
        match &self.key_bias {
            Some(bias) => scores + part.of(bias),
            None => scores,
        }
    }

    fn dropped(&self, weights: Tensor<4>, part: Part) -> Tensor<4> {
        match self.how.mask {
            Some(mask) => mask.over(weights, part.first_score),
            None => weights,
        }
    }

    /// What a kernel needs to know of a portion's scores.
    fn of_scores(&self, part: Part) -> cube::Scores {
        let key_bias = self.key_bias.as_ref().map(|bias| part.of(bias));
        cube::Scores { key_bias, mask: self.how.mask, first: part.first_score, storage: self.how.precision.storage() }
    }

    /// Weights of a portion, dropped, and what is kept of them. On GPUs the weights never are: scores cost less to make again than
    /// they take to keep.
    fn weights(&self, part: Part, keeps: bool) -> (Tensor<4>, Kept) {
        let scores = self.scores(part);
        if !is_host(&scores) {
            let [dropped, row] = cube::softmax(scores, self.of_scores(part));
            return (dropped, Kept::Row(row));
        }
        let Softmax { weights, row } = softmax_on_host(self.biased(scores, part));
        let kept = if keeps { Kept::Weights(weights.clone()) } else { Kept::Row(row) };
        (self.dropped(weights, part), kept)
    }

    /// From gradients of a portion's dropped weights, and the sum of each row's weights times those: the weights as they were dropped,
    /// and the gradients of scores.
    fn softmax_back(&self, part: Part, kept: &Kept, of_weights: Tensor<4>, along: Tensor<4>) -> [Tensor<4>; 2] {
        let weights = match kept {
            Kept::Weights(weights) => weights.clone(),
            Kept::Row(row) => {
                let (scores, row) = (self.scores(part), row.clone());
                if !is_host(&scores) {
                    return cube::softmax_back(scores, self.of_scores(part), row, of_weights, along);
                }
                weights_on_host(self.biased(scores, part), row)
            }
        };
        let of_weights = self.dropped(of_weights, part);
        [self.dropped(weights.clone(), part), softmax_back_on_host(weights, of_weights, along)]
    }

    fn back_of(&self, part: Part, kept: &Kept, grad: Tensor<4>, along: Tensor<4>) -> [Tensor<4>; 3] {
        let precision = self.how.precision;
        let of_weights = self.product_for_softmax(grad.clone(), part.of(&self.v).transpose());
        let [dropped, of_scores] =
            self.softmax_back(part, kept, of_weights, along).map(|weights| precision.factor(weights));
        [
            precision.narrow_product(of_scores.clone(), part.of(&self.k)),
            precision.narrow_product(of_scores.transpose(), part.of(&self.q)),
            precision.narrow_product(dropped.transpose(), grad),
        ]
    }
}

fn softmax_on_host(scores: Tensor<4>) -> Softmax {
    let [n, heads, queries, keys] = scores.dims();
    let mut scores = Host::new(scores);
    let n_rows = n * heads * queries;
    let mut logs = vec![0.0; n_rows];
    let rows = (Of(scores.values_mut(), keys), Of(&mut *logs, 1));
    by_rows(
        n_rows,
        keys,
        rows,
        #[inline(always)]
        |_, (scores, logs)| {
            for (row, log) in scores.0.chunks_exact_mut(keys).zip(logs.0) {
                let peak = largest(row);
                for score in row.iter_mut() {
                    *score = exp_of_negative(*score - peak);
                }
                let total = sum(keys, |i| row[i]);
                let share = 1.0 / total;
                for weight in row.iter_mut() {
                    *weight *= share;
                }
                *log = peak + libm::logf(total);
            }
        },
    );
    Softmax { weights: scores.tensor(), row: tensor(logs, [n, heads, queries, 1]) }
}

fn weights_on_host(scores: Tensor<4>, row: Tensor<4>) -> Tensor<4> {
    let keys = scores.dims()[3];
    let (mut scores, logs) = (Host::new(scores), Host::new(row));
    let rows = (Of(scores.values_mut(), keys), Of(logs.values(), 1));
    by_rows(
        logs.values().len(),
        keys,
        rows,
        #[inline(always)]
        |_, (scores, logs)| {
            for (scores, row) in scores.0.chunks_exact_mut(keys).zip(logs.0) {
                for score in scores.iter_mut() {
                    // Rounding may lift the largest score above the logarithm of the sum.
                    let below = *score - row;
                    *score = exp_of_negative(if below > 0.0 { 0.0 } else { below });
                }
            }
        },
    );
    scores.tensor()
}

/// weights·(of_weights − along), `along`: `[n, heads, queries, 1]`.
fn softmax_back_on_host(weights: Tensor<4>, of_weights: Tensor<4>, along: Tensor<4>) -> Tensor<4> {
    let keys = weights.dims()[3];
    let (weights, mut grads, along) = (Host::new(weights), Host::new(of_weights), Host::new(along));
    let rows = (Of(grads.values_mut(), keys), Of(weights.values(), keys), Of(along.values(), 1));
    by_rows(
        along.values().len(),
        keys,
        rows,
        #[inline(always)]
        |_, (grads, weights, along)| {
            let rows = grads.0.chunks_exact_mut(keys).zip(weights.0.chunks_exact(keys));
            for ((grads, weights), along) in rows.zip(along.0) {
                for (grad, weight) in grads.iter_mut().zip(weights) {
                    *grad = weight * (*grad - along);
                }
            }
        },
    );
    grads.tensor()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::reference::{distance, plain, wide};

    #[test]
    fn weights_made_again_are_the_weights() {
        for dims in [[1, 1, 1, 1], [2, 3, 5, 7], [1, 2, 3, 188]] {
            let scores = plain("scores", dims) * 20.0;
            let loops = softmax_on_host(scores.clone());
            let again = weights_on_host(scores, loops.row);
            assert!(distance(&wide(&again), &wide(&loops.weights)) < 2e-6, "{dims:?}");
        }
    }
}
