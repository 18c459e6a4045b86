//! `grid`, `mean-grid`, `sd`: what shares of a count, and means and standard deviations of such, can be.

use super::{Outcome, fields::Fields, numeral, one};
use crate::Verdict;
use crate::book::{Book, Found, as_printed, multiples};
use crate::eval::Scope;
use crate::expr::Expr;
use crate::pattern::Pattern;
use crate::published::{Datum, Printed};
use crate::range::{Range, show};
use crate::search::{Answer, LARGEST, Wanted, search};

/// Shares of n trials, or means of k of them.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    value: Vec<Pattern>,
    n: Expr,
    whole: f64,
    k: Option<Expr>,
}

impl Grid {
    pub fn parse(fields: &mut Fields, of_means: bool) -> Result<Self, String> {
        let k = if of_means { Some(fields.expr("k")?) } else { None };
        Ok(Self { value: fields.patterns("value")?, n: fields.expr("n")?, whole: fields.number("whole")?, k })
    }

    /// Denominator: trials, times values of a mean.
    fn parts(&self, scope: &mut Scope) -> Result<f64, String> {
        let n = count(scope, &self.n, "n")?;
        let k = self.k.as_ref().map_or(Ok(1.0), |k| count(scope, k, "k"))?;
        Ok(n * k)
    }

    pub fn narrow(&self, book: &mut Book) -> Result<(), String> {
        let step = self.whole / self.parts(&mut Scope::new(book, &[]))?;
        check_step(step)?;
        let mut keys = Vec::new();
        for pattern in &self.value {
            keys.extend(pattern.bind(book)?.into_iter().map(|(found, _)| found.path));
        }
        for key in &keys {
            book.narrow(key, step);
        }
        Ok(())
    }

    pub fn apply(&self, book: &Book) -> Result<Vec<Outcome>, String> {
        let mut all = Vec::new();
        for pattern in &self.value {
            for (found, bindings) in pattern.bind(book)? {
                let mut scope = Scope::new(book, &bindings);
                scope.note(&found);
                all.push(self.outcome(scope, &found)?);
            }
        }
        Ok(all)
    }

    fn outcome(&self, mut scope: Scope, found: &Found) -> Result<Outcome, String> {
        let parts = self.parts(&mut scope)?;
        let mut numbers = Vec::new();
        printed_numbers(found, found.datum, &mut numbers)?;
        let (mut verdict, mut working, mut computed) = (Verdict::Consistent, Vec::new(), Vec::new());
        for number in &numbers {
            let (one, work, nearest) = judge(number, self.whole / parts, parts);
            verdict = verdict.and(one);
            working.push(work);
            computed.push(nearest);
        }
        let texts: Vec<&str> = numbers.iter().map(|number| number.text.as_str()).collect();
        Ok(Outcome {
            instance: found.path.clone(),
            verdict,
            printed: texts.join(", "),
            computed: computed.join(", "),
            working: working.join("; "),
            used: scope.used,
        })
    }
}

/// Whether a printed number is a multiple of the step, the working, and the multiples next to it.
fn judge(number: &Printed, step: f64, parts: f64) -> (Verdict, String, String) {
    let range = as_printed(number);
    let (text, shown) = (&number.text, show(parts));
    match multiples(range, step) {
        // wherever the number lay, a multiple would be near
        Some((first, last)) if range.hi - range.lo >= step * (1.0 - 1e-9) => {
            let working =
                format!("{text}: {} to {} of {shown}; every number of so few digits is one", show(first), show(last));
            (Verdict::CannotTell, working, format!("{} to {}", show(first * step), show(last * step)))
        }
        Some((first, _)) => (Verdict::Consistent, format!("{text} = {} of {shown}", show(first)), show(first * step)),
        None => {
            let (below, above) = ((number.value / step).floor(), (number.value / step).ceil());
            let nearest = format!("{} or {}", show(below * step), show(above * step));
            let work = format!(
                "{} of {shown} is {}, {} is {}",
                show(below),
                show(below * step),
                show(above),
                show(above * step)
            );
            (Verdict::Inconsistent, format!("{text}: {work}"), nearest)
        }
    }
}

