//! What can go wrong between measurements and the PDF.

use std::path::PathBuf;

/// Why a table, figure, number or document could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading or writing failed; the message names the path.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// An artifact of another crate could not be read.
    #[error(transparent)]
    Schema(#[from] hit_schema::Error),
    /// The measurements could not be read.
    #[error(transparent)]
    Measurements(#[from] hit_stats::Error),
    /// The data frame refused an operation: a bug in this crate.
    #[error("measurements as a frame: {0}")]
    Frame(String),
    /// More than one measurement answers a question that has one answer.
    #[error("{found} measurements match {select}; name its seed, schedule or condition, too")]
    Ambiguous {
        /// What was asked for.
        select: String,
        /// How many rows answer it.
        found: usize,
    },
    /// A TOML file that cannot be used.
    #[error("{path}: {what}")]
    Toml {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line where known.
        what: String,
    },
    /// A published value that is asked for and not in the file.
    #[error("`{key}` is not in published.toml; the nearest is `{nearest}`")]
    NotPublished {
        /// Path asked for.
        key: String,
        /// The most similar path there is.
        nearest: String,
    },
    /// A number that is asked for and that this campaign does not compute.
    #[error("no number `{key}` in this campaign; the nearest is `{nearest}`")]
    NoNumber {
        /// Key asked for.
        key: String,
        /// The most similar key there is.
        nearest: String,
    },
    /// A table or figure of that name does not exist.
    #[error("there is no {kind} `{id}`; there are {known}")]
    Unknown {
        /// `table` or `figure`.
        kind: &'static str,
        /// Name asked for.
        id: String,
        /// Names there are.
        known: String,
    },
    /// A table or figure reads an input that its registry line does not list: a bug in this crate.
    #[error("{id} reads `{input}` and does not list it among its inputs")]
    Undeclared {
        /// Table or figure.
        id: String,
        /// The input.
        input: &'static str,
    },
    /// An arm that the facts about the campaign do not describe.
    #[error("arm `{0}` has measurements and is not among the arms of the campaign")]
    UnknownArm(String),
    /// A template that cannot be rendered.
    #[error("{template}: {what}")]
    Template {
        /// The template.
        template: String,
        /// What is wrong and where.
        what: String,
    },
    /// A figure that could not be drawn.
    #[error("figure {id}: {what}")]
    Draw {
        /// The figure.
        id: String,
        /// What is wrong.
        what: String,
    },
    /// The LaTeX engine is gone or another than the one planned with.
    #[error("the LaTeX engine planned with is `{planned}`, found is `{found}`; start the command again")]
    Engine {
        /// First line of its version text when the graph was made.
        planned: String,
        /// The same now.
        found: String,
    },
    /// LaTeX failed.
    #[error("LaTeX stopped:\n{0}")]
    Latex(String),
}

impl From<Error> for hit_stage::StageError {
    fn from(error: Error) -> Self {
        match error {
            Error::Io(error) => Self::Io(error),
            other => Self::failed(other),
        }
    }
}

impl From<polars::error::PolarsError> for Error {
    fn from(error: polars::error::PolarsError) -> Self {
        Self::Frame(error.to_string())
    }
}

/// The candidate that takes the fewest changes of letters to get from `wanted`; the first of equals.
pub(crate) fn nearest<'a>(wanted: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    candidates.min_by_key(|other| distance(wanted, other)).unwrap_or("(none)").to_owned()
}

/// Letters to put in, take out, replace or swap with their neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_changes() {
        let cases =
            [("", "abc", 3), ("abc", "abc", 0), ("maen", "mean", 1), ("maen", "max", 2), ("kitten", "sitting", 3)];
        for (a, b, expected) in cases {
            assert_eq!((distance(a, b), distance(b, a)), (expected, expected), "{a} {b}");
        }
    }

    #[test]
    fn the_nearest_name_takes_the_fewest_changes() {
        let names = ["replication.D0.s.mean", "replication.d4a4.s.mean", "replication.d4a4.s.sd"];
        assert_eq!(nearest("replication.d4a4.s.maen", names.into_iter()), "replication.d4a4.s.mean");
        assert_eq!(nearest("x", std::iter::empty()), "(none)");
    }

    #[test]
    fn messages_say_what_and_what_to_do() {
        let error = Error::NoNumber { key: "a.b".to_owned(), nearest: "a.c".to_owned() };
        assert_eq!(error.to_string(), "no number `a.b` in this campaign; the nearest is `a.c`");
    }
}
