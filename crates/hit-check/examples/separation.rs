//! How well right and wrong pairs of a corpus are told apart: the numbers behind the thresholds of `pairing`.
//!
//! `cargo run --release --example separation -- FOLDER [SECONDS]` holds the audio of each performance against the MIDI of
//! each, prints the extremes of both groups, and the error of the offset after cutting or padding the audio.

use std::path::Path;

use hit_check::pairing::{MIN_ONSETS, Pairing, RATE_HZ, SCORE, STANDS_OUT, SURE_SCORE, Salience};
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
    let found: Vec<(Vec<Pairing>, Vec<f64>)> =
        rows.par_iter().enumerate().map(|(at, (_, path))| one(path, at, &notes, reach_s)).collect();

    let right: Vec<Pairing> = found.iter().enumerate().map(|(at, (row, _))| row[at]).collect();
    let wrong: Vec<Pairing> = found
        .iter()
        .enumerate()
        .flat_map(|(at, (row, _))| row.iter().enumerate().filter(move |(other, _)| *other != at).map(|(_, p)| *p))
        .collect();
    println!("thresholds: {SURE_SCORE}, or {SCORE} and {STANDS_OUT}; at least {MIN_ONSETS} onsets");
    describe("right", &right, Some(true));
    describe("wrong", &wrong, Some(false));
    let offsets: Vec<f64> = right.iter().map(|pairing| pairing.offset_s).collect();
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

fn describe(name: &str, pairs: &[Pairing], expected: Option<bool>) {
    let scores: Vec<f64> = pairs.iter().map(|pairing| pairing.score).collect();
    let stands_out: Vec<f64> = pairs.iter().map(|pairing| pairing.stands_out).collect();
    let misjudged = pairs.iter().filter(|pairing| pairing.belongs() != expected).count();
    let (n, a, b) = (pairs.len(), least(&scores), most(&scores));
    let (c, d) = (least(&stands_out), most(&stands_out));
    for pairing in pairs.iter().filter(|pairing| pairing.belongs() != expected) {
        println!("  misjudged: {pairing:?}");
    }
    println!("{name}: {n} pairs, score {a:.2} to {b:.2}, stands out {c:.1} to {d:.1}, {misjudged} misjudged");
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}
