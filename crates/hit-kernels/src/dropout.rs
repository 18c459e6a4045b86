//! Dropout whose mask is a function of a key and of a value's place: nothing is kept, and the backward pass draws the same
//! mask again.

use burn::tensor::Tensor;

use crate::cube;
use crate::host::{Host, LANES, Of, by_rows, is_host};
use crate::vjp::{Value, differentiable, of_rank, when};

/// SplitMix64's increment and finaliser (Steele, Lea, Flood 2014): value `k` of a stream is `mix(key + k·GOLDEN)`.
pub const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser.
#[inline]
pub fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Which values are dropped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mask {
    /// Probability, met to 2⁻³². Below 1.
    pub p: f64,
    /// Key of the stream of draws: another for every seed, step and layer.
    pub key: u64,
}

impl Mask {
    /// What a value that stays is multiplied with, so that the mean stays.
    pub(crate) fn scale(&self) -> f32 {
        (1.0 / (1.0 - self.p)) as f32
    }

    /// The number below which a share `p` of all 32-bit numbers lies.
    #[inline(always)]
    pub(crate) fn below(&self) -> u32 {
        // Below 2³², as p is below 1.
        (self.p * 4_294_967_296.0) as u32
    }

    /// Multiplies values with the factors of their places, of which the first is `first`: 0 with probability `p`, else 1/(1 − p). Two
    /// factors come from each 64-bit draw.
    pub fn apply(&self, values: &mut [f32], first: usize) {
        // A run may begin with the second half of a draw.
        let (head, pairs) = values.split_at_mut((first % 2).min(values.len()));
        for value in head {
            *value *= self.factors(first / 2)[1];
        }
        let first = first.div_ceil(2);
        by_rows(
            pairs.len().div_ceil(2),
            2,
            Of(pairs, 2),
            #[inline(always)]
            |row, pairs| {
                for (run, values) in (first + row..).step_by(LANES).zip(pairs.0.chunks_mut(2 * LANES)) {
                    // Those of a run first, apart from the values: a compiler puts them into vectors.
                    let mut factors = [0.0; 2 * LANES];
                    for (lane, pair) in factors.chunks_exact_mut(2).enumerate() {
                        pair.copy_from_slice(&self.factors(run + lane));
                    }
                    for (value, factor) in values.iter_mut().zip(factors) {
                        *value *= factor;
                    }
                }
            },
        );
    }

    /// The two factors of a draw.
    #[inline(always)]
    fn factors(&self, draw: usize) -> [f32; 2] {
        let below = self.below();
        let draw = mix(self.key.wrapping_add((draw as u64).wrapping_mul(GOLDEN)));
        [draw as u32, (draw >> 32) as u32].map(
            #[inline(always)]
            |half| if half < below { 0.0 } else { self.scale() },
        )
    }

    /// The tensor with the mask over it. It lies outside of the graph, and its first value has the place `first`.
    pub(crate) fn over<const D: usize>(&self, x: Tensor<D>, first: usize) -> Tensor<D> {
        if !is_host(&x) {
            return cube::over(x, *self, first);
        }
        let mut x = Host::new(x);
        self.apply(x.values_mut(), first);
        x.tensor()
    }
}

/// Drops values of `x` and scales the rest, so that the mean stays. Keeps nothing.
pub fn dropout<const D: usize>(x: Tensor<D>, mask: Mask) -> Tensor<D> {
    differentiable([x.into_dispatch()], move |[x]| {
        let value = mask.over(of_rank::<D>(x), 0);
        Value::new(value, move |grad: Tensor<D>, [wanted]| [when(wanted, || mask.over(grad, 0))])
    })
}

/// Multipliers of the 32-bit finaliser `lowbias32` (Wellons 2018). A GPU's factors are not those of [`apply`](Mask::apply): its draw of
/// place `k` is k ⊕ key, finalised by it in wrapping 32-bit arithmetic, with the key's upper half half way.
pub(crate) const FACTORS: [u32; 2] = [0x7feb_352d, 0x846c_a68b];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::reference::gpu_factors;

    fn on_host(n: usize, mask: Mask) -> Vec<f32> {
        let mut factors = vec![1.0; n];
        mask.apply(&mut factors, 0);
        factors
    }

    /// What a kernel draws, as `tests/devices.rs` sees to.
    fn on_gpu(n: usize, mask: Mask) -> Vec<f32> {
        gpu_factors(mask, 0, n)
    }

    #[test]
    fn a_part_of_a_mask_is_that_part() {
        let mask = Mask { p: 0.3, key: 0x1234_5678_9abc_def0 };
        let whole = on_host(1000, mask);
        for (first, n) in [(0, 1), (1, 1), (1, 2), (3, 500), (4, 501), (999, 1), (500, 0)] {
            let mut part = vec![1.0; n];
            mask.apply(&mut part, first);
            assert_eq!(part, whole[first..first + n], "{first}, {n}");
        }
    }

    #[test]
    fn a_share_p_is_dropped_and_the_mean_stays() {
        let n = 400_000;
        for p in [0.1, 0.5] {
            let mask = Mask { p, key: mix(77) };
            for factors in [on_host(n, mask), on_gpu(n, mask), on_gpu(n, Mask { p, key: 1 })] {
                let dropped = factors.iter().filter(|&&f| f == 0.0).count() as f64 / n as f64;
                // Five standard errors.
                assert!((dropped - p).abs() < 5.0 * (p * (1.0 - p) / n as f64).sqrt(), "{dropped}");
                let mean = factors.iter().map(|&f| f64::from(f)).sum::<f64>() / n as f64;
                assert!((mean - 1.0).abs() < 0.01);
            }
        }
    }

    #[test]
    fn neighbours_and_keys_are_independent() {
        let n = 400_000;
        let (one, other) = (Mask { p: 0.5, key: mix(9) }, Mask { p: 0.5, key: mix(10) });
        for (factors, next) in [(on_host(n, one), on_host(n, other)), (on_gpu(n, one), on_gpu(n, other))] {
            for lag in [1, 2, 3, 60, 64, 1024, 2400, 65_536, 65_537] {
                let both = factors.iter().zip(&factors[lag..]).filter(|(a, b)| **a == 0.0 && **b == 0.0).count();
                let share = both as f64 / (n - lag) as f64;
                // Six standard errors of a share of 1/4.
                assert!((share - 0.25).abs() < 0.0045, "lag {lag}: {share}");
            }
            let both = factors.iter().zip(&next).filter(|(a, b)| **a == 0.0 && **b == 0.0).count();
            assert!((both as f64 / n as f64 - 0.25).abs() < 0.0045);
        }
    }
}
