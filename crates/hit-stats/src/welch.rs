//! Welch's test of two means.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::{Error, Moments};

/// Outcome of Welch's test.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Welch {
    /// Difference of means over its standard error.
    pub t: f64,
    /// Welch–Satterthwaite degrees of freedom.
    pub df: f64,
    /// Two-sided p.
    pub p: f64,
}

/// Welch's t-test of `a` against `b`, variances not assumed equal (§5.9; spec 11).
///
/// # Errors
/// [`Error::TooFew`] with fewer than two values on a side, [`Error::NoSpread`] if neither side has any.
pub fn welch(a: &Moments, b: &Moments) -> Result<Welch, Error> {
    for side in [a, b] {
        if side.n < 2 {
            return Err(Error::TooFew { statistic: "Welch's t", needed: 2, unit: "values a side", found: side.n });
        }
    }
    let share = |side: &Moments| side.sd * side.sd / side.n as f64;
    let (share_a, share_b) = (share(a), share(b));
    let squared_error = share_a + share_b;
    if squared_error <= 0.0 {
        return Err(Error::NoSpread { statistic: "Welch's t" });
    }
    let t = (a.mean - b.mean) / squared_error.sqrt();
    let part = |share: f64, n: usize| (share / squared_error) * (share / squared_error) / (n - 1) as f64;
    let df = 1.0 / (part(share_a, a.n) + part(share_b, b.n));
    let students_t = StudentsT::new(0.0, 1.0, df).map_err(|_| Error::Value {
        what: "the number of degrees of freedom".to_owned(),
        value: df,
        expected: "a positive number",
    })?;
    Ok(Welch { t, df, p: (2.0 * students_t.sf(t.abs())).min(1.0) })
}
