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

/// Latin-1 and UTF-16, with the place and what to do.
#[test]
fn text_that_is_not_utf8_is_an_error() {
    let dir = corpus("", &["a.midi"]);
    let latin = b"\nA,B,train,2004,b.midi,,\nC\xC3\xA9sar Fr\xE9d\xE9ric,T,train,2004,a.midi,,\n";
    put(dir.path(), "maestro-v3.0.0.csv", [HEADER.as_bytes(), latin].concat());
    let wrong = listing(dir.path()).unwrap_err().to_string();
    let place = "line 3, column `canonical_composer`: character 9 (byte 0xE9) is not UTF-8, but may be Latin-1: save";
    assert!(wrong.contains(place), "{wrong}");
    let text = format!("{HEADER}\nA,T,train,2004,a.midi,,10\n");
    for (mark, wide) in [
        (&[0xFF, 0xFE][..], u16::to_le_bytes as fn(u16) -> [u8; 2]),
        (&[0xFE, 0xFF], u16::to_be_bytes),
        (&[], u16::to_le_bytes),
    ] {
        put(dir.path(), "maestro-v3.0.0.csv", [mark.to_vec(), text.encode_utf16().flat_map(wide).collect()].concat());
        let wrong = listing(dir.path()).unwrap_err().to_string();
        assert!(wrong.contains("it is in UTF-16: save it as UTF-8"), "{wrong}");
    }
    put(dir.path(), "maestro-v3.0.0.csv", [text.as_bytes(), &text.as_bytes()[HEADER.len() + 1..]].concat());
    assert!(listing(dir.path()).unwrap_err().to_string().contains("each MIDI file may be listed once"));
}

/// All faults are kept, in their order, and the rows without one.
#[test]
fn every_fault_of_a_table_is_found() {
    let rows = [
        "A,T,train,2004,a.midi,a.wav,10",
        ",T,training,MMIV,../b.midi,b.wav,-1",
        "A,T,train",
        "A,Nocturne, Op. 9,train,2004,c.midi,c.wav,10",
        "A,T,train,2004,a.midi,d.wav,10",
        "A,T,train,2004,e.midi,a.wav,10",
        "A,T,test,2004,f.midi,,",
        "A,T,test,2004,f.mid,,",
    ];
    let dir = corpus(&format!("{HEADER}\n{}\n", rows.join("\n")), &["a.midi", "a.flac"]);
    let Table { path, rows, faults } = read_table(dir.path()).unwrap();
    assert_eq!(path, dir.path().join("maestro-v3.0.0.csv"));
    assert_eq!(rows.iter().map(|row| (&*row.id, &*row.row)).collect::<Vec<_>>(), [("a", "line 2"), ("f", "line 8")]);
    let said: Vec<_> = faults.iter().map(ToString::to_string).collect();
    let expected = [
        "line 3, column `midi_filename`: `../b.midi` is not a plain path inside",
        "line 3, column `canonical_composer`: it is empty",
        "line 3, column `split`: `training` is none of",
        "line 3, column `year`: `MMIV` is not a year",
        "line 3, column `duration`: `-1` is not a number of seconds",
        "line 4, column `year`: the row has 3 cells, the header 7",
        "line 5: the row has 8 cells, the header 7: text with a comma in it must stand in quotes",
        "line 2 and line 6 both give performance `a`: each MIDI file may be listed once",
        "line 2 and line 7 both name the audio",
        "line 8 and line 9 both give performance `f`: `f.midi` and `f.mid` differ only in what a name here does not keep",
    ];
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(&path.display().to_string()) && said.contains(expected), "{said}\n{expected}");
    }
    let first = listing(dir.path()).unwrap_err().to_string();
    assert_eq!(first, format!("{} (and 9 more; `hitrepro data check` lists all)", said[0]));
}

/// The table as a spreadsheet may save it, or without its header.
#[test]
fn other_tables_say_what_to_do() {
    for (table, what) in [
        (HEADER.replace(',', ";"), "its cells are divided by semicolons: save it with commas"),
        (HEADER.replace(',', "\t"), "its cells are divided by tabs"),
        ("A,T,train,2004,a.midi,a.wav,10\n".to_owned(), "its first line names no column but is `A,T,train"),
        (format!("{HEADER},split\n"), "the column `split` is there twice"),
        (format!("x{}\n", ",y".repeat(1 << 20)), "... ("),
    ] {
        let wrong = error(&table, &[]);
        assert!(wrong.contains(what) && wrong.len() < 700, "{wrong}");
    }
}

