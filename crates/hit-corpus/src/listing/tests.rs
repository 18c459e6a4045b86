//! The list of performances, written and read back.

use hit_schema::{AudioSource, WindowSpec};
use hit_stage::Digest;
use proptest::prelude::*;

use super::*;
use crate::fixtures::{Bench, put, windows};

fn performance(id: &str, split: &str) -> Performance {
    Performance {
        id: id.into(),
        composer: "Frédéric Chopin".into(),
        title: "Étude, \"Op. 10\"\nNo. 1".into(),
        split: split.into(),
        year: Some(2004),
        duration_s: 103.125,
        n_windows: 100,
        n_notes: 1234,
        audio: AudioSource::Rendered,
        midi_sha256: Digest::of(b"midi"),
        audio_sha256: Digest::of(b"audio"),
        skipped: None,
    }
}

fn index(split: &str, ids: &[&str], windows: WindowSpec) -> String {
    let performances = ids.iter().map(|id| performance(id, split)).collect();
    SplitIndex { split: split.into(), windows, performances }.to_json()
}

#[test]
fn splits_are_listed_in_their_order() {
    let mut bench = Bench::new()
        .with("test", index("test", &["a"], windows()).as_bytes())
        .with("train", index("train", &["b", "c"], windows()).as_bytes());
    bench.run(&Listing {}).unwrap();
    let listed = read(&bench.out("listing")).unwrap();
    let places: Vec<_> = listed.iter().map(|p| (p.split.as_str(), p.id.as_str())).collect();
    assert_eq!(places, [("train", "b"), ("train", "c"), ("test", "a")]);
    let text = String::from_utf8(bench.read("listing")).unwrap();
    assert!(text.starts_with(
        "id,composer,title,split,year,duration_s,n_windows,n_notes,audio,midi_sha256,audio_sha256,skipped\nb,Frédéric"
    ));
    assert!(text.contains(",2004,103.125,100,1234,rendered,"), "{text}");
}

#[test]
fn other_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |text: &str| read(&put(dir.path(), "corpus.csv", text)).unwrap_err().to_string();
    assert!(refused("a,b\n1,2\n").contains("its columns are not id,composer"));
    let good = to_csv(&[performance("a", "train")]).unwrap();
    assert!(refused(&good.replace("rendered", "hummed")).contains("hummed"));
    assert!(
        refused(&good.replace("103.125", "long")).contains("duration_s")
            || refused(&good.replace("103.125", "long")).contains("field 5")
    );
    assert!(matches!(read(&dir.path().join("none")), Err(Error::Io(_))));
}

proptest! {
    /// Any text in any field and every optional field, exactly.
    #[test]
    fn listings_read_back(
        texts in proptest::collection::vec("\\PC{1,12}", 3),
        year in proptest::option::of(1u16..),
        duration_s in 0.0f64..1e6,
        skipped in proptest::option::of("[ -~]{1,30}"),
    ) {
        let performance = Performance {
            id: texts[0].clone(),
            composer: texts[1].clone(),
            title: texts[2].clone(),
            year,
            duration_s,
            skipped,
            ..performance("", "train")
        };
        let dir = tempfile::tempdir().unwrap();
        let path = put(dir.path(), "corpus.csv", to_csv(std::slice::from_ref(&performance)).unwrap());
        prop_assert_eq!(read(&path).unwrap(), [performance]);
    }
}
