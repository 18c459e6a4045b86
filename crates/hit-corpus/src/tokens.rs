//! Notes of a performance to the tokens of its windows (spec 1.5, 1.6).

use hit_schema::{DUMMY_NOTE, DurationBuckets, Note, Token, TokenBlock, WindowSpec};

use crate::Error;
use crate::error::require;

/// Checks that windows can be cut as `spec` says.
///
/// # Errors
/// [`Error::Spec`], naming the field.
pub fn check(spec: &WindowSpec, buckets: &DurationBuckets) -> Result<(), Error> {
    let positive = |value: f64| value.is_finite() && value > 0.0;
    require((4_000..=192_000).contains(&spec.sample_rate_hz), "sample_rate_hz", &spec.sample_rate_hz, "4000..=192000")?;
    require(positive(spec.window_s) && spec.window_samples() > 0, "window_s", &spec.window_s, "a time above 0 s")?;
    require(positive(spec.hop_s), "hop_s", &spec.hop_s, "a time above 0 s")?;
    require(spec.max_windows > 0, "max_windows", &spec.max_windows, "at least 1")?;
    require(spec.max_notes > 0, "max_notes", &spec.max_notes, "at least 1")?;
    require(buckets.n > 1, "n", &buckets.n, "at least 2 buckets")?;
    require(positive(buckets.min_s), "min_s", &buckets.min_s, "a time above 0 s")?;
    require(buckets.max_s.is_finite() && buckets.max_s > buckets.min_s, "max_s", &buckets.max_s, "a time above `min_s`")
}

/// Duration bucket: floor((n − 1) · ln(d / min) / ln(max / min)) with d clamped to min..max.
///
/// Source: spec 1.6 (the paper gives number and range, the reference the formula). With 32 buckets from 0.05 to 4 s:
/// 0.05 s → 0, 0.5 s → 16, 4 s → 31.
pub fn bucket(duration_s: f64, buckets: &DurationBuckets) -> u8 {
    let clamped = duration_s.clamp(buckets.min_s, buckets.max_s);
    // The ratio is taken first: it is exactly 1 at the upper end, whatever the rounding of the logarithm.
    let position = libm::log(clamped / buckets.min_s) / libm::log(buckets.max_s / buckets.min_s);
    (f64::from(buckets.n - 1) * position).floor() as u8
}

/// Token of a note: pitch, velocity, duration bucket of its **full** length.
pub fn token(note: &Note, buckets: &DurationBuckets) -> Token {
    let duration = bucket(note.offset_s - note.onset_s, buckets);
    Token { pitch: note.pitch, velocity: note.velocity, duration }
}

/// Tokens of window `k`: every note with onset < end and offset > start, in the order of `notes`, at most
/// `max_notes`; the dummy note if there is none.
///
/// `notes` must be sorted by (onset, pitch), as [`crate::midi::parse`] returns them.
pub fn window(notes: &[Note], k: usize, spec: &WindowSpec, buckets: &DurationBuckets) -> Vec<Token> {
    Sounding::new(notes).window(k, spec, buckets)
}

/// Tokens of the first `n_windows` windows, in time that grows with notes + windows · `max_notes`, however many
/// notes a window holds.
pub fn rows(notes: &[Note], n_windows: usize, spec: &WindowSpec, buckets: &DurationBuckets) -> TokenBlock {
    let mut sounding = Sounding::new(notes);
    TokenBlock::from_rows((0..n_windows).map(|k| sounding.window(k, spec, buckets)))
}

/// Notes that have not ended before the last window asked for, as a chain: `next[i]` is the first of them from note i on.
struct Sounding<'a> {
    notes: &'a [Note],
    next: Vec<usize>,
}

impl<'a> Sounding<'a> {
    fn new(notes: &'a [Note]) -> Self {
        Self { notes, next: (0..=notes.len()).collect() }
    }

    /// Tokens of window `k`; windows must be asked for in rising order. A note that ended before one of them has ended
    /// for those that follow: it is taken out of the chain and never met again.
    fn window(&mut self, k: usize, spec: &WindowSpec, buckets: &DurationBuckets) -> Vec<Token> {
        let start_s = spec.start_s(k);
        let end_s = start_s + spec.window_s;
        let mut row = Vec::new();
        let mut link = 0;
        while row.len() < spec.max_notes {
            let idx = self.skip_ended(link, start_s);
            let Some(note) = self.notes.get(idx).filter(|note| note.onset_s < end_s) else { break };
            row.push(token(note, buckets));
            link = idx + 1;
        }
        if row.is_empty() {
            row.push(token(&DUMMY_NOTE, buckets));
        }
        row
    }

    fn skip_ended(&mut self, link: usize, start_s: f64) -> usize {
        let mut idx = self.next[link];
        while self.notes.get(idx).is_some_and(|note| note.offset_s <= start_s) {
            idx = self.next[idx + 1];
        }
        self.next[link] = idx;
        idx
    }
}

#[cfg(test)]
mod tests;
