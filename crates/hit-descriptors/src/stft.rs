//! The short-time Fourier transform that all audio descriptors share.

use std::sync::Arc;

use pulp::{Arch, Simd, WithSimd};

use crate::Error;

mod butterflies;
mod plan;
mod rows;

use plan::{BLOCK, Plan, TILE};
use rows::Rows;

/// Length of a frame, samples (§3.4.1).
pub const N_FFT: usize = 2048;
/// Distance of frames, samples (§3.4.1).
pub const HOP: usize = 512;
/// Bins of a frame, from 0 Hz to half the sample rate; 11.71875 Hz apart at 24 kHz.
pub const N_BINS: usize = N_FFT / 2 + 1;

/// Distance of bins at the 24 kHz of the paper, Hz: 375/32, so that frequencies of bins are exact.
pub const SPACING_HZ: f64 = 24_000.0 / N_FFT as f64;

/// Complex points of the transform of a frame.
const HALF: usize = N_FFT / 2;

/// Hops in a frame.
const OVERLAP: usize = N_FFT / HOP;

/// Values in a cache line, to which buffers are aligned.
const LINE: usize = 8;

/// Magnitudes of a windowed short-time Fourier transform, with the buffers it needs; one per thread.
///
/// Source: §3.4.1 (lengths); spec 2 (the rest).
///
/// Periodic Hann window, frames centred on multiples of [`HOP`], ends mirrored, no scaling. A frame of real samples is
/// transformed as half as many complex ones, which halves the work and changes the last bits only, always alike.
///
/// As many frames as a vector has lanes are transformed side by side, by the operations of rustfft's scalar plan in its
/// order. Each is rounded as IEEE 754 says, so the bits are those of that plan whatever the width of the vectors.
#[derive(Clone)]
pub struct Stft {
    arch: Arch,
    plan: Arc<Plan>,
    buffers: Buffers,
    /// Of all frames of a segment, `[n_frames, N_BINS]`, where they are asked for one by one.
    magnitudes: Vec<f64>,
}

/// What the vectors of one pass are kept in. Each is a little longer than needed, so that it can be aligned.
#[derive(Clone, Default)]
struct Buffers {
    /// As many tiles of samples as a frame has hops.
    tiles: Vec<f64>,
    /// The spectra on their way, real and imaginary parts in turn.
    work: Vec<f64>,
    /// Magnitudes of this pass and of the last one.
    magnitudes: [Vec<f64>; 2],
}

/// The magnitudes of some frames of a segment, one a lane. Lane `l` of pass `g` holds frame `g + l · n_passes`.
#[derive(Clone, Copy)]
pub(crate) struct Pass<'a, S: Simd> {
    /// Their magnitudes, `[N_BINS]`.
    pub now: &'a [S::f64s],
    /// Magnitudes of the pass before, which are those of the frames before; none in the first pass.
    pub before: Option<&'a [S::f64s]>,
    /// Number of the pass.
    pub number: usize,
    /// Number of passes.
    pub n_passes: usize,
    /// Frames of the segment.
    pub n_frames: usize,
}

impl<S: Simd> Pass<'_, S> {
    /// Lanes that hold a frame of the segment, with its number. The last lanes can lie beyond its end.
    pub fn lanes(&self) -> impl Iterator<Item = (usize, usize)> + use<S> {
        let (number, n_passes, n_frames) = (self.number, self.n_passes, self.n_frames);
        (0..S::F64_LANES).map(move |lane| (lane, number + lane * n_passes)).take_while(move |&(_, t)| t < n_frames)
    }

    /// Magnitude of a bin in a lane.
    #[inline(always)]
    pub fn at(&self, k: usize, lane: usize) -> f64 {
        lanes_of::<S>(&self.now[k..=k])[lane]
    }
}

/// The lanes of vectors, one vector after the other.
#[inline(always)]
pub(crate) fn lanes_of<S: Simd>(vectors: &[S::f64s]) -> &[f64] {
    pulp::bytemuck::cast_slice(vectors)
}

/// As [`lanes_of`], to be written.
#[inline(always)]
pub(crate) fn lanes_of_mut<S: Simd>(vectors: &mut [S::f64s]) -> &mut [f64] {
    pulp::bytemuck::cast_slice_mut(vectors)
}

/// What a descriptor does with the frames of a segment.
pub(crate) trait Visit {
    /// Takes the frames of one pass. To be marked `#[inline(always)]`, so that it is compiled for the vectors at hand.
    fn visit<S: Simd>(&mut self, simd: S, pass: Pass<'_, S>);
}

impl Stft {
    /// Plans the transform.
    pub fn new() -> Self {
        Self::with(Arch::new())
    }

