//! Statistics of true samples, printed with few digits, are never said to be wrong; shifted ones are.

use proptest::prelude::*;

use super::audit;
use crate::Verdict::{self, CannotTell, Consistent, Inconsistent};

/// What a paper would print of two samples: moments with `digits` decimals, statistics with two.
struct Report {
    leaves: Vec<(&'static str, String)>,
    n: usize,
}

impl Report {
    /// None if nothing spreads, so that there is no test.
    fn of(a: &[f64], b: &[f64], digits: usize) -> Option<Self> {
        let [a, b] = [a, b].map(|values| hit_stats::Summary::of(values).unwrap().moments().unwrap());
        let test = hit_stats::welch(&a, &b).ok()?;
        let d = hit_stats::cohen_d(&a, &b).ok()?;
        let mut leaves = Vec::new();
        for (path, value) in [("a.mean", a.mean), ("a.sd", a.sd), ("b.mean", b.mean), ("b.sd", b.sd)] {
            leaves.push((path, format!("{value:.digits$}")));
        }
        for (path, value) in [("s.t", test.t), ("s.df", test.df), ("s.p", test.p), ("s.d", d)] {
            leaves.push((path, format!("{value:.3}")));
        }
        Some(Self { leaves, n: a.n })
    }

    /// Adds to a printed number.
    fn shift(&mut self, path: &str, by: f64) {
        let leaf = self.leaves.iter_mut().find(|(known, _)| *known == path).unwrap();
        leaf.1 = format!("{:.3}", leaf.1.parse::<f64>().unwrap() + by);
    }

