//! Tensors as slices, where they lie in main memory, and loops over their rows.

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{Device, Tensor, TensorData};

use crate::vjp::{unwrap, wrap};

/// The values of a tensor, row-major, in main memory.
///
/// # Panics
/// If the device fails or the tensor is not of `f32`.
pub fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.without_autodiff().try_into_vec_as::<f32>().expect("a tensor of f32 can be read back")
}

/// Whether a tensor outside of the graph lies in main memory, where loops of ours run.
pub(crate) fn is_host<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.device() == Device::flex()
}

/// A tensor in main memory.
pub(crate) fn tensor<const D: usize>(values: Vec<f32>, dims: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, dims), &Device::flex())
}

/// A tensor in main memory, row-major: its values where they are, without a copy.
pub(crate) struct Host(FloatTensor<Flex>);

impl Host {
    /// Copies only what is not row-major, transposed say.
    pub(crate) fn new<const D: usize>(x: Tensor<D>) -> Self {
        Self(unwrap::<Flex>(x.without_autodiff().into_dispatch()).to_contiguous())
    }

    pub(crate) fn values(&self) -> &[f32] {
        self.0.storage()
    }

    /// Copies what others have, too.
    pub(crate) fn values_mut(&mut self) -> &mut [f32] {
        self.0.storage_mut()
    }

    /// The tensor in its shape.
    pub(crate) fn tensor<const D: usize>(self) -> Tensor<D> {
        Tensor::from_dispatch(wrap::<Flex>(self.0))
    }
}

/// Values that a thread is given at once, in whole rows: some ten microseconds of work.
const AT_ONCE: usize = 1 << 14;

/// What a loop runs over: rows of one tensor or of several side by side.
pub(crate) trait Rows: Send + Sized {
    /// The first `n` rows, and the rest.
    fn split(self, n: usize) -> (Self, Self);
}

/// Values of rows that have so many each.
pub(crate) struct Of<S>(pub(crate) S, pub(crate) usize);

impl Rows for Of<&[f32]> {
    fn split(self, n: usize) -> (Self, Self) {
        let (front, back) = self.0.split_at(n * self.1);
        (Of(front, self.1), Of(back, self.1))
    }
}

impl Rows for Of<&mut [f32]> {
    fn split(self, n: usize) -> (Self, Self) {
        let (front, back) = self.0.split_at_mut(n * self.1);
        (Of(front, self.1), Of(back, self.1))
    }
}

impl<A: Rows, B: Rows> Rows for (A, B) {
    fn split(self, n: usize) -> (Self, Self) {
        let ((a, more_a), (b, more_b)) = (self.0.split(n), self.1.split(n));
        ((a, b), (more_a, more_b))
    }
}

impl<A: Rows, B: Rows, C: Rows> Rows for (A, B, C) {
    fn split(self, n: usize) -> (Self, Self) {
        let ((ab, more_ab), (c, more_c)) = ((self.0, self.1).split(n), self.2.split(n));
        ((ab.0, ab.1, c), (more_ab.0, more_ab.1, more_c))
    }
}

/// Runs a loop over `n` rows of `width` values on the threads of the current pool, and plainly if it has one or the rows are few. `work`
/// is given the number of its first row, and rows. What it makes of a row must not depend on the others: then
/// no bit depends on the threads.
#[inline(always)]
pub(crate) fn by_rows<R: Rows>(n: usize, width: usize, rows: R, work: impl Fn(usize, R) + Sync) {
    let portion = (AT_ONCE / width.max(1)).max(1);
    if n <= portion || rayon::current_num_threads() == 1 {
        vectorised(
            #[inline(always)]
            || work(0, rows),
        );
    } else {
        share(0, n, portion, rows, &work);
    }
}

fn share<R: Rows>(first: usize, n: usize, portion: usize, rows: R, work: &(impl Fn(usize, R) + Sync)) {
    if n <= portion {
        return vectorised(
            #[inline(always)]
            || work(first, rows),
        );
    }
    let half = n.div_ceil(portion) / 2 * portion;
    let (front, back) = rows.split(half);
    rayon::join(|| share(first, half, portion, front, work), || share(first + half, n - half, portion, back, work));
}

/// Runs a loop compiled for the vectors of this machine, as far as it is inlined: closures in it need `#[inline(always)]`. Arithmetic is
/// IEEE's in any of them and is not contracted, so the values are the same with and without.
#[inline(always)]
pub(crate) fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// Partial sums kept side by side, which a compiler puts into vectors.
pub(crate) const LANES: usize = 16;

/// Σ f(i) over `0..n`, added in [`LANES`] columns and then the columns in order.
#[inline(always)]
pub(crate) fn sum(n: usize, f: impl Fn(usize) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let whole = n - n % LANES;
    let mut i = 0;
    while i < whole {
        for (lane, total) in lanes.iter_mut().enumerate() {
            *total += f(i + lane);
        }
        i += LANES;
    }
    let mut total = 0.0;
    for lane in lanes {
        total += lane;
    }
    while i < n {
        total += f(i);
        i += 1;
    }
    total
}

/// The largest of `values`; −∞ of none. A NaN is passed over.
#[inline(always)]
pub(crate) fn largest(values: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (whole, rest) = values.split_at(values.len() - values.len() % LANES);
    for chunk in whole.chunks_exact(LANES) {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = larger(*lane, value);
        }
    }
    let mut largest = f32::NEG_INFINITY;
    for &value in lanes.iter().chain(rest) {
        largest = larger(largest, value);
    }
    largest
}

/// e^y for y ≤ 0 to two units in the last place; 0 below −87, NaN for NaN.
#[inline(always)]
pub(crate) fn exp_of_negative(y: f32) -> f32 {
    // Adding and taking away 1.5·2²³ rounds to the nearest integer.
    const ROUND: f32 = 12_582_912.0;
    let low = y < -87.0;
    let y = if low { -87.0 } else { y };
    let n = (y * std::f32::consts::LOG2_E + ROUND) - ROUND;
    // ln 2 in two parts, the first with trailing zeros, so that n times it is exact.
    let r = (y - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let series =
        1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0))))));
    let power = series * f32::from_bits((((n as i32) + 127) << 23) as u32);
    if low { 0.0 } else { power }
}
