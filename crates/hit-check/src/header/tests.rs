//! Headers of each format, whole, cut, and made of noise.

use proptest::prelude::*;

use super::*;

fn read_bytes(bytes: &[u8]) -> Option<Header> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), bytes).unwrap();
    read(file.path()).unwrap()
}

fn chunk(id: &[u8], length: u32, body: &[u8]) -> Vec<u8> {
    [id, &length.to_le_bytes(), body].concat()
}

/// A WAV file whose `data` chunk states `stated` bytes and has `there`.
fn wav_file(rate_hz: u32, n_channels: u16, bits: u16, stated: u32, there: usize) -> Vec<u8> {
    let align = n_channels * bits / 8;
    let fmt = [
        1u16.to_le_bytes().to_vec(),
        n_channels.to_le_bytes().to_vec(),
        rate_hz.to_le_bytes().to_vec(),
        (rate_hz * u32::from(align)).to_le_bytes().to_vec(),
        align.to_le_bytes().to_vec(),
        bits.to_le_bytes().to_vec(),
    ]
    .concat();
    let head = [b"RIFF\0\0\0\0WAVE".to_vec(), chunk(b"LIST", 3, b"abc\0"), chunk(b"fmt ", 16, &fmt)].concat();
    [head, chunk(b"data", stated, &vec![7; there])].concat()
}

#[test]
fn a_wav_states_rate_channels_and_length() {
    let header = read_bytes(&wav_file(44_100, 2, 16, 400, 400)).unwrap();
    let expected = Header { format: "wav", rate_hz: 44_100, n_channels: 2, n_frames: Some(100), missing_bytes: 0 };
    assert_eq!(header, expected);
    assert_eq!(header.duration_s(), Some(100.0 / 44_100.0));
}

#[test]
fn a_wav_that_is_cut_off_says_how_much_is_missing() {
    let header = read_bytes(&wav_file(48_000, 1, 24, 3000, 1000)).unwrap();
    assert_eq!((header.n_frames, header.missing_bytes), (Some(1000), 2000));
}

#[test]
fn a_streamed_wav_lasts_until_its_end() {
    for stated in [0, u32::MAX, u32::MAX - 36] {
        let header = read_bytes(&wav_file(48_000, 1, 16, stated, 1000)).unwrap();
        assert_eq!((header.n_frames, header.missing_bytes), (Some(500), 0), "{stated}");
    }
}

/// Sound beyond 4 GiB: the 32-bit length is open, the right one stands in a chunk of its own. It was once taken for MP3.
#[test]
fn an_rf64_states_its_long_length() {
    let plain = wav_file(192_000, 8, 16, u32::MAX, 1600);
    let long = |stated: u64| {
        let lengths = [stated + 72, stated, stated / 16].map(u64::to_le_bytes).concat();
        let ds64 = chunk(b"ds64", 28, &[lengths, vec![0; 4]].concat());
        [b"RF64\xFF\xFF\xFF\xFFWAVE".to_vec(), ds64, plain[12..].to_vec()].concat()
    };
    let header = read_bytes(&long(1600)).unwrap();
    let expected = Header { format: "wav", rate_hz: 192_000, n_channels: 8, n_frames: Some(100), missing_bytes: 0 };
    assert_eq!(header, expected);
    let cut = read_bytes(&long(33_177_600_000)).unwrap();
    assert_eq!((cut.duration_s(), cut.missing_bytes), (Some(10_800.0), 33_177_600_000 - 1600));
    let bw64 = [b"BW64", &long(1600)[4..]].concat();
    assert_eq!(read_bytes(&bw64), Some(expected));
}

#[test]
fn a_wav_of_impossible_shape_has_no_length() {
    let header = read_bytes(&wav_file(0, 0, 16, 100, 100)).unwrap();
    assert_eq!((header.n_frames, header.duration_s()), (None, None));
    assert_eq!(read_bytes(b"RIFF\0\0\0\0WAVEdata\x04\0\0\0abcd"), None, "data before fmt");
    assert_eq!(read_bytes(&[b"RIFF\0\0\0\0WAVE".to_vec(), vec![0; 40_000]].concat()), None, "chunks of 0 bytes");
}

