//! Consistency of published numbers by themselves, in the spirit of GRIM (Brown and Heathers 2017), GRIMMER (Anaya 2016)
//! and statcheck (Nuijten et al. 2016).
//!
//! Input are two files. One holds the published values as leaves `{value, unit, source[, note]}` in tables, with the digits
//! that are printed. The other, the audit, says what the paper says about them: this is a share of 500 queries, that
//! a difference of those two, this column falls. No outcome is written down anywhere: every verdict is computed.
//!
//! A printed number stands for all numbers that round to it, so everything is computed on intervals. A rule is
//! broken only if no numbers that round to the printed ones keep it; there is no false alarm for honest rounding.
//!
//! # The audit file
//! ```toml
//! [reading]
//! ignore = ["derived"]              # facts whose source starts so are left out
//! exact = ["evaluation.*"]          # counts and settings: not rounded
//! decimals = { "table3.?.rho" = 3 } # digits that are printed, where the file has lost a zero at the end
//!
//! [[rule]]
//! id = "screening-delta"
//! rule = "delta"
//! value = "table2.*.delta"          # `*` is captured here and stands for the same text below
//! of = "table2.*.S"
//! to = "table2.D0.S"
//! ```
//! Every rule may have `source` (where the paper says so) and `says` (what, in words). Kinds:
//!
//! | rule | fields | states |
//! |---|---|---|
//! | `grid` | `value` (one or several), `n`, `whole` | a multiple of whole/n (GRIM) |
//! | `mean-grid` | and `k` | a mean of k such numbers |
//! | `sd` | `mean sd n whole k`, perhaps `min max values` | k numbers on the grid with that mean and sample SD exist (GRIMMER) |
//! | `welch` | `a = {mean, sd}`, `b`, `n`, any of `t df d p p_below level` | Welch's test and Cohen's d of the printed moments |
//! | `resolved` | `a b n whole` | two shares of n trials differ by more than sampling explains (95 %) |
//! | `equal` | `value`, `is` | two ways to print one number |
//! | `delta`, `ratio` | `value`, `of`, `to` | difference, quotient |
//! | `minimum`, `maximum`, `sum`, `mean` | `value`, `of` (one or several) | that of the list |
//! | `order` | `by`, and `rank` or `like` | ranks count the larger ones; two columns sort alike |
//! | `member` | `value`, `of` | words of `value` are names captured by `of`, whatever their case |
//! | `statement` | `that`, perhaps `for` | a comparison such as `min(a.*.x) > 2 * b` |
//!
//! `n`, `k`, `of`, `to`, `is`, `a`, `b` are expressions; the rules with `value` may say `decimals` (digits that are meaningful)
//! or `about` (relative tolerance of a number that is printed as approximate).

mod book;
mod error;
mod eval;
mod expr;
mod pattern;
mod published;
mod range;
mod rules;
mod search;
mod stage;
mod write;

use std::path::Path;

use serde::{Deserialize, Serialize};

use book::Book;
use published::Published;
use rules::Rule;

pub use error::Error;
pub use stage::AuditPaper;
pub use write::{csv, table};

/// What arithmetic says about one statement on printed numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Numbers exist that round to the printed ones and fulfil it; for an order, all such numbers do.
    Consistent,
    /// No numbers that round to the printed ones fulfil it.
    Inconsistent,
    /// The printed digits leave it open.
    CannotTell,
}

impl Verdict {
    /// The verdict on both of two statements: one broken one breaks them, one open one leaves them open.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Inconsistent, _) | (_, Self::Inconsistent) => Self::Inconsistent,
            (Self::CannotTell, _) | (_, Self::CannotTell) => Self::CannotTell,
            _ => Self::Consistent,
        }
    }

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Consistent => "consistent",
            Self::Inconsistent => "inconsistent",
            Self::CannotTell => "cannot tell",
        }
    }
}

