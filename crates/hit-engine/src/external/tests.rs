//! What is remembered of files, and files that resist being read.

use super::*;

fn old(path: &Path) -> Stamp {
    Stamp { mtime_ns: 1, ctime_ns: 1, ..stamp(path).unwrap().unwrap() }
}

#[test]
fn a_young_file_is_read_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let (file, table) = (dir.path().join("x"), Externals::new(dir.path().join("stat")));
    for text in ["one", "two", "six"] {
        // Same size and, on coarse clocks, same times: only reading tells.
        fs_err::write(&file, text).unwrap();
        assert_eq!(table.digest(&file).unwrap().unwrap().digest, Digest::of(text.as_bytes()));
    }
    table.save(false).unwrap();
    assert!(!dir.path().join("stat").exists(), "nothing is settled yet");
}

#[test]
fn a_remembered_digest_is_used_while_the_stamp_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (file, stat) = (dir.path().join("x"), dir.path().join("stat"));
    fs_err::write(&file, "abc").unwrap();
    let name = file.to_str().unwrap().to_owned();
    let planted = Digest::of(b"planted");
    let first = Externals::new(stat.clone());
    let seen = stamp(&file).unwrap().unwrap();
    first.with(|table| table.insert(name.clone(), Seen { stamp: seen, digest: planted }));
    first.save(true).unwrap();
    let second = Externals::new(stat.clone());
    assert_eq!(second.digest(&file).unwrap().unwrap().digest, planted, "taken from the table");
    second.with(|table| table.insert(name, Seen { stamp: old(&file), digest: planted }));
    assert_eq!(second.digest(&file).unwrap().unwrap().digest, Digest::of(b"abc"), "stamp differs: read");
    fs_err::remove_file(&file).unwrap();
    assert_eq!(second.digest(&file).unwrap(), None);
    second.save(true).unwrap();
    assert_eq!(load(&stat).len(), 0, "pruned");
}

#[test]
fn folders_and_broken_tables() {
    let dir = tempfile::tempdir().unwrap();
    fs_err::write(dir.path().join("stat"), "{ not json").unwrap();
    let table = Externals::new(dir.path().join("stat"));
    assert!(table.digest(dir.path()).is_err());
    assert_eq!(table.digest(&dir.path().join("stat/below")).unwrap(), None);
    fs_err::write(dir.path().join("y"), "").unwrap();
    assert_eq!(table.digest(&dir.path().join("y")).unwrap().unwrap().size, 0);
}

#[test]
fn a_glance_reads_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (file, table) = (dir.path().join("x"), Externals::new(dir.path().join("stat")));
    assert_eq!(table.glance(&file).unwrap(), Glance::Absent);
    fs_err::write(&file, "abc").unwrap();
    assert_eq!(table.glance(&file).unwrap(), Glance::Unread(3));
    let planted = FileRef { digest: Digest::of(b"planted"), size: 3 };
    let seen = Seen { stamp: stamp(&file).unwrap().unwrap(), digest: planted.digest };
    table.with(|table| table.insert(name_of(&file).unwrap(), seen));
    assert_eq!(table.glance(&file).unwrap(), Glance::Known(planted));
    assert!(table.glance(dir.path()).unwrap_err().to_string().ends_with("is not a file but a folder"));
}

#[test]
fn what_happens_to_a_file_while_it_is_read_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let (file, table) = (dir.path().join("x"), Externals::new(dir.path().join("stat")));
    let fresh = || fs_err::write(&file, vec![7; 3 * BLOCK as usize]).unwrap();
    let append = || {
        use std::io::Write as _;
        fs_err::OpenOptions::new().append(true).open(&file).unwrap().write_all(&[8; 1000]).unwrap();
    };
    // It goes away.
    fresh();
    let gone = table.digest_watched(&file, &|_| {
        _ = fs_err::remove_file(&file);
        true
    });
    assert_eq!(gone.unwrap(), None);
    // It grows at every block, for as long as anyone reads: that ends, and says what to do.
    fresh();
    let calls = std::cell::Cell::new(0);
    let grows = table.digest_watched(&file, &|_| {
        calls.set(calls.get() + 1);
        append();
        true
    });
    let error = grows.unwrap_err().to_string();
    assert!(error.contains("x keeps changing while it is read: wait until it is complete"), "{error}");
    assert!(calls.get() <= 15, "three readings, each at most a byte longer than the file was: {}", calls.get());
    // It is cut once: the second reading counts.
    fresh();
    let cut = std::cell::Cell::new(false);
    let shrinks = table.digest_watched(&file, &|_| {
        if !cut.replace(true) {
            fs_err::write(&file, "short").unwrap();
        }
        true
    });
    assert_eq!(shrinks.unwrap(), Some(FileRef { digest: Digest::of(b"short"), size: 5 }));
    // The reader is told to stop.
    fresh();
    let seen = std::cell::Cell::new(0);
    let stopped = table.digest_watched(&file, &|bytes| {
        seen.set(seen.get() + bytes);
        seen.get() < 2 * BLOCK
    });
    assert!(stopped.unwrap_err().to_string().contains("was stopped"));
    assert_eq!(seen.get(), 2 * BLOCK, "and reads no further");
}

