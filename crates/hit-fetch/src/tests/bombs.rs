//! Archives that would become too much.

use super::archives::{Raw, gzip, raw_zip, tar, tar_entry, tar_of, zip};
use super::{Log, Yard};
use crate::{Error, Limits, Unsafe, unpack};

const SMALL: Limits = Limits { total_bytes: 1 << 20, entries: 10, ratio: 20, ratio_from_bytes: 1 << 17 };

fn refused(limits: &Limits, bytes: &[u8]) -> (Yard, Error) {
    let yard = Yard::new();
    let error = unpack(&yard.archive(bytes), &yard.target(), limits, &Log::default()).unwrap_err();
    yard.check();
    (yard, error)
}

fn check_too_much(limits: &Limits, bytes: &[u8], expected: &str) -> Yard {
    let (yard, error) = refused(limits, bytes);
    assert!(matches!(&error, Error::TooMuch { what, .. } if what.contains(expected)), "{error}");
    yard
}

#[test]
fn zeros_that_were_packed_well_are_refused() {
    let zeros = vec![0; 900_000];
    let files: [(&str, &[u8]); 1] = [("c/zeros", &zeros)];
    for bytes in [zip(&files), gzip(&tar(&files))] {
        let yard = check_too_much(&SMALL, &bytes, "one compressed byte");
        assert!(yard.files().is_empty());
    }
    // Unpacked, the same is no bomb; and below the threshold nobody asks.
    let patient = Limits { ratio_from_bytes: 1 << 20, ..SMALL };
    for (limits, bytes) in [(&SMALL, tar(&files)), (&patient, zip(&files)), (&patient, gzip(&tar(&files)))] {
        let yard = Yard::new();
        unpack(&yard.archive(&bytes), &yard.target(), limits, &Log::default()).unwrap();
    }
}

#[test]
fn zeros_where_a_file_is_there_already_are_refused_too() {
    let zeros = vec![0; 900_000];
    let bytes = gzip(&tar(&[("c/zeros", &zeros)]));
    let yard = Yard::new();
    yard.put("c/zeros", b"another");
    let error = unpack(&yard.archive(&bytes), &yard.target(), &SMALL, &Log::default()).unwrap_err();
    assert!(matches!(error, Error::TooMuch { .. }), "{error}");
}

#[test]
fn all_files_together_are_limited() {
    let third = super::noise(400_000, 1);
    let files: [(&str, &[u8]); 3] = [("c/1", &third), ("c/2", &third), ("c/3", &third)];
    let yard = check_too_much(&SMALL, &zip(&files), "all files together");
    assert!(yard.files().is_empty(), "a zip says so before anything is written");
    let yard = check_too_much(&SMALL, &tar(&files), "all files together");
    assert_eq!(yard.files().into_keys().collect::<Vec<_>>(), ["c/1", "c/2"]);
}

#[test]
fn entries_are_limited() {
    let names: Vec<String> = (0..11).map(|idx| format!("{idx}/")).collect();
    let folders: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    check_too_much(&SMALL, &zip(&folders), "entries");
    check_too_much(&SMALL, &tar(&folders), "entries");
}

#[test]
fn a_small_size_in_the_headers_does_not_hide_a_bomb() {
    let zeros = vec![0; 900_000];
    let small = Raw { bytes: 10, deflate: true, ..Raw::new("c/zeros", &zeros) };
    let (yard, error) = refused(&SMALL, &raw_zip(&[small]));
    let Error::Unfinished(report) = error else { panic!("{error}") };
    assert_eq!(report.n_damaged, 1);
    assert!(report.to_string().contains("c/zeros: it "), "{report}");
    assert!(yard.files().is_empty());
}

#[test]
fn sizes_of_zip64_that_lie_are_found_out() {
    let huge = Raw { bytes: 1 << 60, zip64: true, ..Raw::new("c/x", b"three") };
    check_too_much(&SMALL, &raw_zip(std::slice::from_ref(&huge)), "all files together");
    // Without that limit the space on the disk is looked at, and then the bytes.
    let (_, error) = refused(&Limits { total_bytes: u64::MAX, ..SMALL }, &raw_zip(&[huge]));
    assert!(matches!(error, Error::Full { .. } | Error::Unfinished(_)), "{error}");
    let compressed = Raw { compressed: Some(1 << 60), zip64: true, ..Raw::new("c/x", b"three") };
    let (yard, error) = refused(&SMALL, &raw_zip(&[compressed]));
    assert!(matches!(error, Error::Unsafe { why: Unsafe::Overlap, .. } | Error::Damaged { .. }), "{error}");
    assert!(yard.files().is_empty());
    let most = Raw { bytes: u64::MAX, compressed: Some(u64::MAX), zip64: true, ..Raw::new("c/x", b"three") };
    refused(&SMALL, &raw_zip(&[most.clone(), Raw { name: b"c/y".into(), ..most }]));
}

#[test]
fn entries_that_share_their_bytes_are_refused() {
    let first = Raw::new("c/1", &super::noise(1000, 2));
    let second = Raw { name: b"c/2".into(), shares: Some(0), ..first.clone() };
    let (yard, error) = refused(&SMALL, &raw_zip(&[first, second]));
    assert!(matches!(error, Error::Unsafe { why: Unsafe::Overlap, .. }), "{error}");
    assert!(yard.files().is_empty());
}

#[test]
fn a_name_that_does_not_end_fills_no_memory() {
    // A long name of 64 MiB and, in pax, a record of as many.
    let endless = vec![b'a'; 64 << 20];
    for kind in [b'L', b'x'] {
        let entry = tar_entry(b"././@LongLink", kind, "", endless.len() as u64, &endless);
        for bytes in [gzip(&tar_of(std::slice::from_ref(&entry))), tar_of(std::slice::from_ref(&entry))] {
            let (_, error) = refused(&Limits { ratio_from_bytes: u64::MAX, ..SMALL }, &bytes);
            assert!(matches!(&error, Error::Damaged { why, .. } if why.contains("does not end")), "{error}");
        }
    }
}
