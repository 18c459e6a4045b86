//! Files made to take memory, for the tests: the first, of 700 bytes, would take 5.4 GB unguarded, those of comments
//! hundreds of megabytes, and all more the larger they are made.

use super::ogg::tests::{Writer, comment, endless, file, huge, setup, small};
use crate::fixtures::flac;

/// 131,072 entries of 16 numbers, 8 MB, of which two have a code.
fn vectors(out: &mut Writer) {
    out.put(0x56_4342, 24).put(16, 16).put(1 << 17, 24).put(0, 1).put(1, 1);
    for entry in 0..1 << 17 {
        out.put(u32::from(entry < 2), 1);
        if entry < 2 {
            out.put(0, 5);
        }
    }
    // Made from two numbers, as the largest whole number whose 16th power is 131,072 at most is 2.
    out.put(1, 4).put(0, 32).put(0, 32).put(0, 4).put(0, 1).put(0, 2);
}

/// A FLAC file with these blocks of metadata behind the stream's.
fn tagged_flac(blocks: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut out = flac(&vec![5; 50_000]);
    let sound = out.split_off(42);
    out[4] = 0;
    for (at, (kind, body)) in blocks.iter().enumerate() {
        out.push(kind | if at + 1 == blocks.len() { 0x80 } else { 0 });
        out.extend(&(body.len() as u32).to_be_bytes()[1..]);
        out.extend(body);
    }
    [out, sound].concat()
}

/// Name and bytes of each.
pub fn files() -> Vec<(&'static str, Vec<u8>)> {
    let small = setup(&[&small]);
    let million = comment(1_000_000);
    let padded = [small.clone(), vec![0; 1 << 20]].concat();
    vec![
        ("books.ogg", file(&[comment(0), setup(&[&huge as &dyn Fn(&mut Writer); 40])])),
        ("largest-books.ogg", file(&[comment(0), setup(&[&vectors as &dyn Fn(&mut Writer); 4])])),
        ("comments.ogg", file(&[million.clone(), small.clone()])),
        ("setups.ogg", file(&[vec![comment(0)], vec![padded; 7]].concat())),
        ("streams.ogg", endless(16)),
        ("packets.ogg", endless(4)),
        ("comments.flac", tagged_flac(&[(4, million[7..].to_vec()), (4, million[7..].to_vec())])),
        ("seek-points.flac", tagged_flac(&vec![(3, vec![0; 18 * 500_000]); 2])),
        ("tags.mp3", [b"ID3\x04\0\0\x07\x7F\x7F\x7F".to_vec(), b"TIT2\0\0\0\x01\0\0\x03".repeat(1_500_000)].concat()),
    ]
}
