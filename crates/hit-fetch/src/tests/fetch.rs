//! Downloads against a server that behaves badly in every way that was thought of.

use std::time::Duration;

use hit_stage::Digest;
use proptest::prelude::*;

use super::server::Server;
use super::{Log, Yard, noise};
use crate::work::{FOLDER, Work};
use crate::{Download, Error, Fetched, Patience, Silent, Watch, fetch_with};

/// Hardly any pause.
fn hasty() -> Patience {
    let ms = Duration::from_millis;
    Patience { connect: ms(20_000), idle: ms(20_000), attempts: 4, pause: ms(1), longest_pause: ms(4) }
}

fn download(url: String, body: &[u8]) -> Download {
    Download { url, sha256: Digest::of(body).to_string(), size_bytes: None, folder: "corpus".into() }
}

fn get(download: &Download, yard: &Yard, watch: &dyn Watch) -> Result<Fetched, Error> {
    fetch_with(download, &yard.target(), &hasty(), watch)
}

fn check_got(yard: &Yard, fetched: &Fetched, body: &[u8]) {
    assert!(fs_err::read(&fetched.archive).unwrap() == body, "other bytes");
    assert_eq!(fetched.bytes, body.len() as u64);
    let name = fetched.archive.file_name().unwrap().to_str().unwrap();
    assert_eq!(yard.work(), [name, "lock"]);
    yard.check();
}

/// Bytes that the part has.
fn part(yard: &Yard, download: &Download) -> u64 {
    let path = yard.target().join(FOLDER).join(format!("{}.part", &download.sha256[..12]));
    fs_err::metadata(path).map_or(0, |meta| meta.len())
}

#[test]
fn a_whole_file_is_fetched_once() {
    let (yard, body) = (Yard::new(), noise(400_000, 1));
    let served = body.clone();
    let server = Server::start(move |_, _, wire| wire.whole(&served, usize::MAX, &[]));
    let download = Download { size_bytes: Some(400_000), ..download(server.url("/a.zip"), &body) };
    let log = Log::default();
    let fetched = get(&download, &yard, &log).unwrap();
    check_got(&yard, &fetched, &body);
    assert_eq!((fetched.received, log.done.get(), log.total.get()), (400_000, 400_000, Some(400_000)));
    // The second time the archive is only checked.
    assert_eq!(get(&download, &yard, &Silent).unwrap().received, 0);
    let seen = server.seen();
    assert_eq!((seen.len(), seen[0].path.as_str(), seen[0].from()), (1, "/a.zip", None));
    assert_eq!(seen[0].headers["accept-encoding"], "identity");
    // An archive that was damaged meanwhile is fetched again.
    fs_err::write(&fetched.archive, b"damaged").unwrap();
    check_got(&yard, &get(&download, &yard, &Silent).unwrap(), &body);
}

#[test]
fn a_cut_connection_is_resumed() {
    let (yard, body) = (Yard::new(), noise(300_000, 2));
    let served = body.clone();
    let server = Server::start(move |_, request, wire| wire.ranged(request, &served, 100_000, "\"v1\""));
    let log = Log::default();
    let fetched = get(&download(server.url("/"), &body), &yard, &log).unwrap();
    check_got(&yard, &fetched, &body);
    assert_eq!(fetched.received, 300_000);
    let froms: Vec<_> = server.seen().iter().map(super::server::Request::from).collect();
    assert_eq!(froms, [None, Some(100_000), Some(200_000)]);
    assert_eq!(server.seen()[1].headers["if-range"], "\"v1\"");
    assert!(log.says("resuming at 200000 bytes"), "{:?}", log.notes);
}

#[test]
fn a_server_that_cannot_resume_starts_anew() {
    let (yard, body) = (Yard::new(), noise(200_000, 3));
    let served = body.clone();
    let server =
        Server::start(move |number, _, wire| wire.whole(&served, if number < 2 { 90_000 } else { usize::MAX }, &[]));
    let log = Log::default();
    let fetched = get(&download(server.url("/"), &body), &yard, &log).unwrap();
    check_got(&yard, &fetched, &body);
    assert_eq!((fetched.received, server.seen().len()), (380_000, 3));
    assert!(log.says("starting anew"));
}

