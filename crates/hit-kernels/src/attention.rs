//! Attention that never holds the scores of a whole batch.
//!
//! Scores grow with the square of the sequence: at the published size (16 windows, 8 heads, 2,400 tokens) one layer has 737
//! million, and derived gradients would keep them several times over. Here they are made and used up some samples at a
//! time. Where they are few the weights are kept, else the backward pass makes them again from queries, keys and one number a row
//! (Dao et al. 2022, in units of samples instead of blocks).

use burn::tensor::Tensor;

use crate::Precision;
use crate::dropout::Mask;
use crate::host::{Host, Of, by_rows, exp_of_negative, is_host, largest, sum, tensor};
use crate::vjp::{Value, differentiable, of_rank, when};

/// Scores held at once, unless one sample has more: 256 MiB of f32.
const AT_ONCE: usize = 1 << 26;
/// Weights of a layer up to this many are kept for the backward pass: 16 MiB of f32.
const KEPT: usize = 1 << 22;

/// How attention is computed.
#[derive(Clone, Copy, Debug)]
pub struct Attending {
    /// Dropout of the weights.
    pub mask: Option<Mask>,
    /// Of its products.
    pub precision: Precision,
    at_once: usize,
    kept: usize,
}

impl Attending {
    /// With that dropout and precision.
    pub fn new(mask: Option<Mask>, precision: Precision) -> Self {
        Self { mask, precision, at_once: AT_ONCE, kept: KEPT }
    }

    /// The same in other portions: scores held at once, and weights kept for the backward pass. Forward values are the same bits.
    #[must_use]
    pub fn in_portions(self, at_once: usize, kept: usize) -> Self {
        Self { at_once, kept, ..self }
    }
}

/// softmax(q·kᵀ/√width + `key_bias`)·v, the softmax over keys, with dropout of its weights.
///
/// `q`: `[batch, heads, queries, width]`; `k`, `v`: `[batch, heads, keys, width]`; `key_bias`: `[batch, 1, 1, keys]`, a constant. Returns the
/// shape of `q`.
pub fn attention(q: Tensor<4>, k: Tensor<4>, v: Tensor<4>, key_bias: Option<Tensor<4>>, how: Attending) -> Tensor<4> {
    let key_bias = key_bias.map(Tensor::without_autodiff);
    differentiable([q.into_dispatch(), k.into_dispatch(), v.into_dispatch()], move |[q, k, v]| {
        let shape = Shape::of(&of_rank(q.clone()), &of_rank(k.clone()), how);
        let scale = 1.0 / (shape.width as f64).sqrt();
        let factor = |x| how.precision.factor::<4>(x);
        let layer =
            Layer { q: factor(scaled(of_rank(q), scale)), k: factor(of_rank(k)), v: factor(of_rank(v)), key_bias, how };
        let keeps = shape.n_scores() <= how.kept;
        let (mut mixed, mut rows) = (Vec::new(), Vec::new());
        for part in shape.parts() {
            let Softmax { weights, row } = layer.weights(part);
            let dropped = layer.dropped(weights.clone(), part);
            mixed.push(layer.product(dropped, part.of(&layer.v)));
            rows.push(if keeps { Kept::Weights(weights) } else { Kept::Row(row) });
        }
        let y = join(mixed);
        let out = y.clone();
        Value::new(y, move |grad: Tensor<4>, wanted| {
            let mut grads: [Vec<Tensor<4>>; 3] = Default::default();
            for (part, kept) in shape.parts().zip(&rows) {
                let of_part = layer.back(part, kept, part.of(&grad), part.of(&out), wanted);
                for (all, one) in grads.iter_mut().zip(of_part) {
                    all.extend(one);
                }
            }
            let [for_q, for_k, for_v] = grads;
            [when(wanted[0], || join(for_q) * scale), when(wanted[1], || join(for_k)), when(wanted[2], || join(for_v))]
        })
    })
}

/// Sizes of a layer, and how many samples a portion has.
#[derive(Clone, Copy)]
struct Shape {
    batch: usize,
    per_sample: usize,
    width: usize,
    samples: usize,
}

