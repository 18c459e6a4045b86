//! `data`: corpora on disk, before they are anything to the graph.

use std::path::Path;

use hit_check::{Reading, Severity};
use hit_fetch::{Limits, Obtained, Patience, Unpacked};
use serde_json::json;

use crate::Error;
use crate::cli::{Data, Format, Options};
use crate::config::CorpusKind;
use crate::exit::Exit;
use crate::graph::BuildError;
use crate::interrupt::cancel_on_interrupt;
use crate::output::{plural, print, print_json, put, shown};
use crate::progress::Meter;
use crate::project::Project;
use crate::system::{cores, size_text};

/// Folder of corpora that were fetched, beside the configuration.
const DATA: &str = "data";

/// Carries a `data` command out.
///
/// # Errors
/// [`Error`]; what is wrong with a corpus that could be looked at is an [`Exit`] instead.
pub fn data(options: &Options, what: &Data) -> Result<Exit, Error> {
    match what {
        Data::Check { path, quick } => check(options, path.as_deref(), *quick),
        Data::Fetch { id, to, archive } => fetch(options, id, to.as_deref(), archive.as_deref()),
    }
}

fn check(options: &Options, path: Option<&Path>, quick: bool) -> Result<Exit, Error> {
    let project = Project::open(options)?;
    let corpus = &project.profile.corpus;
    let Some(root) = path.map(Path::to_owned).or_else(|| project.corpus()) else {
        let name = &project.name;
        let what = format!("profile `{name}` makes its own corpus: name a folder, or a profile that reads one");
        return Err(Error::Usage(what));
    };
    if !root.is_dir() && path.is_some() {
        return Err(Error::NoFolder(root));
    }
    if !root.is_dir() {
        return Err(BuildError::CorpusMissing { profile: project.name.clone(), path: root }.into());
    }
    let wanted = hit_check::Options {
        reading: if quick { Reading::Files } else { Reading::Reach(corpus.windows.reach_s()) },
        // Rows without audio are no fault of a corpus that is rendered.
        audio: corpus.source != CorpusKind::Rendered,
        sample_rate_hz: corpus.windows.sample_rate_hz,
        sums: !quick,
        jobs: options.jobs.map_or_else(cores, usize::from),
        ..hit_check::Options::default()
    };
    let meter = Meter::new(options.quiet, cancel_on_interrupt(options.quiet));
    let report = hit_check::check(&root, &wanted, &meter);
    meter.finish();
    let report = report?;
    match options.format {
        Format::Json => print_json(&report)?,
        _ => print(&report.text())?,
    }
    Ok(if report.worst() == Some(Severity::Error) { Exit::CorpusFaulty } else { Exit::Ok })
}

fn fetch(options: &Options, id: &str, to: Option<&Path>, archive: Option<&Path>) -> Result<Exit, Error> {
    let project = Project::open(options)?;
    let downloads = &project.config.downloads;
    let unknown =
        || Error::UnknownName { what: "download", name: id.to_owned(), known: downloads.keys().cloned().collect() };
    let download = downloads.get(id).ok_or_else(unknown)?;
    let target = to.map_or_else(|| project.root.join(DATA), Path::to_owned);
    let folder = target.join(&download.folder);
    let meter = Meter::new(options.quiet, cancel_on_interrupt(options.quiet));
    let limits = Limits::default();
    let done = match archive {
        Some(archive) => hit_fetch::obtain_from(archive, download, &target, &limits, &meter).map(Some),
        None => {
            hit_fetch::obtain(download, &target, &Patience::default(), &limits, &meter).map(|obtained| match obtained {
                Obtained::Already => None,
                Obtained::Now { unpacked, .. } => Some(unpacked),
            })
        }
    };
    meter.finish();
    let unpacked = done?;
    let kept = hit_fetch::archive(download, &target)?;
    match options.format {
        Format::Json => print_json(&json!({
            "download": id,
            "folder": folder,
            "files": unpacked.as_ref().map(|unpacked| unpacked.files.len()),
            "bytes": unpacked.as_ref().map(Unpacked::bytes),
            "written": unpacked.as_ref().map_or(0, |unpacked| unpacked.written),
            "archive": kept,
        }))?,
        _ => print(&told(id, &folder, unpacked.as_ref(), kept.as_deref()))?,
    }
    Ok(Exit::Ok)
}

/// What was done, and what to do next.
fn told(id: &str, folder: &Path, unpacked: Option<&Unpacked>, archive: Option<&Path>) -> String {
    let mut out = String::new();
    match unpacked {
        None => put(&mut out, format_args!("{id} is complete in {}\n", shown(folder))),
        Some(unpacked) => put(
            &mut out,
            format_args!(
                "{id}: {} in {}, {}; {} written, {} were there\n",
                plural(unpacked.files.len(), "file"),
                shown(folder),
                size_text(unpacked.bytes()),
                unpacked.written,
                unpacked.kept
            ),
        ),
    }
    if let Some(archive) = archive {
        put(&mut out, format_args!("the archive is still there and may be removed: {}\n", shown(archive)));
    }
    put(&mut out, format_args!("next: hitrepro data check {}\n", shown(folder)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_fetched_is_told_with_what_comes_next() {
        let file = |path: &str| hit_fetch::UnpackedFile { path: path.to_owned(), bytes: 1536 };
        let unpacked = Unpacked { files: vec![file("a"), file("b")], written: 1, kept: 1 };
        let folder = Path::new("data/maestro-v3.0.0");
        let text = told("maestro", folder, Some(&unpacked), Some(Path::new("data/.hit-download/x")));
        insta::assert_snapshot!(text, @r"
        maestro: 2 files in data/maestro-v3.0.0, 3.0 KiB; 1 written, 1 were there
        the archive is still there and may be removed: data/.hit-download/x
        next: hitrepro data check data/maestro-v3.0.0
        ");
        assert!(told("maestro", folder, None, None).starts_with("maestro is complete in data/maestro-v3.0.0\n"));
    }
}
