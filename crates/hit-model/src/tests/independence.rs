//! An embedding does not depend on the other items of its batch (spec section 12).

use proptest::prelude::*;

use super::support::*;
use crate::*;

fn embedded(batch: &HostBatch) -> (Vec<f32>, Vec<f32>) {
    let model = d0::FAMILY.model(&small(), &d0()).unwrap();
    let weights = formula_weights(&declarations(&*model));
    let outputs = model.forward(&Pass::evaluation(&weights), &batch.clone().upload(&cpu()));
    (host(outputs.audio), host(outputs.midi))
}

fn alone(batch: &HostBatch, w: usize) -> HostBatch {
    let n = batch.n_samples;
    HostBatch {
        windows: vec![w],
        audio: batch.audio[w * n..(w + 1) * n].to_vec(),
        tokens: vec![batch.tokens[w].clone()],
        ..batch.clone()
    }
}

fn assert_rows(whole: &[f32], row: &[f32], w: usize) {
    let expected: Vec<f64> = whole[w * row.len()..(w + 1) * row.len()].iter().map(|&v| f64::from(v)).collect();
    // Only the order of sums may differ.
    close("row", row, &expected, 3e-6);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn rows_are_those_of_batches_of_one(lengths in proptest::collection::vec(1usize..40, 2..5), phase in 0u8..20) {
        let name = format!("audio{phase}");
        let token = |w: usize, i: usize| hit_schema::Token {
            pitch: ((w * 31 + i * 7) % 128) as u8,
            velocity: ((w * 5 + i * 3) % 128) as u8,
            duration: ((w + i) % 32) as u8,
        };
        let batch = HostBatch {
            windows: (0..lengths.len()).collect(),
            audio: wave(&name, 400 * lengths.len()),
            tokens: lengths.iter().enumerate().map(|(w, &n)| (0..n).map(|i| token(w, i)).collect()).collect(),
            ..golden_batch()
        };
        let (audio, midi) = embedded(&batch);
        for w in 0..lengths.len() {
            let (a, m) = embedded(&alone(&batch, w));
            assert_rows(&audio, &a, w);
            assert_rows(&midi, &m, w);
        }
    }
}

#[test]
fn notes_and_audio_matter() {
    let batch = golden_batch();
    let (audio, midi) = embedded(&batch);
    let mut other = batch.clone();
    other.tokens[1][6].velocity ^= 64;
    other.audio[10] += 0.5;
    let (audio2, midi2) = embedded(&other);
    assert_eq!((&midi[..5], &audio[5..]), (&midi2[..5], &audio2[5..]), "the other window is as it was");
    assert_ne!(midi[5..], midi2[5..]);
    assert_ne!(audio[..5], audio2[..5]);
}

#[test]
fn descriptor_rows_are_padded_as_notes_or_not_at_all() {
    let mut batch = golden_batch();
    batch.descriptors.insert("d4".into(), Rows { dims: 1, per_note: true, windows: vec![vec![1.0; 3], vec![2.0; 7]] });
    batch
        .descriptors
        .insert("a4".into(), Rows { dims: 2, per_note: false, windows: vec![vec![1.0; 42], vec![2.0; 42]] });
    let uploaded = batch.clone().upload(&cpu());
    assert_eq!(uploaded.descriptors["d4"].dims(), [2, NOTE_MULTIPLE, 1]);
    assert_eq!(uploaded.descriptors["a4"].dims(), [2, 21, 2]);
    let d4 = host(uploaded.descriptors["d4"].clone());
    assert_eq!(d4, [1., 1., 1., 0., 0., 0., 0., 0., 2., 2., 2., 2., 2., 2., 2., 0.]);
    assert_eq!(host(uploaded.valid), [1., 1., 1., 0., 0., 0., 0., 0., 1., 1., 1., 1., 1., 1., 1., 0.]);
}
