//! Files put in their places below the target, one at a time, never over something else.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Crc;
use fs_err::File;
use tempfile::TempPath;

use crate::error::Error;
use crate::unpack::names::Unsafe;
use crate::unpack::problem::{ProblemKind, Unfinished};
use crate::unpack::{Limits, Unpacked, UnpackedFile};
use crate::watch::Watch;
use crate::work::{self, Work};

/// How much is copied or compared at once, bytes.
const CHUNK: usize = 1 << 17;

/// A file as the archive describes it.
pub(super) struct Entry<'a> {
    /// Plain path below the target.
    pub(super) path: &'a str,
    pub(super) bytes: u64,
    /// CRC-32, where the archive has one.
    pub(super) crc: Option<u32>,
    pub(super) executable: bool,
}

/// What is where a file shall be.
enum Spot {
    Free(PathBuf),
    /// A file of the right size.
    Candidate(PathBuf),
    Taken(ProblemKind),
}

/// How reading an entry may end early.
pub(super) enum Stop {
    /// This entry is bad, others may be good.
    Entry(ProblemKind),
    /// Everything ends.
    All(Error),
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::All(error.into())
    }
}

/// The target while an archive is unpacked.
pub(super) struct Place<'a> {
    work: &'a Work,
    archive: &'a Path,
    limits: Limits,
    watch: &'a dyn Watch,
    report: Unfinished,
    n_entries: u64,
    written_bytes: u64,
    kept: u64,
    written: u64,
}

impl<'a> Place<'a> {
    pub(super) fn new(work: &'a Work, archive: &'a Path, limits: Limits, watch: &'a dyn Watch) -> Self {
        let report = Unfinished::new(archive.to_owned(), work.target().to_owned());
        Self { work, archive, limits, watch, report, n_entries: 0, written_bytes: 0, kept: 0, written: 0 }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn watch(&self) -> &dyn Watch {
        self.watch
    }

    /// The error that refuses the archive for an entry.
    pub(super) fn refuse(&self, entry: &str, why: Unsafe) -> Error {
        Error::Unsafe { path: self.archive.to_owned(), entry: entry.to_owned(), why }
    }

    pub(super) fn too_much(&self, entry: &str, limit: u64, what: &'static str) -> Error {
        Error::TooMuch { path: self.archive.to_owned(), entry: entry.to_owned(), limit, what }
    }

    /// Counts an entry.
    pub(super) fn count(&mut self, entry: &str) -> Result<(), Error> {
        self.n_entries += 1;
        let limit = self.limits.entries;
        if self.n_entries > limit { Err(self.too_much(entry, limit, "entries")) } else { Ok(()) }
    }

    /// Refuses to begin if the files that are not there yet, `bytes` together, do not fit.
    pub(super) fn check_space(&self, bytes: u64) -> Result<(), Error> {
        work::check_space(self.work.target(), bytes)
    }

    /// Whether nothing lies at that path yet.
    pub(super) fn is_free(&self, path: &str) -> bool {
        fs_err::symlink_metadata(self.work.target().join(path)).is_err()
    }

    /// Makes a folder.
    pub(super) fn folder(&mut self, path: &str) -> Result<(), Error> {
        if let Err(problem) = self.reach(path)? {
            self.report.add(path, problem);
        }
        Ok(())
    }

    /// Puts a file in its place, or compares the one that is there. `more` is called with the number of bytes of the entry
    /// read so far, after each piece; it checks what only the kind of archive knows.
    pub(super) fn file(
        &mut self,
        entry: &Entry,
        source: &mut dyn Read,
        more: &mut dyn FnMut(&Self, u64) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let done = match self.spot(entry)? {
            Spot::Taken(problem) => Err(Stop::Entry(problem)),
            Spot::Candidate(path) => self.compare(entry, &path, source, more).map(|()| self.kept += 1),
            Spot::Free(path) => self.write(entry, &path, source, more).map(|()| self.written += 1),
        };
        match done {
            Ok(()) => {
                let file = UnpackedFile { path: entry.path.to_owned(), bytes: entry.bytes };
                self.report.unpacked.files.push(file);
                Ok(())
            }
            Err(Stop::Entry(problem)) => {
                self.report.add(entry.path, problem);
                Ok(())
            }
            Err(Stop::All(error)) => Err(error),
        }
    }

    /// Notes an entry that cannot even be opened.
    pub(super) fn unreadable(&mut self, path: &str, why: &dyn std::fmt::Display) {
        self.report.add(path, ProblemKind::Unreadable(why.to_string()));
    }

    /// Removes the temporary file.
    pub(super) fn clean(&self) -> Result<(), Error> {
        Ok(work::remove(&self.work.unpacking())?)
    }

    pub(super) fn finish(self) -> Result<Unpacked, Error> {
        let mut report = self.report;
        report.unpacked.files.sort();
        (report.unpacked.written, report.unpacked.kept) = (self.written, self.kept);
        if report.n_problems > 0 { Err(Error::Unfinished(Box::new(report))) } else { Ok(report.unpacked) }
    }

    /// Makes every folder of `path`. A link is no folder: it may lead out of the target.
    fn reach(&self, path: &str) -> Result<Result<(), ProblemKind>, Error> {
        let mut folder = self.work.target().to_owned();
        let mut told = String::new();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            folder.push(part);
            told.push_str(part);
            match fs_err::symlink_metadata(&folder) {
                Ok(there) if there.is_dir() => {}
                Ok(_) => return Ok(Err(ProblemKind::NotAFolder(told))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    fs_err::create_dir(&folder).map_err(|error| Error::writing(&folder, 0, error))?;
                }
                Err(error) => return Err(error.into()),
            }
            told.push('/');
        }
        Ok(Ok(()))
    }

