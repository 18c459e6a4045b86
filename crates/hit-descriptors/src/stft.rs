//! The short-time Fourier transform that all audio descriptors share.

use std::f64::consts::PI;
use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlannerScalar};

use crate::Error;

/// Length of a frame, samples (§3.4.1).
pub const N_FFT: usize = 2048;
/// Distance of frames, samples (§3.4.1).
pub const HOP: usize = 512;
/// Bins of a frame, from 0 Hz to half the sample rate; 11.71875 Hz apart at 24 kHz.
pub const N_BINS: usize = N_FFT / 2 + 1;

/// Distance of bins at the 24 kHz of the paper, Hz: 375/32, so that frequencies of bins are exact.
pub const SPACING_HZ: f64 = 24_000.0 / N_FFT as f64;

const HALF: usize = N_FFT / 2;

/// Magnitudes of a windowed short-time Fourier transform, with the buffers it needs; one per thread.
///
/// Source: §3.4.1 (lengths); spec 2 (the rest).
///
/// Periodic Hann window, frames centred on multiples of [`HOP`], ends mirrored, no scaling. A frame of real samples is
/// transformed as half as many complex ones, which halves the work and changes the last bits only, always alike.
#[derive(Clone)]
pub struct Stft {
    fft: Arc<dyn Fft<f64>>,
    window: Arc<[f64]>,
    /// `exp(−iπk/1024)` for k in 0..512.
    twiddles: Arc<[Complex<f64>]>,
    padded: Vec<f64>,
    frame: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
    magnitudes: Vec<f64>,
}

impl Stft {
    /// Plans the transform.
    pub fn new() -> Self {
        let fft = FftPlannerScalar::new().plan_fft_forward(HALF);
        let hann = |n: usize| 0.5 - 0.5 * libm::cos(2.0 * PI * n as f64 / N_FFT as f64);
        let twiddle = |k: usize| {
            let angle = PI * k as f64 / HALF as f64;
            Complex::new(libm::cos(angle), -libm::sin(angle))
        };
        Self {
            window: (0..N_FFT).map(hann).collect(),
            twiddles: (0..HALF / 2).map(twiddle).collect(),
            padded: Vec::new(),
            frame: vec![Complex::default(); HALF],
            scratch: vec![Complex::default(); fft.get_inplace_scratch_len()],
            magnitudes: vec![0.0; N_BINS],
            fft,
        }
    }

    /// Frames of a segment: 188 for 96,000 samples.
    pub fn n_frames(n_samples: usize) -> usize {
        n_samples / HOP + 1
    }

    /// Hands the magnitudes `|X|` of each frame in turn to `visit`, with the number of the frame.
    ///
    /// # Shapes and units
    /// `audio`: `[n_samples]`, mono, −1..=1. Magnitudes: `[N_BINS]`; a full-scale sine on a bin gives 512.
    /// # Errors
    /// [`Error::TooShort`] up to 1,024 samples, [`Error::NotFinite`].
    pub fn for_each_frame(&mut self, audio: &[f32], mut visit: impl FnMut(usize, &[f64])) -> Result<(), Error> {
        self.pad(audio)?;
        for t in 0..Self::n_frames(audio.len()) {
            self.transform(t * HOP);
            visit(t, &self.magnitudes);
        }
        Ok(())
    }

    /// Copies the segment, mirrored about its first and its last sample.
    fn pad(&mut self, audio: &[f32]) -> Result<(), Error> {
        let n = audio.len();
        if n <= HALF {
            return Err(Error::TooShort { found: n });
        }
        if let Some(sample) = audio.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { sample });
        }
        let before = audio[1..=HALF].iter().rev();
        let after = audio[n - 1 - HALF..n - 1].iter().rev();
        self.padded.clear();
        self.padded.extend(before.chain(audio).chain(after).map(|&x| f64::from(x)));
        Ok(())
    }

    /// Magnitudes of the frame that starts at `start` in the padded segment.
    fn transform(&mut self, start: usize) {
        let samples = self.padded[start..start + N_FFT].chunks_exact(2);
        for ((z, x), w) in self.frame.iter_mut().zip(samples).zip(self.window.chunks_exact(2)) {
            *z = Complex::new(x[0] * w[0], x[1] * w[1]);
        }
        self.fft.process_with_scratch(&mut self.frame, &mut self.scratch);

        // Even samples are the real parts, odd ones the imaginary parts. With E and O their spectra,
        // X[k] = E[k] + w^k O[k] and X[1024 − k] is the conjugate of E[k] − w^k O[k].
        let first = self.frame[0];
        let (low, high) = self.magnitudes.split_at_mut(HALF / 2);
        low[0] = (first.re + first.im) * (first.re + first.im);
        high[0] = self.frame[HALF / 2].norm_sqr();
        high[HALF / 2] = (first.re - first.im) * (first.re - first.im);
        let (front, back) = self.frame.split_at(HALF / 2);
        let mirrored = high[1..HALF / 2].iter_mut().zip(&back[1..]).rev();
        let pairs = low[1..].iter_mut().zip(&front[1..]).zip(&self.twiddles[1..]);
        for (((below, a), twiddle), (above, b)) in pairs.zip(mirrored) {
            let b = b.conj();
            let (even, odd) = ((a + b) * 0.5, (a - b) * 0.5);
            let turned = twiddle * Complex::new(odd.im, -odd.re);
            *below = (even + turned).norm_sqr();
            *above = (even - turned).norm_sqr();
        }
        self.magnitudes.iter_mut().for_each(|square| *square = square.sqrt());
    }
}

impl Default for Stft {
    fn default() -> Self {
        Self::new()
    }
}
