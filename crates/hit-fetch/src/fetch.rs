//! Downloads that survive cut connections, and end with the right bytes or not at all.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::answer::{Verdict, judge};
use crate::download::Download;
use crate::error::Error;
use crate::part::{Part, measure};
use crate::transfer::{self, Ask, Event, Failure, Patience};
use crate::watch::Watch;
use crate::work::{Work, remove};

/// How often the watch is asked while nothing happens.
const TICK: Duration = Duration::from_millis(50);

/// An archive whose digest is right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetched {
    /// The archive.
    pub archive: PathBuf,
    /// Its size, bytes.
    pub bytes: u64,
    /// How many bytes this call received.
    pub received: u64,
}

/// Downloads an archive into the working folder of `target`, with the [`Patience`] that is the default.
///
/// What an earlier call has received is used if the server can resume. An archive that is there with the right digest
/// is not downloaded again. The archive gets its final name only after its digest was found right; one that is wrong is
/// set aside.
///
/// # Errors
/// Whatever [`Error`] names but faults of archives. After each of them the call can be repeated.
pub fn fetch(download: &Download, target: &Path, watch: &dyn Watch) -> Result<Fetched, Error> {
    fetch_with(download, target, &Patience::default(), watch)
}

/// [`fetch`] with other limits.
///
/// # Errors
/// As [`fetch`].
pub fn fetch_with(
    download: &Download,
    target: &Path,
    patience: &Patience,
    watch: &dyn Watch,
) -> Result<Fetched, Error> {
    download.check()?;
    fetch_into(&Work::enter(target)?, download, patience, watch)
}

pub(crate) fn fetch_into(
    work: &Work,
    download: &Download,
    patience: &Patience,
    watch: &dyn Watch,
) -> Result<Fetched, Error> {
    let digest = download.digest()?;
    let archive = work.file(digest, "archive");
    if archive.is_file() {
        let (found, bytes) = measure(&archive, watch)?;
        if found == digest {
            return Ok(Fetched { archive, bytes, received: 0 });
        }
        watch.note("the archive that is there is damaged: downloading it again");
    }
    // A wrong file of an earlier run may be as large as the right one.
    remove(&work.file(digest, "wrong"))?;
    let mut part = Part::open(work, digest, download.size_bytes, watch)?;
    let mut session = Session { download, patience, watch, received: 0, answered: false };
    session.complete(&mut part)?;
    let (bytes, received) = (part.have(), session.received);
    Ok(Fetched { archive: part.finish(work, &download.url)?, bytes, received })
}

/// One call of [`fetch`].
struct Session<'a> {
    download: &'a Download,
    patience: &'a Patience,
    watch: &'a dyn Watch,
    received: u64,
    /// Whether a server has answered at all.
    answered: bool,
}

/// How an attempt ended.
enum Outcome {
    Whole,
    /// What is there is of no use.
    Again(&'static str),
    /// The connection was cut, or the server is in trouble and says how many seconds to wait.
    Cut(String, Option<u64>),
}

impl Session<'_> {
    /// Tries until every byte is there.
    fn complete(&mut self, part: &mut Part) -> Result<(), Error> {
        // Progress is what no earlier attempt had: a server that cannot resume and always cuts at the same place makes none.
        let mut furthest = part.have();
        let mut failures = 0;
        while !part.is_whole() {
            let outcome = self.attempt(part)?;
            if part.have() > furthest {
                (furthest, failures) = (part.have(), 0);
            }
            failures += 1;
            let (why, wait) = match outcome {
                Outcome::Whole => return Ok(()),
                Outcome::Again(why) => {
                    self.watch.note(&format!("{why}: starting anew"));
                    part.restart()?;
                    (why.to_owned(), Duration::ZERO)
                }
                Outcome::Cut(why, asked) => {
                    let wait = self.pause(failures, asked);
                    (why, wait)
                }
            };
            if failures >= self.patience.attempts {
                let (url, have) = (self.download.url.clone(), part.have());
                return Err(Error::GaveUp { url, attempts: failures, have, last: why });
            }
            if !wait.is_zero() {
                let what = if self.answered { format!("cut at {} bytes", part.have()) } else { "no answer".to_owned() };
                self.watch.note(&format!("{what} ({why}): trying again in {wait:.0?}"));
                self.sleep(wait)?;
            }
        }
        Ok(())
    }

