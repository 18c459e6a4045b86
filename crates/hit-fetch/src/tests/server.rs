//! A web server on this machine whose answers the tests write.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// What was asked.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) path: String,
    /// By name in lower case.
    pub(super) headers: BTreeMap<String, String>,
}

impl Request {
    fn read(stream: &TcpStream) -> Option<Self> {
        let mut lines = BufReader::new(stream).lines();
        let first = lines.next()?.ok()?;
        let path = first.split(' ').nth(1)?.to_owned();
        let mut headers = BTreeMap::new();
        for line in lines {
            let line = line.ok()?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        Some(Self { path, headers })
    }

    /// First byte of the range that is asked for.
    pub(super) fn from(&self) -> Option<usize> {
        self.headers.get("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// Runs until it is dropped.
pub(super) struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Answers each request with `answer(number of the request, request, connection)`, one after the other.
    pub(super) fn start(mut answer: impl FnMut(usize, &Request, &mut Wire) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (theirs, end) = (Arc::clone(&seen), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let Some(request) = Request::read(&stream) else { continue };
                let number = theirs.lock().unwrap().len();
                theirs.lock().unwrap().push(request.clone());
                answer(number, &request, &mut Wire { stream, stop: Arc::clone(&end) });
            }
        });
        Self { address, seen, stop, thread: Some(thread) }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the server panicked");
        }
    }
}

/// The connection to the client. A client that hangs up is no error of the server.
pub(super) struct Wire {
    stream: TcpStream,
    stop: Arc<AtomicBool>,
}

impl Wire {
    /// Status and headers; the connection closes behind the answer.
    pub(super) fn head(&mut self, status: &str, headers: &[(&str, &str)]) {
        let mut text = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
        for (name, value) in headers {
            text.extend([name, ": ", value, "\r\n"]);
        }
        self.send(text.as_bytes());
        self.send(b"\r\n");
    }

    pub(super) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).and_then(|()| self.stream.flush());
    }

    /// An answer without a body.
    pub(super) fn empty(&mut self, status: &str, headers: &[(&str, &str)]) {
        let all: Vec<_> = headers.iter().copied().chain([("Content-Length", "0")]).collect();
        self.head(status, &all);
    }

    /// The whole body, of which only `most` bytes are sent.
    pub(super) fn whole(&mut self, body: &[u8], most: usize, headers: &[(&str, &str)]) {
        let length = body.len().to_string();
        let all: Vec<_> = headers.iter().copied().chain([("Content-Length", length.as_str())]).collect();
        self.head("200 OK", &all);
        self.send(&body[..most.min(body.len())]);
    }

    /// The part that was asked for, or the whole, of which only `most` bytes are sent. Honours `If-Range`.
    pub(super) fn ranged(&mut self, request: &Request, body: &[u8], most: usize, etag: &str) {
        let tag = [("ETag", etag)];
        let same = request.headers.get("if-range").is_none_or(|asked| asked == etag);
        match request.from().filter(|_| same) {
            None => self.whole(body, most, &tag),
            Some(from) if from >= body.len() => {
                self.empty("416 Range Not Satisfiable", &[("Content-Range", &format!("bytes */{}", body.len()))]);
            }
            Some(from) => {
                let range = format!("bytes {from}-{}/{}", body.len() - 1, body.len());
                let length = (body.len() - from).to_string();
                let headers = [("ETag", etag), ("Content-Range", &range), ("Content-Length", &length)];
                self.head("206 Partial Content", &headers);
                self.send(&body[from..][..most.min(body.len() - from)]);
            }
        }
    }

    /// Says nothing until the test ends.
    pub(super) fn hang(&self) {
        while !self.stop.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
