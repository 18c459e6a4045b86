//! Embeddings of a whole split: the forward pass that training's evaluation and the embedding stage share.

use hit_schema::Embeddings;

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
            let values = host(side);
            if !values.iter().all(|value| value.is_finite()) {
                return Err(Error::NotFinite { split: source.split().to_owned(), first, end }.into());
            }
            all.extend(values);
        }
        between(end)?;
    }
    Ok(Embeddings { split: source.split().to_owned(), epoch, dims: dims.max(1), audio, midi })
}
