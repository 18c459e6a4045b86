//! The table of everything measured.

use std::path::Path;

use hit_stage::{Context, OpenTree, Opened, Stage};
use hit_stats::Measurement;
use proptest::prelude::*;

use super::opened;
use crate::Measurements;

fn row(arm: &str, metric: &str, value: f64) -> Measurement {
    Measurement {
        stage: "screening".into(),
        arm: arm.into(),
        schedule: "c".into(),
        seed: Some(1),
        condition: "selected".into(),
        metric: metric.into(),
        value,
        unit: "%".into(),
        n: None,
        interval: None,
    }
}

fn merged(dir: &Path, inputs: &[(&str, &[Measurement])]) -> Result<String, String> {
    let mut cx = Context::new(dir.join("out"), dir.join("scratch"));
    for (i, (name, rows)) in inputs.iter().enumerate() {
        let path = dir.join(format!("in{i}"));
        fs_err::write(&path, Measurement::to_csv(rows).unwrap()).unwrap();
        cx.inputs.insert((*name).to_owned(), opened(path));
    }
    cx.inputs.insert("other/tree".into(), Opened::Tree(OpenTree::default()));
    Measurements {}.run(&mut cx).map_err(|error| error.to_string())?;
    Ok(fs_err::read_to_string(dir.join("out/measurements")).unwrap())
}

#[test]
fn tables_become_one_sorted_table() {
    let dir = tempfile::tempdir().unwrap();
    let (b, a) = ([row("b", "s", 1.0), row("a", "t", 2.0)], [row("a", "s", 3.0)]);
    let not_a_table = [row("z", "z", 0.0)];
    let text =
        merged(dir.path(), &[("x@c#1/measurements", &b), ("screening/measurements", &a), ("x/ranks", &not_a_table)]);
    let rows = Measurement::from_csv(&text.unwrap()).unwrap();
    assert_eq!(rows, [row("a", "s", 3.0), row("a", "t", 2.0), row("b", "s", 1.0)]);
}

#[test]
fn nothing_measured_is_an_empty_table() {
    let dir = tempfile::tempdir().unwrap();
    let text = merged(dir.path(), &[]).unwrap();
    assert_eq!(text, "stage,arm,schedule,seed,condition,metric,value,unit,n,interval\n");
}

#[test]
fn a_cell_measured_twice_names_both_tables() {
    let dir = tempfile::tempdir().unwrap();
    let rows = [row("a", "s", 1.0)];
    let error = merged(dir.path(), &[("one/measurements", &rows), ("two/measurements", &rows)]).unwrap_err();
    assert!(error.contains("`screening/a/c/1/selected/s`"), "{error}");
    assert!(error.contains("`one/measurements` and `two/measurements`"), "{error}");
}

#[test]
fn a_damaged_table_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut cx = Context::new(dir.path().join("out"), dir.path().join("scratch"));
    fs_err::write(dir.path().join("bad.csv"), "stage,arm\n").unwrap();
    cx.inputs.insert("x/measurements".into(), opened(dir.path().join("bad.csv")));
    let error = Measurements {}.run(&mut cx).unwrap_err().to_string();
    assert!(error.contains("bad.csv: line 1"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// However rows are spread over tables, the merged table is the same, and holds each row.
    #[test]
    fn the_split_into_tables_leaves_no_trace(places in proptest::collection::vec(0usize..3, 1..20)) {
        let dir = tempfile::tempdir().unwrap();
        let rows: Vec<_> = (0..places.len()).map(|i| row(["x", "y"][i % 2], &format!("m{i}"), i as f64)).collect();
        let part = |p: usize| -> Vec<_> {
            rows.iter().zip(&places).filter(|(_, place)| **place == p).map(|(row, _)| row.clone()).collect()
        };
        let parts = [part(0), part(1), part(2)];
        let spread = [("a/measurements", &parts[0][..]), ("b/measurements", &parts[1]), ("c/measurements", &parts[2])];
        prop_assert_eq!(merged(dir.path(), &spread).unwrap(), Measurement::to_csv(&rows).unwrap());
    }
}