impl Shape {
    fn of(q: &Tensor<4>, k: &Tensor<4>, how: Attending) -> Self {
        let [batch, heads, queries, width] = q.dims();
        let per_sample = heads * queries * k.dims()[2];
        Self { batch, per_sample, width, samples: (how.at_once / per_sample).clamp(1, batch) }
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
enum Kept {
    /// Weights before dropout.
    Weights(Tensor<4>),
    /// ln Σ e^score of each row, `[n, heads, queries, 1]`.
    Row(Tensor<4>),
}

struct Softmax {
    weights: Tensor<4>,
    row: Tensor<4>,
}

/// Factors of a layer's products, the queries scaled.
struct Layer {
    q: Tensor<4>,
    k: Tensor<4>,
    v: Tensor<4>,
    key_bias: Option<Tensor<4>>,
    how: Attending,
}

impl Layer {
    fn product(&self, a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
        self.how.precision.product(self.how.precision.factor(a), b)
    }

    fn scores(&self, part: Part) -> Tensor<4> {
        let scores = self.how.precision.product(part.of(&self.q), part.of(&self.k).transpose());
        match &self.key_bias {
            Some(bias) => scores + part.of(bias),
            None => scores,
        }
    }

    fn weights(&self, part: Part) -> Softmax {
        let scores = self.scores(part);
        if is_host(&scores) { softmax_on_host(scores) } else { softmax_on_device(scores) }
    }

    fn again(&self, part: Part, kept: &Kept) -> Tensor<4> {
        match kept {
            Kept::Weights(weights) => weights.clone(),
            Kept::Row(row) => {
                let scores = self.scores(part);
                if is_host(&scores) {
                    weights_on_host(scores, row.clone())
                } else {
                    weights_on_device(scores, row.clone())
                }
            }
        }
    }

    fn dropped(&self, weights: Tensor<4>, part: Part) -> Tensor<4> {
        match self.how.mask {
            Some(mask) => mask.over(weights, part.first_score),
            None => weights,
        }
    }

    /// Gradients of scaled queries, of keys and of values of a portion.
    fn back(
        &self,
        part: Part,
        kept: &Kept,
        grad: Tensor<4>,
        out: Tensor<4>,
        [for_q, for_k, for_v]: [bool; 3],
    ) -> [Option<Tensor<4>>; 3] {
        let precision = self.how.precision;
        let weights = self.again(part, kept);
        let factor = precision.factor(grad.clone());
        let of_values = for_v.then(|| {
            let dropped = precision.factor(self.dropped(weights.clone(), part));
            precision.product(dropped.transpose(), factor.clone())
        });
        if !for_q && !for_k {
            return [None, None, of_values];
        }
        // Σ_j of a row's weights times their gradients is the gradient of the output times the output.
        let along = (grad * out).sum_dim(3);
        let of_weights = precision.product(factor, part.of(&self.v).transpose());
        let of_weights = self.dropped(of_weights, part);
        let of_scores = precision.factor(softmax_back(weights, of_weights, along));
        [
            for_q.then(|| precision.product(of_scores.clone(), part.of(&self.k))),
            for_k.then(|| precision.product(of_scores.clone().transpose(), part.of(&self.q))),
            of_values,
        ]
    }
}

fn softmax_on_device(scores: Tensor<4>) -> Softmax {
    let peak = scores.clone().max_dim(3);
    let raised = (scores - peak.clone()).exp();
    let total = raised.clone().sum_dim(3);
    Softmax { weights: raised * total.clone().recip(), row: peak + total.log() }
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

fn weights_on_device(scores: Tensor<4>, row: Tensor<4>) -> Tensor<4> {
    (scores - row).exp()
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
fn softmax_back(weights: Tensor<4>, of_weights: Tensor<4>, along: Tensor<4>) -> Tensor<4> {
    if is_host(&weights) {
        softmax_back_on_host(weights, of_weights, along)
    } else {
        softmax_back_on_device(weights, of_weights, along)
    }
}

fn softmax_back_on_device(weights: Tensor<4>, of_weights: Tensor<4>, along: Tensor<4>) -> Tensor<4> {
    weights * (of_weights - along)
}

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

/// x·scale. Heads are views of their tokens: burn multiplies those one by one, rows at once.
fn scaled(x: Tensor<4>, scale: f64) -> Tensor<4> {
    if is_host(&x) { Host::new(x).tensor::<4>() * scale } else { x * scale }
}

fn join(mut parts: Vec<Tensor<4>>) -> Tensor<4> {
    if parts.len() == 1 { parts.remove(0) } else { Tensor::cat(parts, 0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::reference::{distance, plain, wide};

    /// What runs on other devices, on this one.
    #[test]
    fn loops_and_tensor_operations_are_the_same_formula() {
        for dims in [[1, 1, 1, 1], [2, 3, 5, 7], [1, 2, 3, 188]] {
            let scores = plain("scores", dims) * 20.0;
            let (loops, operations) = (softmax_on_host(scores.clone()), softmax_on_device(scores.clone()));
            let near = |a: &Tensor<4>, b: &Tensor<4>| distance(&wide(a), &wide(b)) < 2e-6;
            assert!(near(&loops.weights, &operations.weights) && near(&loops.row, &operations.row), "{dims:?}");
            assert!(near(&weights_on_host(scores.clone(), loops.row.clone()), &loops.weights), "{dims:?}");
            assert!(near(&weights_on_device(scores, operations.row), &loops.weights), "{dims:?}");
            let along = plain("along", [dims[0], dims[1], dims[2], 1]);
            let back = |f: fn(Tensor<4>, Tensor<4>, Tensor<4>) -> Tensor<4>| {
                f(loops.weights.clone(), plain("grad", dims), along.clone())
            };
            assert!(near(&back(softmax_back_on_host), &back(softmax_back_on_device)), "{dims:?}");
        }
    }
}
