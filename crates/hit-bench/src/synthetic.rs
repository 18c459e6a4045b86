//! Batches drawn from a seed, as a loader would give them.

use std::collections::{BTreeMap, BTreeSet};

use hit_model::{ArmSpec, HostBatch, ModelSpec, N_PITCHES, NOTE_MULTIPLE, Rows};
use hit_schema::Token;
use hit_stage::Seed;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::Error;

/// Different batches that a measurement takes in turn: note lists of several lengths, as training meets them.
pub const N_BATCHES: usize = 4;

/// Sizes of the windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Samples of the audio.
    pub n_samples: usize,
    /// Notes in the mean; a window has half as many to half as many more.
    pub n_notes: usize,
    /// Rows of the descriptors that have one a frame.
    pub n_frames: usize,
    /// Descriptors that have one row a note instead.
    pub per_note: BTreeSet<String>,
}

impl Windows {
    /// Fewest and most notes of a window.
    fn notes(&self) -> (usize, usize) {
        let least = self.n_notes.div_ceil(2);
        (least, 2 * self.n_notes - least)
    }

    /// Rows by descriptor of an arm that have one a frame.
    ///
    /// # Errors
    /// [`Error::Model`] if the arm's injections do not fit together.
    pub fn frames(&self, arm: &ArmSpec) -> Result<BTreeMap<String, usize>, Error> {
        let ids = arm.descriptors()?.into_keys().filter(|id| !self.per_note.contains(id));
        Ok(ids.map(|id| (id, self.n_frames)).collect())
    }
}

/// [`N_BATCHES`] batches of `batch_size` windows for an arm: audio is white noise of a tenth of full scale, notes are drawn
/// evenly from the tables, descriptors are standard normal. Every draw is a function of `seed` and of what it is for.
///
/// # Errors
/// [`Error::Setting`] for windows without notes or with more than the model takes, [`Error::Model`] if the arm's injections do not fit
/// together.
pub fn batches(
    windows: &Windows,
    model: &ModelSpec,
    arm: &ArmSpec,
    batch_size: usize,
    seed: u64,
) -> Result<Vec<HostBatch>, Error> {
    let most = windows.notes().1;
    if windows.n_notes == 0 || most > model.midi.max_notes {
        let what = format!(
            "{} in the mean is {most} at most; 1 or more are needed, and the model takes no more than {} in a window",
            windows.n_notes, model.midi.max_notes
        );
        return Err(Error::Setting { field: "notes", what });
    }
    let descriptors = arm.descriptors()?;
    Ok((0..N_BATCHES).map(|idx| batch(windows, model.midi.n_durations, &descriptors, batch_size, seed, idx)).collect())
}

fn batch(
    windows: &Windows,
    n_durations: usize,
    descriptors: &BTreeMap<String, usize>,
    batch_size: usize,
    seed: u64,
    idx: usize,
) -> HostBatch {
    let stream = |what: &str| ChaCha8Rng::from_seed(Seed::derive(seed, "bench", &format!("{what} {idx}")).bytes());
    let normal = |rng: &mut ChaCha8Rng, n: usize, scale: f32| -> Vec<f32> {
        let value = |()| -> f32 { StandardNormal.sample(rng) };
        std::iter::repeat_n((), n).map(value).map(|value| value * scale).collect()
    };
    let mut rng = stream("notes");
    let (least, most) = windows.notes();
    // Values are bytes; a table of more durations than that is never filled.
    let last_duration = u8::try_from(n_durations - 1).unwrap_or(u8::MAX);
    let tokens: Vec<Vec<Token>> = (0..batch_size)
        .map(|_| {
            let n = rng.random_range(least..=most);
            let mut token = || Token {
                pitch: rng.random_range(0..N_PITCHES as u8),
                velocity: rng.random_range(1..=127),
                duration: rng.random_range(0..=last_duration),
            };
            (0..n).map(|_| token()).collect()
        })
        .collect();
    let rows = |(id, &dims): (&String, &usize)| {
        let (mut rng, per_note) = (stream(id), windows.per_note.contains(id));
        let n_rows = |notes: &Vec<Token>| if per_note { notes.len() } else { windows.n_frames };
        let windows = tokens.iter().map(|notes| normal(&mut rng, n_rows(notes) * dims, 1.0)).collect();
        (id.clone(), Rows { dims, per_note, windows })
    };
    let descriptors = descriptors.iter().map(rows).collect();
    let audio = normal(&mut stream("audio"), batch_size * windows.n_samples, 0.1);
    let windows_of = (idx * batch_size..(idx + 1) * batch_size).collect();
    HostBatch { windows: windows_of, n_samples: windows.n_samples, audio, tokens, n_durations, descriptors }
}

