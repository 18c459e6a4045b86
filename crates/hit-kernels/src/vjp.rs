//! Functions with a backward pass of their own: the one place that knows burn's graph of gradients.
//!
//! burn derives gradients operation by operation and keeps what each of them may need. A kernel keeps what its own
//! backward pass needs, which is less, and may compute the rest again.

use std::fmt;
use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{
    Autodiff, AutodiffBackend, Backend, BackendTensor, Cube, DispatchAutodiffContext, DispatchKindConversion,
    DispatchTensor, DispatchTensorKind, Flex,
};
use burn::tensor::Tensor;

/// Gradients of a function's inputs from that of its output; only those that are asked for need to be there.
type Back<const N: usize> = dyn Fn(DispatchTensor, [bool; N]) -> [Option<DispatchTensor>; N] + Send + Sync;

/// What a function gives: its value, and what leads back from it.
pub(crate) struct Value<const N: usize, const D: usize> {
    value: Tensor<D>,
    back: Arc<Back<N>>,
}

impl<const N: usize, const D: usize> Value<N, D> {
    /// `back` is given the gradient of `value` and which inputs want theirs.
    pub(crate) fn new(
        value: Tensor<D>,
        back: impl Fn(Tensor<D>, [bool; N]) -> [Option<DispatchTensor>; N] + Send + Sync + 'static,
    ) -> Self {
        let back = move |grad, wanted| back(Tensor::from_dispatch(grad), wanted);
        Self { value, back: Arc::new(back) }
    }
}

/// A gradient, if it is wanted.
pub(crate) fn when<const D: usize>(wanted: bool, grad: impl FnOnce() -> Tensor<D>) -> Option<DispatchTensor> {
    wanted.then(|| grad().into_dispatch())
}

/// The rank that a kernel knows its input to have.
pub(crate) fn of_rank<const D: usize>(tensor: DispatchTensor) -> Tensor<D> {
    Tensor::from_dispatch(tensor)
}

/// Calls `function` with the inputs outside of the graph, and enters its value into the graph if an input is in it.
pub(crate) fn differentiable<const N: usize, const D: usize>(
    inputs: [DispatchTensor; N],
    function: impl FnOnce([DispatchTensor; N]) -> Value<N, D>,
) -> Tensor<D> {
    let backend = inputs.iter().find_map(|input| match &input.kind {
        DispatchTensorKind::Autodiff(kind) => Some(kind.as_ref()),
        _ => None,
    });
    match backend {
        None => function(inputs).value,
        Some(DispatchTensorKind::Flex(_)) => enter::<Flex, N, D>(inputs, function),
        Some(DispatchTensorKind::Cube(_)) => enter::<Cube, N, D>(inputs, function),
        Some(_) => unreachable!("the backends that are compiled in are flex and cube"),
    }
}

fn enter<B, const N: usize, const D: usize>(
    inputs: [DispatchTensor; N],
    function: impl FnOnce([DispatchTensor; N]) -> Value<N, D>,
) -> Tensor<D>
where
    B: Backend,
    DispatchTensor: DispatchKindConversion<B> + DispatchKindConversion<Autodiff<B>>,
{
    let inputs = inputs.map(lift::<B>);
    let guards = inputs.each_ref().map(Tracked::<B>::node);
    let plain = inputs.map(|input| wrap::<B>(input.into_primitive()));
    let output = match (Own::<N>).prepare::<NoCheckpointing>(guards).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let Value { value, back } = function(plain);
            prepared.finish(Saved { back }, unwrap::<B>(value.into_dispatch()))
        }
        OpsKind::UnTracked(prepared) => prepared.finish(unwrap::<B>(function(plain).value.into_dispatch())),
    };
    Tensor::from_dispatch(<DispatchTensor as DispatchKindConversion<Autodiff<B>>>::from_backend(BackendTensor::Float(
        output,
    )))
}

type Tracked<B> = burn::backend::tensor::FloatTensor<Autodiff<B>>;

/// An input in the graph; one that is not enters as a constant.
fn lift<B>(input: DispatchTensor) -> Tracked<B>
where
    B: Backend,
    DispatchTensor: DispatchKindConversion<B> + DispatchKindConversion<Autodiff<B>>,
{
    if input.autodiff == DispatchAutodiffContext::Disabled {
        return Autodiff::<B>::from_inner(unwrap::<B>(input));
    }
    <DispatchTensor as DispatchKindConversion<Autodiff<B>>>::try_into_backend(input)
        .unwrap_or_else(|error| unreachable!("inputs of one function live on one backend: {error}"))
        .float()
}

pub(crate) fn wrap<B: Backend>(primitive: B::FloatTensorPrimitive) -> DispatchTensor
where
    DispatchTensor: DispatchKindConversion<B>,
{
    <DispatchTensor as DispatchKindConversion<B>>::from_backend(BackendTensor::Float(primitive))
}

pub(crate) fn unwrap<B: Backend>(tensor: DispatchTensor) -> B::FloatTensorPrimitive
where
    DispatchTensor: DispatchKindConversion<B>,
{
    <DispatchTensor as DispatchKindConversion<B>>::try_into_backend(tensor)
        .unwrap_or_else(|error| unreachable!("inputs of one function live on one backend: {error}"))
        .float()
}

/// The step back through a function.
#[derive(Debug)]
struct Own<const N: usize>;

#[derive(Clone)]
struct Saved<const N: usize> {
    back: Arc<Back<N>>,
}

impl<const N: usize> fmt::Debug for Saved<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Saved")
    }
}

impl<B, const N: usize> Backward<B, N> for Own<N>
where
    B: Backend,
    DispatchTensor: DispatchKindConversion<B>,
{
    type State = Saved<N>;

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = wrap::<B>(grads.consume::<B>(&ops.node));
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let each = (ops.state.back)(grad, wanted);
        // What was kept is let go before the gradients are added to others.
        drop(ops.state);
        for (parent, grad) in ops.parents.into_iter().zip(each) {
            if let (Some(parent), Some(grad)) = (parent, grad) {
                grads.register::<B>(parent.id, unwrap::<B>(grad));
            }
        }
    }
}
