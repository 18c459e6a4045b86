//! What can be wrong in `pipeline.toml`, with the place where it is written.

use std::fmt;
use std::ops::Range;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

/// One mistake in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not TOML.
    #[error("this is not TOML: {0}")]
    Syntax(String),
    /// A key that no table of this kind has.
    #[error("unknown key `{key}`{}", within(.table))]
    UnknownKey {
        /// As written.
        key: String,
        /// Dotted path of the table it is in.
        table: String,
        /// Keys that the table may have.
        allowed: Vec<String>,
    },
    /// A value that is none of the words allowed, or a name that is defined nowhere.
    #[error("unknown {what} `{name}`{}", within(.key))]
    UnknownName {
        /// What kind of thing is named: `arm`, `schedule`, `value`.
        what: &'static str,
        /// As written.
        name: String,
        /// Dotted path of the value.
        key: String,
        /// Names that are known.
        allowed: Vec<String>,
    },
    /// A value that must be stated and is not.
    #[error("`{key}` is not stated{}", by(.chain))]
    Missing {
        /// Dotted path.
        key: String,
        /// The profile and those it inherits from, nearest first; empty outside of profiles.
        chain: Vec<String>,
    },
    /// A value of another type.
    #[error("`{key}` is {found}, but {expected} is expected")]
    WrongType {
        /// Dotted path.
        key: String,
        /// What is there.
        found: String,
        /// What should be.
        expected: String,
    },
    /// Profiles that inherit from each other in a circle.
    #[error("these profiles inherit from each other in a circle: {}", .0.join(" -> "))]
    Cycle(Vec<String>),
    /// A value of the right type that cannot be used.
    #[error("`{key}`: {what}")]
    Invalid {
        /// Dotted path.
        key: String,
        /// What is wrong and what would be right.
        what: String,
    },
}

fn within(table: &str) -> String {
    if table.is_empty() { String::new() } else { format!(" in `{table}`") }
}

fn by(chain: &[String]) -> String {
    match chain {
        [] => String::new(),
        [only] => format!(" by profile `{only}`, which inherits from no other"),
        [first, rest @ ..] => format!(" by profile `{first}` nor by those it inherits from ({})", rest.join(", ")),
    }
}

impl Problem {
    /// Short stable name, shown as the error's code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "config::syntax",
            Self::UnknownKey { .. } => "config::unknown_key",
            Self::UnknownName { .. } => "config::unknown_name",
            Self::Missing { .. } => "config::missing",
            Self::WrongType { .. } => "config::wrong_type",
            Self::Cycle(_) => "config::cycle",
            Self::Invalid { .. } => "config::invalid",
        }
    }

    /// What to do about it, if that can be said.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::UnknownKey { key, allowed, .. } => Some(advice(key, allowed)),
            Self::UnknownName { name, allowed, .. } => Some(advice(name, allowed)),
            Self::Missing { chain, .. } if !chain.is_empty() => {
                Some("nothing has a default in code: state it in this profile or in one it inherits from".to_owned())
            }
            Self::Missing { .. } => Some("nothing has a default in code: state it here".to_owned()),
            Self::Cycle(_) => Some("let one of them state its values instead of inheriting them".to_owned()),
            Self::Syntax(_) | Self::WrongType { .. } | Self::Invalid { .. } => None,
        }
    }

    fn label(&self) -> String {
        match self {
            Self::Syntax(_) => "here".to_owned(),
            Self::UnknownKey { .. } | Self::UnknownName { .. } => "not known".to_owned(),
            Self::Missing { key, .. } => format!("lacks `{}`", key.rsplit('.').next().unwrap_or(key)),
            Self::WrongType { expected, .. } => format!("should be {expected}"),
            Self::Cycle(_) => "part of the circle".to_owned(),
            Self::Invalid { .. } => "this value".to_owned(),
        }
    }
}

fn advice(name: &str, allowed: &[String]) -> String {
    let list = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
    match nearest(name, allowed) {
        Some(near) => format!("did you mean `{near}`? allowed: {list}"),
        None => format!("allowed: {list}"),
    }
}

/// The one of `names` most like `wanted`, if any is alike enough to be a slip of the finger.
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a String>) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    let mut best: Option<(f64, &str)> = None;
    for name in names {
        let score = strsim::jaro_winkler(&wanted, &name.to_lowercase());
        if score > best.map_or(0.75, |(score, _)| score) {
            best = Some((score, name));
        }
    }
    best.map(|(_, name)| name)
}

/// A [`Problem`] with the file and the bytes where it is.
#[derive(Debug, Clone)]
pub struct ConfigError {
    /// What is wrong.
    pub problem: Problem,
    /// Byte range in the text.
    pub span: Range<usize>,
    source: NamedSource<String>,
}

impl ConfigError {
    /// An error at `span` of `text`, which was read from `file`.
    pub fn new(problem: Problem, span: Range<usize>, file: &str, text: &str) -> Self {
        let end = span.end.min(text.len());
        let span = span.start.min(end)..end;
        Self { problem, span, source: NamedSource::new(file, text.to_owned()).with_language("toml") }
    }

    /// Line of the start of the span, counted from 1.
    pub fn line(&self) -> usize {
        self.source.inner()[..self.span.start].matches('\n').count() + 1
    }

    /// `pipeline.toml:79`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.source.name(), self.line())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Where it is, a report shows beside the text itself; see `place`.
        self.problem.fmt(f)
    }
}

impl std::error::Error for ConfigError {}

impl Diagnostic for ConfigError {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.problem.code()))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.problem.help().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = LabeledSpan::new(Some(self.problem.label()), self.span.start, self.span.len());
        Some(Box::new(std::iter::once(label)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn problems_say_what_to_do() {
        let allowed = vec!["smoke".to_owned(), "paper".to_owned()];
        let unknown = Problem::UnknownKey { key: "smok".into(), table: "profiles".into(), allowed };
        assert_eq!(unknown.to_string(), "unknown key `smok` in `profiles`");
        assert_eq!(unknown.help().as_deref(), Some("did you mean `smoke`? allowed: smoke, paper"));
        let bare = Problem::UnknownKey { key: "x".into(), table: String::new(), allowed: vec![] };
        assert_eq!((bare.to_string().as_str(), bare.help().as_deref()), ("unknown key `x`", Some("allowed: nothing")));
        let alone = Problem::Missing { key: "a.b".into(), chain: vec!["p".into()] };
        assert_eq!(alone.to_string(), "`a.b` is not stated by profile `p`, which inherits from no other");
        let codes = [unknown, bare, alone].map(|problem| problem.code());
        assert_eq!(codes, ["config::unknown_key", "config::unknown_key", "config::missing"]);
    }

    #[test]
    fn places_are_counted_in_lines() {
        let error = |span| ConfigError::new(Problem::Syntax("x".into()), span, "f.toml", "a\nb\nc");
        assert_eq!(error(0..1).place(), "f.toml:1");
        assert_eq!(error(4..5).place(), "f.toml:3");
        assert_eq!(error(900..1000).span, 5..5, "a place beyond the end is the end");
    }

    proptest! {
        #[test]
        fn what_is_suggested_is_one_of_the_names(wanted in "[a-z]{0,6}", names in prop::collection::vec("[a-z]{1,6}", 0..6)) {
            match nearest(&wanted, &names) {
                Some(name) => prop_assert!(names.iter().any(|known| known == name)),
                None => prop_assert!(!names.contains(&wanted)),
            }
        }
    }
}
