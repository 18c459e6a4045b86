//! One-dimensional convolution of channels-last sequences by matrix products.
//!
//! A kernel of k taps at stride s reads ⌈k/s⌉ neighbouring blocks of s samples. With channels last a block is contiguous, so
//! the columns of the matrix product are ⌈k/s⌉ shifted views of the input put side by side, and where k = s
//! the input itself. burn's conv1d is several times slower on the CPU and as im2col takes far more memory on the GPU.

use burn::tensor::Tensor;
use hit_kernels::{Precision, matmul};

use crate::ConvSpec;

/// `x`: `[batch, time, channels]`; `weight`: `[outputs, channels, taps]`; `bias`: `[outputs]`.
/// Returns `[batch, spec.length(time), outputs]`.
///
/// # Panics
/// If the input is shorter than the kernel: the spec is checked before.
pub fn conv1d(x: Tensor<3>, weight: Tensor<3>, bias: Tensor<1>, spec: ConvSpec, precision: Precision) -> Tensor<3> {
    let [batch, time, channels] = x.dims();
    let (stride, length) = (spec.stride, spec.length(time));
    assert!(length > 0, "a sequence of {time} is too short for a kernel of {}", spec.kernel);
    let blocks = spec.kernel.div_ceil(stride);
    // Exactly the samples that the blocks cover: zeros in front, then the input cut or filled up with zeros.
    let needed = (length + blocks - 1) * stride;
    let taken = time.min(needed - spec.padding);
    let device = x.device().without_autodiff();
    let zeros = |n: usize| (n > 0).then(|| Tensor::zeros([batch, n, channels], &device));
    let middle = if taken < time { x.narrow(1, 0, taken) } else { x };
    let parts = [zeros(spec.padding), Some(middle), zeros(needed - spec.padding - taken)];
    let padded = join(parts.into_iter().flatten().collect(), 1);
    let padded = padded.reshape([batch, length + blocks - 1, stride * channels]);
    let shifted = (0..blocks).map(|b| if blocks == 1 { padded.clone() } else { padded.clone().narrow(1, b, length) });
    let columns = join(shifted.collect(), 2).reshape([batch * length, blocks * stride * channels]);
    let outputs = spec.channels;
    let y = matmul(columns, taps_first(weight, blocks * stride), precision) + bias.unsqueeze();
    y.reshape([batch, length, outputs])
}

/// `[outputs, channels, taps]` to `[n_taps·channels, outputs]`, with zero taps added behind.
fn taps_first(weight: Tensor<3>, n_taps: usize) -> Tensor<2> {
    let [outputs, channels, taps] = weight.dims();
    let weight = weight.permute([2, 1, 0]);
    let full = if n_taps > taps {
        let zeros = Tensor::zeros([n_taps - taps, channels, outputs], &weight.device().without_autodiff());
        join(vec![weight, zeros], 0)
    } else {
        weight
    };
    full.reshape([n_taps * channels, outputs])
}

fn join(mut parts: Vec<Tensor<3>>, dim: usize) -> Tensor<3> {
    if parts.len() == 1 {
        return parts.remove(0);
    }
    // All parts of a concatenation live on one kind of device.
    let tracked = parts.iter().any(Tensor::is_autodiff);
    Tensor::cat(if tracked { parts.into_iter().map(Tensor::autodiff).collect() } else { parts }, dim)
}
