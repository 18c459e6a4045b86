//! The composers of the embedded corpus: what makes their pieces theirs.

use hit_stage::Seed;

use super::dice::Dice;

/// How the left hand accompanies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Texture {
    /// A chord on every beat.
    Chords,
    /// Broken chords in eighths: low, high, middle, high.
    Alberti,
    /// Wide arpeggios in sixteenths, up and down.
    Arpeggio,
    /// A bass note, then chords.
    Stride,
    /// Repeated octaves in eighths.
    Octaves,
    /// One long open chord a bar.
    Drone,
    /// A second voice in quarters, against the melody.
    Walking,
}

/// A composer's habits.
#[derive(Clone, PartialEq, Debug)]
pub struct Style {
    /// Scales to choose from, semitones above the tonic.
    pub scales: &'static [&'static [i32]],
    /// Four-bar progressions to choose from: scale degrees of the roots, 0 is the tonic.
    pub progressions: &'static [[i32; 4]],
    /// Notes of a chord, stacked in thirds.
    pub chord_notes: usize,
    /// Accompaniments to choose from.
    pub textures: &'static [Texture],
    /// Rhythms of a melody's beat or two: lengths in quarter beats.
    pub rhythms: &'static [&'static [i64]],
    /// Beats in a bar.
    pub beats: i64,
    /// Tempo, quarters per minute.
    pub tempo: (f64, f64),
    /// Pitch around which melodies move.
    pub centre: i32,
    /// Velocities of the softest and the loudest section.
    pub velocity: (f64, f64),
    /// Length of melody notes relative to their place in the bar.
    pub legato: f64,
    /// Whether the sustain pedal is used, a bar at a time.
    pub pedal: bool,
    /// How far the tempo bends, relative.
    pub rubato: f64,
    /// Share of melody notes doubled an octave below.
    pub doubling: f64,
}

/// How many composers there are names for.
pub const MAX_COMPOSERS: usize = 12;

const NAMES: [(&str, &str); MAX_COMPOSERS] = [
    ("Alma Verrin", "Sonatina"),
    ("Otto Braske", "Study"),
    ("Livia Morano", "Nocturne"),
    ("Pavel Drozd", "Dance"),
    ("Ida Solheim", "Prelude"),
    ("Jun Takemori", "Image"),
    ("Rosa Quintal", "Waltz"),
    ("Emil Harrach", "Ballade"),
    ("Nora Fennell", "Invention"),
    ("Tomas Lindqvist", "March"),
    ("Clara Wehmann", "Barcarole"),
    ("Mikhail Arenko", "Etude"),
];

/// Name of composer `idx` and what the pieces are called.
pub fn composer(idx: usize) -> (&'static str, &'static str) {
    NAMES[idx % MAX_COMPOSERS]
}

const MAJOR: &[i32] = &[0, 2, 4, 5, 7, 9, 11];
const MINOR: &[i32] = &[0, 2, 3, 5, 7, 8, 11];
const DORIAN: &[i32] = &[0, 2, 3, 5, 7, 9, 10];
const LYDIAN: &[i32] = &[0, 2, 4, 6, 7, 9, 11];
const PHRYGIAN: &[i32] = &[0, 1, 3, 5, 7, 8, 10];
const WHOLE_TONE: &[i32] = &[0, 2, 4, 6, 8, 10];

const QUARTERS: &[i64] = &[4];
const EIGHTHS: &[i64] = &[2, 2];
const SIXTEENTHS: &[i64] = &[1, 1, 1, 1];
const DOTTED: &[i64] = &[3, 1];
const HALF: &[i64] = &[8];
const LONG_SHORT: &[i64] = &[6, 2];
const GALLOP: &[i64] = &[2, 1, 1];

/// The style of composer `idx`: one of six kinds, its tempo and register moved a little by the seed, so that the
/// composers beyond six are not the first six again.
pub fn style(seed: u64, idx: usize) -> Style {
    let mut style = KINDS[idx % KINDS.len()].clone();
    let mut dice = Dice::new(Seed::derive(seed, "style", &idx.to_string()));
    let bend = dice.within((0.93, 1.07)) * if idx >= KINDS.len() { 0.85 } else { 1.0 };
    style.tempo = (style.tempo.0 * bend, style.tempo.1 * bend);
    style.centre += dice.within((-2.0, 3.0)).floor() as i32 + if idx >= KINDS.len() { 4 } else { 0 };
    style
}

