//! The search of GRIMMER against brute force.

use proptest::prelude::*;

use crate::search::{Answer, Wanted, search};

/// All sorted lists of `n` numbers of `lo..=hi`.
fn lists(n: usize, lo: i128, hi: i128) -> Vec<Vec<i128>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let shorter = lists(n - 1, lo, hi);
    let grow = |list: &Vec<i128>| {
        let from = list.last().copied().unwrap_or(lo);
        (from..=hi).map(|next| [list.clone(), vec![next]].concat()).collect::<Vec<_>>()
    };
    shorter.iter().flat_map(grow).collect()
}

fn fits(list: &[i128], wanted: &Wanted) -> bool {
    let (sum, squares) = (list.iter().sum::<i128>(), list.iter().map(|x| x * x).sum::<i128>());
    let mut left = list.to_vec();
    let has_all = wanted.must.iter().all(|value| match left.iter().position(|x| x == value) {
        Some(at) => {
            left.remove(at);
            true
        }
        None => false,
    });
    list.len() == wanted.n
        && has_all
        && list.iter().all(|value| wanted.values.contains(value))
        && wanted.sum.contains(&sum)
        && wanted.spread.contains(&(wanted.n as i128 * squares - sum * sum))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn the_search_agrees_with_trying_all(
        n in 1_usize..5, lo in -6_i128..3, width in 0_i128..8, sum in -20_i128..20, sums in 0_i128..3,
        spread in 0_i128..200, spreads in 0_i128..12, must in prop::collection::vec(-7_i128..9, 0..3),
    ) {
        let wanted = Wanted { n, values: lo..=lo + width, must, sum: sum..=sum + sums, spread: spread..=spread + spreads };
        let exists = lists(n, lo, lo + width).iter().any(|list| fits(list, &wanted));
        match search(&wanted) {
            Answer::Found(list) => prop_assert!(fits(&list, &wanted), "{list:?} {wanted:?}"),
            Answer::None => prop_assert!(!exists, "{wanted:?}"),
            Answer::TooLarge => prop_assert!(false, "{wanted:?}"),
        }
    }

    #[test]
    fn what_real_numbers_give_is_found(values in prop::collection::vec(0_i128..500, 2..7)) {
        let n = values.len() as i128;
        let (sum, squares) = (values.iter().sum::<i128>(), values.iter().map(|x| x * x).sum::<i128>());
        let spread = n * squares - sum * sum;
        let (min, max) = (*values.iter().min().unwrap(), *values.iter().max().unwrap());
        let must = if min == max { vec![min] } else { vec![min, max] };
        let wanted = Wanted { n: values.len(), values: min..=max, must, sum: sum..=sum, spread: spread..=spread };
        match search(&wanted) {
            Answer::Found(list) => prop_assert!(fits(&list, &wanted)),
            Answer::TooLarge => {}
            Answer::None => prop_assert!(false, "{values:?}"),
        }
    }
}

/// Every sum and every spread that up to five small numbers could be asked for.
#[test]
fn the_search_agrees_with_trying_all_small_numbers() {
    let (lo, hi) = (-2_i128, 3_i128);
    for n in 1..=5 {
        let all = lists(n, lo, hi);
        let sums = lo * n as i128 - 1..=hi * n as i128 + 1;
        for (sum, from) in sums.flat_map(|sum| (0..60).map(move |from| (sum, from * 3))) {
            for width in [0, 4] {
                let wanted = Wanted { n, values: lo..=hi, must: vec![], sum: sum..=sum, spread: from..=from + width };
                let exists = all.iter().any(|list| fits(list, &wanted));
                match search(&wanted) {
                    Answer::Found(list) => assert!(fits(&list, &wanted), "{list:?} {wanted:?}"),
                    Answer::None => assert!(!exists, "{wanted:?}"),
                    Answer::TooLarge => panic!("{wanted:?}"),
                }
            }
        }
    }
}

#[test]
fn a_search_that_would_take_too_long_is_given_up() {
    // an odd sum of squares next to an even sum: none fits, and only trying all would tell
    let wanted = Wanted { n: 12, values: -5000..=5000, must: vec![], sum: 0..=0, spread: 12_000_001..=12_000_011 };
    assert!(matches!(search(&wanted), Answer::TooLarge | Answer::None));
    let wanted = Wanted { n: 9, values: -400..=400, must: vec![], sum: 0..=0, spread: 9 * 50_001..=9 * 50_001 };
    assert!(matches!(search(&wanted), Answer::TooLarge | Answer::None));
}

#[test]
fn impossible_demands_are_answered() {
    let base = Wanted { n: 2, values: 0..=9, must: vec![], sum: 4..=4, spread: 0..=100 };
    assert!(matches!(search(&base), Answer::Found(_)));
    assert_eq!(search(&Wanted { must: vec![1, 1, 2], ..base.clone() }), Answer::None, "more values than there are");
    assert_eq!(search(&Wanted { must: vec![10], ..base.clone() }), Answer::None, "a value outside");
    assert_eq!(search(&Wanted { must: vec![1, 3], ..base.clone() }), Answer::Found(vec![1, 3]));
    assert_eq!(search(&Wanted { must: vec![1, 2], ..base.clone() }), Answer::None, "another sum");
    assert_eq!(search(&Wanted { spread: 2..=3, ..base }), Answer::None, "2Σx² − 16 is a square of an even number");
}
