//! Composition: themes, a form that brings them back, a performance with bent time and shaped dynamics, as MIDI.

use hit_stage::Seed;
use midly::num::{u4, u7, u15, u24, u28};
use midly::{Format, Header, MetaMessage, MidiMessage, Smf, Timing, TrackEvent, TrackEventKind};

use super::dice::Dice;
use super::style::{Style, Texture};

/// Ticks in a quarter.
const PPQ: i64 = 480;
/// Ticks in the unit of rhythms, a sixteenth.
const UNIT: i64 = PPQ / 4;
/// What is kept free at the end for the last chord and its decay, seconds.
const ENDING_S: f64 = 3.0;

/// Orders in which the three themes of a piece appear; the first always comes back.
const FORMS: [&[usize]; 5] = [&[0, 1, 0, 2], &[0, 0, 1, 0, 2], &[0, 1, 2, 0, 1], &[0, 2, 0, 1, 0], &[0, 1, 0, 2, 1, 0]];

/// Four bars of music.
struct Theme {
    scale: &'static [i32],
    /// Semitones from the tonic of the piece.
    shift: i32,
    progression: [i32; 4],
    /// Notes of each bar: length in sixteenths, scale degree, whether it is a rest.
    melody: Vec<Vec<(i64, i32, bool)>>,
    texture: Texture,
    /// 0..1 between the softest and the loudest velocity of the style.
    dynamic: f64,
    octave: i32,
    tempo: f64,
}

impl Theme {
    fn draw(style: &Style, dice: &mut Dice, idx: usize) -> Self {
        let scale = dice.pick(style.scales);
        let progression = dice.pick(style.progressions);
        let (shift, octave) = match idx {
            0 => (0, 0),
            1 => (dice.pick(&[7, 5, -3, 3]), dice.pick(&[1, 0, -1])),
            _ => (dice.pick(&[-4, 4, 2, -5]), dice.pick(&[-1, -1, 1])),
        };
        let dynamic = match idx {
            0 => dice.within((0.35, 0.65)),
            1 => dice.within((0.0, 0.4)),
            _ => dice.within((0.65, 1.0)),
        };
        // Three rhythms a theme, not all: that is what makes it one.
        let rhythms: Vec<_> = (0..3).map(|_| dice.pick(style.rhythms)).collect();
        let rest = if idx == 1 { 0.2 } else { 0.06 };
        let mut theme = Self {
            scale,
            shift,
            progression,
            melody: Vec::new(),
            texture: dice.pick(style.textures),
            dynamic,
            octave,
            tempo: dice.within((0.9, 1.12)),
        };
        let mut degree = progression[0] + dice.pick(&[0, 2, 4]);
        for bar in 0..4 {
            // The third bar repeats the rhythm and the steps of the first over its own chord.
            let line = if bar == 2 {
                let by = progression[2] - progression[0];
                theme.melody[0].iter().map(|&(units, degree, rest)| (units, degree + by, rest)).collect()
            } else {
                theme.line(style, dice, &rhythms, &mut degree, progression[bar], rest)
            };
            theme.melody.push(line);
        }
        theme
    }

    /// One bar of melody: a walk by steps that meets the chord on strong beats.
    fn line(
        &self,
        style: &Style,
        dice: &mut Dice,
        rhythms: &[&[i64]],
        degree: &mut i32,
        root: i32,
        rest: f64,
    ) -> Vec<(i64, i32, bool)> {
        let length = style.beats * 4;
        let span = self.scale.len() as i32;
        let mut line = Vec::new();
        let mut at = 0;
        while at < length {
            for &units in dice.pick(rhythms) {
                let units = units.min(length - at);
                if units == 0 {
                    break;
                }
                *degree += dice.pick(&[-2, -1, -1, 0, 1, 1, 2, 3, -3]);
                if at % 8 == 0 {
                    let near = |tone: i32| {
                        ((*degree - root - tone).rem_euclid(span)).min((root + tone - *degree).rem_euclid(span))
                    };
                    let tone = [0, 2, 4].into_iter().min_by_key(|&tone| near(tone)).unwrap_or(0);
                    let above = (root + tone - *degree).rem_euclid(span);
                    *degree += if above > span / 2 { above - span } else { above };
                }
                // The walk is pulled back when it leaves an octave around the tonic.
                *degree -= if *degree > span { span / 2 } else { 0 };
                *degree += if *degree < -span { span / 2 } else { 0 };
                line.push((units, *degree, dice.chance(rest)));
                at += units;
            }
        }
        line
    }

