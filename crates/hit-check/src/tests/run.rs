//! Threads, watching, stopping, options, and what cannot be checked at all.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::fixtures::{Corpus, pieces};
use crate::{Error, Options, Reading, Watch, check};

#[test]
fn the_report_does_not_depend_on_the_number_of_threads() {
    let corpus = Corpus::sound();
    corpus.put_sound("y/2.wav", &pieces()[5].samples);
    corpus.put_sound("y/5.wav", &pieces()[2].samples);
    corpus.remove("y/0.midi");
    corpus.put("MD5SUMS", format!("{}  y/3.wav\n", "a".repeat(32)));
    let with = |jobs| corpus.check_with(&Options { jobs, ..Options::default() });
    let one = with(1);
    assert_eq!(one.findings.len(), 4, "{}", one.text());
    assert_eq!(serde_json::to_string(&with(4)).unwrap(), serde_json::to_string(&one).unwrap());
}

#[test]
fn performances_are_in_the_order_of_the_table() {
    let mut corpus = Corpus::sound();
    corpus.rows.reverse();
    corpus.write_table();
    let report = corpus.check_with(&Options { reading: Reading::Files, ..Options::default() });
    let ids: Vec<_> = report.performances.iter().map(|one| one.performance.as_str()).collect();
    assert_eq!(ids, ["y/5", "y/4", "y/3", "y/2", "y/1", "y/0"]);
    assert_eq!(report.performances[0].row.as_deref(), Some("line 2"));
}

#[derive(Default)]
struct Counting {
    seen: Mutex<Vec<(usize, usize)>>,
    stop_after: Option<usize>,
    asked: AtomicUsize,
}

impl Watch for Counting {
    fn progress(&self, done: usize, total: usize) {
        self.seen.lock().unwrap().push((done, total));
    }

    fn cancelled(&self) -> bool {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        self.stop_after.is_some_and(|n| asked >= n)
    }
}

#[test]
fn progress_counts_each_performance_and_each_digest() {
    let corpus = Corpus::sound();
    corpus.put("MD5SUMS", format!("{}  y/2.wav\n", "a".repeat(32)));
    let watch = Counting::default();
    check(corpus.dir.path(), &Options::default(), &watch).unwrap();
    let mut seen = watch.seen.into_inner().unwrap();
    seen.sort_unstable();
    assert_eq!(seen, (1..=7).map(|done| (done, 7)).collect::<Vec<_>>());
}

#[test]
fn it_stops_when_asked_to() {
    let corpus = Corpus::sound();
    let watch = Counting { stop_after: Some(2), ..Counting::default() };
    let options = Options { jobs: 1, reading: Reading::Files, ..Options::default() };
    let error = check(corpus.dir.path(), &options, &watch).unwrap_err();
    assert!(matches!(error, Error::Cancelled { done: 2, total: 6 }), "{error}");
}

#[test]
fn a_folder_without_a_table_is_an_error_and_no_report() {
    let empty = tempfile::tempdir().unwrap();
    let error = check(empty.path(), &Options::default(), &()).unwrap_err();
    assert!(error.to_string().contains("holds no table"), "{error}");
    let error = check(&empty.path().join("nowhere"), &Options::default(), &()).unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
}

#[test]
fn options_that_cannot_be_meant_are_refused_by_name() {
    let corpus = Corpus::sound();
    let wrong = [
        (Options { reading: Reading::Reach(0.0), ..Options::default() }, "reach_s"),
        (Options { reading: Reading::Reach(f64::NAN), ..Options::default() }, "reach_s"),
        (Options { max_lag_s: 0.0, ..Options::default() }, "max_lag_s"),
        (Options { max_lag_s: f64::INFINITY, ..Options::default() }, "max_lag_s"),
        (Options { sample_rate_hz: 0, ..Options::default() }, "sample_rate_hz"),
    ];
    for (options, field) in wrong {
        let error = check(corpus.dir.path(), &options, &()).unwrap_err();
        assert!(error.to_string().starts_with(&format!("`{field}`")), "{error}");
    }
}

/// The JSON is a contract: names of fields and of kinds.
#[test]
fn the_json_has_the_agreed_fields() {
    let corpus = Corpus::sound();
    corpus.remove("y/0.wav");
    let json: serde_json::Value = serde_json::to_value(corpus.check()).unwrap();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&json), ["counts", "findings", "format", "overlaps", "performances", "summary", "table"]);
    assert_eq!(json["format"], 1);
    let finding = &json["findings"][0];
    assert_eq!(keys(finding), ["advice", "file", "kind", "other", "performance", "row", "severity", "what"]);
    assert_eq!((&finding["kind"], &finding["severity"]), (&"audio_missing".into(), &"error".into()));
    assert_eq!(json["counts"]["audio_missing"], 1);
    let measured = &json["performances"][1];
    for (field, expected) in [("table_duration_s", 20.0), ("audio_duration_s", 20.0), ("audio_rate_hz", 24_000.0)] {
        assert_eq!(measured[field].as_f64(), Some(expected), "{field}");
    }
    assert_eq!(keys(&measured["pairing"]), ["n_onsets", "offset_s", "score", "stands_out"]);
    assert_eq!(keys(&measured["levels"]), ["clipped_share", "dead_share", "mean", "peak_db", "rms_db"]);
    assert!(json["performances"][0]["levels"].is_null());
}
