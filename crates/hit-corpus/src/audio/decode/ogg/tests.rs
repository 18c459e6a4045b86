//! Pages of a good file, damaged ones, and files that ask for more than any encoder does.

use std::io::Write as _;

use super::*;
use crate::audio::{self, Fault};

const OGG: &[u8] = include_bytes!("../../../fixtures/sine.ogg");

/// Numbers of some bits, the lowest first.
#[derive(Default)]
pub struct Writer(Vec<bool>);

impl Writer {
    pub fn put(&mut self, value: u32, n: u32) -> &mut Self {
        self.0.extend((0..n).map(|bit| value >> bit & 1 == 1));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.chunks(8).map(|byte| byte.iter().rev().fold(0, |sum, &bit| sum << 1 | u8::from(bit))).collect()
    }
}

/// The first header of Vorbis: 44.1 kHz, long blocks of 8,192.
pub fn identification(n_channels: u8) -> Vec<u8> {
    let rates = [44_100u32, 0, 128_000, 0].map(u32::to_le_bytes).concat();
    [b"\x01vorbis\0\0\0\0".to_vec(), vec![n_channels], rates, vec![0xDD, 1]].concat()
}

/// The comment header, with so many comments of `a=b`.
pub fn comment(n: u32) -> Vec<u8> {
    let one = [3u32.to_le_bytes().to_vec(), b"a=b".to_vec()].concat();
    let head = [b"\x03vorbis\0\0\0\0".to_vec(), n.to_le_bytes().to_vec()].concat();
    [head, one.repeat(n as usize), vec![1]].concat()
}

/// A setup header with these books and the least that may follow them.
pub fn setup(books: &[&dyn Fn(&mut Writer)]) -> Vec<u8> {
    let mut out = Writer::default();
    out.put(books.len() as u32 - 1, 8);
    for book in books {
        book(&mut out);
    }
    // No transform; a floor of type 1 without partitions, a residue without length, a mapping, a mode.
    out.put(0, 6).put(0, 16);
    out.put(0, 6).put(1, 16).put(0, 5).put(0, 2).put(8, 4);
    out.put(0, 6).put(2, 16).put(0, 24).put(0, 24).put(0, 24).put(0, 6).put(0, 8).put(0, 3).put(0, 1);
    out.put(0, 6).put(0, 16).put(0, 1).put(0, 1).put(0, 2).put(0, 8).put(0, 8).put(0, 8);
    out.put(0, 6).put(0, 1).put(0, 16).put(0, 16).put(0, 8).put(1, 1);
    [b"\x05vorbis".to_vec(), out.bytes()].concat()
}

/// A book of two codes.
pub fn small(out: &mut Writer) {
    out.put(0x56_4342, 24).put(1, 16).put(2, 24).put(1, 1).put(0, 5).put(2, 2).put(0, 4);
}

/// 131,072 codes of 17 bits: 134 MB of tables from 13 bytes.
pub fn huge(out: &mut Writer) {
    out.put(0x56_4342, 24).put(1, 16).put(1 << 17, 24).put(1, 1).put(16, 5).put(1 << 17, 18).put(0, 4);
}

/// A page; `flags`: 1 goes on with a packet, 2 is a stream's first, 4 its last.
pub fn page(flags: u8, granule: u64, serial: u32, number: u32, lengths: &[u8], body: &[u8]) -> Vec<u8> {
    let mut page = [b"OggS\0".to_vec(), vec![flags], granule.to_le_bytes().to_vec()].concat();
    page.extend([serial, number, 0].map(u32::to_le_bytes).concat());
    page.push(lengths.len() as u8);
    page.extend(lengths);
    page.extend(body);
    let sum = crc(&page).to_le_bytes();
    page[22..26].copy_from_slice(&sum);
    page
}

/// The pages of a packet, from that number on.
fn pages(packet: &[u8], serial: u32, mut number: u32) -> Vec<u8> {
    let lengths = [vec![255; packet.len() / 255], vec![(packet.len() % 255) as u8]].concat();
    let mut out = Vec::new();
    let mut rest = packet;
    for (at, some) in lengths.chunks(255).enumerate() {
        let (body, later) = rest.split_at(some.iter().map(|&length| usize::from(length)).sum());
        let granule = if later.is_empty() { 0 } else { u64::MAX };
        out.extend(page(u8::from(at > 0), granule, serial, number, some, body));
        (rest, number) = (later, number + 1);
    }
    out
}

/// A file of one stream with these headers, whose 20 packets have no sound in them.
pub fn file(headers: &[Vec<u8>]) -> Vec<u8> {
    let mut out = page(2, 0, 1, 0, &[30], &identification(2));
    for header in headers {
        out.extend(pages(header, 1, 1));
    }
    out.extend(page(4, 19 * 4096, 1, 1000, &[1; 20], &[0; 20]));
    out
}

