//! Descriptors are computed from a perturbed split as from any other.

use hit_descriptors::{Compute, DESCRIPTORS, Describe, Stft, Variant};
use hit_stage::Opened;

use super::support::Bench;
use crate::{FeatureCondition, PerturbFeatures, PerturbSegments, SegmentCondition};

/// The inputs that a stage after the perturbation of segments gets.
fn after(bench: &Bench, condition: SegmentCondition) -> Bench {
    let out = bench.run(&PerturbSegments { condition, seed: 3 }, 2).unwrap();
    let mut next = Bench::new(&[]);
    next.index = out.index();
    let mut next = next.with_index();
    // The files lie in the folder of `bench`, which the caller keeps.
    next.inputs.insert("segments".to_owned(), Opened::Tree(out.tree()));
    next
}

fn described(bench: &Bench, id: &str) -> Vec<Vec<f32>> {
    let stage = Describe { descriptor: id.to_owned(), variant: Variant::Reference };
    bench.run(&stage, 2).unwrap().windows()
}

/// Audio descriptors see the damaged samples, those of notes the damaged notes; the other side is as before.
#[test]
fn every_descriptor_runs_on_a_perturbed_split() {
    let bench = Bench::new(&[2, 0, 3]).with_segments();
    for condition in [
        SegmentCondition::Transpose { semitones: 7 },
        SegmentCondition::Velocity { factor: 0.8 },
        SegmentCondition::Shift { samples: -300 },
        SegmentCondition::WhiteNoise { snr_db: 10.0 },
    ] {
        let perturbed = after(&bench, condition);
        let segments = perturbed.segments();
        for descriptor in DESCRIPTORS {
            let (before, now) = (described(&bench, descriptor.id), described(&perturbed, descriptor.id));
            let of_audio = matches!(descriptor.compute, Compute::Audio(_));
            for (w, features) in now.iter().enumerate() {
                let expected = match descriptor.compute {
                    Compute::Audio(of) => {
                        of(&mut Stft::new(), &segments.audio(w).unwrap(), Variant::Reference).unwrap()
                    }
                    Compute::Midi(of) => of(segments.tokens(w), Variant::Reference),
                };
                assert_eq!(*features, expected, "{} of window {w} under {}", descriptor.id, condition.name());
            }
            if !condition.changes_audio() && of_audio || condition.changes_audio() && !of_audio {
                assert_eq!(now, before, "{} under {}", descriptor.id, condition.name());
            }
            if condition.changes_audio() && of_audio {
                assert_ne!(now, before, "{} under {}", descriptor.id, condition.name());
            }
        }
    }
}

/// D4 is made of intervals: it ignores transposition until pitches are clamped (spec 10, test 04).
#[test]
fn intervals_ignore_transposition_up_to_clamping() {
    let bench = Bench::new(&[2, 0, 3]).with_segments();
    let d4 = |semitones| described(&after(&bench, SegmentCondition::Transpose { semitones }), "d4");
    let before = described(&bench, "d4");
    assert!(before.iter().flatten().any(|value| *value != 0.0));
    assert!([-6, -3, 0, 3, 6].iter().all(|&semitones| d4(semitones) == before));
    assert_ne!(d4(80), before);
}

/// The chain of the graph: segments perturbed, described, and the features perturbed in turn.
#[test]
fn features_of_a_perturbed_split_can_be_perturbed() {
    let bench = Bench::new(&[3, 0, 3]).with_segments();
    let mut next = after(&bench, SegmentCondition::WhiteNoise { snr_db: 20.0 });
    let stage = Describe { descriptor: "a4".to_owned(), variant: Variant::Reference };
    let features = next.run(&stage, 2).unwrap();
    let bytes = fs_err::read(features.path("features")).unwrap();
    next.put("features", |path| fs_err::write(path, bytes).unwrap());
    let out = next.run(&PerturbFeatures { condition: FeatureCondition::ShuffleGlobal {}, seed: 1 }, 2).unwrap();
    let (before, now) = (features.windows(), out.windows());
    assert!(now[..3].iter().all(|window| before[3..].contains(window)));
    assert!(now[3..].iter().all(|window| before[..3].contains(window)));
}
