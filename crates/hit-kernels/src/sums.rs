//! Sums in a fixed order: burn's full sums use atomics on CUDA, whose order is not, and others depend on the device.

use burn::tensor::Tensor;

use crate::cube;
use crate::host::{Host, is_host, sum, tensor, vectorised};

/// Sums of the columns of `x`, or of x·y: `[rows, width]` to `[width]`.
pub(crate) fn column_sums(x: Tensor<2>, y: Option<Tensor<2>>) -> Tensor<1> {
    if !is_host(&x) {
        return cube::columns(x, y);
    }
    let width = x.dims()[1];
    let x = match y {
        Some(y) => x * y,
        None => x,
    };
    x.sum_dim(0).reshape([width])
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
    tensor::<1>(sums, [tensors.len()]).sum_dim(0)
}
