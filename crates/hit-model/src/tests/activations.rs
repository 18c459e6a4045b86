//! Means of layers: what they are means of.

use super::support::*;
use crate::*;

/// Layers of a batch by a pass that observes.
fn layers(batch: &HostBatch) -> std::collections::BTreeMap<String, burn::tensor::Tensor<2>> {
    let model = d0::FAMILY.model(&small(), &d0()).unwrap();
    let weights = formula_weights(&declarations(&*model));
    let pass = Pass::evaluation(&weights).observing();
    model.forward(&pass, &batch.clone().upload(&cpu()));
    pass.into_noted().layers
}

#[test]
fn every_layer_is_noted_and_only_a_pass_that_observes_notes() {
    let found = layers(&golden_batch());
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(names, ["audio.0", "audio.1", "midi.0", "midi.0.padded", "midi.1", "midi.1.padded"]);
    assert_eq!((found["audio.1"].dims(), found["midi.0"].dims()), ([2, 8], [2, 6]));
    let model = d0::FAMILY.model(&small(), &d0()).unwrap();
    let weights = formula_weights(&declarations(&*model));
    let pass = Pass::evaluation(&weights);
    model.forward(&pass, &golden_batch().upload(&cpu()));
    assert!(pass.into_noted().layers.is_empty());
}

/// The last layer's mean, headed, is the embedding of the audio side: nothing stands between them.
#[test]
fn the_last_audio_layer_leads_to_the_embedding() {
    let model = d0::FAMILY.model(&small(), &d0()).unwrap();
    let weights = formula_weights(&declarations(&*model));
    let pass = Pass::evaluation(&weights).observing();
    let outputs = model.forward(&pass, &golden_batch().upload(&cpu()));
    let spec = small();
    let head = Head::new("heads.audio", spec.audio.d_model, &spec.heads);
    let last = pass.into_noted().layers["audio.1"].clone();
    let again = head.forward(&Pass::evaluation(&weights), last);
    let expected: Vec<f64> = host(outputs.audio).into_iter().map(f64::from).collect();
    close("embedding", &host(again), &expected, 1e-6);
}

/// The masked mean of a window is that of the window alone; the mean over padding is not.
#[test]
fn padding_counts_only_where_the_name_says_so() {
    let batch = golden_batch();
    let mut longer = batch.clone();
    let note = longer.tokens[1][0];
    longer.tokens[1].extend([note; 20]);
    let (short, long) = (layers(&batch), layers(&longer));
    let first = |found: &std::collections::BTreeMap<String, burn::tensor::Tensor<2>>, name: &str| {
        host(found[name].clone()).into_iter().take(6).collect::<Vec<f32>>()
    };
    for layer in ["midi.0", "midi.1"] {
        let expected: Vec<f64> = first(&short, layer).into_iter().map(f64::from).collect();
        close(layer, &first(&long, layer), &expected, 3e-6);
        let padded = format!("{layer}.padded");
        let expected: Vec<f64> = first(&short, &padded).into_iter().map(f64::from).collect();
        assert!(distance(&first(&long, &padded), &expected) > 1e-3, "{padded} has other padding now");
    }
}
