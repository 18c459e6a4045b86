//! The transform in lanes: rustfft's scalar plan for 1,024 points, operation by operation, and the real spectrum of it.
//!
//! No product and sum are fused, and none change places, so each lane has the bits of the plan. What is left out cannot
//! be told from what is there: turning by 90° exchanges parts, and a factor of 1/2 is moved (see [`Plan`]).
//!
//! A square root takes as long as 17 additions of vectors (Zen 5), on a unit of its own. All of them in the last layer
//! would hold it up, while the layers before leave that unit idle: half of the roots of a pass wait for the layers of the
//! next one ([`SQUARES`]), where each butterfly takes one along.

use std::ops::Range;

use pulp::Simd;

use super::plan::{BASE, BLOCK, BLOCK_POINTS, Factor, Plan, TILE_QUARTER, first_point};
use super::{HALF, N_BINS, OVERLAP};

/// Bins that [`last_layer`] leaves as squares of magnitudes, as many as the layers after the base have butterflies before
/// it. Their roots are for [`first_layers`] of the next pass to take, or for [`roots`] after the last one.
const SQUARES: Range<usize> = HALF / 2..HALF;

/// Squares of which one block's butterflies take the roots: half of them those of 64 points, half those of 256.
const SQUARES_OF_BLOCK: usize = 2 * (BLOCK_POINTS / 4);

const _: () = assert!(SQUARES.end - SQUARES.start == OVERLAP * SQUARES_OF_BLOCK);

/// Complex numbers, one a lane.
#[derive(Clone, Copy)]
struct Lanes<S: Simd> {
    re: S::f64s,
    im: S::f64s,
}

impl<S: Simd> Lanes<S> {
    #[inline(always)]
    fn load(from: &[S::f64s]) -> Self {
        Self { re: from[0], im: from[1] }
    }

    #[inline(always)]
    fn store(self, to: &mut [S::f64s]) {
        to[0] = self.re;
        to[1] = self.im;
    }

    #[inline(always)]
    fn plus(self, s: S, other: Self) -> Self {
        Self { re: s.add_f64s(self.re, other.re), im: s.add_f64s(self.im, other.im) }
    }

    #[inline(always)]
    fn minus(self, s: S, other: Self) -> Self {
        Self { re: s.sub_f64s(self.re, other.re), im: s.sub_f64s(self.im, other.im) }
    }

    /// self + other/i: other turned by −90°.
    #[inline(always)]
    fn plus_turned(self, s: S, other: Self) -> Self {
        Self { re: s.add_f64s(self.re, other.im), im: s.sub_f64s(self.im, other.re) }
    }

    /// self − other/i.
    #[inline(always)]
    fn minus_turned(self, s: S, other: Self) -> Self {
        Self { re: s.sub_f64s(self.re, other.im), im: s.add_f64s(self.im, other.re) }
    }

    #[inline(always)]
    fn times(self, s: S, factor: Factor) -> Self {
        let (re, im) = (s.splat_f64s(factor[0]), s.splat_f64s(factor[1]));
        Self {
            re: s.sub_f64s(s.mul_f64s(self.re, re), s.mul_f64s(self.im, im)),
            im: s.add_f64s(s.mul_f64s(self.re, im), s.mul_f64s(self.im, re)),
        }
    }

    /// Times the conjugate of the factor.
    #[inline(always)]
    fn times_conjugate(self, s: S, factor: Factor) -> Self {
        let (re, im) = (s.splat_f64s(factor[0]), s.splat_f64s(factor[1]));
        Self {
            re: s.add_f64s(s.mul_f64s(self.re, re), s.mul_f64s(self.im, im)),
            im: s.sub_f64s(s.mul_f64s(self.im, re), s.mul_f64s(self.re, im)),
        }
    }

    #[inline(always)]
    fn scaled(self, s: S, by: f64) -> Self {
        let by = s.splat_f64s(by);
        Self { re: s.mul_f64s(self.re, by), im: s.mul_f64s(self.im, by) }
    }

