//! MIDI files written by hand, against mido, made at random, and damaged.

use proptest::prelude::*;

use super::*;
use crate::fixtures::{golden, midi_of, note, smf, variable};

const END: [u8; 4] = [0, 0xFF, 0x2F, 0];

fn track(events: &[u8]) -> Vec<u8> {
    [events, &END].concat()
}

fn close(notes: &[Note], expected: &[Note]) {
    assert_eq!(notes.len(), expected.len(), "{notes:?}");
    for (got, want) in notes.iter().zip(expected) {
        assert_eq!((got.pitch, got.velocity), (want.pitch, want.velocity), "{got:?} {want:?}");
        assert!((got.onset_s - want.onset_s).abs() < 1e-9, "{got:?} {want:?}");
        assert!((got.offset_s - want.offset_s).abs() < 1e-9, "{got:?} {want:?}");
    }
}

/// 480 ticks a quarter. Track 1: 0.5 s a quarter, from tick 480 on 1 s, from tick 960 on 0.25 s. Track 2 plays.
#[test]
fn a_tempo_in_one_track_holds_for_all() {
    let tempi = track(&[
        0, 0xFF, 0x51, 3, 0x07, 0xA1, 0x20, // 500,000
        0x83, 0x60, 0xFF, 0x51, 3, 0x0F, 0x42, 0x40, // after 480 ticks: 1,000,000
        0x83, 0x60, 0xFF, 0x51, 3, 0x03, 0xD0, 0x90, // after 480 more: 250,000
    ]);
    let notes = track(&[
        0x81, 0x70, 0x90, 60, 100, // tick 240
        0x87, 0x40, 0x80, 60, 0, // tick 1200
    ]);
    let score = parse(&smf(1, 480, &[&tempi, &notes])).unwrap();
    close(&score.notes, &[note(0.25, 0.5 + 1.0 + 0.125, 60, 100)]);
    assert_eq!(score.last_offset_s(), score.end_s);
}

/// Running status, velocity 0 as release, 1 ms a tick (1,000 ticks a quarter at 1 s).
#[test]
fn running_status_and_velocity_zero_are_read() {
    let events = [0, 0xFF, 0x51, 3, 0x0F, 0x42, 0x40, 10, 0x90, 64, 80, 5, 67, 90, 100, 64, 0, 27, 67, 0];
    let score = parse(&smf(0, 1000, &[&track(&events)])).unwrap();
    close(&score.notes, &[note(0.010, 0.115, 64, 80), note(0.015, 0.142, 67, 90)]);
    assert_eq!(score.events.len(), 4);
    assert_eq!((score.events[2].command, score.events[2].data), (0x90, [64, 0]));
}

/// Without a tempo the standard says 120 quarters a minute.
#[test]
fn the_default_tempo_is_half_a_second_a_quarter() {
    let score = parse(&smf(0, 96, &[&track(&[96, 0x90, 60, 1, 48, 0x80, 60, 0])])).unwrap();
    close(&score.notes, &[note(0.5, 0.75, 60, 1)]);
}

/// Two notes of one pitch: the first release ends the first note. The same pitch on another channel is another note.
#[test]
fn overlapping_notes_are_paired_first_in_first_out() {
    let events = [
        0, 0xFF, 0x51, 3, 0x0F, 0x42, 0x40, 0, 0x90, 60, 10, 10, 0x90, 60, 20, 10, 0x91, 60, 30, 10, 0x80, 60, 0, 10,
        0x80, 60, 0, 10, 0x81, 60, 0,
    ];
    let score = parse(&smf(0, 1000, &[&track(&events)])).unwrap();
    close(&score.notes, &[note(0.0, 0.030, 60, 10), note(0.010, 0.040, 60, 20), note(0.020, 0.050, 60, 30)]);
}

/// A note never released lasts to the end of the file, one released unpressed is nothing, the drums are no notes.
#[test]
fn loose_ends_and_drums() {
    let events = [0, 0x80, 60, 0, 0, 0x99, 36, 99, 0, 0x90, 61, 50, 10, 0x89, 36, 0, 0x64, 0xFF, 0x2F, 0];
    let score = parse(&smf(0, 500, &[&events])).unwrap();
    close(&score.notes, &[note(0.0, 0.110, 61, 50)]);
}

/// The pedal lengthens no note, and its intervals are known; two channels down together are one interval.
#[test]
fn the_pedal_is_kept_apart() {
    let events = [
        0, 0xFF, 0x51, 3, 0x0F, 0x42, 0x40, 0, 0x90, 60, 9, 10, 0xB0, 64, 64, 10, 0x80, 60, 0, 10, 0xB1, 64, 127, 10,
        0xB0, 64, 63, 10, 0xB1, 64, 0, 50, 0xB0, 64, 70,
    ];
    let score = parse(&smf(1, 1000, &[&track(&events), &[50, 0xFF, 0x2F, 0], &[0x7F, 0xFF, 0x2F, 0]])).unwrap();
    close(&score.notes, &[note(0.0, 0.020, 60, 9)]);
    assert_eq!(score.pedal(), [(0.010, 0.050), (0.100, 0.127)]);
}

