//! One request in a thread of its own, so that whoever waits can be stopped at any time and the digest is computed while
//! bytes arrive.

use std::io::Read;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body};

use crate::error::Error;
use crate::url::Address;

/// How many redirects are followed.
const MAX_REDIRECTS: usize = 10;
/// How much is read at once, bytes.
const CHUNK: usize = 1 << 17;
/// How many chunks may wait to be written.
const WAITING: usize = 16;

/// How long a download waits and how often it tries again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Patience {
    /// Longest time for looking up the host and for connecting.
    pub connect: Duration,
    /// Longest time in which nothing arrives.
    pub idle: Duration,
    /// How many attempts in a row may bring nothing new.
    pub attempts: u32,
    /// Pause after the first such attempt; each further one is twice as long.
    pub pause: Duration,
    /// Longest pause.
    pub longest_pause: Duration,
}

impl Default for Patience {
    /// 30 s to connect, 60 s idle, ten attempts with pauses from 1 s to 60 s: about four minutes without a network.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            idle: Duration::from_mins(1),
            attempts: 10,
            pause: Duration::from_secs(1),
            longest_pause: Duration::from_mins(1),
        }
    }
}

/// What is asked for.
pub(crate) struct Ask {
    pub(crate) address: Address,
    /// First byte that is wanted.
    pub(crate) from: u64,
    /// Condition of a range (`If-Range`).
    pub(crate) validator: Option<String>,
}

/// The head of an answer.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Address that answered, after redirects.
    pub(crate) url: String,
    pub(crate) length: Option<u64>,
    pub(crate) content_range: Option<String>,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
    /// Seconds that the server asks to wait.
    pub(crate) retry_after: Option<u64>,
}

/// What a transfer reports, in this order: one answer, bytes, the end; a failure at any point.
pub(crate) enum Event {
    Answer(Answer),
    Bytes(Vec<u8>),
    End,
    Failed(Failure),
}

/// Why a transfer ended early.
pub(crate) enum Failure {
    /// Trying again would not help.
    Final(Error),
    /// Trying again may help.
    Passing(String),
    /// The host is unknown: without a network, or for good.
    NoHost(String),
}

/// Starts a transfer. Dropping the receiver ends it: at once if it is receiving, within the time limits otherwise.
pub(crate) fn start(ask: Ask, patience: &Patience) -> Receiver<Event> {
    let (events, receiver) = sync_channel(WAITING);
    let patience = patience.clone();
    thread::spawn(move || {
        if let Err(failure) = run(&ask, &patience, &events) {
            // Nobody listens any more: nothing to tell.
            let _ = events.send(Event::Failed(failure));
        }
    });
    receiver
}

fn run(ask: &Ask, patience: &Patience, events: &SyncSender<Event>) -> Result<(), Failure> {
    let (address, response) = follow(ask, patience)?;
    let answer = head(&address, &response);
    let wanted = matches!(answer.status, 200 | 206);
    if events.send(Event::Answer(answer)).is_err() || !wanted {
        return Ok(());
    }
    receive(response, events)
}

/// Asks, and asks again where redirects lead.
fn follow(ask: &Ask, patience: &Patience) -> Result<(Address, Response<Body>), Failure> {
    let mut address = ask.address.clone();
    for _ in 0..=MAX_REDIRECTS {
        let response = request(&address, ask, patience)?;
        if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok((address, response));
        }
        let to = text(response.headers(), "location").unwrap_or_default();
        let next = if to.is_empty() { Err("it does not say where") } else { address.join(&to) };
        address =
            next.map_err(|why| Failure::Final(Error::Redirect { url: address.to_string(), to: to.clone(), why }))?;
    }
    let why = "ten redirects were followed already";
    Err(Failure::Final(Error::Redirect { url: ask.address.to_string(), to: address.to_string(), why }))
}

