//! Ranks, and the scores that follow from them.

use serde::{Deserialize, Serialize};

use crate::{Pool, Ranked};

/// The k of R@k.
pub const KS: [usize; 4] = [1, 5, 10, 20];

/// Rank of the right answer among its candidates, 1 is best.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Rank {
    /// Mean rank of the block of candidates with the same similarity.
    pub mean: f64,
    /// Size of the block; 1 if nothing is tied.
    pub ties: usize,
}

impl Rank {
    /// Best rank of the block.
    fn first(self) -> f64 {
        self.mean - (self.ties as f64 - 1.0) / 2.0
    }

    /// Whether the rank is within `k`: 0 or 1, and for ties the share of the block that is.
    ///
    /// That is the expectation over the orders of the block. A model that has collapsed to one point so scores
    /// exactly chance, not nothing and not everything (spec 9.3).
    pub fn hit(self, k: usize) -> f64 {
        ((k as f64 - self.first() + 1.0) / self.ties as f64).clamp(0.0, 1.0)
    }

    /// 1 / rank, for ties its mean over the block.
    pub fn reciprocal(self) -> f64 {
        let first = self.first();
        (0..self.ties).map(|i| 1.0 / (first + i as f64)).sum::<f64>() / self.ties as f64
    }
}

/// Rank of the right answer by falling similarity (spec 9.3).
///
/// `similarity` is called with each candidate of the pool.
pub fn rank(pool: &Pool, mut similarity: impl FnMut(usize) -> f64) -> Rank {
    let right = similarity(pool.items[pool.positive]);
    let (mut greater, mut ties) = (0, 1);
    for (place, &item) in pool.items.iter().enumerate() {
        if place == pool.positive {
            continue;
        }
        let other = similarity(item);
        greater += usize::from(other > right);
        ties += usize::from(other == right);
    }
    Rank { mean: 1.0 + greater as f64 + (ties as f64 - 1.0) / 2.0, ties }
}

/// Scores of one direction.
#[derive(Clone, PartialEq, Debug)]
pub struct Direction {
    /// R@k for [`KS`], percent.
    pub r: [f64; 4],
    /// Mean reciprocal rank, 0..=1.
    pub mrr: f64,
    /// Mean rank, zero-based as published: 0 if every right answer comes first.
    pub mean_rank: f64,
}

/// Scores of both directions.
#[derive(Clone, PartialEq, Debug)]
pub struct Scores {
    /// Audio asks, MIDI answers.
    pub a2m: Direction,
    /// MIDI asks, audio answers.
    pub m2a: Direction,
}

impl Scores {
    /// S: the smaller of the two R@10, percent (§3.7).
    pub fn s(&self) -> f64 {
        self.a2m.r[2].min(self.m2a.r[2])
    }
}

/// Scores of ranked queries (spec 9.3).
pub fn scores(ranked: &[Ranked]) -> Scores {
    let direction = |of: fn(&Ranked) -> Rank| {
        let mean = |f: &dyn Fn(Rank) -> f64| ranked.iter().map(|row| f(of(row))).sum::<f64>() / ranked.len() as f64;
        Direction {
            r: KS.map(|k| mean(&|rank| 100.0 * rank.hit(k))),
            mrr: mean(&Rank::reciprocal),
            mean_rank: mean(&|rank| rank.mean - 1.0),
        }
    };
    Scores { a2m: direction(|row| row.a2m), m2a: direction(|row| row.m2a) }
}
