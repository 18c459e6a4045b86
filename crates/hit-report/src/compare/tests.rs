//! The list of what stands beside what.

use super::*;
use crate::fixture;

#[test]
fn every_entry_names_a_published_number_and_one_of_ours() {
    let (compare, published) = (fixture::compare(), fixture::published());
    assert!(compare.compare.len() > 30);
    for entry in &compare.compare {
        let leaf = published.get(&entry.published).unwrap();
        assert!(leaf.number().is_some(), "{} is not a number", entry.published);
    }
    // only a count that arms of one size share may stand there twice
    let measured = |entry: &&Entry| entry.measurement.is_some();
    let mut paths: Vec<_> = compare.compare.iter().filter(measured).map(|entry| &entry.published).collect();
    let n = paths.len();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), n, "a published value stands there twice");
    let selectors: Vec<_> = compare.compare.iter().filter_map(|entry| entry.measurement.as_ref()).collect();
    for (idx, select) in selectors.iter().enumerate() {
        assert!(!selectors[..idx].contains(select), "{select} stands beside two published values");
    }
}

/// All arms of the tables of the paper stand there under their ids.
#[test]
fn every_arm_of_tables_2_to_4_is_compared() {
    let (compare, published) = (fixture::compare(), fixture::published());
    for (table, stage) in [("table02_screening", "screening"), ("table03_families", "families")] {
        for field in ["S", "hard_neg", "R10_a2m", "R10_m2a", "delta"] {
            for (arm, _) in published.column(table, field) {
                let path = format!("{table}.{arm}.{field}");
                let entry = compare.compare.iter().find(|entry| entry.published == path);
                let select = entry.unwrap_or_else(|| panic!("{path} is not compared")).measurement.clone().unwrap();
                // Table 2 prints A4r for the arm that every other table calls a4r
                let id = if arm == "A4r" { "a4r" } else { arm };
                assert_eq!((select.stage.as_deref(), select.arm.as_deref()), (Some(stage), Some(id)), "{path}");
            }
        }
    }
    for (field, condition) in [("S", "selected"), ("best_epoch", "best"), ("delta", "best_vs_D0@cosine-tail60")] {
        for (row, _) in published.column("table04_confirmation", field) {
            let path = format!("table04_confirmation.{row}.{field}");
            let entry = compare.compare.iter().find(|entry| entry.published == path);
            let select = entry.unwrap_or_else(|| panic!("{path} is not compared")).measurement.clone().unwrap();
            let run = format!("{}_{}", select.arm.unwrap(), select.schedule.unwrap());
            assert_eq!(run.replace('-', "_"), row.replace('-', "_"), "the row is arm and schedule");
            assert_eq!(select.condition.as_deref(), Some(condition), "{path}");
        }
    }
    let counts = published.iter().filter(|(path, _)| {
        ["params_exact.total_", "params_exact.extra_"].iter().any(|prefix| path.starts_with(prefix))
    });
    for (path, leaf) in counts.filter(|(_, leaf)| leaf.number().is_some_and(|n| n > 0.0)) {
        assert!(compare.compare.iter().any(|entry| entry.published == path), "{path}: {:?}", leaf.value);
    }
}

