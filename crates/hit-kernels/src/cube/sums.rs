//! Sums over many rows, in parts of a fixed size: the order is the same on every device, and no unit has a long way to go.

#![expect(clippy::used_underscore_binding, reason = "the kernel's numbers are used by what the macro writes")]

use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::Tensor;
use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;

use super::{beside, buffer, elementwise, narrow_buffer, primitive, read, wrapped};

/// Rows that one unit adds. Part of the numbers.
const RUN: usize = 64;

/// Sums of the columns of x, in any numbers, or of x·y, `[rows, width]`.
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

/// Σ x² over all values of all tensors, `[1]`: one kernel for each, and some for what those give.
pub(crate) fn squares(tensors: &[Tensor<1>]) -> Tensor<1> {
    // The parts of all, in columns.
    const WIDTH: usize = 1024;
    let n_parts = |x: &Tensor<1>| x.dims()[0].div_ceil(RUN).min(MOST_PARTS);
    let rows = tensors.iter().map(n_parts).sum::<usize>().div_ceil(WIDTH);
    let parts = primitive(Tensor::<2>::zeros([rows, WIDTH], &tensors[0].device()));
    let mut first = 0;
    for x in tensors {
        let n = n_parts(x);
        let x = read(x.clone());
        let (count, dim) = elementwise(&x.client, n);
        squares_kernel::launch(&x.client, count, dim, buffer(&x), buffer(&parts), first, n);
        first += n;
    }
    columns(columns(wrapped(parts), None).reshape([WIDTH, 1]), None)
}

/// Into how many parts a tensor's squares are added at most: as many units as a large GPU has at work.
const MOST_PARTS: usize = 1 << 16;

#[cube(launch)]
fn squares_kernel(x: &[f32], parts: &mut [f32], first: usize, n: usize) {
    if ABSOLUTE_POS < n {
        let mut sum = 0.0f32;
        let mut k = ABSOLUTE_POS;
        while k < x.len() {
            sum += x[k] * x[k];
            k += n;
        }
        parts[first + ABSOLUTE_POS] = sum;
    }
}

/// Each column's sums of [`RUN`] rows, flat; the last row may be a part of one.
fn part(x: &CubeTensor, y: Option<&CubeTensor>, rows: usize, width: usize) -> CubeTensor {
    let n = rows.div_ceil(RUN) * width;
    let sums = beside(x, [n]);
    let (count, dim) = elementwise(&x.client, n);
    let (numbers, is_product) = (dtype_to_storage_type(x.dtype), y.is_some());
    let y = y.map_or_else(|| beside(x, [1]), Clone::clone);
    part_kernel::launch(&x.client, count, dim, narrow_buffer(x), buffer(&y), buffer(&sums), width, is_product, numbers);
    sums
}

#[cube(launch)]
fn part_kernel<I: Float>(
    x: &[I],
    y: &[f32],
    sums: &mut [f32],
    width: usize,
    #[comptime] is_product: bool,
    #[define(I)] _numbers: ElemType,
) {
    let at = ABSOLUTE_POS;
    if at < sums.len() {
        let mut k = at / width * RUN * width + at % width;
        let mut sum = 0.0f32;
        for _ in 0..RUN {
            if k < x.len() {
                let value = f32::cast_from(x[k]);
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