    fn pitch(&self, tonic: i32, degree: i32) -> i32 {
        let span = self.scale.len() as i32;
        tonic + self.shift + self.scale[degree.rem_euclid(span) as usize] + 12 * degree.div_euclid(span)
    }
}

/// A note in ticks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Key {
    pitch: u8,
    tick: i64,
    ticks: i64,
    velocity: u8,
    right: bool,
}

/// A performance being written.
struct Take<'a> {
    style: &'a Style,
    dice: Dice,
    tonic: i32,
    tick: i64,
    time_s: f64,
    keys: Vec<Key>,
    tempos: Vec<(i64, u32)>,
    pedal: Vec<(i64, bool)>,
}

/// How a section is played this time.
#[derive(Clone, Copy)]
struct Manner {
    octave: i32,
    dynamic: f64,
    texture: Texture,
    tempo: f64,
    doubled: bool,
}

/// Composes a piece that ends before `duration_s`, as bytes of a MIDI file.
pub fn compose(style: &Style, seed: Seed, duration_s: f64) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    let themes: Vec<Theme> = (0..3).map(|idx| Theme::draw(style, &mut dice, idx)).collect();
    let form = dice.pick(&FORMS);
    let quarters_per_minute = dice.within(style.tempo);
    // The tonic nearest to the composer's register, any of the twelve.
    let tonic = style.centre - 6 + dice.within((0.0, 12.0)).floor() as i32;
    let (keys, tempos, pedal) = (Vec::new(), Vec::new(), Vec::new());
    let mut take = Take { style, dice, tonic, tick: 0, time_s: 0.0, keys, tempos, pedal };
    let mut last = &themes[0];
    'piece: for (nth, &idx) in form.iter().cycle().enumerate() {
        let theme = &themes[idx];
        let manner = take.manner(theme, nth, quarters_per_minute);
        for bar in 0..4 {
            let bar_s = style.beats as f64 * 60.0 / manner.tempo * (1.0 + 3.0 * style.rubato);
            if take.time_s + bar_s + ENDING_S > duration_s {
                break 'piece;
            }
            take.bar(theme, bar, manner);
        }
        last = theme;
    }
    take.ending(last, duration_s);
    take.into_midi()
}

