//! Random numbers of training passes from a counter-based generator: dropout masks and noise are functions of (root seed,
//! step, layer), whatever ran before or beside.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use hit_stage::Seed;

/// SplitMix64's increment and finaliser (Steele, Lea, Flood 2014): value `k` of a stream is `mix(key + k·GOLDEN)`.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What masks are drawn as; noise has streams of its own.
const DROPOUT: &str = "dropout";

/// Key of the stream of a layer at a step.
fn stream(kind: &str, root: u64, step: u64, layer: &str) -> u64 {
    mix(Seed::derive(root, kind, layer).value() ^ mix(step.wrapping_mul(GOLDEN)))
}

/// Factors of a dropout layer: 0 with probability `p`, else 1/(1 − p); `n` of them, two from each 64-bit draw.
///
/// `p` is met to 2⁻³².
pub fn keep(n: usize, p: f64, root: u64, step: u64, layer: &str) -> Vec<f32> {
    let key = stream(DROPOUT, root, step, layer);
    let below = (p * 4_294_967_296.0) as u64;
    let scale = (1.0 / (1.0 - p)) as f32;
    let factor = |draw: u64| if draw < below { 0.0 } else { scale };
    let mut factors = vec![0.0; n];
    for (k, pair) in factors.chunks_mut(2).enumerate() {
        let draw = mix(key.wrapping_add((k as u64).wrapping_mul(GOLDEN)));
        for (value, half) in pair.iter_mut().zip([draw & 0xffff_ffff, draw >> 32]) {
            *value = factor(half);
        }
    }
    factors
}

/// Drops values of `x` with probability `p` and scales the rest, so that the mean stays.
pub(crate) fn dropout<const D: usize>(x: Tensor<D>, p: f64, root: u64, step: u64, layer: &str) -> Tensor<D> {
    let dims = x.dims();
    let device = x.device().without_autodiff();
    let mask = if device == Device::flex() {
        Tensor::from_data(TensorData::new(keep(dims.iter().product(), p, root, step, layer), dims), &device)
    } else {
        // At reference size a mask has 737 million values: it is made where it is used.
        keep_on_device(dims.iter().product(), p, stream(DROPOUT, root, step, layer), &device).reshape(dims)
    };
    x * mask
}

/// Gaussian values of mean 0: `n` of them, two from each pair of draws (Box, Muller 1958).
pub(crate) fn normal(n: usize, std: f64, root: u64, step: u64, layer: &str) -> Vec<f32> {
    let key = stream("noise", root, step, layer);
    // (0, 1], so that the logarithm is finite
    let uniform = |k: u64| ((mix(key.wrapping_add(k.wrapping_mul(GOLDEN))) >> 11) + 1) as f64 / (1u64 << 53) as f64;
    let pair = |k: u64| {
        let radius = std * libm::sqrt(-2.0 * libm::log(uniform(2 * k)));
        let angle = std::f64::consts::TAU * uniform(2 * k + 1);
        [(radius * libm::cos(angle)) as f32, (radius * libm::sin(angle)) as f32]
    };
    (0..n.div_ceil(2) as u64).flat_map(pair).take(n).collect()
}

/// Multipliers of the 32-bit finaliser `lowbias32` (Wellons 2018).
const FACTORS: [i32; 2] = [0x7feb_352d, 0x846c_a68b_u32 as i32];

/// The same kind of mask from integer operations of the device; its values are not [`keep`]'s. Value `k` is k ⊕ key,
/// finalised by `lowbias32` in wrapping 32-bit arithmetic, with a second key half way.
fn keep_on_device(n: usize, p: f64, key: u64, device: &Device) -> Tensor<1> {
    // Shifts of signed numbers drag the sign along: the mask takes it off again.
    let mix = |h: Tensor<1, Int>, shift: i32| {
        let high = h.clone().bitwise_right_shift_scalar(shift).bitwise_and_scalar((1 << (32 - shift)) - 1);
        h.bitwise_xor(high)
    };
    let (first, second) = (key as i32, (key >> 32) as i32);
    let h = Tensor::<1, Int>::arange(0..n as i64, (device, DType::I32)).bitwise_xor_scalar(first);
    let h = (mix(h, 16) * FACTORS[0]).bitwise_xor_scalar(second);
    let h = mix(mix(h, 15) * FACTORS[1], 16);
    h.greater_equal_scalar(below(p)).float() * (1.0 / (1.0 - p))
}