    /// Plans the transform for these vectors. The results do not depend on them.
    pub(crate) fn with(arch: Arch) -> Self {
        Self { arch, plan: Arc::new(Plan::new()), buffers: Buffers::default(), magnitudes: Vec::new() }
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
        let mut magnitudes = std::mem::take(&mut self.magnitudes);
        magnitudes.resize(Self::n_frames(audio.len()) * N_BINS, 0.0);
        let outcome = self.for_all_frames(audio, &mut OneByOne(&mut magnitudes));
        self.magnitudes = magnitudes;
        outcome?;
        self.magnitudes.chunks_exact(N_BINS).enumerate().for_each(|(t, frame)| visit(t, frame));
        Ok(())
    }

    /// Hands the magnitudes of all frames to `visit`, several at a time.
    ///
    /// # Shapes and units
    /// Those of [`Stft::for_each_frame`].
    /// # Errors
    /// Those of [`Stft::for_each_frame`].
    pub(crate) fn for_all_frames(&mut self, audio: &[f32], visit: &mut impl Visit) -> Result<(), Error> {
        let rows = Rows::new(audio, self.arch)?;
        let n_frames = Self::n_frames(audio.len());
        self.arch.dispatch(Transform { plan: &self.plan, rows, n_frames, buffers: &mut self.buffers, visit });
        Ok(())
    }
}

impl Default for Stft {
    fn default() -> Self {
        Self::new()
    }
}

/// Lays the frames out one after the other.
struct OneByOne<'a>(&'a mut [f64]);

impl Visit for OneByOne<'_> {
    #[inline(always)]
    fn visit<S: Simd>(&mut self, _: S, pass: Pass<'_, S>) {
        let now = lanes_of::<S>(pass.now);
        let of_lanes = self.0.chunks_mut(pass.n_passes * N_BINS);
        for (lane, of_lane) in of_lanes.enumerate() {
            let Some(frame) = of_lane.chunks_exact_mut(N_BINS).nth(pass.number) else { break };
            for (to, lanes) in frame.iter_mut().zip(now.chunks_exact(S::F64_LANES)) {
                *to = lanes[lane];
            }
        }
    }
}

/// The transform of one segment.
struct Transform<'a, V> {
    plan: &'a Plan,
    rows: Rows<'a>,
    n_frames: usize,
    buffers: &'a mut Buffers,
    visit: &'a mut V,
}

impl<V: Visit> WithSimd for Transform<'_, V> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let n_passes = self.n_frames.div_ceil(S::F64_LANES);
        let Buffers { tiles, work, magnitudes: [now, before] } = self.buffers;
        let tiles = vectors::<S>(tiles, OVERLAP * TILE);
        let work = vectors::<S>(work, OVERLAP * BLOCK);
        let (mut now, mut before) = (vectors::<S>(now, N_BINS), vectors::<S>(before, N_BINS));
        for row in 0..OVERLAP - 1 {
            self.rows.fill::<S>(row, n_passes, &mut tiles[row * TILE..][..TILE]);
        }
        // Each pass is visited while the next one is under way, whose first layers take the roots that it has left open.
        for number in 0..=n_passes {
            if number < n_passes {
                // A pass needs the tiles of four rows, three of which the pass before has needed as well.
                let row = number + OVERLAP - 1;
                self.rows.fill::<S>(row, n_passes, &mut tiles[row % OVERLAP * TILE..][..TILE]);
                let tile = |i: usize| &tiles[(number + i) % OVERLAP * TILE..][..TILE];
                butterflies::first_layers(simd, self.plan, [tile(0), tile(1), tile(2), tile(3)], work, now);
            } else {
                butterflies::roots(simd, now);
            }
            if let Some(number) = number.checked_sub(1) {
                let before_it = (number > 0).then_some(&*before);
                self.visit.visit(simd, Pass { now, before: before_it, number, n_passes, n_frames: self.n_frames });
            }
            std::mem::swap(&mut now, &mut before);
            if number < n_passes {
                butterflies::last_layer(simd, self.plan, work, now);
            }
        }
    }
}

/// The first `n` vectors of a buffer that begin on a cache line; the buffer grows where it has to.
fn vectors<S: Simd>(buffer: &mut Vec<f64>, n: usize) -> &mut [S::f64s] {
    buffer.resize(n * S::F64_LANES + LINE, 0.0);
    let skip = buffer.as_ptr().align_offset(LINE * size_of::<f64>()).min(LINE);
    S::as_mut_simd_f64s(&mut buffer[skip..skip + n * S::F64_LANES]).0
}
