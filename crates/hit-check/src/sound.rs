//! Levels of decoded sound: silence, clipping, offset from zero.

use hit_schema::Note;
use serde::Serialize;

use crate::report::{Finding, Kind, Severity};

/// A peak below this is silence, dB relative to full scale.
pub const SILENT_DB: f64 = -60.0;
/// A peak below this is a recording with the gain turned down: 16 bits keep 9 of theirs.
pub const QUIET_DB: f64 = -40.0;
/// Share of the seconds in which notes sound that may be digital zero.
pub const DEAD_SHARE: f64 = 0.2;
/// A mean further from zero than this is an offset of the converter (-40 dB of full scale).
pub const DC: f64 = 0.01;
/// Share of samples that may be clipped: 1 in 10,000 is half a sample in each of the paper's windows' onsets.
pub const CLIPPED_SHARE: f64 = 1e-4;
/// Full scale: 16-bit files end at 32,767 of 32,768.
const FULL_SCALE: f32 = 0.9995;
/// Samples at full scale in a row that make clipping; a peak that just touches it has fewer.
const RUN: usize = 3;
/// What silence is written as, dB: JSON has no infinity.
const FLOOR_DB: f64 = -200.0;

/// Levels of the sound that was decoded.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Levels {
    /// Largest magnitude, dB relative to full scale; -200 for silence.
    pub peak_db: f64,
    /// Root mean square, dB relative to full scale; -200 for silence.
    pub rms_db: f64,
    /// Mean of the samples, full scale is 1.
    pub mean: f64,
    /// Share of samples at full scale in runs of 3 or more, of the mean of the channels.
    pub clipped_share: f64,
    /// Share of the seconds in which notes sound that are digital zero.
    pub dead_share: f64,
}

impl Levels {
    /// Measures `samples`, mono at `rate_hz`, and the seconds in which one of `notes` sounds.
    pub fn of(samples: &[f32], rate_hz: u32, notes: &[Note]) -> Self {
        let n = samples.len().max(1) as f64;
        let (mut sum, mut squares, mut peak) = (0.0, 0.0, 0.0f32);
        for &sample in samples {
            sum += f64::from(sample);
            squares += f64::from(sample) * f64::from(sample);
            peak = peak.max(sample.abs());
        }
        Self {
            peak_db: db(f64::from(peak)),
            rms_db: db((squares / n).sqrt()),
            mean: sum / n,
            clipped_share: clipped(samples) as f64 / n,
            dead_share: dead_share(samples, rate_hz, notes),
        }
    }

    /// What is wrong with them; the caller adds whose they are.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        if self.peak_db < SILENT_DB {
            let what = format!("its peak is at {:.0} dBFS: there is no sound in it", self.peak_db);
            found.push(Finding::new(Kind::Silent, Severity::Error, what, "get the file again"));
            return found;
        }
        if self.dead_share > DEAD_SHARE {
            let what = format!("{:.0} % of the seconds in which notes sound are digital zero", 100.0 * self.dead_share);
            found.push(Finding::new(Kind::Silent, Severity::Error, what, "get the file again: parts of it are lost"));
        }
        if self.peak_db < QUIET_DB {
            let what = format!("its peak is at {:.1} dBFS", self.peak_db);
            found.push(Finding::new(Kind::Quiet, Severity::Warning, what, "look for a recording at its usual level"));
        }
        if self.clipped_share > CLIPPED_SHARE {
            let what = format!("{:.3} % of its samples are clipped at full scale", 100.0 * self.clipped_share);
            found.push(Finding::new(Kind::Clipped, Severity::Warning, what, "look for a recording at a lower level"));
        }
        if self.mean.abs() > DC {
            let what = format!("its mean is {:.3} of full scale", self.mean);
            let advice = "high-pass the file at 20 Hz; the offset is energy that no note has";
            found.push(Finding::new(Kind::DcOffset, Severity::Warning, what, advice));
        }
        found
    }
}

fn db(amplitude: f64) -> f64 {
    (20.0 * libm::log10(amplitude)).max(FLOOR_DB)
}

/// Samples at full scale in runs of [`RUN`] or more.
fn clipped(samples: &[f32]) -> usize {
    let is_full = |sample: &f32| sample.abs() >= FULL_SCALE;
    let runs = samples.chunk_by(|a, b| is_full(a) == is_full(b) && (a < &0.0) == (b < &0.0));
    runs.filter(|run| run.len() >= RUN && is_full(&run[0])).map(<[f32]>::len).sum()
}

/// Of the whole seconds in which a note sounds, the share whose samples are all zero; 0 if there is none.
fn dead_share(samples: &[f32], rate_hz: u32, notes: &[Note]) -> f64 {
    let blocks: Vec<&[f32]> = samples.chunks_exact(rate_hz.max(1) as usize).collect();
    // +1 where a note starts to sound and -1 after it: linear, however many notes there are and however long
    let mut steps = vec![0i64; blocks.len() + 1];
    for note in notes {
        let (from, to) = (note.onset_s.max(0.0) as usize, note.offset_s.max(0.0).ceil() as usize);
        let to = to.min(blocks.len());
        steps[from.min(to)] += 1;
        steps[to] -= 1;
    }
    let running = |sum: &mut i64, step: i64| {
        *sum += step;
        Some(*sum > 0)
    };
    let sounds: Vec<bool> = steps.into_iter().scan(0, running).take(blocks.len()).collect();
    let n = sounds.iter().filter(|sounds| **sounds).count();
    let is_dead = |(block, sounds): &(&&[f32], &bool)| **sounds && block.iter().all(|sample| *sample == 0.0);
    blocks.iter().zip(&sounds).filter(is_dead).count() as f64 / n.max(1) as f64
}

#[cfg(test)]
mod tests;