    /// re² + im².
    #[inline(always)]
    fn square(self, s: S) -> S::f64s {
        s.add_f64s(s.mul_f64s(self.re, self.re), s.mul_f64s(self.im, self.im))
    }

    #[inline(always)]
    fn magnitude(self, s: S) -> S::f64s {
        s.sqrt_f64s(self.square(s))
    }
}

#[inline(always)]
fn four<S: Simd>(s: S, z: [Lanes<S>; 4]) -> [Lanes<S>; 4] {
    let (sum, difference) = (z[0].plus(s, z[2]), z[0].minus(s, z[2]));
    let (other_sum, other_difference) = (z[1].plus(s, z[3]), z[1].minus(s, z[3]));
    [
        sum.plus(s, other_sum),
        difference.plus_turned(s, other_difference),
        sum.minus(s, other_sum),
        difference.minus_turned(s, other_difference),
    ]
}

#[inline(always)]
fn eight<S: Simd>(s: S, even: [Lanes<S>; 4], odd: [Lanes<S>; 4], root: f64) -> [Lanes<S>; 8] {
    let [one, two, three] = [odd[1], odd[2], odd[3]];
    // (z/i + z)·√½ and (z/i − z)·√½.
    let first = Lanes { re: s.add_f64s(one.im, one.re), im: s.sub_f64s(one.im, one.re) }.scaled(s, root);
    let third = Lanes { re: s.sub_f64s(three.im, three.re), im: s.neg_f64s(s.add_f64s(three.re, three.im)) };
    let third: Lanes<S> = third.scaled(s, root);
    [
        even[0].plus(s, odd[0]),
        even[1].plus(s, first),
        even[2].plus_turned(s, two),
        even[3].plus(s, third),
        even[0].minus(s, odd[0]),
        even[1].minus(s, first),
        even[2].minus_turned(s, two),
        even[3].minus(s, third),
    ]
}

#[inline(always)]
fn sixteen<S: Simd>(s: S, plan: &Plan, from: &Windowed<'_, S>) -> [Lanes<S>; BASE] {
    let even = from.four(s, [0, 4, 8, 12]);
    let odd = from.four(s, [2, 6, 10, 14]);
    let even = eight(s, even, odd, plan.root);
    let mut ahead = from.four(s, [1, 5, 9, 13]);
    let mut behind = from.four(s, [15, 3, 7, 11]);
    for (i, &factor) in plan.base.iter().enumerate() {
        ahead[i + 1] = ahead[i + 1].times(s, factor);
        behind[i + 1] = behind[i + 1].times_conjugate(s, factor);
    }
    let mut out = [even[0]; BASE];
    for i in 0..4 {
        let (sum, difference) = (ahead[i].plus(s, behind[i]), ahead[i].minus(s, behind[i]));
        out[i] = even[i].plus(s, sum);
        out[i + 4] = even[i + 4].plus_turned(s, difference);
        out[i + 8] = even[i].minus(s, sum);
        out[i + 12] = even[i + 4].minus_turned(s, difference);
    }
    out
}

/// Windows the samples and runs all butterflies but those of the last layer. Beside them it takes the roots that
/// [`last_layer`] left open in the pass before.
///
/// # Shapes
/// `tiles`: the rows of the frames, `[TILE]` vectors each. `work`: `[4 · BLOCK]`, all of it written but the padding.
/// `before`: `[N_BINS]`, what [`last_layer`] made of the pass before; in the first pass anything.
#[inline(always)]
pub(super) fn first_layers<S: Simd>(
    s: S,
    plan: &Plan,
    tiles: [&[S::f64s]; OVERLAP],
    work: &mut [S::f64s],
    before: &mut [S::f64s],
) {
    let [to_64, to_256, _] = &plan.layers;
    let mut base = plan.window.iter().enumerate();
    let squares = before[SQUARES].chunks_exact_mut(SQUARES_OF_BLOCK);
    for (block, squares) in work.chunks_exact_mut(BLOCK).zip(squares) {
        let (of_parts, of_block) = squares.split_at_mut(SQUARES_OF_BLOCK / 2);
        let block = &mut block[..2 * BLOCK_POINTS];
        for (part, squares) in block.chunks_exact_mut(2 * 64).zip(of_parts.chunks_exact_mut(64 / 4)) {
            for (out, (b, window)) in part.chunks_exact_mut(2 * BASE).zip(&mut base) {
                let z = sixteen(s, plan, &Windowed { point: first_point(b), window, tiles });
                out.chunks_exact_mut(2).zip(z).for_each(|(to, z)| z.store(to));
            }
            layer(s, to_64, part, squares);
        }
        layer(s, to_256, block, of_block);
    }
}

