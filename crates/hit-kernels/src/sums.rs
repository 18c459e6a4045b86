//! Sums in a fixed order: burn's full sums use atomics on CUDA, whose order is not, and others depend on the device.

use burn::tensor::{FloatDType, Tensor};

use crate::cube;
use crate::host::{Host, is_host, sum, tensor, vectorised};

/// Sums of the columns of `x`, in any numbers, or of x·y: `[rows, width]` to `[width]`.
pub(crate) fn column_sums(x: Tensor<2>, y: Option<Tensor<2>>) -> Tensor<1> {
    if !is_host(&x) {
        return cube::columns(x, y);
    }
    let width = x.dims()[1];
    let x = Host::new(x.cast(FloatDType::F32));
    let y = y.map(Host::new);
    let rows = (x.values(), y.as_ref().map(Host::values));
    let mut sums = vec![0.0f32; width];
    vectorised(
        #[inline(always)]
        || match rows {
            (x, None) => {
                for row in x.chunks_exact(width) {
                    for (sum, x) in sums.iter_mut().zip(row) {
                        *sum += x;
                    }
                }
            }
            (x, Some(y)) => {
                for (row, other) in x.chunks_exact(width).zip(y.chunks_exact(width)) {
                    for ((sum, x), y) in sums.iter_mut().zip(row).zip(other) {
                        *sum += x * y;
                    }
                }
            }
        },
    );
    tensor(sums, [width])
}

/// Σ x² over all values of all tensors, `[1]`. There is one at least.
pub fn sum_of_squares(tensors: &[Tensor<1>]) -> Tensor<1> {
    if !is_host(&tensors[0]) {
        return cube::squares(tensors);
    }
    let squares = |x: &Tensor<1>| {
        let x = Host::new(x.clone());
        let values = x.values();
        vectorised(
            #[inline(always)]
            || sum(values.len(), |i| values[i] * values[i]),
        )
    };
    let sums: Vec<f32> = tensors.iter().map(squares).collect();
    tensor::<1>(vec![sums.iter().sum()], [1])
}
