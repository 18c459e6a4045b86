//! The feed-forward part of a Transformer layer as one operation: what lies between its two linear maps is the widest tensor of the model, and
//! every pass over it counts.

use burn::tensor::{FloatDType, Tensor};

use crate::dropout::Mask;
use crate::gelu::gelu_of;
use crate::host::{Host, Of, by_rows, is_host, tensor};
use crate::linear::{mapped, product, product_of_columns};
use crate::sums::column_sums;
use crate::vjp::{Value, differentiable, of_rank, when};
use crate::{Precision, cube};

/// Two linear maps as PyTorch has them: weights `[hidden, width]` and `[outputs, hidden]`, biases `[hidden]` and `[outputs]`.
pub struct TwoMaps {
    /// Of the first map.
    pub weight1: Tensor<2>,
    /// Of the first map.
    pub bias1: Tensor<1>,
    /// Of the second map.
    pub weight2: Tensor<2>,
    /// Of the second map.
    pub bias2: Tensor<1>,
}

/// GELU(x·W₁ᵀ + b₁)·W₂ᵀ + b₂, with dropout in front of the second map. `x`: `[rows, width]`. Returns `[rows, outputs]`.
///
/// Keeps factors of products, and in main memory the derivative between the maps; on GPUs the product of the first map, of which it is made
/// again.
pub fn feed_forward(x: Tensor<2>, maps: TwoMaps, mask: Option<Mask>, precision: Precision) -> Tensor<2> {
    // Outside of the graph nobody asks for the derivative.
    let is_tracked = x.is_autodiff() || maps.weight1.is_autodiff() || maps.bias1.is_autodiff();
    let inputs = [
        x.into_dispatch(),
        maps.weight1.into_dispatch(),
        maps.bias1.into_dispatch(),
        maps.weight2.into_dispatch(),
        maps.bias2.into_dispatch(),
    ];
    differentiable(inputs, move |[x, weight1, bias1, weight2, bias2]| {
        let [x, weight1, weight2] = [x, weight1, weight2].map(|factor| precision.factor(of_rank::<2>(factor)));
        let between = Between::new(&x, &weight1, of_rank(bias1), mask, precision, is_tracked);
        let hidden = between.hidden.clone();
        let y = mapped(hidden.clone(), weight2.clone(), of_rank(bias2), precision);
        Value::new(y, move |grad: Tensor<2>, [for_x, for_weight1, for_bias1, for_weight2, for_bias2]| {
            let factor = precision.factor(grad.clone());
            let of_weight2 = when(for_weight2, || product_of_columns(precision, factor.clone(), hidden.clone()));
            let of_bias2 = when(for_bias2, || column_sums(grad, None));
            let inner = between.back(factor, weight2.clone());
            [
                when(for_x, || product(precision, inner.clone(), weight1.clone())),
                when(for_weight1, || product_of_columns(precision, inner.clone(), x.clone())),
                when(for_bias1, || column_sums(inner, None)),
                of_weight2,
                of_bias2,
            ]
        })
    })
}

/// What lies between the maps, `[rows, hidden]`.
struct Between {
    /// GELU of the first map, dropped, as products take it.
    hidden: Tensor<2>,
    slope: Slope,
    /// Of the first map.
    bias: Tensor<1>,
    mask: Option<Mask>,
    precision: Precision,
}

/// What the derivative is made of.
enum Slope {
    /// Itself, dropped; nothing if it is not asked for.
    Whole(Option<Tensor<2>>),
    /// Of the product of the first map, in its numbers.
    Of(Tensor<2>),
}

impl Between {
    fn new(
        x: &Tensor<2>,
        weight: &Tensor<2>,
        bias: Tensor<1>,
        mask: Option<Mask>,
        precision: Precision,
        with_slope: bool,
    ) -> Self {
        let turned = weight.clone().transpose();
        let (hidden, slope) = if is_host(x) {
            let (hidden, slope) = on_host(product(precision, x.clone(), turned), bias.clone(), with_slope);
            let dropped = |x: Tensor<2>| match mask {
                Some(mask) => mask.over(x, 0),
                None => x,
            };
            (dropped(hidden), Slope::Whole(slope.map(dropped)))
        } else {
            let inner = precision.narrow_product(x.clone(), turned);
            (cube::activated(inner.clone(), bias.clone(), mask), Slope::Of(inner))
        };
        Self { hidden: precision.factor(hidden), slope, bias, mask, precision }
    }

    /// Gradients of the first map, as products take them, from those of the second: `grad` and `weight` as products take them.
    fn back(&self, grad: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
        let precision = self.precision;
        precision.factor(match &self.slope {
            Slope::Whole(slope) => {
                product(precision, grad, weight)
                    * slope.clone().unwrap_or_else(|| unreachable!("a gradient is asked for in the graph alone"))
            }
            Slope::Of(inner) => {
                let grad = precision.narrow_product(grad, weight);
                cube::activated_back(grad, inner.clone(), self.bias.clone(), self.mask)
            }
        })
    }
}

/// GELU of rows and a bias, and its derivative if it is asked for.
fn on_host(rows: Tensor<2>, bias: Tensor<1>, with_slope: bool) -> (Tensor<2>, Option<Tensor<2>>) {
    let dims @ [n, width] = rows.dims();
    let (mut values, bias) = (Host::new(rows.cast(FloatDType::F32)), Host::new(bias));
    let bias = bias.values();
    if !with_slope {
        by_rows(
            n,
            width,
            Of(values.values_mut(), width),
            #[inline(always)]
            |_, values| {
                for row in values.0.chunks_exact_mut(width) {
                    for (value, bias) in row.iter_mut().zip(bias) {
                        *value = gelu_of(*value + bias).0;
                    }
                }
            },
        );
        return (values.tensor(), None);
    }
    let mut slopes = vec![0.0; n * width];
    let rows = (Of(values.values_mut(), width), Of(&mut *slopes, width));
    by_rows(
        n,
        width,
        rows,
        #[inline(always)]
        |_, (values, slopes)| {
            for (row, slopes) in values.0.chunks_exact_mut(width).zip(slopes.0.chunks_exact_mut(width)) {
                for ((value, slope), bias) in row.iter_mut().zip(slopes).zip(bias) {
                    (*value, *slope) = gelu_of(*value + bias);
                }
            }
        },
    );
    (values.tensor(), Some(tensor(slopes, dims)))
}
