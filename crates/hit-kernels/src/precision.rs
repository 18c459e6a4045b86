//! In what numbers matrices are multiplied.

use std::str::FromStr;

use burn::tensor::{FloatDType, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cube;
use crate::host::is_host;

/// Numbers of matrix products, forward and backward: those of linear maps, convolutions and attention. All else, sums within a
/// product included, is in 32 bits, and so are weights, gradients and the state of the optimiser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// IEEE single: 24 bits of mantissa.
    #[default]
    F32,
    /// Factors rounded to 11 bits of mantissa, as tensor cores take them (TF32).
    Tf32,
    /// Factors and products rounded to bfloat16: 8 bits of mantissa.
    Bf16,
    /// IEEE half: what `Bf16` does, in numbers that software drivers of GPUs have too.
    #[cfg(test)]
    F16,
}

impl Precision {
    /// As profiles write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
            #[cfg(test)]
            Self::F16 => "f16",
        }
    }

    /// Relative distance of the numbers that factors are rounded to: 2⁻²³, 2⁻¹⁰, 2⁻⁷.
    pub fn epsilon(self) -> f64 {
        match self {
            Self::F32 => f64::from(f32::EPSILON),
            Self::Tf32 => 1.0 / 1024.0,
            Self::Bf16 => 1.0 / 128.0,
            #[cfg(test)]
            Self::F16 => 1.0 / 1024.0,
        }
    }

    /// What factors are kept in, and products made in.
    pub(crate) fn storage(self) -> FloatDType {
        match self {
            Self::F32 | Self::Tf32 => FloatDType::F32,
            Self::Bf16 => FloatDType::BF16,
            #[cfg(test)]
            Self::F16 => FloatDType::F16,
        }
    }

    /// A factor as products take it. It may be kept in that form, which for bfloat16 is half as large.
    pub(crate) fn factor<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        if self == Self::Tf32 { to_11_bits(x) } else { x.cast(self.storage()) }
    }

    /// The product of two factors that [`factor`](Self::factor) gave, in numbers of their kind.
    pub(crate) fn narrow_product<const D: usize>(self, a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
        if is_host(&a) {
            product_in_blocks(a, b)
        } else if self == Self::F32 {
            cube::single_product(a, b)
        } else {
            a.matmul(b)
        }
    }

    /// The same as 32-bit numbers.
    pub(crate) fn product<const D: usize>(self, a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
        self.narrow_product(a, b).cast(FloatDType::F32)
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = [Self::F32, Self::Tf32, Self::Bf16];
        let wrong = || format!("there are {}", known.map(Self::name).join(", "));
        known.into_iter().find(|precision| precision.name() == name).ok_or_else(wrong)
    }
}

/// Longest sum that gemm, which multiplies in main memory, makes at once on every processor. Longer ones it divides by the size of the caches.
pub(crate) const BLOCK: usize = 512;

/// Values of the largest product that gemm may make in another way, one whose order depends on the width of the processor's vectors. It has others
/// for products of one row, of one column, and of sums of two.
const SMALL: usize = 16 * 16;

/// A small product as a part of a larger one. `a`: `[.., n, k]`; `b`: `[.., k, m]`.
fn product_of_small<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    let (n, m) = (a.dims()[D - 2], b.dims()[D - 1]);
    let rows = n.max(2);
    let terms = a.dims()[D - 1].max(3);
    let columns = m.max(SMALL / rows + 1).max(2);
    let larger = |x: Tensor<D>, dim: usize, size: usize| {
        let mut dims = x.dims();
        dims[dim] = size - dims[dim];
        let zeros = Tensor::zeros(dims, (&x.device(), x.dtype()));
        if dims[dim] == 0 { x } else { Tensor::cat(vec![x, zeros], dim) }
    };
    let (a, b) = (larger(a, D - 1, terms), larger(b, D - 2, terms));
    let y = product_in_blocks(larger(a, D - 2, rows), larger(b, D - 1, columns));
    y.narrow(D - 2, 0, n).narrow(D - 1, 0, m)
}

/// The product, its sums in equal blocks whose number depends on their length alone. `a`: `[.., n, k]`; `b`: `[.., k, m]`.
fn product_in_blocks<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    let (n, k, m) = (a.dims()[D - 2], b.dims()[D - 2], b.dims()[D - 1]);
    if n == 1 || k <= 2 || m == 1 || n * m <= SMALL {
        return product_of_small(a, b);
    }
    if k <= BLOCK {
        return a.matmul(b);
    }
    let storage = a.dtype();
    // Blocks of bfloat16 are rounded once, when they are added.
    let (a, b) = (a.cast(FloatDType::F32), b.cast(FloatDType::F32));
    let n = k.div_ceil(k.div_ceil(BLOCK));
    let block = |first: usize| {
        let n = n.min(k - first);
        a.clone().narrow(D - 1, first, n).matmul(b.clone().narrow(D - 2, first, n))
    };
    let sum = (n..k).step_by(n).fold(block(0), |sum, first| sum + block(first));
    sum.cast(storage)
}

/// To the nearest number of 11 bits of mantissa: the high part of Veltkamp's splitting (Dekker 1971), which is made of plain
/// operations and so the same on every device. Numbers of 2¹¹⁴ and more overflow.
fn to_11_bits<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let spread = x.clone() * 8193.0;
    spread.clone() - (spread - x)
}
