//! What a folder holds and what its table says.

use crate::fixtures::{Corpus, only, outline};
use crate::{Kind, Options, Reading, Severity};

#[test]
fn a_sound_corpus_has_no_findings() {
    let corpus = Corpus::sound();
    for reading in [Reading::Files, Reading::Reach(103.0), Reading::Reach(12.0), Reading::Whole] {
        let report = corpus.check_with(&Options { reading, ..Options::default() });
        assert_eq!(outline(&report), [], "{reading:?}: {}", report.text());
        assert_eq!(report.worst(), None);
        assert_eq!(report.summary.n_performances, 6);
        assert_eq!(report.overlaps, []);
        let pairs = if reading == Reading::Files { 0 } else { 6 };
        assert_eq!((report.summary.n_pairs, report.summary.n_paired), (pairs, pairs));
    }
}

#[test]
fn a_missing_midi_file_is_named_with_its_row_and_what_is_there_instead() {
    let corpus = Corpus::sound();
    fs_err::rename(corpus.path("y/2.midi"), corpus.path("y/2.mid")).unwrap();
    let report = corpus.check();
    let finding = &report.findings[1];
    assert_eq!(
        outline(&report),
        [(Kind::StrayFile, Severity::Warning, None), (Kind::MidiMissing, Severity::Error, Some("y/2")),]
    );
    assert_eq!(finding.row.as_deref(), Some("line 4"));
    assert_eq!(finding.file.as_deref(), Some("y/2.midi"));
    assert!(finding.advice.contains("`y/2.mid` is there"), "{}", finding.advice);
    assert_eq!(report.findings[0].file.as_deref(), Some("y/2.mid"));
}

#[test]
fn a_missing_audio_file_is_named() {
    let corpus = Corpus::sound();
    corpus.remove("y/5.wav");
    let report = corpus.check();
    let finding = only(&report);
    assert_eq!((finding.kind, finding.severity), (Kind::AudioMissing, Severity::Error));
    assert_eq!(finding.performance.as_deref(), Some("y/5"));
    assert_eq!(finding.file.as_deref(), Some("y/5.wav"));
    assert_eq!(report.summary.n_with_errors, 1);
}

#[test]
fn a_row_without_audio_name_is_named_by_its_midi() {
    let mut corpus = Corpus::sound();
    corpus.rows[1][5] = String::new();
    corpus.write_table();
    corpus.remove("y/1.wav");
    let finding = only(&corpus.check()).clone();
    assert_eq!((finding.kind, finding.file.as_deref()), (Kind::AudioMissing, Some("y/1.midi")));
}

#[test]
fn a_corpus_of_midi_alone_is_one_finding_or_none() {
    let corpus = Corpus::sound();
    (0..6).for_each(|at| corpus.remove(&format!("y/{at}.wav")));
    let report = corpus.check();
    assert_eq!(only(&report).kind, Kind::AudioMissing);
    assert!(only(&report).advice.contains("render"), "{}", only(&report).advice);
    let rendered = corpus.check_with(&Options { audio: false, ..Options::default() });
    assert_eq!(outline(&rendered), []);
    assert!(rendered.performances.iter().all(|one| one.n_notes > Some(8)));
}

#[test]
fn audio_under_another_extension_is_counted_once() {
    let mut corpus = Corpus::sound();
    corpus.rows.iter_mut().for_each(|row| row[5] = row[5].replace(".wav", ".flac"));
    corpus.write_table();
    let report = corpus.check();
    let finding = only(&report);
    assert_eq!((finding.kind, finding.severity), (Kind::OtherExtension, Severity::Note));
    assert_eq!(finding.what, "6 audio files are there as .wav where the table says .flac");
}

#[test]
fn empty_files_are_found_as_such() {
    let corpus = Corpus::sound();
    corpus.put("y/0.midi", "");
    corpus.put("y/3.wav", "");
    let report = corpus.check();
    assert_eq!(
        outline(&report),
        [(Kind::EmptyFile, Severity::Error, Some("y/0")), (Kind::EmptyFile, Severity::Error, Some("y/3")),]
    );
    assert_eq!(report.findings[1].file.as_deref(), Some("y/3.wav"));
}

#[test]
fn a_csv_and_a_json_that_differ_are_held_against_each_other() {
    let corpus = Corpus::sound();
    let mut table = serde_json::Map::new();
    for (at, column) in hit_corpus::maestro::COLUMNS.into_iter().enumerate() {
        let cells =
            corpus.rows.iter().take(5).enumerate().map(|(row, cells)| (row.to_string(), cells[at].clone().into()));
        table.insert(column.to_owned(), serde_json::Value::Object(cells.collect()));
    }
    table["split"]["1"] = "test".into();
    table["duration"]["2"] = 20.001.into();
    corpus.put("maestro.json", serde_json::to_string(&table).unwrap());
    let report = corpus.check();
    assert_eq!(outline(&report), [(Kind::TablesDiffer, Severity::Warning, None); 2]);
    assert!(report.findings[0].what.contains("6 rows, maestro.json 5: 1 are in the first alone, 0 in the second"));
    assert_eq!(report.findings[1].row.as_deref(), Some("line 3"));
    assert!(report.findings[1].what.contains("`split` is `"), "{}", report.findings[1].what);
}

