//! The whole way, and what is known about it afterwards.

use std::time::Duration;

use hit_stage::Digest;

use super::archives::{tar, zip};
use super::server::Server;
use super::{Log, Yard, noise};
use crate::work::{FOLDER, Work};
use crate::{Download, Error, Limits, Obtained, Patience, Silent, State, archive, obtain, obtain_from, state};

fn patience() -> Patience {
    let ms = Duration::from_millis;
    Patience { connect: ms(20_000), idle: ms(20_000), attempts: 3, pause: ms(1), longest_pause: ms(2) }
}

fn serve(body: Vec<u8>) -> (Server, Download) {
    let sha256 = Digest::of(&body).to_string();
    let size_bytes = Some(body.len() as u64);
    let server = Server::start(move |_, request, wire| wire.ranged(request, &body, 150_000, "\"e\""));
    let url = server.url("/corpus.zip");
    (server, Download { url, sha256, size_bytes, folder: "corpus".into() })
}

fn get(download: &Download, yard: &Yard) -> Result<Obtained, Error> {
    obtain(download, &yard.target(), &patience(), &Limits::default(), &Silent)
}

fn receipt(yard: &Yard) -> String {
    yard.work().into_iter().find(|name| name.ends_with("receipt.json")).expect("there is a receipt")
}

#[test]
fn from_an_address_to_files_and_back_to_nothing_to_do() {
    let (yard, wav) = (Yard::new(), noise(400_000, 1));
    let (server, download) = serve(zip(&[("corpus/a.wav", &wav), ("corpus/b.mid", b"MThd")]));
    assert_eq!(state(&download, &yard.target()).unwrap(), State::Absent);
    let Obtained::Now { fetched, unpacked } = get(&download, &yard).unwrap() else { panic!("it was not there") };
    assert_eq!((unpacked.written, unpacked.bytes()), (2, 400_004));
    assert_eq!(yard.files()["corpus/a.wav"], wav);
    yard.check();
    let complete = State::Complete { files: 2, bytes: 400_004 };
    assert_eq!(state(&download, &yard.target()).unwrap(), complete);
    let asked = server.seen().len();
    assert_eq!(get(&download, &yard).unwrap(), Obtained::Already);
    // The archive may go; the files say what is there.
    assert_eq!(archive(&download, &yard.target()).unwrap(), Some(fetched.archive.clone()));
    fs_err::remove_file(fetched.archive).unwrap();
    assert_eq!(archive(&download, &yard.target()).unwrap(), None);
    assert_eq!(state(&download, &yard.target()).unwrap(), complete);
    assert_eq!(get(&download, &yard).unwrap(), Obtained::Already);
    assert_eq!(server.seen().len(), asked);
}

#[test]
fn an_archive_that_came_another_way_is_checked_and_used() {
    let yard = Yard::new();
    let body = zip(&[("corpus/a", b"aa")]);
    let (server, download) = serve(body.clone());
    let path = yard.archive(&body[..body.len() - 1]);
    let error = obtain_from(&path, &download, &yard.target(), &Limits::default(), &Silent).unwrap_err();
    assert!(matches!(error, Error::OtherFile { .. }), "{error}");
    assert_eq!(state(&download, &yard.target()).unwrap(), State::Absent);
    let unpacked = obtain_from(&yard.archive(&body), &download, &yard.target(), &Limits::default(), &Silent).unwrap();
    assert_eq!((unpacked.written, server.seen().len()), (1, 0));
    assert_eq!(fs_err::read(path).unwrap(), body, "it stays where it is");
    assert_eq!(state(&download, &yard.target()).unwrap(), State::Complete { files: 1, bytes: 2 });
}

