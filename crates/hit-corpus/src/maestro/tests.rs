//! Tables as they should be, and every way in which they can be wrong.

use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::fixtures::put;

const HEADER: &str = "canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration";

fn corpus(table: &str, files: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "maestro-v3.0.0.csv", table);
    for name in files {
        put(dir.path(), name, "x");
    }
    dir
}

fn error(table: &str, files: &[&str]) -> String {
    listing(corpus(table, files).path()).unwrap_err().to_string()
}

/// Quotes, a byte order mark, Windows line ends, columns in another order, an empty line.
#[test]
fn the_official_table_is_read() {
    let table = "\u{feff}duration,canonical_composer,canonical_title,split,year,midi_filename,audio_filename\r\n\
        12.5,Frédéric Chopin,\"Études, \"\"Op. 10\"\"\",train,2004,2004/b.midi,2004/b.wav\r\n\r\n\
        ,Anon,,test,0,2004/a (1).mid,\r\n";
    let dir = corpus(table, &["2004/b.midi", "2004/b.wav", "2004/a (1).mid"]);
    let listed = listing(dir.path()).unwrap();
    assert_eq!(listed.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["2004/a__1_", "2004/b"]);
    let (anon, chopin) = (&listed[0], &listed[1]);
    assert_eq!((anon.year, anon.duration_s, &anon.audio), (None, None, &None));
    assert_eq!((chopin.year, chopin.duration_s), (Some(2004), Some(12.5)));
    assert_eq!((chopin.composer.as_str(), chopin.title.as_str()), ("Frédéric Chopin", "Études, \"Op. 10\""));
    assert_eq!(chopin.audio, Some(dir.path().join("2004/b.wav")));
    assert_eq!(chopin.midi, Some(dir.path().join("2004/b.midi")));
    assert_eq!((anon.midi_filename.as_str(), chopin.midi_filename.as_str()), ("2004/a (1).mid", "2004/b.midi"));
}

#[test]
fn the_official_json_is_read() {
    let json = r#"{"canonical_composer":{"0":"A","10":"B"},"canonical_title":{"0":"T","10":"U"},
        "split":{"0":"train","10":"validation"},"year":{"0":2018,"10":2008},
        "midi_filename":{"0":"z.midi","10":"y.midi"},"audio_filename":{"0":"z.wav","10":"y.wav"},
        "duration":{"0":698.5,"10":null}}"#;
    let dir = tempfile::tempdir().unwrap();
    for name in ["z.midi", "y.midi", "z.flac"] {
        put(dir.path(), name, "x");
    }
    put(dir.path(), "maestro-v3.0.0.json", json);
    let listed = listing(dir.path()).unwrap();
    assert_eq!((listed[1].id.as_str(), listed[1].year, listed[1].duration_s), ("z", Some(2018), Some(698.5)));
    assert_eq!(listed[1].audio, Some(dir.path().join("z.flac")), "the wav that is named was stored as flac");
    assert_eq!((listed[0].id.as_str(), &listed[0].audio, listed[0].duration_s), ("y", &None, None));

    put(dir.path(), "maestro-v3.0.0.json", json.replace("\"10\":2008", "\"11\":2008"));
    let wrong = listing(dir.path()).unwrap_err().to_string();
    assert!(wrong.contains("row \"10\", column `year`"), "{wrong}");
    put(dir.path(), "maestro-v3.0.0.json", json.replace("\"duration\"", "\"length\""));
    assert!(listing(dir.path()).unwrap_err().to_string().contains("no column `duration`"));
    put(dir.path(), "maestro-v3.0.0.json", "{\"year\":");
    assert!(matches!(listing(dir.path()), Err(Error::Table { .. })));
}

/// A file that is not there, or is a folder, is no mistake of the table; who reads the list decides.
#[test]
fn missing_files_are_told_apart_from_wrong_rows() {
    let rows = ["2004/a.midi,2004/a.wav", "2004/b.midi,2004/b.wav", "2004/c.midi,2004/c.wav", "d.midi,"];
    let rows = rows.map(|files| format!("A,T,train,2004,{files},10")).join("\n");
    let dir = corpus(&format!("{HEADER}\n{rows}\n"), &["2004/a.midi", "2004/b.wav", "d.midi/x"]);
    let listed = listing(dir.path()).unwrap();
    let found = |row: &Listed| (row.midi.is_some(), row.audio.is_some());
    assert_eq!(
        listed.iter().map(found).collect::<Vec<_>>(),
        [(true, false), (false, true), (false, false), (false, false)]
    );
    let (ids, named): (Vec<_>, Vec<_>) = listed.iter().map(|row| (row.id.as_str(), row.midi_filename.as_str())).unzip();
    assert_eq!(ids, ["2004/a", "2004/b", "2004/c", "d"], "a missing file still gives its row a name");
    assert_eq!(named, ["2004/a.midi", "2004/b.midi", "2004/c.midi", "d.midi"]);
}

#[test]
fn a_folder_needs_one_table() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(listing(dir.path()), Err(Error::NoTable { .. })));
    assert!(matches!(listing(&dir.path().join("none")), Err(Error::Io(_))));
    put(dir.path(), "maestro-v2.csv", HEADER);
    put(dir.path(), "maestro-v3.csv", HEADER);
    let wrong = listing(dir.path()).unwrap_err().to_string();
    assert!(wrong.contains("maestro-v2.csv, maestro-v3.csv"), "{wrong}");
}

