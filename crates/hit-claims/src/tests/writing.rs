//! Verdicts on disk, in a terminal, and against each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use hit_schema::Observation;
use hit_stage::{Context, Digest, FileRef, OpenFile, Opened, Stage};
use hit_stats::Measurement;
use proptest::prelude::*;

use super::{SMALL, judge_all, ledger_text, row, setting};
use crate::{Error, Flip, Judge, Outcome, Verdict, flips, render};

const ABOVE: &str = r#"of = { stage = "screening", arm = "x", condition = "best_vs_D0", metric = "delta_s" }
above = 0"#;

fn with(low: f64, high: f64) -> Verdict {
    let rows = [row("screening/x/best_vs_D0/delta_s", f64::midpoint(low, high), Some((low, high)))];
    judge_all(&ledger_text(ABOVE), &rows, false).unwrap().remove(0)
}

fn named(id: &str, verdict: Verdict) -> Verdict {
    Verdict { id: id.into(), ..verdict }
}

#[test]
fn verdicts_read_back() {
    let verdicts = [named("a", with(1.0, 2.0)), named("b", with(-1.0, 2.0)), named("c", with(-2.0, -1.0))];
    let text = Verdict::to_json(&verdicts);
    assert_eq!(Verdict::from_json(&text).unwrap(), verdicts);
    assert_eq!(text.lines().count(), 5, "one a line");
    assert_eq!(Verdict::from_json(&Verdict::to_json(&[])).unwrap(), []);
    for (text, what) in [
        ("{}".to_owned(), "expected a sequence"),
        (text.replace("\"why\"", "\"reason\""), "unknown field `reason`"),
        (text.replace("\"id\":\"b\"", "\"id\":\"a\""), "`a` has two verdicts"),
        (text[..text.len() / 2].to_owned(), "line"),
    ] {
        let error = Verdict::from_json(&text).unwrap_err().to_string();
        assert!(error.starts_with("verdicts: ") && error.contains(what), "{error}");
    }
}

/// Every row says what the campaign is.
#[test]
fn the_table_has_a_row_a_claim_and_its_setting() {
    let odd = Verdict { text: "says \"no\", and\nmore".into(), ..named("b", with(-1.0, 2.0)) };
    let text = Verdict::to_csv(&[named("a", with(1.0, 2.0)), odd]);
    assert!(text.starts_with("id,group,outcome,form,text,stated,source,published,ours,interval,unit,margin,"));
    assert!(text.contains("a,G,holds,published,T,Table 1,table.x.delta,9.6,1.5,1..2,pp,1.5,1..2,"), "{text}");
    assert!(text.contains("\"says \"\"no\"\", and\nmore\""), "{text}");
    assert_eq!(text.matches("false,smoke\n").count(), 2);
}

#[test]
fn the_terminal_shows_groups_and_counts() {
    let long = Verdict { text: "word ".repeat(60), ..named("long", with(-1.0, 2.0)) };
    let other = Verdict { group: "H".into(), ..named("other", with(-9.0, -2.0)) };
    let text = render(&[named("a", with(1.0, 2.0)), long, other]);
    assert!(
        text.starts_with("Claims against: smoke; ~: not comparable with the published values\n\nG\n~ holds"),
        "{text}"
    );
    assert!(text.contains("\nH\n~ does not hold     other: T\n"), "{text}");
    assert!(text.contains("1.5 pp [1.0, 2.0]; published 9.6 pp (Table 1)\n"), "{text}");
    assert!(
        text.ends_with("   1  holds\n   1  does not hold\n   1  inconclusive\n   0  not testable here\n"),
        "{text}"
    );
    assert_eq!(render(&[]), "   0  holds\n   0  does not hold\n   0  inconclusive\n   0  not testable here\n");
}