fn request(address: &Address, ask: &Ask, patience: &Patience) -> Result<Response<Body>, Failure> {
    let mut request = agent(address, patience).get(address.to_string());
    if ask.from > 0 {
        request = request.header("Range", format!("bytes={}-", ask.from));
        if let Some(validator) = &ask.validator {
            request = request.header("If-Range", validator);
        }
    }
    request.call().map_err(|error| failure(address, error))
}

fn agent(address: &Address, patience: &Patience) -> Agent {
    let mut config = Agent::config_builder()
        .user_agent(concat!("hitrepro/", env!("CARGO_PKG_VERSION")))
        // The bytes of the archive itself are wanted, not compressed once more.
        .accept_encoding("identity")
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_resolve(Some(patience.connect))
        .timeout_connect(Some(patience.connect))
        .timeout_send_request(Some(patience.idle))
        .timeout_recv_response(Some(patience.idle))
        .timeout_per_read(Some(patience.idle));
    if address.is_loopback() {
        config = config.proxy(None);
    }
    config.build().into()
}

/// Sorts an error of the client.
fn failure(address: &Address, error: ureq::Error) -> Failure {
    use ureq::Error as E;
    let why = error.to_string();
    match error {
        E::HostNotFound => Failure::NoHost(why),
        // The standard library has no kind for it yet.
        E::Io(error) if error.to_string().starts_with("failed to lookup address") => Failure::NoHost(why),
        E::Http(_) | E::BadUri(_) | E::InvalidProxyUrl | E::Tls(_) | E::Rustls(_) | E::RequireHttpsOnly(_) => {
            Failure::Final(Error::Unreachable { url: address.to_string(), why })
        }
        // A certificate that is not accepted arrives as an error of reading or writing.
        E::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            Failure::Final(Error::Unreachable { url: address.to_string(), why })
        }
        _ => Failure::Passing(why),
    }
}

fn head(address: &Address, response: &Response<Body>) -> Answer {
    let headers = response.headers();
    Answer {
        status: response.status().as_u16(),
        url: address.to_string(),
        length: response.body().content_length(),
        content_range: text(headers, "content-range"),
        etag: text(headers, "etag"),
        last_modified: text(headers, "last-modified"),
        retry_after: text(headers, "retry-after").and_then(|seconds| seconds.parse().ok()),
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(|value| value.trim().to_owned())
}

fn receive(mut response: Response<Body>, events: &SyncSender<Event>) -> Result<(), Failure> {
    let mut reader = response.body_mut().with_config().limit(u64::MAX).reader();
    loop {
        let mut chunk = vec![0; CHUNK];
        let n = reader.read(&mut chunk).map_err(|error| Failure::Passing(error.to_string()))?;
        chunk.truncate(n);
        let event = if n == 0 { Event::End } else { Event::Bytes(chunk) };
        if events.send(event).is_err() || n == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_sorted_by_whether_another_try_may_help() {
        let here = Address::parse("https://example.org/a.zip").unwrap();
        let io = |kind| ureq::Error::Io(std::io::Error::from(kind));
        assert!(matches!(failure(&here, ureq::Error::HostNotFound), Failure::NoHost(_)));
        let unknown = std::net::ToSocketAddrs::to_socket_addrs("no.such.host.invalid:80").map(drop).unwrap_err();
        assert!(matches!(failure(&here, ureq::Error::Io(unknown)), Failure::NoHost(_)));
        assert!(matches!(failure(&here, io(std::io::ErrorKind::ConnectionReset)), Failure::Passing(_)));
        assert!(matches!(failure(&here, io(std::io::ErrorKind::ConnectionRefused)), Failure::Passing(_)));
        let final_ones = [ureq::Error::Tls("x"), ureq::Error::BadUri("x".into()), io(std::io::ErrorKind::InvalidData)];
        for error in final_ones {
            let Failure::Final(error) = failure(&here, error) else { panic!("no reason to try again") };
            assert!(error.to_string().contains("example.org"), "{error}");
        }
    }
}