#[test]
fn missing_columns_are_named_with_those_there_are() {
    let wrong = error("canonical_composer,split,year\nA,train,2004\n", &[]);
    assert!(wrong.contains("no column `canonical_title`; its columns are: canonical_composer, split, year"), "{wrong}");
    assert!(matches!(listing(corpus("", &[]).path()), Err(Error::MissingColumn { .. })));
}

/// Every wrong cell is named with its file, line and column.
#[test]
fn wrong_cells_are_named() {
    let good = "A,T,train,2004,a.midi,a.wav,10";
    for (row, column, what) in [
        ("A,T,train,2004,,a.wav,10", "midi_filename", "empty"),
        ("A,T,train,2004,../a.midi,a.wav,10", "midi_filename", "not a plain path inside"),
        ("A,T,train,2004,x/../../a.midi,a.wav,10", "midi_filename", "not a plain path inside"),
        ("A,T,train,2004,/etc/passwd,a.wav,10", "midi_filename", "not a plain path inside"),
        ("A,T,train,2004,C:\\a.midi,a.wav,10", "midi_filename", "not a plain path inside"),
        ("A,T,train,2004,b.midi,../../a.wav,10", "audio_filename", "not a plain path inside"),
        ("A,T,train,2004,c.midi,../../a.wav,10", "audio_filename", "not a plain path inside"),
        ("A,T,training,2004,c.midi,a.wav,10", "split", "none of train, validation, test"),
        ("A,T,train,MMIV,c.midi,a.wav,10", "year", "not a year"),
        ("A,T,train,2004,c.midi,a.wav,-1", "duration", "not a number of seconds"),
        ("A,T,train,2004,c.midi,a.wav,NaN", "duration", "not a number of seconds"),
        ("A,T,train,2004,c.midi,a.wav,inf", "duration", "not a number of seconds"),
        (",T,train,2004,c.midi,a.wav,10", "canonical_composer", "empty"),
        ("A,T,train", "year", "the row has 3 cells, the header 7"),
    ] {
        let wrong = error(&format!("{HEADER}\n{good}\n{row}\n"), &["a.midi", "a.wav", "c.midi"]);
        let place = format!("maestro-v3.0.0.csv, line 3, column `{column}`");
        assert!(wrong.contains(&place) && wrong.contains(what), "{row}: {wrong}");
    }
}

/// The same file twice, and two files whose names become one.
#[test]
fn rows_that_are_one_performance_are_named() {
    let files = ["a.midi", "a b.midi", "a_b.midi"];
    let row = |midi: &str| format!("A,T,train,2004,{midi},,10\n");
    for (one, two, id) in [("a.midi", "a.midi", "a"), ("a b.midi", "a_b.midi", "a_b")] {
        let wrong = error(&format!("{HEADER}\n{}{}", row(one), row(two)), &files);
        assert!(wrong.contains(&format!("line 2 and line 3 both give performance `{id}`")), "{wrong}");
    }
}

#[test]
fn text_that_is_not_utf8_is_an_error() {
    let dir = corpus("", &["a.midi"]);
    put(dir.path(), "maestro-v3.0.0.csv", [HEADER.as_bytes(), b"\nA,\xFF,train,2004,a.midi,,\n"].concat());
    let wrong = listing(dir.path()).unwrap_err().to_string();
    assert!(wrong.contains("UTF-8"), "{wrong}");
}

proptest! {
    #[test]
    fn tables_never_panic(lines in proptest::collection::vec("[a-c\",;./\\\\\r\n0-9é-]{0,40}", 0..8), bytes: Vec<u8>) {
        let dir = corpus(&format!("{HEADER}\n{}", lines.join("\n")), &["a.midi", "b/a.midi"]);
        if let Ok(rows) = listing(dir.path()) {
            prop_assert!(rows.is_sorted_by(|a, b| a.id < b.id));
            prop_assert!(rows.iter().all(|row| check_name(&row.id) && row.midi.iter().all(|midi| midi.starts_with(dir.path()))));
        }
        put(dir.path(), "maestro-v3.0.0.csv", [HEADER.as_bytes(), b"\n", &bytes].concat());
        let _ = listing(dir.path());
        fs_err::remove_file(dir.path().join("maestro-v3.0.0.csv")).unwrap();
        put(dir.path(), "maestro.json", &bytes);
        prop_assert!(listing(dir.path()).is_err());
    }

    /// Whatever a row names, nothing outside the folder is ever listed.
    #[test]
    fn paths_stay_inside(name in "(\\.\\./|/|a/|b|\\./|\\\\){1,6}midi") {
        let dir = corpus(&format!("{HEADER}\nA,T,train,2004,{name},{name},10\n"), &["corpus/bmidi"]);
        put(dir.path(), "corpus/maestro.csv", format!("{HEADER}\nA,T,train,2004,{name},{name},10\n"));
        put(dir.path(), "midi", "outside");
        if let Ok(rows) = listing(&dir.path().join("corpus")) {
            let inside = |path: &Path| fs_err::canonicalize(path).unwrap().starts_with(fs_err::canonicalize(dir.path().join("corpus")).unwrap());
            prop_assert!(rows.iter().flat_map(|row| row.midi.iter().chain(&row.audio)).all(|path| inside(path)), "{name}");
        }
    }
}
