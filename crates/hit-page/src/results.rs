//! A results folder, read whole.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hit_claims::Verdict;
use hit_engine::Lock;
use hit_stage::Digest;
use hit_stats::Measurement;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Provenance};

/// Files of the folder that differ from run to run by nature, or that are made from the others: they are compared by what they
/// say, or not at all.
const VOLATILE: [&str; 3] = ["pipeline.lock", "provenance.json", "report.html"];

/// Everything in a results folder.
#[derive(Clone, Debug)]
pub struct Results {
    /// The folder.
    pub folder: PathBuf,
    /// All numbers, sorted.
    pub measurements: Vec<Measurement>,
    /// Verdicts of claims, in the order of the file.
    pub claims: Vec<Verdict>,
    /// Tables by file name without extension.
    pub tables: BTreeMap<String, Table>,
    /// SVG texts of figures by file name without extension.
    pub figures: BTreeMap<String, String>,
    /// Facts about the run.
    pub provenance: Option<Provenance>,
    /// Stages with keys and digests.
    pub lock: Option<Lock>,
    /// Digests of the exported files by path: of what lies there, else as the lock states it. Without the lock, the facts about
    /// the run and the page itself, which are not results.
    pub files: BTreeMap<String, Digest>,
    /// Parts that are not there.
    pub absent: Vec<Absent>,
}

/// What identifies a measurement.
pub(crate) type Cell<'a> = (&'a str, &'a str, &'a str, Option<u64>, &'a str, &'a str);

/// A part of the results that is not there, and what is lost by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Absent {
    /// The file or folder.
    pub part: &'static str,
    /// What cannot be shown.
    pub lost: &'static str,
}

/// A table of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Names of the columns.
    pub head: Vec<String>,
    /// Rows, as wide as the head.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads CSV with a header; every row has as many fields.
    ///
    /// # Errors
    /// The parser's message, with the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
        let head: Vec<String> =
            reader.headers().map_err(|error| error.to_string())?.iter().map(str::to_owned).collect();
        if head.is_empty() {
            return Err("there is no line with the names of the columns".to_owned());
        }
        let row = |record: csv::StringRecord| record.iter().map(str::to_owned).collect();
        let rows = reader.records().map(|record| record.map(row)).collect::<Result<_, _>>();
        Ok(Self { head, rows: rows.map_err(|error| error.to_string())? })
    }
}

impl Results {
    /// Reads a folder.
    ///
    /// # Errors
    /// [`Error::NoResults`] if there is neither a table of measurements nor a lock; a part that is there and broken is an error of
    /// its own. Parts that are not there are listed in [`Results::absent`].
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let there = |name: &str| folder.join(name).is_file();
        if !there("measurements.csv") && !there("pipeline.lock") {
            return Err(Error::NoResults(folder.to_owned()));
        }
        let measurements =
            if there("measurements.csv") { Measurement::read(&folder.join("measurements.csv"))? } else { Vec::new() };
        let lock = Lock::read(&folder.join("pipeline.lock"))?;
        let provenance = object(&folder.join("provenance.json"))?;
        let claims = if there("claims.json") { Some(Verdict::read(&folder.join("claims.json"))?) } else { None };
        let tables = named(&folder.join("tables"), "csv")?
            .into_iter()
            .map(|(name, (path, text))| match Table::parse(&text) {
                Ok(table) => Ok((name, table)),
                Err(what) => Err(Error::File { path, what }),
            })
            .collect::<Result<BTreeMap<_, _>, _>>()?;
        let figures: BTreeMap<String, String> =
            named(&folder.join("figures"), "svg")?.into_iter().map(|(name, (_, text))| (name, text)).collect();
        let absent = [
            (there("measurements.csv"), "measurements.csv", "no measurement"),
            (claims.is_some(), "claims.json", "no claim"),
            (!tables.is_empty(), "tables/", "no table"),
            (!figures.is_empty(), "figures/", "no figure"),
            (lock.is_some(), "pipeline.lock", "no stage, key or digest"),
            (provenance.is_some(), "provenance.json", "no hardware, time or commit"),
        ];
        Ok(Self {
            folder: folder.to_owned(),
            measurements,
            claims: claims.unwrap_or_default(),
            tables,
            figures,
            provenance,
            files: files(folder, lock.as_ref())?,
            lock,
            absent: absent.into_iter().filter(|part| !part.0).map(|(_, part, lost)| Absent { part, lost }).collect(),
        })
    }
}

/// A file with a JSON object, none if it is not there.
fn object<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    if !path.is_file() {
        return Ok(None);
    }
    let wrong = |what: String| Error::File { path: path.to_owned(), what };
    let text = fs_err::read(path)?;
    // an array would be taken for the fields in their order
    if text.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(wrong("it is no JSON object".to_owned()));
    }
    serde_json::from_slice(&text).map(Some).map_err(|error| wrong(error.to_string()))
}

/// The text files of a folder with that extension, by name without it.
fn named(folder: &Path, extension: &str) -> Result<BTreeMap<String, (PathBuf, String)>, Error> {
    let mut found = BTreeMap::new();
    if !folder.is_dir() {
        return Ok(found);
    }
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(std::ffi::OsStr::to_str);
        if let (Some(name), true) = (name, path.extension().is_some_and(|found| found == extension)) {
            let text = fs_err::read_to_string(&path)?;
            found.insert(name.to_owned(), (path, text));
        }
    }
    Ok(found)
}

