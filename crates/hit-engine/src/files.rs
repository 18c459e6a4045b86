//! Writing files so that a kill at any moment leaves either the old or the new one.

use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Start of the names of files that are being written; leftovers of a kill are known by it.
pub(crate) const TEMPORARY: &str = ".hit-tmp-";

/// Makes `path` hold `bytes`: written beside it, synced, renamed.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let parent = path.parent().unwrap_or_else(|| Path::new("."));
    replace(path, parent, |file| file.write_all(bytes))
}

/// Makes `path` a copy of the file `from`.
pub(crate) fn copy_atomic(from: &Path, path: &Path) -> io::Result<()> {
    let parent = path.parent().unwrap_or_else(|| Path::new("."));
    let mut source = fs_err::File::open(from)?;
    replace(path, parent, |file| io::copy(&mut source, file).map(drop))
}

fn replace(path: &Path, folder: &Path, fill: impl FnOnce(&mut std::fs::File) -> io::Result<()>) -> io::Result<()> {
    fs_err::create_dir_all(folder)?;
    let named = |error: io::Error| io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()));
    let mode = std::fs::Permissions::from_mode(0o644);
    let mut file = tempfile::Builder::new().prefix(TEMPORARY).permissions(mode).tempfile_in(folder).map_err(named)?;
    fill(file.as_file_mut()).and_then(|()| file.as_file().sync_all()).map_err(named)?;
    file.persist(path).map(drop).map_err(|error| named(error.error))
}

/// Makes the names in `folder` durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    fs_err::File::open(folder)?.sync_all()
}

/// All files below `root`, as sorted relative paths; anything that is neither file nor folder is an error.
pub(crate) fn files_below(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                files.push(path);
            } else {
                let message = format!("{} is neither a file nor a folder", entry.path().display());
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Removes a file or folder if it is there.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs_err::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs_err::remove_dir_all(path),
        Ok(_) => fs_err::remove_file(path),
        Err(error) => Err(error),
    };
    absent_is_fine(removed)
}

/// Turns "not found" into success.
pub(crate) fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// `Some` of what is there, `None` if nothing is.
pub(crate) fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_replaces_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b.txt");
        for text in ["one", "two"] {
            write_atomic(&path, text.as_bytes()).unwrap();
            assert_eq!(fs_err::read_to_string(&path).unwrap(), text);
        }
        copy_atomic(&path, &dir.path().join("c")).unwrap();
        assert_eq!(files_below(dir.path()).unwrap(), [PathBuf::from("a/b.txt"), PathBuf::from("c")]);
        assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o600, 0o600);
    }

    #[test]
    fn errors_name_the_path() {
        let dir = tempfile::tempdir().unwrap();
        let error = copy_atomic(&dir.path().join("none"), &dir.path().join("x")).unwrap_err().to_string();
        assert!(error.contains("none"), "{error}");
        fs_err::create_dir(dir.path().join("folder")).unwrap();
        let error = write_atomic(&dir.path().join("folder"), b"").unwrap_err().to_string();
        assert!(error.contains("folder"), "{error}");
    }

    #[test]
    fn links_are_refused_and_absence_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link")).unwrap();
        assert!(files_below(dir.path()).is_err());
        remove(&dir.path().join("link")).unwrap();
        remove(&dir.path().join("link")).unwrap();
        assert!(files_below(dir.path()).unwrap().is_empty());
        assert_eq!(found(fs_err::read(dir.path().join("none"))).unwrap(), None);
    }
}
