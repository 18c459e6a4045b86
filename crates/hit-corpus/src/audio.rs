//! Audio files to mono samples at one rate.
//!
//! WAV is read here (`wav.rs`), FLAC and Ogg Vorbis by symphonia, MP3 by rusty_mp3 (`decode.rs`); any number of channels
//! (their mean is taken), no level normalisation (spec 1.4). Samples go through the resampler (`resample.rs`) as they are
//! decoded, so what is kept at any time is what was asked for and some blocks. The same file gives the same bits on every
//! machine: all of it is portable code (symphonia is built without its vector code) but that of MP3, whose vector code
//! gives the bits of its scalar code.

use std::io::{BufReader, Read, Seek, SeekFrom};
use std::ops::RangeInclusive;
use std::path::Path;

use resample::Resampler;

use crate::Error;

mod decode;
mod fft;
mod lanes;
mod resample;
mod wav;

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

/// What helps against most of it.
const ADVICE: &str = "copy or download it again, or save it as 16-bit wav";

/// What can be wrong with an audio file.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Fault {
    /// It cannot be opened: nothing is known about the performance itself.
    #[error("{0}; check the path, its permissions and the disk")]
    Io(String),
    /// Not a file of a known format, or damaged.
    #[error("it cannot be decoded as wav, flac, mp3 or ogg vorbis: {0}; {ADVICE}")]
    Undecodable(String),
    /// It ends before the length that its header states.
    #[error("it is cut off: its header promises {expected} frames, {found} are there; copy or download it again")]
    Truncated {
        /// Frames stated.
        expected: u64,
        /// Frames decoded.
        found: u64,
    },
    /// It ends in the middle of a packet or page.
    #[error("it is cut off after {after_s:.2} s; copy or download it again")]
    CutOff {
        /// Seconds decoded until then.
        after_s: f64,
    },
    /// No samples in it.
    #[error("it has no samples; copy or download it again, or leave the performance out")]
    Empty,
    /// A sample that is not a number, or infinite.
    #[error("sample {frame} (at {at_s:.3} s) is not a finite number; save it anew as 16-bit wav")]
    NotFinite {
        /// Index of the frame.
        frame: usize,
        /// Its time.
        at_s: f64,
    },
    /// A sample rate that no recording has.
    #[error("its sample rate is {0} Hz; 4,000 to 384,000 Hz are expected; {ADVICE}")]
    Rate(u32),
    /// The sample rate or the number of channels changes in mid-file.
    #[error("its sample rate or number of channels changes at {at_s:.2} s; {ADVICE}")]
    Changes {
        /// Where.
        at_s: f64,
    },
    /// Part of it is missing: what follows would come too early.
    #[error("{missing} frames are missing or damaged at {at_s:.2} s; copy or download it again")]
    Gap {
        /// Where.
        at_s: f64,
        /// Frames that are not there; 0 if frames come twice or out of order.
        missing: u64,
    },
}

/// Sample rates of recordings, Hz.
const RATES_HZ: RangeInclusive<u32> = 4_000..=384_000;

/// Decodes the first `reach_s` seconds of `path` (all of it if it is shorter) as mono at `sample_rate_hz`.
///
/// # Shapes and units
/// At most `round(reach_s · sample_rate_hz)` samples; a whole file of n frames at rate r gives
/// `round(n · sample_rate_hz / r)`. Sample k is the sound at k / `sample_rate_hz` seconds: the filter has no lag. Reading
/// less gives the head of reading more, bit by bit.
/// # Memory
/// 8 bytes a sample returned (4, and as much again while the list grows), and independently of the file's length, rate
/// and channels: some 1 MB for the resampler (130 bytes for each sample of its transform, which is four times as long as its filter,
/// or twice where that is longer than 8,192; the filter has 2r / gcd(r, `sample_rate_hz`) samples, or 512 at the lower rate if
/// that is more), and for the decoder 1 MB of WAV, up to 64 MB of
/// damaged FLAC (frames of up to 16 MB) or 150 MB of Ogg Vorbis made to take memory (code books of 64 MB, which are counted
/// before they are made, headers of 8 MB in four copies, 40 MB of buffers); metadata is stepped over, or counted as well.
/// Measured (example `memory`), of whole processes: 14 MB for the first 103 s of three hours of eight channels at 192 kHz
/// (RF64, 33 GB) and 1.04 GB for all of them, which are 1.04 GB of samples; 15 to 17 MB for 103 s of usual FLAC, MP3 and Ogg
/// Vorbis; 79 MB for the worst of the crafted Ogg files that were tried (unguarded, one of 700 bytes took 5.4 GB).
/// # Errors
/// [`Fault`]; what comes after `reach_s` is not looked at. A decoder that panics is [`Fault::Undecodable`] too; its message
/// still goes to where the process prints panics, since only a hook for the whole process could keep it back.
pub fn read(path: &Path, sample_rate_hz: u32, reach_s: f64) -> Result<Audio, Fault> {
    let wanted = Wanted { to_hz: sample_rate_hz, samples: (reach_s * f64::from(sample_rate_hz)).round() as usize };
    let (mut file, bytes) = open(path)?;
    let io = |error: std::io::Error| Fault::Io(error.to_string());
    let mut magic = Vec::new();
    Read::take(&mut file, 12).read_to_end(&mut magic).map_err(io)?;
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    if !wav::is_wav(&magic) {
        return decode::read(path, &wanted);
    }
    let mut source = BufReader::new(file);
    let head = wav::head(&mut source, bytes)?;
    let mut sink = Sink::new(head.rate_hz(), &wanted);
    head.read(&mut source, &mut sink)?;
    Ok(sink.finish(head.n_frames(), true))
}

