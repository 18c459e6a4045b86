//! The list of what stands beside what, and claims that hold, fail or stay open.

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
fn every_claim_can_be_tested() {
    let published = fixture::published();
    let frame = Frame::new(&fixture::measurements()).unwrap();
    let claims = fixture::compare().claim;
    assert!(claims.len() >= 20);
    for claim in &claims {
        assert!(published.get(&claim.source).unwrap().number().is_some(), "{}", claim.id);
        let tested = fixture::compare().test(claim, &frame, &published).unwrap();
        assert!(tested.ours.is_some() || tested.outcome == Outcome::Open, "{}", claim.id);
        assert_eq!(claims.iter().filter(|other| other.id == claim.id).count(), 1, "{}", claim.id);
        // numbers in prose would not follow the data: digits only in ids of arms and descriptors
        let words = claim.text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        for word in words.filter(|word| word.contains(|c: char| c.is_ascii_digit())) {
            assert!(word.starts_with(|c: char| c.is_ascii_alphabetic()), "{}: {word}", claim.id);
        }
    }
}

fn claim(arm: &str, metric: &str, condition: &str, relation: Relation) -> Claim {
    Claim {
        id: "x".to_owned(),
        text: String::new(),
        source: "table12_multiseed.d4a4.mean".to_owned(),
        stated: None,
        arms: Vec::new(),
        measurement: Select::stage("replication_as_published").arm(arm).metric(metric).condition(condition),
        relation,
    }
}

#[test]
fn claims_hold_fail_or_stay_open() {
    let frame = Frame::new(&fixture::measurements()).unwrap();
    let published = fixture::published();
    let outcome = |claim: Claim| fixture::compare().test(&claim, &frame, &published).unwrap().outcome;
    assert_eq!(outcome(claim("d4a4", "s_mean", "best", Relation::Highest)), Outcome::Holds);
    assert_eq!(outcome(claim("D0", "s_mean", "best", Relation::Highest)), Outcome::Fails);
    assert_eq!(outcome(claim("D0", "s_mean", "best", Relation::Lowest)), Outcome::Holds);
    assert_eq!(outcome(claim("d4a4", "s_mean", "best", Relation::Lowest)), Outcome::Fails);
    let above = |arms: &[&str]| Relation::AboveArms(arms.iter().map(|arm| (*arm).to_owned()).collect());
    assert_eq!(outcome(claim("A4", "s_mean", "best", above(&["D0", "D4"]))), Outcome::Holds);
    assert_eq!(outcome(claim("A4", "s_mean", "best", above(&["D0", "d4a4"]))), Outcome::Fails);
    assert_eq!(outcome(claim("A4", "s_mean", "best", above(&["D0", "a4r"]))), Outcome::Open, "an arm that was not run");
    assert_eq!(outcome(claim("a7", "s_mean", "best", Relation::Highest)), Outcome::Open);
    assert_eq!(outcome(claim("d4a4", "delta_s", "best_vs_D0", Relation::Above(0.0))), Outcome::Holds);
    assert_eq!(outcome(claim("d4a4", "delta_s", "best_vs_D0", Relation::Above(99.0))), Outcome::Fails);
    let p = Relation::BelowPublished("table12_statistics.d4a4_vs_D0_p_below".to_owned());
    assert_eq!(outcome(claim("d4a4", "welch_p", "best_vs_D0", p)), Outcome::Holds);
}

