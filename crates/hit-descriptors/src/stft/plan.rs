//! What the transform multiplies by, in the order in which it does.

use std::f64::consts::PI;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlannerScalar};

use super::{HALF, HOP, N_FFT, OVERLAP};

/// Points of the base butterflies.
pub(super) const BASE: usize = 16;

/// Columns of a row that a base butterfly reads one sample of each.
pub(super) const QUARTER: usize = HOP / 4;

/// Vectors from one quarter of a tile to the next: two more than it has, so that what a butterfly reads at once does not
/// fall into the same set of the cache.
pub(super) const TILE_QUARTER: usize = QUARTER + 2;

/// Vectors of a tile: one row of each lane.
pub(super) const TILE: usize = 4 * TILE_QUARTER;

/// Complex points of a quarter of the spectrum.
pub(super) const BLOCK_POINTS: usize = HALF / 4;

/// Vectors from one quarter of the spectrum to the next; one complex number of padding, for the same reason.
pub(super) const BLOCK: usize = 2 * BLOCK_POINTS + 2;

/// A factor: real and imaginary part.
pub(super) type Factor = [f64; 2];

/// Factors of the transform.
///
/// 1,024 points are 64 butterflies of 16 points and three layers of butterflies of 4, which is what rustfft's scalar
/// planner does with them. The factors are read off its plan, so they are its own to the bit.
pub(super) struct Plan {
    /// Half the window, pairs of samples in the order in which the base butterflies read them. The split of the real
    /// spectrum takes means of two: halving the input instead is exact and saves four products a pair.
    pub window: Vec<[Factor; BASE]>,
    /// exp(−2πik/16) for k = 1, 2, 3.
    pub base: [Factor; 3],
    /// Root of 1/2.
    pub root: f64,
    /// exp(−2πijk/n) for j in 0..n/4 and k = 1, 2, 3, of the layers that end with n = 64, 256 and 1024 points.
    pub layers: [Vec<[Factor; 3]>; 3],
    /// exp(−iπk/1024) for k in 0..512.
    pub split: Vec<Factor>,
}

impl Plan {
    pub fn new() -> Self {
        let fft = FftPlannerScalar::new().plan_fft_forward(HALF);
        let hann = |n: usize| 0.5 - 0.5 * libm::cos(2.0 * PI * n as f64 / N_FFT as f64);
        let half = |n: usize| 0.5 * hann(n);
        let pairs = |b: usize| {
            std::array::from_fn(|j| {
                let point = first_point(b) + HALF / BASE * j;
                [half(2 * point), half(2 * point + 1)]
            })
        };
        let angle = |k: usize| PI * k as f64 / HALF as f64;
        let base = impulse(&*fft, HALF / BASE);
        Self {
            window: (0..HALF / BASE).map(pairs).collect(),
            base: [base[1], base[2], base[3]],
            root: 0.5_f64.sqrt(),
            layers: [64, 256, 1024].map(|n| layer(&*fft, n)),
            split: (0..HALF / 2).map(|k| [libm::cos(angle(k)), -libm::sin(angle(k))]).collect(),
        }
    }
}

/// First point that base butterfly `b` reads: its number with the digits to base 4 in reverse.
pub(super) fn first_point(b: usize) -> usize {
    b % 4 * 16 + b / 4 % 4 * 4 + b / 16
}

/// Factors of the layer that ends with `n` points, column by column.
///
/// An impulse that is the first point of row k of a layer leaves the layers before it as ones. The layer multiplies
/// them by its factors of row k and adds zeros, and later layers pass the first row on as it is.
fn layer(fft: &dyn Fft<f64>, n: usize) -> Vec<[Factor; 3]> {
    let rows: [Vec<Factor>; 3] = [1, 2, 3].map(|k| impulse(fft, HALF / n * k));
    (0..n / 4).map(|j| std::array::from_fn(|k| rows[k][j])).collect()
}

/// Spectrum of a 1 at `point`.
fn impulse(fft: &dyn Fft<f64>, point: usize) -> Vec<Factor> {
    let mut values = vec![Complex::default(); HALF];
    values[point] = Complex::new(1.0, 0.0);
    fft.process(&mut values);
    values.into_iter().map(|value| [value.re, value.im]).collect()
}

const _: () = assert!(OVERLAP == 4 && BASE == 4 * OVERLAP && HALF == BASE * 64);
