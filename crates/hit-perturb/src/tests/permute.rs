//! Orders: permutations inside batches, and derangements.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::draw::{Normal, stream};
use crate::permute::{derangement, within_batches};

fn is_permutation(source: &[usize]) -> bool {
    let mut sorted = source.to_vec();
    sorted.sort_unstable();
    sorted.into_iter().eq(0..source.len())
}

/// Performances one after another, `sizes` windows each.
fn groups(sizes: &[usize]) -> Vec<usize> {
    sizes.iter().enumerate().flat_map(|(group, &n)| std::iter::repeat_n(group, n)).collect()
}

/// A change here is another published number: it must not happen by accident.
#[test]
fn orders_and_draws_are_pinned() {
    assert_eq!(within_batches(8, 5, |batch| stream(42, &format!("batch {batch}"))), PINNED_BATCHES);
    assert_eq!(derangement(&groups(&[3, 2, 1]), &mut stream(42, "order")).unwrap(), PINNED_DERANGEMENT);
    let mut normal = Normal::new(42, "noise");
    assert_eq!([normal.next(), normal.next(), normal.next()], PINNED_NORMAL);
}

const PINNED_BATCHES: [usize; 8] = [2, 0, 3, 4, 1, 5, 7, 6];
const PINNED_DERANGEMENT: [usize; 6] = [5, 3, 4, 0, 2, 1];
const PINNED_NORMAL: [f64; 3] = [0.620_080_083_196_394_3, 0.695_575_929_544_017_4, -0.469_107_121_735_103_66];

/// All 44 derangements of five points come up; the share of each is not far from even.
#[test]
fn every_derangement_is_possible() {
    let mut seen: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
    for i in 0..8_800 {
        let order = derangement(&[0, 1, 2, 3, 4], &mut stream(i, "order")).unwrap();
        *seen.entry(order).or_default() += 1;
    }
    assert_eq!(seen.len(), 44);
    assert!(seen.values().all(|n| (100..=400).contains(n)), "{seen:?}");
}

/// The draws are normal: mean, variance, kurtosis, and the share beyond two, each within five standard errors.
#[test]
fn draws_are_normal() {
    let n = 100_000;
    let mut normal = Normal::new(7, "test");
    let draws: Vec<f64> = (0..n).map(|_| normal.next()).collect();
    let mean = |f: &dyn Fn(f64) -> f64| draws.iter().map(|&z| f(z)).sum::<f64>() / f64::from(n);
    let near = |value: f64, expected: f64, variance: f64| {
        assert!((value - expected).abs() < 5.0 * (variance / f64::from(n)).sqrt(), "{value}, expected {expected}");
    };
    near(mean(&|z| z), 0.0, 1.0);
    near(mean(&|z| z * z), 1.0, 2.0);
    near(mean(&|z| z * z * z * z), 3.0, 96.0);
    let beyond = 0.045_500_263_896;
    near(mean(&|z| f64::from(u8::from(z.abs() > 2.0))), beyond, beyond * (1.0 - beyond));
    // Neighbours come from one pair of uniform draws: they must not be related.
    let pairs: f64 = draws.chunks_exact(2).map(|pair| pair[0] * pair[1]).sum();
    near(2.0 * pairs / f64::from(n), 0.0, 2.0);
}

proptest! {
    #[test]
    fn orders_stay_within_their_batches(seed: u64, n in 0usize..200, batch_size in 2usize..40) {
        let source = within_batches(n, batch_size, |batch| stream(seed, &format!("batch {batch}")));
        prop_assert!(is_permutation(&source));
        prop_assert!(source.iter().enumerate().all(|(w, from)| w / batch_size == from / batch_size));
    }

    /// No window keeps to its group, each is used once; it exists exactly if no group is larger than the rest.
    #[test]
    fn derangements_leave_the_group(seed: u64, sizes in proptest::collection::vec(0usize..30, 0..8)) {
        let groups = groups(&sizes);
        let largest = sizes.iter().copied().max().unwrap_or(0);
        match derangement(&groups, &mut stream(seed, "order")) {
            Ok(source) => {
                prop_assert!(is_permutation(&source));
                prop_assert!(source.iter().zip(&groups).all(|(&from, group)| groups[from] != *group));
                prop_assert!(2 * largest <= groups.len());
            }
            Err(found) => {
                prop_assert_eq!(found, largest);
                prop_assert!(2 * largest > groups.len());
            }
        }
    }

    /// The tightest case: two groups of one size, where every window of one has to go to the other.
    #[test]
    fn two_equal_groups_change_places(seed: u64, n in 1usize..60) {
        let source = derangement(&groups(&[n, n]), &mut stream(seed, "order")).unwrap();
        prop_assert!(is_permutation(&source));
        prop_assert!(source.iter().enumerate().all(|(w, &from)| (w < n) != (from < n)));
    }
}
