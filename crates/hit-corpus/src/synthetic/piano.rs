//! A compact additive piano: inharmonic partials that decay by register and velocity, dampers, hammer noise.
//!
//! Plain `f32` multiplications and additions in a fixed order, with libm for the few transcendental functions, so the
//! same bits come out on every machine.

use hit_schema::Note;
use hit_stage::Seed;

use super::dice::Dice;
use crate::midi::Score;

/// Where and how the piano is recorded.
pub struct Hall {
    /// Sample rate, Hz.
    pub rate_hz: u32,
    /// Root mean square of the background noise, dB relative to full scale.
    pub noise_db: f64,
    /// Seed of the noises.
    pub seed: Seed,
}

/// Partials computed side by side.
const LANES: usize = 8;
/// Groups of partials of the lowest notes.
const MAX_GROUPS: usize = 2;
/// Samples between checks of whether a note is still heard.
const CHUNK: usize = 256;
/// Level below which a group of partials has died away: half a step of 16 bits.
const INAUDIBLE: f32 = 1.5e-5;
/// Level of a single note at full velocity.
const LEVEL: f64 = 0.24;
/// Above this pitch a piano has no dampers.
const TOP_DAMPER: u8 = 90;
/// Time in which a damper brings a note down by 60 dB, seconds.
const DAMPED_S: f64 = 0.16;

/// Plays a score: `round(duration_s · rate_hz)` samples, below full scale.
pub fn play(score: &Score, duration_s: f64, hall: &Hall) -> Vec<f32> {
    let n = (duration_s * f64::from(hall.rate_hz)).round() as usize;
    let mut dice = Dice::new(hall.seed);
    // Uniform noise in -1..1 has a root mean square of 1/sqrt(3).
    let noise = libm::pow(10.0, hall.noise_db / 20.0) * libm::sqrt(3.0);
    let mut out: Vec<f32> = (0..n).map(|_| dice.sample() * noise as f32).collect();
    let pedal = score.pedal();
    for note in &score.notes {
        strike(&mut out, note, damped_at(note, &pedal), f64::from(hall.rate_hz), &mut dice);
    }
    let peak = out.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
    if peak > 0.97 {
        for sample in &mut out {
            *sample *= 0.97 / peak;
        }
    }
    out
}

/// When the damper falls: at the key's release, or when the pedal that is down then comes up.
fn damped_at(note: &Note, pedal: &[(f64, f64)]) -> f64 {
    let begun = pedal.partition_point(|&(down, _)| down <= note.offset_s);
    match begun.checked_sub(1).map(|idx| pedal[idx]) {
        Some((_, up)) => note.offset_s.max(up),
        None => note.offset_s,
    }
}

/// Up to eight partials as rotating vectors that shrink.
struct Partials {
    x: [f32; LANES],
    y: [f32; LANES],
    cos: [f32; LANES],
    sin: [f32; LANES],
    damp: [f32; LANES],
}

impl Partials {
    /// Partials `first..first + LANES` (1 is the fundamental) of a note; those above 0.45 of the rate are silent.
    fn new(note: &Note, first: usize, rate: f64, dice: &mut Dice) -> Self {
        let mut partials =
            Self { x: [0.0; LANES], y: [0.0; LANES], cos: [0.0; LANES], sin: [0.0; LANES], damp: [0.0; LANES] };
        let pitch = f64::from(note.pitch);
        let force = f64::from(note.velocity) / 127.0;
        let f0 = 440.0 * libm::exp2((pitch - 69.0) / 12.0);
        let inharmonicity = 7e-5 * libm::exp2((pitch - 40.0).max(0.0) / 9.0);
        let level = LEVEL * libm::pow(force, 1.7) * libm::exp2((60.0 - pitch) / 60.0);
        // Soft notes are dull, and so are high ones; the bass keeps its upper partials.
        let slope = (1.05 - 0.8 * force) * libm::exp2((pitch - 60.0) / 26.0).clamp(0.35, 3.0);
        // From about 9 s in the bass to under 1 s at the top.
        let t60 = 9.0 * libm::exp2(-(pitch - 33.0) / 17.0);
        for lane in 0..LANES {
            let k = (first + lane) as f64;
            let phase = dice.within((0.0, core::f64::consts::TAU));
            let frequency = k * f0 * libm::sqrt(1.0 + inharmonicity * k * k);
            if frequency > 0.45 * rate {
                continue;
            }
            // The hammer strikes near an eighth of the string: partials with a node there are weak.
            let comb = libm::sin(core::f64::consts::PI * k / 8.3).abs();
            let amplitude = level * comb * libm::exp(-slope * (k - 1.0) * 0.45) / libm::pow(k, 0.7);
            let decay_s = t60 / (1.0 + (0.18 + 0.12 * force) * (k - 1.0));
            let shrink = per_sample(decay_s, rate);
            let angle = core::f64::consts::TAU * frequency / rate;
            partials.x[lane] = (amplitude * libm::cos(phase)) as f32;
            partials.y[lane] = (amplitude * libm::sin(phase)) as f32;
            partials.cos[lane] = (shrink * libm::cos(angle)) as f32;
            partials.sin[lane] = (shrink * libm::sin(angle)) as f32;
            partials.damp[lane] = (per_sample(DAMPED_S.min(decay_s), rate) / shrink) as f32;
        }
        partials
    }

