//! A number in a result file, as `explain FILE#KEY` names it.

use std::path::Path;

use crate::Error;

/// File of all numbers that the paper's prose uses, by key; below the results folder.
pub const NUMBERS: &str = "numbers.json";
/// Rows of a table shown at most.
const SHOWN: usize = 20;

/// What `key` says in `file` below `results`: an entry of a JSON object, or the rows of a CSV table in which every part
/// of the key is a cell, or a word of a heading such as `d4a4, cosine60`. Names of columns may stand in the key; all columns are shown. `None` if there is no such number, or the file is of another kind or not there.
///
/// # Errors
/// The file is there and cannot be read.
pub fn number(results: &Path, file: &str, key: &str) -> Result<Option<String>, Error> {
    let path = results.join(file);
    if key.is_empty() || !path.is_file() {
        return Ok(None);
    }
    match path.extension().and_then(std::ffi::OsStr::to_str) {
        Some("json") => Ok(in_json(&fs_err::read_to_string(&path)?, key)),
        Some("csv") => Ok(in_csv(&fs_err::read_to_string(&path)?, key)),
        _ => Ok(None),
    }
}

fn in_json(text: &str, key: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    value.get(key).map(|found| format!("{key} = {found}\n"))
}

fn in_csv(text: &str, key: &str) -> Option<String> {
    let parts: Vec<&str> = key.split(['.', ',']).filter(|part| !part.is_empty()).collect();
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let names = reader.headers().ok()?.clone();
    let parts: Vec<&str> = parts.into_iter().filter(|part| !names.iter().any(|name| name == *part)).collect();
    let head = names.iter().collect::<Vec<_>>().join(",");
    let is = |cell: &str, part: &str| cell == part || cell.split(", ").any(|word| word == part);
    let fits =
        |row: &csv::StringRecord| !parts.is_empty() && parts.iter().all(|part| row.iter().any(|cell| is(cell, part)));
    let rows: Vec<String> = reader
        .records()
        .map_while(Result::ok)
        .filter(fits)
        .map(|row| row.iter().collect::<Vec<_>>().join(","))
        .collect();
    if rows.is_empty() {
        return None;
    }
    let more = if rows.len() > SHOWN { format!("... and {} more rows\n", rows.len() - SHOWN) } else { String::new() };
    let shown: Vec<&str> = rows.iter().take(SHOWN).map(String::as_str).collect();
    Some(format!("{head}\n{}\n{more}", shown.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_key() {
        let json = r#"{"replication.d4a4.s.mean": {"value": 84.0}}"#;
        let found = in_json(json, "replication.d4a4.s.mean").unwrap();
        assert_eq!(found, "replication.d4a4.s.mean = {\"value\":84.0}\n");
        assert_eq!(in_json(json, "replication.d4a4"), None);
        assert_eq!(in_json("[1]", "0"), None);
        assert_eq!(in_json("no json", "x"), None);
    }

    #[test]
    fn rows_are_found_by_their_cells() {
        let csv = "stage,arm,metric,value\nreplication,d4a4,s,84.0\nreplication,d0,s,75.2\nscreening,d4a4,s,80\n";
        assert_eq!(in_csv(csv, "replication.d4a4.s").unwrap(), "stage,arm,metric,value\nreplication,d4a4,s,84.0\n");
        assert_eq!(in_csv(csv, "d4a4").unwrap().lines().count(), 3);
        assert!(in_csv("id,split\na/b-1,train\n", "train.a/b-1").is_some());
        assert_eq!(in_csv(csv, "d4"), None);
        assert_eq!(in_csv(csv, "."), None);
        let grouped = "group,direction,s\n\"d4a4, cosine60\",MIDI to audio,83.8\n\"D0, cosine60\",MIDI to audio,73.4\n";
        assert_eq!(in_csv(grouped, "d4a4.s").unwrap().lines().count(), 2, "a word of the heading, and a column");
        assert_eq!(in_csv(grouped, "s"), None, "a column alone is no row");
        let long = format!("a\n{}", "x\n".repeat(30));
        assert!(in_csv(&long, "x").unwrap().ends_with("... and 10 more rows\n"));
    }

    #[test]
    fn other_files_have_no_numbers() {
        let dir = tempfile::tempdir().unwrap();
        fs_err::write(dir.path().join("a.tex"), "84.0").unwrap();
        fs_err::write(dir.path().join("a.json"), "{\"k\": 1}").unwrap();
        assert_eq!(number(dir.path(), "a.tex", "84").unwrap(), None);
        assert_eq!(number(dir.path(), "none.json", "k").unwrap(), None);
        assert_eq!(number(dir.path(), "a.json", "").unwrap(), None);
        assert_eq!(number(dir.path(), "a.json", "k").unwrap().as_deref(), Some("k = 1\n"));
    }
}
