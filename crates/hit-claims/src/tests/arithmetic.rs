//! Values made of others, their errors, and published paths.

use proptest::prelude::*;

use hit_stats::Measurement;

use super::{SMALL, judge, row};
use crate::estimate::{Estimate, Noise, design_effect, of_share};
use crate::{Error, Published};

const LEVEL: f64 = 0.95;

fn spread(value: f64, half: f64) -> Estimate {
    Estimate { noise: Noise::Interval(value - half, value + half), ..Estimate::exact(value) }
}

/// What a term is for rows `a` 12 ± 1 and `b` 4 ± 1 (percent).
fn value(term: &str) -> (f64, Option<(f64, f64)>, String) {
    let rows = [row("t/a/c/s", 12.0, Some((11.0, 13.0))), row("t/b/c/s", 4.0, Some((3.0, 5.0)))];
    let a = r#"{ stage = "t", arm = "a", condition = "c", metric = "s" }"#;
    let b = r#"{ stage = "t", arm = "b", condition = "c", metric = "s" }"#;
    let term = term.replace('A', a).replace('B', b);
    let ours = judge(&format!("of = {term}\nabove = -1e6"), &rows).ours.unwrap();
    (ours.value, ours.interval, ours.unit)
}

#[test]
fn terms_compute_what_they_say() {
    for (term, expected, unit) in [
        ("{ difference = [A, B] }", 8.0, "pp"),
        ("{ ratio = [A, B] }", 3.0, ""),
        ("{ percent = [B, A] }", 100.0 / 3.0, "%"),
        ("{ product = [A, B, 2] }", 96.0, ""),
        ("{ mean = [A, B] }", 8.0, "%"),
        ("{ sum = [A, B, { known = \"chance\" }] }", 19.9, "%"),
        ("{ min = [A, B] }", 4.0, "%"),
        ("{ max = [A, B] }", 12.0, "%"),
        ("{ published = \"list.curve[1][0]\" }", 2.0, ""),
        ("{ observed = \"a4.mean\" }", 1e-9, ""),
    ] {
        let (value, _, found) = value(term);
        assert!((value - expected).abs() < 1e-12, "{term} is {value}");
        assert_eq!(found, unit, "{term}");
    }
}

/// Half widths by the formulas of the textbook: squares add, a ratio has the relative errors of both. Means and sums are of
/// values that err alike: their errors add.
#[test]
fn errors_propagate() {
    let half = |term: &str| {
        let (_, interval, _) = value(term);
        let (low, high) = interval.unwrap();
        (high - low) / 2.0
    };
    assert!((half("{ difference = [A, B] }") - 2f64.sqrt()).abs() < 1e-9);
    assert!((half("{ mean = [A, B] }") - 1.0).abs() < 1e-9);
    assert!((half("{ sum = [A, B, A] }") - 3.0).abs() < 1e-9);
    assert!((half("{ percent = [{ mean = [A, A] }, B] }") - 300.0 * (1f64 / 144.0 + 1.0 / 16.0).sqrt()).abs() < 1e-7);
    assert!((half("{ ratio = [A, B] }") - 3.0 * ((1f64 / 12.0).powi(2) + (1f64 / 4.0).powi(2)).sqrt()).abs() < 1e-9);
    assert!((half("{ product = [A, B] }") - (16f64 + 144.0).sqrt()).abs() < 1e-9);
    assert!((half("{ difference = [A, 5] }") - 1.0).abs() < 1e-12);
    assert!((half("{ max = [A, B] }") - 1.0).abs() < 1e-12);
}

#[test]
fn a_lopsided_interval_stays_lopsided() {
    let part = Estimate { noise: Noise::Interval(9.0, 14.0), ..Estimate::exact(10.0) };
    let turned = Estimate::combine(-20.0, "", &[(-2.0, &part)], LEVEL).unwrap();
    assert_eq!(turned.noise, Noise::Interval(-28.0, -18.0));
    assert_eq!(turned.interval(LEVEL, LEVEL).unwrap(), (-28.0, -18.0));
    let wider = turned.interval(LEVEL, 0.99).unwrap();
    assert!((wider.0 + 20.0 + 8.0 * 2.575_829_3 / 1.959_964).abs() < 1e-5, "{wider:?}");
}

