//! The folder below the target that downloads in progress, archives and receipts are kept in, and its lock.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use fs_err::File;
use hit_stage::Digest;

use crate::error::Error;

/// Name of the folder below the target that this crate keeps its own files in. No archive may write into it.
pub const FOLDER: &str = ".hit-download";

/// How often and with which pauses the lock is tried: one second.
const LOCK_TRIES: usize = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The working folder, held by this process alone until it is dropped.
pub(crate) struct Work {
    target: PathBuf,
    _lock: File,
}

impl Work {
    /// Makes target and working folder where they are missing and takes the lock.
    pub(crate) fn enter(target: &Path) -> Result<Self, Error> {
        let folder = target.join(FOLDER);
        fs_err::create_dir_all(target)?;
        match fs_err::create_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
        // A link here would put the files somewhere else.
        if !fs_err::symlink_metadata(&folder)?.is_dir() {
            return Err(Error::NotAFolder(folder));
        }
        let lock = File::options().create(true).truncate(false).write(true).read(true).open(folder.join("lock"))?;
        // A process that was killed, or a child between its fork and its program, may hold the lock for a moment longer.
        for _ in 0..LOCK_TRIES {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { target: target.to_owned(), _lock: lock }),
                Err(std::fs::TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
                Err(std::fs::TryLockError::Error(error)) => {
                    let text = format!("cannot lock {}: {error}", lock.path().display());
                    return Err(io::Error::new(error.kind(), text).into());
                }
            }
        }
        Err(Error::Busy(target.to_owned()))
    }

    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// `.hit-download/<start of the digest>.<suffix>`.
    pub(crate) fn file(&self, digest: Digest, suffix: &str) -> PathBuf {
        file_of(&self.target, digest, suffix)
    }

    /// The one file that is being unpacked.
    pub(crate) fn unpacking(&self) -> PathBuf {
        self.target.join(FOLDER).join("unpacking")
    }
}

/// `<target>/.hit-download/<start of the digest>.<suffix>`.
pub(crate) fn file_of(target: &Path, digest: Digest, suffix: &str) -> PathBuf {
    target.join(FOLDER).join(format!("{}.{suffix}", digest.short()))
}

/// Writes a small file whole or not at all.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let temporary = path.with_extension("new");
    let write = || {
        let mut file = File::create(&temporary)?;
        io::Write::write_all(&mut file, bytes)?;
        sync(&file)?;
        fs_err::rename(&temporary, path)
    };
    write().map_err(|error| Error::writing(folder, bytes.len() as u64, error))
}

/// Waits until the bytes of a file are on the disk, where the file system can tell.
pub(crate) fn sync(file: &File) -> io::Result<()> {
    match file.sync_data() {
        Err(error) if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput) => Ok(()),
        done => done,
    }
}

/// Removes a file that may be missing.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Refuses to begin what cannot end: `needed` bytes at `path` where fewer are free. Where the system does not tell, the
/// error comes when the disk is full.
pub(crate) fn check_space(path: &Path, needed: u64) -> Result<(), Error> {
    match free_bytes(path) {
        Some(free) if free < needed => Err(Error::Full { path: path.to_owned(), needed, free: Some(free) }),
        _ => Ok(()),
    }
}

/// Free space at `path`, bytes.
fn free_bytes(path: &Path) -> Option<u64> {
    let output = Command::new("df").arg("-Pk").arg(path).output().ok()?;
    let text = output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())?;
    free_in(&text)
}

/// The free bytes in what `df -Pk` prints. The name of the device may have blanks in it, so columns are counted from the one
/// that ends with a per cent sign.
fn free_in(df: &str) -> Option<u64> {
    let words: Vec<&str> = df.lines().last()?.split_whitespace().collect();
    let used = words.iter().position(|word| word.strip_suffix('%').is_some_and(|n| n.parse::<u8>().is_ok()))?;
    words.get(used.checked_sub(1)?)?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn df_is_read_from_its_percent_sign() {
        let head = "Filesystem 1024-blocks Used Available Capacity Mounted on\n";
        assert_eq!(free_in(&format!("{head}/dev/sda1 100 40 60 40% /home/a b\n")), Some(60 * 1024));
        assert_eq!(free_in(&format!("{head}my disk 100 40 7 40% /x\n")), Some(7 * 1024));
        assert_eq!(free_in(&format!("{head}none 0 0 0 - /proc\n")), None);
        assert_eq!(free_in(""), None);
        assert_eq!(free_in("5%"), None);
    }

    #[test]
    fn space_is_checked_where_the_system_tells() {
        let folder = tempfile::tempdir().unwrap();
        check_space(folder.path(), 1).unwrap();
        if free_bytes(folder.path()).is_some() {
            let error = check_space(folder.path(), u64::MAX).unwrap_err();
            assert!(matches!(error, Error::Full { needed: u64::MAX, free: Some(_), .. }), "{error}");
        }
    }

    #[test]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = Work::enter(folder.path()).unwrap();
        assert!(matches!(Work::enter(folder.path()), Err(Error::Busy(_))));
        drop(first);
        Work::enter(folder.path()).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_no_working_folder() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(other.path(), folder.path().join(FOLDER)).unwrap();
        assert!(matches!(Work::enter(folder.path()), Err(Error::NotAFolder(_))));
        assert_eq!(fs_err::read_dir(other.path()).unwrap().count(), 0);
    }

    #[test]
    fn atomic_writes_leave_nothing_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_atomic(&path, b"1").unwrap();
        write_atomic(&path, b"22").unwrap();
        assert_eq!(fs_err::read(&path).unwrap(), b"22");
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
        remove(&path).unwrap();
        remove(&path).unwrap();
    }
}
