//! `diff`: two results folders held against each other.

use std::path::{Path, PathBuf};

use hit_page::{Agreement, Results, Tolerance, diff as difference};

use crate::Error;
use crate::cli::{Format, Options};
use crate::exit::Exit;
use crate::output::{print, print_json};
use crate::project::Project;

/// Lines of each kind shown to people, unless all are asked for.
const SHOWN: usize = 20;

/// Shows how the results in `a` and `b` differ: folders, or names of profiles of the project. Numbers agree up to `points` for `%` and `pp`,
/// and up to the share `relative` for everything else.
///
/// # Errors
/// [`Error`]; a folder that cannot be read.
pub fn diff(
    options: &Options,
    (a, b): (&Path, &Path),
    (points, relative): (f64, f64),
    all: bool,
) -> Result<Exit, Error> {
    let tolerance = Tolerance { points, relative };
    if [points, relative].iter().any(|number| number.is_nan() || *number < 0.0) {
        return Err(Error::Usage("a tolerance is a number from 0 on".to_owned()));
    }
    let read = |given: &Path| -> Result<Results, Error> { Ok(Results::read(&folder(options, given)?)?) };
    let diff = difference(&read(a)?, &read(b)?, tolerance);
    match options.format {
        Format::Json => print_json(&diff)?,
        _ => print(&diff.text(if all { usize::MAX } else { SHOWN }))?,
    }
    Ok(exit(diff.agreement))
}

/// The folder of that name, else the results of the profile of that name.
fn folder(options: &Options, given: &Path) -> Result<PathBuf, Error> {
    let Some(name) = given.to_str().filter(|name| !given.is_dir() && !name.contains(['/', '\\'])) else {
        return Ok(given.to_owned());
    };
    let options = Options { profile: Some(name.to_owned()), ..options.clone() };
    Ok(Project::open(&options)?.results())
}

/// Measurements that differ are stale against each other, claims that come out otherwise a mismatch.
fn exit(agreement: Agreement) -> Exit {
    match agreement {
        Agreement::Same | Agreement::Within => Exit::Ok,
        Agreement::Different => Exit::Stale,
        Agreement::Flipped => Exit::Mismatch,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    fn options() -> Options {
        Cli::try_parse_from(["hitrepro", "status", "--quiet"]).unwrap().options
    }

    #[test]
    fn each_agreement_has_its_exit_code() {
        let codes = [Agreement::Same, Agreement::Within, Agreement::Different, Agreement::Flipped];
        assert_eq!(codes.map(|agreement| exit(agreement).code()), [0, 0, 4, 5]);
    }

    #[test]
    fn folders_are_taken_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(folder(&options(), dir.path()).unwrap(), dir.path());
        let missing = dir.path().join("none");
        assert_eq!(folder(&options(), &missing).unwrap(), missing, "a path is no name of a profile");
        let error = diff(&options(), (&missing, &missing), (0.0, 0.0), false).unwrap_err();
        assert!(error.to_string().contains("holds no results"), "{error}");
    }

    #[test]
    fn names_are_profiles() {
        let dir = tempfile::tempdir().unwrap();
        let project = crate::project::tests::project(dir.path(), &[]).unwrap();
        let found = folder(&project.options, Path::new("smoke")).unwrap();
        assert_eq!(found, dir.path().join("results/smoke"));
        let error = folder(&project.options, Path::new("smoek")).unwrap_err();
        assert_eq!(error.exit(), Exit::Usage, "{error}");
    }

    #[test]
    fn tolerances_are_not_negative() {
        for tolerance in [(-1.0, 0.0), (0.0, -0.1), (f64::NAN, 0.0)] {
            let error = diff(&options(), (Path::new("a"), Path::new("b")), tolerance, false).unwrap_err();
            assert_eq!(error.exit(), Exit::Usage);
        }
    }
}
