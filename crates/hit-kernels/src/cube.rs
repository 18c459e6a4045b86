//! Products on GPUs by kernels chosen by name: what burn chooses depends on the device, in its numbers too.

use burn::backend::{BackendTensor, Cube, DispatchKindConversion, DispatchTensor};
use burn::tensor::{DType, Tensor};
use burn_cubecl::cubecl::prelude::Scalar as _;
use burn_cubecl::kernel::matmul::init_matmul_output;
use burn_cubecl::tensor::CubeTensor;
use cubek::matmul::definition::{MatmulElems, MatmulGlobalElems};
use cubek::matmul::launch::launch_ref;
use cubek::matmul::multi_level;
use cubek::matmul::routine::BlueprintStrategy;
use cubek::std::InputBinding;

/// The product of two tensors' matrices in IEEE single. burn's own would round the factors to TF32 where there are tensor cores.
///
/// # Panics
/// If a tensor lies in main memory or in a graph, is not of `f32`, or the device fails.
pub(crate) fn single_product<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    let (a, b) = (primitive(a), primitive(b));
    let single = f32::elem_type_native();
    let mut elems = MatmulElems::from_globals(&MatmulGlobalElems { lhs: single, rhs: single, out: single });
    let y = init_matmul_output(&a, &b, DType::F32);
    let client = y.client.clone();
    let [a, b] = [a, b].map(|factor| InputBinding::new(factor.binding(), single));
    let strategy = multi_level::Strategy::SimpleUnit(BlueprintStrategy::default()).into();
    launch_ref(&strategy, &client, a, b, y.clone().binding(), &mut elems)
        .expect("a kernel without tensor cores runs everywhere");
    Tensor::from_dispatch(<DispatchTensor as DispatchKindConversion<Cube>>::from_backend(BackendTensor::Float(y)))
}

fn primitive<const D: usize>(x: Tensor<D>) -> CubeTensor {
    assert_eq!(x.dtype(), DType::F32, "factors are of 32 bits");
    <DispatchTensor as DispatchKindConversion<Cube>>::try_into_backend(x.into_dispatch())
        .unwrap_or_else(|error| unreachable!("what is not in main memory is on a GPU: {error}"))
        .float()
}