#[test]
fn the_json_alone_is_the_table() {
    let corpus = Corpus::sound();
    let mut table = serde_json::Map::new();
    for (at, column) in hit_corpus::maestro::COLUMNS.into_iter().enumerate() {
        let cells = corpus.rows.iter().enumerate().map(|(row, cells)| (row.to_string(), cells[at].clone().into()));
        table.insert(column.to_owned(), serde_json::Value::Object(cells.collect()));
    }
    corpus.put("maestro.json", serde_json::to_string(&table).unwrap());
    corpus.remove("maestro.csv");
    corpus.remove("y/4.wav");
    let report = corpus.check();
    assert_eq!(report.table, "maestro.json");
    assert_eq!(only(&report).row.as_deref(), Some("row \"4\""));
}

#[test]
fn a_bad_row_is_a_finding_with_its_line() {
    let mut corpus = Corpus::sound();
    corpus.rows[3][2] = "holdout".to_owned();
    corpus.write_table();
    let report = corpus.check();
    let finding = report.findings.iter().find(|finding| finding.kind == Kind::BadRow).unwrap();
    assert_eq!(finding.row.as_deref(), Some("line 5"));
    assert!(finding.what.contains("holdout"), "{}", finding.what);
    assert_eq!(report.worst(), Some(Severity::Error));
}

#[test]
fn the_same_title_in_two_splits_is_an_overlap_and_no_error() {
    let mut corpus = Corpus::sound();
    let (composer, title) = (corpus.rows[0][0].clone(), corpus.rows[0][1].clone());
    let other = (1..6).find(|&at| corpus.rows[at][2] != corpus.rows[0][2]).unwrap();
    (corpus.rows[other][0], corpus.rows[other][1]) = (composer.clone(), title.clone());
    corpus.write_table();
    let report = corpus.check();
    assert_eq!(report.overlaps.len(), 1);
    let overlap = &report.overlaps[0];
    assert_eq!(overlap.composition, format!("{composer}: {title}"));
    assert_eq!(overlap.performances, ["y/0".to_owned(), format!("y/{other}")]);
    assert_eq!(overlap.splits.len(), 2);
    assert_eq!(report.worst(), None);
}

#[test]
fn digests_of_a_list_are_verified_and_given_to_their_performance() {
    let corpus = Corpus::sound();
    let right = hit_stage::Digest::of(&fs_err::read(corpus.path("y/0.wav")).unwrap());
    let wrong = "0".repeat(32);
    corpus.put("SHA256SUMS", format!("{right}  y/0.wav\n"));
    corpus.put("corpus.md5", format!("{wrong} *y/1.midi\n{wrong}  y/gone.wav\n{wrong}  ../out.wav\n"));
    let report = corpus.check();
    assert_eq!(
        outline(&report),
        [
            (Kind::DigestLine, Severity::Warning, None),
            (Kind::DigestMissing, Severity::Error, None),
            (Kind::DigestDiffers, Severity::Error, Some("y/1")),
        ]
    );
    assert_eq!(report.summary.n_digests_right, 1);
    assert_eq!(report.findings[2].row.as_deref(), Some("line 3"));
    assert!(report.findings[2].what.contains("corpus.md5, line 1"), "{}", report.findings[2].what);
    let unread = corpus.check_with(&Options { sums: false, ..Options::default() });
    assert_eq!(outline(&unread), []);
}

#[test]
fn midi_of_maestros_names_has_to_be_maestros() {
    let mut corpus = Corpus::sound();
    let official = crate::sums::MAESTRO_MIDI.lines().next().unwrap().split_once("  ").unwrap().1;
    corpus.put(official, fs_err::read(corpus.path("y/0.midi")).unwrap());
    corpus.rows[0][4] = official.to_owned();
    corpus.remove("y/0.midi");
    corpus.write_table();
    assert_eq!(outline(&corpus.check()), [], "a table of another name makes no claim");
    fs_err::rename(corpus.path("maestro.csv"), corpus.path("maestro-v3.0.0.csv")).unwrap();
    let report = corpus.check();
    assert_eq!(only(&report).kind, Kind::DigestDiffers);
    assert!(only(&report).what.ends_with("as MAESTRO v3.0.0 says"), "{}", only(&report).what);
}
