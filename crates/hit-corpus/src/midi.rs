//! Standard MIDI files to notes and channel events in seconds (midly).
//!
//! Rules, where files leave a choice:
//! * all tracks are merged; a tempo in any track counts for all of them, as the standard has it;
//! * a note-on of velocity 0 is a note-off;
//! * overlapping notes of one pitch and channel are paired first in, first out: a note-off ends the note that has
//!   sounded longest;
//! * a note that is never released ends with the file; a note-off without a note is nothing;
//! * the sustain pedal does not lengthen notes (spec 1.5); it is kept among the events, for rendering;
//! * channel 10 is percussion in General MIDI and gives no notes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::catch_unwind;
use std::path::Path;

use hit_schema::Note;
use midly::{Format, Fps, MetaMessage, MidiMessage, Smf, Timing, TrackEventKind};

/// A parsed MIDI file.
#[derive(Clone, PartialEq, Debug)]
pub struct Score {
    /// Sorted by (onset, pitch); equal ones in the order of the file. Never empty.
    pub notes: Vec<Note>,
    /// Channel messages in time order.
    pub events: Vec<ChannelEvent>,
    /// Time of the last event of the file, seconds.
    pub end_s: f64,
}

/// A channel message as bytes, with its time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ChannelEvent {
    /// Seconds from the start.
    pub time_s: f64,
    /// 0–15.
    pub channel: u8,
    /// Status without the channel: `0x80`, `0x90`, … `0xE0`.
    pub command: u8,
    /// The data bytes; the second is 0 where there is none.
    pub data: [u8; 2],
}

/// What can be wrong with a MIDI file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// It cannot be opened: nothing is known about the performance itself.
    #[error("{0}; check the path, its permissions and the disk")]
    Io(String),
    /// Its bytes are not a standard MIDI file.
    #[error("not a usable MIDI file: {0}; copy or download it again, or save it as format 0 or 1")]
    Malformed(String),
    /// A file larger than any performance.
    #[error("it has {bytes} bytes, at most {MOST_BYTES} are read: a performance has some 100 kB; check that it is one")]
    TooLarge {
        /// Its size.
        bytes: u64,
    },
    /// Format 2: its tracks are pieces of their own.
    #[error("format 2 (independent sequences) is not a performance; save it as format 0 or 1")]
    Independent,
    /// A division of 0 ticks.
    #[error("its header says 0 ticks per unit of time; save it with a program that writes MIDI")]
    NoTicks,
    /// A tempo of 0 microseconds per quarter.
    #[error("it sets a tempo of 0 microseconds per quarter note at tick {tick}; take that event out")]
    NoTempo {
        /// Where.
        tick: u64,
    },
    /// No note in it.
    #[error("it has no notes outside of channel 10; check that it is the performance")]
    NoNotes,
}

const PERCUSSION: u8 = 9;
const SUSTAIN: u8 = 64;

impl Score {
    /// Latest end of a note, seconds.
    pub fn last_offset_s(&self) -> f64 {
        self.notes.iter().map(|note| note.offset_s).fold(0.0, f64::max)
    }

    /// Intervals in which the sustain pedal of any channel is down (value ≥ 64), seconds, sorted and disjoint.
    pub fn pedal(&self) -> Vec<(f64, f64)> {
        let mut down = BTreeSet::new();
        let mut since = 0.0;
        let mut intervals = Vec::new();
        for event in &self.events {
            if event.command != 0xB0 || event.data[0] != SUSTAIN {
                continue;
            }
            let was = !down.is_empty();
            if event.data[1] >= 64 {
                down.insert(event.channel);
            } else {
                down.remove(&event.channel);
            }
            match (was, !down.is_empty()) {
                (false, true) => since = event.time_s,
                (true, false) if event.time_s > since => intervals.push((since, event.time_s)),
                _ => {}
            }
        }
        if !down.is_empty() && self.end_s > since {
            intervals.push((since, self.end_s));
        }
        intervals
    }
}

/// Bytes of a MIDI file, at most: four million notes. An event takes some 40 times its bytes while it is read.
const MOST_BYTES: u64 = 16 << 20;

/// Reads a standard MIDI file (format 0 or 1, bare or inside of RIFF).
///
/// # Errors
/// [`Fault`]. What is no regular file is not opened: a pipe would block.
pub fn read(path: &Path) -> Result<Score, Fault> {
    let io = |error: std::io::Error| Fault::Io(error.to_string());
    let metadata = fs_err::metadata(path).map_err(io)?;
    if !metadata.is_file() {
        return Err(Fault::Io(format!("`{}` is not a file", path.display())));
    }
    if metadata.len() > MOST_BYTES {
        return Err(Fault::TooLarge { bytes: metadata.len() });
    }
    parse(&fs_err::read(path).map_err(io)?)
}

/// Bytes of a standard MIDI file (format 0 or 1, bare or inside of RIFF) to notes and events.
///
/// # Errors
/// [`Fault`]; never panics, whatever the bytes.
pub fn parse(bytes: &[u8]) -> Result<Score, Fault> {
    let smf = catch_unwind(|| Smf::parse(bytes))
        .map_err(|_| Fault::Malformed("the reader gave up on it".to_owned()))?
        // The kind of an error reads the same in every build profile; its chain of causes exists in debug builds only.
        .map_err(|error| Fault::Malformed(error.kind().to_string()))?;
    if smf.header.format == Format::Sequential {
        return Err(Fault::Independent);
    }
    let mut reader = Reader::new(Clock::new(smf.header.timing)?);
    for (tick, kind) in merged(&smf) {
        reader.event(tick, kind)?;
    }
    reader.finish()
}

