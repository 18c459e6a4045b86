//! A file of the store as memory.

use std::fs::File;
use std::io;

use memmap2::{Mmap, MmapOptions};

/// A file, mapped: its bytes are the pages that the kernel keeps of it, shared by all who map it, and no file handle stays open.
pub(crate) struct Map(Mmap);

impl Map {
    /// Maps all of a file, which is not empty.
    #[expect(
        unsafe_code,
        reason = "the one place in the workspace: no map is safe against those who write to its file"
    )]
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        // SAFETY: the bytes must not change while they are borrowed. Files that are mapped are objects of the store, which are
        // written beside their place, made read-only and renamed, and states of trainings, which are renamed as well: whoever
        // replaces or deletes one leaves the mapped file as it was. What is left is somebody who makes an object writable and
        // writes into it while a stage runs. A file that is cut short so is noticed by `bytes`; values that change are values
        // of a damaged store, which is what digests are for: all bit patterns of the elements are valid.
        unsafe { MmapOptions::new().map(file) }.map(Self)
    }

    /// `n` bytes from `start` on, all of them in memory; `None` if the file never had them.
    ///
    /// # Errors
    /// If they are no longer there, or the disk fails: without the question, reading them would end the process.
    pub(crate) fn bytes(&self, start: usize, n: usize) -> io::Result<Option<&[u8]>> {
        let Some(bytes) = start.checked_add(n).and_then(|end| self.0.get(start..end)) else { return Ok(None) };
        self.fetch(start, n)?;
        Ok(Some(bytes))
    }

    /// Brings bytes into memory and says whether that could be asked for: kernels before Linux 5.14 cannot, nor other systems.
    #[cfg(target_os = "linux")]
    fn fetch(&self, start: usize, n: usize) -> io::Result<bool> {
        if n == 0 {
            return Ok(true);
        }
        match self.0.advise_range(memmap2::Advice::PopulateRead, start, n) {
            Ok(()) => Ok(true),
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(false),
            Err(error) => Err(error),
        }
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unnecessary_wraps, reason = "as on Linux")]
    fn fetch(&self, _: usize, _: usize) -> io::Result<bool> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: usize = 100_000;

    fn mapped() -> (tempfile::NamedTempFile, Map) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(file.path(), vec![7; N]).unwrap();
        let map = Map::of(fs_err::File::open(file.path()).unwrap().file()).unwrap();
        (file, map)
    }

    #[test]
    fn bytes_are_those_of_the_file_or_none() {
        let (_file, map) = mapped();
        for (start, n) in [(0, N), (0, 0), (5, 10_000), (N - 1, 1), (N, 0)] {
            assert_eq!(map.bytes(start, n).unwrap().unwrap(), &vec![7; n]);
        }
        for (start, n) in [(0, N + 1), (N + 1, 0), (usize::MAX, 2)] {
            assert!(map.bytes(start, n).unwrap().is_none());
        }
    }

    /// A replaced or deleted file is still what was mapped.
    #[test]
    fn a_file_that_is_deleted_stays() {
        let (file, map) = mapped();
        drop(file);
        assert_eq!(map.bytes(0, N).unwrap().unwrap(), vec![7; N]);
    }

    /// The process lives on, and knows.
    #[test]
    fn a_file_that_is_cut_short_is_an_error() {
        let (file, map) = mapped();
        if !map.fetch(0, N).unwrap() {
            eprintln!("SKIPPED: this kernel cannot say whether the pages of a file are there");
            return;
        }
        file.as_file().set_len(10_000).unwrap();
        assert!(map.bytes(0, N).is_err());
        assert!(map.bytes(50_000, 8).is_err());
        assert_eq!(map.bytes(0, 10_000).unwrap().unwrap(), [7; 10_000]);
    }
}
