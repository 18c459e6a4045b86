//! Every kind of rule on small tables: the clean one passes, the planted error is found.

use super::{audit, audit_text, published, verdict};
use crate::Verdict::{self, CannotTell, Consistent, Inconsistent};

/// The screening table of the examples: S and the difference to D0.
const TABLE: [(&str, &str); 9] = [
    ("t.a.S", "69.8"),
    ("t.a.delta", "9.6"),
    ("t.a.rank", "1"),
    ("t.b.S", "58.8"),
    ("t.b.delta", "-1.4"),
    ("t.b.rank", "3"),
    ("t.D0.S", "60.2"),
    ("t.D0.rank", "2"),
    ("t.D0.word", "\"A\""),
];

/// The table with one leaf replaced.
fn with<'a>(path: &str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut leaves: Vec<(&'a str, &'a str)> = TABLE.to_vec();
    let at = leaves.iter().position(|(known, _)| *known == path).expect("a leaf of the table");
    leaves[at].1 = value;
    leaves
}

fn verdicts(leaves: &[(&str, &str)], rule: &str) -> Vec<(String, Verdict)> {
    let findings = audit(leaves, rule).unwrap_or_else(|error| panic!("{error}"));
    findings.into_iter().map(|finding| (finding.id, finding.verdict)).collect()
}

const DELTA: &str = "rule = \"delta\"\nvalue = \"t.*.delta\"\nof = \"t.*.S\"\nto = \"t.D0.S\"";
const RANK: &str = "rule = \"order\"\nby = \"t.*.S\"\nrank = \"t.*.rank\"";

#[test]
fn differences() {
    let clean = verdicts(&TABLE, DELTA);
    assert_eq!(clean, [("r/t.a.delta".to_owned(), Consistent), ("r/t.b.delta".to_owned(), Consistent)]);
    assert_eq!(verdicts(&with("t.a.delta", "9.8"), DELTA)[0].1, Inconsistent);
    assert_eq!(verdicts(&with("t.a.delta", "9.7"), DELTA)[0].1, Consistent, "69.84 - 60.16 rounds to it");
    assert_eq!(verdicts(&with("t.D0.S", "61.2"), DELTA).iter().filter(|(_, v)| *v == Inconsistent).count(), 2);
}

#[test]
fn the_working_of_a_difference() {
    let finding = audit(&with("t.a.delta", "9.8"), DELTA).unwrap().remove(0);
    assert_eq!(finding.working, "69.8 - 60.2 = 9.6 (9.5 to 9.7), not 9.8");
    assert_eq!((finding.printed.as_str(), finding.rule.as_str()), ("9.8", "delta"));
    assert_eq!(finding.paths, ["t.a.delta", "t.a.S", "t.D0.S"]);
}

#[test]
fn extremes_sums_means_and_quotients() {
    let leaves = [
        ("t.x", "3.0"),
        ("t.y", "5.0"),
        ("t.min", "3.0"),
        ("t.max", "5.0"),
        ("t.sum", "8.0"),
        ("t.mean", "4.0"),
        ("t.q", "0.6"),
    ];
    let rule = |kind: &str, value: &str, of: &str| format!("rule = \"{kind}\"\nvalue = \"{value}\"\n{of}");
    let both = "of = [\"t.x\", \"t.y\"]";
    for (kind, value) in [("minimum", "t.min"), ("maximum", "t.max"), ("sum", "t.sum"), ("mean", "t.mean")] {
        assert_eq!(verdict(&leaves, &rule(kind, value, both)), Consistent, "{kind}");
        assert_eq!(verdict(&leaves, &rule(kind, "t.q", both)), Inconsistent, "{kind}");
        assert_eq!(verdict(&leaves, &rule(kind, value, "of = \"t.{x,y}\"")), Consistent, "{kind}");
    }
    assert_eq!(verdict(&leaves, &rule("ratio", "t.q", "of = \"t.x\"\nto = \"t.y\"")), Consistent);
    assert_eq!(
        verdict(&leaves, &rule("ratio", "t.x", "of = \"t.x + t.y - 2\"\nto = \"t.y - 3\"")),
        Consistent,
        "6 / 2"
    );
    assert_eq!(
        verdict(&leaves, &rule("ratio", "t.q", "of = \"t.x\"\nto = \"t.y - 5\"")),
        CannotTell,
        "by what may be zero"
    );
    assert_eq!(verdict(&leaves, &rule("equal", "t.sum", "is = \"2 * t.mean\"")), Consistent);
    assert_eq!(verdict(&leaves, &rule("equal", "t.sum", "is = 9")), Inconsistent);
}