/// What a base butterfly reads: every 64th pair of samples, times the window. Each is read where it is needed: all 32
/// parts at once would not fit into the registers.
struct Windowed<'a, S: Simd> {
    point: usize,
    window: &'a [Factor; BASE],
    tiles: [&'a [S::f64s]; OVERLAP],
}

impl<S: Simd> Windowed<'_, S> {
    /// Pair `j` of the sixteen.
    #[inline(always)]
    fn at(&self, s: S, j: usize) -> Lanes<S> {
        let at = j % 4 * TILE_QUARTER + 2 * self.point;
        let samples = &self.tiles[j / 4][at..at + 2];
        let (re, im) = (s.splat_f64s(self.window[j][0]), s.splat_f64s(self.window[j][1]));
        Lanes { re: s.mul_f64s(samples[0], re), im: s.mul_f64s(samples[1], im) }
    }

    /// The butterfly of four of the pairs.
    #[inline(always)]
    fn four(&self, s: S, j: [usize; 4]) -> [Lanes<S>; 4] {
        four(s, [self.at(s, j[0]), self.at(s, j[1]), self.at(s, j[2]), self.at(s, j[3])])
    }
}

/// Takes the roots that [`last_layer`] has left open.
///
/// # Shapes
/// `magnitudes`: `[N_BINS]`.
#[inline(always)]
pub(super) fn roots<S: Simd>(s: S, magnitudes: &mut [S::f64s]) {
    for square in &mut magnitudes[SQUARES] {
        *square = s.sqrt_f64s(*square);
    }
}

/// One layer: four spectra, one after the other in `data`, become one. Each butterfly takes one of the `squares` along.
#[inline(always)]
fn layer<S: Simd>(s: S, factors: &[[Factor; 3]], data: &mut [S::f64s], squares: &mut [S::f64s]) {
    let (first, rest) = data.split_at_mut(2 * factors.len());
    let (second, rest) = rest.split_at_mut(2 * factors.len());
    let (third, fourth) = rest.split_at_mut(2 * factors.len());
    let lower = first.chunks_exact_mut(2).zip(second.chunks_exact_mut(2));
    let upper = third.chunks_exact_mut(2).zip(fourth.chunks_exact_mut(2));
    for ((((a, b), (c, d)), factors), square) in lower.zip(upper).zip(factors).zip(squares) {
        let z = column(s, [a, b, c, d], factors);
        z[0].store(a);
        z[1].store(b);
        z[2].store(c);
        z[3].store(d);
        *square = s.sqrt_f64s(*square);
    }
}

#[inline(always)]
fn column<S: Simd>(s: S, rows: [&[S::f64s]; 4], factors: &[Factor; 3]) -> [Lanes<S>; 4] {
    let (a, b, c, d) = (Lanes::load(rows[0]), Lanes::load(rows[1]), Lanes::load(rows[2]), Lanes::load(rows[3]));
    four(s, [a, b.times(s, factors[0]), c.times(s, factors[1]), d.times(s, factors[2])])
}

