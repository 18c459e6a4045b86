//! FLAC, MP3 and Ogg Vorbis: a sine of 440 Hz written by ffmpeg, and what is left of it after damage.

use proptest::prelude::*;

use super::*;
use crate::fixtures::{flac, put};

const MP3: &[u8] = include_bytes!("../../fixtures/sine.mp3");
/// Joint stereo at 44.1 kHz: a sine of amplitude 1/4 on the left, for 0.25 s clicks and then nothing on the right.
const TWO: &[u8] = include_bytes!("../../fixtures/two.mp3");
const OGG: &[u8] = include_bytes!("../../fixtures/sine.ogg");
const FLAC: &[u8] = include_bytes!("../../fixtures/sine.flac");

fn read_bytes(bytes: &[u8]) -> Result<Audio, Fault> {
    let dir = tempfile::tempdir().unwrap();
    crate::audio::read(&put(dir.path(), "sound", bytes), 24_000, 60.0)
}

/// ffmpeg's sine has amplitude 1/8; lossy coding and its edges cost some of it.
#[test]
fn each_format_gives_the_sine() {
    for (name, bytes, n, tolerance) in
        [("mp3", MP3, 14_400, 0.01), ("ogg", OGG, 9_600, 0.02), ("flac", FLAC, 3_600, 1e-4)]
    {
        let audio = read_bytes(bytes).unwrap();
        assert_eq!((audio.samples.len(), audio.whole), (n, true), "{name}");
        assert_eq!(audio.duration_s, n as f64 / 24_000.0);
        let sine = |n: usize| 0.125 * libm::sin(core::f64::consts::TAU * 440.0 * n as f64 / 24_000.0);
        let middle = 1000..n - 1000;
        let worst = middle.map(|n| (f64::from(audio.samples[n]) - sine(n)).abs()).fold(0.0, f64::max);
        assert!(worst < tolerance, "{name}: {worst}");
    }
}

/// The samples of MP3 are these on every machine.
#[test]
fn mp3_has_these_bits() {
    let bits = |bytes| {
        let fold = |sum: u64, n: &f32| sum.rotate_left(7) ^ u64::from(n.to_bits());
        read_bytes(bytes).unwrap().samples.iter().fold(0, fold)
    };
    assert_eq!([MP3, TWO].map(bits), [0x99fd_3ae4_0514_cd27, 0x4c83_a25b_5ea9_e80d]);
}

#[test]
fn two_channels_of_mp3_give_their_mean() {
    let audio = read_bytes(TWO).unwrap();
    assert_eq!((audio.samples.len(), audio.whole), (14_400, true));
    let sine = |n: usize| 0.125 * libm::sin(core::f64::consts::TAU * 440.0 * n as f64 / 24_000.0);
    let worst = (7_200..13_200).map(|n| (f64::from(audio.samples[n]) - sine(n)).abs()).fold(0.0, f64::max);
    assert!(worst < 0.01, "{worst}");
}

/// The decoder of MP3 has vector code, chosen by the processor; `MP3_ISA` switches it off.
#[test]
fn mp3_has_these_bits_without_vector_code() {
    let mut test = std::process::Command::new(std::env::current_exe().unwrap());
    test.args(["--exact", "audio::decode::tests::mp3_has_these_bits"]).env("MP3_ISA", "scalar");
    let said = test.output().unwrap();
    assert!(said.status.success() && String::from_utf8_lossy(&said.stdout).contains("1 passed"), "{said:?}");
}

/// Tags of 10 MB in front of an MP3 or FLAC file are stepped over, two in a row as well.
#[test]
fn large_tags_are_no_sound() {
    let size = 10usize << 20;
    let mut tagged = b"ID3\x04\0\0".to_vec();
    tagged.extend([21, 14, 7, 0].map(|shift| (size >> shift & 0x7F) as u8));
    // One picture that fills the tag.
    tagged.extend(b"APIC");
    tagged.extend([21, 14, 7, 0].map(|shift| ((size - 10) >> shift & 0x7F) as u8));
    tagged.extend([0, 0]);
    tagged.extend(b"\0image/png\0\x03\0");
    tagged.resize(10 + size, 0x55);
    // Half a header of a frame at the end of the picture.
    let last = tagged.len() - 2;
    tagged[last..].copy_from_slice(&[0xFF, 0xFB]);
    for sound in [MP3, FLAC] {
        let plain = read_bytes(sound).unwrap();
        assert_eq!(read_bytes(&[&tagged, sound].concat()), Ok(plain.clone()));
        assert_eq!(read_bytes(&[&tagged, &tagged[..], sound].concat()), Ok(plain));
    }
    assert!(matches!(read_bytes(&tagged), Err(Fault::Undecodable(_))), "a tag without a file");
    assert!(matches!(read_bytes(&tagged[..1000]), Err(Fault::Undecodable(_))), "a part of a tag");
}