/// The number below which a share `p` of all 32-bit numbers lies.
fn below(p: f64) -> i32 {
    (p * 4_294_967_296.0 - 2_147_483_648.0) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host;

    #[test]
    fn a_mask_is_a_function_of_seed_step_and_layer() {
        let base = keep(1000, 0.1, 42, 7, "audio.layers.0.dropout1");
        assert_eq!(base, keep(1000, 0.1, 42, 7, "audio.layers.0.dropout1"));
        assert_eq!(base[..501], keep(501, 0.1, 42, 7, "audio.layers.0.dropout1"));
        assert_ne!(base, keep(1000, 0.1, 43, 7, "audio.layers.0.dropout1"));
        assert_ne!(base, keep(1000, 0.1, 42, 8, "audio.layers.0.dropout1"));
        assert_ne!(base, keep(1000, 0.1, 42, 7, "audio.layers.1.dropout1"));
    }

    fn on_device(n: usize, p: f64, key: u64) -> Vec<f32> {
        host(keep_on_device(n, p, key, &Device::flex()))
    }

    #[test]
    fn a_share_p_is_dropped_and_the_mean_stays() {
        let n = 400_000;
        for p in [0.1, 0.5] {
            for factors in [keep(n, p, 1, 1, "x"), on_device(n, p, 1), on_device(n, p, stream(DROPOUT, 3, 2, "x"))] {
                let dropped = factors.iter().filter(|&&f| f == 0.0).count() as f64 / n as f64;
                // Five standard errors.
                assert!((dropped - p).abs() < 5.0 * (p * (1.0 - p) / n as f64).sqrt(), "{dropped}");
                let mean = factors.iter().map(|&f| f64::from(f)).sum::<f64>() / n as f64;
                assert!((mean - 1.0).abs() < 0.01);
            }
        }
    }

    #[test]
    fn noise_is_gaussian_and_a_function_of_seed_step_and_layer() {
        let n = 200_000;
        let values = normal(n, 0.5, 42, 7, "router");
        assert_eq!(values[..101], normal(101, 0.5, 42, 7, "router"));
        assert_ne!(values[..101], normal(101, 0.5, 42, 8, "router"));
        assert_ne!(values[..101], normal(101, 0.5, 42, 7, "other"));
        let moment = |power: i32| values.iter().map(|&v| f64::from(v).powi(power)).sum::<f64>() / n as f64;
        // Six standard errors of the mean (0.5/√n) and of the second and fourth moments (0.35/√n, 0.61/√n).
        assert!(moment(1).abs() < 0.007 && (moment(2) - 0.25).abs() < 0.005 && (moment(4) - 0.1875).abs() < 0.0083);
        let product = values.windows(2).map(|pair| f64::from(pair[0] * pair[1])).sum::<f64>() / n as f64;
        assert!(product.abs() < 0.0034, "neighbours are independent: {product}");
    }

    #[test]
    fn neighbours_and_steps_are_independent() {
        let n = 400_000;
        let pairs = [
            (keep(n, 0.5, 9, 3, "y"), keep(n, 0.5, 9, 4, "y")),
            (on_device(n, 0.5, stream(DROPOUT, 9, 3, "y")), on_device(n, 0.5, stream(DROPOUT, 9, 4, "y"))),
        ];
        for (factors, next) in pairs {
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
        assert_eq!(on_device(n as usize, 0.5, key), expected.collect::<Vec<f32>>());
    }
}