#[test]
fn what_nobody_knows_stays_unknown() {
    let unknown = Estimate { noise: Noise::Unknown, ..Estimate::exact(1.0) };
    let sum = Estimate::combine(2.0, "", &[(1.0, &unknown), (1.0, &spread(1.0, 0.1))], LEVEL).unwrap();
    assert_eq!(sum.noise, Noise::Unknown);
    let exact = Estimate::combine(2.0, "", &[(1.0, &Estimate::exact(1.0))], LEVEL).unwrap();
    assert_eq!(exact.noise, Noise::None);
    let verdict = judge(
        r#"of = { stage = "t", arm = "a", condition = "c", metric = "cka" }
above = 0.5"#,
        &[row("t/a/c/cka", 0.6, None)],
    );
    assert!(verdict.why.contains("sampling error is not known, the point decides"), "{}", verdict.why);
}

/// Shares have Wilson's interval, reciprocal ranks that of a share; other metrics have none.
#[test]
fn shares_are_known_by_their_metric() {
    let noise = |metric: &str, value, n| of_share(metric, value, n, LEVEL).unwrap();
    for metric in ["s", "r10_a2m", "r1_m2a", "hard_same_piece", "hard_random"] {
        let Noise::Interval(low, high) = noise(metric, 50.0, Some(100)) else { panic!("{metric}") };
        assert!((low - 40.383).abs() < 1e-3 && (high - 59.617).abs() < 1e-3, "{low}..{high}");
    }
    let Noise::Interval(low, high) = noise("mrr_a2m", 0.5, Some(100)) else { panic!() };
    assert!((low - 0.40383).abs() < 1e-5 && (high - 0.59617).abs() < 1e-5);
    for (metric, value, n) in [
        ("retention", 59.0, Some(500)),
        ("delta_s", 5.0, Some(500)),
        ("s", 50.0, None),
        ("s", 150.0, Some(500)),
        ("r_a2m", 50.0, Some(500)),
        ("r2_mlp", 0.5, Some(500)),
    ] {
        assert_eq!(noise(metric, value, n), Noise::Unknown, "{metric}");
    }
    assert_eq!(noise("chance_r10", 3.9, Some(500)), Noise::None);
}

/// Sums of few seeds: the error that is known worst says how many degrees of freedom there are.
#[test]
fn errors_that_add_have_the_fewest_degrees_of_freedom() {
    let of = |error, df| Estimate { noise: Noise::Error(error, df), ..Estimate::exact(1.0) };
    let parts = [(2.0, &of(0.5, 4.0)), (1.0, &of(0.3, 2.0)), (1.0, &spread(3.0, 0.0)), (1.0, &Estimate::exact(1.0))];
    let sum = Estimate::add("", &parts, LEVEL).unwrap();
    assert_eq!((sum.value, sum.noise), (7.0, Noise::Error(1.3, 2.0)));
    let unknown = Estimate { noise: Noise::Unknown, ..Estimate::exact(1.0) };
    let sum = Estimate::add("", &[(1.0, &unknown), (1.0, &spread(1.0, 0.1))], LEVEL).unwrap();
    assert_eq!(sum.noise, Noise::Unknown);
}

/// Shares without an interval have fewer cases where S of the same run shows that its cases are alike.
#[test]
fn cases_that_are_alike_count_less() {
    // statsmodels: proportion_confint(250, 500, method="wilson") is 0.456341..0.543659, 0.0873175 wide.
    let effect = |low, high| design_effect(50.0, 500, (low, high), LEVEL).unwrap();
    assert!((effect(41.0, 59.0) - (0.18f64 / 0.087_317_5).powi(2)).abs() < 1e-3, "{}", effect(41.0, 59.0));
    assert_eq!(effect(49.0, 51.0), 1.0, "never more cases than there are");

    let share = |path: &str, interval| Measurement { n: Some(500), ..row(path, 50.0, interval) };
    let hard = share("t12/x/selected/hard_random", None);
    let interval = |rows: &[Measurement]| {
        let verdict = judge(
            r#"of = { stage = "t12", arm = "x", condition = "selected", metric = "hard_random" }
above = 0"#,
            rows,
        );
        (verdict.ours.unwrap().interval.unwrap(), verdict.notes.len())
    };
    let wilson = |n| match of_share("hard_random", 50.0, Some(n), LEVEL).unwrap() {
        Noise::Interval(low, high) => (low, high),
        other => panic!("{other:?}"),
    };
    assert_eq!(interval(std::slice::from_ref(&hard)), (wilson(500), 0), "no S, no design effect");
    let alike = share("t12/x/selected/s", Some((41.0, 59.0)));
    assert_eq!(interval(&[hard.clone(), alike.clone()]), (wilson(117), 1), "500 / 4.250");
    // That of the condition itself, else the largest of the run; another run says nothing.
    let best = share("t12/x/best/s", Some((43.0, 57.0)));
    let last = share("t12/x/last/s", Some((46.0, 54.0)));
    assert_eq!(interval(&[hard.clone(), best.clone(), alike]), (wilson(117), 1));
    assert_eq!(interval(&[hard.clone(), last, best]), (wilson(194), 1), "500 / 2.571");
    for other in ["t12/y/selected/s", "t01/x/selected/s", "t12/x@cosine60/selected/s"] {
        assert_eq!(interval(&[hard.clone(), share(other, Some((41.0, 59.0)))]), (wilson(500), 0), "{other}");
    }
}