#[test]
fn a_server_that_cannot_resume_and_always_cuts_is_given_up() {
    let (yard, body) = (Yard::new(), noise(200_000, 4));
    let served = body.clone();
    let server = Server::start(move |_, _, wire| wire.whole(&served, 90_000, &[]));
    let error = get(&download(server.url("/"), &body), &yard, &Silent).unwrap_err();
    // The first attempt brought something, the four that follow nothing new.
    assert!(matches!(error, Error::GaveUp { attempts: 4, have: 90_000, .. }), "{error}");
    assert!(server.seen().len() <= 5);
    yard.check();
}

#[test]
fn another_version_on_the_server_is_not_spliced() {
    // The date of the last change stands in where there is no entity tag; a weak tag is no condition.
    for (old, new) in [("\"v1\"", "\"v2\""), ("W/\"v1\"", "W/\"v2\"")] {
        let (yard, first, second) = (Yard::new(), noise(200_000, 5), noise(200_000, 6));
        let served = second.clone();
        let server = Server::start(move |number, request, wire| match number {
            0 => wire.ranged(request, &first, 50_000, old),
            _ => wire.ranged(request, &served, usize::MAX, new),
        });
        let fetched = get(&download(server.url("/"), &second), &yard, &Silent).unwrap();
        check_got(&yard, &fetched, &second);
        assert_eq!(server.seen()[1].headers.contains_key("if-range"), old.starts_with('"'));
        // With a strong tag the server starts anew by itself; else its tag gives it away and it is asked once more.
        assert_eq!(server.seen().len(), if old.starts_with('"') { 2 } else { 3 });
    }
}

#[test]
fn a_part_beyond_the_end_is_dropped() {
    let (yard, long, body) = (Yard::new(), noise(200_000, 7), noise(60_000, 8));
    let served = body.clone();
    let server = Server::start(move |number, request, wire| match (number, request.from()) {
        (0, _) => wire.whole(&long, 100_000, &[]),
        (_, Some(_)) => wire.empty("416 Range Not Satisfiable", &[("Content-Range", "bytes */60000")]),
        _ => wire.whole(&served, usize::MAX, &[]),
    });
    let fetched = get(&download(server.url("/"), &body), &yard, &Silent).unwrap();
    check_got(&yard, &fetched, &body);
    assert_eq!(server.seen().len(), 3);
}

#[test]
fn nothing_but_the_digest_tells_the_end_of_a_body_without_length() {
    let (yard, body) = (Yard::new(), noise(150_000, 9));
    let served = body.clone();
    let server = Server::start(move |_, _, wire| {
        wire.head("200 OK", &[("Transfer-Encoding", "chunked")]);
        for chunk in served.chunks(40_000) {
            wire.send(format!("{:x}\r\n", chunk.len()).as_bytes());
            wire.send(chunk);
            wire.send(b"\r\n");
        }
        wire.send(b"0\r\n\r\n");
    });
    let log = Log::default();
    check_got(&yard, &get(&download(server.url("/"), &body), &yard, &log).unwrap(), &body);
    assert_eq!(log.total.get(), None);

    let (yard, served) = (Yard::new(), body.clone());
    let server = Server::start(move |_, _, wire| {
        wire.head("200 OK", &[]);
        wire.send(&served);
    });
    check_got(&yard, &get(&download(server.url("/"), &body), &yard, &Silent).unwrap(), &body);
}

