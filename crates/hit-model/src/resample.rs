//! Linear interpolation of descriptor rows to another number of rows.

use burn::tensor::{Device, Tensor, TensorData};
use hit_kernels::{Precision, matmul};

/// Resamples rows linearly with half-pixel centres (PyTorch's `align_corners=False`), window by window.
///
/// `rows`: `[batch, n, dims]`, of which window `w` has `from[w]` real ones at the front; `to`: how many each becomes. Returns
/// `[batch, tokens, dims]` with zero rows behind the `to[w]` of a window.
pub fn resample(rows: Tensor<3>, from: &[usize], to: &[usize], tokens: usize) -> Tensor<3> {
    let [batch, n, _] = rows.dims();
    let device = rows.device();
    let alike = |counts: &[usize], all: usize| counts.iter().all(|&count| count == all);
    if alike(from, n) && alike(to, tokens) {
        if n == tokens {
            return rows;
        }
        let matrices = interpolation(n, tokens, &device).unsqueeze::<3>().expand([batch, tokens, n]);
        return matmul(matrices, rows, Precision::F32);
    }
    let mut matrices = vec![0.0f32; batch * tokens * n];
    for ((matrix, &from), &to) in matrices.chunks_exact_mut(tokens * n).zip(from).zip(to) {
        fill(matrix, n, from, to);
    }
    matmul(Tensor::<3>::from_data(TensorData::new(matrices, [batch, tokens, n]), &device), rows, Precision::F32)
}

/// The matrix `[to, from]` that resamples rows linearly with half-pixel centres: row t reads position
/// (t + ½)·from/to − ½, clamped to the ends. The identity if `to` is `from`.
pub fn interpolation(from: usize, to: usize, device: &Device) -> Tensor<2> {
    let mut matrix = vec![0.0f32; to * from];
    fill(&mut matrix, from, from, to);
    Tensor::from_data(TensorData::new(matrix, [to, from]), device)
}

/// Writes the weights into the first `to` rows, of `stride` values each, of a matrix of zeros.
fn fill(matrix: &mut [f32], stride: usize, from: usize, to: usize) {
    for (t, row) in matrix.chunks_exact_mut(stride).take(to).enumerate() {
        let at = ((t as f64 + 0.5) * from as f64 / to as f64 - 0.5).max(0.0);
        let below = (at as usize).min(from - 1);
        let above = (below + 1).min(from - 1);
        let share = (at - below as f64) as f32;
        row[below] += 1.0 - share;
        row[above] += share;
    }
}
