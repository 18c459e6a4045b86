//! Values of expressions, and how they are written out with the numbers in place.

use crate::Verdict;
use crate::book::{Book, Found};
use crate::expr::{Clause, Expr, Function, Operator};
use crate::pattern::Pattern;
use crate::published::Datum;
use crate::range::{Range, Relation, show_range};

/// Most numbers that are written out of a list.
const MOST_WRITTEN: usize = 8;

/// Where expressions are evaluated: the book, what the stars of the rule stand for, and the facts used so far.
pub(crate) struct Scope<'a> {
    book: &'a Book,
    bindings: &'a [String],
    /// Paths and sources of the facts, each once, in order of use.
    pub used: Vec<(String, String)>,
}

impl<'a> Scope<'a> {
    pub fn new(book: &'a Book, bindings: &'a [String]) -> Self {
        Self { book, bindings, used: Vec::new() }
    }

    /// Notes that a fact was used.
    pub fn note(&mut self, found: &Found) {
        if !self.used.iter().any(|(path, _)| *path == found.path) {
            self.used.push((found.path.clone(), found.source.to_owned()));
        }
    }

    /// The facts of a pattern, noted.
    pub fn facts(&mut self, pattern: &Pattern) -> Result<Vec<Found<'a>>, String> {
        let all = pattern.resolve(self.book, self.bindings)?;
        for found in &all {
            self.note(found);
        }
        Ok(all)
    }

    /// The numbers of an expression.
    pub fn eval(&mut self, expr: &Expr) -> Result<Vec<Range>, String> {
        match expr {
            Expr::Number(value, _) => Ok(vec![Range::exact(*value)]),
            Expr::Path(pattern) => {
                let mut all = Vec::new();
                for found in self.facts(pattern)? {
                    all.extend(self.book.numerals(&found)?.into_iter().map(|(range, _)| range));
                }
                Ok(all)
            }
            Expr::Negated(inner) => Ok(self.eval(inner)?.into_iter().map(Range::negated).collect()),
            Expr::Binary(operator, left, right) => {
                let (left, right) = (self.eval(left)?, self.eval(right)?);
                let apply = |(a, b): (Range, Range)| match operator {
                    Operator::Plus => a.plus(b),
                    Operator::Minus => a.minus(b),
                    Operator::Times => a.times(b),
                    Operator::Over => a.over(b),
                };
                Ok(pairs(&left, &right)?.into_iter().map(apply).collect())
            }
            Expr::List(items) => self.eval_all(items),
            Expr::Call(Function::Count | Function::Distinct, arguments) => self.count(expr, arguments),
            Expr::Call(function, arguments) => {
                let values = self.eval_all(arguments)?;
                call(*function, &values)
            }
        }
    }

    /// The one number of an expression.
    pub fn single(&mut self, expr: &Expr) -> Result<Range, String> {
        let values = self.eval(expr)?;
        match values.as_slice() {
            [value] => Ok(*value),
            _ => Err(format!("`{}` gives {} numbers where one is needed", self.write(expr)?, values.len())),
        }
    }

    fn eval_all(&mut self, items: &[Expr]) -> Result<Vec<Range>, String> {
        let mut all = Vec::new();
        for item in items {
            all.extend(self.eval(item)?);
        }
        Ok(all)
    }

    fn count(&mut self, expr: &Expr, arguments: &[Expr]) -> Result<Vec<Range>, String> {
        let mut all = Vec::new();
        for argument in arguments {
            let Expr::Path(pattern) = argument else { return Err("only facts can be counted".to_owned()) };
            all.extend(self.facts(pattern)?.into_iter().map(|found| format!("{:?}", found.datum)));
        }
        if matches!(expr, Expr::Call(Function::Distinct, _)) {
            all.sort();
            all.dedup();
        }
        Ok(vec![Range::exact(all.len() as f64)])
    }

    /// The expression with the printed numbers in place of the paths.
    pub fn write(&mut self, expr: &Expr) -> Result<String, String> {
        Ok(match expr {
            Expr::Number(_, text) => text.clone(),
            Expr::Path(pattern) => self.write_path(pattern)?,
            Expr::Negated(inner) => format!("-{}", self.operand(inner)?),
            Expr::Binary(operator, left, right) => {
                format!("{} {} {}", self.operand(left)?, operator.sign(), self.operand(right)?)
            }
            Expr::List(items) => format!("({})", self.write_all(items)?),
            Expr::Call(function, arguments) => {
                let inner = match function {
                    Function::Count => format!("{} facts", self.single(expr)?.at),
                    _ => self.write_all(arguments)?,
                };
                format!("{}({inner})", function.name())
            }
        })
    }

    /// What stands beside an operator: lists and negative numbers in parentheses.
    fn operand(&mut self, expr: &Expr) -> Result<String, String> {
        let text = self.write(expr)?;
        let bare = matches!(expr, Expr::Path(_) | Expr::Negated(_)) && (text.contains(", ") || text.starts_with('-'));
        Ok(if bare { format!("({text})") } else { text })
    }

    fn write_all(&mut self, items: &[Expr]) -> Result<String, String> {
        let parts = items.iter().map(|item| self.write(item)).collect::<Result<Vec<_>, _>>()?;
        Ok(parts.join(", "))
    }

    fn write_path(&mut self, pattern: &Pattern) -> Result<String, String> {
        let mut texts = Vec::new();
        for found in self.facts(pattern)? {
            match found.datum {
                Datum::Text(text) => texts.push(text.clone()),
                Datum::Missing => texts.push("missing".to_owned()),
                _ => texts.extend(self.book.numerals(&found)?.into_iter().map(|(_, text)| text)),
            }
        }
        if texts.len() > MOST_WRITTEN {
            let rest = texts.len() - MOST_WRITTEN + 1;
            texts.truncate(MOST_WRITTEN - 1);
            texts.push(format!("and {rest} more"));
        }
        Ok(texts.join(", "))
    }

    /// Whether a clause holds, and the clause written out with its numbers.
    pub fn decide(&mut self, clause: &Clause) -> Result<(Verdict, String), String> {
        match clause {
            Clause::Rising(list) => self.decide_course(list, Relation::AtMost, "rising"),
            Clause::Falling(list) => self.decide_course(list, Relation::AtLeast, "falling"),
            Clause::Chain(first, rest) => {
                let (mut left, mut written) = (self.eval(first)?, self.side(first)?);
                let mut verdict = Verdict::Consistent;
                for (relation, expr) in rest {
                    let right = self.eval(expr)?;
                    verdict = pairs(&left, &right)?.into_iter().fold(verdict, |v, (a, b)| v.and(relation.holds(a, b)));
                    written = format!("{written} {} {}", relation.sign(), self.side(expr)?);
                    left = right;
                }
                Ok((verdict, written))
            }
        }
    }

    fn decide_course(&mut self, list: &Expr, relation: Relation, name: &str) -> Result<(Verdict, String), String> {
        let values = self.eval(list)?;
        let steps = values.windows(2).map(|pair| relation.holds(pair[0], pair[1]));
        let verdict = steps.fold(Verdict::Consistent, Verdict::and);
        Ok((verdict, format!("{name}: {}", self.write(list)?)))
    }

    /// One side of a relation: what is computed, with its value unless it is a plain number.
    fn side(&mut self, expr: &Expr) -> Result<String, String> {
        let written = self.write(expr)?;
        if matches!(expr, Expr::Number(..) | Expr::Path(_)) {
            return Ok(written);
        }
        let values = self.eval(expr)?;
        let shown: Vec<String> = values.iter().take(MOST_WRITTEN).map(|value| show_range(*value)).collect();
        Ok(format!("[{written} = {}]", shown.join(", ")))
    }
}