#[test]
fn ambiguous_or_empty_entries_are_refused() {
    let entry = "[[compare]]\ngroup = \"g\"\nquantity = \"q\"\npublished = \"p\"\n";
    let claims = |select: &str, arms: &str, relation: &str| {
        format!(
            "compare = []\n[[claim]]\nid = \"c\"\ntext = \"t\"\nsource = \"s\"\narms = {arms}\n\
             measurement = {{ {select} }}\nrelation = {relation}\n"
        )
    };
    for (text, expected) in [
        (format!("claim = []\n{entry}"), "exactly one"),
        (format!("claim = []\n{entry}parameters = \"D0\"\nchance_at = 10\n"), "exactly one"),
        (format!("claim = []\n{entry}parametres = \"D0\"\n"), "unknown field"),
        (
            format!("claim = []\n{entry}part = {{ arm = \"D0\", names = [\"audio.cnm\"] }}\n"),
            "entry `p` names the part `audio.cnm`; there are audio.cnn",
        ),
        (claims("arm = \"a\"", "[\"b\"]", "{ above = 0.0 }"), "claim `c` names an arm in its measurement"),
        (claims("stage = \"a\"", "[\"b\", \"d\"]", "\"highest\""), "of which only one can be first"),
        (claims("stage = \"a\"", "[]", "{ beside = 0.0 }"), "unknown variant"),
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
        let text = format!("claim = []\n[[compare]]\ngroup = \"g\"\nquantity = \"q\"\npublished = \"p\"\n{ours}");
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

#[test]
fn a_tie_for_the_highest_counts_and_a_lone_arm_does_not() {
    let published = fixture::published();
    let mut rows = fixture::measurements();
    for row in rows.iter_mut().filter(|row| row.metric == "s_mean") {
        row.value = 50.0;
    }
    let frame = Frame::new(&rows).unwrap();
    let highest = claim("D0", "s_mean", "best", Relation::Highest);
    assert_eq!(fixture::compare().test(&highest, &frame, &published).unwrap().outcome, Outcome::Holds);
    rows.retain(|row| row.metric != "s_mean" || row.arm == "D0");
    let alone = Frame::new(&rows).unwrap();
    assert_eq!(
        fixture::compare().test(&highest, &alone, &published).unwrap().outcome,
        Outcome::Fails,
        "it beats nobody"
    );
}

#[test]
fn thresholds_are_strict_and_limits_are_not() {
    let published = fixture::published();
    let mut rows = fixture::measurements();
    for row in rows.iter_mut().filter(|row| row.metric == "delta_s") {
        row.value = 0.0;
        row.interval = None;
    }
    let frame = Frame::new(&rows).unwrap();
    let above = claim("d4a4", "delta_s", "best_vs_D0", Relation::Above(0.0));
    assert_eq!(fixture::compare().test(&above, &frame, &published).unwrap().outcome, Outcome::Fails);
    let limit = claim("d4a4", "delta_s", "best_vs_D0", Relation::AtMost(0.0));
    assert_eq!(fixture::compare().test(&limit, &frame, &published).unwrap().outcome, Outcome::Holds);
    let wrong = claim("d4a4", "welch_p", "best_vs_D0", Relation::BelowPublished("no.such".to_owned()));
    assert!(matches!(fixture::compare().test(&wrong, &frame, &published), Err(Error::NotPublished { .. })));
}

/// A claim about several arms is decided by the arm nearest to failing, whichever way the relation points.
#[test]
fn the_arm_nearest_to_failing_decides() {
    let frame = Frame::new(&fixture::measurements()).unwrap();
    let published = fixture::published();
    let test = |arms: &[&str], relation: Relation| {
        let arms = arms.iter().map(|arm| (*arm).to_owned()).collect();
        let measurement = Select::stage("replication").metric("delta_s").condition("best_vs_D0");
        let claim = Claim { measurement, arms, ..claim("", "", "", relation) };
        let tested = fixture::compare().test(&claim, &frame, &published).unwrap();
        (tested.arm, tested.outcome)
    };
    let decided = |arm: &str, outcome| (Some(arm.to_owned()), outcome);
    assert_eq!(test(&["A4", "D4", "d4a4"], Relation::Above(0.0)), decided("D4", Outcome::Holds));
    assert_eq!(test(&["A4", "D4", "d4a4"], Relation::Above(5.0)), decided("D4", Outcome::Fails));
    assert_eq!(test(&["D4", "d4a4", "A4"], Relation::AtMost(5.0)), decided("d4a4", Outcome::Fails));
    assert_eq!(test(&["D4", "a4r"], Relation::Above(0.0)), (None, Outcome::Open), "one arm was not run");
}

/// An arm that the paper does not have takes no rank from those that it has.
#[test]
fn further_arms_are_no_rivals() {
    let published = fixture::published();
    let mut rows = fixture::measurements();
    for row in rows.iter_mut().filter(|row| row.arm == "film-a4e" && row.metric == "s") {
        row.value = 99.0;
        row.interval = None;
    }
    let frame = Frame::new(&rows).unwrap();
    let claims = fixture::compare().claim;
    let claim = claims.iter().find(|claim| claim.id == "families-t3-wt-first").unwrap();
    assert_eq!(fixture::compare().test(claim, &frame, &published).unwrap().outcome, Outcome::Holds);
    for row in rows.iter_mut().filter(|row| row.arm == "moe-a4" && row.metric == "s") {
        row.value = 98.0;
        row.interval = None;
    }
    let frame = Frame::new(&rows).unwrap();
    assert_eq!(
        fixture::compare().test(claim, &frame, &published).unwrap().outcome,
        Outcome::Fails,
        "an arm of Table 3 is one"
    );
}

/// Claims about Table 12 are about its quantity: queries drawn with the training seed.
#[test]
fn values_of_table_12_stand_beside_the_variant_that_it_prints() {
    let compare = fixture::compare();
    for entry in compare.compare.iter().filter(|entry| entry.published.starts_with("table12_")) {
        let stage = entry.measurement.as_ref().unwrap().stage.as_deref();
        assert_eq!(stage, Some("replication_as_published"), "{}", entry.published);
    }
    let stages = compare.claim.iter().filter(|claim| claim.source.starts_with("table12_"));
    assert!(stages.clone().count() >= 6);
    assert!(stages.into_iter().all(|claim| claim.measurement.stage.as_deref() == Some("replication_as_published")));
}

#[test]
fn a_word_stands_in_only_where_the_other_is_missing_and_it_is_there() {
    let stages = |rows: &[hit_stats::Measurement]| {
        let compare = fixture::compare().resolved(&Frame::new(rows).unwrap()).unwrap();
        let claim = compare.claim.iter().find(|claim| claim.id == "replication-d4a4-helps").unwrap();
        (claim.measurement.stage.clone().unwrap(), compare.notes().count())
    };
    let published = "replication_as_published".to_owned();
    let mut rows = fixture::measurements();
    assert_eq!(stages(&rows), (published.clone(), 0));
    rows.retain(|row| row.stage != published);
    assert_eq!(stages(&rows), ("replication".to_owned(), 1));
    rows.retain(|row| row.stage != "replication");
    assert_eq!(stages(&rows), (published, 0), "nothing is there to stand in");
}

/// Entries, claims and the runs that claims list follow a schedule that stands in; arms without a schedule do not.
#[test]
fn a_schedule_that_stands_in_reaches_every_selector() {
    let mut rows = fixture::measurements();
    for row in &mut rows {
        row.schedule = row.schedule.replace("trapez50", "trapez50-linear");
    }
    let frame = Frame::new(&rows).unwrap();
    let compare = fixture::compare().resolved(&frame).unwrap();
    let text = toml::to_string(&Compare { stand_in: Vec::new(), ..compare.clone() }).unwrap();
    for old in ["\"trapez50\"", "@trapez50\""] {
        assert!(!text.contains(old), "{old}");
    }
    assert!(text.matches("t3-wt@trapez50-linear").count() == 2 && text.contains("\"d4a4@cosine60\""));
    let tower =
        compare.compare.iter().find(|entry| entry.published == "table04_confirmation.t3-wt_trapez50.S").unwrap();
    assert_eq!(tower.ours(&fixture::facts(), &frame).unwrap().map(|s| s.value), Some(64.5));
    assert_eq!(compare.clone().resolved(&frame).unwrap().compare, compare.compare, "once is enough");
}

#[test]
fn long_runs_are_claimed_by_arm_and_schedule() {
    let campaign = fixture::large();
    let published = fixture::published();
    let test = |id: &str, rows: &[hit_stats::Measurement]| {
        let compare = fixture::compare();
        let claim = compare.claim.iter().find(|claim| claim.id == id).unwrap();
        let tested = compare.test(claim, &Frame::new(rows).unwrap(), &published).unwrap();
        (tested.arm.unwrap_or_default(), tested.outcome)
    };
    let decided = |arm: &str, outcome| (arm.to_owned(), outcome);
    let mut rows = campaign.rows.clone();
    assert_eq!(test("confirmation-d4a4-first", &rows), decided("d4a4@cosine60", Outcome::Holds));
    assert_eq!(test("confirmation-all-above", &rows), decided("a4r@cosine-tail60", Outcome::Holds));
    assert_eq!(
        test("confirmation-d0-last", &rows),
        decided("D0@cosine-tail60", Outcome::Holds),
        "of the rows of Table 4"
    );
    // t3-wt falls behind the baseline of its own schedule, and stays above the one that the paper chose
    for row in rows.iter_mut().filter(|row| row.stage == "confirmation" && row.arm == "t3-wt") {
        row.value = if row.condition == "best_vs_D0" { -0.5 } else { row.value };
        row.interval = None;
    }
    assert_eq!(test("confirmation-all-above-within", &rows), decided("t3-wt@trapez50", Outcome::Fails));
    assert_eq!(test("confirmation-all-above", &rows).1, Outcome::Holds);
    rows.retain(|row| row.arm != "a4r");
    assert_eq!(test("confirmation-all-above", &rows), (String::new(), Outcome::Open), "not all were run");
    assert_eq!(test("confirmation-d4a4-first", &rows).1, Outcome::Holds, "first of those that were");
}
