//! Transforms put together from rustfft's portable parts.
//!
//! Lengths that the resampler meets are products of small primes: nine kinds of parts are enough for them, where
//! rustfft's planner brings thirty, which the compiler would have to make vectors of for minutes. A prime factor above
//! 7 goes through Bluestein's algorithm.

use std::sync::Arc;

use rustfft::algorithm::butterflies::{
    Butterfly1, Butterfly2, Butterfly3, Butterfly4, Butterfly5, Butterfly7, Butterfly8, Butterfly16, Butterfly24,
    Butterfly32,
};
use rustfft::algorithm::{BluesteinsAlgorithm, MixedRadix, MixedRadixSmall};
use rustfft::{Fft, FftDirection, FftNum};

/// Lengths that are computed in one piece.
const PARTS: [usize; 9] = [32, 24, 16, 8, 7, 5, 4, 3, 2];

/// A transform of `length` values, at least 1.
pub fn plan<T: FftNum>(length: usize, direction: FftDirection) -> Arc<dyn Fft<T>> {
    let (sizes, rest) = factors(length);
    let mut parts: Vec<(Arc<dyn Fft<T>>, bool)> = sizes.into_iter().map(|size| (part(size, direction), true)).collect();
    if rest > 1 {
        parts.push((bluestein(rest, direction), false));
    }
    // The two shortest become one, again and again, so that the last two are of about the same length.
    while parts.len() > 1 {
        parts.sort_by_key(|(part, _)| std::cmp::Reverse(part.len()));
        let (Some((width, one)), Some((height, other))) = (parts.pop(), parts.pop()) else { break };
        let product: Arc<dyn Fft<T>> = if one && other {
            Arc::new(MixedRadixSmall::new(width, height))
        } else {
            Arc::new(MixedRadix::new(width, height))
        };
        parts.push((product, false));
    }
    parts.pop().map_or_else(|| part(1, direction), |(whole, _)| whole)
}

/// The sizes of [`PARTS`] whose product is `length`, up to a factor of larger primes.
fn factors(length: usize) -> (Vec<usize>, usize) {
    let (mut sizes, mut rest) = (Vec::new(), length);
    for size in PARTS {
        while rest % size == 0 {
            sizes.push(size);
            rest /= size;
        }
    }
    (sizes, rest)
}

fn part<T: FftNum>(size: usize, direction: FftDirection) -> Arc<dyn Fft<T>> {
    match size {
        32 => Arc::new(Butterfly32::new(direction)),
        24 => Arc::new(Butterfly24::new(direction)),
        16 => Arc::new(Butterfly16::new(direction)),
        8 => Arc::new(Butterfly8::new(direction)),
        7 => Arc::new(Butterfly7::new(direction)),
        5 => Arc::new(Butterfly5::new(direction)),
        4 => Arc::new(Butterfly4::new(direction)),
        3 => Arc::new(Butterfly3::new(direction)),
        2 => Arc::new(Butterfly2::new(direction)),
        _ => Arc::new(Butterfly1::new(direction)),
    }
}

fn bluestein<T: FftNum>(length: usize, direction: FftDirection) -> Arc<dyn Fft<T>> {
    Arc::new(BluesteinsAlgorithm::new(length, plan((2 * length - 1).next_power_of_two(), direction)))
}

#[cfg(test)]
mod tests {
    use rustfft::FftPlannerScalar;
    use rustfft::num_complex::Complex;

    use super::*;

    /// Against rustfft's own plans, in double precision: small lengths one by one, then those of usual and unusual rates.
    #[test]
    fn agrees_with_the_planner() {
        for length in (1..130).chain([640, 4480, 8192, 8232, 6144, 11_014, 2 * 9973]) {
            for direction in [FftDirection::Forward, FftDirection::Inverse] {
                let value = |n: usize| Complex::new(libm::sin((n * n) as f64), libm::cos(0.37 * n as f64));
                let mut ours: Vec<_> = (0..length).map(value).collect();
                let mut theirs = ours.clone();
                plan::<f64>(length, direction).process(&mut ours);
                FftPlannerScalar::new().plan_fft(length, direction).process(&mut theirs);
                let worst = ours.iter().zip(&theirs).map(|(a, b)| (a - b).norm()).fold(0.0, f64::max);
                assert!(worst < 1e-9 * (length as f64 + 10.0), "length {length}: {worst}");
            }
        }
    }

    #[test]
    fn factors_are_parts() {
        assert_eq!(factors(8232), (vec![24, 7, 7, 7], 1));
        assert_eq!(factors(4480), (vec![32, 7, 5, 4], 1));
        assert_eq!(factors(11_014), (vec![2], 5507));
        assert_eq!(factors(1), (vec![], 1));
    }
}
