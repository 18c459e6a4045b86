//! Linear maps.

use burn::tensor::Tensor;

use crate::Precision;
use crate::vjp::{Value, differentiable, of_rank, when};

/// x·Wᵀ + b. `x`: `[rows, inputs]`; `weight`: `[outputs, inputs]`; `bias`: `[outputs]`. Returns `[rows, outputs]`.
///
/// Keeps its factors, in the precision of the product.
pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>, precision: Precision) -> Tensor<2> {
    differentiable([x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch()], move |[x, weight, bias]| {
        let x = precision.factor(of_rank::<2>(x));
        let weight = precision.factor(of_rank::<2>(weight));
        let y = precision.product(x.clone(), weight.clone().transpose()) + of_rank::<1>(bias).unsqueeze();
        Value::new(y, move |grad: Tensor<2>, [for_x, for_weight, for_bias]| {
            let outputs = grad.dims()[1];
            let factor = precision.factor(grad.clone());
            [
                when(for_x, || precision.product(factor.clone(), weight.clone())),
                when(for_weight, || precision.product(factor.clone().transpose(), x.clone())),
                when(for_bias, || grad.sum_dim(0).reshape([outputs])),
            ]
        })
    })
}

/// The product of two tensors' matrices. `a`: `[.., n, k]`; `b`: `[.., k, m]`.
///
/// Keeps its factors, in the precision of the product.
pub fn matmul<const D: usize>(a: Tensor<D>, b: Tensor<D>, precision: Precision) -> Tensor<D> {
    differentiable([a.into_dispatch(), b.into_dispatch()], move |[a, b]| {
        let (a, b) = (precision.factor(of_rank::<D>(a)), precision.factor(of_rank::<D>(b)));
        let y = precision.product(a.clone(), b.clone());
        Value::new(y, move |grad: Tensor<D>, [for_a, for_b]| {
            let factor = precision.factor(grad);
            [
                when(for_a, || precision.product(factor.clone(), b.clone().transpose())),
                when(for_b, || precision.product(a.clone().transpose(), factor.clone())),
            ]
        })
    })
}
