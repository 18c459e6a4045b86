//! The outcome of every query, as a table; what intervals are made from.

use std::collections::BTreeMap;
use std::path::Path;

use hit_schema::{RankRow, SplitIndex};

use crate::{Error, Pool, Rank, UnitVectors, rank};

/// Ranks of one query in both directions.
#[derive(Clone, PartialEq, Debug)]
pub struct Ranked {
    /// Window asked for.
    pub window: usize,
    /// Performance it belongs to: the unit of the bootstrap.
    pub performance: String,
    /// Rank of the right MIDI for the audio.
    pub a2m: Rank,
    /// Rank of the right audio for the MIDI.
    pub m2a: Rank,
}

impl Ranked {
    /// Ranks the right answers of all pools.
    pub fn all(pools: &[Pool], index: &SplitIndex, vectors: &UnitVectors) -> Vec<Self> {
        let windows = index.windows();
        let one = |pool: &Pool| Self {
            window: pool.query,
            performance: index.performances[windows[pool.query].0].id.clone(),
            a2m: rank(pool, |item| vectors.cosine(pool.query, item)),
            m2a: rank(pool, |item| vectors.cosine(item, pool.query)),
        };
        pools.iter().map(one).collect()
    }

    /// The row of `ranks`.
    pub fn to_row(&self) -> RankRow {
        RankRow {
            window: self.window,
            performance: self.performance.clone(),
            rank_a2m: self.a2m.mean,
            rank_m2a: self.m2a.mean,
            ties_a2m: self.a2m.ties,
            ties_m2a: self.m2a.ties,
        }
    }

    /// Reads a file of [`RankRow`]s.
    ///
    /// # Errors
    /// [`Error::Schema`] with the line, [`Error::Ranks`] if a rank cannot be.
    pub fn read(path: &Path) -> Result<Vec<Self>, Error> {
        let mut rows = Vec::new();
        for row in RankRow::read(path)? {
            let (a2m, m2a) =
                (Rank { mean: row.rank_a2m, ties: row.ties_a2m }, Rank { mean: row.rank_m2a, ties: row.ties_m2a });
            for rank in [a2m, m2a] {
                if !rank.mean.is_finite() || rank.ties == 0 || rank.mean - (rank.ties as f64 - 1.0) / 2.0 < 1.0 {
                    let what = "no rank is the mean of that many ranks from 1 on";
                    let what = format!("window {}: rank {}, ties {}: {what}", row.window, rank.mean, rank.ties);
                    return Err(Error::Ranks { path: path.to_owned(), what });
                }
            }
            rows.push(Self { window: row.window, performance: row.performance, a2m, m2a });
        }
        Ok(rows)
    }
}

/// Per performance: hits at `k` from audio to MIDI, from MIDI to audio, and the number of queries.
pub fn totals(ranked: &[Ranked], k: usize) -> BTreeMap<&str, [f64; 3]> {
    let mut totals = BTreeMap::new();
    for row in ranked {
        let sums: &mut [f64; 3] = totals.entry(row.performance.as_str()).or_default();
        for (sum, value) in sums.iter_mut().zip([row.a2m.hit(k), row.m2a.hit(k), 1.0]) {
            *sum += value;
        }
    }
    totals
}

/// S, percent, from totals at k = 10 added over performances; not a number if there is no query.
pub fn s_of_totals(totals: &[f64]) -> f64 {
    100.0 * totals[0].min(totals[1]) / totals[2]
}
