//! The text of a report, its counts and its names.

use super::*;

fn finding(performance: Option<&str>, kind: Kind, severity: Severity) -> Finding {
    let owned = |text: &str| text.to_owned();
    Finding {
        performance: performance.map(owned),
        row: performance.map(|_| owned("line 7")),
        ..Finding::new(kind, severity, "it is odd", "leave it").in_file("y/0.wav")
    }
}

fn report(findings: Vec<Finding>) -> Report {
    let measured = |id: &str, split: &str| Measured {
        performance: id.to_owned(),
        split: split.to_owned(),
        audio_format: Some("wav".to_owned()),
        audio_rate_hz: Some(44_100),
        audio_channels: Some(2),
        audio_duration_s: Some(1800.0),
        ..Measured::default()
    };
    let performances = vec![measured("y/0", "train"), measured("y/1", "test"), measured("y/2", "train")];
    let mut counts = BTreeMap::new();
    for finding in &findings {
        *counts.entry(finding.kind.name()).or_default() += 1;
    }
    let summary = Summary::of(&performances, &findings);
    Report { format: 1, table: "maestro.csv".to_owned(), findings, counts, overlaps: Vec::new(), summary, performances }
}

#[test]
fn the_text_is_a_table_then_counts_then_the_summary() {
    let mut report = report(vec![
        finding(None, Kind::StrayFile, Severity::Warning),
        finding(Some("y/0"), Kind::Unrelated, Severity::Error),
    ]);
    let works = ["train", "test"].map(str::to_owned).to_vec();
    report.overlaps = vec![Overlap { composition: "A: B".to_owned(), splits: works, performances: Vec::new() }];
    let expected = "\
severity  kind        row     performance
warning   stray_file  -       -
    y/0.wav: it is odd; leave it
error     unrelated   line 7  y/0
    y/0.wav: it is odd; leave it

found:
       1  stray_file
       1  unrelated
works in more than one split: 1
  A: B (train, test)
maestro.csv: 3 performances, 1 with errors, 0 more with warnings
  splits: 1 test; 2 train
  audio: 3 wav 44100 Hz, 2 channels; 1.50 h
";
    assert_eq!(report.text(), expected);
}

#[test]
fn a_good_corpus_is_its_summary_alone() {
    let text = report(Vec::new()).text();
    assert!(text.starts_with("maestro.csv: 3 performances, 0 with errors"), "{text}");
    assert_eq!(report(Vec::new()).worst(), None);
}

#[test]
fn the_worst_counts_and_a_performance_counts_once() {
    use Severity::{Error, Note, Warning};
    let of = |found: &[(&'static str, Severity)]| {
        report(found.iter().map(|(id, severity)| finding(Some(id), Kind::Quiet, *severity)).collect())
    };
    let mixed = of(&[("y/0", Warning), ("y/0", Error), ("y/1", Warning), ("y/1", Note), ("y/2", Note)]);
    assert_eq!((mixed.summary.n_with_errors, mixed.summary.n_with_warnings), (1, 1));
    assert_eq!(mixed.worst(), Some(Error));
    assert_eq!(of(&[("y/2", Note)]).worst(), Some(Note));
    assert!(Note < Warning && Warning < Error);
}

#[test]
fn only_pairs_that_belong_together_have_an_offset() {
    let pairing = |offset_s, score, stands_out| Pairing { offset_s, score, stands_out, n_onsets: 100 };
    let measured = |pairing| Measured { pairing: Some(pairing), ..Measured::default() };
    let of = |pairs: &[Pairing]| Summary::of(&pairs.iter().map(|one| measured(*one)).collect::<Vec<_>>(), &[]);
    let summary = of(&[pairing(-0.3, 5.0, 30.0), pairing(0.2, 5.0, 30.0), pairing(9.0, 0.2, 4.0)]);
    assert_eq!((summary.n_pairs, summary.n_paired, summary.largest_offset_s), (3, 2, Some(0.3)));
    assert_eq!(of(&[pairing(9.0, 0.2, 4.0)]).largest_offset_s, None);
}

#[test]
fn names_in_the_json_are_the_names_in_the_text_and_all_differ() {
    let mut names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    for kind in Kind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
    }
    for severity in [Severity::Note, Severity::Warning, Severity::Error] {
        assert_eq!(serde_json::to_value(severity).unwrap(), severity.name());
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Kind::ALL.len());
}
