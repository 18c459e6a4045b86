//! What findings look like outside.

use proptest::prelude::*;

use super::audit;
use crate::{Finding, Verdict, csv, table};

fn finding(verdict: Verdict, text: &str) -> Finding {
    Finding {
        id: "r/a".to_owned(),
        rule: "delta".to_owned(),
        verdict,
        paths: vec!["t.a".to_owned(), "t.b".to_owned()],
        printed: text.to_owned(),
        computed: "3".to_owned(),
        working: "5 - 2 = 3".to_owned(),
        source: "paper Table 1".to_owned(),
    }
}

/// A reader of RFC 4180 for the tests: rows of fields.
fn read(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            _ => field.push(c),
        }
    }
    rows
}

#[test]
fn a_table_lists_what_is_wrong_before_what_is_open() {
    let findings = [
        finding(Verdict::CannotTell, "open"),
        finding(Verdict::Consistent, "fine"),
        finding(Verdict::Inconsistent, "wrong"),
    ];
    insta::assert_snapshot!(table(&findings));
}

#[test]
fn a_table_of_nothing_says_so() {
    assert_eq!(table(&[]), "0 checks: 0 consistent, 0 inconsistent, 0 that the printed digits leave open\n");
}

#[test]
fn json_has_the_fields_by_name() {
    let json = serde_json::to_value(finding(Verdict::CannotTell, "x")).unwrap();
    assert_eq!(json["verdict"], "cannot-tell");
    assert_eq!(json["paths"][1], "t.b");
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["computed", "id", "paths", "printed", "rule", "source", "verdict", "working"]);
}

#[test]
fn rows_of_a_real_audit_have_eight_fields() {
    let leaves = [("t.a", "[1.0, 2.0]"), ("t.b", "3.0")];
    let findings = audit(&leaves, "rule = \"sum\"\nvalue = \"t.b\"\nof = \"t.a\"").unwrap();
    let rows = read(&csv(&findings));
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row.len() == 8));
    assert_eq!(rows[1][5], "sum(1.0, 2.0) = 3 (2.9 to 3.1), printed 3.0");
    assert_eq!(rows[1][7], "t.b t.a");
}

proptest! {
    #[test]
    fn any_text_survives_the_csv(text in "[a-z\",\n\r ]{0,30}") {
        let rows = read(&csv(&[finding(Verdict::Inconsistent, &text)]));
        prop_assert_eq!(rows.len(), 2);
        prop_assert_eq!(&rows[1][3], &text);
        prop_assert_eq!(&rows[1][2], "inconsistent");
    }
}
