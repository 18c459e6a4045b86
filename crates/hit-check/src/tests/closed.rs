//! Files that whoever runs the check may not read.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fixtures::{Corpus, outline};
use crate::{Kind, Options, Reading, Severity, check};

const FOLDER: &str = "HIT_CHECK_TEST_FOLDER";

fn close(path: &Path, mode: u32) {
    fs_err::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// The child test of this file, run by `way`.
fn child(way: &[&str], folder: &Path) -> Command {
    let this = std::env::current_exe().unwrap();
    let mut words = way.iter().map(PathBuf::from).chain([this]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(["--exact", "tests::closed::child_that_may_not_read", "--test-threads", "1"]);
    command.env(FOLDER, folder);
    command
}

/// Root reads what it likes, unless it gives that up; not everywhere a way to do so is found, which is said.
#[test]
fn files_that_may_not_be_read_are_told() {
    let corpus = Corpus::sound();
    close(corpus.dir.path(), 0o755);
    for name in ["y/2.wav", "y/3.midi"] {
        close(&corpus.path(name), 0o000);
    }
    let ways: [&[&str]; 3] = [
        &[],
        &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
        &["setpriv", "--bounding-set=-all", "--inh-caps=-all"],
    ];
    let reads = |way: &[&str]| {
        let words: Vec<&str> = way.iter().copied().chain(["cat"]).collect();
        let output = Command::new(words[0]).args(&words[1..]).arg(corpus.path("y/2.wav")).output();
        output.is_ok_and(|output| output.status.success())
    };
    let starts = |way: &[&str]| child(way, Path::new("")).output().is_ok_and(|output| output.status.success());
    let Some(way) = ways.into_iter().find(|way| starts(way) && !reads(way)) else {
        use std::io::Write as _;
        let why = b"SKIPPED: files_that_may_not_be_read_are_told: this user reads every file, `setpriv` or not\n";
        return std::io::stderr().write_all(why).unwrap();
    };
    let output = child(way, corpus.dir.path()).output().unwrap();
    let text = [&output.stdout[..], &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// One error for each, with row, file and advice, whether sound is decoded or not; all others are checked.
#[test]
fn child_that_may_not_read() {
    let Some(folder) = std::env::var_os(FOLDER).filter(|folder| !folder.is_empty()) else { return };
    for reading in [Reading::Files, Reading::Reach(12.0)] {
        let report = check(Path::new(&folder), &Options { reading, jobs: 2, ..Options::default() }, &()).unwrap();
        let expected = [
            (Kind::AudioUnreadable, Severity::Error, Some("y/2")),
            (Kind::MidiUnreadable, Severity::Error, Some("y/3")),
        ];
        assert_eq!(outline(&report), expected, "{reading:?}: {}", report.text());
        for (finding, file, row) in
            [(&report.findings[0], "y/2.wav", "line 4"), (&report.findings[1], "y/3.midi", "line 5")]
        {
            assert_eq!((finding.file.as_deref(), finding.row.as_deref()), (Some(file), Some(row)));
            assert!(finding.what.contains("Permission denied"), "{}", finding.what);
            assert_eq!(finding.advice, "check its permissions and the disk");
        }
        let n_pairs = if reading == Reading::Files { 0 } else { 4 };
        assert_eq!(report.summary.n_pairs, n_pairs);
    }
}