/// Opens a regular file. Anything else would block (a pipe), never end (a device) or read nothing (a folder).
fn open(path: &Path) -> Result<(std::fs::File, u64), Fault> {
    let io = |error: std::io::Error| Fault::Io(error.to_string());
    let metadata = fs_err::metadata(path).map_err(io)?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() { "a folder" } else { "a pipe, a socket or a device" };
        return Err(Fault::Io(format!("`{}` is {what}, not a file", path.display())));
    }
    if metadata.len() == 0 {
        return Err(Fault::Empty);
    }
    Ok((fs_err::File::open(path).map_err(io)?.into_file(), metadata.len()))
}

/// What is asked for.
struct Wanted {
    to_hz: u32,
    samples: usize,
}

/// Takes mono samples at the rate of the file.
struct Sink {
    resampler: Resampler,
    from_hz: u32,
    needs: u64,
    taken: u64,
}

impl Sink {
    fn new(from_hz: u32, wanted: &Wanted) -> Self {
        let resampler = Resampler::new(from_hz, wanted.to_hz, wanted.samples);
        Self { needs: resampler.needs(), resampler, from_hz, taken: 0 }
    }

    /// Frames after which nothing changes.
    fn needs(&self) -> u64 {
        self.needs
    }

    fn taken(&self) -> u64 {
        self.taken
    }

    fn seconds(&self) -> f64 {
        self.taken as f64 / f64::from(self.from_hz)
    }

    fn push(&mut self, mono: &[f32]) -> Result<(), Fault> {
        // A straight loop over all of them, as the compiler can make vectors of; where it stops matters only on error.
        if !mono.iter().fold(true, |finite, sample| finite & sample.is_finite()) {
            let within = mono.iter().take_while(|sample| sample.is_finite()).count() as u64;
            let frame = self.taken + within;
            return Err(Fault::NotFinite { frame: frame as usize, at_s: frame as f64 / f64::from(self.from_hz) });
        }
        self.taken += mono.len() as u64;
        self.resampler.push(mono);
        Ok(())
    }

    fn finish(self, n_frames: u64, whole: bool) -> Audio {
        let duration_s = n_frames as f64 / f64::from(self.from_hz);
        Audio { samples: self.resampler.finish(), duration_s, whole }
    }
}

/// Resamples a whole signal by FFT overlap-add.
///
/// # Shapes and units
/// n samples at `from_hz` to `round(n · to_hz / from_hz)` at `to_hz`.
/// # Errors
/// [`Fault::Rate`] if a rate is none of a recording.
pub fn resample(samples: &[f32], from_hz: u32, to_hz: u32) -> Result<Vec<f32>, Fault> {
    for rate_hz in [from_hz, to_hz] {
        if !RATES_HZ.contains(&rate_hz) {
            return Err(Fault::Rate(rate_hz));
        }
    }
    let mut resampler = Resampler::new(from_hz, to_hz, usize::MAX);
    resampler.push(samples);
    Ok(resampler.finish())
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

#[cfg(test)]
pub use decode::hostile;
#[cfg(test)]
mod tests;
