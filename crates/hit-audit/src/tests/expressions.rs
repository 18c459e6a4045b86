//! Statements: grammar and values.

use proptest::prelude::*;

use super::{audit, says};
use crate::Verdict::{self, CannotTell, Consistent, Inconsistent};
use crate::expr::{expression, statement};

const LEAVES: [(&str, &str); 9] = [
    ("a.x", "2.00"),
    ("a.y", "3.00"),
    ("a.z", "4.00"),
    ("d4-a4r.x", "7.00"),
    ("l.up", "[1.0, 2.0, 3.0]"),
    ("l.down", "[3.0, 2.0, 1.0]"),
    ("w.one", "\"cosine\""),
    ("w.two", "\"cosine\""),
    ("w.fifth", "\"3/2\""),
];

#[test]
fn arithmetic_goes_by_the_usual_precedence() {
    for (that, expected) in [
        ("1 + 2 * 3 = 7", Consistent),
        ("(1 + 2) * 3 = 9", Consistent),
        ("10 - 4 - 3 = 3", Consistent),
        ("24 / 4 / 2 = 3", Consistent),
        ("-2 * -3 = 6", Consistent),
        ("2 - -3 = 5", Consistent),
        ("1e3 = 1000", Consistent),
        ("1 + 2 * 3 = 9", Inconsistent),
        ("2 * (3 + 4) * 5 = 70", Consistent),
    ] {
        assert_eq!(says(&LEAVES, that), expected, "{that}");
    }
}

#[test]
fn functions_have_their_values() {
    for (that, expected) in [
        ("min(a.x, a.y, 1) = 1", Consistent),
        ("max(a.?) = 4", Consistent),
        ("mean(l.up) = 2", Consistent),
        ("sum(l.up, l.down) = 12", Consistent),
        ("sd(1, 2, 3) = 1", Consistent),
        ("sd(1, 2, 3) = 1.1", Inconsistent),
        ("count(a.?, l.?) = 5", Consistent),
        ("distinct(w.one, w.two, w.fifth) = 2", Consistent),
        ("abs(-3) = 3", Consistent),
        ("sqrt(16) = 4", Consistent),
        ("log2(w.fifth) = 0.5849625007211562", Consistent),
        ("floor(187.5) = 187", Consistent),
        ("floor(188) = 188", Consistent),
        ("floor(-0.5) = -1", Consistent),
        ("1 / (a.x - 2) = 5", CannotTell),
        ("sqrt(-1) = 1", CannotTell),
        ("max(sqrt(-1), 1) = 1", CannotTell),
    ] {
        assert_eq!(says(&LEAVES, that), expected, "{that}");
    }
}

#[test]
fn chains_lists_and_courses() {
    for (that, expected) in [
        ("1 < a.x < a.y <= 5", Consistent),
        ("1 < a.y < a.x", Inconsistent),
        ("l.up < 4", Consistent),
        ("l.up < 3", CannotTell),
        ("l.up < 2", Inconsistent),
        ("l.up = (1, 2, 3)", Consistent),
        ("l.up = l.down", Inconsistent),
        ("rising (l.up)", Consistent),
        ("falling (l.up)", Inconsistent),
        ("falling (l.down) and rising (l.up)", Consistent),
        ("rising (l.up) and a.x > 5", Inconsistent),
        ("rising (a.x, a.x, a.y)", CannotTell),
        ("a.x != a.y", Consistent),
        ("2 != 2", Inconsistent),
        ("d4-a4r.x - a.x = 5", Consistent),
    ] {
        assert_eq!(says(&LEAVES, that), expected, "{that}");
    }
}

#[test]
fn what_cannot_be_read_is_explained() {
    for (that, expected) in [
        ("", "a number, a path or a function"),
        ("a.x", "a relation"),
        ("a.x <", "a number, a path or a function"),
        ("a.x < 1 2", "an operator between spaces"),
        ("a.x ~ 1", "means nothing here"),
        ("a.x-a.y < 1", "`a.x-a.y` is not published"),
        ("median(a.x) < 1", "`median` is no function; there are min, max"),
        ("count(1) < 1", "takes paths only"),
        ("min( < 1", "a number, a path"),
        ("min(1 < 1", "`)` or `,`"),
        ("1x < 2", "no number"),
        ("a.w < 2", "`a.w` is not published"),
        ("w.one < 2", "`cosine`, no number"),
        ("l.up = (1, 2)", "a list of 3 numbers stands beside one of 2"),
        ("rising l.up and", "a number, a path"),
        ("min(l.nothing) < 2", "not published"),
        ("sd(a.x) < 2", "needs two numbers"),
    ] {
        let error = audit(&LEAVES, &format!("rule = \"statement\"\nthat = \"{that}\"")).unwrap_err();
        assert!(error.starts_with("a.toml: rule `r`: ") && error.contains(expected), "{that}: {error}");
    }
}

#[test]
fn depth_and_length_have_limits() {
    let deep = format!("{}1{} < 2", "(".repeat(5000), ")".repeat(5000));
    assert!(statement(&deep).unwrap_err().contains("parts"));
    let deep = format!("{}1{} < 2", "(".repeat(100), ")".repeat(100));
    assert!(statement(&deep).unwrap_err().contains("nesting"));
    let minus = format!("{}1", "-".repeat(900));
    assert!(expression(&minus).unwrap_err().contains("nesting"));
}

#[test]
fn the_working_shows_the_numbers() {
    let rule = "rule = \"statement\"\nthat = \"max(l.up) / a.x - -a.y = 1\"";
    let finding = audit(&LEAVES, rule).unwrap().remove(0);
    assert_eq!(finding.working, "[max(1.0, 2.0, 3.0) / 2.00 - (-3.00) = 4.5 (4.4663 to 4.5338)] = 1: false");
    assert_eq!(finding.paths, ["l.up", "a.x", "a.y"]);
    assert_eq!(finding.source, "paper Table 1");
}

proptest! {
    #[test]
    fn no_statement_makes_the_reader_panic(text in "[a-z0-9.*?{}\\[\\](),<>=! +/_-]{0,60}") {
        let _ = statement(&text);
        let _ = expression(&text);
    }

    /// A sum, product and quotient of printed numbers is never said to differ from what the true numbers give.
    #[test]
    fn rounding_alone_is_never_an_error(a in 1.0..99.0_f64, b in 1.0..99.0_f64, digits in 0_usize..4) {
        let leaves = [
            ("t.a", format!("{a:.digits$}")),
            ("t.b", format!("{b:.digits$}")),
            ("t.sum", format!("{:.digits$}", a + b)),
            ("t.product", format!("{:.digits$}", a * b)),
            ("t.mean", format!("{:.digits$}", f64::midpoint(a, b))),
        ];
        let leaves: Vec<(&str, &str)> = leaves.iter().map(|(path, text)| (*path, text.as_str())).collect();
        for that in ["t.sum = t.a + t.b", "t.product = t.a * t.b", "t.mean = mean(t.a, t.b)", "t.a = t.sum - t.b"] {
            prop_assert_eq!(says(&leaves, that), Verdict::Consistent);
        }
    }
}
