//! Quantiles, shares and power against scipy and statsmodels.

use proptest::prelude::*;
use serde::Deserialize;

use crate::{detectable_shift, normal_cdf, normal_quantile, t_power, t_quantile, wilson};

/// `tests/golden/power.py` writes it.
#[derive(Deserialize)]
struct Golden {
    /// z, its distribution function.
    normal: Vec<(f64, f64)>,
    /// p, df (none: infinitely many), quantile.
    t: Vec<(f64, Option<f64>, f64)>,
    /// Hits, cases, level, low, high.
    wilson: Vec<(u64, u64, f64, f64, f64)>,
    /// Shift, df, level, power.
    power: Vec<(f64, Option<f64>, f64, f64)>,
    /// Cases a side, Cohen's d, power of the two-sided test; statsmodels.
    two_samples: Vec<(u64, f64, f64)>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/power.json"))).unwrap()
}

fn df(df: Option<f64>) -> f64 {
    df.unwrap_or(f64::INFINITY)
}

/// 1e-9 absolute: two implementations of the error function and the incomplete beta function.
#[test]
fn distributions_agree_with_scipy() {
    for (z, p) in golden().normal {
        assert!((normal_cdf(z) - p).abs() < 1e-12, "{z}");
        assert!((normal_quantile(p).unwrap() - z).abs() < 1e-9, "{z}");
    }
    for (p, n, t) in golden().t {
        let ours = t_quantile(p, df(n)).unwrap();
        assert!((ours - t).abs() < 1e-8 * t.abs().max(1.0), "t of {p} with {n:?}: {ours} and {t}");
    }
}

#[test]
fn intervals_of_shares_agree_with_statsmodels() {
    for (hits, n, level, low, high) in golden().wilson {
        let ours = wilson(hits as f64 / n as f64, n, level).unwrap();
        assert!((ours.0 - low).abs() < 1e-9 && (ours.1 - high).abs() < 1e-9, "{hits} of {n}: {ours:?}");
    }
}

/// 1e-8 absolute: scipy's noncentral t is exact to about ten digits, our integral to nine.
#[test]
fn power_agrees_with_scipy() {
    for (shift, n, level, power) in golden().power {
        let ours = t_power(shift, df(n), level).unwrap();
        assert!((ours - power).abs() < 1e-8, "{shift} with {n:?} at {level}: {ours} and {power}");
    }
}

/// Two samples of equal number: the shift is d·sqrt(n/2) and there are 2n − 2 degrees of freedom. Theirs counts the
/// wrong side too, which is what falls below the other critical value.
#[test]
fn power_of_two_samples_agrees_with_statsmodels() {
    for (n, d, power) in golden().two_samples {
        let (shift, df) = (d * (n as f64 / 2.0).sqrt(), (2 * n - 2) as f64);
        let ours = t_power(shift, df, 0.95).unwrap() + t_power(-shift, df, 0.95).unwrap();
        assert!((ours - power).abs() < 1e-6, "{n} a side, d {d}: {ours} and {power}");
    }
}

#[test]
fn nonsense_has_no_quantile_and_no_power() {
    for p in [0.0, 1.0, -1.0, f64::NAN] {
        assert!(normal_quantile(p).is_err() && t_power(1.0, 5.0, p).is_err() && wilson(0.5, 10, p).is_err());
        assert!(detectable_shift(p, 5.0, 0.95).is_err());
    }
    assert!(t_quantile(0.9, 0.0).unwrap_err().to_string().contains("degrees of freedom"));
    assert!(t_power(1.0, f64::NAN, 0.95).is_err());
    assert!(wilson(0.5, 0, 0.95).unwrap_err().to_string().contains("at least 1 cases"));
    assert!(wilson(1.5, 10, 0.95).unwrap_err().to_string().contains("a share is 1.5"));
    assert_eq!(t_quantile(0.5, 3.0).unwrap(), 0.0);
    assert!(detectable_shift(0.01, 5.0, 0.95).unwrap() < 1e-9, "found so often without an effect");
}

proptest! {
    /// The effect that is found with some probability is found with that probability.
    #[test]
    fn the_detectable_effect_has_its_power(power in 0.15f64..0.99, n in 2.0f64..60.0, level in 0.8f64..0.99) {
        for df in [n, f64::INFINITY] {
            let shift = detectable_shift(power, df, level).unwrap();
            prop_assert!((t_power(shift, df, level).unwrap() - power).abs() < 1e-7);
        }
    }

    /// The interval of a share contains it, shrinks with more cases and mirrors.
    #[test]
    fn intervals_of_shares_are_sane(hits in 0u64..50, more in 0u64..50) {
        let n = (hits + more).max(1);
        let share = (hits as f64 / n as f64).min(1.0);
        let (low, high) = wilson(share, n, 0.95).unwrap();
        prop_assert!(0.0 <= low && low <= share + 1e-12 && share <= high + 1e-12 && high <= 1.0);
        let (narrow_low, narrow_high) = wilson(share, 4 * n, 0.95).unwrap();
        prop_assert!(narrow_high - narrow_low < high - low);
        let mirror = wilson(1.0 - share, n, 0.95).unwrap();
        prop_assert!((mirror.0 - (1.0 - high)).abs() < 1e-9);
    }
}
