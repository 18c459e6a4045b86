//! `claims`: which claims of the paper hold in the results.

use std::path::Path;

use hit_claims::{Outcome, Verdict};

use crate::Error;
use crate::cli::{Format, Options};
use crate::exit::Exit;
use crate::output::{print, print_json, put};
use crate::project::Project;

/// Name of the verdicts among the results.
pub const CLAIMS: &str = "claims.json";

/// Shows every claim with how it came out. It ends well whatever that is: a claim that does not hold is a result.
///
/// # Errors
/// [`Error::NotComputed`] if the results have no verdicts; [`Error`].
pub fn claims(options: &Options) -> Result<Exit, Error> {
    let project = Project::open(options)?;
    let path = project.results().join(CLAIMS);
    let verdicts = verdicts(&path)?.ok_or_else(|| Error::NotComputed { path: path.clone() })?;
    match options.format {
        Format::Json => print_json(&verdicts)?,
        _ => print(&hit_claims::render(&verdicts))?,
    }
    Ok(Exit::Ok)
}

/// The verdicts in a file, none if it is not there.
///
/// # Errors
/// It is there and cannot be read.
pub fn verdicts(path: &Path) -> Result<Option<Vec<Verdict>>, Error> {
    if !path.exists() {
        return Ok(None);
    }
    let text = fs_err::read_to_string(path)?;
    let verdicts = serde_json::from_str(&text);
    verdicts.map(Some).map_err(|error| Error::NotUsable { path: path.to_owned(), what: error.to_string() })
}

/// How they came out, in one line: `of 61 claims 20 hold, 4 do not hold, 12 are inconclusive, 25 cannot be tested here`.
pub fn counts(verdicts: &[Verdict]) -> String {
    let of = |outcome| verdicts.iter().filter(|verdict| verdict.outcome == outcome).count();
    let mut line = format!("of {} claims", verdicts.len());
    for (outcome, words) in [
        (Outcome::Holds, "hold,"),
        (Outcome::DoesNotHold, "do not hold,"),
        (Outcome::Inconclusive, "are inconclusive,"),
        (Outcome::NotTestable, "cannot be tested here"),
    ] {
        put(&mut line, format_args!(" {} {words}", of(outcome)));
    }
    line
}
