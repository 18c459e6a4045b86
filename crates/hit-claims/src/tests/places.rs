//! What takes the open places of terms and paths, and what rows and rules are called.

use std::collections::BTreeMap;

use hit_stats::Measurement;
use proptest::prelude::*;

use super::{judge, judge_all, ledger_text, row, setting};
use crate::{Ledger, Outcome, Published, row_name};

const PLACES: &str = r#"
[protocol]
level = 0.95
power = 0.80
[names.runs]
X = "x"
"x@cosine60" = "x_60"
[[beside]]
stages = ["a", "b"]
conditions = { normal = "[1]", "zero.d4" = "[0]" }
metrics = { s = "values" }
path = "runs.{arm}.{metric}{condition}"
[[beside]]
stages = ["seeds"]
conditions = { best = "" }
metrics = { s = "" }
path = "runs.{arm}.seed{seed}"
[[beside]]
stages = ["a"]
conditions = { normal = "[1]", other = "[7]" }
metrics = { delta_s = "values" }
path = "runs.{arm}.{metric}{condition}"
minus = "runs.{arm}.{metric}[0]"
"#;

const RUNS: &str = r#"
[runs.x]
values = { value = [10.0, 11.0], unit = "%", source = "Table 9" }
seed7 = { value = 77.0, unit = "%", source = "Table 9" }
[runs.x_60]
values = { value = [20.0, 21.0], unit = "%", source = "Table 9" }
[runs.y]
values = { value = [30.0, 31.0], unit = "%", source = "Table 9" }
total = { value = 3.0, unit = "M", source = "Table 9" }
"#;

fn published_beside(must: &str, rows: &[Measurement]) -> Option<f64> {
    let claim = "[[claim]]\nid = \"one\"\ngroup = \"G\"\ntext = \"T\"\nsource = \"runs.y.total\"\nstated = \"S\"\n";
    let ledger = Ledger::parse(&format!("{PLACES}{claim}[[claim.must]]\n{must}\n")).unwrap();
    let known = BTreeMap::from([("y.parameters".to_owned(), 3.2e6)]);
    let published = Published::parse(RUNS).unwrap();
    let verdict = ledger.judge(rows, &[], &published, &known, &setting(true)).unwrap().remove(0);
    assert_ne!(verdict.outcome, Outcome::NotTestable, "{}", verdict.why);
    verdict.published
}

