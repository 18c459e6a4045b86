//! A corpus in the layout of MAESTRO: a folder with the official csv or json and the files that it names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hit_stage::check_name;
use serde::Deserialize;

use crate::{Error, SPLITS};

/// One row of the table, and which of its files there are.
#[derive(Clone, PartialEq, Debug)]
pub struct Listed {
    /// Unique name: the MIDI file's, folders kept, without extension, unusual characters replaced by `_`.
    pub id: String,
    /// `canonical_composer`.
    pub composer: String,
    /// `canonical_title`.
    pub title: String,
    /// `train`, `validation` or `test`.
    pub split: String,
    /// Year of the recording; 0 in the table means unknown.
    pub year: Option<u16>,
    /// `midi_filename` as the table has it: a path inside the corpus folder, `/` between its parts.
    pub midi_filename: String,
    /// The MIDI file; `None` if it is not on disk.
    pub midi: Option<PathBuf>,
    /// The audio file; `None` if there is none on disk.
    pub audio: Option<PathBuf>,
    /// `duration`, seconds.
    pub duration_s: Option<f64>,
}

/// Columns of the table; all must be there, `year`, `audio_filename` and `duration` may be empty in a row.
pub const COLUMNS: [&str; 7] =
    ["canonical_composer", "canonical_title", "split", "year", "midi_filename", "audio_filename", "duration"];

/// Extensions under which the audio of a row is looked for when the file that it names is not there: corpora are
/// commonly stored compressed, with the official table beside them.
const AUDIO_EXTENSIONS: [&str; 5] = ["wav", "flac", "ogg", "mp3", "oga"];

/// Lists the corpus in the folder `root`, sorted by id.
///
/// The table is the `maestro*.csv` in it, or the `maestro*.json` if there is no such csv.
///
/// # Errors
/// [`Error::NoTable`], [`Error::ManyTables`], [`Error::Table`], [`Error::MissingColumn`], [`Error::Cell`] with row
/// and column, [`Error::Duplicate`]. A row whose MIDI or audio file is missing is none, one that names a file outside of
/// the folder is.
pub fn listing(root: &Path) -> Result<Vec<Listed>, Error> {
    let path = table(root)?;
    let bytes = fs_err::read(&path)?;
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    let rows = if is_json { json_rows(&path, &bytes)? } else { csv_rows(&path, &bytes)? };
    let mut first: BTreeMap<String, String> = BTreeMap::new();
    let mut listed = Vec::with_capacity(rows.len());
    for row in rows {
        let item = row.resolve(root)?;
        if let Some(earlier) = first.insert(item.id.clone(), row.name.clone()) {
            return Err(Error::Duplicate { path: path.clone(), id: item.id, first: earlier, second: row.name });
        }
        listed.push(item);
    }
    listed.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(listed)
}

fn table(root: &Path) -> Result<PathBuf, Error> {
    let mut names = Vec::new();
    for entry in fs_err::read_dir(root)? {
        names.extend(entry?.file_name().into_string());
    }
    names.sort();
    for extension in [".csv", ".json"] {
        let found: Vec<_> =
            names.iter().filter(|name| name.starts_with("maestro") && name.ends_with(extension)).cloned().collect();
        match found.as_slice() {
            [] => {}
            [one] => return Ok(root.join(one)),
            many => return Err(Error::ManyTables { root: root.to_owned(), found: many.join(", ") }),
        }
    }
    Err(Error::NoTable { root: root.to_owned() })
}

/// A row as text, and what to call it.
struct Row<'a> {
    path: &'a Path,
    name: String,
    cells: [String; COLUMNS.len()],
}

fn csv_rows<'a>(path: &'a Path, bytes: &[u8]) -> Result<Vec<Row<'a>>, Error> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let wrong = |error: csv::Error| Error::Table { path: path.to_owned(), what: error.to_string() };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let header = reader.headers().map_err(wrong)?.clone();
    let mut places = [0; COLUMNS.len()];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        let found = header.iter().position(|name| name.trim() == column);
        *place = found.ok_or_else(|| missing_column(path, column, header.iter()))?;
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(wrong)?;
        let name = format!("line {}", record.position().map_or(0, csv::Position::line));
        let mut cells = [const { String::new() }; COLUMNS.len()];
        for ((cell, place), column) in cells.iter_mut().zip(places).zip(COLUMNS) {
            let text = record.get(place).ok_or_else(|| Error::Cell {
                path: path.to_owned(),
                row: name.clone(),
                column,
                what: format!("the row has {} cells, the header {}", record.len(), header.len()),
            })?;
            text.trim().clone_into(cell);
        }
        rows.push(Row { path, name, cells });
    }
    Ok(rows)
}

fn missing_column<'a>(path: &Path, column: &'static str, found: impl Iterator<Item = &'a str>) -> Error {
    Error::MissingColumn { path: path.to_owned(), column, found: found.collect::<Vec<_>>().join(", ") }
}

/// A cell of the official JSON: text or number.
#[derive(Deserialize)]
#[serde(untagged)]
enum JsonCell {
    Text(String),
    Number(serde_json::Number),
    Nothing(()),
}

