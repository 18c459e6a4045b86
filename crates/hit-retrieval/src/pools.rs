//! Which windows are asked for, and among which candidates.

use std::ops::Range;

use hit_schema::SplitIndex;
use hit_stage::Seed;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Error, RetrievalSpec};

/// One query and its candidates; both directions use the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pool {
    /// Window asked for.
    pub query: usize,
    /// Candidates: windows of the split, the query itself among them.
    pub items: Vec<usize>,
    /// Place of the right answer in `items`.
    pub positive: usize,
}

/// Windows of each performance of a split.
pub(crate) fn ranges(index: &SplitIndex) -> Vec<Range<usize>> {
    let next = |start: &mut usize, n: usize| {
        let range = *start..*start + n;
        *start = range.end;
        Some(range)
    };
    index.performances.iter().map(|p| p.n_windows).scan(0, next).collect()
}

/// The generator of one stream of the evaluation.
pub(crate) fn stream(spec: &RetrievalSpec, label: &str) -> ChaCha8Rng {
    ChaCha8Rng::from_seed(Seed::derive(spec.seed, "retrieve", label).bytes())
}

/// Draws queries and pools: a function of the split and the parameters only, never of a model (spec 9.2).
///
/// Per query, in order: windows of its performance (up to `n_hard`), of other performances of its composer (up to
/// `n_semi_hard`), and as many other windows outside its performance as fill the pool. The right answer is put at a
/// random place.
///
/// # Errors
/// [`Error::Spec`], [`Error::TooFewWindows`], [`Error::SmallPool`].
/// # Choices
/// Each query has its own stream of random numbers, named by its window. A pool is never smaller than asked for,
/// since that would raise the chance level unseen.
pub fn draw_pools(index: &SplitIndex, spec: &RetrievalSpec) -> Result<Vec<Pool>, Error> {
    spec.check()?;
    let windows = index.windows();
    if windows.len() < spec.n_queries {
        let (split, n_queries) = (index.split.clone(), spec.n_queries);
        return Err(Error::TooFewWindows { split, windows: windows.len(), n_queries });
    }
    let ranges = ranges(index);
    let queries = sample(&mut stream(spec, "queries"), (0..windows.len()).collect(), spec.n_queries);
    queries.into_iter().map(|query| pool(index, spec, &ranges, query, windows[query].0)).collect()
}

fn pool(
    index: &SplitIndex,
    spec: &RetrievalSpec,
    ranges: &[Range<usize>],
    query: usize,
    performance: usize,
) -> Result<Pool, Error> {
    let mut rng = stream(spec, &format!("pool of window {query}"));
    let own = ranges[performance].clone();
    let composer = &index.performances[performance].composer;
    let same_composer = |p: usize| p != performance && index.performances[p].composer == *composer;

    let mut items = sample(&mut rng, own.clone().filter(|&w| w != query).collect(), spec.n_hard);
    let related = (0..ranges.len()).filter(|&p| same_composer(p)).flat_map(|p| ranges[p].clone()).collect();
    let mut semi_hard = sample(&mut rng, related, spec.n_semi_hard);
    items.append(&mut semi_hard.clone());

    semi_hard.sort_unstable();
    let n_windows = ranges.last().map_or(0, |range| range.end);
    let fresh = |w: &usize| !own.contains(w) && semi_hard.binary_search(w).is_err();
    let others: Vec<usize> = (0..n_windows).filter(fresh).collect();
    let missing = spec.pool_size - 1 - items.len();
    if others.len() < missing {
        return Err(Error::SmallPool {
            split: index.split.clone(),
            performance: index.performances[performance].id.clone(),
            possible: items.len() + others.len() + 1,
            pool_size: spec.pool_size,
        });
    }
    items.append(&mut sample(&mut rng, others, missing));
    let positive = rng.random_range(0..=items.len());
    items.insert(positive, query);
    Ok(Pool { query, items, positive })
}

/// `n` of `candidates`, or all if there are fewer, in random order.
fn sample(rng: &mut ChaCha8Rng, mut candidates: Vec<usize>, n: usize) -> Vec<usize> {
    let n = n.min(candidates.len());
    for i in 0..n {
        let j = rng.random_range(i..candidates.len());
        candidates.swap(i, j);
    }
    candidates.truncate(n);
    candidates
}
