//! Relations, outcomes, power.

use hit_stats::Measurement;
use proptest::prelude::*;
use serde::Deserialize;

use super::{judge, judge_all, judge_in, ledger_text, row, setting};
use crate::{Kind, Outcome, Setting, Verdict};

/// `tests/golden/claims.py` writes it.
#[derive(Deserialize)]
struct Golden {
    interval: Vec<ByInterval>,
    seeds: Vec<BySeeds>,
    agreement: Vec<Agreement>,
}

#[derive(Deserialize)]
struct ByInterval {
    low: f64,
    high: f64,
    effect: f64,
    power: f64,
    detectable: f64,
}

#[derive(Deserialize)]
struct BySeeds {
    a: (f64, f64),
    b: (f64, f64),
    n: u64,
    effect: f64,
    low: f64,
    high: f64,
    power: f64,
    detectable: f64,
}

#[derive(Deserialize)]
struct Agreement {
    low: f64,
    high: f64,
    tolerance: f64,
    tost: (f64, f64),
    power: f64,
    detectable: f64,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/claims.json"))).unwrap()
}

const DELTA: &str = r#"of = { stage = "screening", arm = "x", condition = "best_vs_D0", metric = "delta_s" }"#;

/// The row of that difference of an arm, its middle the value.
fn delta(arm: &str, low: f64, high: f64) -> Measurement {
    row(&format!("screening/{arm}/best_vs_D0/delta_s"), f64::midpoint(low, high), Some((low, high)))
}

/// The outcome for a difference with this interval, its middle the value.
fn outcome(relation: &str, low: f64, high: f64) -> Outcome {
    let rows = [row("screening/x/best_vs_D0/delta_s", f64::midpoint(low, high), Some((low, high)))];
    judge(&format!("{DELTA}\n{relation}"), &rows).outcome
}

use Outcome::{DoesNotHold, Holds, Inconclusive, NotTestable};

#[test]
fn an_effect_is_where_its_interval_lies() {
    for (relation, low, high, expected) in [
        ("above = 0", 1.0, 9.0, Holds),
        ("above = 0", -1.0, 9.0, Inconclusive),
        ("above = 0", -9.0, -1.0, DoesNotHold),
        ("above = 0", 0.0, 0.0, DoesNotHold),
        ("at_least = 0", 0.0, 0.0, Holds),
        ("below = 0", -9.0, -1.0, Holds),
        ("below = 0", -9.0, 1.0, Inconclusive),
        ("below = 0", 1.0, 9.0, DoesNotHold),
        ("at_most = 0", 0.0, 0.0, Holds),
        ("at_most = 0", 0.5, 2.0, DoesNotHold),
        ("above = 4", 5.0, 9.0, Holds),
        ("below = { published = \"table.x.delta\" }", 5.0, 9.0, Holds),
        ("above = { known = \"chance\" }", 4.0, 5.0, Holds),
        ("above = { observed = \"a4.mean\" }", -5.0, -4.0, DoesNotHold),
    ] {
        assert_eq!(outcome(relation, low, high), expected, "{relation} for {low}..{high}");
    }
}

/// The value decides whether an equality holds, its interval at 90 % whether it does not; the verdict says where that lies.
#[test]
fn agreement_is_a_value_within_the_tolerance() {
    for (low, high, expected, words) in [
        (8.0, 11.0, Holds, "within the tolerance, 90 % interval too"),
        (5.2, 14.0, Holds, "within the tolerance, 90 % interval too"), // 5.9..13.3 at 90 %
        (4.5, 13.0, Holds, "within the tolerance, 90 % interval reaches beyond"),
        (-5.0, 20.0, Holds, "within the tolerance, 90 % interval reaches beyond"),
        (10.0, 20.0, Inconclusive, "outside of the tolerance, 90 % interval reaches into it"),
        (14.0, 20.0, DoesNotHold, "outside of the tolerance, 90 % interval too"),
        (13.2, 20.0, DoesNotHold, "outside of the tolerance, 90 % interval too"), // 13.7..19.5 at 90 %
        (-5.0, 5.0, DoesNotHold, "outside of the tolerance, 90 % interval too"),
        (9.0, 9.0, Holds, "within the tolerance, 90 % interval too"),
    ] {
        let rows = [row("screening/x/best_vs_D0/delta_s", f64::midpoint(low, high), Some((low, high)))];
        for relation in ["near = { published = \"table.x.delta\" }\nby = 4.0", "between = [5.6, 13.6]"] {
            let verdict = judge(&format!("{DELTA}\n{relation}"), &rows);
            assert_eq!(verdict.outcome, expected, "{low}..{high}");
            assert!(verdict.why.contains(words), "{}", verdict.why);
        }
    }
    let words = |rest: &str| judge(&format!("{DELTA}\nbetween = [5, 6]\n{rest}"), &[delta("x", 0.0, 9.0)]).why;
    assert!(words("exact = true").ends_with("; outside of the tolerance"), "nothing to say of an interval");
    assert!(words("noise = 2.0").contains("; outside of the tolerance, interval reaches into it"));
}

