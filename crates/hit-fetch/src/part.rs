//! The part of an archive that is there so far, its digest, and what the server said about the whole.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use fs_err::File;
use hit_stage::{Digest, Hasher};
use serde::{Deserialize, Serialize};

use crate::answer::Held;
use crate::error::Error;
use crate::transfer::Answer;
use crate::watch::Watch;
use crate::work::{self, Work};

/// What the server said about the whole, kept beside the part so that the next run can resume.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default)]
struct Said {
    /// Digest that was asked for.
    sha256: String,
    total: Option<u64>,
    etag: Option<String>,
    last_modified: Option<String>,
}

/// The part, open for appending.
pub(crate) struct Part {
    path: PathBuf,
    said_path: PathBuf,
    file: File,
    hasher: Hasher,
    have: u64,
    digest: Digest,
    configured: Option<u64>,
    said: Said,
}

impl Part {
    /// Opens the part of the archive with that digest; what is there already is hashed.
    pub(crate) fn open(work: &Work, digest: Digest, size: Option<u64>, watch: &dyn Watch) -> Result<Self, Error> {
        let path = work.file(digest, "part");
        let said_path = work.file(digest, "part.json");
        let file = File::options().create(true).truncate(false).read(true).write(true).open(&path)?;
        let sha256 = digest.to_string();
        // A note that cannot be read or speaks of another file is worth nothing: the part then starts anew.
        let said = fs_err::read(&said_path).ok().and_then(|bytes| serde_json::from_slice::<Said>(&bytes).ok());
        let usable = said.filter(|said| said.sha256 == sha256);
        let fresh = usable.is_none();
        let said = usable.unwrap_or(Said { sha256, ..Said::default() });
        let have = file.metadata()?.len();
        let mut part = Self { path, said_path, file, hasher: Hasher::default(), have, digest, configured: size, said };
        let too_long = part.total().is_some_and(|total| have > total);
        if have > 0 && (fresh || too_long) {
            part.restart()?;
        } else if have > 0 {
            watch.note(&format!("checking the {have} bytes that are there"));
            let total = part.have;
            part.hasher = hash(&mut part.file, total, watch)?;
        }
        Ok(part)
    }

    pub(crate) fn have(&self) -> u64 {
        self.have
    }

    /// Size of the whole, if it is known, bytes.
    pub(crate) fn total(&self) -> Option<u64> {
        self.configured.or(self.said.total)
    }

    /// Whether every byte is there.
    pub(crate) fn is_whole(&self) -> bool {
        self.total() == Some(self.have)
    }

    pub(crate) fn held(&self) -> Held {
        Held { have: self.have, configured: self.configured, told: self.said.total, etag: self.said.etag.clone() }
    }

    /// The condition under which the server may send the rest only: an entity tag that is not weak, else a date.
    pub(crate) fn validator(&self) -> Option<String> {
        let strong = self.said.etag.clone().filter(|tag| tag.starts_with('"'));
        strong.or_else(|| self.said.last_modified.clone())
    }

    /// Remembers what an answer says about the whole, which has `total` bytes if that is known.
    pub(crate) fn remember(&mut self, answer: &Answer, total: Option<u64>) -> Result<(), Error> {
        let said = Said {
            sha256: self.said.sha256.clone(),
            total,
            etag: answer.etag.clone().or_else(|| self.said.etag.clone()),
            last_modified: answer.last_modified.clone().or_else(|| self.said.last_modified.clone()),
        };
        if said != self.said || !self.said_path.exists() {
            self.said = said;
            let text = serde_json::to_vec_pretty(&self.said).map_err(std::io::Error::other)?;
            work::write_atomic(&self.said_path, &text)?;
        }
        Ok(())
    }

    /// Refuses to go on where `needed` more bytes do not fit.
    pub(crate) fn check_space(&self, needed: u64) -> Result<(), Error> {
        work::check_space(&self.path, needed)
    }

    /// Drops what is there.
    pub(crate) fn restart(&mut self) -> Result<(), Error> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.hasher = Hasher::default();
        self.have = 0;
        self.said = Said { sha256: self.said.sha256.clone(), ..Said::default() };
        Ok(work::remove(&self.said_path)?)
    }

    /// Adds bytes behind those that are there.
    pub(crate) fn append(&mut self, bytes: &[u8], url: &str) -> Result<(), Error> {
        let after = self.have + bytes.len() as u64;
        if let Some(expected) = self.configured
            && after > expected
        {
            self.restart()?;
            return Err(Error::WrongSize { url: url.to_owned(), expected, found: after });
        }
        let rest = self.total().map_or(bytes.len() as u64, |total| total.saturating_sub(self.have));
        if let Err(error) = self.file.write_all(bytes) {
            // A piece of `bytes` may be in the file: the digest does not know how much.
            self.file.set_len(self.have)?;
            self.file.seek(SeekFrom::Start(self.have))?;
            return Err(Error::writing(&self.path, rest, error));
        }
        self.hasher.update(bytes);
        self.have = after;
        Ok(())
    }

    /// Gives the part its final name if its digest is right; sets it aside if not.
    pub(crate) fn finish(self, work: &Work, url: &str) -> Result<PathBuf, Error> {
        work::sync(&self.file).map_err(|error| Error::writing(&self.path, 0, error))?;
        drop(self.file);
        let found = self.hasher.finish();
        let right = found == self.digest;
        let path = work.file(self.digest, if right { "archive" } else { "wrong" });
        work::remove(&self.said_path)?;
        fs_err::rename(&self.path, &path)?;
        if right {
            Ok(path)
        } else {
            Err(Error::WrongDigest { url: url.to_owned(), expected: self.digest, found, aside: path })
        }
    }
}

/// Digest and size of an archive that is there.
pub(crate) fn measure(path: &Path, watch: &dyn Watch) -> Result<(Digest, u64), Error> {
    watch.note("checking the archive that is there");
    let mut file = File::open(path)?;
    let total = file.metadata()?.len();
    Ok((hash(&mut file, total, watch)?.finish(), total))
}

fn hash(file: &mut File, total: u64, watch: &dyn Watch) -> Result<Hasher, Error> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 1 << 20];
    let mut done = 0;
    loop {
        if watch.cancelled() {
            return Err(Error::Cancelled);
        }
        let n = file.read(&mut buffer)?;
        if n == 0 {
            return Ok(hasher);
        }
        hasher.update(&buffer[..n]);
        done += n as u64;
        watch.progress(done, Some(total));
    }
}
