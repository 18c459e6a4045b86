//! Another sample rate, block by block: FFT, filter, fewer or more bins, inverse FFT, overlap-add.
//!
//! A block has an even number of samples at either rate, so that the filter's delay is a whole number of samples and is
//! taken off exactly. Two blocks are the real and the imaginary part of one transform (the filter is real, so they
//! do not mix), and [`LANES`] transforms run side by side. Bits depend on the samples alone: not on the machine, nor on
//! how the samples were handed over.

use core::f64::consts::{PI, TAU};
use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::num_traits::Zero;
use rustfft::{Fft, FftDirection};

use super::fft::plan;
use super::lanes::{LANES, Lanes};

/// Samples of a block at the input rate, at least; longer blocks cut off more sharply.
const BLOCK: usize = 4096;

/// Blocks that are computed together.
const GROUP: usize = 2 * LANES;

/// Takes samples at one rate and collects them at another.
pub struct Resampler {
    /// `None` if the rates are the same: samples pass through.
    stages: Option<Stages>,
    rates: (u32, u32),
    taken: usize,
    wanted: usize,
    output: Vec<f32>,
}

impl Resampler {
    /// From `from_hz` to `to_hz`, at most `wanted` samples, both rates above 0.
    pub fn new(from_hz: u32, to_hz: u32, wanted: usize) -> Self {
        let stages = (from_hz != to_hz).then(|| Stages::new(from_hz, to_hz));
        Self { stages, rates: (from_hz, to_hz), taken: 0, wanted, output: Vec::new() }
    }

    /// How many samples at the input rate decide all that are wanted: what comes after them changes nothing.
    pub fn needs(&self) -> u64 {
        let Some(Stages { block_in, block_out, .. }) = self.stages else { return self.wanted as u64 };
        // Two blocks share a transform and with it their rounding errors: whole pairs are asked for.
        let pairs = (self.wanted + block_out / 2).div_ceil(2 * block_out) as u64;
        2 * pairs * block_in as u64
    }

    /// Takes samples.
    pub fn push(&mut self, mut samples: &[f32]) {
        self.taken += samples.len();
        let Some(stages) = &mut self.stages else {
            let rest = self.wanted - self.output.len();
            self.output.extend_from_slice(&samples[..samples.len().min(rest)]);
            return;
        };
        while !samples.is_empty() && self.output.len() < self.wanted {
            let (now, later) = samples.split_at(samples.len().min(stages.room()));
            stages.pending.extend_from_slice(now);
            samples = later;
            if stages.room() == 0 {
                stages.group(&mut self.output);
            }
        }
    }

    /// What came out: n samples give `round(n · to / from)`, or what was wanted if that is less.
    pub fn finish(mut self) -> Vec<f32> {
        let (from, to) = (u128::from(self.rates.0), u128::from(self.rates.1));
        let exact = (self.taken as u128 * to + from / 2) / from;
        let length = exact.min(self.wanted as u128) as usize;
        if let Some(mut stages) = self.stages {
            while self.output.len() < length {
                stages.group(&mut self.output);
            }
        }
        self.output.truncate(length);
        self.output
    }
}

struct Stages {
    block_in: usize,
    block_out: usize,
    forward: Arc<dyn Fft<Lanes>>,
    inverse: Arc<dyn Fft<Lanes>>,
    /// Response of the filter at the bins that are kept, over the length of the transform.
    filter: Vec<Complex<Lanes>>,
    spectrum: Vec<Complex<Lanes>>,
    scratch: Vec<Complex<Lanes>>,
    kept: Vec<Complex<Lanes>>,
    pending: Vec<f32>,
    /// What the last block adds to the next.
    tail: Vec<f32>,
    /// Samples of the filter's delay still to be dropped.
    delay: usize,
}

impl Stages {
    fn new(from_hz: u32, to_hz: u32) -> Self {
        let gcd = gcd(from_hz, to_hz);
        let unit = (from_hz / gcd) as usize;
        let n_units = BLOCK.div_ceil(unit).next_multiple_of(2);
        let (block_in, block_out) = (n_units * unit, n_units * (to_hz / gcd) as usize);
        let forward = plan(2 * block_in, FftDirection::Forward);
        let inverse = plan(2 * block_out, FftDirection::Inverse);
        let zeros = |length| vec![Complex::zero(); length];
        Self {
            scratch: zeros(forward.get_inplace_scratch_len().max(inverse.get_inplace_scratch_len())),
            filter: filter(block_in, block_out, forward.as_ref()),
            forward,
            inverse,
            spectrum: zeros(2 * block_in),
            kept: zeros(2 * block_out),
            pending: Vec::with_capacity(GROUP * block_in),
            tail: vec![0.0; block_out],
            delay: block_out / 2,
            block_in,
            block_out,
        }
    }

