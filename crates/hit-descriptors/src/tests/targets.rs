//! Targets of the probes: oracles, vectors of numpy, and the stage.

use std::collections::BTreeMap;
use std::f64::consts::PI;

use hit_schema::{Features, Segments, SplitIndex};
use hit_stage::{OpenTree, Stage, StageError};
use proptest::prelude::*;
use serde::Deserialize;

use super::stage::{context, split};
use super::support::{assert_close, chords, noise, tokens};
use crate::targets::{Reading, Spectrum, interval_histogram, pitch_histogram};
use crate::{Error, ProbeTargets, TARGETS};

const PITCHES: [u8; 10] = [60, 64, 67, 30, 30, 96, 21, 108, 72, 71];
const READINGS: [Reading; 2] = [Reading::Sound, Reading::Reference];

#[derive(Deserialize)]
struct Golden {
    targets: BTreeMap<String, Vec<f64>>,
}

fn golden() -> BTreeMap<String, Vec<f64>> {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/represent.json"));
    serde_json::from_str::<Golden>(text).unwrap().targets
}

#[test]
fn targets_are_those_of_numpy() {
    let theirs = golden();
    let audio = chords(1.0);
    let spectrum = Spectrum::new(audio.len(), 24_000);
    let magnitudes = spectrum.magnitudes(&audio).unwrap();
    let notes = tokens(&PITCHES);
    let ours = [
        ("pitch_histogram", pitch_histogram(&notes).to_vec()),
        ("interval_histogram", interval_histogram(&notes).to_vec()),
        ("chroma", spectrum.chroma(&magnitudes, Reading::Sound).to_vec()),
        ("centroid", vec![spectrum.centroid_hz(&magnitudes, Reading::Sound)]),
        ("chroma_reference", spectrum.chroma(&magnitudes, Reading::Reference).to_vec()),
        ("centroid_reference", vec![spectrum.centroid_hz(&magnitudes, Reading::Reference)]),
    ];
    for ((name, ours), target) in ours.into_iter().zip(TARGETS) {
        assert_eq!(name, target);
        assert_close(ours, &theirs[name], 1e-10);
    }
}

fn tone(hz: f64) -> Vec<f32> {
    (0..12_000).map(|n| (0.5 * libm::sin(2.0 * PI * hz * f64::from(n) / 24_000.0)) as f32).collect()
}

fn pitch_hz(pitch: f64) -> f64 {
    440.0 * libm::exp2((pitch - 69.0) / 12.0)
}

