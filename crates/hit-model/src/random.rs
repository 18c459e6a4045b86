//! Random numbers of training passes from a counter-based generator: dropout masks and noise are functions of (root seed,
//! step, layer), whatever ran before or beside.

use hit_kernels::{GOLDEN, Mask, mix};
use hit_stage::Seed;

/// Key of the stream of a layer at a step.
fn stream(kind: &str, root: u64, step: u64, layer: &str) -> u64 {
    mix(Seed::derive(root, kind, layer).value() ^ mix(step.wrapping_mul(GOLDEN)))
}

/// The dropout mask of a layer at a step.
pub(crate) fn mask(p: f64, root: u64, step: u64, layer: &str) -> Mask {
    Mask { p, key: stream("dropout", root, step, layer) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_a_function_of_seed_step_and_layer() {
        let factors = |root, step, layer| {
            let mut values = vec![1.0; 1000];
            mask(0.1, root, step, layer).apply(&mut values, 0);
            values
        };
        let base = factors(42, 7, "audio.layers.0.dropout1");
        assert_eq!(base, factors(42, 7, "audio.layers.0.dropout1"));
        assert_ne!(base, factors(43, 7, "audio.layers.0.dropout1"));
        assert_ne!(base, factors(42, 8, "audio.layers.0.dropout1"));
        assert_ne!(base, factors(42, 7, "audio.layers.1.dropout1"));
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
}
