//! The transform in lanes: rustfft's scalar plan for 1,024 points, operation by operation, and the real spectrum of it.
//!
//! No product and sum are fused, and none change places, so each lane has the bits of the plan. What is left out cannot
//! be told from what is there: turning by 90° exchanges parts, and a factor of 1/2 is moved (see [`Plan`]).

use pulp::Simd;

use super::plan::{BASE, BLOCK, BLOCK_POINTS, Factor, Plan, TILE_QUARTER, first_point};
use super::{HALF, N_BINS, OVERLAP};

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

    /// Square root of re² + im².
    #[inline(always)]
    fn magnitude(self, s: S) -> S::f64s {
        s.sqrt_f64s(s.add_f64s(s.mul_f64s(self.re, self.re), s.mul_f64s(self.im, self.im)))
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
fn eight<S: Simd>(s: S, z: [Lanes<S>; 8], root: f64) -> [Lanes<S>; 8] {
    let even = four(s, [z[0], z[2], z[4], z[6]]);
    let odd = four(s, [z[1], z[3], z[5], z[7]]);
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
fn sixteen<S: Simd>(s: S, plan: &Plan, z: [Lanes<S>; BASE]) -> [Lanes<S>; BASE] {
    let even = eight(s, [z[0], z[2], z[4], z[6], z[8], z[10], z[12], z[14]], plan.root);
    let mut ahead = four(s, [z[1], z[5], z[9], z[13]]);
    let mut behind = four(s, [z[15], z[3], z[7], z[11]]);
    for (i, &factor) in plan.base.iter().enumerate() {
        ahead[i + 1] = ahead[i + 1].times(s, factor);
        behind[i + 1] = behind[i + 1].times_conjugate(s, factor);
    }
    let mut out = z;
    for i in 0..4 {
        let (sum, difference) = (ahead[i].plus(s, behind[i]), ahead[i].minus(s, behind[i]));
        out[i] = even[i].plus(s, sum);
        out[i + 4] = even[i + 4].plus_turned(s, difference);
        out[i + 8] = even[i].minus(s, sum);
        out[i + 12] = even[i + 4].minus_turned(s, difference);
    }
    out
}

/// Windows the samples and runs all butterflies but those of the last layer.
///
/// # Shapes
/// `tiles`: the rows of the frames, `[TILE]` vectors each. `work`: `[4 · BLOCK]`, all of it written but the padding.
#[inline(always)]
pub(super) fn first_layers<S: Simd>(s: S, plan: &Plan, tiles: [&[S::f64s]; OVERLAP], work: &mut [S::f64s]) {
    let [to_64, to_256, _] = &plan.layers;
    let mut base = plan.window.iter().enumerate();
    for block in work.chunks_exact_mut(BLOCK) {
        let block = &mut block[..2 * BLOCK_POINTS];
        for part in block.chunks_exact_mut(2 * 64) {
            for (out, (b, window)) in part.chunks_exact_mut(2 * BASE).zip(&mut base) {
                let z = sixteen(s, plan, windowed(s, first_point(b), window, tiles));
                out.chunks_exact_mut(2).zip(z).for_each(|(to, z)| z.store(to));
            }
            layer(s, to_64, part);
        }
        layer(s, to_256, block);
    }
}

/// What a base butterfly reads: every 64th pair of samples, times the window.
#[inline(always)]
fn windowed<S: Simd>(s: S, point: usize, window: &[Factor; BASE], tiles: [&[S::f64s]; OVERLAP]) -> [Lanes<S>; BASE] {
    std::array::from_fn(|j| {
        let at = j % 4 * TILE_QUARTER + 2 * point;
        let samples = &tiles[j / 4][at..at + 2];
        let (re, im) = (s.splat_f64s(window[j][0]), s.splat_f64s(window[j][1]));
        Lanes { re: s.mul_f64s(samples[0], re), im: s.mul_f64s(samples[1], im) }
    })
}

/// One layer: four spectra, one after the other in `data`, become one.
#[inline(always)]
fn layer<S: Simd>(s: S, factors: &[[Factor; 3]], data: &mut [S::f64s]) {
    let (first, rest) = data.split_at_mut(2 * factors.len());
    let (second, rest) = rest.split_at_mut(2 * factors.len());
    let (third, fourth) = rest.split_at_mut(2 * factors.len());
    let lower = first.chunks_exact_mut(2).zip(second.chunks_exact_mut(2));
    let upper = third.chunks_exact_mut(2).zip(fourth.chunks_exact_mut(2));
    for (((a, b), (c, d)), factors) in lower.zip(upper).zip(factors) {
        let z = column(s, [a, b, c, d], factors);
        z[0].store(a);
        z[1].store(b);
        z[2].store(c);
        z[3].store(d);
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
/// spectrum is never written.
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
    out[512] = z[2].scaled(s, 2.0).magnitude(s);
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

/// |X[k]| and |X[1024 − k]| from the points k and 1024 − k of the complex transform, both halved.
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
    [even.plus(s, turned).magnitude(s), even.minus(s, turned).magnitude(s)]
}