#[test]
fn flips_are_the_claims_that_differ() {
    let a = [named("a", with(1.0, 2.0)), named("b", with(1.0, 2.0)), named("c", with(1.0, 2.0))];
    let b = [named("b", with(-1.0, 2.0)), named("a", with(3.0, 4.0)), named("d", with(1.0, 2.0))];
    let flip = |id: &str, before, after| Flip { id: id.into(), before, after };
    let expected = [
        flip("b", Some(Outcome::Holds), Some(Outcome::Inconclusive)),
        flip("c", Some(Outcome::Holds), None),
        flip("d", None, Some(Outcome::Holds)),
    ];
    assert_eq!(flips(&a, &b), expected);
    assert_eq!(flips(&a, &a), []);
}

fn opened(dir: &std::path::Path, name: &str, text: &str) -> (String, Opened) {
    let path = dir.join(name);
    fs_err::write(&path, text).unwrap();
    let file = FileRef { digest: Digest::of(text.as_bytes()), size: text.len() as u64 };
    (name.to_owned(), Opened::File(OpenFile { path, file }))
}

#[test]
fn the_stage_judges_files() {
    let dir = tempfile::tempdir().unwrap();
    let run = |claims: &str| {
        let rows = [row("screening/x/best_vs_D0/delta_s", 9.0, Some((8.0, 10.0)))];
        let mut cx = Context::new(dir.path().join("out"), dir.path().join("scratch"));
        cx.inputs = BTreeMap::from([
            opened(dir.path(), "claims", claims),
            opened(dir.path(), "published", SMALL),
            opened(dir.path(), "measurements", &Measurement::to_csv(&rows).unwrap()),
            opened(dir.path(), "observations", &Observation::to_csv(&[])),
        ]);
        cx.progress = Arc::new(hit_stage::NoProgress);
        let stage = Judge { known: BTreeMap::new(), setting: setting(true) };
        assert_eq!(stage.outputs(), ["json", "csv"]);
        stage.run(&mut cx).map_err(|error| error.to_string())
    };
    run(&ledger_text(ABOVE)).unwrap();
    let read = Verdict::read(&dir.path().join("out/json")).unwrap();
    assert_eq!((read.len(), read[0].outcome), (1, Outcome::Holds));
    assert_eq!(fs_err::read_to_string(dir.path().join("out/csv")).unwrap(), Verdict::to_csv(&read));
    let error = run(&ledger_text(ABOVE).replace("above", "abov")).unwrap_err();
    assert!(error.contains("claims: line ") && error.contains("claim `one`"), "{error}");
    assert!(matches!(Verdict::read(&dir.path().join("none")), Err(Error::Io(_))));
}

/// Whatever enters the verdicts is part of the key.
#[test]
fn every_known_number_is_in_the_key() {
    let key = |known: &[(&str, f64)], comparable| {
        let known = known.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        hit_stage::canonical_json(&Judge { known, setting: setting(comparable) })
    };
    let first = key(&[("a", 1.0)], true);
    assert_ne!(first, key(&[("a", 2.0)], true));
    assert_ne!(first, key(&[("b", 1.0)], true));
    assert_ne!(first, key(&[("a", 1.0)], false));
}

proptest! {
    /// No line is wider than 120 columns, and no word is lost.
    #[test]
    fn lines_fit(text in "[a-z0-9é(),. ]{0,400}", why in "[a-z]{0,300}") {
        let verdict = Verdict { text: text.clone(), why: why.clone(), ..with(1.0, 2.0) };
        let shown = render(&[verdict]);
        prop_assert!(shown.lines().all(|line| line.chars().count() <= 120), "{}", shown);
        let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        prop_assert!(letters(&shown).contains(&letters(&text)) && letters(&shown).contains(&letters(&why)));
    }

    /// Any finite numbers read back, through JSON to the same bits.
    #[test]
    fn numbers_survive(value in proptest::num::f64::NORMAL, published in proptest::option::of(-1e9f64..1e9)) {
        let mut verdict = with(1.0, 2.0);
        verdict.ours.as_mut().unwrap().value = value;
        verdict.published = published;
        let read = Verdict::from_json(&Verdict::to_json(&[verdict.clone()])).unwrap();
        prop_assert_eq!(read, [verdict]);
    }
}