#[test]
fn chunks_that_end_early_are_a_cut() {
    let (yard, body) = (Yard::new(), noise(150_000, 10));
    let served = body.clone();
    let server = Server::start(move |_, request, wire| match request.from() {
        None => {
            wire.head("200 OK", &[("Transfer-Encoding", "chunked"), ("ETag", "\"c\"")]);
            wire.send(b"10000\r\n");
            wire.send(&served[..0x10000]);
            wire.send(b"\r\n10000\r\n");
            wire.send(&served[0x10000..0x10100]);
        }
        Some(_) => wire.ranged(request, &served, usize::MAX, "\"c\""),
    });
    check_got(&yard, &get(&download(server.url("/"), &body), &yard, &Silent).unwrap(), &body);
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn another_size_is_refused_before_the_first_byte() {
    let (yard, body) = (Yard::new(), noise(1000, 11));
    let served = body.clone();
    let server = Server::start(move |_, _, wire| wire.whole(&served, usize::MAX, &[]));
    let download = Download { size_bytes: Some(999), ..download(server.url("/"), &body) };
    let error = get(&download, &yard, &Silent).unwrap_err();
    assert!(matches!(error, Error::WrongSize { expected: 999, found: 1000, .. }), "{error}");
    assert_eq!(part(&yard, &download), 0);
}

#[test]
fn a_body_that_does_not_stop_is_cut_off() {
    let (yard, body) = (Yard::new(), noise(1000, 12));
    let server = Server::start(move |_, _, wire| {
        wire.head("200 OK", &[]);
        wire.send(&noise(600_000, 12));
    });
    let download = Download { size_bytes: Some(1000), ..download(server.url("/"), &body) };
    let error = get(&download, &yard, &Silent).unwrap_err();
    assert!(matches!(error, Error::WrongSize { expected: 1000, .. }), "{error}");
    assert_eq!(part(&yard, &download), 0, "what is wrong is not kept");
}

#[test]
fn wrong_bytes_are_set_aside() {
    let (yard, body) = (Yard::new(), noise(1000, 13));
    let served = body.clone();
    let server = Server::start(move |number, _, wire| {
        if number == 0 { wire.whole(b"an error page", 99, &[]) } else { wire.whole(&served, usize::MAX, &[]) }
    });
    let download = download(server.url("/"), &body);
    let Error::WrongDigest { expected, found, aside, .. } = get(&download, &yard, &Silent).unwrap_err() else {
        panic!("the digest is wrong");
    };
    assert_eq!((expected, found), (Digest::of(&body), Digest::of(b"an error page")));
    assert_eq!(fs_err::read(&aside).unwrap(), b"an error page");
    assert!(!yard.work().iter().any(|name| name.ends_with(".archive")));
    let fetched = get(&download, &yard, &Silent).unwrap();
    assert_eq!(fs_err::read(&fetched.archive).unwrap(), body);
    // The wrong file took as much space as a right one.
    check_got(&yard, &fetched, &body);
}

#[test]
fn redirects_are_followed_and_the_range_with_them() {
    let (yard, body) = (Yard::new(), noise(100_000, 14));
    let served = body.clone();
    let server = Server::start(move |_, request, wire| match request.path.as_str() {
        "/a" => wire.empty("302 Found", &[("Location", "/b/c?x=1#y")]),
        "/b/c?x=1" => wire.empty("307 Temporary Redirect", &[("Location", "../d")]),
        "/d" => wire.ranged(request, &served, 60_000, "\"d\""),
        _ => wire.empty("404 Not Found", &[]),
    });
    check_got(&yard, &get(&download(server.url("/a"), &body), &yard, &Silent).unwrap(), &body);
    let seen: Vec<_> = server.seen().iter().map(|request| (request.path.clone(), request.from())).collect();
    assert_eq!(seen[5], ("/d".to_owned(), Some(60_000)));
    assert_eq!(seen.len(), 6);
}

#[test]
fn redirects_end() {
    let cases = [
        ("/loop", "followed already"),
        ("ftp://127.0.0.1/x", "only http"),
        ("file:///etc/passwd", "://"),
        ("", "where"),
    ];
    for (location, why) in cases {
        let yard = Yard::new();
        let server = Server::start(move |_, _, wire| wire.empty("301 Moved", &[("Location", location)]));
        let error = get(&download(server.url("/loop"), b"x"), &yard, &Silent).unwrap_err();
        assert!(matches!(error, Error::Redirect { .. }), "{error}");
        assert!(error.to_string().contains(why) || location.starts_with("file"), "{error}");
        assert!(server.seen().len() <= 11);
    }
}

#[test]
fn statuses_that_stay_end_at_once_and_others_are_tried_again() {
    let (yard, body) = (Yard::new(), noise(1000, 15));
    for status in ["404 Not Found", "403 Forbidden", "401 Unauthorized", "204 No Content"] {
        let server = Server::start(move |_, _, wire| wire.empty(status, &[]));
        let error = get(&download(server.url("/"), &body), &yard, &Silent).unwrap_err();
        assert!(matches!(error, Error::Status { .. }), "{error}");
        assert_eq!(server.seen().len(), 1, "{status}");
    }
    let server = Server::start(move |_, _, wire| wire.empty("503 Busy", &[("Retry-After", "0")]));
    let error = get(&download(server.url("/"), &body), &yard, &Silent).unwrap_err();
    assert!(matches!(&error, Error::GaveUp { attempts: 4, last, .. } if last.contains("503")), "{error}");
    assert_eq!(server.seen().len(), 4);
    let served = body.clone();
    let server = Server::start(move |number, _, wire| match number {
        0..3 => wire.empty("500 Oops", &[]),
        _ => wire.whole(&served, usize::MAX, &[]),
    });
    check_got(&yard, &get(&download(server.url("/"), &body), &yard, &Silent).unwrap(), &body);
}

#[test]
fn silence_is_a_cut() {
    let (yard, body) = (Yard::new(), noise(100_000, 16));
    let served = body.clone();
    let server = Server::start(move |_, request, wire| wire.ranged(request, &served, 30_000, "\"s\""));
    // The connection stays open behind the first bytes: only the time limit ends it.
    let quiet = Server::start({
        let body = body.clone();
        move |_, _, wire| {
            wire.whole(&body, 30_000, &[("ETag", "\"s\"")]);
            wire.hang();
        }
    });
    let short = Patience { idle: Duration::from_secs(1), attempts: 1, ..hasty() };
    let mut download = download(quiet.url("/"), &body);
    let error = fetch_with(&download, &yard.target(), &short, &Silent).unwrap_err();
    assert!(matches!(&error, Error::GaveUp { have: 30_000, last, .. } if last.contains("timeout")), "{error}");
    download.url = server.url("/");
    let fetched = get(&download, &yard, &Silent).unwrap();
    check_got(&yard, &fetched, &body);
    assert_eq!(fetched.received, 70_000, "the first bytes came from the other server, with the same tag");
}

#[test]
fn a_stop_in_the_middle_keeps_the_part() {
    let (yard, body) = (Yard::new(), noise(300_000, 17));
    let served = body.clone();
    let server = Server::start(move |number, request, wire| {
        if number == 0 {
            wire.whole(&served, 120_000, &[("ETag", "\"x\"")]);
        } else {
            wire.ranged(request, &served, usize::MAX, "\"x\"");
        }
    });
    let download = download(server.url("/"), &body);
    assert!(matches!(get(&download, &yard, &Log::stopping_at(1)), Err(Error::Cancelled)));
    let kept = part(&yard, &download);
    assert!(kept > 0 && kept <= 120_000, "{kept}");
    let fetched = get(&download, &yard, &Silent).unwrap();
    check_got(&yard, &fetched, &body);
    assert_eq!(fetched.received, 300_000 - kept);
    assert_eq!(server.seen()[1].from(), Some(kept as usize));
}

#[test]
fn a_stop_is_heard_while_nothing_arrives() {
    let (yard, body) = (Yard::new(), noise(10, 18));
    let server = Server::start(|_, _, wire| wire.hang());
    let log = Log { stop_after_questions: Some(3), ..Log::default() };
    assert!(matches!(get(&download(server.url("/"), &body), &yard, &log), Err(Error::Cancelled)));
}

#[test]
fn a_part_that_was_changed_is_found_out() {
    let (yard, body) = (Yard::new(), noise(100_000, 19));
    let served = body.clone();
    let server = Server::start(move |_, request, wire| wire.ranged(request, &served, 60_000, "\"p\""));
    let download = download(server.url("/"), &body);
    let once = Patience { attempts: 1, ..hasty() };
    assert!(fetch_with(&download, &yard.target(), &once, &Silent).is_err());
    let path = yard.target().join(FOLDER).join(format!("{}.part", &download.sha256[..12]));
    let mut bytes = fs_err::read(&path).unwrap();
    bytes[5] ^= 1;
    fs_err::write(&path, bytes).unwrap();
    assert!(matches!(get(&download, &yard, &Silent), Err(Error::WrongDigest { .. })));
    check_wrong_then_right(&yard, &download, &body);
}

fn check_wrong_then_right(yard: &Yard, download: &Download, body: &[u8]) {
    let fetched = get(download, yard, &Silent).unwrap();
    assert_eq!((fetched.received, fs_err::read(fetched.archive).unwrap()), (body.len() as u64, body.to_vec()));
}

#[test]
fn a_note_beside_the_part_that_makes_no_sense_starts_anew() {
    for note in ["", "{", "{\"sha256\": \"0\", \"total\": 3}", "[1]"] {
        let (yard, body) = (Yard::new(), noise(50_000, 20));
        let served = body.clone();
        let server = Server::start(move |_, request, wire| wire.ranged(request, &served, usize::MAX, "\"n\""));
        let download = download(server.url("/"), &body);
        let stem = format!("{FOLDER}/{}", &download.sha256[..12]);
        yard.put(&format!("{stem}.part"), b"leftover of something else");
        yard.put(&format!("{stem}.part.json"), note.as_bytes());
        check_got(&yard, &get(&download, &yard, &Silent).unwrap(), &body);
        assert_eq!(server.seen()[0].from(), None);
    }
}

#[test]
fn one_process_at_a_time() {
    let (yard, body) = (Yard::new(), noise(10, 21));
    let server = Server::start(|_, _, wire| wire.empty("500 Oops", &[]));
    let _other = Work::enter(&yard.target()).unwrap();
    assert!(matches!(get(&download(server.url("/"), &body), &yard, &Silent), Err(Error::Busy(_))));
    assert_eq!(server.seen().len(), 0);
}

#[test]
fn nobody_there_ends() {
    let (yard, body) = (Yard::new(), noise(10, 22));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = get(&download(format!("http://127.0.0.1:{port}/"), &body), &yard, &Silent).unwrap_err();
    assert!(matches!(error, Error::GaveUp { attempts: 4, have: 0, .. }), "{error}");
}

#[test]
fn a_server_without_tls_is_no_https_server() {
    let (yard, body) = (Yard::new(), noise(10, 23));
    let server = Server::start(|_, _, wire| wire.empty("200 OK", &[]));
    let url = server.url("/").replace("http://", "https://");
    let error = get(&download(url, &body), &yard, &Silent).unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. } | Error::GaveUp { .. }), "{error}");
}

