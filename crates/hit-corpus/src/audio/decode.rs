//! FLAC, MP3 and Ogg Vorbis through symphonia, which is kept from what a hostile file could make it do. Of MP3 it finds
//! the packets; what decodes them is `mp3.rs`.

use std::fmt::Display;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use symphonia::core::audio::conv::FromSample;
use symphonia::core::audio::sample::Sample;
use symphonia::core::audio::{Audio as _, AudioBuffer, GenericAudioBufferRef};
use symphonia::core::codecs::audio::well_known::{CODEC_ID_MP3, CODEC_ID_VORBIS};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as DecodeError;
use symphonia::core::formats::probe::{Hint, Probe};
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;
use symphonia::default::formats::{FlacReader, MpaReader, OggReader};

use source::{Kind, Source};

use super::{Audio, Fault, RATES_HZ, Sink, Wanted};

mod books;
mod mp3;
mod ogg;
mod source;

/// Frames that the header of an MP3 file may promise too many: it counts whole packets of 1,152, the first of which
/// may be the header itself and the last half empty.
const MP3_SLACK: u64 = 2 * 1152;

/// Decodes what is wanted of the file at `path`.
///
/// # Errors
/// [`Fault`].
pub fn read(path: &Path, wanted: &Wanted) -> Result<Audio, Fault> {
    guarded(|| decode(path, wanted))
}

/// A panic inside of a decoder is an error of its file. Nothing that `work` has touched may outlive it.
fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    let gave_up = || Fault::Undecodable("the decoder gave up on it".to_owned());
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(gave_up()))
}

fn decode(path: &Path, wanted: &Wanted) -> Result<Audio, Fault> {
    let mut format = probe(path, wanted)?;
    let track = format.default_track(TrackType::Audio).ok_or_else(|| missing("no audio track"))?;
    let (track_id, n_frames) = (track.id, track.num_frames);
    let params = track.codec_params.as_ref().and_then(|params| params.audio()).ok_or_else(|| missing("no codec"))?;
    let slack = if params.codec == CODEC_ID_MP3 { MP3_SLACK } else { 0 };
    let mut decoder = decoder(params)?;
    let mut mix = Mix::new(wanted);
    while mix.wants_more() {
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => return mix.finish(n_frames, Some(slack)),
            Err(error) => return Err(mix.fault(&error)),
        };
        if packet.track_id == track_id {
            mix.decode(&mut decoder, &packet)?;
        }
    }
    mix.finish(n_frames, None)
}

fn missing(what: &str) -> Fault {
    Fault::Undecodable(format!("it has {what}"))
}

fn probe(path: &Path, wanted: &Wanted) -> Result<Box<dyn FormatReader>, Fault> {
    let source = Source::new(path, wanted.samples as f64 / f64::from(wanted.to_hz)).map_err(|error| {
        let is_content = error.kind() == ErrorKind::InvalidData;
        if is_content { Fault::Undecodable(error.to_string()) } else { Fault::Io(error.to_string()) }
    })?;
    // The one reader for what the file starts with: none looks for sound, or for tags, where another format's would be.
    let mut probe = Probe::default();
    match source.kind() {
        Kind::Flac => probe.register_format::<FlacReader<'_>>(),
        Kind::Ogg => probe.register_format::<OggReader<'_>>(),
        Kind::Mp3 => probe.register_format::<MpaReader<'_>>(),
    }
    let source = MediaSourceStream::new(Box::new(source), MediaSourceStreamOptions { buffer_len: 1 << 18 });
    probe
        .probe(&Hint::new(), source, FormatOptions::default(), MetadataOptions::default())
        .map_err(|error| Fault::Undecodable(error.to_string()))
}

enum Decoder {
    Mp3(mp3::Decoder),
    Other(Box<dyn AudioDecoder>),
}

fn decoder(params: &AudioCodecParameters) -> Result<Decoder, Fault> {
    if params.codec == CODEC_ID_MP3 {
        return Ok(Decoder::Mp3(mp3::Decoder::default()));
    }
    if params.codec == CODEC_ID_VORBIS {
        let headers = params.extra_data.as_deref().unwrap_or_default();
        let bytes = books::bytes(headers).ok_or_else(|| missing("code books that cannot be read"))?;
        if bytes > MOST_CODE_BOOK_BYTES {
            return Err(Fault::Undecodable(format!("its code books would take {} MB", bytes >> 20)));
        }
    }
    symphonia::default::get_codecs()
        .make_audio_decoder(params, &AudioDecoderOptions::default())
        .map(Decoder::Other)
        .map_err(|error| Fault::Undecodable(error.to_string()))
}

/// Memory for the code books of a Vorbis stream.
const MOST_CODE_BOOK_BYTES: u64 = 64 << 20;

/// Hands decoded packets on as mono.
struct Mix<'a> {
    wanted: &'a Wanted,
    /// Known from the first packet on.
    sink: Option<Sink>,
    n_channels: usize,
    mono: Vec<f32>,
    /// Time at which the next packet is due, in frames.
    due: Option<i64>,
}

impl<'a> Mix<'a> {
    fn new(wanted: &'a Wanted) -> Self {
        Self { wanted, sink: None, n_channels: 0, mono: Vec::new(), due: None }
    }

    fn wants_more(&self) -> bool {
        self.sink.as_ref().is_none_or(|sink| sink.taken() < sink.needs())
    }

