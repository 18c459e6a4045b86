//! Data on stdout: tables for people, JSON for programs.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use comfy_table::{CellAlignment, ContentArrangement, Table};
use serde::Serialize;

use crate::Error;

/// Writes `text` to stdout. A reader that closed its end (`| head`) is no error.
///
/// # Errors
/// Writing failed for another reason.
pub fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Writes `value` to stdout as JSON, indented, with a line end.
///
/// # Errors
/// As [`print`].
pub fn print_json(value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
    print(&json(value)?)
}

/// `value` as indented JSON with a line end.
///
/// # Errors
/// It cannot be JSON: a bug.
pub fn json(value: &(impl Serialize + ?Sized)) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
    Ok(text + "\n")
}

/// Columns under their names, two spaces apart; those in `right` are aligned to the right. Empty if there are no rows.
pub fn columns(names: &[&str], right: &[usize], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let rows: Vec<Vec<String>> = rows.into_iter().collect();
    if rows.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(names.iter().map(ToString::to_string).collect::<Vec<_>>());
    table.add_rows(rows);
    let last = names.len().saturating_sub(1);
    for (idx, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if idx == last { 0 } else { 2 }));
        if right.contains(&idx) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string().lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// `path` as seen from the current folder, if it lies below it.
pub fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let below = here.as_deref().and_then(|here| path.strip_prefix(here).ok());
    below.unwrap_or(path).display().to_string()
}

/// Appends formatted text.
pub fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a string");
}

/// `3 stages`, `1 stage`.
pub fn plural(n: usize, word: &str) -> String {
    if n == 1 { format!("{n} {word}") } else { format!("{n} {word}s") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_row_is_a_line_without_space_at_its_end(cells in prop::collection::vec("[a-z]{0,9}", 0..30)) {
            let rows: Vec<Vec<String>> = cells.chunks_exact(2).map(<[String]>::to_vec).collect();
            let text = columns(&["a", "b"], &[1], rows.clone());
            prop_assert_eq!(text.lines().count(), if rows.is_empty() { 0 } else { rows.len() + 1 });
            prop_assert!(text.lines().all(|line| line == line.trim_end()));
            for (line, row) in text.lines().skip(1).zip(&rows) {
                prop_assert!(line.starts_with(&row[0]) && line.ends_with(&row[1]));
            }
        }
    }

    #[test]
    fn columns_line_up() {
        let rows = [vec!["d0".to_owned(), "7".to_owned()], vec!["d4a4".to_owned(), "1234".to_owned()]];
        let text = columns(&["id", "n"], &[1], rows);
        assert_eq!(text, "id       n\nd0       7\nd4a4  1234\n");
        assert_eq!(columns(&["id"], &[], []), "");
    }

    #[test]
    fn paths_below_the_current_folder_are_short() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(shown(&here.join("results/smoke")), "results/smoke");
        assert_eq!(shown(Path::new("/elsewhere/x")), "/elsewhere/x");
        assert_eq!(shown(Path::new("results")), "results");
    }

    #[test]
    fn counts() {
        assert_eq!(plural(1, "stage"), "1 stage");
        assert_eq!(plural(0, "stage"), "0 stages");
    }
}