#[test]
fn answers_that_are_no_http_are_tried_again_and_given_up() {
    let (yard, body) = (Yard::new(), noise(10, 24));
    for answer in
        [&b"HTTP/1.1 banana\r\n\r\n"[..], b"", b"\x16\x03\x01", b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"]
    {
        let server = Server::start(move |_, _, wire| wire.send(answer));
        let error = get(&download(server.url("/"), &body), &yard, &Silent).unwrap_err();
        assert!(matches!(error, Error::GaveUp { .. } | Error::Unreachable { .. }), "{error}");
    }
    yard.check();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn whatever_the_cuts_the_bytes_are_right_in_the_end(
        len in 1usize..40_000,
        cuts in prop::collection::vec((0usize..20_000, prop::sample::select(vec!["range", "whole", "other", "500"])), 0..6),
    ) {
        let (yard, body) = (Yard::new(), noise(len, 25));
        let served = body.clone();
        let server = Server::start(move |number, request, wire| match cuts.get(number) {
            Some((most, "range")) => wire.ranged(request, &served, *most, "\"a\""),
            Some((most, "whole")) => wire.whole(&served, *most, &[("ETag", "\"a\"")]),
            // A server that sends a part that nobody asked for.
            Some((most, "other")) => {
                let range = format!("bytes 7-{}/{}", served.len() + 6, served.len() + 7);
                wire.head("206 Partial Content", &[("Content-Range", &range)]);
                wire.send(&served[..*most.min(&served.len())]);
            }
            Some(_) => wire.empty("500 Oops", &[]),
            None => wire.ranged(request, &served, usize::MAX, "\"a\""),
        });
        let patience = Patience { attempts: 20, ..hasty() };
        let fetched = fetch_with(&download(server.url("/"), &body), &yard.target(), &patience, &Silent).unwrap();
        check_got(&yard, &fetched, &body);
    }
}