#[test]
fn tolerance_of_a_printed_number() {
    let leaves = [("t.about", "13000"), ("t.rounded", "78.0")];
    let rule = |value: &str, is: &str, more: &str| format!("rule = \"equal\"\nvalue = \"{value}\"\nis = {is}\n{more}");
    assert_eq!(verdict(&leaves, &rule("t.about", "12500", "about = 0.1")), Consistent);
    assert_eq!(verdict(&leaves, &rule("t.about", "12500", "")), Inconsistent);
    assert_eq!(verdict(&leaves, &rule("t.about", "540000", "about = 0.5")), Inconsistent);
    assert_eq!(verdict(&leaves, &rule("t.rounded", "77.6", "decimals = 0")), Consistent);
    assert_eq!(verdict(&leaves, &rule("t.rounded", "77.6", "")), Inconsistent);
}

#[test]
fn ranks() {
    assert!(verdicts(&TABLE, RANK).iter().all(|(_, verdict)| *verdict == Consistent));
    let swapped = verdicts(&with("t.a.rank", "2"), RANK);
    assert_eq!(swapped.iter().filter(|(_, verdict)| *verdict == Inconsistent).count(), 1, "{swapped:?}");
    // rows that are printed alike may stand either way, and share a rank if they are equal
    let tie = [
        ("t.a.S", "63.6"),
        ("t.a.rank", "1"),
        ("t.b.S", "63.6"),
        ("t.b.rank", "1"),
        ("t.c.S", "60.0"),
        ("t.c.rank", "3"),
    ];
    assert!(verdicts(&tie, RANK).iter().all(|(_, verdict)| *verdict == Consistent));
    let mut wrong = tie;
    wrong[5].1 = "2";
    assert_eq!(verdicts(&wrong, RANK)[2].1, Inconsistent, "two rows are above");
}

#[test]
fn two_columns_in_one_order() {
    let leaves = [("x.a", "3.0"), ("x.b", "2.0"), ("x.c", "1.0"), ("y.a", "9.0"), ("y.b", "8.0"), ("y.c", "7.0")];
    let rule = "rule = \"order\"\nby = \"x.*\"\nlike = \"y.*\"";
    assert_eq!(verdict(&leaves, rule), Consistent);
    let mut swapped = leaves;
    swapped[4].1 = "7.0";
    swapped[5].1 = "8.0";
    let finding = audit(&swapped, rule).unwrap().remove(0);
    assert_eq!(finding.verdict, Inconsistent);
    assert_eq!(finding.working, "b > c (2.0 > 1.0, but 7.0 < 8.0)");
    swapped[5].1 = "7.0";
    assert_eq!(verdict(&swapped, rule), CannotTell, "printed alike");
}

#[test]
fn names_among_rows() {
    let rule = "rule = \"member\"\nvalue = \"t.D0.word\"\nof = \"t.*.S\"";
    assert_eq!(verdict(&TABLE, rule), Consistent, "the case does not count");
    let finding = audit(&with("t.D0.word", "\"c\""), rule).unwrap().remove(0);
    assert_eq!((finding.verdict, finding.computed.as_str()), (Inconsistent, "not listed"));
    let error = audit(&TABLE, "rule = \"member\"\nvalue = \"t.D0.word\"\nof = \"t.a.S\"").unwrap_err();
    assert!(error.contains("captures no name"), "{error}");
}