/// Notes that each batch is padded to on a device.
pub(crate) fn padded_notes(batches: &[HostBatch]) -> Vec<usize> {
    let longest = |batch: &HostBatch| batch.tokens.iter().map(Vec::len).max().unwrap_or(1);
    batches.iter().map(|batch| longest(batch).next_multiple_of(NOTE_MULTIPLE)).collect()
}

#[cfg(test)]
mod tests {
    use hit_model::Side;
    use proptest::prelude::*;

    use super::*;
    use crate::tests::fixture::{arm, model, windows};

    #[test]
    fn batches_are_a_function_of_the_seed() {
        let drawn = |seed| batches(&windows(), &model(), &arm(), 3, seed).unwrap();
        let first = drawn(1);
        assert_eq!(first, drawn(1));
        assert_eq!(first.len(), N_BATCHES);
        assert!(first[0].audio != first[1].audio && first[0].tokens != first[1].tokens);
        let other = drawn(2);
        assert!(first[0].audio != other[0].audio && first[0].descriptors != other[0].descriptors);
    }

    #[test]
    fn a_second_descriptor_moves_nothing_of_the_first() {
        let mut fewer = arm();
        fewer.injections.retain(|injection| injection.side == Side::Audio);
        let both = batches(&windows(), &model(), &arm(), 2, 1).unwrap();
        let one = batches(&windows(), &model(), &fewer, 2, 1).unwrap();
        assert_eq!((one[0].descriptors.len(), both[0].descriptors.len()), (1, 2));
        assert_eq!(one[0].descriptors["a4"], both[0].descriptors["a4"]);
        assert_eq!((&one[3].audio, &one[3].tokens), (&both[3].audio, &both[3].tokens));
    }

    #[test]
    fn windows_that_the_model_cannot_take_are_refused() {
        let refused = |n_notes| {
            let windows = Windows { n_notes, ..windows() };
            match batches(&windows, &model(), &arm(), 2, 1) {
                Err(Error::Setting { field, what }) => (field, what),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(refused(0).0, "notes");
        let (_, what) = refused(50);
        assert!(what.contains("75") && what.contains("64"), "{what}");
        let largest = Windows { n_notes: 42, ..windows() };
        assert!(batches(&largest, &model(), &arm(), 2, 1).is_ok(), "63 notes are within 64");
    }

    #[test]
    fn noise_is_quiet_and_even() {
        let drawn = batches(&windows(), &model(), &arm(), 8, 1).unwrap();
        let audio = &drawn[0].audio;
        let mean = audio.iter().sum::<f32>() / audio.len() as f32;
        let power = audio.iter().map(|value| value * value).sum::<f32>() / audio.len() as f32;
        assert!(mean.abs() < 0.01 && (power.sqrt() - 0.1).abs() < 0.01, "{mean} {power}");
    }

    proptest! {
        #[test]
        fn a_loader_could_have_made_them(n_notes in 1usize..42, n in 1usize..6, seed: u64) {
            let windows = Windows { n_notes, ..windows() };
            let drawn = batches(&windows, &model(), &arm(), n, seed).unwrap();
            for batch in &drawn {
                prop_assert_eq!(batch.audio.len(), n * batch.n_samples);
                prop_assert_eq!((batch.tokens.len(), batch.windows.len()), (n, n));
                for (w, notes) in batch.tokens.iter().enumerate() {
                    prop_assert!(!notes.is_empty() && notes.len() * 2 >= n_notes && notes.len() * 2 <= 3 * n_notes);
                    prop_assert!(notes.iter().all(|token| usize::from(token.duration) < batch.n_durations));
                    prop_assert!(notes.iter().all(|token| usize::from(token.pitch) < N_PITCHES && token.velocity <= 127));
                    prop_assert_eq!(batch.descriptors["d4"].windows[w].len(), notes.len() * 4);
                    prop_assert_eq!(batch.descriptors["a4"].windows[w].len(), windows.n_frames * 8);
                }
            }
            for (padded, batch) in padded_notes(&drawn).into_iter().zip(&drawn) {
                prop_assert!(padded.is_multiple_of(NOTE_MULTIPLE));
                prop_assert!(batch.tokens.iter().all(|notes| notes.len() <= padded));
            }
        }
    }
}
