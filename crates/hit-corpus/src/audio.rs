//! Audio files to mono samples at one rate: symphonia decodes, rubato resamples.
//!
//! WAV, FLAC, MP3 and Ogg Vorbis, any number of channels (their mean is taken), no level normalisation (spec 1.4).
//! PCM and FLAC that are at the wanted rate already pass through scalar code and give the same bits everywhere. The
//! Vorbis and MP3 decoders and the resampler share rustfft: built with symphonia's `opt-simd` it takes the widest
//! vectors of the machine, and the last bits of these may differ between CPU generations.

use std::path::Path;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};
use symphonia::core::codecs::audio::well_known::CODEC_ID_MP3;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as DecodeError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;

use crate::Error;

/// The audio of a performance, as far as windows reach.
#[derive(Clone, PartialEq, Debug)]
pub struct Audio {
    /// Mono, −1..=1 as far as the file keeps to it, at the rate asked for.
    pub samples: Vec<f32>,
    /// Length of the file, seconds: as its header states it, or as far as it was decoded.
    pub duration_s: f64,
    /// Whether `duration_s` is that of the whole file: it was decoded to its end, or its header states the length.
    pub whole: bool,
}

/// What can be wrong with an audio file.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Fault {
    /// It cannot be opened: nothing is known about the performance itself.
    #[error("{0}")]
    Io(String),
    /// Not a file of a known format, or damaged.
    #[error("it cannot be decoded as wav, flac, mp3 or ogg vorbis: {0}")]
    Undecodable(String),
    /// It ends before the length that its header states.
    #[error("it is cut off: its header promises {expected} frames, {found} are there")]
    Truncated {
        /// Frames stated.
        expected: u64,
        /// Frames decoded.
        found: u64,
    },
    /// It ends in the middle of a packet or page.
    #[error("it is cut off after {after_s:.2} s")]
    CutOff {
        /// Seconds decoded until then.
        after_s: f64,
    },
    /// No samples in it.
    #[error("it has no samples")]
    Empty,
    /// A sample that is not a number, or infinite.
    #[error("sample {frame} (at {at_s:.3} s) is not a finite number")]
    NotFinite {
        /// Index of the frame.
        frame: usize,
        /// Its time.
        at_s: f64,
    },
    /// A sample rate that no recording has.
    #[error("its sample rate is {0} Hz; 4,000 to 384,000 Hz are expected")]
    Rate(u32),
    /// The sample rate or the number of channels changes in mid-file.
    #[error("its sample rate or number of channels changes at {at_s:.2} s")]
    Changes {
        /// Where.
        at_s: f64,
    },
    /// The resampler refused.
    #[error("it cannot be resampled from {from_hz} to {to_hz} Hz: {what}")]
    Resample {
        /// Rate of the file.
        from_hz: u32,
        /// Rate wanted.
        to_hz: u32,
        /// What the resampler says.
        what: String,
    },
}

/// What is decoded past the end of the last window, seconds: more than half the resampler's block at any usual rate,
/// so that the last samples kept are filtered from real neighbours.
const MARGIN_S: f64 = 0.5;

/// Frames that the header of an MP3 file may promise too many: it counts whole packets of 1,152, the first of which
/// may be the header itself and the last half empty.
const MP3_SLACK: u64 = 2 * 1152;

/// Decodes the first `reach_s` seconds of `path` (all of it if it is shorter) as mono at `sample_rate_hz`.
///
/// # Shapes and units
/// At most `round(reach_s · sample_rate_hz)` samples; a whole file of n frames at rate r gives
/// `round(n · sample_rate_hz / r)`. Sample k is the sound at k / `sample_rate_hz` seconds: the filter has no lag.
/// # Errors
/// [`Fault`]; what comes after `reach_s` is not looked at.
pub fn read(path: &Path, sample_rate_hz: u32, reach_s: f64) -> Result<Audio, Fault> {
    let decoded = decode(path, reach_s + MARGIN_S)?;
    let rate = f64::from(decoded.rate_hz);
    let n_frames = decoded.n_frames.unwrap_or(decoded.mono.len() as u64);
    let mut samples = resample(&decoded.mono, decoded.rate_hz, sample_rate_hz)?;
    samples.truncate((reach_s * f64::from(sample_rate_hz)).round() as usize);
    Ok(Audio { samples, duration_s: n_frames as f64 / rate, whole: decoded.n_frames.is_some() })
}