    fn spot(&self, entry: &Entry) -> Result<Spot, Error> {
        let parent = entry.path.rsplit_once('/').map_or("", |(parent, _)| parent);
        if let Err(problem) = self.reach(parent)? {
            return Ok(Spot::Taken(problem));
        }
        let path = self.work.target().join(entry.path);
        Ok(match fs_err::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Spot::Free(path),
            Err(error) => return Err(error.into()),
            Ok(there) if !there.is_file() => Spot::Taken(ProblemKind::NotAFile),
            Ok(there) if there.len() == entry.bytes => Spot::Candidate(path),
            Ok(there) => Spot::Taken(ProblemKind::OtherSize { found: there.len(), expected: entry.bytes }),
        })
    }

    /// Compares a file that is there with the entry: by checksum if there is one, else byte by byte.
    fn compare(
        &mut self,
        entry: &Entry,
        path: &Path,
        source: &mut dyn Read,
        more: &mut dyn FnMut(&Self, u64) -> Result<(), Error>,
    ) -> Result<(), Stop> {
        let mut there = File::open(path)?;
        let mut own = vec![0; CHUNK];
        let mut other = vec![0; CHUNK];
        let mut crc = Crc::new();
        let mut done = 0;
        loop {
            self.check_cancel()?;
            let n = fill(&mut there, &mut own)?;
            if entry.crc.is_none() {
                let m = fill(source, &mut other).map_err(unreadable)?;
                if own[..n] != other[..m] {
                    return Err(Stop::Entry(ProblemKind::OtherContent));
                }
            }
            crc.update(&own[..n]);
            done += n as u64;
            more(self, done)?;
            if n == 0 {
                break;
            }
        }
        match entry.crc {
            Some(expected) if expected != crc.sum() => Err(Stop::Entry(ProblemKind::OtherContent)),
            _ => Ok(()),
        }
    }

    fn write(
        &mut self,
        entry: &Entry,
        path: &Path,
        source: &mut dyn Read,
        more: &mut dyn FnMut(&Self, u64) -> Result<(), Error>,
    ) -> Result<(), Stop> {
        let temporary = self.work.unpacking();
        work::remove(&temporary)?;
        let mut file = File::options().create_new(true).write(true).open(&temporary)?;
        self.copy(entry, source, &mut file, more)?;
        set_permissions(&file, entry.executable)?;
        work::sync(&file).map_err(|error| Error::writing(path, 0, error))?;
        drop(file);
        Ok(move_to_free(&temporary, path)?)
    }

    /// Copies an entry and checks its length and checksum.
    fn copy(
        &mut self,
        entry: &Entry,
        source: &mut dyn Read,
        file: &mut File,
        more: &mut dyn FnMut(&Self, u64) -> Result<(), Error>,
    ) -> Result<(), Stop> {
        let mut buffer = vec![0; CHUNK];
        let mut crc = Crc::new();
        let mut done = 0;
        loop {
            self.check_cancel()?;
            let n = source.read(&mut buffer).map_err(unreadable)?;
            if n == 0 {
                break;
            }
            done += n as u64;
            if done > entry.bytes {
                return Err(Stop::Entry(ProblemKind::Length { expected: entry.bytes, found: done }));
            }
            self.written_bytes += n as u64;
            if self.written_bytes > self.limits.total_bytes {
                return Err(self.too_much(entry.path, self.limits.total_bytes, "bytes in all files together").into());
            }
            more(self, done)?;
            let rest = entry.bytes - done + n as u64;
            let full = |error| Error::writing(&self.work.target().join(entry.path), rest, error);
            file.write_all(&buffer[..n]).map_err(full)?;
            crc.update(&buffer[..n]);
        }
        if done < entry.bytes {
            return Err(Stop::Entry(ProblemKind::Length { expected: entry.bytes, found: done }));
        }
        match entry.crc {
            Some(expected) if expected != crc.sum() => {
                Err(Stop::Entry(ProblemKind::Checksum { expected, found: crc.sum() }))
            }
            _ => Ok(()),
        }
    }

    fn check_cancel(&self) -> Result<(), Error> {
        if self.watch.cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn unreadable(error: io::Error) -> Stop {
    Stop::Entry(ProblemKind::Unreadable(error.to_string()))
}

/// Reads until the buffer is full or the source ends.
fn fill(source: &mut (impl Read + ?Sized), buffer: &mut [u8]) -> io::Result<usize> {
    let mut n = 0;
    while n < buffer.len() {
        match source.read(&mut buffer[n..]) {
            Ok(0) => break,
            Ok(more) => n += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(n)
}

#[cfg(unix)]
fn set_permissions(file: &File, executable: bool) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    match file.set_permissions(std::fs::Permissions::from_mode(if executable { 0o755 } else { 0o644 })) {
        // The file is ours: only a file system without such permissions says no.
        Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported) => Ok(()),
        done => done,
    }
}

#[cfg(not(unix))]
fn set_permissions(_: &File, _: bool) -> io::Result<()> {
    Ok(())
}

/// Renames, but not over something that has come there meanwhile.
fn move_to_free(from: &Path, to: &Path) -> io::Result<()> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("cannot put {}: {error}", to.display()));
    TempPath::try_from_path(from)?.persist_noclobber(to).map_err(|error| named(error.error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::watch::Silent;

    /// Puts a file of which the archive says so many bytes.
    fn put(target: &Path, bytes: u64, source: &mut dyn Read) -> Result<Unpacked, Error> {
        let work = Work::enter(target).unwrap();
        let mut place = Place::new(&work, Path::new("a.zip"), Limits::default(), &Silent);
        let entry = Entry { path: "c/x", bytes, crc: None, executable: false };
        place.file(&entry, source, &mut |_, _| Ok(()))?;
        place.clean()?;
        place.finish()
    }

    #[test]
    fn as_many_bytes_as_the_archive_says_and_no_others() {
        for (said, expected) in [(3, 4), (5, 4)] {
            let folder = tempfile::tempdir().unwrap();
            let Err(Error::Unfinished(report)) = put(folder.path(), said, &mut &b"four"[..]) else { panic!("{said}") };
            assert_eq!(report.problems[0].kind, ProblemKind::Length { expected: said, found: expected });
            assert!(!folder.path().join("c/x").exists());
        }
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(put(folder.path(), 4, &mut &b"four"[..]).unwrap().bytes(), 4);
        // Now that it is there, it is compared.
        assert_eq!(put(folder.path(), 4, &mut &b"four"[..]).unwrap().kept, 1);
        let more = put(folder.path(), 4, &mut &b"fourty"[..]);
        assert!(matches!(more, Err(Error::Unfinished(_))), "{more:?}");
    }

    /// Gives some bytes, puts a file where ours shall be, and ends.
    struct Rival<'a>(&'a Path, bool);

    impl Read for Rival<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.1 {
                fs_err::write(self.0, b"theirs")?;
                return Ok(0);
            }
            self.1 = true;
            buffer[..4].copy_from_slice(b"ours");
            Ok(4)
        }
    }

    #[test]
    fn a_file_that_came_meanwhile_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c/x");
        let error = put(folder.path(), 4, &mut Rival(&path, false)).unwrap_err();
        assert!(matches!(&error, Error::Io(error) if error.kind() == io::ErrorKind::AlreadyExists), "{error}");
        assert_eq!(fs_err::read(path).unwrap(), b"theirs");
    }
}
