//! FLAC, MP3 and Ogg Vorbis through symphonia, which is kept from what a hostile file could make it do.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};

use symphonia::core::audio::conv::FromSample;
use symphonia::core::audio::sample::Sample;
use symphonia::core::audio::{Audio as _, AudioBuffer, GenericAudioBufferRef};
use symphonia::core::codecs::audio::well_known::{CODEC_ID_MP3, CODEC_ID_VORBIS};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as DecodeError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;

use super::{Audio, Fault, RATES_HZ, Sink, Wanted};

/// Frames that the header of an MP3 file may promise too many: it counts whole packets of 1,152, the first of which
/// may be the header itself and the last half empty.
const MP3_SLACK: u64 = 2 * 1152;

/// Decodes what is wanted of `file`; `extension` is a hint of its format.
///
/// # Errors
/// [`Fault`].
pub fn read(file: File, extension: Option<&str>, wanted: &Wanted) -> Result<Audio, Fault> {
    guarded(|| decode(file, extension, wanted))
}

/// A panic inside of a decoder is an error of its file. Nothing that `work` has touched may outlive it.
fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    let gave_up = || Fault::Undecodable("the decoder gave up on it".to_owned());
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(gave_up()))
}

fn decode(file: File, extension: Option<&str>, wanted: &Wanted) -> Result<Audio, Fault> {
    let mut format = probe(file, extension, wanted)?;
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
            mix.decode(decoder.as_mut(), &packet)?;
        }
    }
    mix.finish(n_frames, None)
}

fn missing(what: &str) -> Fault {
    Fault::Undecodable(format!("it has {what}"))
}

fn probe(file: File, extension: Option<&str>, wanted: &Wanted) -> Result<Box<dyn FormatReader>, Fault> {
    let io = |error: io::Error| Fault::Io(error.to_string());
    let file = Budget::new(file, wanted.samples as f64 / f64::from(wanted.to_hz)).map_err(io)?;
    let source = MediaSourceStream::new(Box::new(file), MediaSourceStreamOptions { buffer_len: 1 << 18 });
    let mut hint = Hint::new();
    if let Some(extension) = extension {
        hint.with_extension(extension);
    }
    symphonia::default::get_probe()
        .probe(&hint, source, FormatOptions::default(), MetadataOptions::default())
        .map_err(|error| Fault::Undecodable(error.to_string()))
}

fn decoder(params: &AudioCodecParameters) -> Result<Box<dyn AudioDecoder>, Fault> {
    let books = params.extra_data.as_deref().filter(|_| params.codec == CODEC_ID_VORBIS).map_or(0, code_book_bytes);
    if books > MOST_CODE_BOOK_BYTES {
        return Err(Fault::Undecodable(format!("its code books would take {} MB", books >> 20)));
    }
    symphonia::default::get_codecs()
        .make_audio_decoder(params, &AudioDecoderOptions::default())
        .map_err(|error| Fault::Undecodable(error.to_string()))
}

/// Memory for the code books of a Vorbis stream; those of real encoders take less than 1 MB.
const MOST_CODE_BOOK_BYTES: u64 = 64 << 20;

/// What the decoder would allocate for the code books of a Vorbis setup header: dimensions × entries numbers each.
///
/// Books start at any bit, with a mark of 24 bits, 16 bits of dimensions and 24 of entries, the lowest bit first
/// (Vorbis I, 3.2.1). Their lengths are not followed: a mark that stands somewhere by chance only adds to the sum, and
/// only where the numbers behind it are such as the decoder takes (32 dimensions, 131,072 entries).
fn code_book_bytes(header: &[u8]) -> u64 {
    const MARK: u64 = 0x56_4342;
    let mut window = 0u64;
    let mut bytes = 0;
    for bit in header.iter().flat_map(|byte| (0..8).map(move |bit| u64::from(byte >> bit & 1))) {
        window = window >> 1 | bit << 63;
        let (mark, dimensions, entries) = (window & 0xFF_FFFF, window >> 24 & 0xFFFF, window >> 40);
        if mark == MARK && dimensions <= 32 && entries <= 1 << 17 {
            bytes += 4 * dimensions * entries + 8 * entries;
        }
    }
    bytes
}

/// A file without the tags in front of it, of which only so much can be read: what the wanted seconds may take at most,
/// and some more for headers. A file of many gigabytes in which a decoder finds nothing must come to an end.
struct Budget {
    file: File,
    /// Where the tags end.
    start: u64,
    left: u64,
}

impl Budget {
    /// More than eight channels of 24 bits at 384 kHz.
    const BYTES_PER_S: f64 = 10e6;
    const HEADERS: u64 = 512 << 20;

    fn new(mut file: File, seconds: f64) -> io::Result<Self> {
        let start = tags_end(&mut file)?;
        file.seek(SeekFrom::Start(start))?;
        Ok(Self { file, start, left: Self::HEADERS.saturating_add((seconds * Self::BYTES_PER_S) as u64) })
    }
}

/// Tags in a row that are stepped over; more than two are some mistake.
const MOST_TAGS: usize = 16;

/// Length of the ID3v2 tags in front of a file: symphonia would search in them for sound, as far as 1 MB, and cover
/// pictures are larger than that, and may contain what looks like sound.
fn tags_end(file: &mut File) -> io::Result<u64> {
    let mut end = 0;
    for _ in 0..MOST_TAGS {
        file.seek(SeekFrom::Start(end))?;
        let mut head = Vec::new();
        Read::take(&mut *file, 10).read_to_end(&mut head)?;
        let &[b'I', b'D', b'3', _, _, flags, a, b, c, d] = &head[..] else { return Ok(end) };
        // Four times seven bits; a footer repeats the header.
        let size = [a, b, c, d].iter().fold(0, |size, byte| size << 7 | u64::from(byte & 0x7F));
        end += size + if flags & 0x10 == 0 { 10 } else { 20 };
    }
    Ok(end)
}

impl Read for Budget {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(bytes)?;
        self.left = self.left.checked_sub(n as u64).ok_or_else(|| {
            let what = "more of the file was searched than the wanted seconds can take";
            io::Error::new(ErrorKind::InvalidData, what)
        })?;
        Ok(n)
    }
}

impl Seek for Budget {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => SeekFrom::Start(self.start.saturating_add(at)),
            other => other,
        };
        Ok(self.file.seek(to)?.saturating_sub(self.start))
    }
}

impl MediaSource for Budget {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        self.file.byte_len().map(|bytes| bytes.saturating_sub(self.start))
    }
}

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
            other => Fault::Undecodable(format!("after {:.2} s: {other}", self.seconds())),
        }
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

    fn decode(&mut self, decoder: &mut dyn AudioDecoder, packet: &Packet) -> Result<(), Fault> {
        self.check_time(packet)?;
        let buffer = decoder.decode(packet).map_err(|error| self.fault(&error))?;
        let (rate_hz, n_channels) = (buffer.spec().rate(), buffer.spec().channels().count());
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
        mix(&buffer, &mut self.mono);
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
mod tests;
