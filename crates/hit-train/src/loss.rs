//! What a model is trained for: VICReg of audio and MIDI, and what its family adds (spec sections 5 and 6).

use hit_model::{Outputs, Tensor};

use crate::VicregSpec;
use crate::vicreg::{Terms, vicreg};

/// The loss of a step.
pub struct Loss {
    /// What is minimised, `[1]`: weighted L(audio, MIDI), the other comparisons and the penalties.
    pub total: Tensor<1>,
    /// L(audio, MIDI), unweighted, and its terms; outside of `total` if its weight is 0.
    pub terms: Terms,
    /// `total` without the weighted L(audio, MIDI), `[1]`.
    pub auxiliary: Tensor<1>,
}

/// The loss of what a model returned and of the penalties that it noted.
pub fn loss(outputs: Outputs, penalties: Vec<Tensor<1>>, spec: &VicregSpec) -> Loss {
    let Outputs { audio, midi, weight, others } = outputs;
    let terms = vicreg(audio, midi, spec);
    let compared = others.into_iter().map(|pair| vicreg(pair.first, pair.second, spec).loss * pair.weight);
    let auxiliary = compared.chain(penalties).reduce(|sum, term| sum + term);
    let pair = if weight == 1.0 { terms.loss.clone() } else { terms.loss.clone() * weight };
    let (total, auxiliary) = match auxiliary {
        Some(auxiliary) if weight == 0.0 => (auxiliary.clone(), auxiliary),
        Some(auxiliary) => (pair + auxiliary.clone(), auxiliary),
        None => (pair, Tensor::zeros([1], &terms.loss.device())),
    };
    Loss { total, terms, auxiliary }
}
