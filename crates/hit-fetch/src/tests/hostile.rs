//! Archives that mean harm or were damaged on the way.

use proptest::prelude::*;

use super::archives::{Raw, gzip, raw_zip, tar, tar_entry, tar_of, zip};
use super::{Log, Yard, noise};
use crate::{Error, Limits, ProblemKind, Unfinished, Unpacked, Unsafe, unpack};

fn run(yard: &Yard, bytes: &[u8]) -> Result<Unpacked, Error> {
    let result = unpack(&yard.archive(bytes), &yard.target(), &Limits::default(), &Log::default());
    yard.check();
    result
}

fn check_refused(bytes: &[u8], expected: &Unsafe) {
    let yard = Yard::new();
    match run(&yard, bytes) {
        Err(Error::Unsafe { why, .. }) => assert_eq!(why, *expected),
        other => panic!("{expected:?}: {other:?}"),
    }
    assert!(yard.files().is_empty(), "{expected:?}: {:?}", yard.files().keys());
}

fn unfinished(yard: &Yard, bytes: &[u8]) -> Unfinished {
    match run(yard, bytes) {
        Err(Error::Unfinished(report)) => *report,
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_that_lead_out_are_refused_before_anything_is_written() {
    let cases = [
        ("../x", Unsafe::Parent),
        ("c/../../neighbour/secret", Unsafe::Parent),
        ("/tmp/x", Unsafe::Absolute),
        ("c:/x", Unsafe::Drive),
        ("..\\neighbour\\secret", Unsafe::Backslash),
        ("c/a\0b", Unsafe::Control),
        (".hit-download/lock", Unsafe::Reserved),
    ];
    for (name, why) in cases {
        check_refused(&raw_zip(&[Raw::new("c/good", b"good"), Raw::new(name, b"evil")]), &why);
        // NUL ends a name in a tar.
        if why != Unsafe::Control {
            check_refused(&tar_of(&[tar_entry(name.as_bytes(), b'0', "", 4, b"evil")]), &why);
        }
    }
    check_refused(&tar_of(&[tar_entry(b"c/\xff\xfe", b'0', "", 0, b"")]), &Unsafe::NotUtf8);
}

#[test]
fn links_and_devices_are_refused() {
    for (mode, why) in [
        (0o120_777, Unsafe::Link),
        (0o020_666, Unsafe::Special),
        (0o060_666, Unsafe::Special),
        (0o010_666, Unsafe::Special),
        (0o140_666, Unsafe::Special),
        (0o040_755, Unsafe::FileAndFolder),
    ] {
        check_refused(&raw_zip(&[Raw { mode, ..Raw::new("c/x", b"../../neighbour") }]), &why);
    }
    for (kind, why) in [
        (b'1', Unsafe::Link),
        (b'2', Unsafe::Link),
        (b'3', Unsafe::Special),
        (b'4', Unsafe::Special),
        (b'6', Unsafe::Special),
        (b'V', Unsafe::Special),
    ] {
        check_refused(&tar_of(&[tar_entry(b"c/x", kind, "../../neighbour", 0, b"")]), &why);
    }
    // A link first and a file through it after.
    let through = [tar_entry(b"c", b'2', "../neighbour", 0, b""), tar_entry(b"c/secret", b'0', "", 4, b"evil")];
    check_refused(&tar_of(&through), &Unsafe::Link);
}

#[test]
fn names_that_are_there_twice_are_refused() {
    let twice = [Raw::new("c/x", b"1"), Raw::new("c/x", b"2")];
    check_refused(&raw_zip(&twice), &Unsafe::Twice);
    check_refused(&raw_zip(&[Raw::new("c/x", b"1"), Raw::new("./c//x", b"2")]), &Unsafe::Twice);
    check_refused(&raw_zip(&[Raw::new("c/x", b"1"), Raw::new("c/x/y", b"2")]), &Unsafe::FileAndFolder);
    let yard = Yard::new();
    let bytes = tar_of(&[tar_entry(b"c/x", b'0', "", 1, b"1"), tar_entry(b"c/./x", b'0', "", 1, b"2")]);
    assert!(matches!(run(&yard, &bytes), Err(Error::Unsafe { why: Unsafe::Twice, .. })));
    assert_eq!(yard.files()["c/x"], b"1");
}

#[test]
fn what_cannot_be_decoded_is_refused() {
    check_refused(&raw_zip(&[Raw { flags: 1, ..Raw::new("c/x", b"secret bytes") }]), &Unsafe::Encrypted);
    let yard = Yard::new();
    let bytes = raw_zip(&[Raw { method: Some(12), ..Raw::new("c/x", b"bzip2") }]);
    assert!(matches!(run(&yard, &bytes), Err(Error::Unsafe { why: Unsafe::Method(_), .. })));
}

#[test]
fn damaged_entries_are_named_and_the_others_written() {
    let good = Raw::new("c/good", b"good");
    let wrong = Raw { crc: 0xdead_beef, ..Raw::new("c/wrong", b"wrong") };
    let long = Raw { bytes: 9, compressed: Some(4), ..Raw::new("c/short", b"four") };
    let torn = Raw { method: Some(8), ..Raw::new("c/torn", &noise(100, 1)) };
    let yard = Yard::new();
    let report = unfinished(&yard, &raw_zip(&[wrong, long, torn, good]));
    assert_eq!(yard.files().into_iter().collect::<Vec<_>>(), [("c/good".to_owned(), b"good".to_vec())]);
    assert_eq!((report.n_problems, report.n_damaged), (3, 3));
    let found = report.problems[0].kind.clone();
    assert!(matches!(found, ProblemKind::Checksum { expected: 0xdead_beef, .. }), "{found}");
    assert_eq!(report.problems[1].kind, ProblemKind::Length { expected: 9, found: 4 });
    assert!(matches!(report.problems[2].kind, ProblemKind::Unreadable(_)));
    let text = report.to_string();
    assert!(text.contains("c/wrong: its CRC-32 is") && text.contains("the archive says deadbeef"), "{text}");
    assert!(text.contains("download it again"), "{text}");
}

#[test]
fn cut_archives_are_damaged() {
    let files: [(&str, &[u8]); 2] = [("c/1", &noise(2000, 1)), ("c/2", &noise(2000, 2))];
    let zip = zip(&files);
    for cut in [1, 10, 30, 100, 3000] {
        let yard = Yard::new();
        let error = run(&yard, &zip[..zip.len() - cut]).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{cut}: {error}");
        assert!(yard.files().is_empty());
    }
    let tar = tar(&files);
    // In the middle of a file, at its end, and before the first of the blocks that end it all.
    for at in [512 + 700, 512 + 2048, 2 * (512 + 2048)] {
        let yard = Yard::new();
        let error = run(&yard, &tar[..at]).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. } | Error::Unfinished(_)), "{at}: {error}");
        assert!(!yard.files().contains_key("c/2") || at > 5000, "{at}");
    }
    let mut gz = gzip(&tar);
    let yard = Yard::new();
    assert!(run(&yard, &gz[..gz.len() / 2]).is_err());
    let end = gz.len();
    gz[end - 8] ^= 1;
    let yard = Yard::new();
    assert!(matches!(run(&yard, &gz), Err(Error::Damaged { .. })), "the checksum of gzip is wrong");
}