/// Pairs two lists element by element; a single number goes with each of the other side.
pub(crate) fn pairs(left: &[Range], right: &[Range]) -> Result<Vec<(Range, Range)>, String> {
    match (left, right) {
        ([a], many) => Ok(many.iter().map(|b| (*a, *b)).collect()),
        (many, [b]) => Ok(many.iter().map(|a| (*a, *b)).collect()),
        _ if left.len() == right.len() => Ok(left.iter().copied().zip(right.iter().copied()).collect()),
        _ => Err(format!("a list of {} numbers stands beside one of {}", left.len(), right.len())),
    }
}

fn call(function: Function, values: &[Range]) -> Result<Vec<Range>, String> {
    let fold = |pick: fn(f64, f64) -> f64| {
        let mut values = values.iter().copied();
        let first = values.next()?;
        Some(values.fold(first, |a, b| Range { at: pick(a.at, b.at), lo: pick(a.lo, b.lo), hi: pick(a.hi, b.hi) }))
    };
    let known = values.iter().all(|value| value.is_known());
    let total = || values.iter().fold(Range::exact(0.0), |sum, value| sum.plus(*value));
    let one = |result: Option<Range>| match result {
        Some(range) if known => Ok(vec![range]),
        Some(_) => Ok(vec![Range::unknown()]),
        None => Err(format!("`{}` of nothing", function.name())),
    };
    match function {
        Function::Min => one(fold(f64::min)),
        Function::Max => one(fold(f64::max)),
        Function::Sum => one(Some(total())),
        Function::Mean => one(Some(total().over(Range::exact(values.len() as f64)))),
        Function::Sd => one(Some(sd(values)?)),
        Function::Abs => Ok(values.iter().map(|value| value.absolute()).collect()),
        Function::Sqrt => Ok(values.iter().map(|value| value.rising(f64::sqrt)).collect()),
        Function::Log2 => Ok(values.iter().map(|value| value.rising(libm::log2)).collect()),
        Function::Floor => Ok(values.iter().map(|value| floor(*value)).collect()),
        Function::Count | Function::Distinct => Err("only facts can be counted".to_owned()),
    }
}

/// Rounds down; an end that is whole up to floating-point error counts as whole.
fn floor(value: Range) -> Range {
    let down = |x: f64| (x + 1e-9 * (1.0 + x.abs() * 1e-3)).floor();
    Range { at: down(value.at), lo: down(value.lo), hi: down(value.hi) }
}

/// Sample standard deviation; moving each value by at most h moves it by at most h·sqrt(n / (n − 1)).
fn sd(values: &[Range]) -> Result<Range, String> {
    let at: Vec<f64> = values.iter().map(|value| value.at).collect();
    let summary = hit_stats::Summary::of(&at).map_err(|error| error.to_string())?;
    let Some(sd) = summary.sd else { return Err("a standard deviation needs two numbers".to_owned()) };
    let most = values.iter().map(|value| (value.hi - value.at).max(value.at - value.lo)).fold(0.0, f64::max);
    let n = values.len() as f64;
    let range = Range::around(sd, most * (n / (n - 1.0)).sqrt() + 1e-9 * sd);
    Ok(Range { lo: range.lo.max(0.0), ..range })
}

/// A list of numbers as text.
pub(crate) fn show_all(values: &[Range]) -> String {
    let mut shown: Vec<String> = values.iter().take(MOST_WRITTEN).map(|value| show_range(*value)).collect();
    if values.len() > MOST_WRITTEN {
        shown.push(format!("and {} more", values.len() - MOST_WRITTEN));
    }
    shown.join(", ")
}
