//! Buckets and windows: the specification's oracles, a plain reference, invariants.

use proptest::prelude::*;

use super::*;
use crate::fixtures::{durations, golden, note, windows};

/// Spec 1.6, 12: 0.05 s → 0, 0.5 s → 16, 4 s → 31; outside the range the ends.
#[test]
fn buckets_of_the_specification() {
    for (duration_s, expected) in [(0.05, 0), (0.5, 16), (4.0, 31), (0.0, 0), (-1.0, 0), (3.999, 30), (1e9, 31)] {
        assert_eq!(bucket(duration_s, &durations()), expected, "{duration_s} s");
    }
}

#[test]
fn buckets_agree_with_the_reference() {
    let pairs: Vec<(f64, u8)> = serde_json::from_value(golden()["buckets"].clone()).unwrap();
    assert!(pairs.len() > 150);
    for (duration_s, expected) in pairs {
        assert_eq!(bucket(duration_s, &durations()), expected, "{duration_s} s");
    }
}

#[test]
fn windows_agree_with_the_reference() {
    let golden = &golden()["selection"];
    let notes: Vec<(f64, f64, u8, u8)> = serde_json::from_value(golden["notes"].clone()).unwrap();
    let notes: Vec<_> = notes.into_iter().map(|(on, off, pitch, velocity)| note(on, off, pitch, velocity)).collect();
    let wanted: Vec<Vec<usize>> = serde_json::from_value(golden["windows"].clone()).unwrap();
    for (k, indices) in wanted.iter().enumerate() {
        let expected: Vec<_> = indices.iter().map(|&idx| token(&notes[idx], &durations())).collect();
        assert_eq!(window(&notes, k, &windows(), &durations()), expected, "window {k}");
    }
}

/// Spec 1.5: held-over notes belong to the window with their full length; a note that ends with its start does not,
/// nor does one that starts with its end.
#[test]
fn windows_hold_what_sounds_in_them() {
    let notes = [
        note(0.0, 1.0, 60, 1),
        note(0.5, 1.001, 61, 2),
        note(0.9, 9.0, 62, 3),
        note(4.999, 6.0, 63, 4),
        note(5.0, 6.0, 64, 5),
    ];
    let second = window(&notes, 1, &windows(), &durations());
    let pitches: Vec<_> = second.iter().map(|token| token.pitch).collect();
    assert_eq!(pitches, [61, 62, 63]);
    assert_eq!(second[1].duration, 31, "the full 8.1 s, not the 4 s in the window");
}

#[test]
fn empty_windows_hold_the_dummy_and_long_ones_are_cut() {
    let notes: Vec<_> = (0..50).map(|idx| note(4.5, 5.0, idx, 9)).collect();
    let spec = WindowSpec { max_notes: 20, ..windows() };
    let block = rows(&notes, 2, &spec, &durations());
    assert_eq!(block.row(0), [Token { pitch: 60, velocity: 64, duration: 16 }]);
    assert_eq!(block.row(1).len(), 20);
    assert_eq!(block.row(1)[19].pitch, 19);
}

/// A million notes that sound through every window, and a million that have ended before each: time must not grow with
/// windows times notes (a hundred windows of this took minutes where every window looked at every note).
#[test]
fn a_million_notes_in_a_window() {
    let spec = WindowSpec { max_notes: 50, max_windows: 100_000, ..windows() };
    let held: Vec<_> = (0..1_000_000u32).map(|i| note(0.0, 1e9, (i / 8000) as u8, 9)).collect();
    let ended: Vec<_> = (0..1_000_000u32).map(|i| note(f64::from(i) * 1e-6, 2.5, 60, 9)).collect();
    for (notes, sounding) in [(held, 100_000), (ended, 3)] {
        let block = rows(&notes, 100_000, &spec, &durations());
        assert_eq!(block.n_windows(), 100_000);
        assert!((0..sounding).all(|k| block.row(k).len() == 50));
        assert!((sounding..100_000).all(|k| block.row(k) == [token(&DUMMY_NOTE, &durations())]));
    }
}