fn printed_numbers(found: &Found, datum: &Datum, all: &mut Vec<Printed>) -> Result<(), String> {
    match datum {
        Datum::Number(printed) => all.push(printed.clone()),
        Datum::List(items) => items.iter().try_for_each(|item| printed_numbers(found, item, all))?,
        _ => return Err(format!("`{}` is no number", found.path)),
    }
    Ok(())
}

/// A whole positive number.
pub(super) fn count(scope: &mut Scope, expr: &Expr, name: &str) -> Result<f64, String> {
    let value = scope.single(expr)?.at;
    if value >= 1.0 && value.fract() == 0.0 && value <= LARGEST {
        return Ok(value);
    }
    Err(format!("`{name}` is {value}; a whole number from 1 to {LARGEST:e} is expected"))
}

fn check_step(step: f64) -> Result<(), String> {
    if step.is_finite() && step > 0.0 { Ok(()) } else { Err("`whole` is not positive".to_owned()) }
}

/// Mean, sample standard deviation, perhaps extremes and values, of k shares of n trials.
#[derive(Clone, Debug)]
pub(super) struct Sd {
    mean: Pattern,
    deviation: Pattern,
    n: Expr,
    k: Expr,
    whole: f64,
    min: Option<Pattern>,
    max: Option<Pattern>,
    values: Option<Pattern>,
}

impl Sd {
    pub fn parse(fields: &mut Fields) -> Result<Self, String> {
        let whole = fields.number("whole")?;
        if whole <= 0.0 {
            return Err("`whole` is not positive".to_owned());
        }
        Ok(Self {
            mean: fields.pattern("mean")?,
            deviation: fields.pattern("sd")?,
            n: fields.expr("n")?,
            k: fields.expr("k")?,
            whole,
            min: fields.optional_pattern("min")?,
            max: fields.optional_pattern("max")?,
            values: fields.optional_pattern("values")?,
        })
    }

    pub fn apply(&self, book: &Book) -> Result<Vec<Outcome>, String> {
        let bound = self.mean.bind(book)?;
        bound.into_iter().map(|(found, bindings)| self.outcome(book, &found, &bindings)).collect()
    }

    fn outcome(&self, book: &Book, found: &Found, bindings: &[String]) -> Result<Outcome, String> {
        let mut scope = Scope::new(book, bindings);
        scope.note(found);
        let step = self.whole / count(&mut scope, &self.n, "n")?;
        let k = count(&mut scope, &self.k, "k")?;
        let mean = numeral(book, found)?;
        let sd = one(book, &mut scope, &self.deviation)?;
        let mut known = Vec::new();
        if let Some(pattern) = &self.values {
            for value in scope.facts(pattern)? {
                known.extend(book.numerals(&value)?.into_iter().map(|(range, _)| range));
            }
        }
        let mut ends = Vec::new();
        for pattern in [&self.min, &self.max] {
            ends.push(
                pattern.as_ref().map(|pattern| one(book, &mut scope, pattern)).transpose()?.map(|(range, _)| range),
            );
        }
        let problem = Problem { k, step, mean: mean.0, sd: sd.0, known: &known, ends: (ends[0], ends[1]) };
        let (verdict, working) = problem.solve();
        let printed = format!("{} ± {}", mean.1, sd.1);
        let computed = match verdict {
            Verdict::Consistent => "possible",
            Verdict::Inconsistent => "impossible",
            Verdict::CannotTell => "open",
        };
        let instance = found.path.clone();
        Ok(Outcome { instance, verdict, printed, computed: computed.to_owned(), working, used: scope.used })
    }
}