/// One of two equalities is refuted by its interval at 95 % (twice 2.5 % beside it) and no longer by that at 90 %.
#[test]
fn one_equality_of_several_is_refuted_by_a_wider_interval() {
    let both = |low, high| {
        let must = "of = { stage = \"screening\", condition = \"best_vs_D0\", metric = \"delta_s\" }\narms = [\"x\", \"y\"]\nbetween = [-2, 2]";
        judge(must, &[delta("x", -1.0, 1.0), delta("y", low, high)])
    };
    assert_eq!(both(2.1, 8.0).outcome, DoesNotHold);
    let verdict = both(1.9, 8.0);
    assert_eq!(verdict.outcome, Inconclusive, "2.4..7.5 at 90 %");
    assert!(
        verdict.why.contains("90 % interval too, though not that of one comparison among several"),
        "{}",
        verdict.why
    );
    assert_eq!(outcome("between = [-2, 2]", 1.9, 8.0), DoesNotHold, "alone it is");
}

#[test]
fn what_counts_as_it_is_has_no_error_and_what_is_stated_has_that() {
    assert_eq!(outcome("above = 0\nexact = true", -1.0, 9.0), Holds);
    assert_eq!(outcome("above = 0\nexact = true", -9.0, 1.0), DoesNotHold);
    assert_eq!(outcome("above = 0\nnoise = 3.0", 3.9, 4.1), Holds);
    assert_eq!(outcome("above = 0\nnoise = 5.0", 3.9, 4.1), Inconclusive);
    assert_eq!(outcome("above = 0\nnoise = 3.0", -4.1, -3.9), DoesNotHold);
    let verdict =
        judge(&format!("{DELTA}\nabove = 0\nnoise = 5.0"), &[row("screening/x/best_vs_D0/delta_s", 4.0, None)]);
    assert_eq!(verdict.power, None, "a stated tolerance says nothing of chances");
    assert_eq!(verdict.ours.unwrap().margin_interval, Some((-1.0, 9.0)));
}

/// Without an interval: shares by Wilson, so a large difference of two S is found and a small one is not.
#[test]
fn shares_without_an_interval_have_that_of_their_queries() {
    let s = |x: f64, d0: f64| {
        let at =
            |arm: &str, value| Measurement { n: Some(500), ..row(&format!("screening/{arm}/best/s"), value, None) };
        judge(
            r#"of = { stage = "screening", condition = "best", metric = "s" }
arms = ["x"]
above_arms = ["D0"]"#,
            &[at("x", x), at("D0", d0)],
        )
    };
    assert_eq!(s(69.8, 60.2).outcome, Holds);
    assert_eq!(s(60.2, 69.8).outcome, DoesNotHold);
    let close = s(62.2, 60.2);
    assert_eq!(close.outcome, Inconclusive);
    // statsmodels: proportion_confint(311, 500, method="wilson"), (301, 500); the difference by the root of the squares.
    let ours = close.ours.unwrap();
    let interval = ours.interval.unwrap();
    assert!((interval.0 - 57.87).abs() < 0.01 && (interval.1 - 66.35).abs() < 0.01, "{interval:?}");
    let margin = ours.margin_interval.unwrap();
    assert!((margin.0 + 4.01).abs() < 0.02 && (margin.1 - 8.01).abs() < 0.02, "{margin:?}");
    let power = close.power.unwrap();
    assert_eq!(power.n, [(500, "queries".to_owned())]);
    assert!((power.effect.unwrap() - 9.6).abs() < 1e-9, "the published 69.6 and 60.0");
    assert!((power.at_effect.unwrap() - 0.879).abs() < 0.002, "{power:?}");
}

