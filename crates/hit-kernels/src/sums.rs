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

/// Σ x², `[1]`.
pub fn sum_of_squares(x: &Tensor<1>) -> Tensor<1> {
    if !is_host(x) {
        return cube::squares(x.clone());
    }
    let x = Host::new(x.clone());
    let values = x.values();
    let squares = vectorised(
        #[inline(always)]
        || sum(values.len(), |i| values[i] * values[i]),
    );
    tensor(vec![squares], [1])
}
