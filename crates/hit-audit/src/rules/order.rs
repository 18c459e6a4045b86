//! `order` and `member`: ranks, orders of columns, names.

use super::{Outcome, fields::Fields, numeral, one};
use crate::Verdict;
use crate::book::{Book, Found};
use crate::eval::Scope;
use crate::pattern::Pattern;
use crate::published::Datum;
use crate::range::{Range, Relation, show};

/// Ranks by a column, or two columns that sort alike.
#[derive(Clone, Debug)]
pub(super) struct Order {
    by: Pattern,
    against: Against,
}

#[derive(Clone, Debug)]
enum Against {
    Rank(Pattern),
    Column(Pattern),
}

/// A row of the column `by`.
struct Row<'a> {
    found: Found<'a>,
    bindings: Vec<String>,
    value: Range,
    text: String,
}

impl Order {
    pub fn parse(fields: &mut Fields) -> Result<Self, String> {
        let by = fields.pattern("by")?;
        let against = match (fields.optional_pattern("rank")?, fields.optional_pattern("like")?) {
            (Some(rank), None) => Against::Rank(rank),
            (None, Some(like)) => Against::Column(like),
            _ => return Err("needs `rank` or `like`, one of the two".to_owned()),
        };
        Ok(Self { by, against })
    }

    pub fn apply(&self, book: &Book) -> Result<Vec<Outcome>, String> {
        let mut rows = Vec::new();
        for (found, bindings) in self.by.bind(book)? {
            let (value, text) = numeral(book, &found)?;
            rows.push(Row { found, bindings, value, text });
        }
        match &self.against {
            Against::Rank(rank) => rows.iter().map(|row| ranked(book, row, &rows, rank)).collect(),
            Against::Column(like) => alike(book, &rows, like).map(|outcome| vec![outcome]),
        }
    }
}

/// The rank is one more than the number of rows above; equal rows share it.
fn ranked(book: &Book, row: &Row, rows: &[Row], rank: &Pattern) -> Result<Outcome, String> {
    let mut scope = Scope::new(book, &row.bindings);
    let (printed, text) = one(book, &mut scope, rank)?;
    scope.note(&row.found);
    let above: Vec<Verdict> = rows.iter().map(|other| Relation::Above.holds(other.value, row.value)).collect();
    let sure = above.iter().filter(|verdict| **verdict == Verdict::Consistent).count();
    let open = above.iter().filter(|verdict| **verdict == Verdict::CannotTell).count();
    let open = open - usize::from(Relation::Above.holds(row.value, row.value) == Verdict::CannotTell);
    let (lo, hi) = ((sure + 1) as f64, (sure + open + 1) as f64);
    let range = Range { at: lo, lo, hi };
    let shown = if open == 0 { show(lo) } else { format!("{} to {}", show(lo), show(hi)) };
    Ok(Outcome {
        instance: row.found.path.clone(),
        verdict: Relation::Equal.holds(Range::exact(printed.at), range),
        printed: format!("rank {text}"),
        computed: shown,
        working: format!("{sure} of {} rows lie above {}, {open} may", rows.len(), row.text),
        used: scope.used,
    })
}

/// No two rows stand one way in one column and the other way in the other.
fn alike(book: &Book, rows: &[Row], like: &Pattern) -> Result<Outcome, String> {
    let mut used: Vec<(String, String)> = Vec::new();
    let mut others = Vec::new();
    for row in rows {
        let mut scope = Scope::new(book, &row.bindings);
        scope.note(&row.found);
        others.push(one(book, &mut scope, like)?);
        used.extend(scope.used);
    }
    let (mut verdict, mut swapped) = (Verdict::Consistent, Vec::new());
    for i in 0..rows.len() {
        for j in 0..rows.len() {
            let first = Relation::Above.holds(rows[i].value, rows[j].value);
            let second = Relation::Below.holds(others[i].0, others[j].0);
            if first == Verdict::Consistent && second == Verdict::Consistent {
                verdict = Verdict::Inconsistent;
                let names = (rows[i].bindings.join("."), rows[j].bindings.join("."));
                let values = (&rows[i].text, &rows[j].text, &others[i].1, &others[j].1);
                swapped.push(format!(
                    "{} > {} ({} > {}, but {} < {})",
                    names.0, names.1, values.0, values.1, values.2, values.3
                ));
            } else if i < j && [first, second].contains(&Verdict::CannotTell) {
                verdict = verdict.and(Verdict::CannotTell);
            }
        }
    }
    let computed = format!("{} pairs swapped", swapped.len());
    let working =
        if swapped.is_empty() { format!("{} rows in the same order", rows.len()) } else { swapped.join("; ") };
    Ok(Outcome { instance: String::new(), verdict, printed: "the same order".to_owned(), computed, working, used })
}

/// Words that are names of rows.
#[derive(Clone, Debug)]
pub(super) struct Member {
    value: Pattern,
    of: Vec<Pattern>,
}

impl Member {
    pub fn parse(fields: &mut Fields) -> Result<Self, String> {
        Ok(Self { value: fields.pattern("value")?, of: fields.patterns("of")? })
    }

    pub fn apply(&self, book: &Book) -> Result<Vec<Outcome>, String> {
        let mut names = Vec::new();
        for pattern in &self.of {
            for (_, bindings) in pattern.bind(book)? {
                let name = bindings.first().ok_or_else(|| format!("`{}` captures no name; write `*`", pattern.text))?;
                names.push(name.to_lowercase());
            }
        }
        let mut all = Vec::new();
        for (found, bindings) in self.value.bind(book)? {
            let Datum::Text(word) = found.datum else { return Err(format!("`{}` is not words", found.path)) };
            let mut scope = Scope::new(book, &bindings);
            scope.note(&found);
            let there = names.contains(&word.to_lowercase());
            all.push(Outcome {
                instance: found.path.clone(),
                verdict: if there { Verdict::Consistent } else { Verdict::Inconsistent },
                printed: word.clone(),
                computed: if there { "listed" } else { "not listed" }.to_owned(),
                working: format!(
                    "{word} {} the {} names of {}",
                    if there { "is among" } else { "is not among" },
                    names.len(),
                    self.texts()
                ),
                used: scope.used,
            });
        }
        Ok(all)
    }

    fn texts(&self) -> String {
        self.of.iter().map(|pattern| pattern.text.as_str()).collect::<Vec<_>>().join(" and ")
    }
}
