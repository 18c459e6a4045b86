//! Descriptor D4: the intervals between a note and its neighbours.

use hit_schema::Token;

use crate::examine::{Examination, Look, Metric, Reduce, Tally};
use crate::{Compute, Descriptor, Rows, Variant};

/// Values per note.
pub const DIMS: usize = 4;

/// D4 in the list of descriptors.
pub const DESCRIPTOR: Descriptor = Descriptor {
    id: "d4",
    title: "local pitch intervals",
    dims: DIMS,
    rows: Rows::Notes,
    shape: "notes x 4",
    source: "§3.4.2, Eq. 6",
    formula: "with Δ⁻, Δ⁺ the steps from the last and to the next note: Δ⁻/24, Δ⁺/24, clamp(Δ⁻/12, ±2)/2, clamp(Δ⁺/12, ±2)/2",
    compute: Compute::Midi(d4),
    examine: Some(Examination {
        metrics: &[Metric {
            name: "repeated_share",
            unit: "",
            reduce: Reduce::Mean,
            meaning: "share of the notes whose features 3 and 4 equal 1 and 2 as numbers",
        }],
        look: Look::Features(repeated),
    }),
};

/// Local pitch intervals of one segment (descriptor D4).
///
/// Source: §3.4.2, Eq. 6; spec 2. The paper and the code behind its numbers agree, so both variants are the same.
///
/// # Shapes and units
/// `tokens`: `[n_notes]`, sorted by (onset, pitch). Returns `[n_notes, 4]`, row-major, in units of two octaves:
/// (Δ⁻/24, Δ⁺/24, clamp(Δ⁻/12, −2, 2)/2, clamp(Δ⁺/12, −2, 2)/2). The first note has no Δ⁻ and the last no Δ⁺: 0.
/// # Choices
/// Features 3 and 4 equal 1 and 2 clamped to ±1, so they differ for leaps beyond two octaves only; kept as printed.
pub fn d4(tokens: &[Token], _: Variant) -> Vec<f32> {
    let step = |from: Option<&Token>, to: Option<&Token>| match (from, to) {
        (Some(from), Some(to)) => f64::from(to.pitch) - f64::from(from.pitch),
        _ => 0.0,
    };
    let features = |i: usize| {
        let before = step(i.checked_sub(1).map(|j| &tokens[j]), tokens.get(i));
        let after = step(tokens.get(i), tokens.get(i + 1));
        let clamped = |semitones: f64| (semitones / 12.0).clamp(-2.0, 2.0) / 2.0;
        [before / 24.0, after / 24.0, clamped(before), clamped(after)]
    };
    (0..tokens.len()).flat_map(features).map(|value| value as f32).collect()
}

fn repeated(features: &[f32]) -> Vec<Tally> {
    let notes = features.chunks_exact(DIMS);
    let n = notes.len() as u64;
    vec![Tally::share(notes.filter(|note| note[..2] == note[2..]).count() as u64, n)]
}