/// Events of all tracks by tick; those of one tick by track and then as in the file.
fn merged<'a>(smf: &Smf<'a>) -> Vec<(u64, TrackEventKind<'a>)> {
    let mut events = Vec::new();
    for track in &smf.tracks {
        let mut tick = 0;
        for event in track {
            tick += u64::from(event.delta.as_int());
            events.push((tick, event.kind));
        }
    }
    events.sort_by_key(|(tick, _)| *tick);
    events
}

/// Ticks to seconds, in integers up to the last division, so that no error adds up.
struct Clock {
    tick: u64,
    elapsed: u128,
    per_tick: u64,
    per_second: f64,
    metrical: bool,
}

/// Microseconds per quarter until a tempo is set: 120 per minute, by the standard.
const DEFAULT_TEMPO_US: u64 = 500_000;

impl Clock {
    fn new(timing: Timing) -> Result<Self, Fault> {
        let (per_tick, per_second, metrical) = match timing {
            Timing::Metrical(ppq) => (DEFAULT_TEMPO_US, f64::from(ppq.as_int()) * 1e6, true),
            Timing::Timecode(fps, subframe) => (1, frames_per_second(fps) * f64::from(subframe), false),
        };
        if per_second == 0.0 {
            return Err(Fault::NoTicks);
        }
        Ok(Self { tick: 0, elapsed: 0, per_tick, per_second, metrical })
    }

    fn advance(&mut self, tick: u64) -> f64 {
        self.elapsed += u128::from(tick - self.tick) * u128::from(self.per_tick);
        self.tick = tick;
        self.elapsed as f64 / self.per_second
    }

    fn tempo(&mut self, us_per_quarter: u64) -> Result<(), Fault> {
        if us_per_quarter == 0 {
            return Err(Fault::NoTempo { tick: self.tick });
        }
        if self.metrical {
            self.per_tick = us_per_quarter;
        }
        Ok(())
    }
}

fn frames_per_second(fps: Fps) -> f64 {
    match fps {
        Fps::Fps24 => 24.0,
        Fps::Fps25 => 25.0,
        Fps::Fps29 => 30_000.0 / 1001.0,
        Fps::Fps30 => 30.0,
    }
}

struct Reader {
    clock: Clock,
    now_s: f64,
    notes: Vec<Note>,
    open: BTreeMap<(u8, u8), VecDeque<usize>>,
    events: Vec<ChannelEvent>,
}

impl Reader {
    fn new(clock: Clock) -> Self {
        Self { clock, now_s: 0.0, notes: Vec::new(), open: BTreeMap::new(), events: Vec::new() }
    }

    fn event(&mut self, tick: u64, kind: TrackEventKind<'_>) -> Result<(), Fault> {
        self.now_s = self.clock.advance(tick);
        match kind {
            TrackEventKind::Meta(MetaMessage::Tempo(tempo)) => self.clock.tempo(u64::from(tempo.as_int()))?,
            TrackEventKind::Midi { channel, message } => self.message(channel.as_int(), message),
            _ => {}
        }
        Ok(())
    }

    fn message(&mut self, channel: u8, message: MidiMessage) {
        let (command, data) = bytes_of(message);
        self.events.push(ChannelEvent { time_s: self.now_s, channel, command, data });
        if channel == PERCUSSION {
            return;
        }
        match message {
            MidiMessage::NoteOn { key, vel } if vel.as_int() > 0 => {
                let note =
                    Note { onset_s: self.now_s, offset_s: f64::NAN, pitch: key.as_int(), velocity: vel.as_int() };
                self.open.entry((channel, note.pitch)).or_default().push_back(self.notes.len());
                self.notes.push(note);
            }
            MidiMessage::NoteOn { key, .. } | MidiMessage::NoteOff { key, .. } => {
                let queue = self.open.get_mut(&(channel, key.as_int()));
                if let Some(idx) = queue.and_then(VecDeque::pop_front) {
                    self.notes[idx].offset_s = self.now_s;
                }
            }
            _ => {}
        }
    }

    fn finish(mut self) -> Result<Score, Fault> {
        if self.notes.is_empty() {
            return Err(Fault::NoNotes);
        }
        for idx in self.open.into_values().flatten() {
            self.notes[idx].offset_s = self.now_s;
        }
        self.notes.sort_by(|a, b| a.onset_s.total_cmp(&b.onset_s).then(a.pitch.cmp(&b.pitch)));
        Ok(Score { notes: self.notes, events: self.events, end_s: self.now_s })
    }
}

fn bytes_of(message: MidiMessage) -> (u8, [u8; 2]) {
    match message {
        MidiMessage::NoteOff { key, vel } => (0x80, [key.as_int(), vel.as_int()]),
        MidiMessage::NoteOn { key, vel } => (0x90, [key.as_int(), vel.as_int()]),
        MidiMessage::Aftertouch { key, vel } => (0xA0, [key.as_int(), vel.as_int()]),
        MidiMessage::Controller { controller, value } => (0xB0, [controller.as_int(), value.as_int()]),
        MidiMessage::ProgramChange { program } => (0xC0, [program.as_int(), 0]),
        MidiMessage::ChannelAftertouch { vel } => (0xD0, [vel.as_int(), 0]),
        MidiMessage::PitchBend { bend } => {
            let value = bend.0.as_int();
            (0xE0, [(value & 0x7F) as u8, (value >> 7) as u8])
        }
    }
}

#[cfg(test)]
mod tests;
