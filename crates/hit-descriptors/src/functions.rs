//! exp and ln of many numbers, with the bits of libm.
//!
//! libm's functions branch, so they take one number at a time. Here are its operations in its order, without a branch:
//! where the compiler may use vectors, it does. They are for the arguments that descriptors have, not for all; each
//! function says for which.

use std::f64::consts::LOG2_E;

/// ln 2, the leading part: products with whole numbers below 2,000 are exact.
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
/// ln 2, the rest.
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// Replaces every number by its natural logarithm; numbers that are infinite get an arbitrary value.
///
/// The numbers are 1 or more, as products of 1 + |X| are. The bits are those of [`libm::log`].
#[inline(always)]
pub(crate) fn ln_all(numbers: &mut [f64]) {
    for x in numbers {
        *x = ln(*x);
    }
}

/// Replaces every number by its exponential, or by 0 below −700, where it is less than 1e-304.
///
/// The numbers lie in −1,250..=0. From −700 on the bits are those of [`libm::exp`].
#[inline(always)]
pub(crate) fn exp_all(numbers: &mut [f64]) {
    for x in numbers {
        *x = exp(*x);
    }
}

/// 2⁵²: added to a whole number below it, it leaves that number in the low bits of the sum.
const WHOLE: f64 = (1_u64 << 52) as f64;

/// Bits of a mantissa.
const MANTISSA: u64 = (1 << 52) - 1;

/// x = 2^k · (1 + f) with 1 + f between √½ and √2, then a polynomial in f/(2 + f).
#[inline(always)]
fn ln(x: f64) -> f64 {
    /// Upper half of the bits of √½, and how far it lies below 1.
    const ROOT: u64 = 0x3fe6_a09e << 32;
    const BELOW_ONE: u64 = (0x3ff0_0000 << 32) - ROOT;
    const ODD: [f64; 4] =
        [6.666_666_666_666_735e-1, 2.857_142_874_366_239e-1, 1.818_357_216_161_805e-1, 1.479_819_860_511_658_6e-1];
    const EVEN: [f64; 3] = [3.999_999_999_940_942e-1, 2.222_219_843_214_978_4e-1, 1.531_383_769_920_937_3e-1];
    let bits = x.to_bits() + BELOW_ONE;
    let k = f64::from_bits(WHOLE.to_bits() | (bits >> 52)) - (WHOLE + 1023.0);
    let f = f64::from_bits((bits & MANTISSA) + ROOT) - 1.0;
    let half_square = 0.5 * f * f;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let even = w * (EVEN[0] + w * (EVEN[1] + w * EVEN[2]));
    let odd = z * (ODD[0] + w * (ODD[1] + w * (ODD[2] + w * ODD[3])));
    let r = odd + even;
    s * (half_square + r) + k * LN2_LOW - half_square + f + k * LN2_HIGH
}

/// x = k·ln 2 + r with |r| up to half of ln 2, a rational function of r, times 2^k.
#[inline(always)]
fn exp(x: f64) -> f64 {
    const P: [f64; 5] = [
        1.666_666_666_666_660_2e-1,
        -2.777_777_777_701_559_3e-3,
        6.613_756_321_437_934e-5,
        -1.653_390_220_546_525_2e-6,
        4.138_136_797_057_238_5e-8,
    ];
    /// From here on k is not 0: half of ln 2, by the upper half of the bits.
    const REDUCED: f64 = f64::from_bits(0x3fd6_2e43 << 32);
    /// Below this 1 + x is exact enough: about 2⁻²⁸.
    const TINY: f64 = f64::from_bits(0x3e30_0001 << 32);
    /// Down to here 2^k is a normal number, and so is the result.
    const NORMAL: f64 = -700.0;
    let k = if -x >= REDUCED { (LOG2_E * x - 0.5).trunc() } else { 0.0 };
    let high = x - k * LN2_HIGH;
    let low = k * LN2_LOW;
    let r = high - low;
    let square = r * r;
    let c = r - square * (P[0] + square * (P[1] + square * (P[2] + square * (P[3] + square * P[4]))));
    let y = 1.0 + (r * c / (2.0 - c) - low + high);
    let y = if -x >= TINY { y } else { 1.0 + x };
    if x >= NORMAL { y * power_of_two(k) } else { 0.0 }
}

/// 2^k for whole k in −1,022..=1,023.
#[inline(always)]
fn power_of_two(k: f64) -> f64 {
    f64::from_bits((k + (WHOLE + 1023.0)).to_bits() << 52)
}
