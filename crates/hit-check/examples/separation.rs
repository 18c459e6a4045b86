//! How well right and wrong pairs of a corpus are told apart: the numbers behind the thresholds of `pairing`.
//!
//! `cargo run --release --example separation -- FOLDER [SECONDS]` holds the audio of each performance against the MIDI of
//! each, prints the extremes of both groups, how many are misjudged (and which) or not told, and the error of the offset
//! after cutting or padding the audio. Rows with the same notes are no wrong pairs and are not held against each other.

use std::path::Path;

use hit_check::pairing::{FAIR_SCORE, MIN_ONSETS, Pairing, RATE_HZ, SCORE, SOME, STANDS_OUT, SURE_SCORE, Salience};
use hit_corpus::{audio, maestro, midi};
use hit_schema::Note;
use rayon::prelude::*;

const LAG_S: f64 = 10.0;
const SHIFTS_S: [f64; 8] = [-5.0, -1.0, -0.2, -0.05, 0.05, 0.2, 1.0, 5.0];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let root = arguments.next().expect("a folder is the first argument");
    let reach_s: f64 = arguments.next().map_or(103.0, |text| text.parse().expect("seconds are the second argument"));
    let listed = maestro::listing(Path::new(&root)).expect("the folder has a table");
    let rows: Vec<_> = listed.iter().filter_map(|row| Some((row.midi.as_ref()?, row.audio.as_ref()?))).collect();
    let notes: Vec<Vec<Note>> = rows.iter().map(|(path, _)| notes(path)).collect();
    // Per audio file: its pairing with each MIDI file, and the error of the offset after each shift.
    let found: Vec<(Vec<Pairing>, Vec<f64>)> =
        rows.par_iter().enumerate().map(|(at, (_, path))| one(path, at, &notes, reach_s)).collect();

    let mut right = Vec::new();
    let mut wrong = Vec::new();
    for (at, (row, _)) in found.iter().enumerate() {
        for (other, &pairing) in row.iter().enumerate() {
            let pair = (format!("{} with the MIDI of {}", rows[at].1.display(), rows[other].1.display()), pairing);
            if other == at {
                right.push(pair);
            } else if notes[other] != notes[at] {
                wrong.push(pair);
            }
        }
    }
    println!(
        "thresholds: {SURE_SCORE}, {FAIR_SCORE} and {SOME}, or {SCORE} and {STANDS_OUT}; {MIN_ONSETS} onsets at least"
    );
    describe("right", &right, true);
    describe("wrong", &wrong, false);
    let offsets: Vec<f64> = right.iter().map(|(_, pairing)| pairing.offset_s).collect();
    println!("offset of right pairs: {:.4} to {:.4} s", least(&offsets), most(&offsets));
    for (at, shift_s) in SHIFTS_S.into_iter().enumerate() {
        let errors: Vec<f64> = found.iter().map(|(_, errors)| errors[at].abs()).collect();
        println!("shift {shift_s:+.2} s: found within {:.4} s", most(&errors));
    }
}

fn notes(path: &Path) -> Vec<Note> {
    let bytes = fs_err::read(path).expect("the MIDI file can be read");
    midi::parse(&bytes).expect("it is a MIDI file").notes
}

/// The audio against the MIDI of all, and how far from each shift the shifted audio is found to be.
fn one(path: &Path, at: usize, notes: &[Vec<Note>], reach_s: f64) -> (Vec<Pairing>, Vec<f64>) {
    let sound = audio::read(path, RATE_HZ, reach_s).expect("the audio can be read").samples;
    let against = |samples: &[f32], notes: &[Note]| {
        let salience = Salience::of(samples).expect("samples are finite").expect("there is sound");
        salience.against(notes, LAG_S)
    };
    let salience = Salience::of(&sound).expect("samples are finite").expect("there is sound");
    let row: Vec<Pairing> = notes.iter().map(|notes| salience.against(notes, LAG_S)).collect();
    let error = |shift_s: f64| {
        let n = (shift_s.abs() * f64::from(RATE_HZ)).round() as usize;
        let shifted = if shift_s > 0.0 {
            [vec![0.0; n], sound.clone()].concat()
        } else {
            sound[n.min(sound.len() / 2)..].to_vec()
        };
        against(&shifted, &notes[at]).offset_s - row[at].offset_s - shift_s
    };
    let errors = SHIFTS_S.into_iter().map(error).collect();
    (row, errors)
}

fn describe(name: &str, pairs: &[(String, Pairing)], expected: bool) {
    let scores: Vec<f64> = pairs.iter().map(|(_, pairing)| pairing.score).collect();
    let stands_out: Vec<f64> = pairs.iter().map(|(_, pairing)| pairing.stands_out).collect();
    let count = |is_so: &dyn Fn(&Pairing) -> bool| pairs.iter().filter(|(_, pairing)| is_so(pairing)).count();
    for (pair, pairing) in pairs.iter().filter(|(_, pairing)| pairing.belongs() == Some(!expected)) {
        println!("  misjudged: {pair}: {pairing:?}");
    }
    let (a, b, c, d) = (least(&scores), most(&scores), least(&stands_out), most(&stands_out));
    let misjudged = count(&|pairing| pairing.belongs() == Some(!expected));
    let untold = count(&|pairing| pairing.belongs().is_none());
    println!("{name}: {} pairs, score {a:.2} to {b:.2}, stands out {c:.1} to {d:.1}", pairs.len());
    println!("  {misjudged} misjudged, {untold} not told");
    for (score, stand) in [(SURE_SCORE, 0.0), (FAIR_SCORE, SOME), (SCORE, STANDS_OUT)] {
        let n = count(&|pairing| pairing.score >= score && pairing.stands_out >= stand);
        println!("  {n} have a score of {score} and stand out by {stand}");
    }
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}
