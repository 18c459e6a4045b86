//! A digest of everything that a training has changed.

use hit_model::Weights;
use hit_schema::CheckpointMeta;
use hit_stage::{Digest, Hasher};

/// SHA-256 over every array, parameters and running statistics, in the order of names: the name, the shape and the values,
/// each as little-endian bytes behind its length.
pub fn hash(weights: &Weights) -> Digest {
    let arrays = weights.checkpoint(CheckpointMeta { arm: String::new(), epoch: 0, step: 0 }).params;
    let mut hasher = Hasher::default();
    for (name, array) in arrays {
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update(&(array.shape.len() as u64).to_le_bytes());
        array.shape.iter().for_each(|&n| hasher.update(&(n as u64).to_le_bytes()));
        let bytes: Vec<u8> = array.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        hasher.update(&bytes);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use hit_model::{Declarations, Init, Tensor, Weights, device};

    use super::*;

    #[test]
    fn a_single_bit_of_any_array_changes_it() {
        let mut declarations = Declarations::default();
        declarations.parameter("a", &[2, 2], Init::Constant(0.0));
        declarations.statistic("b", &[3], Init::Constant(1.0));
        let device = device("cpu").unwrap();
        let fresh = || Weights::initial(&declarations, 1, &[], &device);
        let mut seen = BTreeSet::from([hash(&fresh())]);
        assert!(!seen.insert(hash(&fresh())), "the same arrays, the same digest");
        for (name, values) in [("a", vec![0.0, 0.0, 0.0, f32::from_bits(1)]), ("b", vec![1.0, 1.0, 1.0 + f32::EPSILON])]
        {
            let mut weights = fresh();
            weights.set(name, Tensor::from_data(values.as_slice(), &device));
            assert!(seen.insert(hash(&weights)), "{name}");
        }
    }

    #[test]
    fn shapes_count() {
        let device = device("cpu").unwrap();
        let of = |shape: &[usize]| {
            let mut declarations = Declarations::default();
            declarations.parameter("a", shape, Init::Constant(0.0));
            hash(&Weights::initial(&declarations, 1, &[], &device))
        };
        assert_ne!(of(&[2, 3]), of(&[3, 2]));
    }
}
