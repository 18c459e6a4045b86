//! `audit`: whether the published numbers agree with each other.

use std::path::{Path, PathBuf};

use hit_audit::Audit;

use crate::Error;
use crate::cli::{Format, Options};
use crate::exit::Exit;
use crate::output::{print, print_json};
use crate::project::Project;

/// Applies the rules in `rules` to the numbers in `published` (those of the project where none is given) and shows what arithmetic
/// says of each. What it finds is about the paper: it ends well whatever that is.
///
/// # Errors
/// [`Error`]; a file that cannot be read or understood.
pub fn audit(options: &Options, published: Option<&Path>, rules: Option<&Path>) -> Result<Exit, Error> {
    let ours = |given: Option<&Path>, name: &str| -> Result<PathBuf, Error> {
        match given {
            Some(path) => Ok(path.to_owned()),
            None => Ok(Project::open(options)?.root.join("paper").join(name)),
        }
    };
    let findings = Audit::read(&ours(published, "published.toml")?, &ours(rules, "audit.toml")?)?;
    match options.format {
        Format::Json => print_json(&findings)?,
        _ => print(&hit_audit::table(&findings))?,
    }
    Ok(Exit::Ok)
}
