//! Multi-head attention with its linear maps, as one operation: from rows of tokens to rows of tokens.
//!
//! Maps of one input are one product, heads are made in the order and the numbers that products take, and what is kept are factors of
//! products alone, and of the softmax what `attention.rs` says.

use burn::tensor::Tensor;

use crate::attention::{Attending, Heads};
use crate::heads::Split;
use crate::host::is_host;
use crate::linear::{mapped, product, product_of_columns};
use crate::sums::column_sums;
use crate::vjp::{Value, differentiable, of_rank, when};

/// The linear maps of a layer of width d, as PyTorch packs them.
pub struct Maps {
    /// Of queries, keys and values, one below the other: `[3·d, d]`.
    pub in_weight: Tensor<2>,
    /// `[3·d]`.
    pub in_bias: Tensor<1>,
    /// Of the heads side by side: `[d, d]`.
    pub out_weight: Tensor<2>,
    /// `[d]`.
    pub out_bias: Tensor<1>,
}

/// Multi-head attention (Vaswani et al. 2017, section 3.2): softmax(q·kᵀ/√(d/heads) + `key_bias`)·v of each head, and a map of all.
///
/// `queries`: `[batch·tokens, d]`; `memory`: `[batch·others, d]`, of which keys and values are made, or none if they are made of `queries`;
/// `key_bias`: `[batch, 1, 1, others]`, a constant, which leaves each sample a key at least. Returns the shape of `queries`.
pub fn multi_head(
    queries: Tensor<2>,
    memory: Option<Tensor<2>>,
    maps: Maps,
    [batch, heads]: [usize; 2],
    key_bias: Option<Tensor<4>>,
    how: Attending,
) -> Tensor<2> {
    let (key_bias, precision) = (key_bias.map(Tensor::without_autodiff), how.precision);
    let is_across = memory.is_some();
    let inputs = [
        queries.clone().into_dispatch(),
        // A place that no gradient is given to.
        memory.unwrap_or(queries).into_dispatch(),
        maps.in_weight.into_dispatch(),
        maps.in_bias.into_dispatch(),
        maps.out_weight.into_dispatch(),
        maps.out_bias.into_dispatch(),
    ];
    differentiable(inputs, move |[queries, memory, in_weight, in_bias, out_weight, out_bias]| {
        let factor = |x| precision.factor(of_rank::<2>(x));
        let (in_weight, out_weight) = (factor(in_weight), factor(out_weight));
        let of_input = |x, [first, n]: [usize; 2]| Input::new(factor(x), &in_weight, [first, n], [batch, heads], how);
        let inputs = if is_across {
            vec![of_input(queries, [0, 1]), of_input(memory, [1, 2])]
        } else {
            vec![of_input(queries, [0, 3])]
        };
        let in_bias = of_rank::<1>(in_bias);
        let mut each = inputs.iter().flat_map(|input| input.heads(&in_bias));
        let mut next = || each.next().unwrap_or_else(|| unreachable!("queries, keys and values are mapped"));
        let heads = Heads { q: next(), k: next(), v: next(), key_bias, how };
        let (mixed, kept) = heads.forward();
        let split = inputs[0].split;
        let mixed = split.rows_of(&[mixed], 1.0, precision);
        let y = mapped(mixed.clone(), out_weight.clone(), of_rank(out_bias), precision);
        let back = move |grad: Tensor<2>, wanted: [bool; 6]| {
            let [for_queries, for_memory, for_in_weight, for_in_bias, for_out_weight, for_out_bias] = wanted;
            let factor = precision.factor(grad.clone());
            let of_mixed = product_or_narrow(factor.clone(), out_weight.clone(), how);
            let [of_heads, along] = split.heads_along(of_mixed, mixed.clone(), precision);
            let mut of_heads = heads.back(&kept, &of_heads, &along).into_iter();
            let grads: Vec<Tensor<2>> = inputs.iter().map(|input| input.rows_of(&mut of_heads)).collect();
            let of_input = |i: usize| product(precision, grads[i].clone(), inputs[i].weight.clone());
            let each = || grads.iter().cloned().zip(&inputs);
            [
                when(for_queries, || of_input(0)),
                when(for_memory && is_across, || of_input(1)),
                when(for_in_weight, || {
                    join(each().map(|(grad, input)| product_of_columns(precision, grad, input.x.clone())).collect())
                }),
                when(for_in_bias, || join(each().map(|(grad, _)| column_sums(grad, None)).collect())),
                when(for_out_weight, || product_of_columns(precision, factor, mixed.clone())),
                when(for_out_bias, || column_sums(grad, None)),
            ]
        };
        Value::new(y, back)
    })
}

/// What is mapped to queries, keys, values, or several of them.
struct Input {
    /// `[batch·tokens, d]`, as products take it.
    x: Tensor<2>,
    /// Of its maps, `[n·d, d]`, as products take it.
    weight: Tensor<2>,
    /// The first of its maps.
    first: usize,
    n: usize,
    split: Split,
    how: Attending,
}

impl Input {
    fn new(
        x: Tensor<2>,
        in_weight: &Tensor<2>,
        [first, n]: [usize; 2],
        [batch, heads]: [usize; 2],
        how: Attending,
    ) -> Self {
        let [rows, d] = x.dims();
        let split = Split { batch, heads, tokens: rows / batch, width: d / heads };
        Self { x, weight: in_weight.clone().narrow(0, first * d, n * d), first, n, split, how }
    }

    /// Of queries, which are the first map there is.
    fn scale(&self) -> f64 {
        if self.first == 0 { 1.0 / (self.split.width as f64).sqrt() } else { 1.0 }
    }

    fn heads(&self, in_bias: &Tensor<1>) -> impl Iterator<Item = Tensor<4>> + use<> {
        let rows = product_or_narrow(self.x.clone(), self.weight.clone().transpose(), self.how);
        let d = self.split.of_map();
        let bias = in_bias.clone().narrow(0, self.first * d, self.n * d);
        self.split.heads(rows, bias, self.scale(), self.how.precision)
    }

    /// Gradients of its maps side by side, as products take them.
    fn rows_of(&self, of_heads: &mut impl Iterator<Item = Vec<Tensor<4>>>) -> Tensor<2> {
        let maps: Vec<Vec<Tensor<4>>> = of_heads.take(self.n).collect();
        self.split.rows_of(&maps, self.scale(), self.how.precision)
    }
}

/// A product that goes on to heads: kernels of GPUs take numbers as products are made in.
fn product_or_narrow(a: Tensor<2>, b: Tensor<2>, how: Attending) -> Tensor<2> {
    if is_host(&a) { product(how.precision, a, b) } else { how.precision.narrow_product(a, b) }
}

fn join<const D: usize>(mut parts: Vec<Tensor<D>>) -> Tensor<D> {
    if parts.len() == 1 { parts.remove(0) } else { Tensor::cat(parts, 0) }
}
