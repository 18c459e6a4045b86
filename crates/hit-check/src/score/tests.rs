//! Notes that are odd, and that are not.

use hit_corpus::midi::parse;

use super::*;
use crate::fixtures::{midi_of, note};

fn kinds(notes: &[Note]) -> Vec<Kind> {
    let score = parse(&midi_of(notes, false)).unwrap();
    findings(&score).iter().map(|finding| finding.kind).collect()
}

fn run(n: usize, every_s: f64) -> Vec<Note> {
    let one = |k: usize| note(k as f64 * every_s, k as f64 * every_s + 0.2, 21 + (k % 88) as u8, 30 + (k % 50) as u8);
    (0..n).map(one).collect()
}

#[test]
fn the_whole_piano_is_fine() {
    assert_eq!(kinds(&run(88, 0.1)), []);
}

#[test]
fn one_key_too_low_or_too_high_is_found_with_its_pitch() {
    for (pitch, text) in [(20, "1 notes are outside of the piano's range 21 to 108 (20 to 20)"), (109, "(109 to 109)")]
    {
        let mut notes = run(30, 0.1);
        notes[4].pitch = pitch;
        let score = parse(&midi_of(&notes, false)).unwrap();
        let found = findings(&score);
        assert_eq!((found.len(), found[0].kind), (1, Kind::PitchRange));
        assert!(found[0].what.contains(text), "{}", found[0].what);
    }
}

#[test]
fn flat_velocities_need_enough_notes() {
    let flat = |n| run(n, 0.1).into_iter().map(|note| Note { velocity: 64, ..note }).collect::<Vec<_>>();
    assert_eq!(kinds(&flat(MIN_NOTES - 1)), []);
    assert_eq!(kinds(&flat(MIN_NOTES)), [Kind::FlatVelocities]);
    let mut one_differs = flat(MIN_NOTES);
    one_differs[9].velocity = 65;
    assert_eq!(kinds(&one_differs), []);
}

#[test]
fn more_notes_in_a_second_than_anyone_plays() {
    assert_eq!(kinds(&run(400, 0.01)), [], "100 a second");
    let found = kinds(&run(400, 0.004));
    assert_eq!(found, [Kind::NoteRate], "250 a second");
}

#[test]
fn the_densest_second_may_start_at_any_note() {
    let mut notes = run(5, 2.0);
    notes.extend((0..7).map(|k| note(20.25 + 0.14 * f64::from(k), 21.5, 60, 60)));
    notes.push(note(21.3, 22.0, 60, 60));
    assert_eq!(densest(&notes), (7, 20.25));
    assert_eq!(densest(&[]), (0, 0.0));
}
