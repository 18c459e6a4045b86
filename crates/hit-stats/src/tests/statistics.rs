//! Tests, effects, corrections, intervals.

use proptest::prelude::*;
use serde::Deserialize;

use crate::{Bootstrap, Error, Moments, Summary, cohen_d, grouped, hedges_g, holm, quantile, welch};

/// `tests/golden/stats.py` writes it.
#[derive(Deserialize)]
struct Golden {
    pairs: Vec<Pair>,
    values: Vec<f64>,
    qs: Vec<f64>,
    quantiles: Vec<f64>,
    p: Vec<f64>,
    holm: Vec<f64>,
}

#[derive(Deserialize)]
struct Pair {
    a: Vec<f64>,
    b: Vec<f64>,
    t: f64,
    df: f64,
    p: f64,
    d: f64,
    g: f64,
    mean: f64,
    sd: f64,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/stats.json"))).unwrap()
}

fn moments(values: &[f64]) -> Moments {
    Summary::of(values).unwrap().moments().unwrap()
}

fn near(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * b.abs().max(1e-300)
}

fn plan(resamples: usize, seed: u8) -> Bootstrap {
    Bootstrap { resamples, level: 0.95, seed: [seed; 32] }
}

/// Spec 11: the printed means and deviations of Table 12, d4a4 84.0 ± 2.7 against D0 75.2 ± 2.3, five seeds each.
#[test]
fn the_printed_replication_gives_the_printed_test() {
    let (guided, plain) = (Moments { n: 5, mean: 84.0, sd: 2.7 }, Moments { n: 5, mean: 75.2, sd: 2.3 });
    let test = welch(&guided, &plain).unwrap();
    assert!((test.t - 5.548).abs() < 5e-4, "{test:?}");
    assert!((test.df - 7.80).abs() < 5e-3, "{test:?}");
    assert!((test.p - 5.9e-4).abs() < 5e-6, "{test:?}");
    assert!((cohen_d(&guided, &plain).unwrap() - 3.509).abs() < 5e-4);
    assert!((hedges_g(&guided, &plain).unwrap() - 3.1674).abs() < 5e-4);
}

/// 1e-9 relative: p comes from two implementations of the incomplete beta function.
#[test]
fn tests_and_effects_agree_with_scipy() {
    for pair in golden().pairs {
        let (a, b) = (moments(&pair.a), moments(&pair.b));
        assert!(near(a.mean, pair.mean, 1e-14) && (a.sd - pair.sd).abs() <= 1e-14 * a.mean.abs());
        let test = welch(&a, &b).unwrap();
        assert!(near(test.t, pair.t, 1e-9) && near(test.df, pair.df, 1e-9), "{test:?} for {:?}", pair.a);
        assert!(near(test.p, pair.p, 1e-8), "{} and {}", test.p, pair.p);
        assert!(near(cohen_d(&a, &b).unwrap(), pair.d, 1e-9));
        assert!(near(hedges_g(&a, &b).unwrap(), pair.g, 1e-9));
    }
}

#[test]
fn quantiles_agree_with_numpy() {
    let golden = golden();
    for (q, expected) in golden.qs.iter().zip(&golden.quantiles) {
        assert!((quantile(&golden.values, *q) - expected).abs() < 1e-12, "{q}");
    }
    assert_eq!(quantile(&[3.0], 0.3), 3.0);
}

#[test]
fn holm_agrees_with_its_definition() {
    let golden = golden();
    for (ours, theirs) in holm(&golden.p).unwrap().iter().zip(&golden.holm) {
        assert!((ours - theirs).abs() < 1e-15);
    }
    assert_eq!(holm(&[]).unwrap(), Vec::<f64>::new());
    assert_eq!(holm(&[0.3]).unwrap(), [0.3]);
    assert!(holm(&[0.3, 1.1]).unwrap_err().to_string().contains("p of test 1 is 1.1"));
    assert!(holm(&[f64::NAN]).is_err());
}

