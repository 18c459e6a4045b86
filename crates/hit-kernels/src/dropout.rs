//! Dropout whose mask is a function of a key and of a value's place: nothing is kept, and the backward pass draws the same
//! mask again.

use burn::tensor::{DType, Device, Int, Tensor};

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
    fn scale(&self) -> f32 {
        (1.0 / (1.0 - self.p)) as f32
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
        // Below 2³², as p is below 1.
        let below = (self.p * 4_294_967_296.0) as u32;
        let draw = mix(self.key.wrapping_add((draw as u64).wrapping_mul(GOLDEN)));
        [draw as u32, (draw >> 32) as u32].map(
            #[inline(always)]
            |half| if half < below { 0.0 } else { self.scale() },
        )
    }

    /// The tensor with the mask over it. It lies outside of the graph, and its first value has the place `first`.
    pub(crate) fn over<const D: usize>(&self, x: Tensor<D>, first: usize) -> Tensor<D> {
        let dims = x.dims();
        if is_host(&x) {
            let mut x = Host::new(x);
            self.apply(x.values_mut(), first);
            return x.tensor();
        }
        // At reference size a mask has 737 million values: it is made where it is used.
        let device = x.device();
        let width = dims.last().copied().unwrap_or(1).max(1);
        x * self.on_device(first, [dims.iter().product::<usize>() / width, width], &device).reshape(dims)
    }

    /// The same kind of factors from integer operations of the device, row by row `[rows, width]`; they are not those of
    /// [`apply`](Self::apply). Value `k` is k ⊕ key, finalised by `lowbias32` in wrapping 32-bit arithmetic, with a second key half way.
    pub(crate) fn on_device(&self, first: usize, [rows, width]: [usize; 2], device: &Device) -> Tensor<2> {
        // Shifts of signed numbers drag the sign along: the mask takes it off again.
        let mix = |h: Tensor<2, Int>, shift: i32| {
            let high = h.clone().bitwise_right_shift_scalar(shift).bitwise_and_scalar((1 << (32 - shift)) - 1);
            h.bitwise_xor(high)
        };
        let (low, high) = (self.key as i32, (self.key >> 32) as i32);
        // burn counts in main memory and copies the numbers: only those of rows and of columns are, and their sums are the places.
        let count = |n: usize| Tensor::<1, Int>::arange(0..n as i64, (device, DType::I32));
        let (row, column) = (count(rows).reshape([rows, 1]), count(width).reshape([1, width]));
        let h = (row * width as i32 + (column + first as i32)).bitwise_xor_scalar(low);
        let h = (mix(h, 16) * FACTORS[0]).bitwise_xor_scalar(high);
        let h = mix(mix(h, 15) * FACTORS[1], 16);
        h.greater_equal_scalar(below(self.p)).float() * f64::from(self.scale())
    }
}

/// Drops values of `x` and scales the rest, so that the mean stays. Keeps nothing.
pub fn dropout<const D: usize>(x: Tensor<D>, mask: Mask) -> Tensor<D> {
    differentiable([x.into_dispatch()], move |[x]| {
        let value = mask.over(of_rank::<D>(x), 0);
        Value::new(value, move |grad: Tensor<D>, [wanted]| [when(wanted, || mask.over(grad, 0))])
    })
}

/// Multipliers of the 32-bit finaliser `lowbias32` (Wellons 2018).
const FACTORS: [i32; 2] = [0x7feb_352d, 0x846c_a68b_u32 as i32];

/// The number below which a share `p` of all 32-bit numbers lies.
fn below(p: f64) -> i32 {
    (p * 4_294_967_296.0 - 2_147_483_648.0) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host;

    fn on_host(n: usize, mask: Mask) -> Vec<f32> {
        let mut factors = vec![1.0; n];
        mask.apply(&mut factors, 0);
        factors
    }

    fn on_device(n: usize, mask: Mask) -> Vec<f32> {
        host(mask.on_device(0, [1, n], &Device::flex()))
    }

    #[test]
    fn a_part_of_a_mask_is_that_part() {
        let mask = Mask { p: 0.3, key: 0x1234_5678_9abc_def0 };
        let (whole, device) = (on_host(1000, mask), on_device(1000, mask));
        for (first, n) in [(0, 1), (1, 1), (1, 2), (3, 500), (4, 501), (999, 1), (500, 0)] {
            let mut part = vec![1.0; n];
            mask.apply(&mut part, first);
            assert_eq!(part, whole[first..first + n], "{first}, {n}");
            for shape in [[1, n], [n, 1]] {
                assert!(n == 0 || host(mask.on_device(first, shape, &Device::flex())) == device[first..first + n]);
            }
        }
    }

    #[test]
    fn a_share_p_is_dropped_and_the_mean_stays() {
        let n = 400_000;
        for p in [0.1, 0.5] {
            let mask = Mask { p, key: mix(77) };
            for factors in [on_host(n, mask), on_device(n, mask), on_device(n, Mask { p, key: 1 })] {
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
        for (factors, next) in [(on_host(n, one), on_host(n, other)), (on_device(n, one), on_device(n, other))] {
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

    #[test]
    fn the_generator_of_devices_is_the_one_described() {
        let (n, key) = (1000, 0x4d | (0x1_e240 << 32));
        let expected = (0..n).map(|k| {
            let mix = |h: i32, shift: i32| h ^ (h as u32 >> shift) as i32;
            let h = mix(k ^ 0x4d, 16).wrapping_mul(FACTORS[0]) ^ 0x1_e240;
            let h = mix(mix(h, 15).wrapping_mul(FACTORS[1]), 16);
            if h < 0 { 0.0 } else { 2.0 }
        });
        let expected: Vec<f32> = expected.collect();
        let mask = Mask { p: 0.5, key };
        assert_eq!(on_device(n as usize, mask), expected);
        assert_eq!(host(mask.on_device(0, [8, 125], &Device::flex())), expected, "in rows");
    }

    #[test]
    fn places_beyond_32_bits_begin_again() {
        let mask = Mask { p: 0.5, key: 3 };
        let around = host(mask.on_device((1 << 32) - 5, [2, 5], &Device::flex()));
        assert_eq!(around[5..], on_device(5, mask));
    }
}
