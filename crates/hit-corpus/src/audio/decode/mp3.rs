//! Packets of MPEG Layer III through `rusty_mp3`, whose vector and scalar code give the same bits; symphonia finds them.

use rusty_mp3::decode::Mp3Decode;
use rusty_mp3::header::FrameHeader;
use symphonia::core::packet::Packet;

/// One stream of packets.
#[derive(Default)]
pub struct Decoder(Box<Mp3Decode>);

/// One packet, decoded.
pub struct Frame {
    pub rate_hz: u32,
    pub n_channels: usize,
    /// Interleaved; without what the encoder put before the first sample and after the last.
    pub samples: Vec<f32>,
}

impl Decoder {
    /// # Errors
    /// What is wrong with the packet.
    pub fn decode(&mut self, packet: &Packet) -> Result<Frame, String> {
        let cut_off = || "a packet that is cut off".to_owned();
        let (mark, data) = packet.data.split_first_chunk().ok_or_else(cut_off)?;
        let header = FrameHeader::parse(*mark).map_err(|error| error.to_string())?;
        let checksum = if header.crc_protected { 2 } else { 0 };
        let (side, main) =
            data.get(checksum..).and_then(|data| data.split_at_checked(header.side_info_len())).ok_or_else(cut_off)?;
        let mut samples = self.0.decode_frame(&header, side, main).map_err(|error| error.to_string())?;
        let n_channels = header.channel_mode.channels();
        let [start, end] = [packet.trim_start, packet.trim_end].map(|frames| frames.get() as usize * n_channels);
        samples.truncate(samples.len().saturating_sub(end));
        samples.drain(..start.min(samples.len()));
        Ok(Frame { rate_hz: header.sample_rate, n_channels, samples })
    }
}