fn largest(values: &[f64]) -> usize {
    (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap()
}

/// A tone sounds in its class where it is read soundly. The reference hears it 7.02 semitones lower and takes the semitone
/// below that: a tone a little above C, at 0.3, is heard at 4.28 above C (E, 4).
#[test]
fn the_reference_hears_another_class() {
    let spectrum = Spectrum::new(12_000, 24_000);
    for pitch in 60..96 {
        let magnitudes = spectrum.magnitudes(&tone(pitch_hz(f64::from(pitch) + 0.3))).unwrap();
        let [sound, reference] = READINGS.map(|reading| largest(&spectrum.chroma(&magnitudes, reading)));
        assert_eq!(sound, pitch as usize % 12, "pitch {pitch}");
        assert_eq!(reference, (pitch + 4 + 12 - 11) as usize % 12, "pitch {pitch}");
    }
}

#[test]
fn the_centroid_of_a_tone_is_its_frequency() {
    let spectrum = Spectrum::new(12_000, 24_000);
    let magnitudes = spectrum.magnitudes(&tone(1_000.0)).unwrap();
    assert!((magnitudes[500] - 3_000.0).abs() < 1e-3, "half of the level times the samples over two");
    let [sound, reference] = READINGS.map(|reading| spectrum.centroid_hz(&magnitudes, reading));
    assert!((sound - 1_000.0).abs() < 1.0, "{sound}");
    assert!((reference - sound * 2.0 / 3.0).abs() < 1e-9);
}

#[test]
fn silence_has_no_targets() {
    let spectrum = Spectrum::new(6_000, 24_000);
    let magnitudes = spectrum.magnitudes(&vec![0.0; 6_000]).unwrap();
    for reading in READINGS {
        assert_eq!(spectrum.chroma(&magnitudes, reading), [0.0; 12]);
        assert_eq!(spectrum.centroid_hz(&magnitudes, reading), 0.0);
    }
    assert_eq!(pitch_histogram(&[]), [0.0; 128]);
    assert_eq!(interval_histogram(&tokens(&[60])), [0.0; 25]);
    let mut broken = vec![0.0; 6_000];
    broken[17] = f32::INFINITY;
    assert_eq!(spectrum.magnitudes(&broken), Err(Error::NotFinite { sample: 17 }));
}

proptest! {
    /// Both histograms sum to 1; intervals do not move with the notes, pitches do by as much.
    #[test]
    fn histograms_are_shares(pitches in proptest::collection::vec(12u8..116, 2..40), shift in -12i8..=12) {
        let moved: Vec<u8> = pitches.iter().map(|&pitch| pitch.saturating_add_signed(shift)).collect();
        let (here, there) = (tokens(&pitches), tokens(&moved));
        prop_assert_eq!(interval_histogram(&here), interval_histogram(&there));
        prop_assert!((interval_histogram(&here).iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let (low, high) = (pitch_histogram(&here), pitch_histogram(&there));
        prop_assert!((low.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        for &pitch in &pitches {
            prop_assert_eq!(low[pitch as usize], high[pitch.saturating_add_signed(shift) as usize]);
        }
    }

    /// A gain changes no share but for rounding, and a sign nothing.
    #[test]
    fn chroma_ignores_gain(seed: u32, gain in 0.01f32..10.0) {
        let audio: Vec<f32> = noise(2_000, seed).into_iter().map(|x| x as f32).collect();
        let spectrum = Spectrum::new(2_000, 24_000);
        let of = |factor: f32| {
            let magnitudes = spectrum.magnitudes(&audio.iter().map(|x| factor * x).collect::<Vec<_>>()).unwrap();
            READINGS.map(|reading| (spectrum.chroma(&magnitudes, reading), spectrum.centroid_hz(&magnitudes, reading)))
        };
        prop_assert_eq!(of(1.0), of(-1.0));
        for ((chroma, centroid_hz), (other, other_hz)) in of(1.0).into_iter().zip(of(gain)) {
            prop_assert!((chroma.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            prop_assert!(chroma.iter().zip(other).all(|(a, b)| (a - b).abs() < 1e-5));
            prop_assert!((centroid_hz - other_hz).abs() < 1e-3 * centroid_hz);
        }
    }
}

/// Of each window what its samples and notes give, in the form and at the rate of the split, on any number of threads.
#[test]
fn the_stage_writes_a_row_for_each_window() {
    let dir = tempfile::tempdir().unwrap();
    let (index, tree) = split(dir.path());
    let bytes = [1, 3].map(|threads| {
        let mut cx = context(dir.path(), &tree, threads);
        ProbeTargets {}.run(&mut cx).unwrap();
        TARGETS.map(|name| fs_err::read(cx.output(name).unwrap()).unwrap())
    });
    assert!(bytes[0] == bytes[1], "one thread and three differ");
    let segments = Segments::open(index, &tree).unwrap();
    let spectrum = Spectrum::new(4_000, 4_000);
    for (name, dims) in TARGETS.into_iter().zip([128, 25, 12, 1, 12, 1]) {
        let features = Features::open(&dir.path().join("out1").join(name)).unwrap();
        assert_eq!((features.n_windows(), features.meta().dims, features.meta().per_note), (303, dims, false));
        assert_eq!(features.meta().descriptor, name);
        for w in [0, 2, 255, 302] {
            let magnitudes = spectrum.magnitudes(&segments.audio(w).unwrap()).unwrap();
            let reading = if name.ends_with("_reference") { Reading::Reference } else { Reading::Sound };
            let expected = match name.trim_end_matches("_reference") {
                "pitch_histogram" => pitch_histogram(segments.tokens(w)).to_vec(),
                "interval_histogram" => interval_histogram(segments.tokens(w)).to_vec(),
                "chroma" => spectrum.chroma(&magnitudes, reading).to_vec(),
                _ => vec![spectrum.centroid_hz(&magnitudes, reading)],
            };
            let expected: Vec<f32> = expected.into_iter().map(|value| value as f32).collect();
            assert_eq!(features.window(w).unwrap(), expected, "{name}, window {w}");
        }
    }
}

#[test]
fn failures_name_the_window() {
    let dir = tempfile::tempdir().unwrap();
    let (_, tree) = split(dir.path());
    let mut samples = vec![0.0; 304_000];
    samples[150_000] = f32::NAN;
    Segments::write_audio(&dir.path().join("c-audio"), &samples).unwrap();
    let mut cx = context(dir.path(), &tree, 2);
    let error = ProbeTargets {}.run(&mut cx).unwrap_err().to_string();
    assert!(
        error.contains("window 150") && error.contains("performance `c`") && error.contains("sample 3000"),
        "{error}"
    );
    cx.cancel.request();
    assert!(matches!(ProbeTargets {}.run(&mut cx), Err(StageError::Cancelled)));
}

#[test]
fn an_empty_split_has_empty_targets() {
    let dir = tempfile::tempdir().unwrap();
    let index = SplitIndex { split: "test".into(), windows: super::stage::WINDOWS, performances: vec![] };
    fs_err::write(dir.path().join("index"), index.to_json()).unwrap();
    let mut cx = context(dir.path(), &OpenTree::default(), 1);
    ProbeTargets {}.run(&mut cx).unwrap();
    for name in TARGETS {
        assert_eq!(Features::open(&cx.output(name).unwrap()).unwrap().n_windows(), 0);
    }
}

/// There are no parameters, and one that is given is refused.
#[test]
fn parameters_read_back() {
    assert_eq!(hit_stage::canonical_json(&ProbeTargets {}), "{}");
    assert_eq!(serde_json::from_str::<ProbeTargets>("{}").unwrap(), ProbeTargets {});
    assert!(serde_json::from_str::<ProbeTargets>(r#"{"variant":"paper"}"#).is_err());
    assert_eq!(ProbeTargets {}.outputs(), TARGETS);
}
