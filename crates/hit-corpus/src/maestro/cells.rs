//! The table of a corpus as rows of text, from CSV or from the official JSON. What is wrong with one cell is kept with
//! that cell, so that all rows are read; what is wrong with the whole is an error.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::COLUMNS;
use crate::Error;

/// More than a path may be long on any system, and more than any title is.
const MAX_CELL_BYTES: usize = 4096;
/// Of text that is repeated in a message.
const SHOWN_CHARS: usize = 80;

/// A row: what to call it, and each cell of [`COLUMNS`] or what is wrong with it.
pub(super) struct Row {
    /// `line 7`, or `row "17"`.
    pub name: String,
    /// In the order of [`COLUMNS`].
    pub cells: [Result<String, String>; COLUMNS.len()],
    /// What is wrong with the row as a whole, and the column if one is lacking; its cells are then not to be trusted.
    pub fault: Option<(Option<&'static str>, String)>,
}

/// The rows of a CSV table.
pub(super) fn csv_rows(path: &Path, bytes: &[u8]) -> Result<Vec<Row>, Error> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let wrong = |error: csv::Error| Error::Table { path: path.to_owned(), what: error.to_string() };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let header = reader.byte_headers().map_err(wrong)?.clone();
    let names: Vec<_> = header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
    let places = columns(path, &names)?;
    let (mut rows, mut lines) = (Vec::new(), Lines { bytes, at: 0, line: 1 });
    for record in reader.byte_records() {
        let record = record.map_err(wrong)?;
        let name = format!("line {}", lines.of(record.position().map_or(0, csv::Position::byte)));
        let cells = places.map(|place| record.get(place).map_or(Ok(String::new()), text));
        rows.push(Row { name, cells, fault: ragged(&record, header.len(), &places) });
    }
    Ok(rows)
}

/// Counts lines. The reader's own count is late by one where lines end in CRLF.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line of the first byte from `byte` on that is no line end; called with rising bytes.
    fn of(&mut self, byte: u64) -> usize {
        let byte = usize::try_from(byte).unwrap_or(usize::MAX);
        while let Some(found) = self.bytes.get(self.at).filter(|found| self.at < byte || b"\r\n".contains(found)) {
            let alone = *found == b'\r' && self.bytes.get(self.at + 1) != Some(&b'\n');
            self.line += usize::from(*found == b'\n' || alone);
            self.at += 1;
        }
        self.line
    }
}

/// Places of [`COLUMNS`] in the header.
fn columns(path: &Path, names: &[String]) -> Result<[usize; COLUMNS.len()], Error> {
    let wrong = |what: String| Error::Table { path: path.to_owned(), what };
    let mut places = [0; COLUMNS.len()];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        let mut found = names.iter().enumerate().filter(|(_, name)| *name == column);
        let Some((at, _)) = found.next() else {
            return Err(no_column(path, column, names));
        };
        if found.next().is_some() {
            return Err(wrong(format!("the column `{column}` is there twice")));
        }
        *place = at;
    }
    Ok(places)
}

fn no_column(path: &Path, column: &'static str, names: &[String]) -> Error {
    let wrong = |what: String| Error::Table { path: path.to_owned(), what };
    let known = |name: &String| COLUMNS.contains(&name.as_str());
    if let [one] = names {
        for (mark, called) in [(';', "semicolons"), ('\t', "tabs"), ('|', "bars")] {
            if one.contains(mark) && COLUMNS.iter().any(|column| one.contains(column)) {
                return wrong(format!("its cells are divided by {called}: save it with commas"));
            }
        }
    }
    if names.len() > 1 && !names.iter().any(known) {
        let first = shown(&names.join(","));
        return wrong(format!("its first line names no column but is {first}: put `{}` above it", COLUMNS.join(",")));
    }
    Error::MissingColumn { path: path.to_owned(), column, found: short(&names.join(", ")) }
}

/// What is wrong with the number of cells. Empty cells beyond the header are let pass.
fn ragged(record: &csv::ByteRecord, header: usize, places: &[usize]) -> Option<(Option<&'static str>, String)> {
    let (n, beyond) = (record.len(), record.iter().skip(header).any(|cell| !cell.trim_ascii().is_empty()));
    let lacks = COLUMNS.iter().zip(places).find(|(_, place)| **place >= n);
    let open = || if record.iter().any(|cell| cell.contains(&b'\n')) { "; is a quote not closed?" } else { "" };
    match lacks {
        Some((column, _)) => Some((Some(column), format!("the row has {n} cells, the header {header}{}", open()))),
        None if beyond => {
            let what = "text with a comma in it must stand in quotes";
            Some((None, format!("the row has {n} cells, the header {header}: {what}")))
        }
        None => None,
    }
}

