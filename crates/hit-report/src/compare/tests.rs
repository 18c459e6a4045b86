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
fn every_arm_of_tables_2_and_3_is_compared() {
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
        let tested = claim.test(&frame, &published).unwrap();
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
        measurement: Select::stage("replication").arm(arm).metric(metric).condition(condition),
        relation,
    }
}

#[test]
fn claims_hold_fail_or_stay_open() {
    let frame = Frame::new(&fixture::measurements()).unwrap();
    let published = fixture::published();
    let outcome = |claim: Claim| claim.test(&frame, &published).unwrap().outcome;
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
    let value = |ours: &str| entry(ours).ours(&facts, &frame).unwrap();
    assert_eq!(value("parameters = \"D0\""), Some(201_344.0));
    assert_eq!(value("trainable = \"D0\""), Some(185_248.0));
    assert_eq!(value("parameters = \"no-such-arm\""), None);
    assert_eq!(value("chance_at = 10"), Some(15.625));
    assert_eq!(value("part = { arm = \"d4a4\", names = [\"audio.cnn\", \"inject.audio\"] }"), Some(16_672.0));
    assert_eq!(value("part = { arm = \"D0\", names = [\"inject.audio\"] }"), Some(0.0), "a part it does not have");
    assert_eq!(value("part = { arm = \"zz\", names = [\"audio.cnn\"] }"), None);
    assert!((value("attention_ratio = \"d4-a4r\"").unwrap() - 162.97).abs() < 0.005);
    assert_eq!(value("measurement = { stage = \"replication\", arm = \"D0\", metric = \"s_sd\" }"), Some(2.0));
    assert_eq!(value("measurement = { stage = \"replication\", arm = \"zz\", metric = \"s_sd\" }"), None);
    let broad = entry("measurement = { stage = \"replication\", metric = \"s_sd\" }");
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
    assert_eq!(highest.test(&frame, &published).unwrap().outcome, Outcome::Holds);
    rows.retain(|row| row.metric != "s_mean" || row.arm == "D0");
    let alone = Frame::new(&rows).unwrap();
    assert_eq!(highest.test(&alone, &published).unwrap().outcome, Outcome::Fails, "it beats nobody");
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
    assert_eq!(above.test(&frame, &published).unwrap().outcome, Outcome::Fails);
    let limit = claim("d4a4", "delta_s", "best_vs_D0", Relation::AtMost(0.0));
    assert_eq!(limit.test(&frame, &published).unwrap().outcome, Outcome::Holds);
    let wrong = claim("d4a4", "welch_p", "best_vs_D0", Relation::BelowPublished("no.such".to_owned()));
    assert!(matches!(wrong.test(&frame, &published), Err(Error::NotPublished { .. })));
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
        let tested = claim.test(&frame, &published).unwrap();
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
    assert_eq!(claim.test(&frame, &published).unwrap().outcome, Outcome::Holds);
    for row in rows.iter_mut().filter(|row| row.arm == "moe-a4" && row.metric == "s") {
        row.value = 98.0;
        row.interval = None;
    }
    let frame = Frame::new(&rows).unwrap();
    assert_eq!(claim.test(&frame, &published).unwrap().outcome, Outcome::Fails, "an arm of Table 3 is one");
}