/// Newlines in quotes, quotes that are not closed, a megabyte in a cell, control characters, numbers beyond all size.
#[test]
fn hostile_cells_are_named() {
    let table =
        format!("{HEADER}\r\nA,\"Two\r\nlines\tand \"\"quotes\"\"\",train,2004,a.midi,,10,,\r\nA,T,train,2004,,,\r\n");
    let dir = corpus(&table, &["a.midi"]);
    let Table { rows, faults, .. } = read_table(dir.path()).unwrap();
    assert_eq!(rows[0].title, "Two lines and \"quotes\"");
    assert!(faults[0].to_string().contains("line 4, column `midi_filename`: it is empty"), "{}", faults[0]);
    let huge = "x".repeat(1 << 20);
    for (row, what) in [
        (
            format!("{huge},T,train,2004,a.midi,,10"),
            "column `canonical_composer`: it holds 1048576 bytes, 4096 are the most",
        ),
        (format!("A,T,{},2004,a.midi,,10", &huge[..4000]), "xxx... (4000 bytes)` is none of train"),
        (format!("A,T,train,2004,{},,10", "/x".repeat(2000)), "(4000 bytes)` is not a plain path inside"),
        (
            format!("A,\"T,train,2004,a.midi,,10\n{}", "A,T,train,2004,b.midi,,10\n".repeat(9)),
            "has 2 cells, the header 7; is a quote not closed?",
        ),
        ("A,T\0,train,2004,a.midi,,10".to_owned(), "column `canonical_title`: it holds the control character U+0000"),
        ("A,T,train,2004,a\0.midi,,10".to_owned(), "column `midi_filename`: it holds the control character U+0000"),
        ("A,T,train,2004,a.midi,,1e400".to_owned(), "column `duration`: `1e400` is not a number of seconds"),
        ("A,T,train,99999,a.midi,,1".to_owned(), "column `year`: `99999` is not a year"),
        ("A,T,train,2004,.midi/,,1".to_owned(), "not a plain path inside"),
    ] {
        let wrong = error(&format!("{HEADER}\n{row}\n"), &["a.midi"]);
        assert!(wrong.contains("line 2") && wrong.contains(what) && wrong.len() < 700, "{what}: {wrong}");
    }
}

/// JSON that parses but is no table, and JSON that does not parse.
#[test]
fn hostile_json_is_named() {
    let column = |name: &str, cell: &str| format!("\"{name}\":{{\"0\":{cell}}}");
    let cells = |midi: &str| {
        let cells = ["\"A\"", "\"T\"", "\"train\"", "2004.0", midi, "\"a.wav\"", "10"];
        COLUMNS.iter().zip(cells).map(|(name, cell)| column(name, cell)).collect::<Vec<_>>().join(",")
    };
    let dir = tempfile::tempdir().unwrap();
    let read = |json: &str| {
        put(dir.path(), "maestro.json", json);
        read_table(dir.path())
    };
    // Columns that are none of ours are passed over, however deep.
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let fine = read(&format!("\u{feff}{{\"version\":3,\"junk\":{deep},{}}}", cells("\"a.midi\""))).unwrap();
    assert_eq!((fine.rows.len(), fine.rows[0].year, &*fine.rows[0].row), (1, Some(2004), "row \"0\""));
    for (midi, what) in [
        ("true", "`true` is neither text"),
        ("[[1,{}]]", "a list is neither text"),
        ("{\"a\":{\"b\":[]}}", "a map is neither text"),
        ("\"a.midi\",\"0\":\"b.midi\"", "the row is twice in it"),
        ("\"a.midi\",\"1\":\"b.midi\"", "the row has no cell in it"),
        ("\"a\\u0000\"", "control character U+0000"),
    ] {
        let faults = read(&format!("{{{}}}", cells(midi))).unwrap().faults;
        assert!(faults[0].to_string().contains(what), "{what}: {}", faults[0]);
    }
    let whole = cells("\"a.midi\"");
    for (json, what) in [
        (format!("{{{whole},{whole}}}"), "column `canonical_composer` is there twice"),
        (format!("{{{}}}", cells("NaN")), "line 1 column"),
        (format!("{{{}}}", cells("1e400")), "line 1 column"),
        (format!("[{{{whole}}}]"), "expected a map of columns"),
        (format!("{{\"split\":[],{whole}}}"), "expected a map of row numbers"),
        ("[".repeat(1 << 20), "expected a map of columns"),
        (format!("{{\"a\":{}", "[".repeat(1 << 20)), "EOF"),
        (format!("{{\"split\":{}", "{\"a\":".repeat(1 << 20)), "line 1 column"),
        (format!("{{\"split\":{{\"0\":{}", "[".repeat(1 << 20)), "line 1 column"),
    ] {
        let wrong = read(&json).unwrap_err().to_string();
        assert!(wrong.contains(what) && wrong.len() < 700, "{what}: {wrong}");
    }
    put(dir.path(), "maestro.json", b"{\"a\":1,\n\"caf\xE9\":1}");
    let wrong = read_table(dir.path()).unwrap_err().to_string();
    assert!(wrong.contains("line 2 column"), "{wrong}");
}