#[test]
fn a_summary_knows_its_sample() {
    let summary = Summary::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
    assert_eq!((summary.n, summary.mean, summary.min, summary.max), (8, 5.0, 2.0, 9.0));
    assert!((summary.sd.unwrap() - (32.0f64 / 7.0).sqrt()).abs() < 1e-15);
    let single = Summary::of(&[3.5]).unwrap();
    assert_eq!((single.mean, single.sd, single.min, single.max), (3.5, None, 3.5, 3.5));
    assert!(matches!(single.moments(), Err(Error::TooFew { needed: 2, found: 1, .. })));
    assert!(matches!(Summary::of(&[]), Err(Error::TooFew { needed: 1, .. })));
    assert!(Summary::of(&[1.0, f64::NAN]).unwrap_err().to_string().contains("value 1 is NaN"));
}

#[test]
fn samples_without_spread_have_no_test() {
    let flat = moments(&[2.0, 2.0, 2.0]);
    assert!(matches!(welch(&flat, &flat), Err(Error::NoSpread { .. })));
    assert!(matches!(cohen_d(&flat, &flat), Err(Error::NoSpread { .. })));
    let single = Moments { n: 1, mean: 2.0, sd: 0.0 };
    assert!(matches!(welch(&single, &flat), Err(Error::TooFew { .. })));
    // One flat side is no obstacle.
    assert!(welch(&flat, &moments(&[1.0, 2.0, 4.0])).unwrap().p > 0.1);
}

/// Many independent groups of one query each: the interval of a share is close to the binomial one.
#[test]
fn the_bootstrap_of_independent_groups_is_the_textbook_interval() {
    let (n, hits) = (400, 120);
    let groups: Vec<_> = (0..n).map(|i| vec![f64::from(u8::from(i < hits)), 1.0]).collect();
    let (low, high) = grouped(&groups, &plan(4_000, 1), |t| t[0] / t[1]).unwrap();
    let half = 1.96 * (0.3f64 * 0.7 / f64::from(n)).sqrt();
    assert!((low - (0.3 - half)).abs() < 0.006 && (high - (0.3 + half)).abs() < 0.006, "{low}..{high}");
}

/// Queries of a performance that succeed or fail together carry less: the interval is as wide as ten groups make it.
#[test]
fn dependence_within_groups_widens_the_interval() {
    let queries = |together: usize| -> Vec<Vec<f64>> {
        let groups = 400 / together;
        (0..groups).map(|g| vec![if g % 2 == 0 { together as f64 } else { 0.0 }, together as f64]).collect()
    };
    let width = |groups: &[Vec<f64>]| {
        let (low, high) = grouped(groups, &plan(3_000, 2), |t| t[0] / t[1]).unwrap();
        high - low
    };
    assert!(width(&queries(40)) > 4.0 * width(&queries(1)));
}

/// A constant difference between two sides has no uncertainty, however much both vary between groups.
#[test]
fn paired_differences_cancel_what_both_share() {
    let groups: Vec<_> = (0..30).map(|g| vec![f64::from(g % 7) + 2.0, f64::from(g % 7), 1.0]).collect();
    let (low, high) = grouped(&groups, &plan(500, 3), |t| (t[0] - t[1]) / t[2]).unwrap();
    assert!((low - 2.0).abs() < 1e-12 && (high - 2.0).abs() < 1e-12, "{low}..{high}");
}

#[test]
fn intervals_are_refused_where_they_mean_nothing() {
    let one = |t: &[f64]| t[0];
    let groups = vec![vec![1.0], vec![2.0]];
    assert!(matches!(grouped(&groups[..1], &plan(10, 0), one), Err(Error::TooFew { needed: 2, .. })));
    assert!(matches!(grouped(&groups, &plan(0, 0), one), Err(Error::TooFew { .. })));
    for level in [0.0, 1.0, -0.5, f64::NAN] {
        assert!(grouped(&groups, &Bootstrap { level, ..plan(10, 0) }, one).is_err(), "{level}");
    }
    let ragged = grouped(&[vec![1.0], vec![1.0, 2.0]], &plan(10, 0), one).unwrap_err();
    assert!(ragged.to_string().contains("group 1 has 2 totals, the first has 1"), "{ragged}");
    assert!(grouped(&groups, &plan(10, 0), |_| f64::NAN).unwrap_err().to_string().contains("finite"));
}