#[test]
fn ambiguous_or_empty_entries_are_refused() {
    let entry = "[[compare]]\ngroup = \"g\"\nquantity = \"q\"\npublished = \"p\"\n";
    for (text, expected) in [
        (entry.to_owned(), "exactly one"),
        (format!("{entry}parameters = \"D0\"\nchance_at = 10\n"), "exactly one"),
        (format!("{entry}parametres = \"D0\"\n"), "unknown field"),
        (
            format!("{entry}part = {{ arm = \"D0\", names = [\"audio.cnm\"] }}\n"),
            "entry `p` names the part `audio.cnm`; there are audio.cnn",
        ),
    ] {
        let error = Compare::parse(&text).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn ours_is_a_measurement_a_count_or_a_chance_level() {
    let frame = Frame::new(&fixture::measurements()).unwrap();
    let facts = fixture::facts();
    let entry = |ours: &str| {
        let text = format!("[[compare]]\ngroup = \"g\"\nquantity = \"q\"\npublished = \"p\"\n{ours}");
        Compare::parse(&text).unwrap().compare.remove(0)
    };
    let value = |ours: &str| entry(ours).ours(&facts, &frame).unwrap().map(|ours| ours.value);
    assert_eq!(value("parameters = \"D0\""), Some(201_344.0));
    assert_eq!(value("trainable = \"D0\""), Some(185_248.0));
    assert_eq!(value("parameters = \"no-such-arm\""), None);
    assert_eq!(value("chance_at = 10"), Some(15.625));
    assert_eq!(value("part = { arm = \"d4a4\", names = [\"audio.cnn\", \"inject.audio\"] }"), Some(16_672.0));
    assert_eq!(value("part = { arm = \"D0\", names = [\"inject.audio\"] }"), Some(0.0), "a part it does not have");
    assert_eq!(value("part = { arm = \"zz\", names = [\"audio.cnn\"] }"), None);
    assert!((value("attention_ratio = \"d4-a4r\"").unwrap() - 162.97).abs() < 0.005);
    assert_eq!(
        value("measurement = { stage = \"replication\", arm = \"D0\", condition = \"best\", metric = \"s_sd\" }"),
        Some(2.0)
    );
    assert_eq!(
        value("measurement = { stage = \"replication\", arm = \"zz\", condition = \"best\", metric = \"s_sd\" }"),
        None
    );
    let broad = entry("measurement = { stage = \"replication\", condition = \"best\", metric = \"s_sd\" }");
    assert!(matches!(broad.ours(&facts, &frame), Err(Error::Ambiguous { found: 4, .. })));
    assert_eq!(entry("chance_at = 10").format("%"), Format::Fixed(1));
    assert_eq!(broad.format("pp"), Format::Fixed(1), "a deviation has no sign");
}

/// Table 12 draws queries with the training seed.
#[test]
fn values_of_table_12_stand_beside_the_variant_that_it_prints() {
    let compare = fixture::compare();
    for entry in compare.compare.iter().filter(|entry| entry.published.starts_with("table12_")) {
        let stage = entry.measurement.as_ref().unwrap().stage.as_deref();
        assert_eq!(stage, Some("replication_as_published"), "{}", entry.published);
    }
}

#[test]
fn a_word_stands_in_only_where_the_other_is_missing_and_it_is_there() {
    let stages = |rows: &[hit_stats::Measurement]| {
        let compare = fixture::compare().resolved(&Frame::new(rows).unwrap()).unwrap();
        let entry = compare.compare.iter().find(|entry| entry.published == "table12_multiseed.d4a4.mean").unwrap();
        (entry.measurement.as_ref().unwrap().stage.clone().unwrap(), compare.notes().count())
    };
    let published = "replication_as_published".to_owned();
    let mut rows = fixture::measurements();
    assert_eq!(stages(&rows), (published.clone(), 0));
    rows.retain(|row| row.stage != published);
    assert_eq!(stages(&rows), ("replication".to_owned(), 1));
    rows.retain(|row| row.stage != "replication");
    assert_eq!(stages(&rows), (published, 0), "nothing is there to stand in");
}

/// Entries follow a schedule that stands in; those of other schedules do not.
#[test]
fn a_schedule_that_stands_in_reaches_every_selector() {
    let mut rows = fixture::measurements();
    for row in &mut rows {
        row.schedule = row.schedule.replace("trapez50", "trapez50-linear");
    }
    let frame = Frame::new(&rows).unwrap();
    let compare = fixture::compare().resolved(&frame).unwrap();
    let text = toml::to_string(&Compare { stand_in: Vec::new(), ..compare.clone() }).unwrap();
    assert!(!text.contains("\"trapez50\"") && text.contains("\"trapez50-linear\"") && text.contains("\"cosine60\""));
    let tower =
        compare.compare.iter().find(|entry| entry.published == "table04_confirmation.t3-wt_trapez50.S").unwrap();
    assert_eq!(tower.ours(&fixture::facts(), &frame).unwrap().map(|s| s.value), Some(64.5));
    assert_eq!(compare.clone().resolved(&frame).unwrap().compare, compare.compare, "once is enough");
}