/// What the rule says, looked up note by note.
fn plainly(notes: &[Note], k: usize, spec: &WindowSpec) -> Vec<Token> {
    let (start_s, end_s) = (spec.start_s(k), spec.start_s(k) + spec.window_s);
    let sounding = notes.iter().filter(|note| note.onset_s < end_s && note.offset_s > start_s);
    let row: Vec<_> = sounding.take(spec.max_notes).map(|note| token(note, &durations())).collect();
    if row.is_empty() { vec![token(&DUMMY_NOTE, &durations())] } else { row }
}

#[test]
fn impossible_windows_are_named() {
    let fails = |spec: WindowSpec, buckets: DurationBuckets, field: &str| {
        let error = check(&spec, &buckets).unwrap_err().to_string();
        assert!(error.contains(&format!("`{field}`")), "{error}");
    };
    check(&windows(), &durations()).unwrap();
    fails(WindowSpec { sample_rate_hz: 0, ..windows() }, durations(), "sample_rate_hz");
    fails(WindowSpec { window_s: f64::NAN, ..windows() }, durations(), "window_s");
    fails(WindowSpec { hop_s: 0.0, ..windows() }, durations(), "hop_s");
    fails(WindowSpec { max_windows: 0, ..windows() }, durations(), "max_windows");
    fails(WindowSpec { max_notes: 0, ..windows() }, durations(), "max_notes");
    fails(windows(), DurationBuckets { n: 1, ..durations() }, "n");
    fails(windows(), DurationBuckets { min_s: 0.0, ..durations() }, "min_s");
    fails(windows(), DurationBuckets { max_s: 0.05, ..durations() }, "max_s");
}

fn some_notes() -> impl Strategy<Value = Vec<Note>> {
    proptest::collection::vec((0.0f64..30.0, 0.0f64..6.0, 0u8..128, 1u8..128), 0..80).prop_map(|all| {
        let mut notes: Vec<_> = all.into_iter().map(|(on, long, p, v)| note(on, on + long, p, v)).collect();
        notes.sort_by(|a, b| a.onset_s.total_cmp(&b.onset_s).then(a.pitch.cmp(&b.pitch)));
        notes
    })
}

proptest! {
    #[test]
    fn buckets_rise_with_duration(a in 0.0f64..6.0, b in 0.0f64..6.0) {
        let (low, high) = (a.min(b), a.max(b));
        prop_assert!(bucket(low, &durations()) <= bucket(high, &durations()));
        prop_assert!(bucket(high, &durations()) < durations().n);
    }

    /// Windows as long as their distance or longer leave no note out.
    #[test]
    fn every_note_is_in_some_window(notes in some_notes()) {
        let n = 36;
        let block = rows(&notes, n, &windows(), &durations());
        prop_assert_eq!(block.n_windows(), n);
        for note in notes.iter().filter(|note| note.offset_s > note.onset_s) {
            let token = token(note, &durations());
            prop_assert!((0..n).any(|k| block.row(k).contains(&token)), "{:?}", note);
        }
    }

    /// All windows in one pass are the windows one by one, for any number of notes a window may have.
    #[test]
    fn rows_are_what_the_rule_says(notes in some_notes(), max_notes in 1usize..30, hop_s in 0.1f64..5.0) {
        let spec = WindowSpec { max_notes, hop_s, ..windows() };
        let block = rows(&notes, 40, &spec, &durations());
        for k in 0..40 {
            let wanted = plainly(&notes, k, &spec);
            prop_assert_eq!(block.row(k), &wanted[..]);
            prop_assert_eq!(window(&notes, k, &spec, &durations()), wanted);
        }
    }

    /// Shifting a performance by whole hops shifts its windows.
    #[test]
    fn windows_move_with_the_music(notes in some_notes(), hops in 0usize..5) {
        let onset = |note: &Note| (note.onset_s * 64.0).floor() / 64.0;
        let grid: Vec<_> = notes.iter().map(|n| note(onset(n), onset(n) + 0.5, n.pitch, n.velocity)).collect();
        let later: Vec<_> = grid.iter().map(|n| note(n.onset_s + hops as f64, n.offset_s + hops as f64, n.pitch, n.velocity)).collect();
        for k in 4..20 {
            prop_assert_eq!(window(&grid, k, &windows(), &durations()), window(&later, k + hops, &windows(), &durations()));
        }
    }
}
