//! A corpus in the layout of MAESTRO: a folder with the official csv or json and the files that it names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::{Error, SPLITS};
use hit_stage::check_name;

mod cells;

/// One row of the table, and which of its files there are.
#[derive(Clone, PartialEq, Debug)]
pub struct Listed {
    /// Unique name: the MIDI file's, folders kept, without extension, unusual characters replaced by `_`.
    pub id: String,
    /// Where it stands in the table: `line 7`, or `row "17"` of a JSON table.
    pub row: String,
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
    /// `audio_filename` as the table has it; empty if it names none.
    pub audio_filename: String,
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

/// Tables longer than this are not read: MAESTRO's has 0.3 MB.
pub const MAX_TABLE_BYTES: u64 = 256 << 20;

/// A table of performances that need not be without faults.
#[derive(Debug)]
pub struct Table {
    /// The csv or json.
    pub path: PathBuf,
    /// The rows without fault, in the order of the table; those of a json by their numbers.
    pub rows: Vec<Listed>,
    /// All that is wrong, in the order of the table: [`Error::Cell`], [`Error::Row`], [`Error::Duplicate`],
    /// [`Error::SharedAudio`].
    pub faults: Vec<Error>,
}

/// Lists the corpus in the folder `root`, sorted by id.
///
/// # Errors
/// Those of [`read_table`], and the first fault of the table, in [`Error::More`] if there are others. A row whose MIDI
/// or audio file is missing is none, one that names a file outside of the folder is.
pub fn listing(root: &Path) -> Result<Vec<Listed>, Error> {
    let Table { mut rows, faults, .. } = read_table(root)?;
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    let more = faults.len().saturating_sub(1);
    match faults.into_iter().next() {
        None => Ok(rows),
        Some(first) if more == 0 => Err(first),
        Some(first) => Err(Error::More { first: Box::new(first), more }),
    }
}

/// Reads the table of the corpus in the folder `root`, with all that is wrong in it.
///
/// The table is the `maestro*.csv` in it, or the `maestro*.json` if there is no such csv. A row with a fault is not
/// among the rows; of rows that are one performance, or name one audio file, the first is.
///
/// # Errors
/// [`Error::NoTable`], [`Error::ManyTables`], [`Error::Io`], and [`Error::Table`] or [`Error::MissingColumn`] for what
/// cannot be read as a table: a folder, more than [`MAX_TABLE_BYTES`], UTF-16, other separators, no header.
pub fn read_table(root: &Path) -> Result<Table, Error> {
    read_rows(root, table(root)?)
}

/// Reads the csv or json at `path` as [`read_table`] does, whatever other tables there are.
///
/// # Errors
/// As [`read_table`].
pub fn read_rows(root: &Path, path: PathBuf) -> Result<Table, Error> {
    let bytes = read(&path)?;
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    let rows = if is_json { cells::json_rows(&path, &bytes)? } else { cells::csv_rows(&path, &bytes)? };
    let (mut listed, mut faults, mut seen) = (Vec::with_capacity(rows.len()), Vec::new(), Seen::default());
    for row in rows {
        let row = TableRow { path: &path, row };
        match row.resolve(root, &mut faults).map(|item| seen.admit(&path, root, item)) {
            Some(Ok(item)) => listed.push(item),
            Some(Err(twice)) => faults.push(twice),
            None => {}
        }
    }
    Ok(Table { path, rows: listed, faults })
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

/// The bytes of the table, if they can be one in a known encoding.
fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let wrong = |what: String| Error::Table { path: path.to_owned(), what };
    // A pipe would never end, so whether it is a file comes first.
    let found = fs_err::metadata(path)?;
    if !found.is_file() {
        return Err(wrong("it is no file".to_owned()));
    }
    if found.len() > MAX_TABLE_BYTES {
        return Err(wrong(format!("it has {} bytes, {MAX_TABLE_BYTES} are the most", found.len())));
    }
    let bytes = fs_err::read(path)?;
    let marked = bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]);
    let wide = bytes.len() > 3 && bytes.iter().take(64).filter(|byte| **byte == 0).count() * 3 > bytes.len().min(64);
    if marked || wide {
        return Err(wrong("it is in UTF-16: save it as UTF-8".to_owned()));
    }
    Ok(bytes)
}

/// Rows that were listed, by what no two may share.
#[derive(Default)]
struct Seen {
    /// Row and MIDI file of each id.
    ids: BTreeMap<String, (String, String)>,
    /// Row of each audio file.
    audio: BTreeMap<PathBuf, String>,
}

impl Seen {
    fn admit(&mut self, path: &Path, root: &Path, item: Listed) -> Result<Listed, Error> {
        let (path, second) = (path.to_owned(), item.row.clone());
        if let Some((first, midi)) = self.ids.get(&item.id) {
            let advice = if *midi == item.midi_filename {
                "each MIDI file may be listed once".to_owned()
            } else {
                let (midi, other) = (cells::shown(midi), cells::shown(&item.midi_filename));
                format!("{midi} and {other} differ only in what a name here does not keep: rename one")
            };
            return Err(Error::Duplicate { path, id: item.id, first: first.clone(), second, advice });
        }
        let stated = &item.audio_filename;
        let named = item.audio.clone().or_else(|| Some(root.join(stated)).filter(|_| !stated.is_empty()));
        if let Some(audio) = named {
            if let Some(first) = self.audio.get(&audio) {
                return Err(Error::SharedAudio { path, audio, first: first.clone(), second });
            }
            self.audio.insert(audio, second.clone());
        }
        self.ids.insert(item.id.clone(), (second, item.midi_filename.clone()));
        Ok(item)
    }
}

