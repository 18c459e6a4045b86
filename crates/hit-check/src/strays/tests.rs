//! Folders with files that no row names.

use super::*;

fn put(root: &Path, name: &str) -> PathBuf {
    let path = root.join(name);
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(&path, "x").unwrap();
    path
}

fn files(found: &[Finding]) -> Vec<&str> {
    found.iter().filter_map(|finding| finding.file.as_deref()).collect()
}

#[test]
fn only_audio_and_midi_that_no_row_names_are_strays() {
    let dir = tempfile::tempdir().unwrap();
    let named = put(dir.path(), "2004/a.midi");
    for name in ["2004/b.midi", "2006/deep/c.WAV", "LICENSE", "README.txt", "2004/a.json"] {
        put(dir.path(), name);
    }
    let found = findings(dir.path(), &[&named]);
    assert_eq!(files(&found), ["2004/b.midi", "2006/deep/c.WAV"]);
    assert!(found.iter().all(|finding| finding.severity == Severity::Warning));
}

#[test]
fn many_strays_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    (0..MAX_LISTED + 7).for_each(|k| drop(put(dir.path(), &format!("{k:03}.wav"))));
    let found = findings(dir.path(), &[]);
    assert_eq!(found.len(), MAX_LISTED + 1);
    assert!(found[MAX_LISTED].what.starts_with("7 more"), "{}", found[MAX_LISTED].what);
}

#[test]
fn folders_that_are_too_deep_are_left_and_said_to_be() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &format!("{}a.wav", "d/".repeat(MAX_DEPTH)));
    assert_eq!(files(&findings(dir.path(), &[])).len(), 1);
    put(dir.path(), &format!("{}a.wav", "e/".repeat(MAX_DEPTH + 1)));
    let found = findings(dir.path(), &[]);
    assert_eq!(found.len(), 2);
    assert_eq!((found[1].severity, found[1].kind), (Severity::Note, Kind::StrayFile));
}

#[cfg(unix)]
#[test]
fn loops_of_links_end_and_a_linked_folder_is_not_stray() {
    use std::os::unix::fs::symlink;
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    put(elsewhere.path(), "a.wav");
    put(elsewhere.path(), "b.wav");
    symlink(elsewhere.path(), dir.path().join("2004")).unwrap();
    symlink(dir.path(), dir.path().join("loop")).unwrap();
    symlink(dir.path().join("self"), dir.path().join("self")).unwrap();
    symlink(elsewhere.path(), dir.path().join("2004-again")).unwrap();
    let named = dir.path().join("2004/a.wav");
    assert_eq!(files(&findings(dir.path(), &[&named])), ["2004/b.wav"]);
}

#[test]
fn a_path_below_the_folder_is_written_with_slashes() {
    let root = Path::new("corpus");
    assert_eq!(relative(root, &root.join("2004").join("a.wav")), "2004/a.wav");
    assert_eq!(relative(root, Path::new("other/a.wav")), "other/a.wav");
}
