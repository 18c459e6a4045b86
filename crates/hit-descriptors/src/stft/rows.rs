//! The samples of a segment: mirrored at its ends, cut into rows of one hop, brought into lanes.

use pulp::{Arch, Simd};

use super::plan::{QUARTER, TILE_QUARTER};
use super::{HALF, HOP, lanes_of_mut};
use crate::Error;

/// A segment, mirrored about its first and its last sample and cut into rows of [`HOP`] samples.
///
/// Frame `t` is rows `t..t + 4`. Two rows lie before the first sample, and the last two hold the last sample or lie
/// behind it; all others are the segment itself.
pub(super) struct Rows<'a> {
    audio: &'a [f32],
    front: [[f32; HOP]; 2],
    back: [[f32; HOP]; 2],
}

/// What lies behind the last row.
const NOTHING: [f32; HOP] = [0.0; HOP];

impl<'a> Rows<'a> {
    /// Cuts a segment.
    ///
    /// # Errors
    /// [`Error::TooShort`], [`Error::NotFinite`].
    pub fn new(audio: &'a [f32], arch: Arch) -> Result<Self, Error> {
        let n = audio.len();
        if n <= HALF {
            return Err(Error::TooShort { found: n });
        }
        // All of them without a branch, so in vectors; which one, once there is one.
        let all_finite = arch.dispatch(|| audio.iter().fold(true, |all, x| all & x.is_finite()));
        if !all_finite && let Some(sample) = audio.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { sample });
        }
        let whole = n / HOP * HOP;
        let behind = |i: usize| audio[if i < n { i } else { 2 * (n - 1) - i }];
        Ok(Self {
            audio,
            front: [0, 1].map(|row| std::array::from_fn(|c| audio[HALF - HOP * row - c])),
            back: [0, 1].map(|row| std::array::from_fn(|c| behind(whole + HOP * row + c))),
        })
    }

    /// Row `r`; zeros behind the last one.
    fn row(&self, r: usize) -> &[f32; HOP] {
        if let Some(row) = self.front.get(r) {
            return row;
        }
        let inside = self.audio.as_chunks().0;
        let r = r - self.front.len();
        inside.get(r).or_else(|| self.back.get(r - inside.len())).unwrap_or(&NOTHING)
    }

    /// Fills a tile: row `r + l · stride` in lane `l`.
    #[inline(always)]
    pub fn fill<S: Simd>(&self, r: usize, stride: usize, tile: &mut [S::f64s]) {
        // The number of lanes has to be a constant for the compiler to turn the rows by shuffles.
        let tile = lanes_of_mut::<S>(tile);
        match S::F64_LANES {
            8 => self.fill_lanes::<8>(r, stride, tile),
            4 => self.fill_lanes::<4>(r, stride, tile),
            2 => self.fill_lanes::<2>(r, stride, tile),
            _ => self.fill_lanes::<1>(r, stride, tile),
        }
    }

    #[inline(always)]
    fn fill_lanes<const L: usize>(&self, r: usize, stride: usize, tile: &mut [f64]) {
        let mut rows = [&NOTHING; L];
        for (lane, row) in rows.iter_mut().enumerate() {
            *row = self.row(r + lane * stride);
        }
        for (j, quarter) in tile.chunks_exact_mut(TILE_QUARTER * L).enumerate() {
            for (c, lanes) in quarter.as_chunks_mut::<L>().0[..QUARTER].iter_mut().enumerate() {
                for (lane, row) in lanes.iter_mut().zip(&rows) {
                    *lane = f64::from(row[j * QUARTER + c]);
                }
            }
        }
    }
}
