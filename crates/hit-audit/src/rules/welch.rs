//! `welch` and `resolved`: tests recomputed from printed means, standard deviations and shares.

use hit_stats::{Moments, cohen_d, welch};

use super::{Outcome, fields::Fields, grid::count, numeral, one};
use crate::Verdict;
use crate::book::{Book, Found};
use crate::eval::{Scope, pairs};
use crate::expr::Expr;
use crate::pattern::Pattern;
use crate::range::{Range, Relation, show_range};

/// Points into which the range of each standard deviation is divided.
const POINTS: u32 = 8;
/// Two-sided 5 % point of the normal distribution.
const TWO_SIDED_5: f64 = 1.959_963_985;

/// Welch's test and Cohen's d of two printed samples.
#[derive(Clone, Debug)]
pub(super) struct Test {
    sides: [(Pattern, Pattern); 2],
    n: Expr,
    printed: Vec<(&'static str, Pattern)>,
    level: Option<f64>,
}

impl Test {
    pub fn parse(fields: &mut Fields) -> Result<Self, String> {
        let mut side = |name: &str| {
            let mut side = fields.table(name)?.ok_or_else(|| format!("needs the field `{name} = {{mean, sd}}`"))?;
            let pair = (side.pattern("mean")?, side.pattern("sd")?);
            side.finish()?;
            Ok::<_, String>(pair)
        };
        let sides = [side("a")?, side("b")?];
        let mut printed = Vec::new();
        for name in ["t", "df", "d", "p", "p_below"] {
            printed.extend(fields.optional_pattern(name)?.map(|pattern| (name, pattern)));
        }
        let level = fields.optional_number("level")?;
        if printed.is_empty() && level.is_none() {
            return Err("has nothing to check; give one of t, df, d, p, p_below, level".to_owned());
        }
        Ok(Self { sides, n: fields.expr("n")?, printed, level })
    }

    pub fn apply(&self, book: &Book) -> Result<Vec<Outcome>, String> {
        let mut all = Vec::new();
        for (name, pattern) in &self.printed {
            for (found, bindings) in pattern.bind(book)? {
                all.push(self.outcome(book, name, Some(&found), &bindings)?);
            }
        }
        if self.level.is_some() {
            all.push(self.outcome(book, "level", None, &[])?);
        }
        Ok(all)
    }

    fn outcome(&self, book: &Book, name: &str, found: Option<&Found>, bindings: &[String]) -> Result<Outcome, String> {
        let mut scope = Scope::new(book, bindings);
        if let Some(found) = found {
            scope.note(found);
        }
        let n = count(&mut scope, &self.n, "n")? as usize;
        let mut samples = Vec::new();
        for (mean, sd) in &self.sides {
            samples.push((one(book, &mut scope, mean)?, one(book, &mut scope, sd)?));
        }
        let [a, b] = [0, 1].map(|side| (samples[side].0.0, samples[side].1.0));
        let range = match statistics(a, b, n) {
            Some(all) => all[if name == "p_below" || name == "level" { 3 } else { position(name) }],
            None => Range::unknown(),
        };
        let (verdict, printed) = match found {
            Some(found) => {
                let (value, text) = numeral(book, found)?;
                let relation = if name == "p_below" { Relation::Above } else { Relation::Equal };
                // a limit is no rounded number
                let value = if name == "p_below" { Range::exact(value.at) } else { value };
                (relation.holds(value, range), if name == "p_below" { format!("p < {text}") } else { text })
            }
            None => self.significant(range),
        };
        let texts: Vec<String> = samples.iter().map(|((_, mean), (_, sd))| format!("{mean} ± {sd}")).collect();
        let shown = show_range(range);
        let symbol = if name == "p_below" || name == "level" { "p" } else { name };
        let working = format!("{} against {} (n = {n} each): {symbol} = {shown}", texts[0], texts[1]);
        let instance = name.to_owned();
        Ok(Outcome { instance, verdict, printed, computed: shown, working, used: scope.used })
    }

