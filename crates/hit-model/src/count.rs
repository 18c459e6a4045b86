//! Parameter counts, from the declarations: nothing is allocated.

use std::collections::BTreeMap;

use crate::{Declarations, Kind, Model, has_prefix};

/// Numbers of parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// All parameters (running statistics are none).
    pub total: usize,
    /// Parameters that are not frozen.
    pub trainable: usize,
    /// By the first two parts of their names: `audio.cnn`, `audio.layers`, `heads.midi`, `inject.audio`, ...
    pub parts: BTreeMap<String, usize>,
}

/// Counts the parameters of a model with those frozen prefixes.
pub fn counts(model: &dyn Model, frozen: &[String]) -> Counts {
    let mut declarations = Declarations::default();
    model.declare(&mut declarations);
    let mut counts = Counts { total: 0, trainable: 0, parts: BTreeMap::new() };
    for spec in declarations.specs().iter().filter(|spec| spec.kind == Kind::Parameter) {
        counts.total += spec.len();
        if !frozen.iter().any(|prefix| has_prefix(&spec.name, prefix)) {
            counts.trainable += spec.len();
        }
        let part = spec.name.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
        *counts.parts.entry(part).or_default() += spec.len();
    }
    counts
}