struct Decoded {
    mono: Vec<f32>,
    rate_hz: u32,
    /// Frames of the whole file, where the container says so.
    n_frames: Option<u64>,
}

fn decode(path: &Path, limit_s: f64) -> Result<Decoded, Fault> {
    let undecodable = |error: DecodeError| Fault::Undecodable(error.to_string());
    let mut format = open(path)?;
    let track = format.default_track(TrackType::Audio).ok_or_else(|| missing("no audio track"))?;
    let (track_id, n_frames) = (track.id, track.num_frames);
    let params = track.codec_params.as_ref().and_then(|params| params.audio()).ok_or_else(|| missing("no codec"))?;
    let slack = if params.codec == CODEC_ID_MP3 { MP3_SLACK } else { 0 };
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(params, &AudioDecoderOptions::default())
        .map_err(undecodable)?;
    let mut mix = Mix::default();
    while mix.seconds() < limit_s {
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => {
                return mix.finish(n_frames, Some(slack));
            }
            Err(error) => return Err(mix.fault(&error)),
        };
        if packet.track_id == track_id {
            mix.decode(decoder.as_mut(), &packet)?;
        }
    }
    mix.finish(n_frames, None)
}

fn missing(what: &str) -> Fault {
    Fault::Undecodable(format!("it has {what}"))
}

fn open(path: &Path) -> Result<Box<dyn FormatReader>, Fault> {
    let io = |error: std::io::Error| Fault::Io(error.to_string());
    let file = fs_err::File::open(path).map_err(io)?;
    if file.metadata().map_err(io)?.len() == 0 {
        return Err(Fault::Empty);
    }
    let source = MediaSourceStream::new(Box::new(file.into_file()), MediaSourceStreamOptions::default());
    let mut hint = Hint::new();
    if let Some(extension) = path.extension().and_then(|extension| extension.to_str()) {
        hint.with_extension(extension);
    }
    symphonia::default::get_probe()
        .probe(&hint, source, FormatOptions::default(), MetadataOptions::default())
        .map_err(|error| Fault::Undecodable(error.to_string()))
}

/// Collects decoded packets as mono.
#[derive(Default)]
struct Mix {
    mono: Vec<f32>,
    rate_hz: u32,
    n_channels: usize,
    planes: Vec<Vec<f32>>,
}

impl Mix {
    fn seconds(&self) -> f64 {
        self.mono.len() as f64 / f64::from(self.rate_hz.max(1))
    }

