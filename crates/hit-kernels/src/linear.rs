//! Linear maps.

use burn::tensor::Tensor;

use crate::host::is_host;
use crate::precision::BLOCK;
use crate::sums::column_sums;
use crate::vjp::{Value, differentiable, of_rank, when};
use crate::{Precision, cube};

/// x·Wᵀ + b. `x`: `[rows, inputs]`; `weight`: `[outputs, inputs]`; `bias`: `[outputs]`. Returns `[rows, outputs]`.
///
/// Keeps its factors, in the precision of the product.
pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>, precision: Precision) -> Tensor<2> {
    differentiable([x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch()], move |[x, weight, bias]| {
        let x = precision.factor(of_rank::<2>(x));
        let weight = precision.factor(of_rank::<2>(weight));
        let y = mapped(x.clone(), weight.clone(), of_rank(bias), precision);
        Value::new(y, move |grad: Tensor<2>, [for_x, for_weight, for_bias]| {
            let factor = precision.factor(grad.clone());
            [
                when(for_x, || product(precision, factor.clone(), weight.clone())),
                when(for_weight, || product_of_columns(precision, factor.clone(), x.clone())),
                when(for_bias, || column_sums(grad, None)),
            ]
        })
    })
}

/// x·Wᵀ + b of factors.
pub(crate) fn mapped(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>, precision: Precision) -> Tensor<2> {
    let turned = weight.transpose();
    if is_host(&x) {
        product(precision, x, turned) + bias.unsqueeze()
    } else {
        cube::shifted(precision.narrow_product(x, turned), bias)
    }
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

/// a·b, its rows in parts that threads share. `a`: `[n, k]`; `b`: `[k, m]`.
pub(crate) fn product(precision: Precision, a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
    let ([n, k], m) = (a.dims(), b.dims()[1]);
    match parts(n, k, m).filter(|_| is_host(&a)) {
        Some(parts) => precision.product::<3>(a.reshape([parts, n / parts, k]), b.unsqueeze()).reshape([n, m]),
        None => precision.product(a, b),
    }
}

/// aᵀ·b, the same. `a`: `[k, n]`; `b`: `[k, m]`.
pub(crate) fn product_of_columns(precision: Precision, a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
    let ([k, n], m) = (a.dims(), b.dims()[1]);
    match parts(n, k, m).filter(|_| is_host(&a)) {
        Some(parts) => {
            let rows = a.reshape([k, parts, n / parts]).permute([1, 2, 0]);
            precision.product::<3>(rows, b.unsqueeze()).reshape([n, m])
        }
        None => precision.product(a.transpose(), b),
    }
}

/// Into how many parts the `n` rows of a product in main memory are put, for burn gives a product of less than 192³ to one thread, but the
/// matrices of a batch from 128³ on to several. It depends on sizes alone, and no bit on it: rows have
/// their own sums, in blocks that depend on `k` alone.
fn parts(n: usize, k: usize, m: usize) -> Option<usize> {
    // One block of a sum is one product to burn.
    let block = k.div_ceil(k.div_ceil(BLOCK));
    let worth = (128 * 128 * 128..192 * 192 * 192).contains(&(n * block * m));
    // Parts of 16 by 16 and less are multiplied in another way.
    let fits = |parts: usize| n.is_multiple_of(parts) && n / parts >= 16 && n / parts * m > 256;
    if worth { [8, 4, 2].into_iter().find(|&parts| fits(parts)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host;
    use crate::tests::reference::plain;

    #[test]
    fn products_in_parts_are_the_same_bits() {
        let shapes = [
            [960, 64, 64],
            [1408, 64, 64],
            [128, 960, 64],
            [192, 1472, 64],
            [64, 4000, 80],
            [48, 1000, 100],
            [512, 510, 16],
        ];
        for [n, k, m] in shapes {
            assert!(parts(n, k, m).is_some());
            for precision in [Precision::F32, Precision::Tf32, Precision::Bf16] {
                let factor = |x| precision.factor::<2>(x);
                let (a, b) = (factor(plain("a", [n, k])), factor(plain("b", [k, m])));
                let (a_columns, b_columns) = (factor(plain("a", [k, n])), factor(plain("b", [m, k])));
                let same = |found: Tensor<2>, a: Tensor<2>, b: Tensor<2>| {
                    assert_eq!(host(found), host(precision.product(a, b)), "{n}, {k}, {m} in {}", precision.name());
                };
                same(product(precision, a.clone(), b.clone()), a.clone(), b.clone());
                same(product(precision, a.clone(), b_columns.clone().transpose()), a, b_columns.transpose());
                same(product_of_columns(precision, a_columns.clone(), b.clone()), a_columns.transpose(), b);
            }
        }
    }

    #[test]
    fn what_would_change_or_gains_nothing_stays_whole() {
        for [n, k, m] in [[16, 16, 16], [961, 64, 64], [1024, 1024, 1024], [32, 4100, 16], [64, 4000, 16]] {
            assert_eq!(parts(n, k, m), None, "{n}, {k}, {m}");
        }
    }
}
