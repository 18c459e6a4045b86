//! Embeddings of a whole split: the forward pass that training's evaluation and the embedding stage share. Means of layers of some windows.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use hit_schema::{Activations, Embeddings, Layer};

use crate::{Error, Model, Pass, Source, Weights, host};

/// Embeds every window of a split in order, `batch_size` at a time. Calls `between` after each batch with the number of
/// windows done; it may stop the work with an error.
///
/// # Errors
/// [`Error::NotFinite`], [`Error::Data`], or that of `between`.
pub fn embed<E: From<Error>>(
    model: &dyn Model,
    weights: &Weights,
    source: &Source,
    batch_size: usize,
    epoch: usize,
    mut between: impl FnMut(usize) -> Result<(), E>,
) -> Result<Embeddings, E> {
    let weights = weights.untracked();
    let device = weights.device().clone();
    let n = source.n_windows();
    let (mut audio, mut midi, mut dims) = (Vec::new(), Vec::new(), 0);
    let all: Vec<usize> = (0..n).collect();
    for windows in all.chunks(batch_size.max(1)) {
        let pass = Pass::evaluation(&weights);
        let outputs = model.forward(&pass, &source.batch(windows)?.upload(&device));
        dims = outputs.audio.dims()[1];
        let (first, end) = (windows[0], windows[windows.len() - 1] + 1);
        for (all, side) in [(&mut audio, outputs.audio), (&mut midi, outputs.midi)] {
            all.extend(finite(source, (first, end), side)?);
        }
        between(end)?;
    }
    Ok(Embeddings { split: source.split().to_owned(), epoch, dims: dims.max(1), audio, midi })
}

/// Means of the layers' outputs over the tokens of `windows`, in their order, `batch_size` windows at a time. Calls `between` after each
/// batch with the number of windows done; it may stop the work with an error.
///
/// A layer's output is what the next layer is given: after whatever an injection does to it. A mean over padding too
/// (`midi.0.padded`) depends on the longest window of the batch, and so on the order of `windows` and on `batch_size`.
///
/// # Errors
/// As [`embed`].
pub fn activations<E: From<Error>>(
    model: &dyn Model,
    weights: &Weights,
    source: &Source,
    windows: &[usize],
    batch_size: usize,
    mut between: impl FnMut(usize) -> Result<(), E>,
) -> Result<Activations, E> {
    let weights = weights.untracked();
    let device = weights.device().clone();
    let mut layers: BTreeMap<String, Layer> = BTreeMap::new();
    let mut done = 0;
    for batch in windows.chunks(batch_size.max(1)) {
        let pass = Pass::evaluation(&weights).observing();
        model.forward(&pass, &source.batch(batch)?.upload(&device));
        for (name, mean) in pass.into_noted().layers {
            let dims = mean.dims()[1];
            let layer = layers.entry(name).or_insert_with(|| Layer { dims, values: Vec::new() });
            layer.values.extend(finite(source, (batch[0], batch[batch.len() - 1] + 1), mean)?);
        }
        done += batch.len();
        between(done)?;
    }
    let windows = windows.iter().map(|&window| window as u64).collect();
    Ok(Activations { split: source.split().to_owned(), windows, layers })
}

/// The values of a batch of windows from `first` to before `end`.
fn finite(source: &Source, (first, end): (usize, usize), values: Tensor<2>) -> Result<Vec<f32>, Error> {
    let values = host(values);
    if values.iter().all(|value| value.is_finite()) {
        return Ok(values);
    }
    Err(Error::NotFinite { split: source.split().to_owned(), first, end })
}
