//! What the decoder is shown of a file.

use super::*;
use crate::fixtures::{flac, put};

const OGG: &[u8] = include_bytes!("../../../fixtures/sine.ogg");

/// All that can be read, and what kind it is.
fn shown(bytes: &[u8]) -> io::Result<(Kind, Vec<u8>)> {
    let dir = tempfile::tempdir().unwrap();
    let mut source = Source::new(&put(dir.path(), "sound", bytes), 1.0)?;
    let mut all = Vec::new();
    source.read_to_end(&mut all)?;
    assert_eq!(source.byte_len(), Some(all.len() as u64));
    Ok((source.kind(), all))
}

/// A block of metadata.
fn block(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind], &(body.len() as u32).to_be_bytes()[1..], body].concat()
}

/// `fLaC`, stream information, other blocks, sound: the decoder sees the first two and the sound.
#[test]
fn the_metadata_of_flac_is_stepped_over() {
    let plain = flac(&[5; 5000]);
    assert_eq!(shown(&plain).unwrap(), (Kind::Flac, plain.clone()));
    let mut information = plain[4..42].to_vec();
    information[0] = 0;
    let others = [block(4, &vec![7; 70_000]), block(6, b"picture"), block(0x81, &[0; 100])].concat();
    let full = [b"fLaC".to_vec(), information, others, plain[42..].to_vec()].concat();
    assert_eq!(shown(&full).unwrap(), (Kind::Flac, plain.clone()));
    let tagged = [b"ID3\x04\0\0\0\0\0\x03abc".to_vec(), full.clone()].concat();
    assert_eq!(shown(&tagged).unwrap(), (Kind::Flac, plain));
    for cut in [6, 30, 42, 45, 70_010] {
        assert_eq!(shown(&full[..cut]).unwrap_err().kind(), ErrorKind::InvalidData, "cut at {cut}");
    }
}

#[test]
fn metadata_without_end_is_refused() {
    let information = block(0, &[0; 34]);
    for blocks in [block(1, b"").repeat(2000), [block(1, b"xy"), block(0x80, &[0; 34])].concat()] {
        let bytes = [b"fLaC".to_vec(), blocks].concat();
        assert_eq!(shown(&bytes).unwrap_err().kind(), ErrorKind::InvalidData);
    }
    let endless = [b"fLaC".to_vec(), information, block(1, b"").repeat(2000)].concat();
    assert_eq!(shown(&endless).unwrap_err().kind(), ErrorKind::InvalidData);
    let tags = b"ID3\x04\0\0\0\0\0\0".repeat(16);
    assert!(shown(&tags).unwrap_err().to_string().contains("more tags than sound"));
    assert_eq!(shown(&tags[10..]).unwrap(), (Kind::Mp3, Vec::new()));
}

#[test]
fn other_files_are_shown_as_they_are() {
    assert_eq!(shown(OGG).unwrap(), (Kind::Ogg, OGG.to_vec()));
    assert_eq!(shown(b"\xFF\xFB").unwrap(), (Kind::Mp3, b"\xFF\xFB".to_vec()));
}

/// Places count from the start of what is shown, within the head and behind it.
#[test]
fn any_place_can_be_read() {
    let plain = flac(&[5; 5000]);
    let mut full = plain[..42].to_vec();
    full[4] = 0;
    full.extend(block(0x84, &[7; 100]));
    full.extend(&plain[42..]);
    let dir = tempfile::tempdir().unwrap();
    let mut source = Source::new(&put(dir.path(), "sound", full), 1.0).unwrap();
    for at in [0, 10, 41, 42, 43, 1000, plain.len() - 1, 20] {
        assert_eq!(source.seek(SeekFrom::Start(at as u64)).unwrap(), at as u64);
        let mut byte = [0];
        source.read_exact(&mut byte).unwrap();
        assert_eq!(byte[0], plain[at], "{at}");
    }
    assert_eq!(source.seek(SeekFrom::Current(-1)).unwrap(), 20);
    assert_eq!(source.seek(SeekFrom::End(-5)).unwrap(), plain.len() as u64 - 5);
    assert!(source.seek(SeekFrom::Current(-9_999_999)).is_err());
    source.seek(SeekFrom::Start(1 << 40)).unwrap();
    assert_eq!(source.read(&mut [0; 8]).unwrap(), 0);
}

/// The last pages are looked at before the first are walked; where the walk has been only sound pages are shown.
#[test]
fn pages_beyond_the_walk_may_be_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let second = OGG.windows(4).skip(1).position(|four| four == ogg::MARK).unwrap() + 1;
    let torn = [&OGG[..second], b"junk", &OGG[second..]].concat();
    let mut source = Source::new(&put(dir.path(), "sound", &torn), 1.0).unwrap();
    source.seek(SeekFrom::End(-10)).unwrap();
    let mut end = Vec::new();
    source.read_to_end(&mut end).unwrap();
    assert_eq!(end, torn[torn.len() - 10..]);
    source.seek(SeekFrom::Start(0)).unwrap();
    assert_eq!(source.read(&mut vec![0; 1 << 16]).unwrap(), second);
    assert_eq!(source.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::InvalidData);
}

#[test]
fn reading_has_a_limit() {
    let dir = tempfile::tempdir().unwrap();
    let path = put(dir.path(), "sound", [1; 2000]);
    let mut source = Source::new(&path, 1.0).unwrap();
    assert_eq!(source.left, Source::HEADERS + 10_000_000);
    source.left = 1000;
    let mut bytes = [0; 600];
    assert_eq!(source.read(&mut bytes).unwrap(), 600);
    assert!(source.read(&mut bytes).unwrap_err().to_string().contains("more of the file"));
}
