//! Streams of random numbers, each known by its name, and the normal distribution.

use core::f64::consts::TAU;

use hit_stage::Seed;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The stream `label` of perturbations under the root seed.
pub(crate) fn stream(root: u64, label: &str) -> ChaCha8Rng {
    ChaCha8Rng::from_seed(Seed::derive(root, "perturb", label).bytes())
}

/// Draws from the standard normal distribution, two at a time (Box and Muller, 1958).
///
/// `rand_distr` would take logarithms from the standard library, whose last bit differs between platforms.
pub(crate) struct Normal {
    rng: ChaCha8Rng,
    spare: Option<f64>,
}

impl Normal {
    /// Draws from the stream `label`.
    pub(crate) fn new(root: u64, label: &str) -> Self {
        Self { rng: stream(root, label), spare: None }
    }

    /// The next draw; never infinite, since the logarithm is of at least 2^-53.
    pub(crate) fn next(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let radius = (-2.0 * libm::log(1.0 - self.unit())).sqrt();
        let (sine, cosine) = libm::sincos(TAU * self.unit());
        self.spare = Some(radius * sine);
        radius * cosine
    }

    /// Uniform in 0..1, 53 bits.
    fn unit(&mut self) -> f64 {
        (self.rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}
