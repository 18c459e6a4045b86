//! The VICReg loss of two sets of embeddings (Bardes, Ponce, LeCun 2022; weights and details: spec section 6).

use hit_kernels::matmul;
use hit_model::{Precision, Tensor};

use crate::VicregSpec;

/// The loss and its unweighted terms, each `[1]`.
pub struct Terms {
    /// Weighted sum: 10 invariance + 10 variance + 1 covariance in the paper.
    pub loss: Tensor<1>,
    /// Mean over batch and dims of (a − m)².
    pub invariance: Tensor<1>,
    /// Sum over the sides of the mean over dims of max(0, γ − √(Var + ε)).
    pub variance: Tensor<1>,
    /// Sum over the sides of Σ_{i≠j} C_ij² / dims.
    pub covariance: Tensor<1>,
}

/// The loss of paired embeddings `[batch, dims]`; variances and covariances divide by batch − 1.
///
/// Sums run dim by dim: burn's full sums use atomics on CUDA, whose order is not fixed.
pub fn vicreg(audio: Tensor<2>, midi: Tensor<2>, spec: &VicregSpec) -> Terms {
    let [batch, dims] = audio.dims();
    let total = |x: Tensor<2>| x.sum_dim(1).sum_dim(0).reshape([1]);
    let difference = audio.clone() - midi.clone();
    let invariance = total(difference.clone() * difference) / (batch * dims) as f64;
    let (variance_a, covariance_a) = spread(audio, spec);
    let (variance_m, covariance_m) = spread(midi, spec);
    let (variance, covariance) = (variance_a + variance_m, covariance_a + covariance_m);
    let loss =
        invariance.clone() * spec.invariance + variance.clone() * spec.variance + covariance.clone() * spec.covariance;
    Terms { loss, invariance, variance, covariance }
}

/// Variance and covariance terms of one side.
fn spread(z: Tensor<2>, spec: &VicregSpec) -> (Tensor<1>, Tensor<1>) {
    let [batch, dims] = z.dims();
    let centred = z.clone() - z.mean_dim(0);
    let squares = (centred.clone() * centred.clone()).sum_dim(0) / (batch - 1) as f64;
    let short = (-(squares.clone() + spec.epsilon).sqrt() + spec.gamma).clamp_min(0.0);
    let variance = short.sum_dim(1).reshape([1]) / dims as f64;
    // Σ_{i≠j} C_ij² = ‖C‖² − Σ_i C_ii²; with fewer rows than dims ‖ZᵀZ‖ = ‖ZZᵀ‖ is the smaller product.
    let product = if batch < dims {
        matmul(centred.clone(), centred.transpose(), Precision::F32)
    } else {
        matmul(centred.clone().transpose(), centred, Precision::F32)
    } / (batch - 1) as f64;
    let all = (product.clone() * product).sum_dim(1).sum_dim(0);
    let diagonal = (squares.clone() * squares).sum_dim(1);
    (variance, (all - diagonal).reshape([1]) / dims as f64)
}