    fn room(&self) -> usize {
        GROUP * self.block_in - self.pending.len()
    }

    /// Computes the pending blocks, filled up with zeros, and appends what comes out.
    fn group(&mut self, output: &mut Vec<f32>) {
        self.pending.resize(GROUP * self.block_in, 0.0);
        self.load();
        self.forward.process_with_scratch(&mut self.spectrum, &mut self.scratch);
        self.select();
        self.inverse.process_with_scratch(&mut self.kept, &mut self.scratch);
        for lane in 0..LANES {
            self.unload(output, |value| value.re.0[lane]);
            self.unload(output, |value| value.im.0[lane]);
        }
        self.pending.clear();
    }

    /// Lane l is block 2l with block 2l + 1 as its imaginary part, and as many zeros.
    fn load(&mut self) {
        let blocks: [&[f32]; GROUP] = core::array::from_fn(|b| &self.pending[b * self.block_in..][..self.block_in]);
        let (filled, zeros) = self.spectrum.split_at_mut(self.block_in);
        for (n, value) in filled.iter_mut().enumerate() {
            value.re = Lanes(core::array::from_fn(|lane| blocks[2 * lane][n]));
            value.im = Lanes(core::array::from_fn(|lane| blocks[2 * lane + 1][n]));
        }
        zeros.fill(Complex::zero());
    }

    /// Filters the bins below the lower of the two Nyquist frequencies, on both sides; all others are 0.
    fn select(&mut self) {
        let n = self.filter.len();
        let (n_in, n_out) = (self.spectrum.len(), self.kept.len());
        self.kept.fill(Complex::zero());
        for (bin, response) in self.filter.iter().enumerate() {
            self.kept[bin] = self.spectrum[bin] * response;
        }
        for bin in 1..n {
            self.kept[n_out - bin] = self.spectrum[n_in - bin] * self.filter[bin].conj();
        }
    }

    fn unload(&mut self, output: &mut Vec<f32>, part: impl Fn(&Complex<Lanes>) -> f32) {
        let (now, later) = self.kept.split_at(self.block_out);
        let skipped = self.delay.min(self.block_out);
        self.delay -= skipped;
        output.extend(now.iter().zip(&self.tail).skip(skipped).map(|(value, tail)| part(value) + tail));
        for (tail, value) in self.tail.iter_mut().zip(later) {
            *tail = part(value);
        }
    }
}

/// A windowed sinc of `block_in` taps, as its response at the bins below the lower Nyquist frequency.
///
/// The window is the square of Blackman-Harris, whose main lobe reaches eight bins to either side. The sinc is cut off
/// that much below the lower Nyquist frequency, so that whatever lies above it meets the side lobes alone.
fn filter(block_in: usize, block_out: usize, forward: &dyn Fft<Lanes>) -> Vec<Complex<Lanes>> {
    let n_bins = block_in.min(block_out);
    let cutoff = (n_bins as f64 - 8.0 * 2.0) / block_in as f64;
    let taps: Vec<f64> = (0..block_in)
        .map(|n| {
            let from_centre = (n as f64 - (block_in / 2) as f64) * cutoff;
            let sinc = if from_centre == 0.0 { 1.0 } else { libm::sin(PI * from_centre) / (PI * from_centre) };
            let window = blackman_harris(n as f64 / block_in as f64);
            sinc * window * window
        })
        .collect();
    // A constant comes through as it is: neither transform divides by its length.
    let sum = taps.iter().sum::<f64>() * (2 * block_in) as f64;
    let wide = |tap: f64| Complex::new(Lanes([(tap / sum) as f32; LANES]), Lanes::zero());
    let mut response: Vec<_> = taps.into_iter().map(wide).collect();
    response.resize(2 * block_in, Complex::zero());
    forward.process(&mut response);
    response.truncate(n_bins);
    response
}

/// The periodic window at `phase` of 0..1 (Harris 1978, four terms, −92 dB).
fn blackman_harris(phase: f64) -> f64 {
    let cos = |harmonic: f64| libm::cos(TAU * harmonic * phase);
    0.358_75 - 0.488_29 * cos(1.0) + 0.141_28 * cos(2.0) - 0.011_68 * cos(3.0)
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests;