    fn seconds(&self) -> f64 {
        self.sink.as_ref().map_or(0.0, Sink::seconds)
    }

    fn fault(&self, error: &DecodeError) -> Fault {
        match error {
            DecodeError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Fault::CutOff { after_s: self.seconds() }
            }
            DecodeError::ResetRequired => Fault::Changes { at_s: self.seconds() },
            other => self.undecodable(other),
        }
    }

    fn undecodable(&self, why: &dyn Display) -> Fault {
        Fault::Undecodable(format!("after {:.2} s: {why}", self.seconds()))
    }

    /// Decoders step over what is damaged; a packet that comes late is all that shows of it.
    fn check_time(&mut self, packet: &Packet) -> Result<(), Fault> {
        let at = packet.pts.get();
        // What stands before time 0 is the run-up of the decoder, and counted in several ways.
        let next = (at >= 0).then(|| at.saturating_add_unsigned(packet.dur.get()));
        match std::mem::replace(&mut self.due, next) {
            Some(due) if due != at => {
                let missing = at.saturating_sub(due).max(0) as u64;
                Err(Fault::Gap { at_s: self.seconds(), missing })
            }
            _ => Ok(()),
        }
    }

    fn decode(&mut self, decoder: &mut Decoder, packet: &Packet) -> Result<(), Fault> {
        self.check_time(packet)?;
        let (rate_hz, n_channels) = match decoder {
            Decoder::Mp3(decoder) => {
                let frame = decoder.decode(packet).map_err(|why| self.undecodable(&why))?;
                self.mono.clear();
                match frame.n_channels {
                    1 => self.mono.extend(&frame.samples),
                    _ => self.mono.extend(frame.samples.as_chunks().0.iter().map(|[left, right]| (left + right) * 0.5)),
                }
                (frame.rate_hz, frame.n_channels)
            }
            Decoder::Other(decoder) => {
                let buffer = decoder.decode(packet).map_err(|error| self.fault(&error))?;
                mix(&buffer, &mut self.mono);
                (buffer.spec().rate(), buffer.spec().channels().count())
            }
        };
        let at_s = self.seconds();
        let sink = match &mut self.sink {
            Some(sink) if (sink.from_hz, self.n_channels) != (rate_hz, n_channels) => {
                return Err(Fault::Changes { at_s });
            }
            Some(sink) => sink,
            None if RATES_HZ.contains(&rate_hz) => {
                self.n_channels = n_channels;
                self.sink.insert(Sink::new(rate_hz, self.wanted))
            }
            None => return Err(Fault::Rate(rate_hz)),
        };
        sink.push(&self.mono)
    }

    /// `slack` is given when the file came to its end: the frames that its header may promise too many.
    fn finish(self, n_frames: Option<u64>, slack: Option<u64>) -> Result<Audio, Fault> {
        let Some(sink) = self.sink.filter(|sink| sink.taken() > 0) else { return Err(Fault::Empty) };
        let found = sink.taken();
        if let (Some(slack), Some(expected)) = (slack, n_frames)
            && found + slack < expected
        {
            return Err(Fault::Truncated { expected, found });
        }
        // A file decoded to its end is as long as what came out of it, whatever an estimate in its header says.
        let n_frames = if slack.is_some() { Some(found) } else { n_frames };
        Ok(sink.finish(n_frames.unwrap_or(found), n_frames.is_some()))
    }
}

/// The mean of the channels.
fn mix(buffer: &GenericAudioBufferRef<'_>, mono: &mut Vec<f32>) {
    match buffer {
        GenericAudioBufferRef::U8(buffer) => mean(buffer, mono),
        GenericAudioBufferRef::U16(buffer) => mean(buffer, mono),
        GenericAudioBufferRef::U24(buffer) => mean(buffer, mono),
        GenericAudioBufferRef::U32(buffer) => mean(buffer, mono),
        GenericAudioBufferRef::S8(buffer) => mean(buffer, mono),
        GenericAudioBufferRef::S16(buffer) => mean(buffer, mono),
        GenericAudioBufferRef::S24(buffer) => mean(buffer, mono),
        GenericAudioBufferRef::S32(buffer) => mean(buffer, mono),
        GenericAudioBufferRef::F32(buffer) => mean(buffer, mono),
        GenericAudioBufferRef::F64(buffer) => mean(buffer, mono),
    }
}

fn mean<S: Sample>(buffer: &AudioBuffer<S>, mono: &mut Vec<f32>)
where
    f32: FromSample<S>,
{
    mono.clear();
    if let Some((left, right)) = buffer.plane_pair(0, 1).filter(|_| buffer.num_planes() == 2) {
        let mean = |(&left, &right): (&S, &S)| (f32::from_sample(left) + f32::from_sample(right)) * 0.5;
        mono.extend(left.iter().zip(right).map(mean));
        return;
    }
    mono.resize(buffer.frames(), 0.0);
    for plane in buffer.iter_planes() {
        for (sum, &sample) in mono.iter_mut().zip(plane) {
            *sum += f32::from_sample(sample);
        }
    }
    let scale = 1.0 / buffer.num_planes().max(1) as f32;
    for sum in mono {
        *sum *= scale;
    }
}

#[cfg(test)]
pub mod hostile;
#[cfg(test)]
mod tests;
