//! What is drawn, and what is refused.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{spec, split, usual};
use crate::{Error, RetrievalSpec, draw_hard, draw_pools};

#[test]
fn pools_hold_what_the_protocol_says() {
    let index = usual();
    let windows = index.windows();
    let pools = draw_pools(&index, &spec()).unwrap();
    assert_eq!(pools.len(), 60);
    let queries: BTreeSet<_> = pools.iter().map(|pool| pool.query).collect();
    assert_eq!(queries.len(), 60, "no window is asked for twice");
    for pool in &pools {
        assert_eq!(pool.items.len(), 40);
        assert_eq!(pool.items.iter().collect::<BTreeSet<_>>().len(), 40, "no candidate stands twice");
        assert_eq!(pool.items[pool.positive], pool.query);
        let own = windows[pool.query].0;
        let composer = &index.performances[own].composer;
        let hard = pool.items.iter().filter(|&&w| w != pool.query && windows[w].0 == own).count();
        // Performances of 5 windows have 4 others.
        assert_eq!(hard, 10.min(index.performances[own].n_windows - 1));
        let related = |w: usize| windows[w].0 != own && index.performances[windows[w].0].composer == *composer;
        assert!(pool.items.iter().filter(|&&w| related(w)).count() >= 6);
    }
}

/// Without semi-hard negatives only chance brings a composer's other windows in; with them at least that many stand.
#[test]
fn semi_hard_negatives_are_by_the_composer() {
    let index = split(&[("x", 50), ("x", 8), ("y", 400)]);
    let windows = index.windows();
    let related = |spec: &RetrievalSpec| -> Vec<usize> {
        let pools = draw_pools(&index, spec).unwrap();
        let in_first = pools.iter().filter(|pool| windows[pool.query].0 == 0);
        in_first.map(|pool| pool.items.iter().filter(|&&w| windows[w].0 == 1).count()).collect()
    };
    let with = RetrievalSpec { n_queries: 400, n_semi_hard: 8, ..spec() };
    assert!(related(&with).iter().all(|&n| n == 8), "all eight windows by the composer are taken");
    let without = related(&RetrievalSpec { n_semi_hard: 0, ..with });
    assert!(without.iter().sum::<usize>() < 3 * without.len());
}

#[test]
fn where_there_are_too_few_special_negatives_the_rest_is_random() {
    // One performance each, so nothing is semi-hard; two windows each, so one is hard.
    let index = split(&[("a", 2), ("b", 2), ("c", 2), ("d", 2), ("e", 2), ("f", 2)]);
    let small = RetrievalSpec { n_queries: 12, pool_size: 12, n_hard: 6, n_semi_hard: 5, ..spec() };
    for pool in draw_pools(&index, &small).unwrap() {
        assert_eq!(pool.items.iter().collect::<BTreeSet<_>>().len(), 12, "every window stands in the pool");
    }
}

/// The positive must not give itself away by its place.
#[test]
fn the_right_answer_stands_anywhere() {
    let mut counts = [0; 4];
    for seed in 0..20 {
        let pools = draw_pools(&usual(), &RetrievalSpec { seed, ..spec() }).unwrap();
        for pool in pools {
            counts[pool.positive * 4 / pool.items.len()] += 1;
        }
    }
    // 1,200 draws: 300 a quarter, standard deviation 15.
    assert!(counts.iter().all(|n| (240..360).contains(n)), "{counts:?}");
}

#[test]
fn splits_that_are_too_small_say_what_to_lower() {
    let error = draw_pools(&usual(), &RetrievalSpec { n_queries: 121, ..spec() }).unwrap_err();
    assert!(matches!(error, Error::TooFewWindows { windows: 120, n_queries: 121, .. }));
    assert!(error.to_string().contains("`validation` has 120 windows, retrieval.n_queries asks for 121"), "{error}");
    let error = draw_pools(&usual(), &RetrievalSpec { pool_size: 110, ..spec() }).unwrap_err();
    assert!(matches!(error, Error::SmallPool { pool_size: 110, .. }), "{error}");
    // In `p00` 90 windows are outside, 10 hard ones and the right answer come on top.
    let all = RetrievalSpec { n_queries: 120, pool_size: 102, ..spec() };
    let error = draw_pools(&usual(), &all).unwrap_err().to_string();
    assert!(error.contains("can hold 101 windows") && error.contains("retrieval.pool_size asks for 102"), "{error}");
    assert!(draw_pools(&usual(), &RetrievalSpec { pool_size: 101, ..all }).is_ok());
    assert!(matches!(draw_pools(&split(&[]), &spec()), Err(Error::TooFewWindows { windows: 0, .. })));
}