/// Digests of everything exported.
fn files(folder: &Path, lock: Option<&Lock>) -> Result<BTreeMap<String, Digest>, Error> {
    let stated = lock.iter().flat_map(|lock| lock.stages.values()).flat_map(|stage| &stage.exports);
    let mut files: BTreeMap<String, Digest> = stated.map(|(path, file)| (path.clone(), file.digest)).collect();
    walk(folder, "", &mut files)?;
    files.retain(|path, _| !VOLATILE.contains(&path.as_str()));
    Ok(files)
}

fn walk(folder: &Path, below: &str, files: &mut BTreeMap<String, Digest>) -> Result<(), Error> {
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{below}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file() {
            files.insert(path, Digest::of_reader(fs_err::File::open(entry.path())?)?.0);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn broken(change: impl FnOnce(&Path)) -> Result<Results, Error> {
        let dir = tempfile::tempdir().unwrap();
        fixture::write(dir.path());
        change(dir.path());
        Results::read(dir.path())
    }

    #[test]
    fn a_folder_is_read_whole() {
        let results = broken(|_| ()).unwrap();
        assert_eq!(results.measurements.len(), 159);
        assert_eq!(results.claims.len(), 4);
        assert_eq!(results.tables["screening"].rows.len(), 9);
        assert_eq!(results.figures.keys().collect::<Vec<_>>(), ["evil", "screening"]);
        assert_eq!(results.lock.unwrap().stages.len(), 6);
        assert_eq!(results.provenance.unwrap().seconds, Some(75.25));
        assert_eq!(results.absent, []);
        assert!(results.files.contains_key("tables/screening.csv") && !results.files.contains_key("pipeline.lock"));
    }

    #[test]
    fn what_is_no_results_folder_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let error = Results::read(dir.path()).unwrap_err();
        assert!(matches!(error, Error::NoResults(_)) && error.to_string().contains("measurements.csv"), "{error}");
        assert!(matches!(Results::read(Path::new("/none")), Err(Error::NoResults(_))));
    }

    #[test]
    fn broken_files_are_named() {
        let write =
            |name: &'static str, text: &'static str| move |dir: &Path| fs_err::write(dir.join(name), text).unwrap();
        let cut = |name: &'static str| {
            move |dir: &Path| {
                let text = fs_err::read(dir.join(name)).unwrap();
                fs_err::write(dir.join(name), &text[..text.len() / 2]).unwrap();
            }
        };
        let errors = [
            ("pipeline.lock", broken(cut("pipeline.lock"))),
            ("pipeline.lock", broken(write("pipeline.lock", "{\"format\": 9}"))),
            ("claims.json", broken(cut("claims.json"))),
            ("claims.json", broken(write("claims.json", "{}"))),
            ("provenance.json", broken(write("provenance.json", "{\"seconds\": \"long\"}"))),
            ("provenance.json", broken(write("provenance.json", "[]"))),
            ("provenance.json", broken(cut("provenance.json"))),
            ("measurements.csv", broken(cut("measurements.csv"))),
            ("measurements.csv", broken(write("measurements.csv", "a,b\n1,2\n"))),
            ("screening.csv", broken(write("tables/screening.csv", "a,b\n1\n"))),
            ("screening.csv", broken(write("tables/screening.csv", ""))),
        ];
        for (name, result) in errors {
            let error = result.unwrap_err();
            let text = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
            let text = text.map(ToString::to_string).collect::<Vec<_>>().join(": ");
            assert!(text.contains(name), "{name}: {text}");
        }
    }

    #[test]
    fn text_that_is_none_is_refused() {
        assert!(broken(|dir| fs_err::write(dir.join("figures/x.svg"), [0xff, 0xfe]).unwrap()).is_err());
        assert!(broken(|dir| fs_err::write(dir.join("measurements.csv"), [0xff]).unwrap()).is_err());
    }

    #[test]
    fn parts_may_be_absent() {
        let results = broken(|dir| fs_err::remove_file(dir.join("measurements.csv")).unwrap()).unwrap();
        assert_eq!(results.absent.iter().map(|absent| absent.part).collect::<Vec<_>>(), ["measurements.csv"]);
        let results = broken(|dir| fs_err::remove_file(dir.join("claims.json")).unwrap()).unwrap();
        assert_eq!((results.claims.len(), results.absent[0].part), (0, "claims.json"));
    }

    #[test]
    fn files_that_only_the_lock_knows_have_its_digest() {
        let results = broken(|dir| {
            let mut lock = fixture::lock(&fixture::rows());
            let stage = lock.stages.get_mut("measurements").unwrap();
            for path in ["tex/main.tex", "tables/screening.csv"] {
                let file = serde_json::from_value(serde_json::json!({"digest": Digest::of(b"x"), "size": 1})).unwrap();
                stage.exports.insert(path.into(), file);
            }
            fs_err::write(dir.join("pipeline.lock"), lock.render()).unwrap();
        });
        let files = results.unwrap().files;
        assert_eq!(files["tex/main.tex"], Digest::of(b"x"));
        assert_eq!(files["tables/screening.csv"], Digest::of(fixture::TABLE.as_bytes()), "what lies there counts");
    }
}