impl Take<'_> {
    /// Themes come back changed: in another octave, louder or softer, with another accompaniment.
    fn manner(&mut self, theme: &Theme, nth: usize, quarters_per_minute: f64) -> Manner {
        let again = nth > 0;
        let octave = theme.octave + if again { self.dice.pick(&[0, 0, 1, -1]) } else { 0 };
        let dynamic = (theme.dynamic + if again { self.dice.within((-0.3, 0.3)) } else { 0.0 }).clamp(0.0, 1.0);
        let changes = again && self.dice.chance(0.35);
        let texture = if changes { self.dice.pick(self.style.textures) } else { theme.texture };
        let tempo = quarters_per_minute * theme.tempo;
        let doubled = self.dice.chance(self.style.doubling);
        Manner { octave: octave.clamp(-1, 1), dynamic, texture, tempo, doubled }
    }

    fn bar(&mut self, theme: &Theme, bar: usize, manner: Manner) {
        let start = self.tick;
        self.melody(theme, bar, manner);
        self.accompaniment(theme, bar, manner);
        if self.style.pedal {
            self.pedal.push((start + 40, true));
            self.pedal.push((start + self.style.beats * PPQ - 30, false));
        }
        for beat in 0..self.style.beats {
            // The phrase moves on in its middle and yields at its end; each beat wavers a little.
            let phrase = (bar as f64 + beat as f64 / self.style.beats as f64) / 4.0;
            let arch = 4.0 * phrase * (1.0 - phrase) - 0.5;
            let bend = 1.0 + self.style.rubato * (arch + 0.35 * self.dice.bell());
            self.beat(manner.tempo * bend);
        }
    }

    fn beat(&mut self, quarters_per_minute: f64) {
        let us = (60e6 / quarters_per_minute).round().clamp(100_000.0, 4_000_000.0);
        self.tempos.push((self.tick, us as u32));
        self.tick += PPQ;
        self.time_s += us * 1e-6;
    }

    /// Velocity at a place in the bar: the section's level, a swell over the phrase, the metre, a little chance.
    fn velocity(&mut self, bar: usize, unit: i64, manner: Manner, boost: f64) -> u8 {
        let (soft, loud) = self.style.velocity;
        let phrase = (bar as f64 + unit as f64 / (4 * self.style.beats) as f64) / 4.0;
        let swell = 10.0 * (4.0 * phrase * (1.0 - phrase) - 0.5);
        let metre = if unit == 0 {
            6.0
        } else if unit % 4 == 0 {
            2.0
        } else {
            -2.0
        };
        let level = soft + (loud - soft) * manner.dynamic + swell + metre + boost + 3.0 * self.dice.bell();
        level.round().clamp(8.0, 126.0) as u8
    }

    fn press(&mut self, pitch: i32, tick: i64, ticks: i64, velocity: u8, right: bool) {
        // Fingers are a few milliseconds early or late.
        let tick = (tick + (4.0 * self.dice.bell()) as i64).max(0);
        let pitch = fold(pitch, 24, 105) as u8;
        self.keys.push(Key { pitch, tick, ticks: ticks.max(UNIT / 4), velocity, right });
    }

    fn melody(&mut self, theme: &Theme, bar: usize, manner: Manner) {
        let mut unit = 0;
        for &(units, degree, rest) in &theme.melody[bar] {
            if !rest {
                let pitch = theme.pitch(self.tonic, degree) + 12 * manner.octave;
                let (tick, ticks) = (self.tick + unit * UNIT, (units as f64 * UNIT as f64 * self.style.legato) as i64);
                let velocity = self.velocity(bar, unit, manner, 8.0);
                self.press(pitch, tick, ticks, velocity, true);
                if manner.doubled {
                    self.press(pitch - 12, tick, ticks, velocity.saturating_sub(8).max(8), true);
                }
            }
            unit += units;
        }
    }

    /// The chord of a bar, in thirds over its root, about two octaves below the melody.
    fn chord(&self, theme: &Theme, bar: usize, manner: Manner) -> Vec<i32> {
        let root = theme.progression[bar];
        let down = if manner.octave < 0 { 12 } else { 24 };
        let tones = (0..self.style.chord_notes as i32).map(|tone| theme.pitch(self.tonic, root + 2 * tone));
        tones.map(|pitch| fold(pitch + 12 * manner.octave.max(0) - down, 30, 84)).collect()
    }

    fn accompaniment(&mut self, theme: &Theme, bar: usize, manner: Manner) {
        let chord = self.chord(theme, bar, manner);
        let bass = fold(chord[0] - 12, 28, 60);
        let top = chord[chord.len() - 1];
        let middle = chord[chord.len() / 2];
        let end = self.style.beats * 4;
        // (place, length, pitches) in sixteenths
        let mut figure: Vec<(i64, i64, Vec<i32>)> = Vec::new();
        match manner.texture {
            Texture::Chords => figure.extend((0..end).step_by(4).map(|unit| (unit, 3, chord.clone()))),
            Texture::Alberti => {
                let turn = [chord[0], top, middle, top];
                figure
                    .extend((0..end).step_by(2).zip(turn.iter().cycle()).map(|(unit, &pitch)| (unit, 2, vec![pitch])));
            }
            Texture::Arpeggio => {
                let mut turn = vec![bass, chord[0], middle, top, chord[0] + 12, middle + 12];
                turn.extend([top, middle]);
                figure.extend((0..end).zip(turn.iter().cycle()).map(|(unit, &pitch)| (unit, 2, vec![pitch])));
            }
            Texture::Stride => {
                for unit in (0..end).step_by(4) {
                    let pitches = if unit == 0 { vec![bass, bass + 12] } else { chord.clone() };
                    figure.push((unit, 2, pitches));
                }
            }
            Texture::Octaves => {
                figure.extend((0..end).step_by(2).map(|unit| (unit, 2, vec![bass, bass + 12])));
                figure.push((0, 4, chord.clone()));
            }
            Texture::Drone => {
                let mut open = chord.clone();
                open.insert(0, bass);
                figure.push((0, end, open));
            }
            Texture::Walking => {
                let mut degree = theme.progression[bar];
                for unit in (0..end).step_by(4) {
                    let pitch = fold(theme.pitch(self.tonic, degree) - 24, 33, 64);
                    figure.push((unit, 4, vec![pitch]));
                    degree += self.dice.pick(&[1, 2, -1, -2]);
                }
            }
        }
        for (unit, units, pitches) in figure {
            let velocity = self.velocity(bar, unit, manner, -8.0);
            for pitch in pitches {
                self.press(pitch, self.tick + unit * UNIT, units * UNIT - UNIT / 3, velocity, false);
            }
        }
    }

    /// A last chord on the tonic; the rest is its decay.
    fn ending(&mut self, theme: &Theme, duration_s: f64) {
        let manner = Manner { octave: 0, dynamic: 0.3, texture: Texture::Drone, tempo: 60.0, doubled: false };
        let held_s = (duration_s - self.time_s - 0.75).clamp(0.25, 4.0);
        let tonic = theme.pitch(self.tonic, 0);
        for (pitch, right) in
            [(tonic - 24, false), (tonic - 12, false), (theme.pitch(self.tonic, 2), true), (tonic, true)]
        {
            let velocity = self.velocity(0, 0, manner, 0.0);
            self.press(pitch, self.tick, (held_s * PPQ as f64) as i64, velocity, right);
        }
        self.beat(60.0);
    }

    /// Notes in an order that a piano can play: no key is pressed while it is down.
    fn playable(&mut self) -> Vec<Key> {
        self.keys.sort_unstable();
        let mut keys: Vec<Key> = Vec::with_capacity(self.keys.len());
        for key in self.keys.drain(..) {
            match keys.last_mut().filter(|last| last.pitch == key.pitch) {
                // Two hands on one key at nearly one time: one note.
                Some(last) if key.tick < last.tick + UNIT / 4 => last.ticks = last.ticks.max(key.ticks),
                Some(last) => {
                    last.ticks = last.ticks.min(key.tick - last.tick - 1);
                    keys.push(key);
                }
                None => keys.push(key),
            }
        }
        keys
    }

    fn into_midi(mut self) -> Vec<u8> {
        let keys = self.playable();
        let tempos =
            self.tempos.iter().map(|&(tick, us)| (tick, TrackEventKind::Meta(MetaMessage::Tempo(u24::from(us)))));
        let mut tracks = vec![track(tempos.collect())];
        for right in [true, false] {
            let mut events = Vec::new();
            for key in keys.iter().filter(|key| key.right == right) {
                let (pitch, velocity) = (u7::from(key.pitch), u7::from(key.velocity));
                events.push((key.tick, midi(MidiMessage::NoteOn { key: pitch, vel: velocity })));
                events.push((key.tick + key.ticks, midi(MidiMessage::NoteOn { key: pitch, vel: u7::from(0) })));
            }
            if !right {
                let (controller, values) = (u7::from(64), [u7::from(0), u7::from(127)]);
                events.extend(self.pedal.iter().map(|&(tick, down)| {
                    (tick, midi(MidiMessage::Controller { controller, value: values[usize::from(down)] }))
                }));
            }
            tracks.push(track(events));
        }
        let header = Header::new(Format::Parallel, Timing::Metrical(u15::from(PPQ as u16)));
        let mut bytes = Vec::new();
        Smf { header, tracks }.write_std(&mut bytes).expect("writing to memory");
        bytes
    }
}

