//! The embedded corpus: it repeats, it is music of different kinds, and the piano is a piano.

use std::collections::{BTreeMap, BTreeSet};

use hit_schema::Note;
use hit_stage::{Digest, check_name};
use proptest::prelude::*;

use super::*;
use crate::fixtures::{Bench, midi_of, note};
use crate::midi::Score;

fn spec() -> SyntheticSpec {
    SyntheticSpec {
        seed: 42,
        composers: 6,
        train: 12,
        validation: 6,
        test: 3,
        duration_s: 40.0,
        sample_rate_hz: 24_000,
        noise_db: -66.0,
    }
}

fn scores() -> Vec<(SyntheticPerformance, Score)> {
    let all = spec().performances().unwrap().into_iter();
    all.map(|performance| {
        let score = midi::parse(&performance.stage.midi().unwrap()).unwrap();
        (performance, score)
    })
    .collect()
}

#[test]
fn splits_have_their_sizes_and_share_no_piece() {
    let all = spec().performances().unwrap();
    let of = |split: &str| all.iter().filter(|performance| performance.split == split).count();
    assert_eq!([of("train"), of("validation"), of("test")], [12, 6, 3]);
    let ids: BTreeSet<_> = all.iter().map(|performance| &performance.id).collect();
    let pieces: BTreeSet<_> = all.iter().map(|p| (p.stage.composer, p.stage.piece)).collect();
    assert_eq!((ids.len(), pieces.len()), (21, 21));
    assert!(ids.iter().all(|id| check_name(id)));
    assert!(all.is_sorted_by(|a, b| a.id < b.id));
    let composers: BTreeSet<_> = all.iter().map(|performance| &performance.composer).collect();
    assert_eq!(composers.len(), 6);
}

/// More performances in a split change no piece that was there.
#[test]
fn a_piece_depends_on_seed_composer_and_number_alone() {
    let one = Synth { seed: 42, composer: 1, piece: 2, duration_s: 20.0, sample_rate_hz: 24_000, noise_db: -66.0 };
    assert_eq!(one.midi().unwrap(), one.midi().unwrap());
    for other in [
        Synth { seed: 43, ..one.clone() },
        Synth { composer: 2, ..one.clone() },
        Synth { piece: 3, ..one.clone() },
        Synth { composer: 7, ..one.clone() },
    ] {
        assert_ne!(other.midi().unwrap(), one.midi().unwrap());
    }
}

/// Bit for bit the same everywhere: the digest below was made once, on another run of another build.
#[test]
fn the_bytes_are_pinned() {
    let mut all = Vec::new();
    for composer in 0..6 {
        let stage = Synth { seed: 1, composer, piece: 1, duration_s: 9.0, sample_rate_hz: 24_000, noise_db: -66.0 };
        let mut bench = Bench::new();
        bench.run(&stage).unwrap();
        all.extend(bench.read("midi"));
        all.extend(bench.read("audio"));
    }
    assert_eq!(Digest::of(&all).to_string(), "9d6e14e99066adc25dbc8289051701a8b533fff22ad1f1c39d89247dbc531d85");
}