/// One statement of the paper and what became of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Id of the rule, and after `/` what it was applied to.
    pub id: String,
    /// Kind of the rule.
    pub rule: String,
    /// Outcome.
    pub verdict: Verdict,
    /// Paths of the published values that entered.
    pub paths: Vec<String>,
    /// What is printed: a number, or a statement in words.
    pub printed: String,
    /// What it should be by the other numbers, with the range that rounding leaves.
    pub computed: String,
    /// The arithmetic, in one line.
    pub working: String,
    /// Where the statement and the numbers stand, separated by ` | `.
    pub source: String,
}

/// An audit: published values and the rules that they should obey.
#[derive(Clone, Debug)]
pub struct Audit {
    file: String,
    book: Book,
    rules: Vec<Rule>,
}

impl Audit {
    /// Reads both files and applies every rule.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be read; [`Error::Toml`], [`Error::Leaf`], [`Error::Rule`] if one says what
    /// cannot be understood. A path that is not published is an error, with the nearest one that is.
    pub fn read(published: &Path, audit: &Path) -> Result<Vec<Finding>, Error> {
        let texts = (fs_err::read_to_string(published)?, fs_err::read_to_string(audit)?);
        let names = (published.display().to_string(), audit.display().to_string());
        Self::of((&names.0, &texts.0), (&names.1, &texts.1))?.findings()
    }

    /// An audit of texts, each with the name that errors use for it.
    ///
    /// ```
    /// # use hit_audit::{Audit, Verdict};
    /// let published = r#"
    ///     t.a.share = { value = 69.8, unit = "%", source = "Table 1" }
    ///     t.b.share = { value = 69.9, unit = "%", source = "Table 1" }"#;
    /// let audit = r#"
    ///     [[rule]]
    ///     id = "shares"
    ///     rule = "grid"
    ///     value = "t.*.share"
    ///     n = 500
    ///     whole = 100"#;
    /// let findings = Audit::of(("published.toml", published), ("audit.toml", audit))?.findings()?;
    /// assert_eq!(findings[0].verdict, Verdict::Consistent);
    /// assert_eq!(findings[1].working, "69.9: 349 of 500 is 69.8, 350 is 70");
    /// # Ok::<(), hit_audit::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Audit::read`].
    pub fn of(published: (&str, &str), audit: (&str, &str)) -> Result<Self, Error> {
        let facts = Published::parse(published.0, published.1)?;
        let (file, text) = audit;
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| Error::Toml {
            file: file.to_owned(),
            what: error.to_string().trim().to_owned(),
        })?;
        let fault = |(rule, what): (String, String)| Error::Rule { file: file.to_owned(), rule, what };
        let (reading, rules) = rules::parse(&table).map_err(fault)?;
        let mut book = Book::new(facts, &reading.ignore);
        for pattern in &reading.exact {
            let bound = pattern.bind(&book).map_err(|what| fault(("reading.exact".to_owned(), what)))?;
            let keys: Vec<String> = bound.into_iter().map(|(found, _)| found.path).collect();
            for key in &keys {
                book.declare_exact(key);
            }
        }
        for (pattern, digits) in &reading.decimals {
            let bound = pattern.bind(&book).map_err(|what| fault(("reading.decimals".to_owned(), what)))?;
            let keys: Vec<String> = bound.into_iter().map(|(found, _)| found.path).collect();
            for key in &keys {
                book.declare_decimals(key, *digits);
            }
        }
        for rule in &rules {
            rule.narrow(&mut book).map_err(|what| fault((rule.id.clone(), what)))?;
        }
        Ok(Self { file: file.to_owned(), book, rules })
    }

    /// Applies every rule, in the order of the file.
    ///
    /// # Errors
    /// [`Error::Rule`] if a rule names what is not published, or what is no number.
    pub fn findings(&self) -> Result<Vec<Finding>, Error> {
        let mut all = Vec::new();
        for rule in &self.rules {
            let found = rule.apply(&self.book);
            all.extend(found.map_err(|what| Error::Rule { file: self.file.clone(), rule: rule.id.clone(), what })?);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests;
