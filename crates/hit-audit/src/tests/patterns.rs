//! Patterns: what they fit, what they capture, what they refuse.

use proptest::prelude::*;

use super::published;
use crate::book::Book;
use crate::pattern::Pattern;
use crate::published::Published;

const LEAVES: [(&str, &str); 7] = [
    ("t.d4a4.S", "1.0"),
    ("t.d4a4.A4_zero_delta", "2.0"),
    ("t.d4a4.A4_zero_S", "3.0"),
    ("t.d4-a4r.S", "4.0"),
    ("t.D0.S", "5.0"),
    ("u.D0", "[[1, 2], [3, 4]]"),
    ("u.word", "\"text\""),
];

fn book() -> Book {
    Book::new(Published::parse("p", &published(&LEAVES)).unwrap(), &[])
}

/// Paths and captures that `pattern` is bound to.
fn bound(pattern: &str) -> Vec<(String, Vec<String>)> {
    let book = book();
    let bound = Pattern::parse(pattern).unwrap().bind(&book).unwrap_or_default();
    bound.into_iter().map(|(found, captures)| (found.path, captures)).collect()
}

fn resolved(pattern: &str, bindings: &[&str]) -> Result<Vec<String>, String> {
    let book = book();
    let bindings: Vec<String> = bindings.iter().map(|text| (*text).to_owned()).collect();
    let found = Pattern::parse(pattern)?.resolve(&book, &bindings)?;
    Ok(found.into_iter().map(|found| found.path).collect())
}

#[test]
fn stars_capture_and_question_marks_do_not() {
    let names: Vec<_> = bound("t.*.S").into_iter().map(|(_, captures)| captures.join(" ")).collect();
    assert_eq!(names, ["D0", "d4-a4r", "d4a4"]);
    assert_eq!(bound("t.?.S")[0], ("t.D0.S".to_owned(), vec![]));
    assert_eq!(
        bound("t.*.*_delta"),
        [("t.d4a4.A4_zero_delta".to_owned(), vec!["d4a4".to_owned(), "A4_zero".to_owned()])]
    );
    assert_eq!(bound("t.*"), [], "a star does not cross a dot");
}

#[test]
fn captures_are_put_in_order() {
    assert_eq!(resolved("t.*.*_S", &["d4a4", "A4_zero"]).unwrap(), ["t.d4a4.A4_zero_S"]);
    assert_eq!(resolved("t.*.S", &["d4-a4r", "unused"]).unwrap(), ["t.d4-a4r.S"]);
    assert_eq!(resolved("t.?.S", &["d4-a4r"]).unwrap(), ["t.D0.S", "t.d4-a4r.S", "t.d4a4.S"]);
    assert_eq!(resolved("t.*.S", &[]).unwrap().len(), 3, "a star without a capture is free");
}

#[test]
fn alternatives_keep_their_order_and_may_be_absent_from_a_row() {
    assert_eq!(resolved("t.{d4a4,D0}.S", &[]).unwrap(), ["t.d4a4.S", "t.D0.S"]);
    assert_eq!(resolved("t.*.{S,A4_zero_S}", &["D0"]).unwrap(), ["t.D0.S"]);
    let error = resolved("t.*.{S,A4_zreo_S}", &["D0"]).unwrap_err();
    assert!(error.contains("`t.D0.A4_zreo_S` is not published"), "{error}");
}

#[test]
fn indices_take_elements() {
    assert_eq!(resolved("u.D0[1][0]", &[]).unwrap(), ["u.D0[1][0]"]);
    let book = book();
    let numbers = |pattern: &str| {
        let found = Pattern::parse(pattern).unwrap().resolve(&book, &[]).unwrap();
        book.numerals(&found[0]).unwrap().iter().map(|(range, _)| range.at).collect::<Vec<f64>>()
    };
    assert_eq!(numbers("u.D0"), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(numbers("u.D0[1]"), [3.0, 4.0]);
    for (pattern, expected) in
        [("u.D0[2]", "has 2 elements"), ("u.word[0]", "is no list"), ("u.D0[0][0][0]", "is no list")]
    {
        let error = resolved(pattern, &[]).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_path_that_is_not_there_brings_the_nearest() {
    let error = resolved("t.d4a4.T", &[]).unwrap_err();
    assert!(error.contains("`t.d4a4.T` is not published; is `t.d4a4."), "{error}");
    let ignoring = Book::new(Published::parse("p", &published(&LEAVES)).unwrap(), &["paper".to_owned()]);
    let error = Pattern::parse("t.D0.S").unwrap().resolve(&ignoring, &[]).unwrap_err();
    assert!(error.contains("left out by `ignore`"), "{error}");
}

#[test]
fn patterns_that_mean_nothing_are_refused() {
    for (text, expected) in [
        ("t..S", "empty segment"),
        ("", "empty segment"),
        ("t.{a,b.S", "without a `}`"),
        ("t.S[x]", "indices"),
        ("t.S[0", "not closed"),
        ("t.S[0]x", "indices"),
        ("t.*****.S", "wildcards"),
        ("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", "more than 4096"),
    ] {
        let error = Pattern::parse(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

proptest! {
    #[test]
    fn a_key_fits_itself_with_any_part_starred(start in "[a-z]{0,3}", middle in "[a-z0-9-]{0,4}", end in "[a-z]{0,3}") {
        let key = format!("k{start}{middle}{end}");
        let text = published(&[(&format!("t.{key}.x"), "1")]);
        let book = Book::new(Published::parse("p", &text).unwrap(), &[]);
        let pattern = Pattern::parse(&format!("t.k{start}*{end}.x")).unwrap();
        let bound = pattern.bind(&book).unwrap();
        prop_assert_eq!(bound.len(), 1);
        prop_assert_eq!(&bound[0].0.path, &format!("t.{key}.x"));
        // put back, the capture names the same fact
        let again = pattern.resolve(&book, &bound[0].1).unwrap();
        prop_assert_eq!(&again[0].path, &bound[0].0.path);
    }
}