    fn fault(&self, error: &DecodeError) -> Fault {
        match error {
            DecodeError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Fault::CutOff { after_s: self.seconds() }
            }
            DecodeError::ResetRequired => Fault::Changes { at_s: self.seconds() },
            other => Fault::Undecodable(format!("after {:.2} s: {other}", self.seconds())),
        }
    }

    fn decode(
        &mut self,
        decoder: &mut dyn AudioDecoder,
        packet: &symphonia::core::packet::Packet,
    ) -> Result<(), Fault> {
        let buffer = decoder.decode(packet).map_err(|error| self.fault(&error))?;
        let (rate_hz, n_channels) = (buffer.spec().rate(), buffer.spec().channels().count());
        if self.n_channels == 0 {
            if !(4_000..=384_000).contains(&rate_hz) {
                return Err(Fault::Rate(rate_hz));
            }
            (self.rate_hz, self.n_channels) = (rate_hz, n_channels);
        }
        if (self.rate_hz, self.n_channels) != (rate_hz, n_channels) {
            return Err(Fault::Changes { at_s: self.seconds() });
        }
        buffer.copy_to_vecs_planar(&mut self.planes);
        let scale = 1.0 / n_channels.max(1) as f32;
        for frame in 0..buffer.frames() {
            let sum: f32 = self.planes.iter().map(|plane| plane[frame]).sum();
            if !sum.is_finite() {
                return Err(Fault::NotFinite { frame: self.mono.len(), at_s: self.seconds() });
            }
            self.mono.push(sum * scale);
        }
        Ok(())
    }

    /// `slack` is given when the file came to its end: the frames that its header may promise too many.
    fn finish(self, n_frames: Option<u64>, slack: Option<u64>) -> Result<Decoded, Fault> {
        let found = self.mono.len() as u64;
        if let (Some(slack), Some(expected)) = (slack, n_frames)
            && found + slack < expected
        {
            return Err(Fault::Truncated { expected, found });
        }
        if self.mono.is_empty() {
            return Err(Fault::Empty);
        }
        // A file decoded to its end is as long as what came out of it, whatever an estimate in its header says.
        let n_frames = if slack.is_some() { Some(found) } else { n_frames };
        Ok(Decoded { mono: self.mono, rate_hz: self.rate_hz, n_frames })
    }
}

/// Frames of the resampler's block at the input rate, at least; longer blocks cut off more sharply.
const BLOCK: usize = 4096;

/// Resamples by FFT overlap-add with a Blackman-Harris² anti-aliasing filter.
///
/// # Shapes and units
/// n samples at `from_hz` to `round(n · to_hz / from_hz)` at `to_hz`. The block is an even number of input and of
/// output samples long, so that the filter's delay is a whole number of samples and is taken off exactly.
/// # Errors
/// [`Fault::Resample`].
pub fn resample(samples: &[f32], from_hz: u32, to_hz: u32) -> Result<Vec<f32>, Fault> {
    if from_hz == to_hz || samples.is_empty() {
        return Ok(samples.to_vec());
    }
    let refuse = |what: &dyn ToString| Fault::Resample { from_hz, to_hz, what: what.to_string() };
    let unit = from_hz as usize / gcd(from_hz, to_hz) as usize;
    let block = unit * BLOCK.div_ceil(unit).next_multiple_of(2);
    let (from, to) = (from_hz as usize, to_hz as usize);
    let mut resampler = Fft::<f32>::new_custom(from, to, block, 1, 1, WindowFunction::BlackmanHarris2, FixedSync::Both)
        .map_err(|error| refuse(&error))?;
    let input = InterleavedSlice::new(samples, 1, samples.len()).map_err(|error| refuse(&error))?;
    let output = resampler.process_all(&input, samples.len(), None).map_err(|error| refuse(&error))?;
    let mut output = output.take_data();
    let n_out = (samples.len() as u64 * u64::from(to_hz) + u64::from(from_hz) / 2) / u64::from(from_hz);
    output.resize(n_out as usize, 0.0);
    Ok(output)
}

/// Samples as a 16-bit mono WAV file, rounded to the nearest step, clipped at full scale.
///
/// # Errors
/// [`Error::Io`] if the file grows past what the format holds (4 GiB).
pub fn wav(samples: &[f32], sample_rate_hz: u32) -> Result<Vec<u8>, Error> {
    let failed = |error: hound::Error| Error::Io(std::io::Error::other(error));
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: sample_rate_hz,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).map_err(failed)?;
    for sample in samples {
        let step = (sample * 32_768.0).round().clamp(-32_768.0, 32_767.0);
        writer.write_sample(step as i16).map_err(failed)?;
    }
    writer.finalize().map_err(failed)?;
    Ok(bytes.into_inner())
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests;