#[test]
fn the_power_of_an_interval_is_that_of_scipy() {
    for case in golden().interval {
        let text =
            ledger_text(&format!("{DELTA}\nabove = 0")).replace("\"table.{arm}.{metric}\"", "\"now.{arm}.{metric}\"");
        let published =
            format!("{}\n[now.x]\ndelta = {{ value = {}, unit = \"pp\", source = \"x\" }}", super::SMALL, case.effect);
        let published = crate::Published::parse(&published).unwrap();
        let value = f64::midpoint(case.low, case.high);
        let rows = [row("screening/x/best_vs_D0/delta_s", value, Some((case.low, case.high)))];
        let ledger = crate::Ledger::parse(&text).unwrap();
        let known = std::collections::BTreeMap::new();
        let verdict = ledger.judge(&rows, &[], &published, &known, &super::setting(true)).unwrap().remove(0);
        assert_eq!(verdict.outcome, Inconclusive);
        let power = verdict.power.unwrap();
        assert_eq!((power.kind, power.effect), (Kind::Effect, Some(case.effect)));
        assert!((power.at_effect.unwrap() - case.power).abs() < 1e-9, "{power:?}");
        assert!((power.detectable - case.detectable).abs() < 1e-6, "{power:?}");
        assert!(verdict.why.contains(&format!("probability {:.2}", case.power)), "{}", verdict.why);
    }
}

/// Means over seeds with their deviations: Welch's interval and the noncentral t.
#[test]
fn the_power_of_seeds_is_that_of_scipy() {
    for case in golden().seeds {
        let mut rows = Vec::new();
        for (arm, (mean, sd)) in [("x", case.a), ("D0", case.b)] {
            // The interval of the row knows queries alone; the seeds decide.
            let at = |metric: &str, value| Measurement {
                seed: None,
                n: Some(case.n),
                interval: (metric == "s_mean").then_some((mean - 0.1, mean + 0.1)),
                ..row(&format!("screening/{arm}/best/{metric}"), value, None)
            };
            rows.extend([at("s_mean", mean), at("s_sd", sd)]);
        }
        let text = ledger_text(
            r#"of = { stage = "screening", arm = "x", condition = "best", metric = "s_mean" }
above = { stage = "screening", arm = "D0", condition = "best", metric = "s_mean" }"#,
        );
        let published = super::SMALL.replace("value = 69.6", &format!("value = {}", 60.0 + case.effect));
        let published = crate::Published::parse(&published).unwrap();
        let ledger = crate::Ledger::parse(&text).unwrap();
        let known = std::collections::BTreeMap::new();
        let verdict = ledger.judge(&rows, &[], &published, &known, &super::setting(true)).unwrap().remove(0);
        assert_eq!(verdict.outcome, Inconclusive);
        let (low, high) = verdict.ours.unwrap().margin_interval.unwrap();
        assert!((low - case.low).abs() < 1e-7 && (high - case.high).abs() < 1e-7, "{low} {high}");
        let power = verdict.power.unwrap();
        assert!((power.at_effect.unwrap() - case.power).abs() < 1e-7, "{power:?}, {}", case.power);
        assert!((power.detectable - case.detectable).abs() < 1e-6, "{power:?}, {}", case.detectable);
        assert_eq!(power.n, [(case.n, "seeds".to_owned())]);
    }
}

#[test]
fn the_power_of_an_agreement_is_that_of_scipy() {
    for case in golden().agreement {
        let rows = [row(
            "screening/x/best_vs_D0/delta_s",
            9.6 + f64::midpoint(case.low, case.high),
            Some((case.low + 9.6, case.high + 9.6)),
        )];
        let verdict =
            judge(&format!("{DELTA}\nnear = {{ published = \"table.x.delta\" }}\nby = {}", case.tolerance), &rows);
        assert_eq!(verdict.outcome, Inconclusive);
        let (low, high) = verdict.ours.unwrap().margin_interval.unwrap();
        assert!((low - case.tost.0).abs() < 1e-9 && (high - case.tost.1).abs() < 1e-9, "{low} {high}");
        let power = verdict.power.unwrap();
        assert_eq!((power.kind, power.effect), (Kind::Agreement, Some(case.tolerance)));
        assert!((power.level - 0.9).abs() < 1e-12);
        assert!((power.at_effect.unwrap() - case.power).abs() < 1e-9, "{power:?}, {}", case.power);
        assert!((power.detectable - case.detectable).abs() < 1e-9, "{power:?}, {}", case.detectable);
    }
}