#[test]
fn the_table_is_due_after_enough_was_hashed_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let table = Externals::new(dir.path().join("stat"));
    assert!(!table.save_is_due(2 * SAVE_BYTES), "there is nothing to write");
    let seen = Seen { stamp: Stamp { size: 1, mtime_ns: 1, ctime_ns: 1, inode: 1 }, digest: Digest::of(b"") };
    let learn = || {
        table.with(|table| table.insert("/x".into(), seen));
        table.fresh.store(true, Ordering::Relaxed);
    };
    learn();
    assert!(table.save_is_due(0), "what was counted before still counts");
    assert!(!table.save_is_due(SAVE_BYTES - 1));
    assert!(table.save_is_due(1));
    table.save(false).unwrap();
    assert_eq!(load(&dir.path().join("stat")).len(), 1);
    assert!(!table.save_is_due(2 * SAVE_BYTES), "it is written");
    // A table that cannot be written is tried again.
    let blocked = Externals::new(dir.path().join("stat/below"));
    blocked.with(|table| table.insert("/x".into(), seen));
    blocked.fresh.store(true, Ordering::Relaxed);
    assert!(blocked.save(false).is_err());
    assert!(blocked.is_fresh());
}

#[test]
fn two_tables_of_one_store_add_to_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (Externals::new(dir.path().join("stat")), Externals::new(dir.path().join("stat")));
    let seen = Seen { stamp: Stamp { size: 1, mtime_ns: 1, ctime_ns: 1, inode: 1 }, digest: Digest::of(b"") };
    for (table, name) in [(&one, "/one"), (&two, "/two")] {
        table.with(|table| table.insert(name.into(), seen));
        table.fresh.store(true, Ordering::Relaxed);
    }
    one.save(false).unwrap();
    two.save(false).unwrap();
    assert_eq!(load(&dir.path().join("stat")).into_keys().collect::<Vec<_>>(), ["/one", "/two"]);
}

#[test]
fn a_file_of_a_name_that_is_not_utf_8_is_remembered_too() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(OsString::from_vec(b"pr\xe9lude.wav".to_vec()));
    fs_err::write(&file, "abc").unwrap();
    let stat = dir.path().join("stat");
    let first = Externals::new(stat.clone());
    let planted = Digest::of(b"planted");
    let seen = Seen { stamp: stamp(&file).unwrap().unwrap(), digest: planted };
    first.with(|table| table.insert(name_of(&file).unwrap(), seen));
    first.save(true).unwrap();
    assert_eq!(Externals::new(stat.clone()).digest(&file).unwrap().unwrap().digest, planted);
    fs_err::remove_file(&file).unwrap();
    Externals::new(stat.clone()).save(true).unwrap();
    assert!(load(&stat).is_empty(), "pruned");
}

proptest::proptest! {
    #[test]
    fn names_are_those_of_one_path_only(one: Vec<u8>, two: Vec<u8>) {
        let path = |bytes: &[u8]| {
            let bytes: Vec<u8> = bytes.iter().copied().filter(|&byte| byte != 0).collect();
            Path::new("/d").join(OsString::from_vec([b"x", &bytes[..]].concat()))
        };
        let name = |path: &Path| name_of(path).unwrap();
        let (one, two) = (path(&one), path(&two));
        // `absolute` folds `a//b` and `a/./b`, which are the same file.
        let same = std::path::absolute(&one).unwrap() == std::path::absolute(&two).unwrap();
        proptest::prop_assert_eq!(name(&one) == name(&two), same);
        proptest::prop_assert_eq!(path_of(&name(&one)), std::path::absolute(&one).unwrap());
    }

    #[test]
    fn hashing_is_that_of_the_bytes_whatever_the_blocks(extra in 0usize..70_000, blocks in 0usize..3) {
        let dir = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..blocks * BLOCK as usize + extra).map(|n| (n / 7) as u8).collect();
        let file = dir.path().join("x");
        fs_err::write(&file, &bytes).unwrap();
        let heard = std::cell::Cell::new(0);
        let found = Externals::new(dir.path().join("stat")).digest_watched(&file, &|n| {
            heard.set(heard.get() + n);
            true
        });
        let expected = FileRef { digest: Digest::of(&bytes), size: bytes.len() as u64 };
        proptest::prop_assert_eq!(found.unwrap(), Some(expected));
        proptest::prop_assert_eq!(heard.get(), expected.size);
    }

    #[test]
    fn edited_names_do_no_harm(text: String) {
        path_of(&text);
        path_of(&format!("{HEX}{text}"));
    }
}