/// What is printed about k shares.
struct Problem<'a> {
    k: f64,
    step: f64,
    mean: Range,
    sd: Range,
    known: &'a [Range],
    ends: (Option<Range>, Option<Range>),
}

impl Problem<'_> {
    fn solve(&self) -> (Verdict, String) {
        if self.k < 2.0 {
            return (Verdict::CannotTell, "one value has no standard deviation".to_owned());
        }
        // everything in steps of the grid, counted from the step next to the mean
        let origin = (self.mean.at / self.step).round();
        let steps = |range: &Range| match multiples(*range, self.step) {
            Some((first, last)) if first == last => Ok(first - origin),
            Some(_) => Err("the grid is finer than the digits of the values".to_owned()),
            None => Err(format!("{} is not on the grid, see the rule of the grid", show(range.at))),
        };
        let wanted = self.wanted(origin, steps);
        let shares = |values: &[i128]| {
            values.iter().map(|value| show((*value as f64 + origin) * self.step)).collect::<Vec<_>>().join(", ")
        };
        match wanted.map(|wanted| search(&wanted)) {
            Err(why) => (Verdict::CannotTell, why),
            Ok(Answer::Found(values)) => (Verdict::Consistent, format!("for example {}", shares(&values))),
            Ok(Answer::None) => {
                let given = if self.ends.0.is_some() || !self.known.is_empty() {
                    ", with the printed values among them"
                } else {
                    ""
                };
                let why = format!(
                    "no {} multiples of {} have a mean of {} to {} and an SD of {} to {}{given}",
                    show(self.k),
                    show(self.step),
                    show(self.mean.lo),
                    show(self.mean.hi),
                    show(self.sd.lo),
                    show(self.sd.hi)
                );
                (Verdict::Inconsistent, why)
            }
            Ok(Answer::TooLarge) => (Verdict::CannotTell, "too many combinations to try all".to_owned()),
        }
    }

    fn wanted(&self, origin: f64, steps: impl Fn(&Range) -> Result<f64, String>) -> Result<Wanted, String> {
        let (k, slack) = (self.k, 1e-6);
        let sum = |mean: f64| k * (mean / self.step - origin);
        // k·Σx² − (Σx)² = k·(k − 1)·variance
        let spread = |sd: f64| k * (k - 1.0) * (sd / self.step) * (sd / self.step);
        let (least, most) = (spread(self.sd.lo.max(0.0)), spread(self.sd.hi));
        // no value lies farther from the mean than sqrt((k − 1)/k · Σ(x − mean)²)
        let reach = ((k - 1.0) * most).sqrt() / k + (sum(self.mean.hi) - sum(self.mean.lo)).abs() / k + 1.0;
        let (mut lo, mut hi) = ((-reach).floor(), reach.ceil());
        let mut must = self.known.iter().map(&steps).collect::<Result<Vec<f64>, String>>()?;
        let ends = (self.ends.0.as_ref().map(&steps).transpose()?, self.ends.1.as_ref().map(&steps).transpose()?);
        lo = ends.0.unwrap_or(lo);
        hi = ends.1.unwrap_or(hi);
        for end in [ends.0, ends.1].into_iter().flatten() {
            if !must.contains(&end) {
                must.push(end);
            }
        }
        let sums = ((sum(self.mean.lo) - slack).ceil(), (sum(self.mean.hi) + slack).floor());
        let large = [lo, hi, sums.0, sums.1, most, k * k].into_iter().chain(must.iter().copied());
        if k > 1000.0 || large.into_iter().any(|x| !x.is_finite() || x.abs() > LARGEST) {
            return Err("too many combinations to try all".to_owned());
        }
        Ok(Wanted {
            n: k as usize,
            values: lo as i128..=hi as i128,
            must: must.into_iter().map(|x| x as i128).collect(),
            sum: sums.0 as i128..=sums.1 as i128,
            spread: (least - slack).ceil() as i128..=(most + slack).floor() as i128,
        })
    }
}