/// A folder in the table's place, a table that may not be read, and one too long.
#[cfg(unix)]
#[test]
fn tables_that_cannot_be_opened() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "maestro.csv/x", "");
    assert!(
        listing(dir.path())
            .unwrap_err()
            .to_string()
            .contains("maestro.csv cannot be read as a table of performances: it is no file")
    );
    fs_err::remove_dir_all(dir.path().join("maestro.csv")).unwrap();
    for target in ["/dev/zero", "/dev/stdin"] {
        symlink(target, dir.path().join("maestro.csv")).unwrap();
        assert!(listing(dir.path()).is_err(), "{target} never ends");
        fs_err::remove_file(dir.path().join("maestro.csv")).unwrap();
    }
    symlink("maestro.csv", dir.path().join("maestro.csv")).unwrap();
    assert!(listing(dir.path()).unwrap_err().to_string().contains("maestro.csv"), "a loop");
    fs_err::remove_file(dir.path().join("maestro.csv")).unwrap();
    let path = put(dir.path(), "maestro.csv", format!("{HEADER}\n"));
    fs_err::set_permissions(&path, PermissionsExt::from_mode(0o0)).unwrap();
    // Whoever may read everything reads this too.
    match fs_err::read(&path) {
        Ok(_) => assert!(listing(dir.path()).unwrap().is_empty()),
        Err(_) => assert!(listing(dir.path()).unwrap_err().to_string().contains("maestro.csv")),
    }
    fs_err::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    fs_err::File::options().write(true).open(&path).unwrap().set_len(MAX_TABLE_BYTES + 1).unwrap();
    assert!(listing(dir.path()).unwrap_err().to_string().contains("268435456 are the most"));
}

/// A year folder may be a link; a link to itself is a missing file.
#[cfg(unix)]
#[test]
fn links_are_followed_and_loops_are_missing_files() {
    use std::os::unix::fs::symlink;
    let table = format!(
        "{HEADER}\nA,T,train,2004,2004/a.midi,2004/a.wav,\nA,T,train,2004,loop.midi,loop/b.wav,\nA,T,train,2004,up/up/2004/a.midi,,\n"
    );
    let dir = corpus(&table, &["elsewhere/a.midi", "elsewhere/a.wav"]);
    symlink(dir.path().join("elsewhere"), dir.path().join("2004")).unwrap();
    symlink("loop.midi", dir.path().join("loop.midi")).unwrap();
    symlink("loop", dir.path().join("loop")).unwrap();
    symlink(".", dir.path().join("up")).unwrap();
    let found: Vec<_> =
        listing(dir.path()).unwrap().iter().map(|row| (row.midi.is_some(), row.audio.is_some())).collect();
    assert_eq!(found, [(true, true), (false, false), (true, false)]);
}

/// Time grows with the number of rows, not its square.
#[test]
fn a_hundred_thousand_rows() {
    const ROWS: usize = 100_000;
    let row = |n: usize| format!("A,T {n},train,2004,{n}.midi,,10\n");
    let dir = corpus(&format!("{HEADER}\n{}{}", (0..ROWS).map(row).collect::<String>(), row(7).repeat(9)), &[]);
    let Table { rows, faults, .. } = read_table(dir.path()).unwrap();
    assert_eq!((rows.len(), faults.len()), (ROWS, 9));
    let cells = |cell: &dyn Fn(usize) -> String| {
        (0..ROWS).map(|n| format!("\"{n}\":{}", cell(n))).collect::<Vec<_>>().join(",")
    };
    let columns = COLUMNS.map(|name| {
        let cell = |n: usize| match name {
            "split" => "\"test\"".to_owned(),
            "year" | "duration" => "1".to_owned(),
            "midi_filename" => format!("\"{n}.mid\""),
            _ => "\"\"".to_owned(),
        };
        format!("\"{name}\":{{{}}}", cells(&cell))
    });
    fs_err::remove_file(dir.path().join("maestro-v3.0.0.csv")).unwrap();
    put(dir.path(), "maestro.json", format!("{{{}}}", columns.join(",")));
    assert_eq!(read_table(dir.path()).unwrap().faults.len(), ROWS, "each composer is empty");
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
        if let Ok(table) = read_table(dir.path()) {
            prop_assert_eq!(table.faults.is_empty(), listing(dir.path()).is_ok());
            prop_assert!(table.faults.iter().all(|fault| fault.to_string().contains("line ")));
        }
        put(dir.path(), "maestro-v3.0.0.csv", &bytes);
        let _ = listing(dir.path());
        fs_err::remove_file(dir.path().join("maestro-v3.0.0.csv")).unwrap();
        put(dir.path(), "maestro.json", &bytes);
        prop_assert!(listing(dir.path()).is_err());
    }

    /// Cells of any kind in the official JSON: a row is listed or has a fault.
    #[test]
    fn json_cells_never_panic(cells in proptest::collection::vec("(null|true|-?[1-9][0-9]{0,3}(\\.5)?|\"[a-d./]{0,6}\"|\\[\\]|\\{\\})", COLUMNS.len())) {
        let columns: Vec<_> = COLUMNS.iter().zip(&cells).map(|(name, cell)| format!("\"{name}\":{{\"k\":{cell}}}")).collect();
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "maestro.json", format!("{{{}}}", columns.join(",")));
        let Table { rows, faults, .. } = read_table(dir.path()).unwrap();
        prop_assert_eq!(rows.len(), usize::from(faults.is_empty()));
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