/// Runs the butterflies of the last layer and makes magnitudes of the real spectrum of what they give.
///
/// Columns q and 256 − q hold the bins q, 256 ± q, 512 ± q, 768 ± q and 1024 − q, which are four pairs k, 1024 − k: the
/// spectrum is never written. The upper one of each pair stays a square ([`SQUARES`]).
///
/// # Shapes
/// `work`: as [`first_layers`] leaves it. `out`: `[N_BINS]` vectors.
#[inline(always)]
pub(super) fn last_layer<S: Simd>(s: S, plan: &Plan, work: &[S::f64s], out: &mut [S::f64s]) {
    let factors: &[[Factor; 3]; BLOCK_POINTS] = plan.layers[2].first_chunk().expect("planned for 256 columns");
    let split: &[Factor; HALF / 2] = plan.split.first_chunk().expect("planned for 512 bins");
    let out: &mut [S::f64s; N_BINS] = out.first_chunk_mut().expect("as long as was asked for");
    let rows: [&[S::f64s]; 4] = std::array::from_fn(|r| &work[r * BLOCK..][..2 * BLOCK_POINTS]);
    // Column 0: bins 0, 512 and 1024 are no pairs, and nothing has halved them again.
    let z = column_of(s, rows, factors, 0);
    let (ends, zero) = (z[0].scaled(s, 2.0), s.splat_f64s(0.0));
    out[0] = Lanes::<S> { re: s.add_f64s(ends.re, ends.im), im: zero }.magnitude(s);
    out[1024] = Lanes::<S> { re: s.sub_f64s(ends.re, ends.im), im: zero }.magnitude(s);
    out[512] = z[2].scaled(s, 2.0).square(s);
    [out[256], out[768]] = pair(s, z[1], z[3], split[256]);
    // Column 128 is its own mirror image.
    let z = column_of(s, rows, factors, 128);
    [out[128], out[896]] = pair(s, z[0], z[3], split[128]);
    [out[384], out[640]] = pair(s, z[1], z[2], split[384]);
    for q in 1..128 {
        let (z, y) = (column_of(s, rows, factors, q), column_of(s, rows, factors, 256 - q));
        [out[q], out[1024 - q]] = pair(s, z[0], y[3], split[q]);
        [out[256 + q], out[768 - q]] = pair(s, z[1], y[2], split[256 + q]);
        [out[512 - q], out[512 + q]] = pair(s, y[1], z[2], split[512 - q]);
        [out[256 - q], out[768 + q]] = pair(s, y[0], z[3], split[256 - q]);
    }
}

#[inline(always)]
fn column_of<S: Simd>(s: S, rows: [&[S::f64s]; 4], factors: &[[Factor; 3]; BLOCK_POINTS], q: usize) -> [Lanes<S>; 4] {
    let at = 2 * q..2 * q + 2;
    column(s, [&rows[0][at.clone()], &rows[1][at.clone()], &rows[2][at.clone()], &rows[3][at]], &factors[q])
}

/// |X[k]| and |X[1024 − k]|² from the points k and 1024 − k of the complex transform, both halved.
///
/// Even samples are the real parts, odd ones the imaginary parts. With E and O their spectra, X[k] = E[k] + w^k O[k] and
/// X[1024 − k] is the conjugate of E[k] − w^k O[k].
#[inline(always)]
fn pair<S: Simd>(s: S, a: Lanes<S>, b: Lanes<S>, twiddle: Factor) -> [S::f64s; 2] {
    let even = Lanes::<S> { re: s.add_f64s(a.re, b.re), im: s.sub_f64s(a.im, b.im) };
    let odd = Lanes::<S> { re: s.sub_f64s(a.re, b.re), im: s.add_f64s(a.im, b.im) };
    let (re, im) = (s.splat_f64s(twiddle[0]), s.splat_f64s(twiddle[1]));
    let turned = Lanes {
        re: s.add_f64s(s.mul_f64s(re, odd.im), s.mul_f64s(im, odd.re)),
        im: s.sub_f64s(s.mul_f64s(im, odd.im), s.mul_f64s(re, odd.re)),
    };
    [even.plus(s, turned).magnitude(s), even.minus(s, turned).square(s)]
}