#[test]
fn parameters_are_checked_by_name() {
    for (field, bad) in [
        ("n_queries", RetrievalSpec { n_queries: 0, ..spec() }),
        ("pool_size", RetrievalSpec { pool_size: 1, n_hard: 0, n_semi_hard: 0, ..spec() }),
        ("n_hard + n_semi_hard", RetrievalSpec { n_hard: 34, ..spec() }),
        ("n_hard + n_semi_hard", RetrievalSpec { n_hard: usize::MAX, ..spec() }),
        ("hard_trials", RetrievalSpec { hard_trials: 0, ..spec() }),
        ("hard_min_windows", RetrievalSpec { hard_min_windows: 1, ..spec() }),
    ] {
        let error = draw_pools(&usual(), &bad).unwrap_err().to_string();
        assert!(error.starts_with(&format!("retrieval.{field} is ")), "{error}");
        assert!(draw_hard(&usual(), &bad).is_err());
    }
}

#[test]
fn hard_draws_are_what_they_are_called() {
    let index = usual();
    let windows = index.windows();
    let draws = draw_hard(&index, &RetrievalSpec { hard_trials: 3_000, ..spec() }).unwrap();
    assert_eq!(draws.len(), 3_000);
    let of = |w: usize| windows[w].0;
    for draw in &draws {
        assert!(index.performances[of(draw.query)].n_windows >= 5);
        assert!(draw.same_piece != draw.query && of(draw.same_piece) == of(draw.query));
        assert!(of(draw.random) != of(draw.query));
    }
    let reached = |f: fn(&crate::HardDraw) -> usize| draws.iter().map(f).collect::<BTreeSet<_>>().len();
    assert!([reached(|d| d.query), reached(|d| d.same_piece), reached(|d| d.random)].iter().all(|&n| n == 120));

    let error = draw_hard(&index, &RetrievalSpec { hard_min_windows: 31, ..spec() }).unwrap_err();
    assert!(error.to_string().contains("no performance of 31 windows"), "{error}");
    assert!(matches!(draw_hard(&split(&[("x", 50)]), &spec()), Err(Error::NoHardNegatives { .. })));
}

/// The draws of a seed are part of the results: a new generator, or another order of draws, moves every number.
#[test]
fn a_seed_gives_the_same_draws_for_ever() {
    let pools = draw_pools(&usual(), &spec()).unwrap();
    let queries: Vec<_> = pools[..6].iter().map(|pool| pool.query).collect();
    assert_eq!(
        (queries, pools[0].positive, &pools[0].items[..5]),
        (vec![92, 96, 116, 114, 11, 37], 11, &[116, 99, 97, 109, 102][..])
    );
    let hard = draw_hard(&usual(), &spec()).unwrap()[0];
    assert_eq!((hard.query, hard.same_piece, hard.random), (46, 48, 102));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Any split gives whole pools or a reason; the seed decides, and nothing else does.
    #[test]
    fn pools_are_whole_or_refused(sizes in proptest::collection::vec((0usize..3, 0usize..12), 0..10),
                                  n_queries in 1usize..30, pool_size in 2usize..30, seed: u64) {
        let performances: Vec<_> = sizes.iter().map(|&(composer, n)| (["x", "y", "z"][composer], n)).collect();
        let index = split(&performances);
        let asked = RetrievalSpec { n_queries, pool_size, n_hard: pool_size / 4, n_semi_hard: pool_size / 5, seed, ..spec() };
        match draw_pools(&index, &asked) {
            Err(error) => prop_assert!(matches!(error, Error::TooFewWindows { .. } | Error::SmallPool { .. }), "{error}"),
            Ok(pools) => {
                prop_assert_eq!(pools.len(), n_queries);
                for pool in &pools {
                    let distinct: BTreeSet<_> = pool.items.iter().collect();
                    prop_assert_eq!((distinct.len(), pool.items[pool.positive]), (pool_size, pool.query));
                }
                prop_assert_eq!(&pools, &draw_pools(&index, &asked).unwrap());
            }
        }
    }
}