    /// Verdicts on t, df, d, p.
    fn verdicts(&self) -> Vec<Verdict> {
        let leaves: Vec<(&str, &str)> = self.leaves.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let rule = format!(
            "rule = \"welch\"\na = {{ mean = \"a.mean\", sd = \"a.sd\" }}\nb = {{ mean = \"b.mean\", sd = \"b.sd\" }}\nn = {}\n{}",
            self.n, "t = \"s.t\"\ndf = \"s.df\"\nd = \"s.d\"\np = \"s.p\""
        );
        audit(&leaves, &rule).unwrap().into_iter().map(|finding| finding.verdict).collect()
    }
}

/// Two samples of one size.
fn samples() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    let share = (300_u32..450).prop_map(|count| f64::from(count) / 5.0);
    (3_usize..7)
        .prop_flat_map(move |n| (prop::collection::vec(share.clone(), n), prop::collection::vec(share.clone(), n)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn statistics_of_real_samples_raise_no_alarm((a, b) in samples(), digits in 1_usize..3) {
        if let Some(report) = Report::of(&a, &b, digits) {
            let verdicts = report.verdicts();
            prop_assert!(!verdicts.contains(&Inconsistent), "{:?} {verdicts:?}", report.leaves);
        }
    }

    #[test]
    fn statistics_that_are_off_are_found((a, b) in samples(), up in any::<bool>()) {
        let Some(report) = Report::of(&a, &b, 2) else { return Ok(()) };
        // rounding of a small deviation may explain much
        prop_assume!(report.leaves.iter().all(|(path, text)| !path.ends_with("sd") || text.parse::<f64>().unwrap() > 2.0));
        for (at, (path, by)) in [("s.t", 0.5), ("s.df", 0.5), ("s.d", 0.5), ("s.p", 0.3)].into_iter().enumerate() {
            let mut off = Report { leaves: report.leaves.clone(), n: report.n };
            off.shift(path, if up { by } else { -by });
            prop_assert_eq!(off.verdicts()[at], Inconsistent, "{} {:?}", path, off.leaves);
        }
    }

    /// A share that differs from itself is never resolved; far ones always are.
    #[test]
    fn resolved_goes_with_the_distance(count in 50_u32..450) {
        let share = |count: u32| format!("{:.1}", f64::from(count) / 5.0);
        let (a, near, far) = (share(count), share(count + 1), share(if count < 250 { count + 60 } else { count - 60 }));
        let rule = "rule = \"resolved\"\na = \"t.a\"\nb = \"t.{near,far}\"\nn = 500\nwhole = 100";
        let findings = audit(&[("t.a", &a), ("t.near", &near), ("t.far", &far)], rule).unwrap();
        let verdicts: Vec<Verdict> = findings.iter().map(|finding| finding.verdict).collect();
        prop_assert_eq!(verdicts, [CannotTell, Consistent]);
    }

    /// Ranks and orders of printed columns: whatever the rounding, the true order is not refuted.
    #[test]
    fn true_ranks_raise_no_alarm(values in prop::collection::vec(0.0..3.0_f64, 2..7), digits in 0_usize..3) {
        let mut leaves = Vec::new();
        for (row, value) in values.iter().enumerate() {
            let rank = 1 + values.iter().filter(|other| *other > value).count();
            leaves.push((format!("t.r{row}.x"), format!("{value:.digits$}")));
            leaves.push((format!("t.r{row}.fine"), format!("{value:.5}")));
            leaves.push((format!("t.r{row}.rank"), rank.to_string()));
        }
        let leaves: Vec<(&str, &str)> = leaves.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let ranks = audit(&leaves, "rule = \"order\"\nby = \"t.*.x\"\nrank = \"t.*.rank\"").unwrap();
        prop_assert!(ranks.iter().all(|finding| finding.verdict == Consistent), "{ranks:?}");
        let alike = audit(&leaves, "rule = \"order\"\nby = \"t.*.fine\"\nlike = \"t.*.x\"").unwrap();
        prop_assert_ne!(alike[0].verdict, Inconsistent, "{:?}", alike);
    }

    /// The SD of printed values: never refuted, and its range holds the true one.
    #[test]
    fn deviations_of_printed_values_hold_the_true_one(values in prop::collection::vec(0.0..9.0_f64, 2..7), digits in 0_usize..3) {
        let list = values.iter().map(|value| format!("{value:.digits$}")).collect::<Vec<_>>().join(", ");
        let sd = hit_stats::Summary::of(&values).unwrap().sd.unwrap();
        let leaves = [("t.list", format!("[{list}]")), ("t.sd", format!("{sd:.3}"))];
        let leaves: Vec<(&str, &str)> = leaves.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let finding = audit(&leaves, "rule = \"equal\"\nvalue = \"t.sd\"\nis = \"sd(t.list)\"").unwrap().remove(0);
        prop_assert_eq!(finding.verdict, Consistent, "{}", finding.working);
    }
}

#[test]
fn samples_without_spread_have_no_test() {
    assert!(Report::of(&[1.0, 1.0], &[2.0, 2.0], 1).is_none());
    let leaves = [("a.mean", "1.0"), ("a.sd", "0.0"), ("b.mean", "2.0"), ("b.sd", "0.0"), ("s.t", "3.0")];
    let rule = "rule = \"welch\"\na = { mean = \"a.mean\", sd = \"a.sd\" }\nb = { mean = \"b.mean\", sd = \"b.sd\" }\nn = 5\nt = \"s.t\"";
    assert_eq!(audit(&leaves, rule).unwrap()[0].verdict, CannotTell);
}

#[test]
fn sides_and_counts_are_checked() {
    let leaves = [("a.mean", "1.0"), ("a.sd", "0.5"), ("a.more", "2.0"), ("s.n", "2.5")];
    let sides = "a = { mean = \"a.mean\", sd = \"a.sd\" }\nb = { mean = \"a.mean\", sd = \"a.sd\" }";
    for (rule, expected) in [
        (format!("{sides}\nn = \"s.n\"\nlevel = 0.05"), "`n` is 2.5; a whole number"),
        (format!("{sides}\nn = \"a.?\"\nlevel = 0.05"), "gives 3 numbers where one is needed"),
        (format!("{sides}\nn = 5"), "has nothing to check"),
        (format!("{sides}\nn = 5\nt = \"s.t\""), "`s.t` fits no published value"),
        ("a = { mean = \"a.mean\" }\nb = {}\nn = 5\nlevel = 1".to_owned(), "needs the field `sd`"),
        (format!("{}\nn = 5\nlevel = 1", sides.replace("sd = \"a.sd\" }\nb", "sd = \"a.?\" }\nb")), "names 3 facts"),
    ] {
        let error = audit(&leaves, &format!("rule = \"welch\"\n{rule}")).unwrap_err();
        assert!(error.contains(expected), "{rule}: {error}");
    }
}
