//! Another sample rate, block by block: FFT, filter, fewer or more bins, inverse FFT, overlap-add.
//!
//! Blocks and the filter are as long as whole samples at either rate allow, and the filter's delay is a whole number of them,
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

/// Length of the filter at the lower rate, samples, at least. So many let pass 15/16 of what the lower rate can hold.
const TAPS: usize = 512;

/// Length of a transform in filters, if the filter is no longer than [`LONG`]: 3/4 of it are new samples.
const FILTERS: usize = 4;

/// Filters above this (at the input rate, samples) meet blocks of their own length, to take less memory: rates that have
/// a small common factor make them, and no recording has such rates.
const LONG: usize = 8192;

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
        let Some(Stages { input, output, .. }) = self.stages else { return self.wanted as u64 };
        // Two blocks share a transform and with it their rounding errors: whole pairs are asked for.
        let pairs = (self.wanted + output.delay()).div_ceil(2 * output.block) as u64;
        2 * pairs * input.block as u64
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

/// Lengths in samples at one of the two rates.
#[derive(Clone, Copy)]
struct Lengths {
    /// New samples of a transform.
    block: usize,
    /// Taps of the filter, even: what a block adds to the next one.
    taps: usize,
}

impl Lengths {
    /// At the input and at the output rate.
    fn of(from_hz: u32, to_hz: u32) -> (Self, Self) {
        let gcd = gcd(from_hz, to_hz);
        let [unit_in, unit_out] = [from_hz, to_hz].map(|rate| (rate / gcd) as usize);
        // A power of two, so that transforms have small factors.
        let n_units = TAPS.div_ceil(unit_in.min(unit_out)).next_power_of_two().max(2);
        let blocks = if n_units * unit_in > LONG { 1 } else { FILTERS - 1 };
        let of = |unit| Self { block: blocks * n_units * unit, taps: n_units * unit };
        (of(unit_in), of(unit_out))
    }

    fn transform(self) -> usize {
        self.block + self.taps
    }

    fn delay(self) -> usize {
        self.taps / 2
    }
}

struct Stages {
    input: Lengths,
    output: Lengths,
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
        let (input, output) = Lengths::of(from_hz, to_hz);
        let forward = plan(input.transform(), FftDirection::Forward);
        let inverse = plan(output.transform(), FftDirection::Inverse);
        let zeros = |length| vec![Complex::zero(); length];
        Self {
            scratch: zeros(forward.get_inplace_scratch_len().max(inverse.get_inplace_scratch_len())),
            filter: filter(input, output, forward.as_ref()),
            forward,
            inverse,
            spectrum: zeros(input.transform()),
            kept: zeros(output.transform()),
            pending: Vec::with_capacity(GROUP * input.block),
            tail: vec![0.0; output.taps],
            delay: output.delay(),
            input,
            output,
        }
    }

    fn room(&self) -> usize {
        GROUP * self.input.block - self.pending.len()
    }

    /// Computes the pending blocks, filled up with zeros, and appends what comes out.
    fn group(&mut self, output: &mut Vec<f32>) {
        self.pending.resize(GROUP * self.input.block, 0.0);
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
        let blocks: [&[f32]; GROUP] =
            core::array::from_fn(|b| self.pending[b * self.input.block..].split_at(self.input.block).0);
        let (filled, zeros) = self.spectrum.split_at_mut(self.input.block);
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
        let (block, rest) = self.kept.split_at(self.output.block);
        let (first, last) = block.split_at(self.output.taps);
        let skipped = self.delay;
        self.delay = 0;
        output.extend(first.iter().zip(&self.tail).skip(skipped).map(|(value, tail)| part(value) + tail));
        output.extend(last.iter().map(&part));
        for (tail, value) in self.tail.iter_mut().zip(rest) {
            *tail = part(value);
        }
    }
}

/// A windowed sinc, as its response at the bins below the lower Nyquist frequency.
///
/// The window is the square of Blackman-Harris, whose main lobe reaches eight bins to either side. The sinc is cut off
/// that much below the lower Nyquist frequency, so that whatever lies above it meets the side lobes alone.
fn filter(input: Lengths, output: Lengths, forward: &dyn Fft<Lanes>) -> Vec<Complex<Lanes>> {
    let n_taps = input.taps;
    let cutoff = (n_taps.min(output.taps) as f64 - 8.0 * 2.0) / n_taps as f64;
    let taps: Vec<f64> = (0..n_taps)
        .map(|n| {
            let from_centre = (n as f64 - input.delay() as f64) * cutoff;
            let sinc = if from_centre == 0.0 { 1.0 } else { libm::sin(PI * from_centre) / (PI * from_centre) };
            let window = blackman_harris(n as f64 / n_taps as f64);
            sinc * window * window
        })
        .collect();
    // A constant comes through as it is: neither transform divides by its length.
    let sum = taps.iter().sum::<f64>() * input.transform() as f64;
    let wide = |tap: f64| Complex::new(Lanes([(tap / sum) as f32; LANES]), Lanes::zero());
    let mut response: Vec<_> = taps.into_iter().map(wide).collect();
    response.resize(input.transform(), Complex::zero());
    forward.process(&mut response);
    response.truncate(input.transform().min(output.transform()) / 2);
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
