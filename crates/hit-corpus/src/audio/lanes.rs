//! Four `f32` that are computed with side by side, as one number type of rustfft.
//!
//! rustfft's portable code, run over this type, transforms four signals at once: every operation is one vector
//! instruction on any machine, and each lane has the bits that the scalar transform of its signal has. rustfft's own
//! vector code is faster still, but its sums are ordered by the width of the machine's registers.

use core::ops::{Add, Div, Mul, Neg, Rem, Sub};

use rustfft::num_traits::{FromPrimitive, Num, One, Signed, Zero};

/// How many signals are computed with at once.
pub const LANES: usize = 4;

/// One number of each of [`LANES`] signals.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Lanes(pub [f32; LANES]);

impl Lanes {
    fn of(value: f32) -> Self {
        Self([value; LANES])
    }

    #[inline]
    fn map(self, f: impl Fn(f32) -> f32) -> Self {
        Self(self.0.map(f))
    }
}

macro_rules! lanewise {
    ($($name:ident $method:ident),*) => {
        $(impl $name for Lanes {
            type Output = Self;

            #[inline]
            fn $method(self, other: Self) -> Self {
                let mut out = self.0;
                for (left, right) in out.iter_mut().zip(other.0) {
                    *left = left.$method(right);
                }
                Self(out)
            }
        })*
    };
}

lanewise!(Add add, Sub sub, Mul mul, Div div, Rem rem);

impl Neg for Lanes {
    type Output = Self;

    #[inline]
    fn neg(self) -> Self {
        self.map(Neg::neg)
    }
}

impl Zero for Lanes {
    fn zero() -> Self {
        Self::of(0.0)
    }

    fn is_zero(&self) -> bool {
        *self == Self::zero()
    }
}

impl One for Lanes {
    fn one() -> Self {
        Self::of(1.0)
    }
}

impl Num for Lanes {
    type FromStrRadixErr = <f32 as Num>::FromStrRadixErr;

    fn from_str_radix(text: &str, radix: u32) -> Result<Self, Self::FromStrRadixErr> {
        <f32 as Num>::from_str_radix(text, radix).map(Self::of)
    }
}

impl Signed for Lanes {
    fn abs(&self) -> Self {
        self.map(f32::abs)
    }

    fn abs_sub(&self, other: &Self) -> Self {
        (*self - *other).map(|difference| difference.max(0.0))
    }

    fn signum(&self) -> Self {
        self.map(f32::signum)
    }

    fn is_positive(&self) -> bool {
        self.0.iter().all(|lane| lane.is_sign_positive())
    }

    fn is_negative(&self) -> bool {
        self.0.iter().all(|lane| lane.is_sign_negative())
    }
}

/// Constants of a transform: the same in every lane, rounded as a scalar transform rounds them.
impl FromPrimitive for Lanes {
    fn from_i64(value: i64) -> Option<Self> {
        Some(Self::of(value as f32))
    }

    fn from_u64(value: u64) -> Option<Self> {
        Some(Self::of(value as f32))
    }

    fn from_f32(value: f32) -> Option<Self> {
        Some(Self::of(value))
    }

    fn from_f64(value: f64) -> Option<Self> {
        Some(Self::of(value as f32))
    }
}

#[cfg(test)]
mod tests {
    use rustfft::FftDirection;
    use rustfft::num_complex::Complex;

    use super::*;
    use crate::audio::fft::plan;

    /// Each lane of a transform of four signals has the bits of the scalar transform of that signal: lengths of the
    /// resampler (4,704 and 2,560), powers of two, and a prime.
    #[test]
    fn lanes_have_the_bits_of_scalars() {
        for length in [4704, 2560, 1024, 640, 97] {
            let value = |lane: usize, n: usize| {
                let mixed = (n * 7919 + lane * 104_729).wrapping_mul(2_654_435_761) >> 8;
                Complex::new((mixed % 65_536) as f32 / 32_768.0 - 1.0, (mixed / 65_536 % 1000) as f32 / 1000.0)
            };
            let mut wide: Vec<_> = (0..length)
                .map(|n| {
                    let of = |f: fn(Complex<f32>) -> f32| Lanes(core::array::from_fn(|lane| f(value(lane, n))));
                    Complex::new(of(|z| z.re), of(|z| z.im))
                })
                .collect();
            plan::<Lanes>(length, FftDirection::Forward).process(&mut wide);
            for lane in 0..LANES {
                let mut narrow: Vec<_> = (0..length).map(|n| value(lane, n)).collect();
                plan::<f32>(length, FftDirection::Forward).process(&mut narrow);
                let same = |(wide, narrow): (&Complex<Lanes>, &Complex<f32>)| {
                    wide.re.0[lane].to_bits() == narrow.re.to_bits() && wide.im.0[lane].to_bits() == narrow.im.to_bits()
                };
                assert!(wide.iter().zip(&narrow).all(same), "length {length}, lane {lane}");
            }
        }
    }

    #[test]
    fn arithmetic_is_that_of_each_lane() {
        let (a, b) = (Lanes([1.5, -2.0, 0.0, 7.0]), Lanes([0.5, 4.0, -1.0, 2.0]));
        assert_eq!((a + b).0, [2.0, 2.0, -1.0, 9.0]);
        assert_eq!((a - b).0, [1.0, -6.0, 1.0, 5.0]);
        assert_eq!((a * b).0, [0.75, -8.0, -0.0, 14.0]);
        assert_eq!((a / b).0, [3.0, -0.5, -0.0, 3.5]);
        assert_eq!((a % b).0, [0.0, -2.0, 0.0, 1.0]);
        assert_eq!((-a).0, [-1.5, 2.0, -0.0, -7.0]);
        assert_eq!((a.abs().0, a.signum().0[1]), ([1.5, 2.0, 0.0, 7.0], -1.0));
        assert_eq!(a.abs_sub(&b).0, [1.0, 0.0, 1.0, 5.0]);
        assert!(Lanes::zero().is_zero() && !Lanes::one().is_zero() && Lanes::one().is_positive());
        assert!((-Lanes::one()).is_negative() && !a.is_negative());
        let four = [Lanes::from_i64(4), Lanes::from_u64(4), Lanes::from_f32(4.0), Lanes::from_str_radix("4", 10).ok()];
        assert!(four.iter().all(|lanes| *lanes == Lanes::from_f64(4.0)));
    }
}
