//! Tables that agree, that do not, and that are none.

use proptest::prelude::*;

use hit_corpus::maestro::COLUMNS;

use super::*;

const HEADER: &str = "canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs_err::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn csv_of(rows: &[&str]) -> String {
    format!("{HEADER}\n{}\n", rows.join("\n"))
}

#[test]
fn rows_keep_the_order_and_the_lines_of_the_table() {
    let rows =
        ["C,T,train,2004,b.midi,b.wav,10", "C,\"T\nof two lines\",test,2004,a.midi,a.wav,10", "C,U,test,0,c.midi,,"];
    let dir = folder(&[("maestro.csv", &csv_of(&rows))]);
    let table = read(dir.path()).unwrap();
    let found: Vec<_> = table.rows.iter().map(|row| (row.row.as_str(), row.id.as_str())).collect();
    assert_eq!(found, [("line 2", "b"), ("line 3", "a"), ("line 5", "c")]);
    assert_eq!(table.rows.iter().map(|row| row.audio_filename.as_str()).collect::<Vec<_>>(), ["b.wav", "a.wav", ""]);
    assert_eq!((table.name.as_str(), table.faults.len()), ("maestro.csv", 0));
}

#[test]
fn faults_of_the_table_are_findings_with_their_row() {
    let cases: [(String, Option<&str>, &str); 5] = [
        (csv_of(&["C,T,train,2004,a.midi,a.wav,-3"]), Some("line 2"), "column `duration`"),
        (csv_of(&["C,T,train,2004,a.midi,a.wav,3", "C,T,train,2004,a.midi,b.wav,3"]), Some("line 3"), "as line 2 does"),
        (csv_of(&["C,T,train,2004,../a.midi,a.wav,3"]), Some("line 2"), "column `midi_filename`"),
        ("a,b\n1,2\n".to_owned(), None, "names no column"),
        (csv_of(&["C,T,train"]), Some("line 2"), "cells"),
    ];
    for (text, row, what) in cases {
        let dir = folder(&[("maestro.csv", &text)]);
        let table = read(dir.path()).unwrap();
        assert_eq!(table.faults.len(), 1, "{text}");
        let fault = &table.faults[0];
        assert_eq!((fault.kind, fault.severity, fault.row.as_deref()), (Kind::BadRow, Severity::Error, row), "{text}");
        assert!(fault.what.contains(what), "{}", fault.what);
        assert_eq!(fault.file.as_deref(), Some("maestro.csv"));
    }
}

#[test]
fn no_table_and_two_tables_are_errors() {
    assert!(matches!(read(folder(&[]).path()), Err(Error::Corpus(hit_corpus::Error::NoTable { .. }))));
    let two = folder(&[("maestro-1.csv", HEADER), ("maestro-2.csv", HEADER)]);
    assert!(matches!(read(two.path()), Err(Error::Corpus(hit_corpus::Error::ManyTables { .. }))));
}

fn json_of(rows: &[[&str; 7]]) -> String {
    let mut table = serde_json::Map::new();
    for (at, column) in COLUMNS.into_iter().enumerate() {
        let cells = rows.iter().enumerate().map(|(row, cells)| (row.to_string(), cells[at].into()));
        table.insert(column.to_owned(), serde_json::Value::Object(cells.collect()));
    }
    serde_json::to_string(&table).unwrap()
}

#[test]
fn equal_tables_say_nothing_whatever_the_digits_of_durations() {
    let dir = folder(&[
        ("maestro.csv", &csv_of(&["C,T,train,2004,a.midi,a.wav,10.1234567", "C,U,test,2004,b.midi,b.wav,11"])),
        (
            "maestro.json",
            &json_of(&[
                ["C", "U", "test", "2004", "b.midi", "b.wav", "11.0"],
                ["C", "T", "train", "2004", "a.midi", "a.wav", "10.12346"],
            ]),
        ),
    ]);
    assert_eq!(read(dir.path()).unwrap().faults, []);
}

#[test]
fn differences_are_listed_up_to_a_number_and_then_counted() {
    let n = MAX_DIFFERENCES + 5;
    let rows: Vec<String> = (0..n).map(|k| format!("C,T{k},train,2004,{k:02}.midi,{k:02}.wav,10")).collect();
    let names: Vec<[String; 3]> =
        (0..n).map(|k| [format!("T{k}"), format!("{k:02}.midi"), format!("{k:02}.wav")]).collect();
    let cells: Vec<[&str; 7]> =
        names.iter().map(|[title, midi, wav]| ["C", title, "test", "2004", midi, wav, "10"]).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let dir = folder(&[("maestro.csv", &csv_of(&rows)), ("maestro.json", &json_of(&cells))]);
    let faults = read(dir.path()).unwrap().faults;
    assert_eq!(faults.len(), MAX_DIFFERENCES + 1);
    assert_eq!(faults[0].what, "`split` is `train` here and `test` there");
    assert_eq!(faults[0].row.as_deref(), Some("line 2"));
    assert_eq!(faults[MAX_DIFFERENCES].what, "5 more rows differ");
}

#[test]
fn rows_of_a_json_are_in_the_order_of_their_numbers() {
    let names: Vec<String> = (0..12).map(|k| format!("{}.midi", (b'z' - k) as char)).collect();
    let rows: Vec<[&str; 7]> = names.iter().map(|name| ["C", "T", "train", "2004", name.as_str(), "", "1"]).collect();
    let dir = folder(&[("maestro.json", &json_of(&rows))]);
    let table = read(dir.path()).unwrap();
    let found: Vec<_> = table.rows.iter().map(|row| row.row.clone()).collect();
    assert_eq!(found, (0..12).map(|k| format!("row \"{k}\"")).collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn whatever_the_other_table_holds_the_csv_counts(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let dir = folder(&[("maestro.csv", &csv_of(&["C,T,train,2004,a.midi,a.wav,10"]))]);
        fs_err::write(dir.path().join("maestro.json"), bytes).unwrap();
        let table = read(dir.path()).unwrap();
        prop_assert_eq!(table.rows.len(), 1);
        prop_assert!(table.faults.iter().all(|fault| fault.kind == Kind::TablesDiffer));
    }

    #[test]
    fn no_table_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), with_header in any::<bool>()) {
        let head = if with_header { format!("{HEADER}\n") } else { String::new() };
        let dir = folder(&[]);
        fs_err::write(dir.path().join("maestro.csv"), [head.into_bytes(), bytes].concat()).unwrap();
        let _ = read(dir.path());
    }
}
