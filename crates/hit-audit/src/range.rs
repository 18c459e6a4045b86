//! Numbers of which only the rounded form is printed: arithmetic on intervals.

use crate::Verdict;

/// Relative error granted to floating-point arithmetic; printed numbers are many orders of magnitude coarser.
const SLACK: f64 = 1e-12;

/// All numbers that a printed one, or something computed from printed ones, can stand for: `lo..=hi`, both ends
/// included, since nobody says which way a tie was rounded. `at` is the number if nothing had been rounded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub at: f64,
    pub lo: f64,
    pub hi: f64,
}

impl Range {
    pub fn exact(at: f64) -> Self {
        Self { at, lo: at, hi: at }
    }

    pub fn around(at: f64, half: f64) -> Self {
        Self { at, lo: at - half, hi: at + half }
    }

    /// A range that says nothing, as a quotient by what may be zero.
    pub fn unknown() -> Self {
        Self { at: f64::NAN, lo: f64::NAN, hi: f64::NAN }
    }

    pub fn is_known(self) -> bool {
        self.lo.is_finite() && self.hi.is_finite()
    }

    /// Opens the range by the error of floating-point operands of this size.
    fn opened(self, size: f64) -> Self {
        let error = size.abs() * SLACK;
        Self { at: self.at, lo: self.lo - error, hi: self.hi + error }
    }

    fn size(self) -> f64 {
        self.lo.abs().max(self.hi.abs())
    }

    pub fn plus(self, other: Self) -> Self {
        let sum = Self { at: self.at + other.at, lo: self.lo + other.lo, hi: self.hi + other.hi };
        sum.opened(self.size().max(other.size()))
    }

    pub fn negated(self) -> Self {
        Self { at: -self.at, lo: -self.hi, hi: -self.lo }
    }

    pub fn minus(self, other: Self) -> Self {
        self.plus(other.negated())
    }

    pub fn times(self, other: Self) -> Self {
        let corners = [self.lo * other.lo, self.lo * other.hi, self.hi * other.lo, self.hi * other.hi];
        Self::hull(self.at * other.at, &corners)
    }

    /// The quotient; unknown if the divisor may be zero.
    pub fn over(self, other: Self) -> Self {
        if !(other.lo > 0.0 || other.hi < 0.0) {
            return Self::unknown();
        }
        let corners = [self.lo / other.lo, self.lo / other.hi, self.hi / other.lo, self.hi / other.hi];
        Self::hull(self.at / other.at, &corners)
    }

    /// Image under a function that rises everywhere.
    pub fn rising(self, function: impl Fn(f64) -> f64) -> Self {
        Self::hull(function(self.at), &[function(self.lo), function(self.hi)])
    }

    pub fn absolute(self) -> Self {
        if self.lo >= 0.0 {
            self
        } else if self.hi <= 0.0 {
            self.negated()
        } else {
            Self { at: self.at.abs(), lo: 0.0, hi: self.size() }
        }
    }

    /// The range from the smallest to the largest of `corners`; unknown if one of them is no number.
    pub fn hull(at: f64, corners: &[f64]) -> Self {
        if corners.iter().any(|corner| corner.is_nan()) {
            return Self::unknown();
        }
        let lo = corners.iter().copied().fold(f64::INFINITY, f64::min);
        let hi = corners.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Self { at, lo, hi }.opened(lo.abs().max(hi.abs()))
    }
}

/// How two numbers are said to stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Below,
    AtMost,
    Above,
    AtLeast,
    Equal,
    Unequal,
}

impl Relation {
    pub const ALL: [(&'static str, Self); 6] = [
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("!=", Self::Unequal),
        ("<", Self::Below),
        (">", Self::Above),
        ("=", Self::Equal),
    ];

    pub fn sign(self) -> &'static str {
        Self::ALL.iter().find(|(_, relation)| *relation == self).map_or("?", |(sign, _)| sign)
    }

    /// Whether `a` stands so to `b`: consistent if rounding allows it (equality) or leaves no other choice (order).
    pub fn holds(self, a: Range, b: Range) -> Verdict {
        let slack = 1e3 * SLACK * a.size().max(b.size());
        if !(a.is_known() && b.is_known()) {
            return Verdict::CannotTell;
        }
        let apart = a.lo > b.hi + slack || b.lo > a.hi + slack;
        let same = a.hi.max(b.hi) - a.lo.min(b.lo) <= slack;
        let decide = |yes: bool, no: bool| match (yes, no) {
            (true, _) => Verdict::Consistent,
            (_, true) => Verdict::Inconsistent,
            _ => Verdict::CannotTell,
        };
        match self {
            Self::Below => decide(a.hi < b.lo - slack, a.lo >= b.hi - slack),
            Self::AtMost => decide(a.hi <= b.lo + slack, a.lo > b.hi + slack),
            Self::Above => Self::Below.holds(b, a),
            Self::AtLeast => Self::AtMost.holds(b, a),
            Self::Equal => decide(!apart, apart),
            Self::Unequal => decide(apart, same),
        }
    }
}

/// A number as people write it: up to four decimals, more for small ones.
pub(crate) fn show(value: f64) -> String {
    if value.is_nan() {
        return "undefined".to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e15).contains(&size) {
        return format!("{value:.3e}");
    }
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A range: the number, and what rounding allows where that is more than one.
pub(crate) fn show_range(range: Range) -> String {
    let (lo, hi) = (show(range.lo), show(range.hi));
    let exact = range.hi - range.lo <= 1e-9 * range.size();
    if exact || lo == hi { show(range.at) } else { format!("{} ({lo} to {hi})", show(range.at)) }
}
