//! The table of measurements: exact text, round trips, lines that cannot be read.

use proptest::prelude::*;

use crate::{Error, Measurement, number};

fn row(arm: &str, metric: &str, value: f64) -> Measurement {
    Measurement {
        stage: "screening".into(),
        arm: arm.into(),
        schedule: "cosine5".into(),
        seed: Some(42),
        condition: "selected".into(),
        metric: metric.into(),
        value,
        unit: "%".into(),
        n: Some(500),
        interval: None,
    }
}

#[test]
fn the_table_is_this_text() {
    let mut s = row("d4a4", "s", 66.2);
    s.interval = Some((-1.5, 0.1 + 0.2));
    let mean =
        Measurement { seed: None, n: None, condition: String::new(), unit: String::new(), ..row("d0", "t", -0.0) };
    let named = row("d0, \"plain\"", "p", 5.9e-7);
    let text = Measurement::to_csv(&[s.clone(), named.clone(), mean.clone()]).unwrap();
    assert_eq!(
        text,
        "stage,arm,schedule,seed,condition,metric,value,unit,n,interval\n\
         screening,d0,cosine5,,,t,0,,,\n\
         screening,\"d0, \"\"plain\"\"\",cosine5,42,selected,p,5.9e-7,%,500,\n\
         screening,d4a4,cosine5,42,selected,s,66.2,%,500,-1.5..0.30000000000000004\n"
    );
    assert_eq!(Measurement::from_csv(&text).unwrap(), [mean, named, s]);
}

#[test]
fn an_empty_table_still_has_its_columns() {
    let text = Measurement::to_csv(&[]).unwrap();
    assert_eq!(text.lines().count(), 1);
    assert_eq!(Measurement::from_csv(&text).unwrap(), []);
}

#[test]
fn a_cell_is_measured_once() {
    let error = Measurement::to_csv(&[row("d0", "s", 1.0), row("d4", "s", 2.0), row("d0", "s", 3.0)]).unwrap_err();
    assert!(matches!(&error, Error::Duplicate { first: 1.0, second: 3.0, .. }));
    assert!(error.to_string().contains("screening/d0/cosine5/42/selected/s"), "{error}");
}

#[test]
fn rows_that_mean_nothing_are_not_written() {
    assert!(Measurement::to_csv(&[row("d0", "s", f64::NAN)]).unwrap_err().to_string().contains("NaN"));
    let upside_down = Measurement { interval: Some((2.0, 1.0)), ..row("d0", "s", 1.5) };
    assert!(Measurement::to_csv(&[upside_down]).is_err());
    let open = Measurement { interval: Some((0.0, f64::INFINITY)), ..row("d0", "s", 1.5) };
    assert!(Measurement::to_csv(&[open]).is_err());
}

#[test]
fn lines_that_cannot_be_read_are_named() {
    let head = "stage,arm,schedule,seed,condition,metric,value,unit,n,interval\n";
    let good = "a,b,c,1,d,e,2,%,3,1..3\n";
    for (bad, expected) in [
        ("a,b,c,x,d,e,2,%,3,\n", "`seed` is `x`, not a whole number"),
        ("a,b,c,-1,d,e,2,%,3,\n", "`seed` is `-1`"),
        ("a,b,c,1,d,e,,%,3,\n", "`value` is ``, not a finite number"),
        ("a,b,c,1,d,e,NaN,%,3,\n", "`value` is `NaN`"),
        ("a,b,c,1,d,e,inf,%,3,\n", "`value` is `inf`"),
        ("a,b,c,1,d,e,2,%,0.5,\n", "`n` is `0.5`"),
        ("a,b,c,1,d,e,2,%,3,1-2\n", "`interval` is `1-2`, not `low..high`"),
        ("a,b,c,1,d,e,2,%,3,3..1\n", "a lower end below the upper end"),
        ("a,b,c,1,d,e,2,%,3\n", "9 fields"),
    ] {
        let error = Measurement::from_csv(&format!("{head}{good}{bad}")).unwrap_err();
        assert!(matches!(error, Error::Line { line: 3, .. }), "{bad}: {error:?}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    let other = Measurement::from_csv("stage,arm,value\n").unwrap_err().to_string();
    assert!(other.contains("line 1: the columns are `stage,arm,value`"), "{other}");
    assert!(Measurement::from_csv("").unwrap_err().to_string().contains("line 1"));
}

#[test]
fn files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("measurements.csv");
    assert!(matches!(Measurement::read(&path), Err(Error::Io(_))));
    fs_err::write(&path, "nonsense").unwrap();
    let error = Measurement::read(&path).unwrap_err().to_string();
    assert!(error.contains("measurements.csv: line 1"), "{error}");
    fs_err::write(&path, Measurement::to_csv(&[row("d0", "s", 1.0)]).unwrap()).unwrap();
    assert_eq!(Measurement::read(&path).unwrap(), [row("d0", "s", 1.0)]);
}

#[test]
fn numbers_are_short() {
    for (value, text) in [
        (5.0, "5"),
        (0.1, "0.1"),
        (-2.5, "-2.5"),
        (1e-5, "0.00001"),
        (1e-6, "1e-6"),
        (1e15, "1000000000000000"),
        (1e16, "1e16"),
    ] {
        assert_eq!(number(value), text);
    }
}

proptest! {
    /// Every finite number survives, and with it the whole row.
    #[test]
    fn rows_read_back(value: f64, low: f64, width in 0.0f64..1e9, text in "\\PC*", seed: Option<u64>, n: Option<u64>) {
        prop_assume!(value.is_finite() && low.is_finite());
        let interval = Some((low, low + width)).filter(|interval| interval.1.is_finite());
        let row = Measurement { seed, n, interval, condition: text, ..row("a", "m", value) };
        let csv = Measurement::to_csv(std::slice::from_ref(&row)).unwrap();
        prop_assert_eq!(Measurement::from_csv(&csv).unwrap(), [row]);
    }

    /// The table does not depend on the order in which rows were made.
    #[test]
    fn tables_are_sorted(order in Just((0..40).collect::<Vec<u64>>()).prop_shuffle()) {
        let make = |i: u64| Measurement { seed: (i % 4 > 1).then_some(i / 4), ..row(["d0", "a4", "d4"][(i % 3) as usize], &format!("m{i}"), i as f64) };
        let sorted: Vec<_> = (0..40).map(make).collect();
        let shuffled: Vec<_> = order.into_iter().map(make).collect();
        prop_assert_eq!(Measurement::to_csv(&sorted).unwrap(), Measurement::to_csv(&shuffled).unwrap());
    }

    /// Any text is an error or a table; none panics.
    #[test]
    fn hostile_text_is_refused(text in "\\PC*", lines in proptest::collection::vec("[a-z0-9.,\"]{0,30}", 0..5)) {
        let _ = Measurement::from_csv(&text);
        let head = "stage,arm,schedule,seed,condition,metric,value,unit,n,interval\n";
        let _ = Measurement::from_csv(&format!("{head}{}", lines.join("\n")));
    }
}