    fn pause(&self, failures: u32, asked: Option<u64>) -> Duration {
        let doubled = self.patience.pause.saturating_mul(1u32.checked_shl(failures - 1).unwrap_or(u32::MAX));
        doubled.max(Duration::from_secs(asked.unwrap_or(0))).min(self.patience.longest_pause)
    }

    fn sleep(&self, mut rest: Duration) -> Result<(), Error> {
        while !rest.is_zero() {
            self.check_cancel()?;
            let step = rest.min(TICK);
            thread::sleep(step);
            rest -= step;
        }
        self.check_cancel()
    }

    fn check_cancel(&self) -> Result<(), Error> {
        if self.watch.cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// One request and what it brings.
    fn attempt(&mut self, part: &mut Part) -> Result<Outcome, Error> {
        let ask = Ask { address: self.download.address()?, from: part.have(), validator: part.validator() };
        let events = transfer::start(ask, self.patience);
        loop {
            let outcome = match self.next(&events)? {
                Event::Answer(answer) => {
                    self.answered = true;
                    self.begin(part, &answer)?
                }
                Event::Bytes(bytes) => {
                    part.append(&bytes, &self.download.url)?;
                    self.received += bytes.len() as u64;
                    self.watch.progress(part.have(), part.total());
                    None
                }
                Event::End => Some(match part.total() {
                    Some(total) if part.have() < total => Outcome::Cut("the connection was closed".to_owned(), None),
                    _ => Outcome::Whole,
                }),
                Event::Failed(failure) => Some(self.failed(failure)?),
            };
            if let Some(outcome) = outcome {
                return Ok(outcome);
            }
        }
    }

    /// Waits for the next event, and asks the watch meanwhile.
    fn next(&self, events: &Receiver<Event>) -> Result<Event, Error> {
        loop {
            self.check_cancel()?;
            match events.recv_timeout(TICK) {
                Ok(event) => return Ok(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Ok(Event::Failed(Failure::Passing("the transfer broke off".to_owned())));
                }
            }
        }
    }

    /// Prepares the part for what an answer announces; an outcome if nothing is to come.
    fn begin(&self, part: &mut Part, answer: &transfer::Answer) -> Result<Option<Outcome>, Error> {
        let total = match judge(answer, &part.held()) {
            Verdict::Append(total) => {
                if part.have() > 0 {
                    self.watch.note(&format!("resuming at {} bytes", part.have()));
                }
                total
            }
            Verdict::Afresh(total) => {
                if part.have() > 0 {
                    self.watch.note("the server does not resume, or the file has changed: starting anew");
                }
                // Also what was said about the whole is of another time.
                part.restart()?;
                total
            }
            Verdict::Whole => return Ok(Some(Outcome::Whole)),
            Verdict::Again(why) => return Ok(Some(Outcome::Again(why))),
            Verdict::Later(why, seconds) => return Ok(Some(Outcome::Cut(why, seconds))),
            Verdict::Refuse(error) => return Err(*error),
        };
        part.remember(answer, total)?;
        if let Some(total) = part.total() {
            part.check_space(total.saturating_sub(part.have()))?;
        }
        Ok(None)
    }

    /// A host that was never heard of is a mistake in the address; one that vanished comes back with the network.
    fn failed(&self, failure: Failure) -> Result<Outcome, Error> {
        match failure {
            Failure::Final(error) => Err(error),
            Failure::NoHost(why) if !self.answered => Err(Error::Unreachable { url: self.download.url.clone(), why }),
            Failure::NoHost(why) | Failure::Passing(why) => Ok(Outcome::Cut(why, None)),
        }
    }
}
