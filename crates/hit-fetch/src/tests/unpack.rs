//! Good archives, targets with things in them, and runs that are stopped.

use super::archives::{Raw, far_zip, gzip, raw_zip, tar, tar_entry, tar_of, zip};
use super::{Log, Yard, noise};
use crate::work::FOLDER;
use crate::{Error, Limits, ProblemKind, Silent, Unfinished, Unpacked, unpack};

const FILES: [(&str, &[u8]); 5] = [
    ("corpus/", b""),
    ("corpus/2018/a.mid", b"MThd and so on"),
    ("corpus/2018/empty.mid", b""),
    ("corpus/index.csv", b"one,two\n1,2\n1,2\n1,2\n1,2\n1,2\n"),
    ("corpus/play!", b"#!"),
];

fn run(yard: &Yard, bytes: &[u8]) -> Result<Unpacked, Error> {
    let result = unpack(&yard.archive(bytes), &yard.target(), &Limits::default(), &Log::default());
    yard.check();
    result
}

fn unfinished(yard: &Yard, bytes: &[u8]) -> Unfinished {
    match run(yard, bytes) {
        Err(Error::Unfinished(report)) => *report,
        other => panic!("{other:?}"),
    }
}

fn kinds() -> [(&'static str, Vec<u8>); 4] {
    let raw: Vec<Raw> = FILES[1..].iter().map(|(name, bytes)| Raw::new(name, bytes)).collect();
    let raw: Vec<Raw> = raw.into_iter().map(|raw| Raw { zip64: true, deflate: true, ..raw }).collect();
    [("zip", zip(&FILES)), ("zip64", raw_zip(&raw)), ("tar", tar(&FILES)), ("tar.gz", gzip(&tar(&FILES)))]
}

#[test]
fn the_kind_is_told_by_content_and_all_kinds_become_the_same() {
    for (kind, bytes) in kinds() {
        let yard = Yard::new();
        let unpacked = run(&yard, &bytes).unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!((unpacked.written, unpacked.kept, unpacked.bytes()), (4, 0, 44), "{kind}");
        let listed: Vec<_> = unpacked.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(listed, ["corpus/2018/a.mid", "corpus/2018/empty.mid", "corpus/index.csv", "corpus/play!"]);
        let files = yard.files();
        for (name, bytes) in &FILES[1..] {
            assert_eq!(files[*name], *bytes, "{kind}: {name}");
        }
        assert_eq!(yard.work(), ["lock"]);
    }
}

#[test]
fn entries_beyond_four_gigabytes_are_found() {
    let yard = Yard::new();
    let path = yard.folder.path().join("archive");
    far_zip(&path, [&Raw::new("c/near", b"near"), &Raw::new("c/far", b"far away")], 5 << 30);
    assert!(fs_err::metadata(&path).unwrap().len() > 5 << 30);
    let unpacked = unpack(&path, &yard.target(), &Limits::default(), &Log::default()).unwrap();
    assert_eq!(unpacked.written, 2);
    assert_eq!(yard.files()["c/far"], b"far away");
}

#[cfg(unix)]
#[test]
fn permissions_are_plain() {
    use std::os::unix::fs::PermissionsExt;
    for (kind, bytes) in [("zip", zip(&FILES)), ("tar", tar(&FILES))] {
        let yard = Yard::new();
        run(&yard, &bytes).unwrap();
        let mode = |path: &str| fs_err::metadata(yard.target().join(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("corpus/index.csv"), mode("corpus/play!")), (0o644, 0o755), "{kind}");
    }
}

#[test]
fn a_second_run_keeps_everything_and_fills_gaps() {
    for (kind, bytes) in kinds() {
        let yard = Yard::new();
        run(&yard, &bytes).unwrap();
        let path = yard.target().join("corpus/index.csv");
        let before = fs_err::metadata(&path).unwrap().modified().unwrap();
        fs_err::remove_file(yard.target().join("corpus/2018/a.mid")).unwrap();
        let unpacked = run(&yard, &bytes).unwrap();
        assert_eq!((unpacked.written, unpacked.kept, unpacked.files.len()), (1, 3, 4), "{kind}");
        assert_eq!(fs_err::metadata(&path).unwrap().modified().unwrap(), before);
        assert_eq!(yard.files()["corpus/2018/a.mid"], FILES[1].1);
    }
}

#[test]
fn what_is_there_is_never_overwritten() {
    for (kind, bytes) in kinds() {
        let yard = Yard::new();
        yard.put("corpus/2018/a.mid", b"MThd and so oN");
        yard.put("corpus/index.csv", b"short");
        fs_err::create_dir(yard.target().join("corpus/play!")).unwrap();
        yard.put("corpus/own.txt", b"my notes");
        let report = unfinished(&yard, &bytes);
        let found: Vec<_> = report.problems.iter().map(|problem| (problem.path.as_str(), &problem.kind)).collect();
        let other_size = ProblemKind::OtherSize { found: 5, expected: 28 };
        let expected = [
            ("corpus/2018/a.mid", &ProblemKind::OtherContent),
            ("corpus/index.csv", &other_size),
            ("corpus/play!", &ProblemKind::NotAFile),
        ];
        assert_eq!(found, expected, "{kind}");
        assert_eq!((report.n_problems, report.n_damaged, report.unpacked.written), (3, 0, 1), "{kind}");
        let files = yard.files();
        assert_eq!(files["corpus/2018/a.mid"], b"MThd and so oN");
        assert_eq!((&files["corpus/index.csv"][..], &files["corpus/own.txt"][..]), (&b"short"[..], &b"my notes"[..]));
        assert!(files.contains_key("corpus/2018/empty.mid"), "the others are in their places");
    }
}

#[test]
fn twenty_problems_are_listed_and_all_are_counted() {
    let yard = Yard::new();
    let names: Vec<String> = (0..25).map(|idx| format!("c/{idx:02}")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b"new"[..])).collect();
    for name in &names {
        yard.put(name, b"old");
    }
    let report = unfinished(&yard, &zip(&files));
    assert_eq!((report.problems.len(), report.n_problems), (20, 25));
    let text = report.to_string();
    assert!(text.contains("c/19: a file with other content is there") && !text.contains("c/20:"), "{text}");
    assert!(text.contains("and 5 more") && text.contains("nothing that was there was changed"), "{text}");
}

