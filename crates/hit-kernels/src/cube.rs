//! What runs on GPUs: products by a kernel chosen by name, and kernels of ours that go over their tensors once.
//!
//! They are written for cubecl, which compiles them for CUDA and for Vulkan, so that those who have no GPU can run them on a software
//! driver. Units of a cube add in a fixed order, whatever the device.

use burn::backend::{BackendTensor, Cube, DispatchKindConversion, DispatchTensor};
use burn::tensor::{DType, FloatDType, Tensor};
use burn_cubecl::cubecl::prelude::{BufferArg, CubeCount, CubeDim, Scalar as _};
use burn_cubecl::cubecl::{calculate_cube_count_elemwise, client::Client};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::kernel::matmul::init_matmul_output;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubek::matmul::definition::{MatmulElems, MatmulGlobalElems};
use cubek::matmul::launch::launch_ref;
use cubek::matmul::multi_level;
use cubek::matmul::routine::BlueprintStrategy;
use cubek::std::InputBinding;

pub(crate) use elements::{activated, activated_back, adamw, gelu, over, shifted};
pub(crate) use heads::{heads, heads_along, rows_of};
pub(crate) use rows::{Scores, layer_norm, layer_norm_back, softmax, softmax_back};
pub(crate) use sums::{columns, squares};

mod elements;
mod heads;
mod rows;
mod sums;

/// The product of two tensors' matrices in IEEE single. burn's own would round the factors to TF32 where there are tensor cores.
///
/// # Panics
/// If a tensor lies in main memory or in a graph, is not of `f32`, or the device fails.
pub(crate) fn single_product<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    let (a, b) = (primitive(a), primitive(b));
    assert_eq!([a.dtype, b.dtype], [DType::F32; 2], "the product is told that its factors are of 32 bits");
    let single = f32::elem_type_native();
    let mut elems = MatmulElems::from_globals(&MatmulGlobalElems { lhs: single, rhs: single, out: single });
    let y = init_matmul_output(&a, &b, DType::F32);
    let client = y.client.clone();
    let [a, b] = [a, b].map(|factor| InputBinding::new(factor.binding(), single));
    let strategy = multi_level::Strategy::SimpleUnit(BlueprintStrategy::default()).into();
    launch_ref(&strategy, &client, a, b, y.clone().binding(), &mut elems)
        .expect("a kernel without tensor cores runs everywhere");
    wrapped(y)
}

fn primitive<const D: usize>(x: Tensor<D>) -> CubeTensor {
    <DispatchTensor as DispatchKindConversion<Cube>>::try_into_backend(x.into_dispatch())
        .unwrap_or_else(|error| unreachable!("what is not in main memory is on a GPU: {error}"))
        .float()
}

fn wrapped<const D: usize>(x: CubeTensor) -> Tensor<D> {
    Tensor::from_dispatch(<DispatchTensor as DispatchKindConversion<Cube>>::from_backend(BackendTensor::Float(x)))
}

/// A tensor row by row without gaps, to be read. Its buffer is as long as its values: those of CUDA are longer, to the next
/// multiple of what memory is read in, and kernels ask for a buffer's length.
fn read<const D: usize>(x: Tensor<D>) -> CubeTensor {
    exact(into_contiguous(primitive(x)))
}

fn exact(mut x: CubeTensor) -> CubeTensor {
    let n_bytes = (x.meta.num_elements() * x.dtype.size()) as u64;
    let more = x.handle.size_in_used() - n_bytes;
    x.handle = x.handle.offset_end(more);
    x
}

/// A tensor to be read whose rows lie at one distance, and that distance. Products have gaps behind their rows on CUDA: to close them
/// would be one more copy of the scores.
pub(crate) fn read_rows<const D: usize>(x: Tensor<D>) -> (CubeTensor, usize) {
    let x = primitive(x);
    let (shape, strides) = (x.meta.shape(), x.meta.strides());
    let even = (0..D - 2).all(|d| strides[d] == strides[d + 1] * shape[d + 1]);
    let pitch = strides[D - 2];
    if even && strides[D - 1] == 1 && pitch >= shape[D - 1] {
        return (x, pitch);
    }
    let pitch = shape[D - 1];
    (into_contiguous(x), pitch)
}

/// The first `width` values of each row, where they are: a tensor with gaps, as many are on CUDA.
#[cfg(test)]
pub(crate) fn first_of_rows<const D: usize>(x: Tensor<D>, width: usize) -> Tensor<D> {
    let mut x = read(x);
    x.meta.shape_mut()[D - 1] = width;
    wrapped(x)
}

/// A tensor without gaps, to be written over: a copy, where somebody else has it too.
fn written<const D: usize>(x: Tensor<D>) -> CubeTensor {
    let x = read(x);
    if x.can_mut() { x } else { exact(into_contiguous(x.copy())) }
}

/// Room for a tensor of 32-bit numbers of those dimensions beside `x`.
fn beside<const D: usize>(x: &CubeTensor, dims: [usize; D]) -> CubeTensor {
    beside_in(x, dims, FloatDType::F32)
}

/// The same in other numbers.
fn beside_in<const D: usize>(x: &CubeTensor, dims: [usize; D], storage: FloatDType) -> CubeTensor {
    empty_device_contiguous_dtype(x.client.clone(), x.device.clone(), dims.into(), storage.into())
}

/// The same in the numbers of `x`.
fn beside_like<const D: usize>(x: &CubeTensor, dims: [usize; D]) -> CubeTensor {
    empty_device_contiguous_dtype(x.client.clone(), x.device.clone(), dims.into(), x.dtype)
}

/// A tensor of 32-bit numbers, as a kernel takes it.
fn buffer(x: &CubeTensor) -> BufferArg {
    assert_eq!(x.dtype, DType::F32, "the kernel is made for 32 bits");
    narrow_buffer(x)
}

/// A tensor as a kernel takes it that is told its numbers.
fn narrow_buffer(x: &CubeTensor) -> BufferArg {
    x.clone().into_buffer_arg()
}

/// Cubes of 256 units, one for each of `n` elements.
fn elementwise(client: &Client, n: usize) -> (CubeCount, CubeDim) {
    let dim = CubeDim::new_1d(256);
    (calculate_cube_count_elemwise(client, n, dim), dim)
}