/// So many streams, each with a packet of 900 kB that does not end, and on it goes in turn.
pub fn endless(n_streams: u32) -> Vec<u8> {
    let mut out: Vec<u8> =
        (1..=n_streams).flat_map(|serial| page(2, 0, serial, 0, &[30], &identification(2))).collect();
    for number in 1..15 {
        for serial in 1..=n_streams {
            out.extend(page(u8::from(number > 1), u64::MAX, serial, number, &[255; 255], &vec![0; 255 * 255]));
        }
    }
    out
}

fn walked(bytes: &[u8]) -> Pages {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Pages::new(file, 0).unwrap()
}

/// How far a walk over these bytes comes, and why not further.
fn walk(bytes: &[u8]) -> (u64, Option<String>) {
    let mut pages = walked(bytes);
    let mut at = 0;
    loop {
        match pages.allow(at, 1000) {
            Ok(0) => return (at, None),
            Ok(_) if at >= bytes.len() as u64 => return (bytes.len() as u64, None),
            Ok(n) => at += n as u64,
            Err(error) => return (at, Some(error.to_string())),
        }
    }
}

fn refused(bytes: &[u8]) -> String {
    walk(bytes).1.unwrap_or_default()
}

#[test]
fn a_good_file_passes_whole() {
    assert_eq!(walk(OGG), (OGG.len() as u64, None));
    let good = file(&[comment(MOST_COMMENTS), setup(&[&small])]);
    assert_eq!(walk(&good), (good.len() as u64, None));
}

/// Each bit of a page is under its checksum; what stands before it may be read.
#[test]
fn a_damaged_page_ends_what_may_be_read() {
    let starts: Vec<usize> = OGG.windows(4).enumerate().filter(|(_, four)| four == MARK).map(|(at, _)| at).collect();
    let start = starts[3];
    for at in [start + 4, start + 5, start + 20, start + 40, starts[4] - 1] {
        let mut bytes = OGG.to_vec();
        bytes[at] ^= 4;
        let (end, what) = walk(&bytes);
        assert_eq!(end, start as u64, "{what:?}");
        assert!(what.unwrap().contains(&format!("byte {start}")), "at {at}");
    }
    // Something between two pages.
    let torn = [&OGG[..start], b"junk", &OGG[start..]].concat();
    assert_eq!(walk(&torn), (start as u64, Some(format!("no page starts at byte {start}, where one should"))));
}

/// Tags that other programs hang on to a file are its end; a page that is cut is for the decoder to tell.
#[test]
fn the_end_of_a_file_may_be_something_else() {
    let tagged = [OGG, b"TAG", &[0; 125]].concat();
    assert_eq!(walk(&tagged), (OGG.len() as u64, None));
    let cut = &OGG[..OGG.len() - 100];
    assert_eq!(walk(cut), (cut.len() as u64, None));
    let far = [OGG, &vec![0; 1 << 17]].concat();
    assert!(refused(&far).contains("no page starts"), "more than a page of it");
}

#[test]
fn files_that_no_encoder_writes_are_refused() {
    let good = setup(&[&small]);
    for (bytes, what) in [
        (file(&[comment(MOST_COMMENTS + 1), good.clone()]), "10001 comments"),
        (file(&[comment(MOST_COMMENTS), comment(1), good.clone()]), "10001 comments"),
        (file(&[[comment(0), vec![0; MOST_HEADER_BYTES]].concat()]), "continues a packet"),
        (file(&vec![[good.clone(), vec![0; 1 << 20]].concat(); 8]), "headers beyond"),
        (file(&vec![good.clone(); 17]), "headers beyond"),
        (file(&[comment(0), good.clone(), vec![0; MOST_PACKET_BYTES + 1]]), "continues a packet"),
        (endless(5), "one more stream"),
        ([endless(4), endless(1)].concat(), "one more stream"),
    ] {
        let found = refused(&bytes);
        assert!(found.contains(what), "`{found}` is not `{what}`");
    }
    assert_eq!(refused(&endless(4)), "");
}

/// The decoder says where and what to do.
#[test]
fn a_refused_file_is_an_error_with_advice() {
    let dir = tempfile::tempdir().unwrap();
    for (bytes, what) in [
        (file(&[comment(0), setup(&[&huge])]), "its code books would take"),
        (file(&[comment(0), setup(&[&small])[..15].to_vec()]), "code books that cannot be read"),
        (file(&[comment(MOST_COMMENTS + 1), setup(&[&small])]), "the page at byte"),
        ([&OGG[..OGG.len() / 2], b"junk", &OGG[OGG.len() / 2..]].concat(), "is damaged"),
    ] {
        let path = crate::fixtures::put(dir.path(), "sound.ogg", bytes);
        let fault = audio::read(&path, 24_000, 10.0).unwrap_err();
        assert!(matches!(fault, Fault::Undecodable(_)), "{fault:?}");
        let text = fault.to_string();
        assert!(text.contains(what) && text.contains("save it as 16-bit wav"), "{text}");
    }
}
