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

/// A folder or a pipe in the place of a file, and a file of a gigabyte: errors at once.
#[test]
fn only_files_of_a_sensible_size_are_read() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(read(dir.path()), Err(Fault::Io(text)) if text.contains("is not a file")));
    assert!(matches!(read(&dir.path().join("none.mid")), Err(Fault::Io(_))));
    let path = crate::fixtures::put(dir.path(), "x.mid", midi_of(&[note(0.0, 1.0, 60, 9)]));
    assert_eq!(read(&path).unwrap().notes.len(), 1);
    fs_err::OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 30).unwrap();
    assert_eq!(read(&path), Err(Fault::TooLarge { bytes: 1 << 30 }));
}

/// System exclusive messages, unknown meta events and unknown chunks are stepped over; so is the RIFF wrapper around
/// a MIDI file, with chunks before it.
#[test]
fn what_is_no_music_is_stepped_over() {
    let exclusive = [0, 0xF0, 3, 1, 2, 0xF7, 0, 0xF7, 2, 9, 9, 0, 0xFF, 0x60, 1, 7, 0, 0x90, 60, 9, 96, 0x80, 60, 0];
    let plain = smf(0, 96, &[&track(&exclusive)]);
    let wanted = [note(0.0, 0.5, 60, 9)];
    close(&parse(&plain).unwrap().notes, &wanted);
    let (head, tracks) = plain.split_at(14);
    let unknown = [head, b"XFIH\0\0\0\x05abcde", tracks].concat();
    close(&parse(&unknown).unwrap().notes, &wanted);
    let wrapped = |parts: &[Vec<u8>]| crate::fixtures::chunk(*b"RIFF", &[b"RMID".to_vec(), parts.concat()].concat());
    let odd = crate::fixtures::chunk(*b"DISP", b"odd");
    close(&parse(&wrapped(&[odd.clone(), crate::fixtures::chunk(*b"data", &plain)])).unwrap().notes, &wanted);
    for wrong in [wrapped(&[odd]), wrapped(&[crate::fixtures::chunk(*b"data", b"")])] {
        assert!(matches!(parse(&wrong), Err(Fault::Malformed(text)) if !text.is_empty()));
    }
}

/// Lengths and counts that lie, numbers that go on for ever, status bytes that are missing.
#[test]
fn broken_bytes_are_errors() {
    let play = track(&[0, 0x90, 60, 9, 100, 0x80, 60, 0]);
    for length in [0u32, 1 << 31, u32::MAX] {
        let mut bytes = smf(0, 480, &[&play]);
        bytes[18..22].copy_from_slice(&length.to_be_bytes());
        assert!(parse(&bytes).is_err(), "a track of {length} bytes");
    }
    for events in
        [&[0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0x90, 60, 9][..], &[0, 60, 9], &[0, 0x90, 0x80, 9], &[0, 0xFF, 0x51, 9, 1]]
    {
        assert!(matches!(parse(&smf(0, 480, &[&track(events)])), Err(Fault::Malformed(_))), "{events:?}");
    }
}

/// As many tracks as the header can count, all but one without a note.
#[test]
fn as_many_tracks_as_can_be() {
    let play = track(&[0, 0x90, 60, 9, 96, 0x80, 60, 0]);
    let mut tracks = vec![&END[..]; 65_534];
    tracks.push(&play);
    close(&parse(&smf(1, 96, &tracks)).unwrap().notes, &[note(0.0, 0.5, 60, 9)]);
}

/// The longest deltas at the slowest tempo, one after another: the last note ends some 60,000 years from now. Times stay
/// finite and ordered, windows end where they always do, and rendering stops where it is told to.
#[test]
fn music_of_the_far_future() {
    let mut events = vec![0, 0xFF, 0x51, 3, 0xFF, 0xFF, 0xFF, 0, 0x90, 60, 9];
    for _ in 0..400 {
        events.extend([0xFF, 0xFF, 0xFF, 0x7F, 0xB0, 1, 1]);
    }
    events.extend([0, 0x80, 60, 0]);
    let score = parse(&smf(0, 1, &[&track(&events)])).unwrap();
    let end_s = 400.0 * f64::from((1 << 28) - 1) * 16.777_215;
    assert!((score.end_s / end_s - 1.0).abs() < 1e-12);
    assert_eq!(score.pedal(), []);
    let (windows, durations) = (crate::fixtures::windows(), crate::fixtures::durations());
    let block = crate::tokens::rows(&score.notes, windows.n_windows(score.end_s), &windows, &durations);
    assert_eq!(block.n_windows(), 100);
}

/// A million notes: read, in order.
#[test]
fn a_million_notes() {
    let mut events = vec![0, 0x90, 60, 9];
    for i in 0..1_999_998u32 {
        events.extend([(i % 2) as u8, 60 + (i / 2 % 12) as u8, if i % 2 == 0 { 0 } else { 9 }]);
    }
    events.extend([0, 71, 0]);
    let score = parse(&smf(0, 480, &[&track(&events)])).unwrap();
    assert_eq!((score.notes.len(), score.events.len()), (1_000_000, 2_000_000));
    assert!(score.notes.is_sorted_by(|a, b| a.onset_s <= b.onset_s));
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