/// Oracle of specification section 11: t 5.548, df 7.80, p 5.9e-4, d 3.509.
#[test]
fn welch_and_cohen_from_printed_moments() {
    let moments = [("a.mean", "84.0"), ("a.sd", "2.7"), ("b.mean", "75.2"), ("b.sd", "2.3"), ("s.n", "5")];
    let test = |name: &str, printed: &str| {
        let leaves = [moments.as_slice(), &[("s.x", printed)]].concat();
        let sides = "a = { mean = \"a.mean\", sd = \"a.sd\" }\nb = { mean = \"b.mean\", sd = \"b.sd\" }\nn = \"s.n\"";
        audit(&leaves, &format!("rule = \"welch\"\n{sides}\n{name} = \"s.x\"")).unwrap().remove(0)
    };
    for (name, right, wrong, oracle, half) in [
        ("t", "5.548", "5.9", 5.548, 5e-4),
        ("df", "7.80", "8.1", 7.80, 5e-3),
        ("p", "0.00059", "0.0009", 5.9e-4, 5e-6),
        ("d", "3.509", "3.8", 3.509, 5e-4),
        ("p_below", "0.001", "0.0004", 5.9e-4, 5e-6),
    ] {
        let (good, bad) = (test(name, right), test(name, wrong));
        assert_eq!(good.verdict, Consistent, "{name}: {}", good.working);
        assert_eq!(bad.verdict, Inconsistent, "{name}: {}", bad.working);
        let value: f64 = good.computed.split(' ').next().unwrap().parse().unwrap();
        assert!((value - oracle).abs() <= half, "{name}: {}", good.computed);
    }
}

#[test]
fn significance_is_not_refuted_but_left_open() {
    let rule = |level: f64| {
        format!(
            "rule = \"welch\"\na = {{ mean = \"a.mean\", sd = \"a.sd\" }}\nb = {{ mean = \"b.mean\", sd = \"b.sd\" }}\nn = 5\nlevel = {level}"
        )
    };
    let leaves = |mean: &'static str| [("a.mean", mean), ("a.sd", "2.7"), ("b.mean", "80.7"), ("b.sd", "1.9")];
    assert_eq!(verdict(&leaves("84.0"), &rule(0.05)), CannotTell, "p = 0.06");
    assert_eq!(verdict(&leaves("84.0"), &rule(0.1)), Consistent);
    assert_eq!(verdict(&leaves("90.0"), &rule(0.05)), Consistent);
    assert_eq!(verdict(&[("a.mean", "1.0"), ("a.sd", "0"), ("b.mean", "2.0"), ("b.sd", "0")], &rule(0.05)), CannotTell);
}

#[test]
fn shares_that_differ_by_more_than_chance() {
    let rule = "rule = \"resolved\"\na = \"t.a\"\nb = \"t.b\"\nn = 500\nwhole = 100";
    assert_eq!(verdict(&[("t.a", "83.8"), ("t.b", "73.4")], rule), Consistent);
    let finding = audit(&[("t.a", "83.8"), ("t.b", "82.0")], rule).unwrap().remove(0);
    // 1.96 sqrt(0.838 * 0.162 / 500 + 0.82 * 0.18 / 500) = 4.666 pp
    assert_eq!((finding.verdict, finding.computed.as_str()), (CannotTell, "± 4.6658"));
    let error = audit(&[("t.a", "120"), ("t.b", "82.0")], rule).unwrap_err();
    assert!(error.contains("not shares of 100"), "{error}");
}

#[test]
fn statements_go_through_rows() {
    let named = "rule = \"statement\"\nfor = [\"a\", \"b\"]\nsays = \"above D0\"\nsource = \"sec 4\"\nthat = \"t.*.S > t.D0.S\"";
    let findings = audit(&TABLE, named).unwrap();
    assert_eq!(findings.iter().map(|f| f.verdict).collect::<Vec<_>>(), [Consistent, Inconsistent]);
    assert_eq!((findings[1].id.as_str(), findings[1].printed.as_str()), ("r/b", "above D0"));
    assert_eq!(findings[1].source, "sec 4 | paper Table 1");
    assert_eq!(findings[1].working, "58.8 > 60.2: false");
    let by_fact = "rule = \"statement\"\nfor = \"t.*.delta\"\nthat = \"t.*.S = t.D0.S + t.*.delta\"";
    assert_eq!(verdicts(&TABLE, by_fact), [("r/a".to_owned(), Consistent), ("r/b".to_owned(), Consistent)]);
}

