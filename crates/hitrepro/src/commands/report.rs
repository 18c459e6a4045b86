//! `report`: the results as one HTML file.

use std::path::{Path, PathBuf};

use hit_page::{Results, Titled, Titles, html};
use hit_report::{figures, tables};
use serde::Serialize;

use crate::Error;
use crate::cli::{Format, Options};
use crate::exit::Exit;
use crate::output::{print, print_json, put, shown};
use crate::project::Project;

/// What was written, in `report --format json`: a contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Written {
    /// The file.
    pub file: PathBuf,
    /// Its size.
    bytes: usize,
    /// Parts of the results that are not there.
    absent: Vec<hit_page::Absent>,
}

/// Writes the page of the profile's results to `output`, or beside their folder: in it are only files that the lock names.
///
/// # Errors
/// [`Error`]; there are no results, or they cannot be read.
pub fn report(options: &Options, output: Option<&Path>) -> Result<Exit, Error> {
    let written = write(&Project::open(options)?, output)?;
    match options.format {
        Format::Json => print_json(&written)?,
        _ => print(&text(&written))?,
    }
    Ok(Exit::Ok)
}

/// Makes the page.
///
/// # Errors
/// As [`report`].
pub fn write(project: &Project, output: Option<&Path>) -> Result<Written, Error> {
    let folder = project.results();
    let results = Results::read(&folder)?;
    let page = html(&results, &titles(project))?;
    let file = output.map_or_else(|| folder.with_file_name(format!("{}.html", project.name)), Path::to_owned);
    fs_err::write(&file, &page)?;
    Ok(Written { file, bytes: page.len(), absent: results.absent })
}

fn text(written: &Written) -> String {
    let mut out = format!("{}: {} KiB\n", shown(&written.file), written.bytes.div_ceil(1024));
    for absent in &written.absent {
        put(&mut out, format_args!("without {}: {} is shown\n", absent.part, absent.lost));
    }
    out
}

/// What the page is called, with the tables and figures in the order of the report.
fn titles(project: &Project) -> Titles {
    let titled = |id: &str, number: Option<String>, title: &str| Titled {
        id: id.to_owned(),
        number: number.unwrap_or_default(),
        title: title.to_owned(),
    };
    let (of_tables, of_figures) = (tables::numbers(), figures::numbers());
    Titles {
        heading: "Descriptor-Injected Cross-Modal Learning, reproduced".to_owned(),
        setting: format!("Profile {}: {}", project.name, project.profile.corpus.text()),
        comparable: project.profile.comparable(),
        tables: tables::TABLES.iter().map(|def| titled(def.id, of_tables.get(def.id).cloned(), def.title)).collect(),
        figures: figures::FIGURES
            .iter()
            .map(|def| titled(def.id, of_figures.get(def.id).cloned(), def.title))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_figures_are_titled() {
        let dir = tempfile::tempdir().unwrap();
        let titles = titles(&crate::project::tests::project(dir.path(), &[]).unwrap());
        assert!(!titles.comparable && titles.setting.starts_with("Profile smoke: "), "{titles:?}");
        assert_eq!(titles.tables.len(), tables::TABLES.len());
        assert!(titles.tables.iter().chain(&titles.figures).all(|titled| !titled.title.is_empty()));
    }

    #[test]
    fn results_are_needed() {
        let dir = tempfile::tempdir().unwrap();
        let project = crate::project::tests::project(dir.path(), &[]).unwrap();
        let error = report(&project.options, None).unwrap_err();
        assert!(error.to_string().contains("holds no results"), "{error}");
    }

    #[test]
    fn a_page_is_written_where_it_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let project = crate::project::tests::project(dir.path(), &["--quiet"]).unwrap();
        fs_err::create_dir_all(project.results()).unwrap();
        let row = "stage,arm,schedule,seed,condition,metric,value,unit,n,interval\nt01,D0,,,normal,s,52.5,%,200,\n";
        fs_err::write(project.results().join("measurements.csv"), row).unwrap();
        let file = dir.path().join("page.html");
        assert_eq!(report(&project.options, Some(&file)).unwrap(), Exit::Ok);
        assert!(fs_err::read_to_string(&file).unwrap().contains("Not comparable with the paper."));
        assert_eq!(report(&project.options, None).unwrap(), Exit::Ok);
        assert!(dir.path().join("results/smoke.html").is_file());
    }

    #[test]
    fn what_was_written_is_said() {
        let absent = vec![hit_page::Absent { part: "claims.json", lost: "no claim" }];
        let written = Written { file: "x/smoke.html".into(), bytes: 2049, absent };
        assert_eq!(text(&written), "x/smoke.html: 3 KiB\nwithout claims.json: no claim is shown\n");
        let json = serde_json::to_value(&written).unwrap();
        assert_eq!(json["absent"][0]["part"], "claims.json");
    }
}
