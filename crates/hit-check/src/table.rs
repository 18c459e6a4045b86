//! The table of a corpus: its rows, what is wrong with it, and the json beside a csv.

use std::collections::BTreeMap;
use std::path::Path;

use hit_corpus::Listed;
use hit_corpus::maestro;

use crate::Error;
use crate::report::{Finding, Kind, Severity};

/// The table, read.
pub(crate) struct Table {
    /// Its file name.
    pub name: String,
    /// Usable rows, in the order of the table.
    pub rows: Vec<Listed>,
    /// Rows that cannot be used, and what the other table says.
    pub faults: Vec<Finding>,
}

/// Findings about the other table that are listed singly; the rest is counted.
const MAX_DIFFERENCES: usize = 20;

/// Reads the table of the corpus in `root`.
///
/// # Errors
/// [`Error::Corpus`] if there is no table, or several, or it cannot be opened.
pub(crate) fn read(root: &Path) -> Result<Table, Error> {
    let (csv, json) = (named(root, ".csv")?, named(root, ".json")?);
    let name = csv.clone().or_else(|| json.clone()).unwrap_or_default();
    let (rows, faults) = match maestro::read_table(root) {
        Ok(table) => (table.rows, table.faults),
        Err(error) => (Vec::new(), vec![error]),
    };
    let mut faults = faults.into_iter().map(|error| fault(error, &name)).collect::<Result<Vec<_>, Error>>()?;
    if let (Some(csv), Some(json)) = (&csv, &json) {
        faults.extend(beside(csv, &rows, root, json));
    }
    Ok(Table { name, rows, faults })
}

/// The first `maestro*` file of that extension.
fn named(root: &Path, extension: &str) -> Result<Option<String>, Error> {
    let mut names = Vec::new();
    for entry in fs_err::read_dir(root)? {
        names.extend(entry?.file_name().into_string());
    }
    names.retain(|name| name.starts_with("maestro") && name.ends_with(extension));
    Ok(names.into_iter().min())
}

/// An error of the table as a finding, if it is about rows.
fn fault(error: hit_corpus::Error, name: &str) -> Result<Finding, Error> {
    use hit_corpus::Error as Corpus;
    let (row, what) = match &error {
        Corpus::Cell { row, column, what, .. } => (Some(row.clone()), format!("column `{column}`: {what}")),
        Corpus::Row { row, what, .. } => (Some(row.clone()), what.clone()),
        Corpus::Duplicate { id, first, second, advice, .. } => {
            (Some(second.clone()), format!("it gives performance `{id}`, as {first} does: {advice}"))
        }
        Corpus::SharedAudio { audio, first, second, .. } => {
            let audio = audio.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            (Some(second.clone()), format!("it names the audio {audio}, as {first} does"))
        }
        Corpus::Table { what, .. } => (None, format!("it cannot be read: {what}")),
        Corpus::MissingColumn { column, found, .. } => {
            (None, format!("it has no column `{column}`; its columns are: {found}"))
        }
        _ => return Err(error.into()),
    };
    let advice = "correct it, or take the table as it was published";
    Ok(Finding { row, ..Finding::new(Kind::BadRow, Severity::Error, what, advice).in_file(name) })
}

/// What the json beside the csv says differently.
fn beside(csv: &str, ours: &[Listed], root: &Path, json: &str) -> Vec<Finding> {
    let advice = format!("the {csv} is what counts; take both tables as they were published, or remove the other");
    let say = |row: Option<String>, what: String| {
        let finding = Finding::new(Kind::TablesDiffer, Severity::Warning, what, advice.clone());
        Finding { row, ..finding.in_file(json) }
    };
    match maestro::read_rows(root, root.join(json)) {
        Err(error) => vec![say(None, format!("it cannot be used: {error}"))],
        Ok(table) => {
            let bad = table.faults.first().map(|first| {
                say(None, format!("{} of its rows cannot be used, the first: {first}", table.faults.len()))
            });
            bad.into_iter().chain(differences(csv, ours, json, &table.rows, say)).collect()
        }
    }
}

/// What two tables of one corpus say differently, row by row.
fn differences(
    left: &str,
    ours: &[Listed],
    right: &str,
    theirs: &[Listed],
    say: impl Fn(Option<String>, String) -> Finding,
) -> Vec<Finding> {
    fn by_midi(rows: &[Listed]) -> BTreeMap<&str, &Listed> {
        rows.iter().map(|row| (row.midi_filename.as_str(), row)).collect()
    }
    let (our_rows, their_rows) = (by_midi(ours), by_midi(theirs));
    let mut found = Vec::new();
    let missing = our_rows.keys().filter(|midi| !their_rows.contains_key(*midi)).count();
    let more = their_rows.keys().filter(|midi| !our_rows.contains_key(*midi)).count();
    if missing + more > 0 {
        let (n, m) = (ours.len(), theirs.len());
        let what = format!("{left} has {n} rows, {right} {m}: {missing} are in the first alone, {more} in the second");
        found.push(say(None, what));
    }
    let other = |row: &Listed| {
        let texts = their_rows.get(row.midi_filename.as_str()).map(|other| unlike(row, other)).unwrap_or_default();
        (!texts.is_empty()).then(|| say(Some(row.row.clone()), texts.join(", ")))
    };
    let mut singly: Vec<Finding> = ours.iter().filter_map(other).collect();
    let rest = singly.len().saturating_sub(MAX_DIFFERENCES);
    singly.truncate(MAX_DIFFERENCES);
    found.extend(singly);
    if rest > 0 {
        found.push(say(None, format!("{rest} more rows differ")));
    }
    found
}

/// The columns in which two rows differ; durations are written with more or fewer digits.
fn unlike(ours: &Listed, theirs: &Listed) -> Vec<String> {
    let seconds = |row: &Listed| row.duration_s.map(|seconds| format!("{seconds:.2}")).unwrap_or_default();
    let same_length = match (ours.duration_s, theirs.duration_s) {
        (Some(ours), Some(theirs)) => (ours - theirs).abs() < 0.01,
        (ours, theirs) => ours == theirs,
    };
    let year = |row: &Listed| row.year.map(|year| year.to_string()).unwrap_or_default();
    let columns = [
        ("canonical_composer", ours.composer.clone(), theirs.composer.clone()),
        ("canonical_title", ours.title.clone(), theirs.title.clone()),
        ("split", ours.split.clone(), theirs.split.clone()),
        ("year", year(ours), year(theirs)),
        ("audio_filename", ours.audio_filename.clone(), theirs.audio_filename.clone()),
        ("duration", seconds(ours), if same_length { seconds(ours) } else { seconds(theirs) }),
    ];
    let differ = columns.into_iter().filter(|(_, ours, theirs)| ours != theirs);
    differ.map(|(column, ours, theirs)| format!("`{column}` is `{ours}` here and `{theirs}` there")).collect()
}

#[cfg(test)]
mod tests;
