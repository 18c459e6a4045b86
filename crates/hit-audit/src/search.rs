//! Whether whole numbers with a given sum and spread exist (GRIMMER: Anaya 2016), by exact search.

use std::ops::RangeInclusive;

/// Partial choices tried before the search gives up.
const BUDGET: u64 = 4_000_000;
/// Largest whole number that is handled; squares and sums of such stay far inside `i128`.
pub(crate) const LARGEST: f64 = 1e9;

/// What is asked for: `n` whole numbers of `values`, among them `must`, with their sum and n·Σx² − (Σx)² in range.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub n: usize,
    pub values: RangeInclusive<i128>,
    pub must: Vec<i128>,
    pub sum: RangeInclusive<i128>,
    pub spread: RangeInclusive<i128>,
}

/// Outcome of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Such numbers, sorted.
    Found(Vec<i128>),
    /// There are none.
    None,
    /// The search was given up.
    TooLarge,
}

/// Looks for the numbers.
pub(crate) fn search(wanted: &Wanted) -> Answer {
    let n = wanted.n as i128;
    if wanted.must.len() > wanted.n || wanted.must.iter().any(|value| !wanted.values.contains(value)) {
        return Answer::None;
    }
    let mut budget = BUDGET;
    for sum in wanted.sum.clone() {
        // n·Σx² = spread + sum²
        let (lo, hi) = (ceil_div(wanted.spread.start() + sum * sum, n), floor_div(wanted.spread.end() + sum * sum, n));
        let taken: i128 = wanted.must.iter().map(|value| value * value).sum();
        let mut free = Free { hi: *wanted.values.end(), squares: (lo - taken, hi - taken), budget, chosen: Vec::new() };
        let left = wanted.n - wanted.must.len();
        let found = free.choose(left, *wanted.values.start(), sum - wanted.must.iter().sum::<i128>(), 0);
        if found {
            let mut all = [wanted.must.clone(), free.chosen].concat();
            all.sort_unstable();
            return Answer::Found(all);
        }
        budget = free.budget.saturating_sub(1);
        if budget == 0 {
            return Answer::TooLarge;
        }
    }
    Answer::None
}

/// The numbers that are not given.
struct Free {
    hi: i128,
    /// Range of the sum of their squares.
    squares: (i128, i128),
    budget: u64,
    chosen: Vec<i128>,
}

impl Free {
    /// Chooses `left` numbers, none below `from` nor below one chosen before, with this sum; `spent` are the squares so far.
    fn choose(&mut self, left: usize, from: i128, sum: i128, spent: i128) -> bool {
        self.budget = self.budget.saturating_sub(1);
        let (lo, hi) = (self.squares.0 - spent, self.squares.1 - spent);
        match left {
            _ if self.budget == 0 => false,
            0 => sum == 0 && lo <= 0 && 0 <= hi,
            1 => {
                let fits = (from..=self.hi).contains(&sum) && (lo..=hi).contains(&(sum * sum));
                if fits {
                    self.chosen.push(sum);
                }
                fits
            }
            2 => match pair(from, self.hi, sum, lo, hi) {
                Some((a, b)) => {
                    self.chosen.extend([a, b]);
                    true
                }
                None => false,
            },
            _ => self.branch(left, from, sum, spent),
        }
    }

    fn branch(&mut self, left: usize, from: i128, sum: i128, spent: i128) -> bool {
        let count = left as i128;
        // the squares are least when all are equal
        if sum * sum > count * (self.squares.1 - spent) {
            return false;
        }
        // the rest cannot exceed `hi` each, and none is below the one chosen here
        let first = from.max(sum - (count - 1) * self.hi);
        let last = self.hi.min(floor_div(sum, count));
        for value in first..=last {
            self.chosen.push(value);
            if self.choose(left - 1, value, sum - value, spent + value * value) {
                return true;
            }
            self.chosen.pop();
            if self.budget == 0 {
                return false;
            }
        }
        false
    }
}

/// Two numbers of `from..=hi` with this sum and the sum of their squares in `lo..=hi_squares`: with d their difference,
/// d² = 2·squares − sum².
fn pair(from: i128, hi: i128, sum: i128, lo: i128, hi_squares: i128) -> Option<(i128, i128)> {
    let (least, most) = (2 * lo - sum * sum, 2 * hi_squares - sum * sum);
    if most < 0 {
        return None;
    }
    let mut difference = least.max(0).isqrt();
    difference += i128::from(difference * difference < least);
    difference += (difference - sum).rem_euclid(2);
    // both are even or both odd, so that nothing is lost
    let a = (sum - difference) / 2;
    let b = sum - a;
    (difference * difference <= most && a >= from && b <= hi).then_some((a, b))
}

fn floor_div(a: i128, b: i128) -> i128 {
    a.div_euclid(b)
}

fn ceil_div(a: i128, b: i128) -> i128 {
    -(-a).div_euclid(b)
}
