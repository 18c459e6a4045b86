//! Damage, locks and leftovers in the store.

use hit_stage::canonical_json;
use proptest::prelude::*;

use super::*;
use crate::graph::{Graph, Node};
use crate::testing::{Work, engine, run};

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path().join("cache"));
    store.prepare().unwrap();
    (dir, store)
}

fn put(store: &Store, content: &[u8]) -> FileRef {
    let place = store.temporary().unwrap();
    let path = place.path().join("x");
    fs_err::write(&path, content).unwrap();
    store.put(&path).unwrap()
}

fn record(key: Digest) -> Record {
    let recipe = Recipe {
        v: 1,
        kind: "k".into(),
        params: serde_json::json!({"rate": 0.1}),
        inputs: BTreeMap::new(),
        code: BTreeMap::new(),
        locked: BTreeMap::new(),
        backend: None,
    };
    let file = Artifact::File(FileRef { digest: Digest::of(b"x"), size: 1 });
    Record {
        key,
        stage: "k/x".into(),
        recipe,
        outputs: BTreeMap::from([("out".into(), file)]),
        size: 1,
        device: "cpu".into(),
        threads: 1,
        duration_ms: 0,
        facts: BTreeMap::from([("version".into(), "1".into())]),
    }
}

#[test]
fn objects_are_read_only_and_checked_once() {
    let (_dir, store) = store();
    let file = put(&store, b"content");
    let path = store.open(file).unwrap();
    assert_eq!(fs_err::read(&path).unwrap(), b"content");
    assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, 0o444);
    assert!(store.has(file));
    assert!(!store.has(FileRef { size: 6, ..file }));
    assert!(matches!(store.open(FileRef { digest: Digest::of(b"other"), size: 5 }), Err(BadObject::Lost)));
}

#[test]
fn damaged_objects_are_set_aside() {
    let (_dir, first) = store();
    let file = put(&first, b"content");
    let path = first.object_path(file.digest);
    for bad in [&b"c0ntent"[..], b"", b"content and more"] {
        let second = Store::new(first.root.clone());
        fs_err::remove_file(&path).unwrap();
        fs_err::write(&path, bad).unwrap();
        assert!(matches!(second.open(file), Err(BadObject::Damaged)), "{bad:?}");
        assert!(matches!(second.open(file), Err(BadObject::Lost)));
        assert_eq!(put(&second, b"content"), file);
        assert!(second.open(file).is_ok());
    }
    assert_eq!(fs_err::read_dir(first.root.join(DAMAGED)).unwrap().count(), 3, "none overwrites another");
}

#[test]
fn records_come_back_or_are_known_to_be_damaged() {
    let (_dir, store) = store();
    let key = Digest::of(b"key");
    assert!(matches!(store.record("k", key).unwrap(), Loaded::Absent));
    store.write_record(&record(key)).unwrap();
    assert!(matches!(store.record("k", key).unwrap(), Loaded::Found(found) if *found == record(key)));
    assert_eq!(store.records().unwrap(), [("k".to_owned(), key)]);
    // A sound record under a wrong name is not believed.
    let other = Digest::of(b"other");
    fs_err::copy(store.record_path("k", key), store.record_path("k", other)).unwrap();
    assert!(matches!(store.record("k", other).unwrap(), Loaded::Damaged(_)));
}

#[test]
fn record_file_is_plain_json() {
    let text = seal(&record(Digest::of(b"key"))).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(value["record"]["recipe"]["params"]["rate"], 0.1);
    assert_eq!(canonical_json(&value["record"]["outputs"]["out"]["file"]["size"]), "1");
}

proptest! {
    #[test]
    fn objects_are_named_by_their_digest(content: Vec<u8>) {
        let (digest, store) = (Digest::of(&content), Store::new(PathBuf::from("/c")));
        let name = digest.to_string();
        prop_assert_eq!(store.object_path(digest), PathBuf::from(format!("/c/objects-v1/{}/{name}", &name[..2])));
    }

    #[test]
    fn no_cut_and_no_flip_of_a_record_passes(at in 0.0..1.0f64, bit in 0u8..8) {
        let sealed = seal(&record(Digest::of(b"key"))).unwrap();
        let at = (at * sealed.len() as f64) as usize;
        prop_assert!(unseal(&sealed[..at]).is_err());
        let mut flipped = sealed.clone();
        flipped[at] ^= 1 << bit;
        prop_assert!(unseal(&flipped).is_err());
        prop_assert!(unseal(&sealed).is_ok());
    }
}

#[test]
fn a_key_is_held_by_one_at_a_time() {
    let (_dir, store) = store();
    let key = Digest::of(b"key");
    let held = store.lock_key(key, &Cancel::default(), || panic!("nobody else is here")).unwrap();
    let cancel = Cancel::default();
    let waited = store.lock_key(key, &cancel, || cancel.request()).unwrap();
    assert!(waited.is_none(), "cancelled while it waited");
    let counter = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let _lock = store.lock_key(key, &Cancel::default(), || ()).unwrap().unwrap();
                    let before = counter.load(std::sync::atomic::Ordering::SeqCst);
                    sleep(Duration::from_millis(2));
                    counter.store(before + 1, std::sync::atomic::Ordering::SeqCst);
                })
            })
            .collect();
        drop(held);
        for thread in threads {
            thread.join().unwrap();
        }
    });
    assert_eq!(counter.into_inner(), 4, "no two were inside at once");
    assert!(!store.root.join(LOCKS).join(key.to_string()).exists());
}

#[test]
fn leftovers_of_the_dead_are_swept_and_the_living_are_spared() {
    let (_dir, store) = store();
    let mine = store.temporary().unwrap();
    fs_err::create_dir_all(store.root.join("tmp/p-dead/s-x")).unwrap();
    fs_err::write(store.root.join("tmp/p-dead/alive"), "").unwrap();
    fs_err::write(store.root.join("tmp/stray"), "").unwrap();
    Store::new(store.root.clone()).prepare().unwrap();
    assert!(mine.path().exists());
    assert_eq!(fs_err::read_dir(store.root.join(TMP)).unwrap().count(), 1);
}

#[test]
fn the_store_is_entered_by_many_or_by_one_alone() {
    let (_dir, store) = store();
    let (one, two) = (store.enter().unwrap(), store.enter().unwrap());
    assert!(store.enter_alone().unwrap().is_none());
    drop((one, two));
    assert!(store.enter_alone().unwrap().is_some());
}

#[test]
fn layout_is_as_documented() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(&dir.path().join("cache"));
    let graph = Graph::new(vec![Node::new("work/a", Work::new("a"))]).unwrap();
    assert_eq!(run(&engine, &graph).executed, ["work/a"]);
    let mut names: Vec<String> = fs_err::read_dir(dir.path().join("cache"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["CACHEDIR.TAG", "latest-v1", "locks-v1", "objects-v1", "records-v1", "scratch-v1", "tmp"]);
    assert_eq!(engine.store.records().unwrap().len(), 1);
    let tag = fs_err::read_to_string(dir.path().join("cache/CACHEDIR.TAG")).unwrap();
    assert!(tag.starts_with("Signature: 8a477f597d28d172789f06886806bc55\n"));
}