/// 25 frames of 40 subframes are a millisecond a tick, and a tempo changes nothing; 29 means 30/1.001.
#[test]
fn smpte_time_ignores_the_tempo() {
    let events = track(&[0, 0xFF, 0x51, 3, 0x0F, 0x42, 0x40, 100, 0x90, 60, 9, 100, 0x80, 60, 0]);
    let division = |fps: i8, subframes: u8| u16::from_be_bytes([(-fps) as u8, subframes]);
    let score = parse(&smf(0, division(25, 40), &[&events])).unwrap();
    close(&score.notes, &[note(0.1, 0.2, 60, 9)]);
    let score = parse(&smf(0, division(29, 100), &[&events])).unwrap();
    close(&score.notes, &[note(1.001 / 30.0, 2.002 / 30.0, 60, 9)]);
    assert_eq!(parse(&smf(0, division(25, 0), &[&events])), Err(Fault::NoTicks));
}

#[test]
fn unusable_files_say_why() {
    let play = track(&[0, 0x90, 60, 9, 100, 0x80, 60, 0]);
    assert_eq!(parse(&smf(2, 480, &[&play])), Err(Fault::Independent));
    assert_eq!(parse(&smf(0, 0, &[&play])), Err(Fault::NoTicks));
    assert_eq!(parse(&smf(0, 480, &[&END])), Err(Fault::NoNotes));
    let still = track(&[9, 0xFF, 0x51, 3, 0, 0, 0, 0, 0x90, 60, 9]);
    assert_eq!(parse(&smf(0, 480, &[&still])), Err(Fault::NoTempo { tick: 9 }));
    for bytes in [&b""[..], b"RIFF", b"MThd"] {
        assert!(matches!(parse(bytes), Err(Fault::Malformed(_))), "{bytes:?}");
    }
}

/// A file that lost its end is an error at every length: nothing of a track is dropped in silence.
#[test]
fn a_cut_file_is_an_error_wherever_it_is_cut() {
    let notes: Vec<_> = (0..5).map(|i| note(f64::from(i), f64::from(i) + 0.5, 60 + i as u8, 64)).collect();
    let whole = midi_of(&notes);
    assert!(parse(&whole).is_ok());
    for length in 0..whole.len() {
        assert!(parse(&whole[..length]).is_err(), "{length} of {} bytes", whole.len());
    }
}

/// Times and pairs of mido for a file with twelve tempi, two channels and overlapping notes.
#[test]
fn times_agree_with_mido() {
    let golden = &golden()["midi"];
    let hex = golden["hex"].as_str().unwrap().as_bytes();
    let bytes: Vec<u8> =
        hex.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect();
    let wanted: Vec<(f64, f64, u8, u8)> = serde_json::from_value(golden["notes"].clone()).unwrap();
    assert!(wanted.len() > 60);
    let wanted: Vec<_> = wanted.into_iter().map(|(on, off, pitch, velocity)| note(on, off, pitch, velocity)).collect();
    close(&parse(&bytes).unwrap().notes, &wanted);
}

fn some_notes() -> impl Strategy<Value = Vec<Note>> {
    // One note per pitch, so that the pairing is beyond doubt.
    proptest::collection::btree_map(0u8..128, (0u32..90_000, 1u32..9_000, 1u8..128), 1..40).prop_map(|map| {
        let of = |(pitch, (on, length, velocity)): (u8, (u32, u32, u8))| {
            note(f64::from(on) / 1000.0, f64::from(on + length) / 1000.0, pitch, velocity)
        };
        map.into_iter().map(of).collect()
    })
}

proptest! {
    #[test]
    fn notes_read_back_sorted(notes in some_notes()) {
        let score = parse(&midi_of(&notes)).unwrap();
        let mut wanted = notes;
        wanted.sort_by(|a, b| a.onset_s.total_cmp(&b.onset_s).then(a.pitch.cmp(&b.pitch)));
        close(&score.notes, &wanted);
        prop_assert!(score.events.is_sorted_by(|a, b| a.time_s <= b.time_s));
    }

    #[test]
    fn bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes);
        let _ = parse(&smf(1, 480, &[&bytes, &track(&bytes)]));
    }

    /// One damaged byte: an error, or notes that are still finite, ordered and in range.
    #[test]
    fn damage_never_panics(notes in some_notes(), at in any::<prop::sample::Index>(), value: u8) {
        let mut bytes = midi_of(&notes);
        let at = at.index(bytes.len());
        bytes[at] = value;
        if let Ok(score) = parse(&bytes) {
            for note in &score.notes {
                prop_assert!(note.onset_s.is_finite() && note.offset_s >= note.onset_s);
                prop_assert!(note.pitch < 128 && (1..128).contains(&note.velocity));
            }
            prop_assert!(score.pedal().iter().all(|(down, up)| down < up));
        }
    }

    #[test]
    fn variable_lengths_are_what_the_standard_says(value in 0u32..(1 << 28)) {
        let bytes = variable(value);
        let back = bytes.iter().fold(0u32, |sum, byte| (sum << 7) | u32::from(byte & 0x7F));
        prop_assert_eq!(back, value);
    }
}