/// Where the published values lie on the other side there is no published effect to find.
#[test]
fn a_paper_that_contradicts_itself_has_no_effect_to_find() {
    let rows = [row("screening/y/best_vs_D0/delta_s", 1.0, Some((-3.0, 5.0)))];
    let verdict = judge(
        r#"of = { stage = "screening", arm = "y", condition = "best_vs_D0", metric = "delta_s" }
above = 0"#,
        &rows,
    );
    let power = verdict.power.unwrap();
    assert_eq!((power.effect, power.at_effect, verdict.published), (None, None, Some(-1.0)));
    assert!(power.detectable > 0.0 && verdict.why.contains("the published values lie on the other side"));
    let zero = judge(&(DELTA.replace("\"x\"", "\"z\"") + "\nabove = 0"), &[delta("z", -3.0, 5.0)]);
    assert_eq!((zero.power.as_ref().unwrap().effect, zero.published), (None, Some(0.0)));
    assert!(zero.why.contains("the published effect is 0;") && !zero.why.contains("side"), "{}", zero.why);
    let none = judge(&(DELTA.replace("\"x\"", "\"w\"") + "\nabove = 0"), &[delta("w", -3.0, 5.0)]);
    assert!(none.why.contains("no published size stands beside this effect"), "{}", none.why);
}

/// Against a constant, what is published is a margin: 9.6 points are 5.6 above four.
#[test]
fn a_margin_is_not_called_an_effect() {
    let verdict = judge(&format!("{DELTA}\nabove = 4"), &[delta("x", 0.0, 10.0)]);
    assert!((verdict.power.as_ref().unwrap().effect.unwrap() - 5.6).abs() < 1e-9);
    assert!(verdict.why.contains("a margin of the published size (5.6 pp)"), "{}", verdict.why);
    assert!(verdict.why.contains("the smallest margin found"), "{}", verdict.why);
}

/// A chance level of this campaign is not that of the paper: the published value stays, no published effect is made of both.
#[test]
fn known_numbers_of_other_sizes_make_no_published_effect() {
    let text = ledger_text(&format!("{DELTA}\nabove = {{ known = \"chance\" }}"));
    let ask = |published_sizes| {
        let setting = Setting { published_sizes, ..setting(true) };
        judge_in(&text, &[delta("x", 0.0, 9.0)], &setting).unwrap().remove(0)
    };
    let same = ask(true);
    assert!((same.power.unwrap().effect.unwrap() - 5.7).abs() < 1e-9, "9.6 above 3.9");
    let other = ask(false);
    assert_eq!((other.outcome, other.published), (Inconclusive, Some(9.6)));
    assert_eq!(other.power.as_ref().unwrap().effect, None);
    assert!(other.why.contains("no published size stands beside"), "{}", other.why);
}

/// The weakest comparison is the one nearest to its boundary in half widths, whatever the units are.
#[test]
fn the_weakest_comparison_is_found_across_units() {
    let must = |share: (f64, f64), points: (f64, f64)| {
        let text = ledger_text(&format!(
            "{DELTA}\nabove = 0\n[[claim.must]]\nof = {{ stage = \"t03\", arm = \"x\", condition = \"c\", metric = \"r2\" }}\nabove = 0"
        ));
        let r2 = row("t03/x/c/r2", f64::midpoint(share.0, share.1), Some(share));
        let verdict = judge_all(&text, &[delta("x", points.0, points.1), r2], true).unwrap().remove(0);
        (verdict.outcome, verdict.ours.unwrap().rows[0].starts_with("t03"))
    };
    assert_eq!(must((0.2, 0.3), (1.0, 9.0)), (Holds, false), "1.25 half widths above 0 against 5");
    assert_eq!(must((0.02, 0.3), (8.0, 9.0)), (Holds, true), "1.14 against 17");
    assert_eq!(must((-0.01, 0.3), (1.0, 9.0)), (Inconclusive, true), "the outcome comes first");
}

const ALL: &str = r#"of = { stage = "screening", metric = "delta_s", condition = "best_vs_D0" }
arms = ["x", "y"]
above = 0"#;