/// Pages that are missing, doubled or swapped in the middle: what follows would come at the wrong time.
#[test]
fn missing_pages_are_found() {
    let starts: Vec<usize> = OGG.windows(4).enumerate().filter(|(_, four)| four == b"OggS").map(|(at, _)| at).collect();
    assert!(starts.len() > 4, "{starts:?}");
    // Two pages are headers.
    for page in 2..starts.len() - 1 {
        let (from, to) = (starts[page], starts[page + 1]);
        let without = [&OGG[..from], &OGG[to..]].concat();
        let fault = read_bytes(&without).unwrap_err();
        assert!(
            matches!(fault, Fault::Gap { .. } | Fault::Truncated { .. } | Fault::Undecodable(_)),
            "page {page}: {fault}"
        );
    }
}

/// The second of three frames of a FLAC file is damaged, or its mark.
#[test]
fn a_damaged_frame_is_found() {
    let whole = flac(&(0..12_288i32).map(|i| (i * 37 % 20_000 - 10_000) as i16).collect::<Vec<_>>());
    assert_eq!(read_bytes(&whole).unwrap().samples.len(), 12_288);
    let second = 42 + 11 + 2 * 4096;
    assert_eq!(whole[second..second + 2], [0xFF, 0xF8]);
    for at in [second, second + 4, second + 1000, second + 8000] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        let fault = read_bytes(&bytes).unwrap_err().to_string();
        assert!(fault.contains("copy or download it again"), "{at}: {fault}");
    }
}

/// The digest in a FLAC header is of the whole stream, of which only a part is decoded: it is not looked at, the
/// checksum of every frame is.
#[test]
fn the_digest_of_flac_is_not_compared() {
    let mut bytes = FLAC.to_vec();
    bytes[26..42].fill(0xAA);
    assert_eq!(read_bytes(&bytes).unwrap().samples, read_bytes(FLAC).unwrap().samples);
}

/// A file without any sound in it must end, whatever its size: here one of 40 GB that is all holes.
#[test]
fn searching_comes_to_an_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = put(dir.path(), "sound.mp3", b"ID3\x04\0\0\0\0\0\0");
    let file = fs_err::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(40 << 30).unwrap();
    assert!(matches!(crate::audio::read(&path, 24_000, 1.0), Err(Fault::Undecodable(_))));
}

/// A panic below is an error of the file.
#[test]
fn a_panic_is_an_error() {
    let fault = guarded::<()>(|| panic!("as a decoder might")).unwrap_err().to_string();
    assert!(fault.contains("gave up") && fault.contains("save it as 16-bit wav"), "{fault}");
}

/// A packet of two channels among those of one.
#[test]
fn mp3_that_changes_is_found() {
    let starts: Vec<usize> =
        MP3.windows(2).enumerate().filter(|(_, two)| two == b"\xFF\xF3").map(|(at, _)| at).collect();
    assert!(starts.len() > 20, "{starts:?}");
    let mut bytes = MP3.to_vec();
    bytes[starts[12] + 3] ^= 0xC0;
    let fault = read_bytes(&bytes).unwrap_err();
    assert!(matches!(fault, Fault::Changes { .. } | Fault::Gap { .. }), "{fault}");
}

fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop::sample::select(vec![MP3, TWO, OGG, FLAC]);
    let flips = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6);
    (bytes, flips, any::<prop::sample::Index>(), any::<bool>()).prop_map(|(bytes, flips, cut, is_cut)| {
        let mut bytes = bytes.to_vec();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= value;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Some bits turned, the end cut off or not: an error that says what to do, or finite samples, not more than there were.
    #[test]
    fn damage_is_an_error_or_sound(bytes in damaged()) {
        match read_bytes(&bytes) {
            Ok(audio) => prop_assert!(audio.samples.iter().all(|sample| sample.is_finite())),
            Err(fault) => {
                let text = fault.to_string();
                prop_assert!(text.contains("save it") || text.contains("download it again"), "{}", text);
            }
        }
    }
}