const THERE: &[u8] = b"my own version of it";

fn sound_files() -> [(&'static str, Vec<u8>); 3] {
    [("c/a.mid", noise(300, 3)), ("c/there.mid", noise(20, 4)), ("c/deep/b.csv", b"1,2\n".repeat(40))]
}

fn sound(kind: usize) -> Vec<u8> {
    let files = sound_files();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    match kind {
        0 => zip(&files),
        1 => tar(&files),
        _ => gzip(&tar(&files)),
    }
}

/// The limits of these runs are small, so that a size that was made huge costs no time.
fn survive(yard: &Yard, bytes: &[u8]) {
    yard.put("c/there.mid", THERE);
    let limits = Limits { total_bytes: 1 << 20, entries: 100, ratio: 100, ratio_from_bytes: 1 << 16 };
    let _ = unpack(&yard.archive(bytes), &yard.target(), &limits, &Log::default());
    yard.check();
    assert_eq!(yard.files()["c/there.mid"], THERE);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_are_survived(
        start in prop::sample::select(vec![&b""[..], b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08\0"]),
        rest in prop::collection::vec(any::<u8>(), 0..700),
    ) {
        survive(&Yard::new(), &[start, &rest].concat());
    }

    #[test]
    fn any_damage_is_survived(
        kind in 0usize..3,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = sound(kind);
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let yard = Yard::new();
        survive(&yard, &bytes);
        // A tar has no checksums of contents; in a zip no wrong byte gets to its place.
        if kind == 0 {
            let right: Vec<Vec<u8>> = sound_files().into_iter().map(|(_, bytes)| bytes).collect();
            for (name, bytes) in yard.files() {
                prop_assert!(bytes == THERE || right.contains(&bytes) || bytes.is_empty(), "{}", name);
            }
        }
    }
}
