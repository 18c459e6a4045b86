//! Another paper: a survey with scales of whole numbers, groups, a test and a table of counts. Nothing of it is music.

use super::audit_text;
use crate::Verdict::{self, CannotTell, Consistent, Inconsistent};
use crate::{Finding, csv, table};

const PUBLISHED: &str = r#"
[meta]
title = "A survey that was made up"

[design]
n_control = { value = 28, unit = "persons", source = "sec 2" }
n_treated = { value = 28, unit = "persons", source = "sec 2" }
n_all = { value = 56, unit = "persons", source = "sec 2" }
items = { value = 18, unit = "answers", source = "sec 2" }
design = { value = "between", unit = "", source = "sec 2" }
power = { missing = true, unit = "", note = "not given" }

[table1.control]
mean = { value = 5.18, unit = "", source = "Table 1" }
sd = { value = 1.61, unit = "", source = "Table 1" }
women = { value = 39, unit = "%", source = "Table 1" }
age = { value = 24.1, unit = "a", source = "Table 1" }

[table1.treated]
mean = { value = 5.19, unit = "", source = "Table 1" }
sd = { value = 1.60, unit = "", source = "Table 1" }
women = { value = 54, unit = "%", source = "Table 1" }
age = { value = 23.8, unit = "a", source = "Table 1" }

[table2.first]
mean = { value = 3.44, unit = "", source = "Table 2" }
sd = { value = 2.47, unit = "", source = "Table 2" }

[table2.second]
mean = { value = 3.44, unit = "", source = "Table 2" }
sd = { value = 2.41, unit = "", source = "Table 2" }

[table3]
yes = { value = [12, 9, 7], unit = "persons", source = "Table 3" }
total = { value = 28, unit = "persons", source = "Table 3" }
share_first = { value = 43, unit = "%", source = "Table 3" }

[text]
t = { value = 0.02, unit = "", source = "sec 3" }
p_below = { value = 0.05, unit = "", source = "sec 3" }
older = { value = "control", unit = "", source = "sec 3" }
"#;

const AUDIT: &str = r#"
[reading]
exact = ["design.{n_control,n_treated,n_all,items}", "table3.{yes,total}"]

[[rule]]
id = "means"
rule = "grid"
source = "answers are whole numbers"
value = "table1.*.mean"
n = "design.n_control"
whole = 1

[[rule]]
id = "women"
rule = "grid"
value = "table1.*.women"
n = "design.n_control"
whole = 100

[[rule]]
id = "spread"
rule = "sd"
mean = "table2.*.mean"
sd = "table2.*.sd"
n = 1
k = "design.items"
whole = 1

[[rule]]
id = "persons"
rule = "sum"
value = "design.n_all"
of = "design.n_{control,treated}"

[[rule]]
id = "counts"
rule = "sum"
value = "table3.total"
of = "table3.yes"

[[rule]]
id = "share"
rule = "ratio"
value = "table3.share_first"
of = "100 * table3.yes[0]"
to = "table3.total"

[[rule]]
id = "test"
rule = "welch"
source = "sec 3"
a = { mean = "table1.treated.mean", sd = "table1.treated.sd" }
b = { mean = "table1.control.mean", sd = "table1.control.sd" }
n = "design.n_control"
t = "text.t"
p_below = "text.p_below"

[[rule]]
id = "older"
rule = "statement"
says = "the control group is older"
source = "sec 3"
that = "table1.control.age > table1.treated.age"

[[rule]]
id = "named"
rule = "member"
value = "text.older"
of = "table1.*.mean"
"#;

fn findings() -> Vec<Finding> {
    audit_text(PUBLISHED, AUDIT).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn of(id: &str) -> (Verdict, String) {
    let all = findings();
    let finding = all.iter().find(|finding| finding.id == id).unwrap_or_else(|| panic!("no `{id}` in {all:#?}"));
    (finding.verdict, finding.working.clone())
}

/// The example of Brown and Heathers: no 28 whole numbers have a mean of 5.19.
#[test]
fn the_classic_mean_is_found() {
    let (verdict, working) = of("means/table1.treated.mean");
    assert_eq!((verdict, working.as_str()), (Inconsistent, "5.19: 145 of 28 is 5.1786, 146 is 5.2143"));
    assert_eq!(of("means/table1.control.mean"), (Consistent, "5.18 = 145 of 28".to_owned()));
}

/// 18 whole numbers with a mean of 3.44 sum up to 62, so that their squares sum up to an even number; an SD of 2.47
/// asks for 317, one of 2.41 for 312.
#[test]
fn a_deviation_is_refuted_by_parity_alone() {
    assert_eq!(of("spread/table2.first.mean").0, Inconsistent);
    assert_eq!(of("spread/table2.second.mean").0, Consistent);
    let (_, working) = of("spread/table2.second.mean");
    let values: Vec<i64> = working.trim_start_matches("for example ").split(", ").map(|x| x.parse().unwrap()).collect();
    assert_eq!((values.len(), values.iter().sum::<i64>()), (18, 62));
    assert_eq!(values.iter().map(|x| x * x).sum::<i64>(), 312);
}

#[test]
fn counts_shares_and_names_pass() {
    for id in
        ["women/table1.control.women", "women/table1.treated.women", "persons/design.n_all", "counts/table3.total"]
    {
        assert_eq!(of(id).0, Consistent, "{id}");
    }
    assert_eq!(of("share/table3.share_first").1, "(100 * 12) / 28 = 42.8571, printed 43");
    assert_eq!(of("older").0, Consistent);
    assert_eq!(of("named/text.older").0, Consistent);
}

#[test]
fn a_test_that_is_not_significant_is_found() {
    assert_eq!(of("test/t").0, Consistent);
    let (verdict, working) = of("test/p_below");
    assert_eq!(verdict, Inconsistent, "{working}");
    assert!(working.contains("n = 28 each"), "{working}");
}

#[test]
fn verdicts_join_to_the_worst() {
    for (a, b, both) in [
        (Consistent, Consistent, Consistent),
        (Consistent, CannotTell, CannotTell),
        (CannotTell, Consistent, CannotTell),
        (CannotTell, Inconsistent, Inconsistent),
        (Inconsistent, Consistent, Inconsistent),
    ] {
        assert_eq!(a.and(b), both);
        assert_eq!(b.and(a), both);
    }
    assert_eq!(
        [Consistent, Inconsistent, CannotTell].map(Verdict::name),
        ["consistent", "inconsistent", "cannot tell"]
    );
}

#[test]
fn the_report_counts_what_it_lists() {
    let findings = findings();
    let text = table(&findings);
    assert!(text.starts_with("Inconsistent (3)\n"), "{text}");
    assert!(
        text.ends_with(&format!(
            "{} checks: {} consistent, 3 inconsistent, 0 that the printed digits leave open\n",
            findings.len(),
            findings.len() - 3
        )),
        "{text}"
    );
    assert_eq!(csv(&findings).lines().count(), findings.len() + 1);
}