#[test]
fn published_values_are_found_by_path() {
    let published = Published::parse(SMALL).unwrap();
    assert_eq!(published.number("table.x.s"), Some(69.6));
    assert_eq!(published.number("list.curve[0]"), Some(1.0));
    assert_eq!(published.number("list.curve[1][1]"), Some(3.0));
    for path in ["list.curve", "list.words", "list.gone"] {
        assert!(published.has(path) && published.number(path).is_none(), "{path}");
    }
    for path in ["table", "table.x", "list.curve[2]", "list.curve[x]", "list.curve[0", "list.curve[]", "", "meta.arxiv"]
    {
        assert!(!published.has(path), "{path}");
    }
    for text in ["a = 1", "[a", "[t]\nx = [1]"] {
        assert!(matches!(Published::parse(text), Err(Error::Published(_))), "{text}");
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.toml");
    assert!(matches!(Published::read(&path), Err(Error::Io(_))));
    fs_err::write(&path, "a = 1").unwrap();
    assert!(Published::read(&path).unwrap_err().to_string().contains("p.toml: published values: `a` is neither"));
}

proptest! {
    /// The error of a difference of two values is never smaller than that of either.
    #[test]
    fn errors_only_add(a in -50.0f64..50.0, b in -50.0f64..50.0, ha in 0.0f64..9.0, hb in 0.0f64..9.0) {
        let (x, y) = (spread(a, ha), spread(b, hb));
        let margin = Estimate::combine(a - b, "", &[(1.0, &x), (-1.0, &y)], LEVEL).unwrap();
        let (low, high) = margin.interval(LEVEL, LEVEL).unwrap();
        let half = (high - low) / 2.0;
        prop_assert!(half >= ha.max(hb) - 1e-9 && half <= ha + hb + 1e-9);
        prop_assert!((f64::midpoint(low, high) - (a - b)).abs() < 1e-9);
    }

    /// A sum is never surer than its parts are apart, nor than independent ones would be.
    #[test]
    fn sums_are_as_unsure_as_they_can_be(a in -50.0f64..50.0, b in -50.0f64..50.0, ha in 0.01f64..9.0, hb in 0.01f64..9.0) {
        let (x, y) = (spread(a, ha), spread(b, hb));
        let parts = [(0.5, &x), (0.5, &y)];
        let half = |estimate: Estimate| estimate.error(LEVEL).unwrap().unwrap().0;
        let alike = Estimate::add("", &parts, LEVEL).unwrap();
        prop_assert!((alike.value - f64::midpoint(a, b)).abs() < 1e-9);
        let independent = Estimate::combine(alike.value, "", &parts, LEVEL).unwrap();
        let (low, high) = alike.interval(LEVEL, LEVEL).unwrap();
        prop_assert!(((high - low) - (ha + hb)).abs() < 1e-6);
        prop_assert!(half(alike) > half(independent));
    }

    /// A path of any text is answered, never a panic.
    #[test]
    fn any_path_is_answered(path in "\\PC{0,20}") {
        let published = Published::parse(SMALL).unwrap();
        let _ = (published.has(&path), published.number(&format!("list.curve[{path}")));
    }
}
