//! Code books as encoders write them, and as a hostile header would ask for.

use proptest::prelude::*;

use super::*;
use crate::audio::decode::ogg::tests::{Writer, identification, setup};

const OGG: &[u8] = include_bytes!("../../../fixtures/sine.ogg");

/// The first two headers that the decoder needs of a file of ffmpeg's.
fn headers(file: &[u8]) -> Vec<u8> {
    let at = file.windows(7).position(|seven| seven == b"\x05vorbis").unwrap();
    [&file[28..58], &file[at..]].concat()
}

fn of_books(books: &[&dyn Fn(&mut Writer)]) -> Option<u64> {
    bytes(&[identification(1), setup(books)].concat())
}

/// A book of codes in order of their lengths, given as runs; without vectors.
fn runs(out: &mut Writer, dimensions: u32, runs: &[(u32, u32)]) {
    let entries: u32 = runs.iter().map(|(_, n)| n).sum();
    out.put(0x56_4342, 24).put(dimensions, 16).put(entries, 24).put(1, 1).put(runs[0].0 - 1, 5);
    let (mut left, mut length) = (entries, runs[0].0);
    for &(wanted, n) in runs {
        while length < wanted {
            out.put(0, 32 - left.leading_zeros());
            length += 1;
        }
        out.put(n, 32 - left.leading_zeros());
        (left, length) = (left - n, length + 1);
    }
}

fn scalar(out: &mut Writer, lengths: &[(u32, u32)]) {
    runs(out, 1, lengths);
    out.put(0, 4);
}

#[test]
fn those_of_an_encoder_take_some_megabytes() {
    let bytes = bytes(&headers(OGG)).unwrap();
    assert!((100_000..16 << 20).contains(&bytes), "{bytes}");
}

/// 131,072 codes of 17 bits: 65,536 beginnings of 16 bits, 256 of 8, and the first block.
#[test]
fn long_codes_are_counted_by_their_beginnings() {
    let one = of_books(&[&|out| scalar(out, &[(17, 1 << 17)])]).unwrap();
    assert_eq!(one, ENTRY * (1 << 17) + BLOCK * (1 + 256 + 65_536));
    // Codes of 8 bits need one block; a comb to 20 bits has one beginning at 8 and at 16 bits for each of its longer codes.
    assert_eq!(of_books(&[&|out| scalar(out, &[(8, 256)])]), Some(ENTRY * 256 + BLOCK));
    let comb: Vec<(u32, u32)> = (1..=20).map(|length| (length, if length == 20 { 2 } else { 1 })).collect();
    assert_eq!(of_books(&[&|out| scalar(out, &comb)]), Some(ENTRY * 21 + BLOCK * (1 + 13 + 5)));
}

/// A list with the length of each code, with and without gaps, says the same as runs do.
#[test]
fn lists_of_lengths_are_read() {
    let list = |out: &mut Writer, is_sparse: bool| {
        out.put(0x56_4342, 24).put(3, 16).put(if is_sparse { 8 } else { 4 }, 24).put(0, 1).put(u32::from(is_sparse), 1);
        for _ in 0..4 {
            if is_sparse {
                out.put(0, 1).put(1, 1);
            }
            out.put(1, 5);
        }
        out.put(0, 4);
    };
    assert_eq!(of_books(&[&|out| list(out, false)]), Some(ENTRY * 4 + BLOCK));
    assert_eq!(of_books(&[&|out| list(out, true)]), Some(ENTRY * 8 + BLOCK));
}

/// Vectors: 4 bytes for each number of each entry. What stands in the header is skipped exactly, so the next book is found.
#[test]
fn vectors_are_counted_and_skipped() {
    for (kind, numbers) in [(1, 3), (2, 27 * 3)] {
        let with_vectors = |out: &mut Writer| {
            runs(out, 3, &[(4, 5), (5, 22)]);
            out.put(kind, 4).put(0, 32).put(0, 32).put(6, 4).put(0, 1);
            (0..numbers).for_each(|number| {
                out.put(number % 128, 7);
            });
        };
        let small = |out: &mut Writer| scalar(out, &[(1, 2)]);
        let expected = 4 * 27 * 3 + 4 * u64::from(numbers) + ENTRY * 27 + BLOCK;
        assert_eq!(of_books(&[&with_vectors, &small]), Some(expected + ENTRY * 2 + BLOCK), "kind {kind}");
    }
}

#[test]
fn the_root_is_the_largest_whole_number() {
    for (entries, dimensions, value) in [
        (0, 1, 0),
        (0, 3, 0),
        (7, 1, 7),
        (8, 3, 2),
        (26, 3, 2),
        (27, 3, 3),
        (1 << 17, 17, 2),
        (1 << 17, 18, 1),
        (1, 32, 1),
    ] {
        assert_eq!(root(entries, dimensions), value, "{entries}, {dimensions}");
    }
}

#[test]
fn what_the_decoder_refuses_is_not_counted() {
    let book = |mark: u32, dimensions: u32, entries: u32| {
        of_books(&[&move |out: &mut Writer| {
            out.put(mark, 24).put(dimensions, 16).put(entries, 24).put(1, 1).put(0, 5).put(2, 2).put(0, 4);
        }])
    };
    assert!(book(0x56_4342, 1, 2).is_some());
    for (mark, dimensions, entries) in
        [(0x56_4343, 1, 2), (0x56_4342, 0, 2), (0x56_4342, 33, 2), (0x56_4342, 1, 1 << 18)]
    {
        assert_eq!(book(mark, dimensions, entries), None);
    }
    assert_eq!(of_books(&[&|out| scalar(out, &[(32, 1), (33, 1)])]), None, "a code of 33 bits");
    assert_eq!(bytes(b""), None);
    assert_eq!(bytes(&headers(OGG)[..200]), None, "cut off");
}

proptest! {
    /// Whatever the bytes: an answer, and quickly.
    #[test]
    fn any_bytes_are_counted_or_refused(start in 0usize..60, rest in prop::collection::vec(any::<u8>(), 0..300)) {
        let whole = headers(OGG);
        let _ = bytes(&[&whole[..37 + start], &rest[..]].concat());
    }
}
