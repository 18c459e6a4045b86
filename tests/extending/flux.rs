//! Descriptor flux: how much louder eight octave bands get. An extra, not in the paper.

use super::a4::{BAND_EDGES, N_BANDS};
use super::{Compute, Descriptor, Error, Rows, Stft, Variant};

/// The extra in the list of descriptors.
pub const DESCRIPTOR: Descriptor = Descriptor {
    id: "flux",
    title: "octave-band spectral flux",
    dims: N_BANDS,
    rows: Rows::Frames,
    shape: "188 x 8",
    source: "extra (not in the paper)",
    formula: "per octave band: mean over its bins of what ln(1 + |X|) rises by, 0 where it falls",
    compute: Compute::Audio(flux),
    examine: None,
};

/// Octave-band spectral flux of one segment: onsets, without the decays that A4 has as well.
///
/// # Shapes and units
/// `audio`: `[n_samples]`, mono, 24 kHz, −1..=1. Returns `[n_frames, 8]`, row-major, none below 0; 188 frames for 96,000
/// samples, the first one zero. Bands are those of A4. Both variants are the same.
/// # Errors
/// [`Error::TooShort`] up to 1,024 samples, [`Error::NotFinite`].
pub fn flux(stft: &mut Stft, audio: &[f32], _: Variant) -> Result<Vec<f32>, Error> {
    let mut rows = Vec::with_capacity(Stft::n_frames(audio.len()) * N_BANDS);
    let mut before: Vec<f64> = Vec::new();
    stft.for_each_frame(audio, |_, magnitudes| {
        let now: Vec<f64> = magnitudes.iter().map(|m| libm::log1p(*m)).collect();
        for edge in BAND_EDGES.windows(2) {
            let rise = |bin: usize| before.get(bin).map_or(0.0, |last| (now[bin] - last).max(0.0));
            let sum: f64 = (edge[0]..edge[1]).map(rise).sum();
            rows.push((sum / (edge[1] - edge[0]) as f64) as f32);
        }
        before = now;
    })?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1,054.6875 Hz (bin 90, band 4) after a second of silence, with that decay per sample.
    fn tone(decay: f64) -> Vec<f32> {
        let sample = |i: usize| {
            let (angle, age) = (std::f64::consts::PI * 90.0 * i as f64 / 1024.0, i as f64 - 24_000.0);
            if age < 0.0 { 0.0 } else { (0.5 * angle.cos() * (-decay * age).exp()) as f32 }
        };
        (0..96_000).map(sample).collect()
    }

    fn described(audio: &[f32]) -> Vec<f32> {
        flux(&mut Stft::new(), audio, Variant::Reference).unwrap()
    }

    #[test]
    fn it_is_an_onset_in_its_band_and_nothing_else() {
        let rows = described(&tone(1e-4));
        assert_eq!(rows.len(), 188 * N_BANDS);
        assert!(rows.iter().all(|value| *value >= 0.0));
        // The window of frame 45 is the first that reaches the onset, that of frame 49 the first behind it.
        let (silence, rest) = rows.split_at(45 * N_BANDS);
        let (onset, decay) = rest.split_at(4 * N_BANDS);
        assert!(silence.iter().all(|value| *value == 0.0));
        let risen = |band: usize| onset.iter().skip(band).step_by(N_BANDS).sum::<f32>();
        assert!((0..N_BANDS).all(|band| band == 4 || risen(band) < risen(4)));
        // The last frames see the segment mirrored, so there the tone rises again.
        assert!(decay[N_BANDS..130 * N_BANDS].iter().all(|value| *value < 1e-3));
    }

    #[test]
    fn the_sign_of_the_audio_changes_no_bit() {
        let audio = tone(0.0);
        let turned: Vec<f32> = audio.iter().map(|sample| -sample).collect();
        assert_eq!(described(&audio), described(&turned));
    }

    #[test]
    fn what_cannot_be_described_is_refused() {
        let refusal = |audio: &[f32]| flux(&mut Stft::new(), audio, Variant::Reference).unwrap_err();
        assert_eq!(refusal(&[0.0; 1024]), Error::TooShort { found: 1024 });
        assert_eq!(refusal(&[f32::NAN; 4096]), Error::NotFinite { sample: 0 });
    }
}