/// Music starts at once, ends before the recording does, with keys that are up before they go down again.
#[test]
fn pieces_are_playable() {
    for (performance, score) in scores() {
        let id = performance.id;
        assert!(score.notes[0].onset_s < 1.0, "{id}");
        assert!((30.0..39.9).contains(&score.last_offset_s()), "{id}: {}", score.last_offset_s());
        let mut last: BTreeMap<u8, f64> = BTreeMap::new();
        for Note { onset_s, offset_s, pitch, velocity } in score.notes.iter().copied() {
            assert!((24..=105).contains(&pitch) && velocity >= 8, "{id}: {pitch} {velocity}");
            assert!(offset_s > onset_s, "{id}");
            let before = last.insert(pitch, offset_s);
            assert!(before.is_none_or(|before| before <= onset_s), "{id}: {pitch} at {onset_s}");
        }
        let velocities: BTreeSet<_> = score.notes.iter().map(|note| note.velocity).collect();
        assert!(velocities.len() > 15, "{id}: expressive velocities");
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
    sum / n
}

/// Composers differ in register, density or dynamics: no two are close in all three.
#[test]
fn composers_have_styles() {
    let mut styles: BTreeMap<String, Vec<[f64; 3]>> = BTreeMap::new();
    for (performance, score) in scores() {
        let register = mean(score.notes.iter().map(|note| f64::from(note.pitch)));
        let density = score.notes.len() as f64 / 40.0;
        let dynamics = mean(score.notes.iter().map(|note| f64::from(note.velocity)));
        styles.entry(performance.composer).or_default().push([register / 4.0, density / 2.0, dynamics / 10.0]);
    }
    let centres: Vec<[f64; 3]> =
        styles.values().map(|pieces| [0, 1, 2].map(|axis| mean(pieces.iter().map(|piece| piece[axis])))).collect();
    for (idx, a) in centres.iter().enumerate() {
        for b in &centres[idx + 1..] {
            let distance = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(distance > 0.8, "{a:?} {b:?}");
        }
    }
}

/// Sections contrast: within each piece windows differ in register or in dynamics.
#[test]
fn sections_contrast() {
    for (performance, score) in scores() {
        let in_window = |k: usize| score.notes.iter().filter(move |note| (note.onset_s / 4.0) as usize == k);
        let spread = |of: fn(&Note) -> u8| {
            let means = (0..9).filter(|&k| in_window(k).count() > 1);
            let means: Vec<_> = means.map(|k| mean(in_window(k).map(|note| f64::from(of(note))))).collect();
            means.iter().fold(f64::MIN, |a, &b| a.max(b)) - means.iter().fold(f64::MAX, |a, &b| a.min(b))
        };
        let (register, dynamics) = (spread(|note| note.pitch), spread(|note| note.velocity));
        assert!(register > 5.0 || dynamics > 12.0, "{}: {register} {dynamics}", performance.id);
    }
}

/// The melody's track by tick; of notes struck together the highest.
fn melody(midi: &[u8]) -> Vec<u8> {
    let smf = midly::Smf::parse(midi).unwrap();
    let mut tick = 0;
    let mut line: Vec<(u32, u8)> = Vec::new();
    for event in &smf.tracks[1] {
        tick += event.delta.as_int();
        if let midly::TrackEventKind::Midi { message: midly::MidiMessage::NoteOn { key, vel }, .. } = event.kind
            && vel > 0
        {
            match line.last_mut().filter(|last| tick - last.0 < 60) {
                Some(last) => last.1 = last.1.max(key.as_int()),
                None => line.push((tick, key.as_int())),
            }
        }
    }
    line.into_iter().map(|(_, pitch)| pitch).collect()
}

/// Themes come back: some figure of six melodic intervals is heard again, at whatever pitch, in every long piece.
#[test]
fn themes_come_back() {
    for (performance, _) in scores() {
        let line = melody(&performance.stage.midi().unwrap());
        let intervals: Vec<i16> = line.windows(2).map(|pair| i16::from(pair[1]) - i16::from(pair[0])).collect();
        // Slow pieces have time for two of their themes only, and come back to none.
        if intervals.len() < 60 {
            continue;
        }
        let mut seen = BTreeMap::new();
        let figures = intervals.windows(6).enumerate();
        let again = figures.filter(|(at, figure)| *at - *seen.entry(*figure).or_insert(*at) >= 6).count();
        assert!(again > 0, "{}", performance.id);
    }
}

#[test]
fn wrong_values_are_named() {
    for (field, spec) in [
        ("composers", SyntheticSpec { composers: 0, ..spec() }),
        ("composers", SyntheticSpec { composers: 13, ..spec() }),
        ("duration_s", SyntheticSpec { duration_s: f64::NAN, ..spec() }),
        ("sample_rate_hz", SyntheticSpec { sample_rate_hz: 1, ..spec() }),
        ("noise_db", SyntheticSpec { noise_db: 0.0, ..spec() }),
    ] {
        let error = spec.performances().unwrap_err().to_string();
        assert!(error.contains(&format!("`{field}`")), "{error}");
    }
}

fn played(notes: &[Note], duration_s: f64) -> Vec<f32> {
    let hall = piano::Hall { rate_hz: 24_000, noise_db: -120.0, seed: Seed::derive(1, "test", "") };
    piano::play(&midi::parse(&midi_of(notes)).unwrap(), duration_s, &hall)
}

fn rms(samples: &[f32]) -> f64 {
    libm::sqrt(samples.iter().map(|sample| f64::from(sample * sample)).sum::<f64>() / samples.len() as f64)
}

/// Strength of one frequency (Goertzel).
fn strength(samples: &[f32], hz: f64) -> f64 {
    let turn = core::f64::consts::TAU * hz / 24_000.0;
    let part =
        |f: fn(f64) -> f64| samples.iter().enumerate().map(|(n, &s)| f64::from(s) * f(turn * n as f64)).sum::<f64>();
    libm::hypot(part(libm::cos), part(libm::sin)) / samples.len() as f64
}

#[test]
fn strings_are_in_tune_and_inharmonic() {
    let samples = played(&[note(0.0, 2.0, 57, 90)], 2.0);
    let tone = |hz: f64| strength(&samples[2400..26_400], hz);
    assert!(tone(220.0) > 20.0 * tone(207.65) && tone(220.0) > 20.0 * tone(233.08), "A3 is 220 Hz");
    // The sixth partial is sharp: 1320 Hz times sqrt(1 + 36 B).
    let sharp = 1320.0 * libm::sqrt(1.0 + 36.0 * 7e-5 * libm::exp2(17.0 / 9.0));
    assert!(sharp > 1325.0 && tone(sharp) > 3.0 * tone(1320.0));
}

#[test]
fn force_makes_notes_louder_and_brighter() {
    let (soft, loud) = (played(&[note(0.0, 1.0, 60, 40)], 1.0), played(&[note(0.0, 1.0, 60, 110)], 1.0));
    assert!(rms(&loud) > 3.0 * rms(&soft));
    let brightness = |samples: &[f32]| {
        let slope: Vec<f32> = samples.windows(2).map(|pair| pair[1] - pair[0]).collect();
        rms(&slope) / rms(samples)
    };
    assert!(brightness(&loud[240..]) > 1.2 * brightness(&soft[240..]));
}

#[test]
fn high_notes_die_sooner_and_dampers_stop_low_ones() {
    let lasting = |pitch: u8| {
        let samples = played(&[note(0.0, 2.0, pitch, 90)], 2.0);
        rms(&samples[36_000..]) / rms(&samples[..6_000])
    };
    assert!(lasting(36) > 3.0 * lasting(84));
    let released = played(&[note(0.0, 0.5, 48, 90)], 2.0);
    assert!(rms(&released[24_000..]) < 1e-3 * rms(&released[..12_000]));
    let held = played(&[note(0.0, 2.0, 48, 90)], 2.0);
    assert!(rms(&held[24_000..]) > 0.1 * rms(&held[..12_000]));
}

/// The pedal holds notes until it comes up, in sound and not in the notes.
#[test]
fn the_pedal_sustains_the_sound() {
    let mut score = midi::parse(&midi_of(&[note(0.0, 0.2, 48, 90)])).unwrap();
    let hall = || piano::Hall { rate_hz: 24_000, noise_db: -120.0, seed: Seed::derive(1, "test", "") };
    let dry = piano::play(&score, 2.0, &hall());
    for (time_s, value) in [(0.1, 127), (1.2, 0)] {
        score.events.push(midi::ChannelEvent { time_s, channel: 0, command: 0xB0, data: [64, value] });
    }
    let wet = piano::play(&score, 2.0, &hall());
    assert!(rms(&wet[18_000..28_000]) > 20.0 * rms(&dry[18_000..28_000]));
    assert!(rms(&wet[40_000..]) < 1e-2 * rms(&wet[18_000..28_000]));
}

#[test]
fn the_background_has_the_level_asked_for() {
    let hall = piano::Hall { rate_hz: 24_000, noise_db: -50.0, seed: Seed::derive(1, "test", "") };
    let score = midi::parse(&midi_of(&[note(1.9, 2.0, 60, 1)])).unwrap();
    let level = 20.0 * libm::log10(rms(&piano::play(&score, 2.0, &hall)[..40_000]));
    assert!((level + 50.0).abs() < 0.2, "{level}");
}

/// Twenty hands full of notes at full force stay below full scale.
#[test]
fn nothing_clips() {
    let notes: Vec<_> = (0..40).map(|idx| note(0.0, 1.0, 30 + idx, 127)).collect();
    let peak = played(&notes, 1.0).iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
    assert!((0.9..=0.97001).contains(&peak), "{peak}");
}

#[test]
fn draws_are_what_they_say() {
    let mut dice = dice::Dice::new(Seed::derive(3, "test", "dice"));
    let n = 20_000;
    let bells: Vec<f64> = (0..n).map(|_| dice.bell()).collect();
    let sd = libm::sqrt(mean(bells.iter().map(|bell| bell * bell)));
    assert!(mean(bells.iter().copied()).abs() < 0.03 && (sd - 1.0).abs() < 0.03 && bells.iter().all(|b| b.abs() < 3.5));
    let counts = (0..n).fold([0; 5], |mut counts, _| {
        counts[dice.pick(&[0, 1, 2, 3, 4])] += 1;
        counts
    });
    assert!(counts.iter().all(|count| (3_700..4_300).contains(count)), "{counts:?}");
    assert!((0..n).all(|_| (2.0..3.0).contains(&dice.within((2.0, 3.0)))));
    let hits = (0..n).filter(|_| dice.chance(0.25)).count();
    assert!((4_600..5_400).contains(&hits), "{hits}");
    assert!((0..n).all(|_| (-1.0..1.0).contains(&dice.sample())));
}

proptest! {
    /// Folding a pitch into a range keeps its class, and leaves it alone if it is inside.
    #[test]
    fn folding_keeps_the_pitch_class(pitch in -100i32..250, low in 0i32..60, span in 11i32..60) {
        let folded = compose::fold(pitch, low, low + span);
        prop_assert!((low..=low + span).contains(&folded), "{}", folded);
        prop_assert_eq!((folded - pitch).rem_euclid(12), 0);
        prop_assert!(!(low..=low + span).contains(&pitch) || folded == pitch);
    }
}
