//! Whole tables made of real counts are consistent; a perturbed cell is found.

use proptest::prelude::*;

use super::audit_text;
use crate::{Finding, Verdict};

/// Rules of a table of retrieval results: both directions, S, difference to the first row, rank, and a mean of all.
const RULES: &str = r#"
[[rule]]
id = "grid"
rule = "grid"
value = "t.*.{a,b,S,delta}"
n = 500
whole = 100

[[rule]]
id = "minimum"
rule = "minimum"
value = "t.*.S"
of = ["t.*.a", "t.*.b"]

[[rule]]
id = "delta"
rule = "delta"
value = "t.*.delta"
of = "t.*.S"
to = "t.row0.S"

[[rule]]
id = "rank"
rule = "order"
by = "t.*.S"
rank = "t.*.rank"

[[rule]]
id = "moments"
rule = "sd"
mean = "all.mean"
sd = "all.sd"
values = "t.?.S"
n = 500
k = "all.n"
whole = 100

[[rule]]
id = "mean"
rule = "mean"
value = "all.mean"
of = "t.?.S"

[[rule]]
id = "range"
rule = "statement"
that = "min(t.?.S) <= all.mean <= max(t.?.S)"
"#;

/// The published form of rows of counts of 500, as cells `path`, `text`.
fn cells(rows: &[(u32, u32)]) -> Vec<(String, String)> {
    let percent = |count: i64| format!("{:.1}", count as f64 / 5.0);
    let worst: Vec<i64> = rows.iter().map(|(a, b)| i64::from(*a.min(b))).collect();
    let mut cells = Vec::new();
    for (row, (a, b)) in rows.iter().enumerate() {
        let rank = 1 + worst.iter().filter(|other| **other > worst[row]).count();
        for (column, text) in [
            ("a", percent(i64::from(*a))),
            ("b", percent(i64::from(*b))),
            ("S", percent(worst[row])),
            ("delta", percent(worst[row] - worst[0])),
            ("rank", rank.to_string()),
        ] {
            cells.push((format!("t.row{row}.{column}"), text));
        }
    }
    let values: Vec<f64> = worst.iter().map(|count| *count as f64 / 5.0).collect();
    let summary = hit_stats::Summary::of(&values).unwrap();
    cells.push(("all.mean".to_owned(), format!("{:.2}", summary.mean)));
    cells.push(("all.sd".to_owned(), format!("{:.2}", summary.sd.unwrap())));
    cells.push(("all.n".to_owned(), rows.len().to_string()));
    cells
}

fn findings(cells: &[(String, String)]) -> Vec<Finding> {
    let cells: Vec<(&str, &str)> = cells.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    audit_text(&super::published(&cells), RULES).unwrap_or_else(|error| panic!("{error}"))
}

fn broken(findings: &[Finding]) -> Vec<String> {
    let broken = findings.iter().filter(|finding| finding.verdict == Verdict::Inconsistent);
    broken.map(|finding| format!("{} {}", finding.id, finding.working)).collect()
}

fn rows() -> impl Strategy<Value = Vec<(u32, u32)>> {
    prop::collection::vec((100_u32..480, 100_u32..480), 3..7)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn real_counts_raise_no_alarm(rows in rows()) {
        let findings = findings(&cells(&rows));
        prop_assert!(broken(&findings).is_empty(), "{:#?}", broken(&findings));
    }

    #[test]
    fn a_cell_that_is_off_by_a_digit_is_found(rows in rows(), row in 0_usize..3, column in 0_usize..3, up in any::<bool>()) {
        let mut cells = cells(&rows);
        let path = format!("t.row{row}.{}", ["a", "S", "delta"][column]);
        let cell = cells.iter_mut().find(|(known, _)| *known == path).unwrap();
        let value: f64 = cell.1.parse().unwrap();
        cell.1 = format!("{:.1}", if up { value + 0.1 } else { value - 0.1 });
        prop_assert!(!broken(&findings(&cells)).is_empty(), "{path} {}", cells.len());
    }

    #[test]
    fn an_s_on_the_grid_that_is_wrong_is_found(rows in rows(), row in 0_usize..3, steps in 1_i32..50) {
        let mut cells = cells(&rows);
        let cell = cells.iter_mut().find(|(path, _)| *path == format!("t.row{row}.S")).unwrap();
        let value: f64 = cell.1.parse().unwrap();
        cell.1 = format!("{:.1}", value + 0.2 * f64::from(steps));
        let found = broken(&findings(&cells));
        prop_assert!(found.iter().any(|text| text.starts_with(&format!("minimum/t.row{row}.S"))), "{found:?}");
    }

    #[test]
    fn a_wrong_rank_is_found(rows in rows(), row in 0_usize..3, by in 1_usize..4) {
        let mut cells = cells(&rows);
        let cell = cells.iter_mut().find(|(path, _)| *path == format!("t.row{row}.rank")).unwrap();
        cell.1 = (cell.1.parse::<usize>().unwrap() + by).to_string();
        let found = broken(&findings(&cells));
        prop_assert!(found.iter().any(|text| text.starts_with(&format!("rank/t.row{row}"))), "{found:?}");
    }

    #[test]
    fn a_wrong_mean_or_deviation_is_found(rows in rows(), which in 0_usize..2, by in 2_i32..300) {
        let mut cells = cells(&rows);
        let path = ["all.mean", "all.sd"][which];
        let cell = cells.iter_mut().find(|(known, _)| known == path).unwrap();
        cell.1 = format!("{:.2}", cell.1.parse::<f64>().unwrap() + f64::from(by) / 100.0);
        let found = broken(&findings(&cells));
        prop_assert!(found.iter().any(|text| text.starts_with("moments")), "{found:?}");
    }
}