#[test]
fn a_flac_states_them_in_its_first_block() {
    let n_frames: u64 = 1_234_567;
    let packed = (96_000u64 << 44) | (7 << 41) | (23 << 36) | n_frames;
    let bytes = [b"fLaC\x80\0\0\x22".to_vec(), vec![0; 10], packed.to_be_bytes().to_vec(), vec![0; 16]].concat();
    let header = read_bytes(&bytes).unwrap();
    let expected =
        Header { format: "flac", rate_hz: 96_000, n_channels: 8, n_frames: Some(1_234_567), missing_bytes: 0 };
    assert_eq!(header, expected);
    assert_eq!(read_bytes(&bytes[..25]), None);
    let tagged = [b"ID3\x04\0\0\0\0\x01\x00".to_vec(), vec![0xFF; 128], bytes].concat();
    assert_eq!(read_bytes(&tagged), Some(expected), "behind a tag");
}

/// A page of an Ogg file.
fn page(granule: u64, packet: &[u8]) -> Vec<u8> {
    let head = [b"OggS\0\0".to_vec(), granule.to_le_bytes().to_vec(), vec![0; 12]].concat();
    [head, vec![1, packet.len() as u8], packet.to_vec()].concat()
}

#[test]
fn an_ogg_states_its_length_in_the_last_page() {
    let vorbis = [b"\x01vorbis\0\0\0\0\x02".to_vec(), 44_100u32.to_le_bytes().to_vec(), vec![0; 14]].concat();
    let bytes = [page(0, &vorbis), page(1024, &[5; 200]), page(88_200, &[5; 200])].concat();
    let header = read_bytes(&bytes).unwrap();
    assert_eq!((header.format, header.n_channels, header.duration_s()), ("vorbis", 2, Some(2.0)));
    let opus = [page(0, b"OpusHead\x01\x01......"), page(48_000, &[1])].concat();
    let header = read_bytes(&opus).unwrap();
    assert_eq!((header.format, header.n_channels, header.duration_s()), ("opus", 1, Some(1.0)));
    let endless = [page(0, &vorbis), page(u64::MAX, &[5])].concat();
    assert_eq!(read_bytes(&endless).unwrap().n_frames, None);
    assert_eq!(read_bytes(&page(0, b"\x80theora")), None);
}

#[test]
fn an_mp3_states_rate_and_channels_after_its_tag() {
    // MPEG 1 layer III, 128 kbit/s, 44.1 kHz, joint stereo; then MPEG 2, 22.05 kHz, mono
    let frame = [0xFF, 0xFB, 0x90, 0x40];
    let header = read_bytes(&[&frame[..], &[0; 400]].concat()).unwrap();
    assert_eq!((header.format, header.rate_hz, header.n_channels), ("mp3", 44_100, 2));
    let tagged =
        [b"ID3\x04\0\0\0\0\x01\x00".to_vec(), vec![0; 128], vec![0xFF, 0xF3, 0x40, 0xC0], vec![0; 40]].concat();
    let header = read_bytes(&tagged).unwrap();
    assert_eq!((header.rate_hz, header.n_channels, header.n_frames), (22_050, 1, None));
    for wrong in
        [[0xFF, 0xFB, 0xF0, 0x40], [0xFF, 0xFB, 0x9C, 0x40], [0xFF, 0xEB, 0x90, 0x40], [0xFF, 0xFD, 0x90, 0x40]]
    {
        assert_eq!(mp3_frame(&wrong), None, "{wrong:?}");
    }
}

#[test]
fn text_and_nothing_have_no_header() {
    assert_eq!(read_bytes(b""), None);
    assert_eq!(read_bytes(b"abc"), None);
    assert_eq!(read_bytes("a page of text. ".repeat(5000).as_bytes()), None);
}

#[test]
fn a_folder_is_an_error_and_not_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    assert!(read(dir.path()).is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        start in prop::sample::select(vec![&b"RIFF\0\0\0\0WAVE"[..], b"fLaC", b"OggS\0\0", b"ID3\x04", b"\xFF\xFB"]),
        rest in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = read_bytes(&[start, &rest].concat());
    }

    #[test]
    fn a_wav_of_any_shape_reads_as_it_was_written(rate_hz in 1u32..400_000, n_channels in 1u16..9, n in 0u32..500) {
        let stated = n * u32::from(n_channels) * 2;
        let header = read_bytes(&wav_file(rate_hz, n_channels, 16, stated, stated as usize)).unwrap();
        prop_assert_eq!((header.rate_hz, header.n_channels, header.n_frames), (rate_hz, n_channels, Some(u64::from(n))));
    }
}
