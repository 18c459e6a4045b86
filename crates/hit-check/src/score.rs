//! A MIDI file as a performance on a piano.

use hit_corpus::midi::Score;
use hit_schema::Note;

use crate::pairing::{HIGHEST, LOWEST};
use crate::report::{Finding, Kind, Severity};

/// Most notes that begin within a second: in MAESTRO it is 66.
const MAX_PER_SECOND: usize = 200;
/// Fewer notes than these may well have one velocity.
const MIN_NOTES: usize = 16;

/// What is odd about the notes.
pub(crate) fn findings(score: &Score) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut warn = |kind, what: String, advice| found.push(Finding::new(kind, Severity::Warning, what, advice));
    let outside: Vec<u8> =
        score.notes.iter().map(|note| note.pitch).filter(|pitch| !(LOWEST..=HIGHEST).contains(pitch)).collect();
    if let (Some(low), Some(high)) = (outside.iter().min(), outside.iter().max()) {
        let n = outside.len();
        let what = format!("{n} notes are outside of the piano's range {LOWEST} to {HIGHEST} ({low} to {high})");
        warn(Kind::PitchRange, what, "check that it is a piano part, and not transposed");
    }
    let velocity = score.notes[0].velocity;
    if score.notes.len() >= MIN_NOTES && score.notes.iter().all(|note| note.velocity == velocity) {
        let what = format!("all {} notes have velocity {velocity}", score.notes.len());
        warn(Kind::FlatVelocities, what, "check that it is a performance and not a score");
    }
    let (n, from_s) = densest(&score.notes);
    if n > MAX_PER_SECOND {
        let what = format!("{n} notes begin in the second from {from_s:.2} s on");
        warn(Kind::NoteRate, what, "check the tempo of the file");
    }
    found
}

/// Most notes that begin within one second, and when that second starts; notes are sorted by onset.
fn densest(notes: &[Note]) -> (usize, f64) {
    let (mut best, mut end) = ((0, 0.0), 0);
    for (start, note) in notes.iter().enumerate() {
        while end < notes.len() && notes[end].onset_s < note.onset_s + 1.0 {
            end += 1;
        }
        if end - start > best.0 {
            best = (end - start, note.onset_s);
        }
    }
    best
}

#[cfg(test)]
mod tests;