#[cfg(unix)]
#[test]
fn links_in_the_target_are_not_followed() {
    for (kind, bytes) in kinds() {
        let yard = Yard::new();
        fs_err::create_dir(yard.target().join("corpus")).unwrap();
        std::os::unix::fs::symlink(yard.neighbour(), yard.target().join("corpus/2018")).unwrap();
        std::os::unix::fs::symlink(yard.neighbour().join("secret"), yard.target().join("corpus/play!")).unwrap();
        let report = unfinished(&yard, &bytes);
        assert_eq!(report.n_problems, 3, "{kind}: {report}");
        assert_eq!(report.problems[0].kind, ProblemKind::NotAFolder("corpus/2018".into()));
        assert_eq!(report.problems[2].kind, ProblemKind::NotAFile);
        assert!(yard.files().contains_key("corpus/index.csv"));
    }
}

#[cfg(unix)]
#[test]
fn leftovers_of_a_kill_are_replaced_and_not_followed() {
    let yard = Yard::new();
    yard.put(&format!("{FOLDER}/unpacking"), b"half a fi");
    run(&yard, &zip(&FILES)).unwrap();
    let yard = Yard::new();
    fs_err::create_dir(yard.target().join(FOLDER)).unwrap();
    let link = yard.target().join(FOLDER).join("unpacking");
    std::os::unix::fs::symlink(yard.neighbour().join("secret"), link).unwrap();
    run(&yard, &zip(&FILES)).unwrap();
    assert_eq!(yard.files().len(), 4);
}

#[test]
fn a_stop_leaves_whole_files_only_and_the_next_run_goes_on() {
    let big = noise(900_000, 1);
    let files: [(&str, &[u8]); 3] = [("c/1", &big[..300_000]), ("c/2", &big), ("c/3", b"3")];
    for (kind, bytes) in [("zip", zip(&files)), ("tar", tar(&files)), ("tar.gz", gzip(&tar(&files)))] {
        let yard = Yard::new();
        let archive = yard.archive(&bytes);
        let stopping = Log::stopping_at(600_000);
        let stopped = unpack(&archive, &yard.target(), &Limits::default(), &stopping);
        assert!(matches!(stopped, Err(Error::Cancelled)), "{kind}: {stopped:?}");
        assert_eq!(yard.files().into_iter().collect::<Vec<_>>(), [("c/1".to_owned(), big[..300_000].to_vec())]);
        yard.check();
        let unpacked = run(&yard, &bytes).unwrap();
        assert_eq!((unpacked.written, unpacked.kept), (2, 1), "{kind}");
    }
}

#[test]
fn another_process_keeps_the_target() {
    let yard = Yard::new();
    let _other = crate::work::Work::enter(&yard.target()).unwrap();
    assert!(matches!(run(&yard, &zip(&FILES)), Err(Error::Busy(_))));
}

#[test]
fn what_is_no_archive_is_said_to_be_none() {
    for bytes in [&b""[..], b"PK", b"<html>Not found</html>", &[0; 2048], &noise(3000, 2)] {
        let yard = Yard::new();
        assert!(matches!(run(&yard, bytes), Err(Error::NotAnArchive(_))), "{} bytes", bytes.len());
    }
    let yard = Yard::new();
    let missing = unpack(&yard.target().join("none"), &yard.target(), &Limits::default(), &Silent).unwrap_err();
    assert!(matches!(&missing, Error::Io(_)) && missing.to_string().contains("none"), "{missing}");
}

#[test]
fn an_old_tar_is_known_by_its_checksum() {
    let mut block = tar_entry(b"c/old", b'0', "", 3, b"old");
    block[257..265].fill(0);
    super::archives::seal(&mut block);
    let yard = Yard::new();
    assert_eq!(run(&yard, &tar_of(&[block])).unwrap().written, 1);
    assert_eq!(yard.files()["c/old"], b"old");
}

#[test]
fn long_names_in_a_tar_are_whole() {
    let name = format!("c/{}/{}.mid", "d".repeat(150), "e".repeat(200));
    let yard = Yard::new();
    run(&yard, &tar(&[(&name, b"x"), ("./c/y", b"y")])).unwrap();
    assert_eq!(yard.files().into_keys().collect::<Vec<_>>(), [name, "c/y".into()]);
}

#[test]
fn full_disks_are_named() {
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    let error = Error::writing(std::path::Path::new("c/big.wav"), 4711, full);
    assert!(matches!(error, Error::Full { needed: 4711, .. }));
    assert!(error.to_string().contains("c/big.wav: 4711 bytes are needed"), "{error}");
    let other = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    assert!(matches!(Error::writing(std::path::Path::new("x"), 1, other), Error::Io(_)));
}
