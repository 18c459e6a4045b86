//! Pools, ranks, scores and the stages, on splits and embeddings made by hand.

mod formulas;
mod pools;
mod stages;

use hit_schema::{AudioSource, Embeddings, Performance, SplitIndex, WindowSpec};
use hit_stage::Digest;

use crate::{RetrievalSpec, UnitVectors};

fn spec() -> RetrievalSpec {
    RetrievalSpec {
        n_queries: 60,
        pool_size: 40,
        n_hard: 10,
        n_semi_hard: 6,
        seed: 42,
        hard_trials: 200,
        hard_min_windows: 5,
    }
}

/// A split with performances of these composers and numbers of windows, named `p00`, `p01`, ...
fn split(performances: &[(&str, usize)]) -> SplitIndex {
    let performance = |(i, &(composer, n_windows)): (usize, &(&str, usize))| Performance {
        id: format!("p{i:02}"),
        composer: composer.to_owned(),
        title: String::new(),
        split: "validation".to_owned(),
        year: None,
        duration_s: 4.0,
        n_windows,
        n_notes: 1,
        audio: AudioSource::Synthetic,
        midi_sha256: Digest::of(b"m"),
        audio_sha256: Digest::of(b"a"),
        skipped: None,
    };
    let windows = WindowSpec { sample_rate_hz: 100, window_s: 4.0, hop_s: 1.0, max_windows: 100, max_notes: 8 };
    let performances = performances.iter().enumerate().map(performance).collect();
    SplitIndex { split: "validation".to_owned(), windows, performances }
}

/// 120 windows: two composers with three performances each, and one that was skipped.
fn usual() -> SplitIndex {
    split(&[("x", 30), ("y", 20), ("x", 10), ("x", 0), ("y", 25), ("x", 5), ("y", 30)])
}

/// Noise in −1..1, the same for the same seed.
fn noise(n: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (f64::from(state) / 2_147_483_648.0 - 1.0) as f32
    };
    (0..n).map(|_| next()).collect()
}

fn embeddings(index: &SplitIndex, epoch: usize, dims: usize, audio: Vec<f32>, midi: Vec<f32>) -> Embeddings {
    assert_eq!(audio.len(), index.n_windows() * dims);
    Embeddings { split: index.split.clone(), epoch, dims, audio, midi }
}

fn vectors(index: &SplitIndex, dims: usize, audio: Vec<f32>, midi: Vec<f32>) -> UnitVectors {
    UnitVectors::new(&embeddings(index, 1, dims, audio, midi), index, "e001.safetensors").unwrap()
}
