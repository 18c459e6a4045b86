//! `gc`: delete from the cache what no lock and no profile needs.

use hit_engine::{GcReport, Graph, Keep, Lock};

use crate::Error;
use crate::cli::{Format, Options};
use crate::exit::Exit;
use crate::output::{plural, print, print_json, put};
use crate::project::Project;
use crate::system::size_text;

/// How many files are shown one by one.
const SHOWN: usize = 10;

/// Deletes, or says what would be deleted.
///
/// # Errors
/// [`Error`]; in particular if the cache is in use.
pub fn gc(options: &Options, dry_run: bool) -> Result<Exit, Error> {
    let project = Project::open(options)?;
    let compute = project.compute()?;
    let (graphs, unknown) = graphs(&project, &compute)?;
    let locks = locks(&project)?;
    let report = project.engine(&compute).gc(Keep { graphs: &graphs, locks: &locks }, dry_run)?;
    if !options.quiet && !unknown.is_empty() {
        eprintln!("note: without a corpus here, only what their locks name is kept of: {}", unknown.join(", "));
    }
    match options.format {
        Format::Json => print_json(&report)?,
        _ => print(&text(&report, dry_run))?,
    }
    Ok(Exit::Ok)
}

/// Graphs of all profiles, and the names of those that cannot be built for want of a corpus.
fn graphs(project: &Project, compute: &crate::project::Compute) -> Result<(Vec<Graph>, Vec<String>), Error> {
    let (mut graphs, mut unknown) = (Vec::new(), Vec::new());
    for name in project.config.profiles.keys() {
        let mut options = project.options.clone();
        options.profile = Some(name.clone());
        // --corpus belongs to the profile that was asked for.
        if *name != project.name {
            options.corpus = None;
        }
        match Project::open(&options)?.graph(compute) {
            Ok(graph) => graphs.push(graph),
            Err(error) if error.exit() == Exit::CorpusMissing => unknown.push(name.clone()),
            Err(error) => return Err(error),
        }
    }
    Ok((graphs, unknown))
}

/// Locks of every results folder.
fn locks(project: &Project) -> Result<Vec<Lock>, Error> {
    let results = project.results();
    let Some(folder) = results.parent().filter(|folder| folder.is_dir()) else { return Ok(Vec::new()) };
    let mut locks = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path().join("pipeline.lock");
        locks.extend(Lock::read(&path).map_err(hit_engine::EngineError::from)?);
    }
    Ok(locks)
}

fn text(report: &GcReport, dry_run: bool) -> String {
    let mut out = String::new();
    for path in report.removed.iter().take(SHOWN) {
        put(&mut out, format_args!("{}\n", path.display()));
    }
    if report.removed.len() > SHOWN {
        put(&mut out, format_args!("... and {} more\n", report.removed.len() - SHOWN));
    }
    let verb = if dry_run { "would be deleted" } else { "deleted" };
    let (files, kept) = (plural(report.removed.len(), "file"), plural(report.kept_objects, "object"));
    out + &format!("{files} ({}) {verb}; {kept} ({}) stay\n", size_text(report.bytes), size_text(report.kept_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_of_every_profile_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let project = crate::project::tests::project(dir.path(), &[]).unwrap();
        assert!(locks(&project).unwrap().is_empty());
        let lock = serde_json::json!({"format": 1, "campaign": hit_stage::Digest::of(b""), "code": {}, "stages": {}});
        for profile in ["smoke", "gone"] {
            let folder = dir.path().join("results").join(profile);
            fs_err::create_dir_all(&folder).unwrap();
            fs_err::write(folder.join("pipeline.lock"), lock.to_string()).unwrap();
        }
        fs_err::create_dir(dir.path().join("results/empty")).unwrap();
        assert_eq!(locks(&project).unwrap().len(), 2);
        // Nothing is deleted on the word of a lock that cannot be read.
        fs_err::write(dir.path().join("results/gone/pipeline.lock"), "{").unwrap();
        assert!(locks(&project).is_err());
    }

    #[test]
    fn long_lists_are_cut() {
        let removed = (0..12).map(|n| format!("tmp/{n:02}").into()).collect();
        let report = GcReport { removed, bytes: 2048, kept_objects: 1, kept_bytes: 10 };
        let shown = text(&report, true);
        assert_eq!(shown.lines().count(), SHOWN + 2);
        assert!(
            shown.ends_with("... and 2 more\n12 files (2.0 KiB) would be deleted; 1 object (10 B) stay\n"),
            "{shown}"
        );
        assert!(text(&GcReport::default(), false).starts_with("0 files (0 B) deleted"));
    }
}