    fn level(&self) -> f32 {
        self.x.iter().zip(&self.y).map(|(x, y)| x.abs() + y.abs()).sum()
    }

    fn release(&mut self) {
        for lane in 0..LANES {
            self.cos[lane] *= self.damp[lane];
            self.sin[lane] *= self.damp[lane];
        }
    }

    /// One sample on: every vector turns and shrinks; the sum of the heights is the sound.
    #[inline]
    fn next(&mut self) -> f32 {
        for lane in 0..LANES {
            let x = self.x[lane] * self.cos[lane] - self.y[lane] * self.sin[lane];
            self.y[lane] = self.x[lane] * self.sin[lane] + self.y[lane] * self.cos[lane];
            self.x[lane] = x;
        }
        let y = &self.y;
        ((y[0] + y[4]) + (y[2] + y[6])) + ((y[1] + y[5]) + (y[3] + y[7]))
    }
}

/// Factor per sample that brings a level down by 60 dB in `t60_s`.
fn per_sample(t60_s: f64, rate: f64) -> f64 {
    libm::exp(-6.907_755_278_982_137 / (t60_s * rate))
}

fn strike(out: &mut [f32], note: &Note, damped_s: f64, rate: f64, dice: &mut Dice) {
    let start = (note.onset_s * rate).round() as usize;
    let damper = if note.pitch >= TOP_DAMPER { f64::INFINITY } else { damped_s };
    let released = ((damper * rate).round() as usize).max(start);
    // Soft hammers stay on the string longer: 1.5 to 5 ms.
    let attack = (rate * (0.005 - 0.0035 * f64::from(note.velocity) / 127.0)) as usize;
    let groups = if note.pitch < 72 { MAX_GROUPS } else { 1 };
    for group in 0..groups {
        let mut partials = Partials::new(note, 1 + group * LANES, rate, dice);
        let (mut at, mut up) = (start, true);
        while at < out.len() && partials.level() > INAUDIBLE {
            if up && at >= released {
                partials.release();
                up = false;
            }
            let until = if up { released.min(at + CHUNK) } else { at + CHUNK }.min(out.len());
            for (idx, sample) in (at..until).zip(&mut out[at..until]) {
                let rise = if idx - start < attack { (idx - start) as f32 / attack as f32 } else { 1.0 };
                *sample += rise * partials.next();
            }
            at = until;
        }
    }
    knock(out, start, note, rate, dice);
}

/// The hammer and the key: a thud of 40 ms, low-passed noise, louder with force.
fn knock(out: &mut [f32], start: usize, note: &Note, rate: f64, dice: &mut Dice) {
    let n = (0.04 * rate) as usize;
    let force = f64::from(note.velocity) / 127.0;
    let shrink = per_sample(0.04, rate) as f32;
    let mut level = (0.03 * force * force) as f32;
    let mut smooth = 0.0f32;
    for idx in start..start + n {
        smooth += 0.25 * (dice.sample() - smooth);
        if let Some(sample) = out.get_mut(idx) {
            *sample += level * smooth;
        }
        level *= shrink;
    }
}