#[test]
fn missing_files_are_found_and_come_back_from_the_archive() {
    let yard = Yard::new();
    let (server, download) = serve(zip(&[("corpus/a", b"aa"), ("corpus/b", b"bb"), ("corpus/c", b"cc")]));
    get(&download, &yard).unwrap();
    fs_err::remove_file(yard.target().join("corpus/b")).unwrap();
    yard.put("corpus/c", b"longer");
    let missing = vec!["corpus/b".to_owned(), "corpus/c".to_owned()];
    assert_eq!(state(&download, &yard.target()).unwrap(), State::Incomplete { missing, n_missing: 2 });
    let error = get(&download, &yard).unwrap_err();
    assert!(matches!(&error, Error::Unfinished(report) if report.n_problems == 1), "{error}");
    assert_eq!((&yard.files()["corpus/b"][..], &yard.files()["corpus/c"][..]), (&b"bb"[..], &b"longer"[..]));
    fs_err::remove_file(yard.target().join("corpus/c")).unwrap();
    get(&download, &yard).unwrap();
    assert_eq!(state(&download, &yard.target()).unwrap(), State::Complete { files: 3, bytes: 6 });
    assert_eq!(server.seen().len(), 1, "the archive was there");
}

#[test]
fn a_folder_from_elsewhere_is_checked_against_the_archive() {
    let yard = Yard::new();
    let (_server, download) = serve(tar(&[("corpus/a", b"aa"), ("corpus/b", b"bb")]));
    yard.put("corpus/a", b"aa");
    assert_eq!(state(&download, &yard.target()).unwrap(), State::Unknown);
    let Obtained::Now { unpacked, .. } = get(&download, &yard).unwrap() else { panic!("it was not complete") };
    assert_eq!((unpacked.kept, unpacked.written), (1, 1));
}

#[test]
fn receipts_that_make_no_sense_are_none() {
    let yard = Yard::new();
    let (_server, download) = serve(zip(&[("corpus/a", b"aa")]));
    get(&download, &yard).unwrap();
    let path = yard.target().join(FOLDER).join(receipt(&yard));
    let text = fs_err::read_to_string(&path).unwrap();
    let other = format!("{}{}", &download.sha256[..12], "0".repeat(52));
    for wrong in [String::new(), "[]".into(), text[..20].into(), text.replace(&download.sha256, &other)] {
        fs_err::write(&path, wrong).unwrap();
        assert_eq!(state(&download, &yard.target()).unwrap(), State::Unknown);
    }
}

#[test]
fn an_archive_without_the_folder_is_another_corpus() {
    let yard = Yard::new();
    let (_server, download) = serve(zip(&[("other/a", b"aa")]));
    let error = get(&download, &yard).unwrap_err();
    assert!(matches!(&error, Error::NoFolder { folder, .. } if folder == "corpus"), "{error}");
    assert_eq!(state(&download, &yard.target()).unwrap(), State::Absent);
}

#[test]
fn a_stop_while_unpacking_needs_no_second_download() {
    let (yard, wav) = (Yard::new(), noise(400_000, 2));
    let (server, download) = serve(zip(&[("corpus/a.wav", &wav), ("corpus/b.wav", &wav)]));
    // The archive has 800,000 bytes and a few: the step in which so many are reached first is the download, so that is done
    // before.
    crate::fetch_with(&download, &yard.target(), &patience(), &Silent).unwrap();
    let asked = server.seen().len();
    let stopping = StopInUnpacking(Log::stopping_at(500_000));
    let stopped = obtain(&download, &yard.target(), &patience(), &Limits::default(), &stopping);
    assert!(matches!(stopped, Err(Error::Cancelled)), "{stopped:?}");
    assert_eq!(state(&download, &yard.target()).unwrap(), State::Unknown);
    let Obtained::Now { unpacked, fetched } = get(&download, &yard).unwrap() else { panic!("it was stopped") };
    assert_eq!((unpacked.kept, unpacked.written, fetched.received), (1, 1, 0));
    assert_eq!(server.seen().len(), asked);
}

/// Looks at the progress of the last step alone.
struct StopInUnpacking(Log);

impl crate::Watch for StopInUnpacking {
    fn progress(&self, done: u64, total: Option<u64>) {
        self.0.progress(done, total);
    }

    fn note(&self, text: &str) {
        self.0.done.set(0);
        self.0.note(text);
    }

    fn cancelled(&self) -> bool {
        self.0.says("unpacking") && self.0.cancelled()
    }
}

#[test]
fn one_at_a_time_here_too() {
    let yard = Yard::new();
    let (server, download) = serve(zip(&[("corpus/a", b"aa")]));
    let _other = Work::enter(&yard.target()).unwrap();
    assert!(matches!(get(&download, &yard), Err(Error::Busy(_))));
    assert_eq!(server.seen().len(), 0);
}