    /// A difference that is not significant is not refuted.
    fn significant(&self, p: Range) -> (Verdict, String) {
        let level = self.level.unwrap_or_default();
        let holds = Relation::Below.holds(p, Range::exact(level)) == Verdict::Consistent;
        (if holds { Verdict::Consistent } else { Verdict::CannotTell }, format!("different (p < {level})"))
    }
}

fn position(name: &str) -> usize {
    ["t", "df", "d", "p"].iter().position(|known| *known == name).unwrap_or(0)
}

/// Ranges of t, df, d and p over all means and deviations that round to the printed ones: t and d are extreme at
/// corners; df is largest where both sides contribute alike, so that point is among those tried if it is possible.
fn statistics(a: (Range, Range), b: (Range, Range), n: usize) -> Option<[Range; 4]> {
    let at = sample(a.0.at, b.0.at, a.1.at, b.1.at, n)?;
    let mut all = vec![at];
    let common = (a.1.lo.max(b.1.lo), a.1.hi.min(b.1.hi));
    let mut deviations: Vec<(f64, f64)> = (0..=POINTS)
        .flat_map(|i| (0..=POINTS).map(move |j| (i, j)))
        .map(|(i, j)| (point(a.1, i), point(b.1, j)))
        .collect();
    if common.0 <= common.1 {
        deviations.extend([(common.0, common.0), (common.1, common.1)]);
    }
    for (mean_a, mean_b) in [(a.0.lo, b.0.hi), (a.0.hi, b.0.lo), (a.0.at, b.0.at)] {
        all.extend(deviations.iter().filter_map(|(sd_a, sd_b)| sample(mean_a, mean_b, *sd_a, *sd_b, n)));
    }
    let column = |i: usize| Range::hull(at[i], &all.iter().map(|row| row[i]).collect::<Vec<_>>());
    let mut ranges = [0, 1, 2, 3].map(column);
    // where the difference may be zero, so may t
    if a.0.lo <= b.0.hi && b.0.lo <= a.0.hi {
        ranges[3].hi = 1.0;
    }
    Some(ranges)
}

fn point(range: Range, i: u32) -> f64 {
    let share = f64::from(i) / f64::from(POINTS);
    (range.lo + (range.hi - range.lo) * share).max(0.0)
}

/// t, df, d, p; none if neither side has any spread.
fn sample(mean_a: f64, mean_b: f64, sd_a: f64, sd_b: f64, n: usize) -> Option<[f64; 4]> {
    let (a, b) = (Moments { n, mean: mean_a, sd: sd_a }, Moments { n, mean: mean_b, sd: sd_b });
    let test = welch(&a, &b).ok()?;
    Some([test.t, test.df, cohen_d(&a, &b).ok()?, test.p])
}

/// Two shares of n trials each, said to differ.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    a: Expr,
    b: Expr,
    n: Expr,
    whole: f64,
}

impl Resolved {
    pub fn parse(fields: &mut Fields) -> Result<Self, String> {
        Ok(Self { a: fields.expr("a")?, b: fields.expr("b")?, n: fields.expr("n")?, whole: fields.number("whole")? })
    }

    /// One outcome for each pair of `a` and `b`; unpaired normal approximation, since pairs are not published.
    pub fn apply(&self, book: &Book) -> Result<Vec<Outcome>, String> {
        let mut scope = Scope::new(book, &[]);
        let n = count(&mut scope, &self.n, "n")?;
        let (a, b) = (scope.eval(&self.a)?, scope.eval(&self.b)?);
        let several = a.len().max(b.len()) > 1;
        let names: Vec<String> = match &self.a {
            Expr::Path(pattern) => scope.facts(pattern)?.into_iter().map(|found| found.path).collect(),
            _ => Vec::new(),
        };
        let mut all = Vec::new();
        for (i, (a, b)) in pairs(&a, &b)?.into_iter().enumerate() {
            let (p, q) = (a.at / self.whole, b.at / self.whole);
            let error = self.whole * ((p * (1.0 - p) + q * (1.0 - q)) / n).sqrt();
            if error.is_nan() {
                return Err(format!("{} and {} are not shares of {}", a.at, b.at, self.whole));
            }
            let (difference, bound) = (a.minus(b), Range::exact(TWO_SIDED_5 * error));
            let clear = Relation::Above.holds(difference.absolute(), bound) == Verdict::Consistent;
            all.push(Outcome {
                instance: if several { names.get(i).cloned().unwrap_or(i.to_string()) } else { String::new() },
                verdict: if clear { Verdict::Consistent } else { Verdict::CannotTell },
                printed: show_range(difference),
                computed: format!("± {}", show_range(bound)),
                working: format!(
                    "{} - {} = {}; 95 % of differences by chance lie within {}",
                    show_range(a),
                    show_range(b),
                    show_range(difference),
                    show_range(bound)
                ),
                used: scope.used.clone(),
            });
        }
        Ok(all)
    }
}