/// `pitch` moved by octaves into `low..=high`, which hold at least twelve pitches.
pub(super) fn fold(pitch: i32, low: i32, high: i32) -> i32 {
    if pitch < low {
        pitch + 12 * (low - pitch + 11).div_euclid(12)
    } else if pitch > high {
        pitch - 12 * (pitch - high + 11).div_euclid(12)
    } else {
        pitch
    }
}

fn midi(message: MidiMessage) -> TrackEventKind<'static> {
    TrackEventKind::Midi { channel: u4::from(0), message }
}

/// Events by time; at one tick releases come first, so that a repeated key is up before it goes down again.
fn track(mut events: Vec<(i64, TrackEventKind<'static>)>) -> Vec<TrackEvent<'static>> {
    let presses = |kind: &TrackEventKind<'_>| matches!(kind, TrackEventKind::Midi { message: MidiMessage::NoteOn { vel, .. }, .. } if vel.as_int() > 0);
    events.sort_by_key(|(tick, kind)| (*tick, presses(kind)));
    let mut before = 0;
    let mut track: Vec<_> = events
        .into_iter()
        .map(|(tick, kind)| {
            let delta = u28::from((tick - before) as u32);
            before = tick;
            TrackEvent { delta, kind }
        })
        .collect();
    track.push(TrackEvent { delta: u28::from(0), kind: TrackEventKind::Meta(MetaMessage::EndOfTrack) });
    track
}