impl JsonCell {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.trim().to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Nothing(()) => String::new(),
        }
    }
}

/// The official JSON is a map of columns, each a map of row numbers to cells.
fn json_rows<'a>(path: &'a Path, bytes: &[u8]) -> Result<Vec<Row<'a>>, Error> {
    let table: BTreeMap<String, BTreeMap<String, JsonCell>> = serde_json::from_slice(bytes)
        .map_err(|error| Error::Table { path: path.to_owned(), what: error.to_string() })?;
    for column in COLUMNS {
        if !table.contains_key(column) {
            return Err(missing_column(path, column, table.keys().map(String::as_str)));
        }
    }
    let mut rows = Vec::new();
    for key in table["midi_filename"].keys() {
        let name = format!("row \"{key}\"");
        let mut cells = [const { String::new() }; COLUMNS.len()];
        for (cell, column) in cells.iter_mut().zip(COLUMNS) {
            let found = table[column].get(key);
            let what = || "the row has no cell in it".to_owned();
            let wrong = || Error::Cell { path: path.to_owned(), row: name.clone(), column, what: what() };
            *cell = found.ok_or_else(wrong)?.text();
        }
        rows.push(Row { path, name, cells });
    }
    Ok(rows)
}

impl Row<'_> {
    fn cell(&self, column: &'static str) -> &str {
        let place = COLUMNS.iter().position(|name| *name == column).expect("a column of the table");
        &self.cells[place]
    }

    fn wrong(&self, column: &'static str, what: impl Into<String>) -> Error {
        Error::Cell { path: self.path.to_owned(), row: self.name.clone(), column, what: what.into() }
    }

    fn resolve(&self, root: &Path) -> Result<Listed, Error> {
        let midi = self.inside("midi_filename")?;
        Ok(Listed {
            id: self.id(midi)?,
            composer: self.filled("canonical_composer")?,
            title: self.cell("canonical_title").to_owned(),
            split: self.split()?,
            year: self.year()?,
            midi_filename: midi.to_owned(),
            midi: Some(root.join(midi)).filter(|path| path.is_file()),
            audio: self.audio(root)?,
            duration_s: self.duration_s()?,
        })
    }

    fn filled(&self, column: &'static str) -> Result<String, Error> {
        let text = self.cell(column);
        if text.is_empty() { Err(self.wrong(column, "it is empty")) } else { Ok(text.to_owned()) }
    }

    /// The cell as a path that stays below the corpus folder.
    fn inside(&self, column: &'static str) -> Result<&str, Error> {
        let text = self.cell(column);
        if text.is_empty() {
            return Err(self.wrong(column, "it is empty"));
        }
        let plain = |part: &str| !matches!(part, "" | "." | "..");
        let fine = text.split('/').all(plain) && !text.contains(['\\', '\0', ':']);
        if fine {
            Ok(text)
        } else {
            Err(self.wrong(column, format!("`{text}` is not a plain path inside the corpus folder")))
        }
    }

    fn id(&self, midi: &str) -> Result<String, Error> {
        let name_at = midi.rfind('/').map_or(0, |at| at + 1);
        let stem_end = midi[name_at..].rfind('.').filter(|&dot| dot > 0).map_or(midi.len(), |dot| name_at + dot);
        let usual = |c: char| if c.is_ascii_alphanumeric() || "._-/".contains(c) { c } else { '_' };
        let id: String = midi[..stem_end].chars().map(usual).collect();
        if check_name(&id) {
            Ok(id)
        } else {
            Err(self.wrong("midi_filename", format!("`{midi}` gives no usable name")))
        }
    }

    fn split(&self) -> Result<String, Error> {
        let text = self.cell("split");
        if SPLITS.contains(&text) {
            Ok(text.to_owned())
        } else {
            Err(self.wrong("split", format!("`{text}` is none of {}", SPLITS.join(", "))))
        }
    }

    fn year(&self) -> Result<Option<u16>, Error> {
        let text = self.cell("year");
        if text.is_empty() {
            return Ok(None);
        }
        let year: u16 = text.parse().map_err(|_| self.wrong("year", format!("`{text}` is not a year")))?;
        Ok(Some(year).filter(|&year| year > 0))
    }

    fn duration_s(&self) -> Result<Option<f64>, Error> {
        let text = self.cell("duration");
        if text.is_empty() {
            return Ok(None);
        }
        let duration_s = text.parse().ok().filter(|seconds: &f64| seconds.is_finite() && *seconds > 0.0);
        let wrong = || self.wrong("duration", format!("`{text}` is not a number of seconds above 0"));
        Ok(Some(duration_s.ok_or_else(wrong)?))
    }

    fn audio(&self, root: &Path) -> Result<Option<PathBuf>, Error> {
        if self.cell("audio_filename").is_empty() {
            return Ok(None);
        }
        let named = root.join(self.inside("audio_filename")?);
        let others = AUDIO_EXTENSIONS.map(|extension| named.with_extension(extension));
        Ok(std::iter::once(named).chain(others).find(|path| path.is_file()))
    }
}

#[cfg(test)]
mod tests;