#[test]
fn all_arms_must_fulfil_a_claim() {
    let at = |x: (f64, f64), y: (f64, f64)| {
        let row = |arm: &str, (low, high)| {
            row(&format!("screening/{arm}/best_vs_D0/delta_s"), f64::midpoint(low, high), Some((low, high)))
        };
        judge(ALL, &[row("x", x), row("y", y)])
    };
    assert_eq!(at((1.0, 2.0), (3.0, 4.0)).outcome, Holds);
    let verdict = at((1.0, 2.0), (-3.0, 4.0));
    assert_eq!(verdict.outcome, Inconclusive);
    assert!(verdict.why.starts_with("y: 0.5 pp [-3.0, 4.0]"), "{}", verdict.why);
    assert_eq!(at((-9.0, -5.0), (3.0, 4.0)).outcome, DoesNotHold);
    // One of two is refuted only by an interval that is wider than 95 %: 97.5 %, times 2.2414 / 1.9600.
    assert_eq!(at((-4.0, -0.1), (3.0, 4.0)).outcome, Inconclusive);
    assert_eq!(outcome("above = 0", -4.0, -0.1), DoesNotHold, "alone it is");
    assert_eq!(at((-4.0, -0.3), (3.0, 4.0)).outcome, DoesNotHold);
}

#[test]
fn orders_fall_along_arms_and_conditions() {
    let rows = |values: [f64; 3]| -> Vec<Measurement> {
        let arms = ["x", "y", "D0"].into_iter().zip(values);
        arms.map(|(arm, value)| row(&format!("screening/{arm}/best/s"), value, Some((value, value)))).collect()
    };
    let arms = r#"of = { stage = "screening", condition = "best", metric = "s" }
falling_arms = ["x", "y", "D0"]"#;
    assert_eq!(judge(arms, &rows([3.0, 2.0, 1.0])).outcome, Holds);
    let verdict = judge(arms, &rows([3.0, 1.0, 2.0]));
    assert_eq!(verdict.outcome, DoesNotHold);
    assert!(verdict.why.starts_with("y: 1.0 % [1.0, 1.0] against 2.0 % of D0"), "{}", verdict.why);
    let rows = |values: [f64; 2]| {
        let at = |condition: &str, value| row(&format!("t04/x/{condition}/s"), value, Some((value - 1.0, value + 1.0)));
        [at("normal", values[0]), at("transpose.+1", values[1])]
    };
    let conditions = r#"of = { stage = "t04", arm = "x", metric = "s" }
falling_conditions = ["normal", "transpose.+1"]"#;
    assert_eq!(judge(conditions, &rows([9.0, 5.0])).outcome, Holds);
    assert_eq!(judge(conditions, &rows([5.0, 9.0])).outcome, DoesNotHold);
    assert_eq!(judge(conditions, &rows([5.5, 5.0])).outcome, Inconclusive);
}

#[test]
fn first_and_last_are_among_those_that_are_named() {
    let rows: Vec<_> = [("x", 70.0), ("y", 50.0), ("D0", 60.0), ("ours", 99.0)]
        .map(|(arm, value)| row(&format!("screening/{arm}/best/s"), value, Some((value - 1.0, value + 1.0))))
        .into();
    let of = r#"of = { stage = "screening", condition = "best", metric = "s" }"#;
    for (rest, expected) in [
        ("arms = [\"x\"]\nabove_arms = [\"y\", \"D0\"]", Holds),
        ("arms = [\"x\", \"y\"]\nabove_arms = [\"D0\"]", DoesNotHold),
        ("arms = [\"y\"]\nbelow_arms = [\"x\", \"D0\"]", Holds),
        ("arms = [\"D0\"]\nbelow_arms = [\"x\", \"y\"]", DoesNotHold),
        ("arms = [\"x\"]\nabove_arms = [\"x\", \"D0\"]", Holds),
        ("arms = [\"x\"]\nabove_arms = [\"y\", \"absent\"]", NotTestable),
    ] {
        assert_eq!(judge(&format!("{of}\n{rest}"), &rows).outcome, expected, "{rest}");
    }
}

