//! `statement`: a comparison over published values.

use super::{Outcome, fields::Fields};
use crate::Verdict;
use crate::book::Book;
use crate::eval::Scope;
use crate::expr::{self, Clause};
use crate::pattern::Pattern;

#[derive(Clone, Debug)]
pub(super) struct Statement {
    text: String,
    clauses: Vec<Clause>,
    rows: Rows,
}

/// What the stars of the statement stand for.
#[derive(Clone, Debug)]
enum Rows {
    Once,
    Names(Vec<String>),
    Facts(Pattern),
}

impl Statement {
    pub fn parse(fields: &mut Fields) -> Result<Self, String> {
        let text = fields.word("that")?;
        let rows = if fields.is_list("for") {
            Rows::Names(fields.words("for")?)
        } else {
            fields.optional_pattern("for")?.map_or(Rows::Once, Rows::Facts)
        };
        Ok(Self { clauses: expr::statement(&text)?, text, rows })
    }

    pub fn apply(&self, book: &Book) -> Result<Vec<Outcome>, String> {
        let rows: Vec<Vec<String>> = match &self.rows {
            Rows::Once => vec![Vec::new()],
            Rows::Names(names) => names.iter().map(|name| vec![name.clone()]).collect(),
            Rows::Facts(pattern) => pattern.bind(book)?.into_iter().map(|(_, bindings)| bindings).collect(),
        };
        rows.iter().map(|bindings| self.outcome(book, bindings)).collect()
    }

    fn outcome(&self, book: &Book, bindings: &[String]) -> Result<Outcome, String> {
        let mut scope = Scope::new(book, bindings);
        let (mut verdict, mut parts) = (Verdict::Consistent, Vec::new());
        for clause in &self.clauses {
            let (holds, written) = scope.decide(clause)?;
            verdict = verdict.and(holds);
            parts.push(match holds {
                Verdict::Consistent => written,
                Verdict::Inconsistent => format!("{written}: false"),
                Verdict::CannotTell => format!("{written}: open"),
            });
        }
        let computed = match verdict {
            Verdict::Consistent => "holds",
            Verdict::Inconsistent => "does not hold",
            Verdict::CannotTell => "open",
        };
        Ok(Outcome {
            instance: bindings.join("."),
            verdict,
            printed: self.text.clone(),
            computed: computed.to_owned(),
            working: parts.join("; "),
            used: scope.used,
        })
    }
}
