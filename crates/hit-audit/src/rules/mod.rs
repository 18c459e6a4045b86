//! The rules of an audit.

mod equal;
mod fields;
mod grid;
mod order;
mod statement;
mod welch;

use crate::book::{Book, Found, Numeral};
use crate::eval::Scope;
use crate::pattern::Pattern;
use crate::{Finding, Verdict};
use fields::Fields;

/// How the published values are to be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    pub ignore: Vec<String>,
    pub exact: Vec<Pattern>,
    /// Digits that are printed where the file has fewer.
    pub decimals: Vec<(Pattern, i32)>,
}

/// One `[[rule]]`.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub id: String,
    name: String,
    says: String,
    source: String,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Grid(grid::Grid),
    Sd(grid::Sd),
    Welch(welch::Test),
    Resolved(welch::Resolved),
    Equal(equal::Equal),
    Order(order::Order),
    Member(order::Member),
    Statement(statement::Statement),
}

/// What a kind of rule found, before the rule puts its name to it.
struct Outcome {
    /// What the rule was applied to; empty if it is applied once.
    instance: String,
    verdict: Verdict,
    printed: String,
    computed: String,
    working: String,
    used: Vec<(String, String)>,
}

/// Reads the audit file; a fault is the id of a rule and what is wrong with it.
pub(crate) fn parse(table: &toml::Table) -> Result<(Reading, Vec<Rule>), (String, String)> {
    let at = |name: &'static str| move |what: String| (name.to_owned(), what);
    let mut root = Fields::new(table);
    let reading = match root.table("reading").map_err(at("reading"))? {
        None => Reading::default(),
        Some(mut fields) => {
            let reading = fields.words("ignore").and_then(|ignore| {
                let exact = fields.words("exact")?.iter().map(|text| Pattern::parse(text)).collect::<Result<_, _>>()?;
                let decimals = fields.table("decimals")?.map_or(Ok(Vec::new()), |mut digits| digits.digits())?;
                Ok(Reading { ignore, exact, decimals })
            });
            let reading = reading.map_err(at("reading"))?;
            fields.finish().map_err(at("reading"))?;
            reading
        }
    };
    let mut rules: Vec<Rule> = Vec::new();
    for (number, fields) in root.tables("rule").map_err(at("rule"))?.into_iter().enumerate() {
        let rule = Rule::parse(fields, number + 1)?;
        if rules.iter().any(|other| other.id == rule.id) {
            return Err((rule.id, "is the id of two rules; give each its own".to_owned()));
        }
        rules.push(rule);
    }
    root.finish().map_err(at("the file"))?;
    Ok((reading, rules))
}

impl Rule {
    fn parse(mut fields: Fields, number: usize) -> Result<Self, (String, String)> {
        let id = fields.word("id").map_err(|what| (format!("number {number}"), what))?;
        let rule = fields.word("rule").and_then(|name| {
            let (says, source) = (fields.optional_word("says")?, fields.optional_word("source")?);
            let kind = Kind::parse(&name, &mut fields)?;
            fields.finish()?;
            Ok(Self { id: id.clone(), name, says: says.unwrap_or_default(), source: source.unwrap_or_default(), kind })
        });
        rule.map_err(|what| (id, what))
    }

    /// Tells the book what the rule knows about the numbers it is about.
    pub fn narrow(&self, book: &mut Book) -> Result<(), String> {
        match &self.kind {
            Kind::Grid(grid) => grid.narrow(book),
            _ => Ok(()),
        }
    }

    /// Applies the rule to everything it fits.
    pub fn apply(&self, book: &Book) -> Result<Vec<Finding>, String> {
        let outcomes = match &self.kind {
            Kind::Grid(rule) => rule.apply(book),
            Kind::Sd(rule) => rule.apply(book),
            Kind::Welch(rule) => rule.apply(book),
            Kind::Resolved(rule) => rule.apply(book),
            Kind::Equal(rule) => rule.apply(book),
            Kind::Order(rule) => rule.apply(book),
            Kind::Member(rule) => rule.apply(book),
            Kind::Statement(rule) => rule.apply(book),
        }?;
        Ok(outcomes.into_iter().map(|outcome| self.finding(outcome)).collect())
    }

    fn finding(&self, outcome: Outcome) -> Finding {
        let mut sources: Vec<String> = if self.source.is_empty() { Vec::new() } else { vec![self.source.clone()] };
        for (_, source) in &outcome.used {
            if !sources.contains(source) {
                sources.push(source.clone());
            }
        }
        let id =
            if outcome.instance.is_empty() { self.id.clone() } else { format!("{}/{}", self.id, outcome.instance) };
        // a statement is in its words what it is in its numbers
        let printed = match (&self.kind, self.says.is_empty()) {
            (_, true) => outcome.printed,
            (Kind::Statement(_), _) => self.says.clone(),
            _ => format!("{}: {}", self.says, outcome.printed),
        };
        Finding {
            id,
            rule: self.name.clone(),
            verdict: outcome.verdict,
            paths: outcome.used.into_iter().map(|(path, _)| path).collect(),
            printed,
            computed: outcome.computed,
            working: outcome.working,
            source: sources.join(" | "),
        }
    }
}

impl Kind {
    const NAMES: &'static str = "grid, mean-grid, sd, welch, resolved, equal, delta, ratio, minimum, maximum, sum, mean, order, member, statement";

    fn parse(name: &str, fields: &mut Fields) -> Result<Self, String> {
        match name {
            "grid" | "mean-grid" => grid::Grid::parse(fields, name == "mean-grid").map(Self::Grid),
            "sd" => grid::Sd::parse(fields).map(Self::Sd),
            "welch" => welch::Test::parse(fields).map(Self::Welch),
            "resolved" => welch::Resolved::parse(fields).map(Self::Resolved),
            "equal" | "delta" | "ratio" | "minimum" | "maximum" | "sum" | "mean" => {
                equal::Equal::parse(name, fields).map(Self::Equal)
            }
            "order" => order::Order::parse(fields).map(Self::Order),
            "member" => order::Member::parse(fields).map(Self::Member),
            "statement" => statement::Statement::parse(fields).map(Self::Statement),
            _ => Err(format!("`{name}` is no kind of rule; there are {}", Self::NAMES)),
        }
    }
}

/// The one number of a fact.
fn numeral(book: &Book, found: &Found) -> Result<Numeral, String> {
    let mut all = book.numerals(found)?;
    match all.len() {
        1 => Ok(all.remove(0)),
        n => Err(format!("`{}` is a list of {n} numbers where one is needed; take one by `[i]`", found.path)),
    }
}

/// The one fact of a pattern, and its number.
fn one(book: &Book, scope: &mut Scope, pattern: &Pattern) -> Result<Numeral, String> {
    let found = scope.facts(pattern)?;
    match found.as_slice() {
        [found] => numeral(book, found),
        _ => Err(format!("`{}` names {} facts where one is needed", pattern.text, found.len())),
    }
}
