//! Ranks, scores, chance levels: reference vectors, known models, invariances.

use proptest::prelude::*;
use serde::Deserialize;

use super::{embeddings, noise, spec, split, usual, vectors};
use crate::{
    Error, Pool, Rank, Ranked, RetrievalSpec, UnitVectors, chance_r, chance_s, draw_hard, draw_pools, hard_accuracy,
    rank, s_of_totals, scores, totals,
};

/// `tests/golden/retrieval.py` writes it.
#[derive(Deserialize)]
struct Golden {
    pools: Vec<GoldenPool>,
    a2m: GoldenDirection,
    m2a: GoldenDirection,
    chance_s: Vec<(usize, usize, f64)>,
}

#[derive(Deserialize)]
struct GoldenPool {
    query: usize,
    items: Vec<usize>,
    positive: usize,
}

#[derive(Deserialize)]
struct GoldenDirection {
    ranks: Vec<f64>,
    r: Vec<f64>,
    mrr: f64,
    mean_rank: f64,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/retrieval.json")))
        .unwrap()
}

/// The embeddings of `tests/golden/retrieval.py`.
fn golden_embeddings() -> (Vec<f32>, Vec<f32>) {
    let (mut audio, mut midi) = (Vec::new(), Vec::new());
    for w in 0..40 {
        let source = if w == 11 { 29 } else { w };
        for d in 0..7 {
            let a = |w: f64, d: f64| libm::sin(1.7 * w + 2.3 * d + 0.1 * w * d);
            let (w, source, d) = (f64::from(w), f64::from(source), f64::from(d));
            audio.push(a(w, d) as f32);
            midi.push((a(source, d) + 1.8 * libm::cos(3.1 * source - 1.3 * d + 0.2 * source * d)) as f32);
        }
    }
    (audio, midi)
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[test]
fn ranks_and_scores_agree_with_numpy() {
    let golden = golden();
    let index = split(&[("x", 20), ("y", 20)]);
    let (audio, midi) = golden_embeddings();
    let pools: Vec<Pool> =
        golden.pools.into_iter().map(|p| Pool { query: p.query, items: p.items, positive: p.positive }).collect();
    let ranked = Ranked::all(&pools, &index, &vectors(&index, 7, audio, midi));
    assert!(ranked.iter().any(|row| row.a2m.ties == 2), "the shared embedding ties");
    let scores = scores(&ranked);
    for (name, ours, theirs, ranks) in [
        ("a2m", &scores.a2m, &golden.a2m, ranked.iter().map(|r| r.a2m.mean).collect::<Vec<_>>()),
        ("m2a", &scores.m2a, &golden.m2a, ranked.iter().map(|r| r.m2a.mean).collect()),
    ] {
        assert_eq!(ranks, theirs.ranks, "{name}");
        assert!(ours.r.iter().zip(&theirs.r).all(|(a, b)| close(*a, *b)), "{name}: {:?} and {:?}", ours.r, theirs.r);
        assert!(close(ours.mrr, theirs.mrr) && close(ours.mean_rank, theirs.mean_rank), "{name}");
    }
}

#[test]
fn ranks_are_counted_from_one_and_ties_share() {
    let pool = Pool { query: 0, items: vec![4, 0, 7, 2, 9], positive: 1 };
    let with = |values: [f64; 5]| rank(&pool, |item| values[pool.items.iter().position(|&w| w == item).unwrap()]);
    assert_eq!(with([0.1, 0.9, 0.2, 0.3, 0.4]), Rank { mean: 1.0, ties: 1 });
    assert_eq!(with([0.1, 0.0, 0.2, 0.3, 0.4]), Rank { mean: 5.0, ties: 1 });
    assert_eq!(with([0.9, 0.5, 0.5, 0.1, 0.5]), Rank { mean: 3.0, ties: 3 });
    assert_eq!(with([0.0; 5]), Rank { mean: 3.0, ties: 5 });
}

#[test]
fn tied_ranks_hit_in_part() {
    let tied = Rank { mean: 3.0, ties: 3 };
    assert_eq!([1, 2, 3, 4, 5].map(|k| (tied.hit(k) * 3.0).round() as u32), [0, 1, 2, 3, 3]);
    assert!(close(tied.reciprocal(), (0.5 + 1.0 / 3.0 + 0.25) / 3.0));
    let single = Rank { mean: 10.0, ties: 1 };
    assert_eq!([9, 10, 11].map(|k| single.hit(k)), [0.0, 1.0, 1.0]);
    assert!(close(single.reciprocal(), 0.1));
}

/// Spec 9.5: R@1 0.39, R@5 1.95, R@10 3.91, R@20 7.81 %; S about 3.4 %.
#[test]
fn chance_levels_are_those_of_the_protocol() {
    for (k, expected) in [(1, 0.390_625), (5, 1.953_125), (10, 3.906_25), (20, 7.812_5)] {
        assert_eq!(chance_r(256, k), expected);
    }
    assert!((chance_s(500, 256) - 3.4).abs() < 0.05);
    for (n, pool, expected) in golden().chance_s {
        assert!((chance_s(n, pool) - expected).abs() < 1e-9, "{n} queries, pools of {pool}");
    }
    assert_eq!((chance_r(8, 10), chance_s(20, 10), chance_s(20, 4)), (100.0, 100.0, 100.0));
    // The more queries, the closer the smaller of two is to either.
    assert!(chance_s(13_532, 256) > chance_s(500, 256) && chance_s(13_532, 256) < chance_r(256, 10));
}

#[test]
fn a_perfect_model_scores_100_and_a_reversed_one_0() {
    let index = usual();
    let pools = draw_pools(&index, &spec()).unwrap();
    let audio = noise(120 * 16, 1);
    let perfect = vectors(&index, 16, audio.clone(), audio.iter().map(|v| 3.0 * v).collect());
    let ranked = Ranked::all(&pools, &index, &perfect);
    let (best, hard) = (scores(&ranked), hard_accuracy(&draw_hard(&index, &spec()).unwrap(), &perfect));
    assert_eq!((best.s(), best.a2m.r, best.m2a.mrr, best.a2m.mean_rank), (100.0, [100.0; 4], 1.0, 0.0));
    assert_eq!((hard.same_piece, hard.random), (100.0, 100.0));

    let reversed = vectors(&index, 16, audio.clone(), audio.iter().map(|v| -v).collect());
    let worst = scores(&Ranked::all(&pools, &index, &reversed));
    assert_eq!((worst.s(), worst.a2m.mean_rank), (0.0, 39.0));
    let hard = hard_accuracy(&draw_hard(&index, &spec()).unwrap(), &reversed);
    assert_eq!((hard.same_piece, hard.random), (0.0, 0.0));
}

/// A model that maps everything to one point, or to nothing, knows nothing, and scores exactly that.
#[test]
fn a_collapsed_model_scores_chance() {
    let index = usual();
    let pools = draw_pools(&index, &spec()).unwrap();
    let point: Vec<f32> = (0..120).flat_map(|_| noise(16, 9)).collect();
    for values in [point, vec![0.0; 120 * 16]] {
        let collapsed = vectors(&index, 16, values.clone(), values);
        let scores = scores(&Ranked::all(&pools, &index, &collapsed));
        assert!((scores.s() - chance_r(40, 10)).abs() < 1e-9, "{}", scores.s());
        assert!((scores.a2m.r[0] - chance_r(40, 1)).abs() < 1e-9);
        assert!(close(scores.m2a.mean_rank, 19.5));
        let hard = hard_accuracy(&draw_hard(&index, &spec()).unwrap(), &collapsed);
        assert_eq!((hard.same_piece, hard.random), (50.0, 50.0));
    }
}

/// Spec 9.5: random embeddings score near chance, 3.4 ± 0.7 %; four standard deviations are allowed.
#[test]
fn random_embeddings_score_near_chance() {
    let performances: Vec<_> = (0..20).map(|i| (["x", "y", "z", "w"][i % 4], 60)).collect();
    let index = split(&performances);
    let published = RetrievalSpec { n_queries: 500, pool_size: 256, n_hard: 50, n_semi_hard: 32, ..spec() };
    let pools = draw_pools(&index, &published).unwrap();
    let random = vectors(&index, 32, noise(1_200 * 32, 3), noise(1_200 * 32, 4));
    let scores = scores(&Ranked::all(&pools, &index, &random));
    assert!((scores.s() - 3.4).abs() < 2.8, "{}", scores.s());
    assert!((scores.a2m.mean_rank - 127.5).abs() < 14.0, "{}", scores.a2m.mean_rank);
    let hard = hard_accuracy(&draw_hard(&index, &RetrievalSpec { hard_trials: 2_000, ..published }).unwrap(), &random);
    assert!((hard.same_piece - 50.0).abs() < 5.0 && (hard.random - 50.0).abs() < 5.0, "{hard:?}");
}

#[test]
fn embeddings_of_something_else_are_refused() {
    let index = usual();
    let values = noise(120 * 4, 1);
    let refused = |change: &dyn Fn(&mut hit_schema::Embeddings)| {
        let mut wrong = embeddings(&index, 7, 4, values.clone(), values.clone());
        change(&mut wrong);
        let error = UnitVectors::new(&wrong, &index, "e007.safetensors").unwrap_err();
        assert!(matches!(error, Error::Embeddings { .. }));
        error.to_string()
    };
    assert!(refused(&|e| "train".clone_into(&mut e.split)).contains("split `train`, not `validation`"));
    assert!(refused(&|e| e.dims = 2).contains("240 windows, the split has 120"));
    let diverged = refused(&|e| e.midi[4 * 17 + 1] = f32::NAN);
    assert!(diverged.contains("e007.safetensors") && diverged.contains("midi embedding of window 17"), "{diverged}");
}

fn outcome() -> impl Strategy<Value = Rank> {
    (1usize..250, 1usize..8).prop_map(|(first, ties)| Rank { mean: first as f64 + (ties as f64 - 1.0) / 2.0, ties })
}

fn outcomes() -> impl Strategy<Value = Vec<Ranked>> {
    proptest::collection::vec((outcome(), outcome(), 0usize..6), 1..60).prop_map(|rows| {
        let row = |(window, (a2m, m2a, p))| Ranked { window, performance: format!("p{p}"), a2m, m2a };
        rows.into_iter().enumerate().map(row).collect()
    })
}

proptest! {
    /// S is below both R@10; R@k rises with k; all lie in their ranges.
    #[test]
    fn scores_are_ordered(ranked in outcomes()) {
        let scores = scores(&ranked);
        prop_assert!(scores.s() <= scores.a2m.r[2] && scores.s() <= scores.m2a.r[2]);
        for direction in [&scores.a2m, &scores.m2a] {
            prop_assert!(direction.r.is_sorted() && direction.r[0] >= 0.0 && direction.r[3] <= 100.0 + 1e-9);
            prop_assert!(direction.mrr > 0.0 && direction.mrr <= 1.0 && direction.mean_rank >= 0.0);
            prop_assert!(direction.r[0] / 100.0 <= direction.mrr + 1e-12);
        }
    }

    /// Totals by performance lose nothing: S from them is S; so is S of the rows in any order.
    #[test]
    fn totals_give_the_same_s(ranked in outcomes()) {
        let mut sum = [0.0; 3];
        for totals in totals(&ranked, 10).values() {
            sum.iter_mut().zip(totals).for_each(|(s, v)| *s += v);
        }
        prop_assert!(close(s_of_totals(&sum), scores(&ranked).s()));
        let reversed: Vec<_> = ranked.iter().rev().cloned().collect();
        prop_assert!(close(scores(&reversed).s(), scores(&ranked).s()));
    }

    /// The place of candidates in a pool plays no part.
    #[test]
    fn the_order_of_a_pool_does_not_matter(values in proptest::collection::vec(0u8..20, 2..40), turn in 0usize..40) {
        let items: Vec<usize> = (0..values.len()).collect();
        let mut turned = items.clone();
        turned.rotate_left(turn % items.len());
        let positive = turned.iter().position(|&w| w == 0).unwrap();
        let similarity = |item: usize| f64::from(values[item]);
        let straight = rank(&Pool { query: 0, items, positive: 0 }, similarity);
        prop_assert_eq!(straight, rank(&Pool { query: 0, items: turned, positive }, similarity));
        // By its definition: better ones, and half of the equal ones.
        let better = values.iter().filter(|v| **v > values[0]).count() as f64;
        prop_assert!(straight.mean >= better + 1.0 && straight.mean <= better + straight.ties as f64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Ranks depend on angles only: a common permutation of dimensions, sign flips and gains of single embeddings
    /// change nothing; exchanging the sides exchanges the directions.
    #[test]
    fn ranks_depend_on_angles_only(seed in 0u32..1000, gain in 0.01f32..100.0, turn in 0usize..8) {
        let index = usual();
        let pools = draw_pools(&index, &spec()).unwrap();
        let (audio, midi) = (noise(960, seed), noise(960, seed + 5_000));
        let before = Ranked::all(&pools, &index, &vectors(&index, 8, audio.clone(), midi.clone()));
        let change = |values: &[f32], gain: f32| -> Vec<f32> {
            values.chunks_exact(8).flat_map(|v| {
                let mut v: Vec<f32> = v.iter().map(|x| -x * gain).collect();
                v.rotate_left(turn);
                v
            }).collect()
        };
        let after = Ranked::all(&pools, &index, &vectors(&index, 8, change(&audio, gain), change(&midi, 1.0)));
        prop_assert_eq!(&before, &after);
        let exchanged = Ranked::all(&pools, &index, &vectors(&index, 8, midi, audio));
        for (a, b) in before.iter().zip(&exchanged) {
            prop_assert_eq!((a.a2m, a.m2a), (b.m2a, b.a2m));
        }
    }
}
