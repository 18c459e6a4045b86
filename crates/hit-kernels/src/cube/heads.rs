//! Kernels that take tokens to heads and back: see `heads.rs`.

#![expect(clippy::used_underscore_binding, reason = "the kernels' numbers are used by what the macro writes")]

use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::Tensor;
use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;

use super::rows::{UNITS, rowwise, sum_of_units};
use super::{beside, beside_like, buffer, elementwise, narrow_buffer, primitive, read, read_rows, wrapped};
use crate::heads::Split;

/// Sizes of heads, in kernels.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
struct Sizes {
    batch: usize,
    heads: usize,
    tokens: usize,
    width: usize,
}

fn sizes(of: Split) -> SizesLaunch {
    SizesLaunch::new(of.batch, of.heads, of.tokens, of.width)
}

#[cube]
impl Sizes {
    /// Row and first column, among maps side by side, of a head's number among the heads of all maps.
    fn row(&self, head: usize) -> usize {
        head / self.tokens / self.heads % self.batch * self.tokens + head % self.tokens
    }

    fn column(&self, head: usize) -> usize {
        let map_and_head = head / self.tokens / self.heads / self.batch * self.heads + head / self.tokens % self.heads;
        map_and_head * self.width
    }
}

/// Heads of maps and their bias, the first map times `scale`: `[n·batch, heads, tokens, width]`, in the numbers of `rows`.
pub(crate) fn heads(rows: Tensor<2>, bias: Tensor<1>, of: Split, scale: f32) -> Tensor<4> {
    let [_, all] = rows.dims();
    let (rows, pitch) = read_rows(rows);
    let bias = read(bias);
    let dims = of.dims(all / of.of_map());
    let y = beside_like(&rows, dims);
    let (count, dim) = elementwise(&rows.client, dims.iter().product());
    let numbers = dtype_to_storage_type(rows.dtype);
    heads_kernel::launch(
        &rows.client,
        count,
        dim,
        narrow_buffer(&rows),
        buffer(&bias),
        narrow_buffer(&y),
        pitch,
        of.of_map(),
        scale,
        sizes(of),
        numbers,
    );
    wrapped(y)
}

#[cube(launch)]
fn heads_kernel<I: Float>(
    rows: &[I],
    bias: &[f32],
    heads: &mut [I],
    pitch: usize,
    of_map: usize,
    scale: f32,
    of: Sizes,
    #[define(I)] _numbers: ElemType,
) {
    let at = ABSOLUTE_POS;
    if at < heads.len() {
        let head = at / of.width;
        let column = of.column(head) + at % of.width;
        let value = f32::cast_from(rows[of.row(head) * pitch + column]) + bias[column];
        heads[at] = I::cast_from(value * select(column < of_map, scale, 1.0f32));
    }
}

/// Heads of `grad`, and their products with those of `map`, added up: `[batch, heads, tokens, width]` and `[batch, heads, tokens, 1]`.
pub(crate) fn heads_along(grad: Tensor<2>, map: Tensor<2>, of: Split) -> [Tensor<4>; 2] {
    let ((grad, pitch), (map, pitch_of_map)) = (read_rows(grad), read_rows(map));
    assert_eq!(grad.dtype, map.dtype, "both are in numbers of the layer's products");
    let dims @ [batch, heads, tokens, _] = of.dims(1);
    let (y, along) = (beside_like(&grad, dims), beside(&grad, [batch, heads, tokens, 1]));
    let (count, dim) = rowwise(&grad.client, batch * heads * tokens);
    let numbers = dtype_to_storage_type(grad.dtype);
    heads_along_kernel::launch(
        &grad.client,
        count,
        dim,
        narrow_buffer(&grad),
        narrow_buffer(&map),
        narrow_buffer(&y),
        buffer(&along),
        pitch,
        pitch_of_map,
        sizes(of),
        numbers,
    );
    [y, along].map(wrapped)
}

#[cube(launch)]
fn heads_along_kernel<I: Float>(
    grad: &[I],
    map: &[I],
    heads: &mut [I],
    along: &mut [f32],
    pitch: usize,
    pitch_of_map: usize,
    of: Sizes,
    #[define(I)] _numbers: ElemType,
) {
    let mut shared = Shared::new_slice(UNITS);
    let head = CUBE_POS;
    if head >= along.len() {
        terminate!();
    }
    let (row, column) = (of.row(head), of.column(head));
    let (from, from_map) = (row * pitch + column, row * pitch_of_map + column);
    let mut sum = 0.0f32;
    let mut k = UNIT_POS as usize;
    while k < of.width {
        let value = grad[from + k];
        sum += f32::cast_from(value) * f32::cast_from(map[from_map + k]);
        heads[head * of.width + k] = value;
        k += UNITS;
    }
    let total = sum_of_units(&mut shared, sum);
    if UNIT_POS == 0 {
        along[head] = total;
    }
}

/// Rows of maps, `[batch·tokens, n·heads·width]`, in the numbers of their heads, the first map times `scale`. `maps`: each map's heads, in portions.
pub(crate) fn rows_of(maps: &[Vec<Tensor<4>>], of: Split, scale: f32) -> Tensor<2> {
    let all = maps.len() * of.of_map();
    let rows = beside_like(&primitive(maps[0][0].clone()), [of.rows(), all]);
    let numbers = dtype_to_storage_type(rows.dtype);
    for (map, portions) in maps.iter().enumerate() {
        let mut sample = 0;
        for heads in portions {
            let n = heads.dims()[0];
            let (heads, pitch) = read_rows(heads.clone());
            assert_eq!(heads.dtype, rows.dtype, "all are products of a layer");
            let of = Split { batch: n, ..of };
            let n_values = of.rows() * of.of_map();
            let (count, dim) = elementwise(&rows.client, n_values);
            rows_kernel::launch(
                &rows.client,
                count,
                dim,
                narrow_buffer(&heads),
                narrow_buffer(&rows),
                pitch,
                sample * of.tokens * all + map * of.of_map(),
                all,
                n_values,
                if map == 0 { scale } else { 1.0 },
                sizes(of),
                numbers,
            );
            sample += n;
        }
    }
    wrapped(rows)
}

/// One map's heads of some samples, to their places from `first` on.
#[cube(launch)]
fn rows_kernel<I: Float>(
    heads: &[I],
    rows: &mut [I],
    pitch: usize,
    first: usize,
    all: usize,
    n_values: usize,
    scale: f32,
    of: Sizes,
    #[define(I)] _numbers: ElemType,
) {
    let at = ABSOLUTE_POS;
    if at < n_values {
        let of_map = of.heads * of.width;
        let (row, column) = (at / of_map, at % of_map);
        let head = (row / of.tokens * of.heads + column / of.width) * of.tokens + row % of.tokens;
        let value = f32::cast_from(heads[head * pitch + column % of.width]) * scale;
        rows[first + row * all + column] = I::cast_from(value);
    }
}
