//! The published values as an audit reads them: which are exact, which are shares of a count, which are left aside.

use std::collections::{BTreeMap, BTreeSet};

use crate::published::{Datum, Leaf, Printed, Published, fraction, half_unit};
use crate::range::Range;

/// A fact that a pattern named.
#[derive(Clone, Debug)]
pub(crate) struct Found<'a> {
    /// Its path, with indices.
    pub path: String,
    key: String,
    pub datum: &'a Datum,
    pub source: &'a str,
}

/// A number of a fact: what it can stand for, and how it is printed.
pub(crate) type Numeral = (Range, String);

/// The published values with what `[reading]` and the rules of grids say about them.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    published: Published,
    ignored: BTreeMap<String, String>,
    exact: BTreeSet<String>,
    narrowed: BTreeMap<String, (f64, f64)>,
}

impl Book {
    /// Leaves out the facts whose source starts with one of `ignore`.
    pub fn new(mut published: Published, ignore: &[String]) -> Self {
        let left_out = |leaf: &Leaf| ignore.iter().any(|start| leaf.source.starts_with(start.as_str()));
        let all = published.0.iter().filter(|(_, leaf)| left_out(leaf));
        let ignored: BTreeMap<_, _> = all.map(|(key, leaf)| (key.clone(), leaf.source.clone())).collect();
        published.0.retain(|key, _| !ignored.contains_key(key));
        Self { published, ignored, exact: BTreeSet::new(), narrowed: BTreeMap::new() }
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.published.0.keys().map(String::as_str)
    }

    pub fn contains(&self, key: &str) -> bool {
        self.published.0.contains_key(key)
    }

    pub fn found(&self, key: &str, index: &[usize]) -> Result<Found<'_>, String> {
        let (key, leaf) = self.published.0.get_key_value(key).ok_or_else(|| format!("`{key}` is not published"))?;
        let (mut datum, mut path) = (&leaf.datum, key.clone());
        for at in index {
            let Datum::List(items) = datum else { return Err(format!("`{path}` is no list; leave `[{at}]` out")) };
            datum = items.get(*at).ok_or_else(|| format!("`{path}` has {} elements, `[{at}]` is none", items.len()))?;
            path = format!("{path}[{at}]");
        }
        Ok(Found { path, key: key.clone(), datum, source: &leaf.source })
    }

    /// What to write instead of a path that is not there.
    pub fn hint(&self, wanted: &str) -> String {
        if let Some(source) = self.ignored.get(wanted) {
            return format!("; it is left out by `ignore`, since its source is `{source}`");
        }
        self.published.nearest(wanted).map_or(String::new(), |nearest| format!("; is `{nearest}` meant?"))
    }

    /// Declares a fact to be a count or a setting, not rounded.
    pub fn declare_exact(&mut self, key: &str) {
        self.exact.insert(key.to_owned());
    }

    /// States how many digits of a fact are printed; the ones of the file stand if they are more.
    pub fn declare_decimals(&mut self, key: &str, digits: i32) {
        if let Some(leaf) = self.published.0.get_mut(key) {
            at_least(&mut leaf.datum, digits);
        }
    }

    /// Restricts a single number to the multiples of `step` that its digits allow; without any, it stays as printed.
    pub fn narrow(&mut self, found_key: &str, step: f64) {
        let Ok(found) = self.found(found_key, &[]) else { return };
        let Datum::Number(printed) = found.datum else { return };
        let range = as_printed(printed);
        if let Some((first, last)) = multiples(range, step) {
            self.narrowed.insert(found_key.to_owned(), (first * step, last * step));
        }
    }

    /// The numbers of a fact, a list in its order.
    pub fn numerals(&self, found: &Found) -> Result<Vec<Numeral>, String> {
        let mut all = Vec::new();
        self.collect(found, found.datum, &mut all)?;
        Ok(all)
    }

    fn collect(&self, found: &Found, datum: &Datum, all: &mut Vec<Numeral>) -> Result<(), String> {
        match datum {
            Datum::Number(printed) => all.push((self.range(found, printed), printed.text.clone())),
            Datum::List(items) => items.iter().try_for_each(|item| self.collect(found, item, all))?,
            Datum::Text(text) => {
                let value =
                    fraction(text).ok_or_else(|| format!("`{}` is the words `{text}`, no number", found.path))?;
                all.push((Range::exact(value), text.clone()));
            }
            Datum::Missing => return Err(format!("`{}` is marked as missing, so it is no number", found.path)),
        }
        Ok(())
    }

    fn range(&self, found: &Found, printed: &Printed) -> Range {
        if self.exact.contains(&found.key) {
            return Range::exact(printed.value);
        }
        match self.narrowed.get(&found.key) {
            Some((lo, hi)) => Range { at: printed.value, lo: *lo, hi: *hi },
            None => as_printed(printed),
        }
    }
}

fn at_least(datum: &mut Datum, digits: i32) {
    match datum {
        Datum::Number(printed) => printed.decimals = printed.decimals.max(digits),
        Datum::List(items) => items.iter_mut().for_each(|item| at_least(item, digits)),
        Datum::Text(_) | Datum::Missing => {}
    }
}

/// What the digits allow.
pub(crate) fn as_printed(printed: &Printed) -> Range {
    Range::around(printed.value, half_unit(printed.decimals))
}

/// The first and the last whole number whose `step`-fold lies in the range, if there is one. `step` is positive.
pub(crate) fn multiples(range: Range, step: f64) -> Option<(f64, f64)> {
    let slack = 1e-9 * (1.0 + (range.at / step).abs() * 1e-3);
    let (first, last) = ((range.lo / step - slack).ceil(), (range.hi / step + slack).floor());
    (first.is_finite() && last.is_finite() && first <= last).then_some((first, last))
}
