//! Quantiles, intervals of shares, and what a test of given size can find.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};
use statrs::function::gamma::ln_gamma;

use crate::Error;

/// Steps of the integral over the spread of a sample.
const STEPS: usize = 1_000;

/// Probability that a standard normal variable is at most `z`.
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z / std::f64::consts::SQRT_2)
}

/// Quantile of the standard normal distribution.
///
/// # Errors
/// [`Error::Value`] if `p` is not between 0 and 1.
pub fn normal_quantile(p: f64) -> Result<f64, Error> {
    check_share("the probability of a quantile", p)?;
    Ok(Normal::standard().inverse_cdf(p))
}

/// Quantile of Student's t; of the normal distribution for infinitely many degrees of freedom.
///
/// # Errors
/// [`Error::Value`] if `p` is not between 0 and 1 or `df` not positive.
pub fn t_quantile(p: f64, df: f64) -> Result<f64, Error> {
    let normal = normal_quantile(p)?;
    if df == f64::INFINITY {
        return Ok(normal);
    }
    let distribution = StudentsT::new(0.0, 1.0, df).map_err(|_| Error::Value {
        what: "the number of degrees of freedom".to_owned(),
        value: df,
        expected: "a positive number",
    })?;
    // The tail is searched by its distribution function, which is exact to the last digits; p and 1 − p mirror.
    let tail = p.min(1.0 - p);
    if tail == 0.5 {
        return Ok(0.0);
    }
    let upper = bisect(|t| tail - distribution.sf(t));
    Ok(if p > 0.5 { upper } else { -upper })
}

/// Interval of a share of `n` independent cases (Wilson 1927): never outside 0..=1, and sensible at both ends.
///
/// # Shapes and units
/// `share` in 0..=1, and so are the two ends that are returned.
/// # Errors
/// [`Error::TooFew`] without cases, [`Error::Value`] for a share outside 0..=1 or a level outside 0..1.
pub fn wilson(share: f64, n: u64, level: f64) -> Result<(f64, f64), Error> {
    check_share("the level of an interval", level)?;
    if n == 0 {
        return Err(Error::TooFew { statistic: "the interval of a share", needed: 1, unit: "cases", found: 0 });
    }
    if !(0.0..=1.0).contains(&share) {
        return Err(Error::Value { what: "a share".to_owned(), value: share, expected: "0 to 1" });
    }
    let (z, n) = (normal_quantile(f64::midpoint(1.0, level))?, n as f64);
    let scale = 1.0 + z * z / n;
    let centre = (share + z * z / (2.0 * n)) / scale;
    let half = z / scale * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    Ok(((centre - half).max(0.0), (centre + half).min(1.0)))
}

/// Probability that an interval of `level` lies wholly above zero, if the true effect is `shift` standard errors above
/// it and the standard error is itself estimated with `df` degrees of freedom: the upper tail of the noncentral t.
///
/// # Errors
/// [`Error::Value`] for a level outside 0..1 or `df` not positive.
pub fn t_power(shift: f64, df: f64, level: f64) -> Result<f64, Error> {
    Ok(tail(shift, df, critical(df, level)?))
}

fn critical(df: f64, level: f64) -> Result<f64, Error> {
    check_share("the level of a test", level)?;
    t_quantile(f64::midpoint(1.0, level), df)
}

/// Upper tail of the noncentral t.
fn tail(shift: f64, df: f64, critical: f64) -> f64 {
    if df == f64::INFINITY {
        return normal_cdf(shift - critical);
    }
    // T = (Z + shift) / s with df·s² chi-squared, so P(T > critical) is the mean of Φ(shift − critical·s) over s. Over
    // the logarithm of s the density is smooth and falls off at both ends, where the trapezoid rule is at its best.
    let reach = 12.0 / (2.0 * df).sqrt();
    let low = if reach < 0.9 { libm::log(1.0 - reach) } else { -45.0 / df };
    let step = (libm::log(1.0 + reach) - low) / STEPS as f64;
    let ln_scale = std::f64::consts::LN_2 + 0.5 * df * libm::log(0.5 * df) - ln_gamma(0.5 * df);
    let at = |i: usize| {
        let ln_s = low + step * i as f64;
        let s = libm::exp(ln_s);
        libm::exp(ln_scale + df * ln_s - 0.5 * df * s * s) * normal_cdf(shift - critical * s)
    };
    ((0..=STEPS).map(at).sum::<f64>() * step).clamp(0.0, 1.0)
}

/// The effect, in standard errors, that an interval of `level` shows with probability `power`: the inverse of
/// [`t_power`]; 0 where that probability is reached without any effect.
///
/// # Errors
/// Those of [`t_power`]; [`Error::Value`] for a power outside 0..1.
pub fn detectable_shift(power: f64, df: f64, level: f64) -> Result<f64, Error> {
    check_share("the power of a test", power)?;
    let critical = critical(df, level)?;
    Ok(bisect(|shift| tail(shift, df, critical) - power))
}

fn check_share(what: &str, value: f64) -> Result<(), Error> {
    if value > 0.0 && value < 1.0 {
        return Ok(());
    }
    Err(Error::Value { what: what.to_owned(), value, expected: "a number between 0 and 1" })
}

/// Where a rising function of a positive number passes zero; zero if it is above it from the start.
fn bisect(rises: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while rises(high) < 0.0 && high < 1e12 {
        (low, high) = (high, 2.0 * high);
    }
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if rises(middle) < 0.0 { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}
