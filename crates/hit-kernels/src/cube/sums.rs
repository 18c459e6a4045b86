//! Sums over many rows, in parts of a fixed size: the order is the same on every device, and no unit has a long way to go.

use burn::tensor::Tensor;
use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;

use super::{beside, buffer, elementwise, read, wrapped};

/// Rows that one unit adds. Part of the numbers.
const RUN: usize = 64;

/// Sums of the columns of x, or of x·y, `[rows, width]`.
pub(crate) fn columns(x: Tensor<2>, y: Option<Tensor<2>>) -> Tensor<1> {
    let [rows, width] = x.dims();
    let mut sums = part(&read(x), y.map(read).as_ref(), rows, width);
    let mut rows = rows.div_ceil(RUN);
    while rows > 1 {
        sums = part(&sums, None, rows, width);
        rows = rows.div_ceil(RUN);
    }
    wrapped::<1>(sums)
}

/// Σ x², `[1]`.
pub(crate) fn squares(x: Tensor<1>) -> Tensor<1> {
    // As columns, and then these one below the other.
    const WIDTH: usize = 1024;
    let n = x.dims()[0];
    let x = read(x);
    let sums: Tensor<1> = wrapped(part(&x, Some(&x), n.div_ceil(WIDTH), WIDTH));
    let n = sums.dims()[0];
    columns(sums.reshape([n, 1]), None)
}

/// Each column's sums of [`RUN`] rows, flat; the last row may be a part of one.
fn part(x: &CubeTensor, y: Option<&CubeTensor>, rows: usize, width: usize) -> CubeTensor {
    let n = rows.div_ceil(RUN) * width;
    let sums = beside(x, [n]);
    let (count, dim) = elementwise(&x.client, n);
    part_kernel::launch(&x.client, count, dim, buffer(x), buffer(y.unwrap_or(x)), buffer(&sums), width, y.is_some());
    sums
}

#[cube(launch)]
fn part_kernel(x: &[f32], y: &[f32], sums: &mut [f32], width: usize, #[comptime] is_product: bool) {
    let at = ABSOLUTE_POS;
    if at < sums.len() {
        let mut k = at / width * RUN * width + at % width;
        let mut sum = 0.0f32;
        for _ in 0..RUN {
            if k < x.len() {
                let value = x[k];
                if comptime!(is_product) {
                    sum += value * y[k];
                } else {
                    sum += value;
                }
            }
            k += width;
        }
        sums[at] = sum;
    }
}