#[test]
fn published_values_are_found_under_their_own_names() {
    let s = |path: &str| [row(path, 5.0, Some((4.0, 6.0)))];
    for (must, rows, expected) in [
        (r#"of = { stage = "a", arm = "X", condition = "normal", metric = "s" }"#, s("a/X/normal/s"), Some(11.0)),
        (r#"of = { stage = "b", arm = "X", condition = "zero.d4", metric = "s" }"#, s("b/X/zero.d4/s"), Some(10.0)),
        (r#"of = { stage = "a", arm = "y", condition = "normal", metric = "s" }"#, s("a/y/normal/s"), Some(31.0)),
        (
            r#"of = { stage = "a", arm = "x", schedule = "cosine60", condition = "normal", metric = "s" }"#,
            s("a/x@cosine60/normal/s"),
            Some(21.0),
        ),
        // A run by name is looked for under its schedule too; another schedule has the name of the arm.
        (
            "of = { stage = \"a\", condition = \"normal\", metric = \"s\" }\narms = [\"x@cosine60\"]",
            s("a/x@cosine60/normal/s"),
            Some(21.0),
        ),
        (
            "of = { stage = \"a\", condition = \"normal\", metric = \"s\" }\narms = [\"x@cosine30\"]",
            s("a/x@cosine30/normal/s"),
            Some(11.0),
        ),
        (
            r#"of = { stage = "seeds", arm = "X", seed = 42, condition = "best", metric = "s" }"#,
            s("seeds/X/best/s"),
            None,
        ),
        (r#"of = { stage = "a", arm = "x", condition = "other", metric = "s" }"#, s("a/x/other/s"), None),
        (r#"of = { stage = "c", arm = "x", condition = "normal", metric = "s" }"#, s("c/x/normal/s"), None),
        // A difference of which both sides are printed; one side is not enough.
        (
            r#"of = { stage = "a", arm = "y", condition = "normal", metric = "delta_s" }"#,
            s("a/y/normal/delta_s"),
            Some(1.0),
        ),
        (r#"of = { stage = "a", arm = "y", condition = "other", metric = "delta_s" }"#, s("a/y/other/delta_s"), None),
        (r#"of = { stage = "a", arm = "z", condition = "normal", metric = "delta_s" }"#, s("a/z/normal/delta_s"), None),
    ] {
        assert_eq!(published_beside(&format!("{must}\nabove = 0"), &rows), expected, "{must}");
    }
    let seven = Measurement { seed: Some(7), ..row("seeds/X/best/s", 5.0, Some((4.0, 6.0))) };
    let must = r#"of = { stage = "seeds", arm = "X", seed = 7, condition = "best", metric = "s" }
above = 0"#;
    assert_eq!(published_beside(must, &[seven]), Some(77.0));
}

/// The arm of a run goes into known numbers, its name in the table into published paths.
#[test]
fn arms_fill_templates() {
    let must = r#"of = { ratio = [{ known = "{arm}.parameters" }, 1e6] }
arms = ["y@cosine30"]
near = { published = "runs.{arm}.total" }
by = 0.3
exact = true"#;
    assert_eq!(published_beside(must, &[]), Some(3.0), "what it is compared with");
}

#[test]
fn rows_are_named_as_runs_are() {
    let one = row("t01/d4a4@cosine60/zero.a4/delta_s", 1.0, None);
    assert_eq!(row_name(&one), "t01/d4a4@cosine60#42/zero.a4/delta_s");
    let over = Measurement { seed: None, schedule: String::new(), ..one };
    assert_eq!(row_name(&over), "t01/d4a4/zero.a4/delta_s");
    let delta = r#"of = { stage = "screening", arm = "x", condition = "best_vs_D0", metric = "delta_s" }
above = { stage = "screening", arm = "y", condition = "best_vs_D0", metric = "delta_s" }"#;
    let rows = ["x", "y"].map(|arm| row(&format!("screening/{arm}/best_vs_D0/delta_s"), 1.0, Some((0.0, 2.0))));
    let named: Vec<String> = rows.iter().map(row_name).collect();
    assert_eq!(judge(delta, &rows).ours.unwrap().rows, named, "all rows that decided, the other side's too");
}

#[test]
fn rules_are_written_out() {
    let of = "of = { stage = \"s\", arm = \"x\", condition = \"c\", metric = \"m\" }\n";
    let open = "of = { stage = \"s\", condition = \"c\", metric = \"m\" }\narms = [\"x\", \"y\"]\n";
    for (must, rule) in [
        (format!("{of}below = 2.5"), "s/x/c/m < 2.5; the interval must lie on that side"),
        (format!("{of}at_least = {{ known = \"k\" }}"), "s/x/c/m >= k; the interval must lie on that side"),
        (
            format!("{of}at_most = {{ published = \"p\" }}\nexact = true"),
            "s/x/c/m <= published p; the values count as they are",
        ),
        (format!("{of}near = 0\nby = 4\nnoise = 0.5"), "s/x/c/m within 4 of 0; the interval is the value +- 0.5"),
        (
            format!("{of}between = [-1, 1]"),
            "s/x/c/m in -1..1; holds if the value lies within, does not if its interval lies outside",
        ),
        (
            format!("{}at_most = 2.0", of.replace("\"m\"", "\"delta_s\"")),
            "s/x/c/delta_s <= 2 (non-superiority margin); the interval must lie on that side",
        ),
        (
            format!("{open}above_arms = [\"z\"]"),
            "s/c/m > that of each of z, for x, y; the interval must lie on that side",
        ),
        (
            format!("{open}below_arms = [\"z\"]"),
            "s/c/m < that of each of z, for x, y; the interval must lie on that side",
        ),
        (
            "of = { stage = \"s\", arm = \"x\", metric = \"m\" }\nfalling_conditions = [\"a\", \"b\"]".to_owned(),
            "s/x/m falls: a > b; the interval must lie on that side",
        ),
        (
            "of = { percent = [{ mean = [1, 2] }, { max = [{ observed = \"a4.m\" }, 3] }] }\nabove = 50".to_owned(),
            "(mean(1, 2) in % of max(m of a4, 3)) > 50; the interval must lie on that side",
        ),
    ] {
        let ledger = Ledger::parse(&ledger_text(&must)).unwrap();
        assert_eq!(ledger.claims[0].must[0].to_string(), rule);
    }
}

proptest! {
    /// The order of the rows is nothing to a verdict.
    #[test]
    fn the_order_of_rows_does_not_matter(seed in any::<u64>(), values in proptest::collection::vec(-20.0f64..20.0, 6)) {
        let mut rows: Vec<Measurement> = ["x", "y", "D0", "u", "v", "w"]
            .iter()
            .zip(&values)
            .map(|(arm, value)| row(&format!("screening/{arm}/best/s"), 50.0 + value, Some((45.0 + value, 55.0 + value))))
            .collect();
        let text = ledger_text(r#"of = { stage = "screening", condition = "best", metric = "s" }
arms = ["x", "y"]
above_arms = ["D0", "u", "v", "w"]"#);
        let first = judge_all(&text, &rows, true).unwrap();
        let n = rows.len();
        for i in 0..n {
            rows.swap(i, (seed >> (i * 3)) as usize % n);
        }
        prop_assert_eq!(judge_all(&text, &rows, true).unwrap(), first);
    }

    /// Moving all values and the number that they are compared with by the same amount changes no outcome.
    #[test]
    fn only_differences_matter(value in 10.0f64..20.0, half in 0.1f64..5.0, at in 10.0f64..20.0, by in 0.0f64..50.0) {
        let outcome = |shift: f64| {
            let v = value + shift;
            let rows = [row("screening/x/best_vs_D0/delta_s", v, Some((v - half, v + half)))];
            let must = format!("of = {{ stage = \"screening\", arm = \"x\", condition = \"best_vs_D0\", metric = \"delta_s\" }}\nabove = {:?}", at + shift);
            judge(&must, &rows).outcome
        };
        prop_assume!(((value - at).abs() - half).abs() > 1e-6);
        prop_assert_eq!(outcome(0.0), outcome(by));
    }
}
