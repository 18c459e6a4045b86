//! Reading the published values: digits, leaves, faults.

use std::path::Path;

use proptest::prelude::*;

use super::{audit_text, leaf, published, says};
use crate::Verdict::{CannotTell, Consistent, Inconsistent};
use crate::published::{Datum, Published, fraction, half_unit};
use crate::{Audit, Error};

fn decimals(text: &str) -> i32 {
    let published = Published::parse("p", &published(&[("t.a", text)])).unwrap();
    match &published.0["t.a"].datum {
        Datum::Number(printed) => printed.decimals,
        other => panic!("{other:?}"),
    }
}

#[test]
fn digits_are_the_printed_ones() {
    for (text, expected) in
        [("84", 0), ("84.0", 1), ("0.380", 3), ("5e-06", 6), ("1.5e3", -2), ("-0.40", 2), ("0x10", 0)]
    {
        assert_eq!(decimals(text), expected, "{text}");
    }
    assert_eq!((half_unit(1), half_unit(0), half_unit(-2)), (0.05, 0.5, 50.0));
}

#[test]
fn a_zero_at_the_end_counts() {
    assert_eq!(says(&[("t.a", "0.38")], "t.a = 0.384"), Consistent);
    assert_eq!(says(&[("t.a", "0.380")], "t.a = 0.384"), Inconsistent);
}

#[test]
fn digits_and_exactness_can_be_declared() {
    let facts = published(&[("t.a", "0.38"), ("t.n", "500"), ("t.l", "[0.5, 0.25]")]);
    let statement = |that: &str| format!("[[rule]]\nid = \"r\"\nrule = \"statement\"\nthat = \"{that}\"\n");
    let with = |reading: &str, that: &str| {
        let findings = audit_text(&facts, &format!("[reading]\n{reading}\n{}", statement(that))).unwrap();
        findings[0].verdict
    };
    assert_eq!(with("decimals = { \"t.a\" = 3 }", "t.a = 0.384"), Inconsistent);
    assert_eq!(with("decimals = { \"t.a\" = 1 }", "t.a = 0.384"), Consistent, "the digits of the file stand");
    assert_eq!(with("decimals = { \"t.l\" = 2 }", "t.l = (0.54, 0.25)"), Inconsistent);
    assert_eq!(with("", "t.l = (0.54, 0.25)"), Consistent);
    assert_eq!(with("exact = [\"t.n\"]", "t.n = 500.4"), Inconsistent);
    assert_eq!(with("", "t.n = 500.4"), Consistent);
    assert_eq!(with("", "t.n > 499.9"), CannotTell);
}

#[test]
fn facts_of_a_source_can_be_left_out() {
    let facts = format!("t.a = {}t.b = {{ value = 2, unit = \"\", source = \"derived from a\" }}", leaf("1"));
    let rules = |that: &str| {
        format!("[reading]\nignore = [\"derived\"]\n[[rule]]\nid = \"r\"\nrule = \"statement\"\nthat = \"{that}\"")
    };
    assert_eq!(audit_text(&facts, &rules("count(t.?) = 1")).unwrap()[0].verdict, Consistent);
    let error = audit_text(&facts, &rules("t.a < t.b")).unwrap_err();
    assert!(error.contains("`t.b` is not published; it is left out by `ignore`"), "{error}");
}

#[test]
fn missing_values_and_words_are_no_numbers() {
    let facts = format!("t.w = {}t.m = {{ missing = true, unit = \"\", note = \"not given\" }}", leaf("\"words\""));
    for (that, expected) in [("t.m < 1", "marked as missing"), ("t.w < 1", "is the words `words`")] {
        let error =
            audit_text(&facts, &format!("[[rule]]\nid = \"r\"\nrule = \"statement\"\nthat = \"{that}\"")).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn fractions_are_numbers() {
    assert_eq!(fraction("3/2"), Some(1.5));
    for text in ["3/0", "a/b", "3", "3/2/1", "-3/2", ""] {
        assert_eq!(fraction(text), None, "{text}");
    }
}

#[test]
fn bad_facts_are_named_with_their_file() {
    for (text, expected) in [
        ("t = 3", "p.toml: `t` is neither a table nor a leaf"),
        ("[t]\na = 3", "p.toml: `t.a` is neither a table nor a leaf"),
        ("t.a = { value = 3, unit = \"\" }", "p.toml: `t.a` has a value and no source"),
        ("t.a = { value = 3, source = 4 }", "p.toml: `t.a.source` is not words"),
        ("t.a = { value = nan, source = \"s\" }", "p.toml: `t.a` is nan; a finite number"),
        ("t.a = { value = 1979-05-27, source = \"s\" }", "p.toml: `t.a` is not a number"),
        ("t.a = { value = 99999999999999999999, source = \"s\" }", "p.toml: `t.a` is 99999999999999999999"),
        ("t.a = [", "p.toml: TOML parse error"),
    ] {
        let error = audit_text(text, "").unwrap_err();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

#[test]
fn meta_is_free_and_an_empty_audit_finds_nothing() {
    assert_eq!(audit_text("[meta]\nanything = 3", "").unwrap(), []);
}

#[test]
fn files_are_named_in_errors() {
    let error = Audit::read(Path::new("no-such-folder/p.toml"), Path::new("a.toml")).unwrap_err();
    assert!(matches!(error, Error::Io(_)) && error.to_string().contains("no-such-folder/p.toml"), "{error}");
}

proptest! {
    #[test]
    fn printed_numbers_keep_value_and_digits(whole in -9999_i64..9999, digits in 0_usize..6, tail in 0.0..1.0_f64) {
        let text = format!("{:.digits$}", whole as f64 + tail);
        // TOML has no number such as `-0`, and a float needs its point
        prop_assume!(text != "-0");
        prop_assert_eq!(decimals(&text), digits as i32);
        prop_assert_eq!(says(&[("t.a", &text)], &format!("t.a = {}", text.replace('-', "0 - "))), Consistent);
    }
}
