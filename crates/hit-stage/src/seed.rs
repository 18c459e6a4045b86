//! Seeds derived from (root, stage, label), so that no two streams of random numbers are ever shared by accident.

use crate::digest::Hasher;

/// A 256-bit seed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seed([u8; 32]);

impl Seed {
    /// The seed of the stream `label` of `stage` under the run's `root` seed.
    ///
    /// Adding a stream moves no other: each is a digest of its own name.
    pub fn derive(root: u64, stage: &str, label: &str) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(b"hitrepro seed 1\0");
        hasher.update(&root.to_le_bytes());
        for part in [stage, label] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Self(hasher.finish().bytes())
    }

    /// The seed of a stream within this one.
    #[must_use]
    pub fn child(self, label: &str) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(b"hitrepro seed child 1\0");
        hasher.update(&self.0);
        hasher.update(label.as_bytes());
        Self(hasher.finish().bytes())
    }

    /// All 32 bytes, for generators seeded with 256 bits (`ChaCha8Rng::from_seed`).
    pub fn bytes(self) -> [u8; 32] {
        self.0
    }

    /// The first 64 bits, for generators that take no more.
    ///
    /// # Panics
    /// Never: there are 256.
    pub fn value(self) -> u64 {
        u64::from_le_bytes(self.0[..8].try_into().expect("eight bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_every_part() {
        let base = Seed::derive(42, "train", "init");
        assert_eq!(base, Seed::derive(42, "train", "init"));
        for other in [
            Seed::derive(43, "train", "init"),
            Seed::derive(42, "traini", "nit"),
            Seed::derive(42, "train", "order"),
            base.child("init"),
        ] {
            assert_ne!(base, other);
            assert_ne!(base.value(), other.value());
        }
    }
}