/// A row of the table at `path`.
struct TableRow<'a> {
    path: &'a Path,
    row: cells::Row,
}

impl TableRow<'_> {
    /// The cell, or what is wrong with it.
    fn cell(&self, column: &'static str) -> Result<&str, Error> {
        let place = COLUMNS.iter().position(|name| *name == column).expect("a column of the table");
        self.row.cells[place].as_deref().map_err(|what| self.wrong(column, what.as_str()))
    }

    fn wrong(&self, column: &'static str, what: impl Into<String>) -> Error {
        Error::Cell { path: self.path.to_owned(), row: self.row.name.clone(), column, what: what.into() }
    }

    /// The row, or `None` if something is wrong with it: all of that is added to `faults`.
    fn resolve(&self, root: &Path, faults: &mut Vec<Error>) -> Option<Listed> {
        if let Some((column, what)) = &self.row.fault {
            let (path, row, what) = (self.path.to_owned(), self.row.name.clone(), what.clone());
            faults.push(match *column {
                Some(column) => Error::Cell { path, row, column, what },
                None => Error::Row { path, row, what },
            });
            return None;
        }
        let midi = note(self.inside("midi_filename"), faults);
        let id = midi.and_then(|midi| note(self.id(midi), faults));
        let composer = note(self.filled("canonical_composer"), faults);
        let title = note(self.cell("canonical_title"), faults);
        let split = note(self.split(), faults);
        let year = note(self.year(), faults);
        let audio = note(self.audio(root), faults);
        let duration_s = note(self.duration_s(), faults);
        Some(Listed {
            id: id?,
            row: self.row.name.clone(),
            composer: composer?,
            title: title?.to_owned(),
            split: split?,
            year: year?,
            midi_filename: midi?.to_owned(),
            midi: midi.map(|midi| root.join(midi)).filter(|path| path.is_file()),
            audio_filename: self.cell("audio_filename").unwrap_or_default().to_owned(),
            audio: audio?,
            duration_s: duration_s?,
        })
    }

    fn filled(&self, column: &'static str) -> Result<String, Error> {
        let text = self.cell(column)?;
        if text.is_empty() { Err(self.wrong(column, "it is empty")) } else { Ok(text.to_owned()) }
    }

    /// The cell as a path that stays below the corpus folder.
    fn inside(&self, column: &'static str) -> Result<&str, Error> {
        let text = self.cell(column)?;
        if text.is_empty() {
            return Err(self.wrong(column, "it is empty"));
        }
        let plain = |part: &str| !matches!(part, "" | "." | "..");
        let fine = text.split('/').all(plain) && !text.contains(['\\', '\0', ':']);
        if fine {
            Ok(text)
        } else {
            Err(self.wrong(column, format!("{} is not a plain path inside the corpus folder", cells::shown(text))))
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
            Err(self.wrong("midi_filename", format!("{} gives no usable name", cells::shown(midi))))
        }
    }

    fn split(&self) -> Result<String, Error> {
        let text = self.cell("split")?;
        if SPLITS.contains(&text) {
            Ok(text.to_owned())
        } else {
            Err(self.wrong("split", format!("{} is none of {}", cells::shown(text), SPLITS.join(", "))))
        }
    }

    fn year(&self) -> Result<Option<u16>, Error> {
        let text = self.cell("year")?;
        if text.is_empty() {
            return Ok(None);
        }
        let year: u16 =
            text.parse().map_err(|_| self.wrong("year", format!("{} is not a year", cells::shown(text))))?;
        Ok(Some(year).filter(|&year| year > 0))
    }

    fn duration_s(&self) -> Result<Option<f64>, Error> {
        let text = self.cell("duration")?;
        if text.is_empty() {
            return Ok(None);
        }
        let duration_s = text.parse().ok().filter(|seconds: &f64| seconds.is_finite() && *seconds > 0.0);
        let wrong = || self.wrong("duration", format!("{} is not a number of seconds above 0", cells::shown(text)));
        Ok(Some(duration_s.ok_or_else(wrong)?))
    }

    fn audio(&self, root: &Path) -> Result<Option<PathBuf>, Error> {
        if self.cell("audio_filename")?.is_empty() {
            return Ok(None);
        }
        let named = root.join(self.inside("audio_filename")?);
        let others = AUDIO_EXTENSIONS.map(|extension| named.with_extension(extension));
        Ok(std::iter::once(named).chain(others).find(|path| path.is_file()))
    }
}

/// The value; an error is added to `faults`.
fn note<T>(found: Result<T, Error>, faults: &mut Vec<Error>) -> Option<T> {
    found.map_err(|fault| faults.push(fault)).ok()
}

#[cfg(test)]
mod tests;
