//! What many repetitions took.

use serde::{Deserialize, Serialize};

/// Median, smallest and 90th percentile of repetitions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Median; of an even number the mean of the middle two.
    pub median: f64,
    /// Smallest.
    pub min: f64,
    /// The smallest value that 90 % do not exceed.
    pub p90: f64,
    /// Number of repetitions.
    pub n: usize,
}

impl Spread {
    /// Of those values; none if there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        let min = *sorted.first()?;
        let rank = (n * 9).div_ceil(10);
        Some(Self { median: f64::midpoint(sorted[(n - 1) / 2], sorted[n / 2]), min, p90: sorted[rank - 1], n })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranks_are_those_of_the_sorted_values() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[3.0]), Some(Spread { median: 3.0, min: 3.0, p90: 3.0, n: 1 }));
        assert_eq!(Spread::of(&[4.0, 1.0]), Some(Spread { median: 2.5, min: 1.0, p90: 4.0, n: 2 }));
        let ten: Vec<f64> = (1..=10).rev().map(f64::from).collect();
        assert_eq!(Spread::of(&ten), Some(Spread { median: 5.5, min: 1.0, p90: 9.0, n: 10 }));
        let eleven: Vec<f64> = (1..=11).map(f64::from).collect();
        assert_eq!(Spread::of(&eleven), Some(Spread { median: 6.0, min: 1.0, p90: 10.0, n: 11 }));
    }

    proptest! {
        #[test]
        fn ninety_in_a_hundred_do_not_exceed_the_percentile(values in prop::collection::vec(0.0f64..1e6, 1..200)) {
            let spread = Spread::of(&values).unwrap();
            let count = |bound: f64| values.iter().filter(|value| **value <= bound).count();
            prop_assert!(spread.min <= spread.median && spread.min <= spread.p90);
            prop_assert!(count(spread.p90) * 10 >= values.len() * 9);
            prop_assert!(values.iter().filter(|value| **value < spread.p90).count() * 10 < values.len() * 9);
            prop_assert!(count(spread.median) * 2 >= values.len());
        }
    }
}