/// The stream of a seed is part of the results: a new generator would move published intervals.
#[test]
fn a_seed_gives_the_same_interval_for_ever() {
    let groups: Vec<_> = (0..20).map(|g| vec![f64::from(g * g % 17), 1.0]).collect();
    let interval = |seed| grouped(&groups, &plan(200, seed), |t| t[0] / t[1]).unwrap();
    let (low, high) = interval(7);
    assert!((low - 3.9975).abs() < 1e-12 && (high - 9.60125).abs() < 1e-12, "{low}..{high}");
    assert_ne!(interval(7), interval(8));
}

fn sample() -> impl Strategy<Value = Vec<f64>> {
    proptest::collection::vec(-100.0f64..100.0, 2..12)
}

proptest! {
    #[test]
    fn welch_is_antisymmetric_and_ignores_shift_and_scale(a in sample(), b in sample(), shift in -50.0f64..50.0,
                                                          scale in 0.5f64..20.0) {
        let (x, y) = (moments(&a), moments(&b));
        prop_assume!(x.sd > 1.0 && y.sd > 1.0);
        let (forth, back) = (welch(&x, &y).unwrap(), welch(&y, &x).unwrap());
        prop_assert_eq!((forth.t, forth.p), (-back.t, back.p));
        prop_assert!((forth.df - back.df).abs() < 1e-9);
        prop_assert!((0.0..=1.0).contains(&forth.p));
        let least = a.len().min(b.len()) as f64 - 1.0;
        prop_assert!(least - 1e-9 <= forth.df && forth.df <= (a.len() + b.len()) as f64 - 2.0 + 1e-9);
        let moved = |values: &[f64]| moments(&values.iter().map(|v| v * scale + shift).collect::<Vec<_>>());
        let other = welch(&moved(&a), &moved(&b)).unwrap();
        prop_assert!((other.t - forth.t).abs() < 1e-6 && (other.p - forth.p).abs() < 1e-6);
        prop_assert!((cohen_d(&moved(&a), &moved(&b)).unwrap() - cohen_d(&x, &y).unwrap()).abs() < 1e-6);
        if a.len() + b.len() >= 4 {
            let (d, g) = (cohen_d(&x, &y).unwrap(), hedges_g(&x, &y).unwrap());
            prop_assert!(g.abs() <= d.abs() && (d == 0.0 || g / d > 0.5), "{g} of {d}");
        }
    }

    /// The interval does not depend on the statistic's location, and holds the estimate of symmetric data.
    #[test]
    fn intervals_move_with_their_statistic(half in proptest::collection::vec(0.1f64..10.0, 6..20), shift in -5.0f64..5.0) {
        let groups: Vec<_> = half.iter().flat_map(|v| [vec![*v, 1.0], vec![-*v, 1.0]]).collect();
        let (low, high) = grouped(&groups, &plan(300, 5), |t| t[0] / t[1]).unwrap();
        prop_assert!(low <= 0.0 && 0.0 <= high, "{low}..{high}");
        let moved = grouped(&groups, &plan(300, 5), |t| t[0] / t[1] + shift).unwrap();
        prop_assert!((moved.0 - low - shift).abs() < 1e-9 && (moved.1 - high - shift).abs() < 1e-9);
        let narrow = grouped(&groups, &Bootstrap { level: 0.5, ..plan(300, 5) }, |t| t[0] / t[1]).unwrap();
        prop_assert!(low <= narrow.0 && narrow.1 <= high);
    }

    /// Adjusted p are no smaller, keep the order, and do not depend on the order given.
    #[test]
    fn holm_keeps_order(p in proptest::collection::vec(0.0f64..=1.0, 1..12)) {
        let adjusted = holm(&p).unwrap();
        for i in 0..p.len() {
            prop_assert!(p[i] <= adjusted[i] && adjusted[i] <= 1.0);
            for j in 0..p.len() {
                prop_assert!(p[i] > p[j] || adjusted[i] <= adjusted[j]);
            }
        }
        let reversed: Vec<_> = p.iter().rev().copied().collect();
        let back: Vec<_> = holm(&reversed).unwrap().into_iter().rev().collect();
        prop_assert_eq!(back, adjusted);
    }
}