/// The kinds of style. No two are alike in register, density and dynamics at once.
const KINDS: [Style; 6] = [
    // Clear and light: broken chords, major, mid-high register, little pedal.
    Style {
        scales: &[MAJOR, MAJOR, MINOR],
        progressions: &[[0, 3, 4, 0], [0, 5, 1, 4], [0, 4, 0, 4], [3, 0, 4, 0]],
        chord_notes: 3,
        textures: &[Texture::Alberti, Texture::Alberti, Texture::Chords],
        rhythms: &[QUARTERS, EIGHTHS, EIGHTHS, SIXTEENTHS],
        beats: 4,
        tempo: (108.0, 132.0),
        centre: 74,
        velocity: (38.0, 92.0),
        legato: 0.75,
        pedal: false,
        rubato: 0.02,
        doubling: 0.0,
    },
    // Loud and low: octaves, minor, driving rhythm.
    Style {
        scales: &[MINOR, PHRYGIAN],
        progressions: &[[0, 5, 3, 4], [0, 0, 1, 0], [0, 3, 0, 4], [0, 6, 5, 4]],
        chord_notes: 3,
        textures: &[Texture::Octaves, Texture::Octaves, Texture::Stride],
        rhythms: &[GALLOP, DOTTED, SIXTEENTHS, EIGHTHS],
        beats: 4,
        tempo: (120.0, 150.0),
        centre: 62,
        velocity: (64.0, 118.0),
        legato: 0.55,
        pedal: false,
        rubato: 0.03,
        doubling: 0.5,
    },
    // Slow and singing: wide arpeggios, pedal, much rubato.
    Style {
        scales: &[MINOR, MAJOR],
        progressions: &[[0, 3, 0, 4], [0, 5, 3, 4], [5, 3, 0, 4], [0, 1, 4, 0]],
        chord_notes: 3,
        textures: &[Texture::Arpeggio, Texture::Arpeggio, Texture::Drone],
        rhythms: &[HALF, LONG_SHORT, QUARTERS, EIGHTHS],
        beats: 4,
        tempo: (58.0, 76.0),
        centre: 77,
        velocity: (26.0, 80.0),
        legato: 1.0,
        pedal: true,
        rubato: 0.09,
        doubling: 0.1,
    },
    // Dance in three: stride, dorian, sharp accents.
    Style {
        scales: &[DORIAN, MAJOR],
        progressions: &[[0, 6, 0, 4], [0, 3, 6, 0], [0, 2, 6, 0]],
        chord_notes: 3,
        textures: &[Texture::Stride, Texture::Stride, Texture::Chords],
        rhythms: &[DOTTED, EIGHTHS, QUARTERS, GALLOP],
        beats: 3,
        tempo: (132.0, 168.0),
        centre: 69,
        velocity: (48.0, 104.0),
        legato: 0.6,
        pedal: false,
        rubato: 0.05,
        doubling: 0.25,
    },
    // Sparse two-part writing around the middle of the keyboard.
    Style {
        scales: &[DORIAN, MINOR, MAJOR],
        progressions: &[[0, 4, 5, 2], [0, 3, 1, 4], [0, 1, 2, 4]],
        chord_notes: 2,
        textures: &[Texture::Walking, Texture::Walking, Texture::Drone],
        rhythms: &[EIGHTHS, QUARTERS, EIGHTHS, LONG_SHORT],
        beats: 4,
        tempo: (80.0, 100.0),
        centre: 67,
        velocity: (34.0, 76.0),
        legato: 0.9,
        pedal: false,
        rubato: 0.03,
        doubling: 0.0,
    },
    // Floating: whole tones and seventh chords, high, soft, long pedal.
    Style {
        scales: &[WHOLE_TONE, LYDIAN],
        progressions: &[[0, 1, 0, 2], [0, 4, 2, 4], [3, 1, 2, 0]],
        chord_notes: 4,
        textures: &[Texture::Drone, Texture::Arpeggio, Texture::Chords],
        rhythms: &[LONG_SHORT, HALF, SIXTEENTHS, QUARTERS],
        beats: 3,
        tempo: (66.0, 88.0),
        centre: 82,
        velocity: (20.0, 70.0),
        legato: 0.95,
        pedal: true,
        rubato: 0.07,
        doubling: 0.3,
    },
];
