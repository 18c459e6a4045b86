//! Compositions that are in more than one split.

use hit_corpus::{Listed, composition};

use crate::report::Overlap;

/// The compositions of [`composition::overlaps`], with the ids of their performances.
pub(crate) fn overlaps(rows: &[Listed]) -> Vec<Overlap> {
    let told = |found: composition::Overlap| {
        let (splits, members): (Vec<String>, Vec<Vec<usize>>) = found.splits.into_iter().unzip();
        let performances = members.into_iter().flatten().map(|place| rows[place].id.clone()).collect();
        Overlap { composition: found.name, splits, performances }
    };
    composition::overlaps(rows).into_iter().map(told).collect()
}