#[test]
fn what_is_not_there_is_named() {
    let rows = [row("screening/x/best/s", 60.0, None)];
    for (of, why) in [
        (r#"{ stage = "t06", arm = "x", condition = "sampled", metric = "cka" }"#, "this campaign has no stage `t06`"),
        (r#"{ stage = "screening", arm = "z", condition = "best", metric = "s" }"#, "has no arm `z`"),
        (r#"{ stage = "screening", arm = "x", condition = "last", metric = "s" }"#, "no row `screening/x/last/s`"),
        (r#"{ observed = "a8.gate" }"#, "gate of the descriptor a8 was not observed"),
        (r#"{ published = "list.words" }"#, "`list.words` is no published number"),
        ("{ ratio = [1, { difference = [2, 2] }] }", "is 0 and nothing can be divided by it"),
    ] {
        let verdict = judge(&format!("of = {of}\nabove = 0"), &rows);
        assert_eq!(verdict.outcome, NotTestable);
        assert!(verdict.why.contains(why), "{}", verdict.why);
        assert_eq!((verdict.ours, verdict.power), (None, None));
    }
    let verdict = judge("of = { known = \"z.parameters\" }\nabove = 0", &rows);
    assert!(verdict.why.contains("`z.parameters` is not among the numbers"), "{}", verdict.why);
}

/// A second row that answers leaves a claim untested: never a choice, and no end to the judging of others.
#[test]
fn two_rows_for_one_value_are_not_testable() {
    let mut rows = vec![row("screening/x/best_vs_D0/delta_s", 1.0, None)];
    rows.push(Measurement { seed: Some(7), ..rows[0].clone() });
    let why = |select: &str, rows: &[Measurement]| {
        let verdict = judge(&format!("{select}\nabove = 0"), rows);
        assert_eq!((verdict.outcome, &verdict.ours), (NotTestable, &None), "{}", verdict.why);
        verdict.why
    };
    let rest = "rows answer `screening/x/best_vs_D0/delta_s`, one is expected; name a";
    assert_eq!(why(DELTA, &rows), format!("2 {rest} seed"));
    let other = Measurement { schedule: "other".into(), ..rows[0].clone() };
    assert_eq!(why(DELTA, &[rows[0].clone(), other.clone()]), format!("2 {rest} schedule"));
    assert_eq!(why(DELTA, &[rows[0].clone(), rows[1].clone(), other]), format!("3 {rest} schedule and a seed"));
    let seeded = DELTA.replace("metric =", "seed = 7, metric =");
    assert_eq!(judge(&format!("{seeded}\nabove = 0"), &rows).outcome, Holds);
    let over = DELTA.replace("metric =", "over_seeds = true, metric =");
    rows.push(Measurement { schedule: "other".into(), ..rows[0].clone() });
    assert!(why(&over, &rows).contains("name a schedule"), "two schedules");
}

#[test]
fn means_over_seeds_have_students_interval() {
    let over = DELTA.replace("metric =", "over_seeds = true, metric =");
    let at = |seed, value| Measurement {
        seed: Some(seed),
        ..row("screening/x/best_vs_D0/delta_s", value, Some((value - 50.0, value + 50.0)))
    };
    let verdict = judge(&format!("{over}\nabove = 0"), &[at(1, 4.0), at(2, 6.0), at(3, 8.0)]);
    // scipy: t.interval(0.95, 2, 6, 2 / sqrt(3))
    let (low, high) = verdict.ours.as_ref().unwrap().interval.unwrap();
    assert!((low - 1.031_724_7).abs() < 1e-6 && (high - 10.968_275_3).abs() < 1e-6, "{low} {high}");
    assert_eq!(verdict.outcome, Holds);
    assert_eq!(verdict.ours.unwrap().rows.len(), 3);
    // A single seed has no spread: the interval of its queries decides.
    assert_eq!(judge(&format!("{over}\nabove = 0"), &[at(1, 4.0)]).outcome, Inconclusive);
}

/// A claim about a published size is not asked of a campaign that may not stand beside the paper.
#[test]
fn sizes_are_asked_of_comparable_campaigns_only() {
    let rows = [row("screening/x/best_vs_D0/delta_s", 9.0, Some((8.0, 10.0)))];
    let ask = |must: &str, comparable| judge_all(&ledger_text(must), &rows, comparable).unwrap().remove(0);
    let near = format!("{DELTA}\nnear = {{ published = \"table.x.delta\" }}\nby = 4.0");
    assert_eq!(ask(&near, true).outcome, Holds);
    let verdict = ask(&near, false);
    assert_eq!((verdict.outcome, verdict.setting.label.as_str()), (NotTestable, "smoke"));
    assert!(verdict.why.contains("(smoke) may not stand beside it"), "{}", verdict.why);
    assert_eq!(ask(&format!("{DELTA}\nabove = 0"), false).outcome, Holds, "a direction is asked");
    let count = "of = { ratio = [{ known = \"x.parameters\" }, 1e6] }\nnear = 75\nby = 0.1";
    assert_eq!(ask(count, true).outcome, Holds);
    assert_eq!(ask(count, false).outcome, NotTestable);
}

#[test]
fn words_stand_in_for_others_where_a_campaign_has_only_those() {
    let text = ledger_text(
        r#"of = { stage = "long", condition = "best_vs_D0@tail60", metric = "delta_s" }
arms = ["x@cosine60"]
above = 0"#,
    ) + r#"
[[stand_in]]
field = "stage"
word = "long"
by = "brief"
note = "Brief runs."
[[stand_in]]
field = "schedule"
word = "cosine60"
by = "cosine4"
note = "Four epochs."
[[stand_in]]
field = "schedule"
word = "tail60"
by = "tail4"
note = "A brief tail."
"#;
    let brief = row("brief/x@cosine4/best_vs_D0@tail4/delta_s", 5.0, Some((4.0, 6.0)));
    let base = row("brief/D0@tail4/best/s", 5.0, None);
    let verdict = judge_all(&text, &[brief.clone(), base.clone()], true).unwrap().remove(0);
    assert_eq!(verdict.outcome, Holds, "{}", verdict.why);
    assert_eq!(verdict.notes, ["Brief runs.", "Four epochs.", "A brief tail."]);
    // As soon as the campaign has the word itself, nothing stands in for it.
    let long = row("long/x@cosine60/best_vs_D0@tail60/delta_s", -5.0, Some((-6.0, -4.0)));
    let both = [brief, base, long, row("long/D0@tail60/best/s", 5.0, None)];
    let verdict = judge_all(&text, &both, true).unwrap().remove(0);
    assert_eq!((verdict.outcome, verdict.notes.len()), (DoesNotHold, 0));
}

fn mirrored(verdict: &Verdict) -> Outcome {
    match verdict.outcome {
        Holds => DoesNotHold,
        DoesNotHold => Holds,
        other => other,
    }
}

proptest! {
    /// `above` and `below` are each other's mirror, and widening an interval never makes an outcome firmer.
    #[test]
    fn sides_mirror_and_doubt_grows(value in -20.0f64..20.0, half in 0.01f64..10.0, more in 0.0f64..10.0, at in -5.0f64..5.0) {
        let verdict = |relation: &str, half: f64| {
            let rows = [row("screening/x/best_vs_D0/delta_s", value, Some((value - half, value + half)))];
            judge(&format!("{DELTA}\n{relation} = {at:?}"), &rows)
        };
        let above = verdict("above", half);
        prop_assert_eq!(verdict("below", half).outcome, mirrored(&above));
        let doubt = verdict("above", half + more).outcome;
        prop_assert!(doubt == above.outcome || doubt == Inconclusive);
        if above.outcome == Inconclusive {
            let power = above.power.unwrap();
            prop_assert!(power.detectable > half, "found with 80 %: beyond the half width, which is found with 50 %");
        }
    }

    /// Agreement never holds where the value is outside the tolerance, nor fails where it is in the middle of it.
    #[test]
    fn agreement_follows_the_value(value in -20.0f64..20.0, half in 0.01f64..10.0, by in 0.1f64..10.0) {
        let rows = [row("screening/x/best_vs_D0/delta_s", value, Some((value - half, value + half)))];
        let verdict = judge(&format!("{DELTA}\nnear = 0\nby = {by:?}"), &rows);
        prop_assert_eq!(verdict.outcome == Holds, value.abs() <= by);
        // Two one-sided tests at 5 %: 1.644854 / 1.959964 of the half width at 95 %.
        if value.abs() - 0.8392 * half > by + 1e-6 { prop_assert_eq!(verdict.outcome, DoesNotHold) }
        if value.abs() > by && value.abs() - 0.8393 * half < by - 1e-6 { prop_assert_eq!(verdict.outcome, Inconclusive) }
    }
}
