//! Hard-negative accuracies: one right answer against one wrong one.

use hit_schema::SplitIndex;
use rand::RngExt;

use crate::pools::{ranges, stream};
use crate::{Error, RetrievalSpec, UnitVectors};

/// A query and two wrong answers; all are windows of the split.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HardDraw {
    /// Window asked for.
    pub query: usize,
    /// Another window of its performance.
    pub same_piece: usize,
    /// A window of another performance.
    pub random: usize,
}

/// Shares of draws in which the right answer beats the wrong one, percent.
///
/// The paper's Table 2 prints the first and its Table 5 the second under one name (I 2.2).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct HardAccuracy {
    /// Against another window of the same performance.
    pub same_piece: f64,
    /// Against a window of another performance.
    pub random: f64,
}

/// Draws the triples, with replacement (spec 9.4).
///
/// # Errors
/// [`Error::Spec`], [`Error::NoHardNegatives`].
/// # Choices
/// The performance is uniform among those with `hard_min_windows`, the windows are uniform among those allowed.
pub fn draw_hard(index: &SplitIndex, spec: &RetrievalSpec) -> Result<Vec<HardDraw>, Error> {
    spec.check()?;
    let ranges = ranges(index);
    let n_windows = index.n_windows();
    let eligible: Vec<_> =
        ranges.iter().filter(|own| own.len() >= spec.hard_min_windows && own.len() < n_windows).collect();
    if eligible.is_empty() {
        return Err(Error::NoHardNegatives { split: index.split.clone(), min_windows: spec.hard_min_windows });
    }
    let mut rng = stream(spec, "hard negatives");
    let mut draw = || {
        let own = eligible[rng.random_range(0..eligible.len())];
        let query = rng.random_range(own.clone());
        // Counted without the query, and without the performance.
        let same_piece = rng.random_range(own.start..own.end - 1);
        let random = rng.random_range(0..n_windows - own.len());
        HardDraw {
            query,
            same_piece: same_piece + usize::from(same_piece >= query),
            random: if random < own.start { random } else { random + own.len() },
        }
    };
    Ok((0..spec.hard_trials).map(|_| draw()).collect())
}

/// Shares of draws with cos(audio, right MIDI) > cos(audio, wrong MIDI), percent (spec 9.4).
///
/// # Choices
/// A tie counts half, so that a collapsed model scores 50 %.
pub fn hard_accuracy(draws: &[HardDraw], vectors: &UnitVectors) -> HardAccuracy {
    let won = |query: usize, wrong: usize| {
        let (right, wrong) = (vectors.cosine(query, query), vectors.cosine(query, wrong));
        f64::midpoint(f64::from(u8::from(right > wrong)), f64::from(u8::from(right >= wrong)))
    };
    let share = |wrong: fn(&HardDraw) -> usize| {
        100.0 * draws.iter().map(|draw| won(draw.query, wrong(draw))).sum::<f64>() / draws.len() as f64
    };
    HardAccuracy { same_piece: share(|draw| draw.same_piece), random: share(|draw| draw.random) }
}
