//! Which window gets the descriptor of which.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// A random order inside each batch of `batch_size` consecutive windows (the last may be shorter): source of every
/// window.
///
/// A window may keep its own. `rng` gives the stream of each batch.
pub(crate) fn within_batches(n: usize, batch_size: usize, rng: impl Fn(usize) -> ChaCha8Rng) -> Vec<usize> {
    let mut source: Vec<usize> = (0..n).collect();
    for (batch, windows) in source.chunks_mut(batch_size).enumerate() {
        windows.shuffle(&mut rng(batch));
    }
    source
}

/// A random order in which every window gets its descriptor from another group: source of every window.
///
/// `groups` has the group of each window. A shuffle is repaired: each window whose source is of its own group swaps
/// with one that is not of this group and whose source is not either, the first from a random place on.
///
/// # Errors
/// The size of the largest group if it is more than half of all, for then there is no such order.
pub(crate) fn derangement(groups: &[usize], rng: &mut ChaCha8Rng) -> Result<Vec<usize>, usize> {
    let n = groups.len();
    let largest = largest(groups);
    if 2 * largest > n {
        return Err(largest);
    }
    let mut source: Vec<usize> = (0..n).collect();
    source.shuffle(rng);
    for w in 0..n {
        let own = groups[w];
        if groups[source[w]] != own {
            continue;
        }
        let start = rng.random_range(0..n);
        // Of the group's members at least one, the source of `w`, is no source elsewhere, so outside the group, which
        // is at least as large, at least one window has a source from outside.
        let other = (0..n).map(|step| (start + step) % n).find(|&v| groups[v] != own && groups[source[v]] != own);
        source.swap(w, other.expect("a group of at most half leaves a window to swap with"));
    }
    Ok(source)
}

fn largest(groups: &[usize]) -> usize {
    let mut sorted = groups.to_vec();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).map(<[usize]>::len).max().unwrap_or(0)
}
