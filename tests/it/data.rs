//! `hitrepro data`: a corpus is checked, and fetched from a server that is part of the test.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;

use hit_stage::Digest;
use serde_json::Value;

use crate::corpus::OnDisk;
use crate::project::{Project, stderr};

fn swap(disk: &OnDisk, a: &str, b: &str) {
    let path = |name: &str| disk.corpus.join(name);
    let between = path("2004/between");
    for (from, to) in [(path(a), between.clone()), (path(b), path(a)), (between, path(b))] {
        fs_err::rename(from, to).unwrap();
    }
}

#[test]
fn a_sound_corpus_passes_and_a_broken_one_is_told_file_by_file() {
    let disk = OnDisk::new();
    let folder = disk.corpus.to_str().unwrap();
    let output = disk.project.run(&["data", "check", folder]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", stderr(&output));

    swap(&disk, "2004/p4.wav", "2004/p5.wav");
    fs_err::remove_file(disk.corpus.join("2004/p0.wav")).unwrap();
    let midi = fs_err::read(disk.corpus.join("2004/p1.midi")).unwrap();
    fs_err::write(disk.corpus.join("2004/p1.midi"), &midi[..midi.len() / 2]).unwrap();
    let output = disk.project.run(&["data", "check", folder, "--format", "json"]);
    assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = |kind: &str| {
        let of_kind = report["findings"].as_array().unwrap().iter().filter(|finding| finding["kind"] == kind);
        of_kind.map(|finding| finding["performance"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("audio_missing"), ["2004/p0"], "{report:#}");
    assert_eq!(found("midi_unreadable"), ["2004/p1"], "{report:#}");
    assert_eq!(found("unrelated"), ["2004/p4", "2004/p5"], "{report:#}");

    let quick = disk.project.run(&["data", "check", folder, "--quick"]);
    let text = String::from_utf8_lossy(&quick.stdout).into_owned();
    assert_eq!(quick.status.code(), Some(7), "{text}");
    assert!(text.contains("p0") && !text.contains("p4"), "nothing is decoded: {text}");
}

#[test]
fn a_check_needs_a_folder_with_a_table() {
    let project = Project::new();
    for (args, code, word) in [
        (vec!["data", "check"], 2, "name a folder"),
        (vec!["data", "check", "nowhere"], 6, "no folder nowhere"),
        (vec!["data", "check", "paper"], 6, "table"),
        (vec!["data", "fetch", "maestr"], 2, "maestro"),
    ] {
        let output = project.run(&args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(word), "{args:?}: {}", stderr(&output));
    }
}

/// A corpus of one row as a tar archive.
fn archive() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let files = [("tiny-corpus/maestro-v3.0.0.csv", b"a,b\n".as_slice()), ("tiny-corpus/2004/x.midi", b"MThd")];
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append_data(&mut header, name, bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Answers one request for each part: the bytes from where it asks to `cut`, under a header that promises all of them.
fn serve(archive: Vec<u8>, cuts: Vec<usize>) -> (String, JoinHandle<Vec<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/tiny.tar", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let mut starts = Vec::new();
        for cut in cuts {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut request, mut byte) = (Vec::new(), [0]);
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                request.push(byte[0]);
            }
            let request = String::from_utf8(request).unwrap().to_ascii_lowercase();
            let range = request.lines().find_map(|line| line.strip_prefix("range: bytes="));
            let start: usize = range.map_or(0, |range| range.trim_end_matches('-').parse().unwrap());
            let status = if start > 0 { "206 Partial Content" } else { "200 OK" };
            let length = archive.len() - start;
            let (last, total) = (archive.len() - 1, archive.len());
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nContent-Range: bytes {start}-{last}/{total}\r\nETag: \"1\"\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&archive[start..cut]).unwrap();
            starts.push(start);
        }
        starts
    });
    (url, thread)
}

#[test]
fn a_download_that_is_cut_goes_on_and_nothing_is_done_twice() {
    let archive = archive();
    let (url, server) = serve(archive.clone(), vec![700, archive.len()]);
    let project = Project::new();
    let table = format!(
        "\n[downloads.tiny]\nurl = \"{url}\"\nsha256 = \"{}\"\nfolder = \"tiny-corpus\"\n",
        Digest::of(&archive)
    );
    let config = project.read("pipeline.toml") + &table;
    fs_err::write(project.path("pipeline.toml"), config).unwrap();
    let output = project.run(&["data", "fetch", "tiny"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(server.join().unwrap(), [0, 700], "the second request asks for the rest");
    assert_eq!(project.read("data/tiny-corpus/2004/x.midi"), "MThd");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("2 files") && text.contains("data check"), "{text}");
    // The server is gone: a second time asks nobody.
    let again = project.json(&["data", "fetch", "tiny"]);
    assert_eq!(again["written"], 0, "{again}");
}

#[test]
fn an_archive_from_elsewhere_is_checked_before_it_is_unpacked() {
    let project = Project::new();
    let archive = archive();
    let sha256 = Digest::of(&archive);
    let table = format!(
        "\n[downloads.tiny]\nurl = \"http://127.0.0.1:9/x\"\nsha256 = \"{sha256}\"\nfolder = \"tiny-corpus\"\n"
    );
    fs_err::write(project.path("pipeline.toml"), project.read("pipeline.toml") + &table).unwrap();
    fs_err::write(project.path("bad.tar"), &archive[..700]).unwrap();
    fs_err::write(project.path("good.tar"), &archive).unwrap();
    let bad = project.run(&["data", "fetch", "tiny", "--archive", "bad.tar"]);
    assert!(!bad.status.success() && stderr(&bad).contains("sha256"), "{}", stderr(&bad));
    assert!(!project.path("data/tiny-corpus").exists());
    let good = project.json(&["data", "fetch", "tiny", "--archive", "good.tar", "--to", "elsewhere"]);
    assert_eq!(good["written"], 2, "{good}");
    assert_eq!(project.read("elsewhere/tiny-corpus/2004/x.midi"), "MThd");
}