#[test]
fn rules_that_cannot_be_applied_say_what_to_do() {
    for (rule, expected) in [
        ("", "needs the field `rule`"),
        ("rule = \"guess\"", "`guess` is no kind of rule; there are grid"),
        ("rule = \"delta\"\nvalue = \"t.*.delta\"\nof = \"t.*.S\"", "needs the field `to`"),
        ("rule = \"delta\"\nvalue = 3", "`value` is not words in quotes"),
        ("rule = \"order\"\nby = \"t.*.S\"", "needs `rank` or `like`"),
        ("rule = \"order\"\nby = \"t.*.S\"\nrank = \"t.*.nosuch\"", "is not published; is `t."),
        ("rule = \"sum\"\nvalue = \"t.a.S\"\nof = []", "`of` is empty"),
        ("rule = \"sum\"\nvalue = \"t.a.S\"\nof = \"t.?.S\"\ntypo = 1", "`typo` is no field of it"),
        ("rule = \"sum\"\nvalue = \"nosuch.*\"\nof = \"t.?.S\"", "`nosuch.*` fits no published value"),
        ("rule = \"equal\"\nvalue = \"t.a.S\"\nis = 1\ndecimals = 0.5", "0.5 decimals"),
        ("rule = \"equal\"\nvalue = \"t.a.S\"\nis = 1\nabout = -1", "`about` is a relative tolerance"),
        ("rule = \"grid\"\nvalue = \"t.a.S\"\nn = 0\nwhole = 100", "`n` is 0; a whole number"),
        ("rule = \"grid\"\nvalue = \"t.a.S\"\nn = 500\nwhole = -1", "`whole` is not positive"),
        ("rule = \"grid\"\nvalue = \"t.D0.word\"\nn = 500\nwhole = 100", "`t.D0.word` is no number"),
        ("rule = \"sd\"\nmean = \"t.a.S\"\nsd = \"t.?.S\"\nn = 500\nk = 5\nwhole = 100", "names 3 facts where one"),
        ("rule = \"welch\"\na = 3\nn = 5", "`a` is not a table"),
        ("rule = \"welch\"\nn = 5", "needs the field `a = {mean, sd}`"),
        ("rule = \"member\"\nvalue = \"t.a.S\"\nof = \"t.*.S\"", "`t.a.S` is not words"),
        ("rule = \"statement\"\nthat = \"t.*.S > 1\"\nfor = 3", "`for` is not words"),
    ] {
        let error = audit(&TABLE, rule).unwrap_err();
        assert!(error.starts_with("a.toml: rule `r`: ") && error.contains(expected), "{rule}: {error}");
    }
}

#[test]
fn the_file_of_rules_is_checked_as_a_whole() {
    let facts = published(&TABLE);
    let rule = "[[rule]]\nid = \"r\"\nrule = \"statement\"\nthat = \"1 = 1\"\n";
    for (text, expected) in [
        (format!("{rule}{rule}"), "rule `r`: is the id of two rules"),
        ("[[rule]]\nrule = \"sum\"".to_owned(), "rule `number 1`: needs the field `id`"),
        ("[[rules]]\nid = \"r\"".to_owned(), "`rules` is no field"),
        ("rule = 3".to_owned(), "is not a list"),
        ("[reading]\nexakt = []".to_owned(), "rule `reading`: `exakt` is no field"),
        ("[reading]\nexact = [\"t.x\"]".to_owned(), "rule `reading.exact`: `t.x` fits no published value"),
        ("[reading.decimals]\n\"t.x\" = 3".to_owned(), "rule `reading.decimals`: `t.x` fits no"),
        ("[reading.decimals]\n\"t.a.S\" = 99".to_owned(), "99 decimals"),
        ("[[rule".to_owned(), "a.toml: TOML parse error"),
    ] {
        let error = audit_text(&facts, &text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}