/// A cell as text: UTF-8, not too long, line ends and tabs as spaces, no other control characters.
fn text(cell: &[u8]) -> Result<String, String> {
    if cell.len() > MAX_CELL_BYTES {
        return Err(format!("it holds {} bytes, {MAX_CELL_BYTES} are the most: is a quote not closed?", cell.len()));
    }
    let text = std::str::from_utf8(cell).map_err(|error| {
        let (good, bad) = cell.split_at(error.valid_up_to());
        let n = 1 + String::from_utf8_lossy(good).chars().count();
        let byte = bad.first().copied().unwrap_or_default();
        format!("character {n} (byte 0x{byte:02X}) is not UTF-8, but may be Latin-1: save the table as UTF-8")
    })?;
    let spaced = text.replace("\r\n", " ").replace(['\n', '\r', '\t'], " ");
    match spaced.chars().find(|c| c.is_control()) {
        Some(c) => Err(format!("it holds the control character U+{:04X}", u32::from(c))),
        None => Ok(spaced.trim().to_owned()),
    }
}

/// Text for a message, in backquotes, not too much of it.
pub(super) fn shown(text: &str) -> String {
    format!("`{}`", short(text))
}

fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}... ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

/// The rows of the official JSON: a map of columns, each a map of row numbers to cells. Sorted by row number as text.
pub(super) fn json_rows(path: &Path, bytes: &[u8]) -> Result<Vec<Row>, Error> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let wrong = |what: String| Error::Table { path: path.to_owned(), what };
    let table: Columns = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
    let mut columns = Vec::with_capacity(COLUMNS.len());
    for column in COLUMNS {
        let mut found = table.0.iter().filter(|(name, _)| name == column);
        let names = || table.0.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let cells = found.next().and_then(|(_, cells)| cells.as_ref());
        columns.push(cells.ok_or_else(|| no_column(path, column, &names()))?);
        if found.next().is_some() {
            return Err(wrong(format!("the column `{column}` is there twice")));
        }
    }
    let number = |key: &String| key.parse().unwrap_or(u64::MAX);
    let keys: BTreeSet<(u64, &String)> =
        columns.iter().flat_map(|cells| cells.keys()).map(|key| (number(key), key)).collect();
    let row = |(_, key): (u64, &String)| {
        let cell = |at: usize| columns[at].get(key).map_or(Err("the row has no cell in it".to_owned()), Clone::clone);
        Row { name: format!("row \"{}\"", short(key)), cells: std::array::from_fn(cell), fault: None }
    };
    Ok(keys.into_iter().map(row).collect())
}

type Cell = Result<String, String>;
type Column = BTreeMap<String, Cell>;

/// Columns as they come; those that are none of ours are passed over.
struct Columns(Vec<(String, Option<Column>)>);

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(ColumnsVisitor)
    }
}

struct ColumnsVisitor;

impl<'de> Visitor<'de> for ColumnsVisitor {
    type Value = Columns;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of columns")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Columns, A::Error> {
        let mut columns = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let ours = COLUMNS.contains(&name.as_str());
            let column = if ours {
                Some(map.next_value::<JsonColumn>()?.0)
            } else {
                map.next_value::<IgnoredAny>().map(|_| None)?
            };
            columns.push((name, column));
        }
        Ok(Columns(columns))
    }
}

struct JsonColumn(Column);

impl<'de> Deserialize<'de> for JsonColumn {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(ColumnVisitor)
    }
}

struct ColumnVisitor;

impl<'de> Visitor<'de> for ColumnVisitor {
    type Value = JsonColumn;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of row numbers to cells")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonColumn, A::Error> {
        let mut column = Column::new();
        while let Some((key, JsonCell(cell))) = map.next_entry::<String, JsonCell>()? {
            if let Some(before) = column.insert(key.clone(), cell) {
                let both =
                    if before.is_ok() { "the row is twice in it" } else { "it is wrong, and the row twice in it" };
                column.insert(key, Err(both.to_owned()));
            }
        }
        Ok(JsonColumn(column))
    }
}

struct JsonCell(Cell);

impl<'de> Deserialize<'de> for JsonCell {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(CellVisitor).map(Self)
    }
}

struct CellVisitor;

impl<'de> Visitor<'de> for CellVisitor {
    type Value = Cell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or a number")
    }

    fn visit_str<E>(self, value: &str) -> Result<Cell, E> {
        Ok(text(value.as_bytes()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Cell, E> {
        Ok(Ok(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Cell, E> {
        Ok(Ok(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Cell, E> {
        Ok(Ok(value.to_string()))
    }

    fn visit_unit<E>(self) -> Result<Cell, E> {
        Ok(Ok(String::new()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Cell, E> {
        Ok(Err(format!("`{value}` is neither text nor a number")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Cell, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Err("a list is neither text nor a number".to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Cell, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Err("a map is neither text nor a number".to_owned()))
    }
}
