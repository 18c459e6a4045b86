//! Splits put together from performances.

use hit_schema::AudioSource;
use hit_stage::Digest;

use super::*;
use crate::fixtures::{Bench, windows};

fn performance(id: &str, n_windows: usize) -> Performance {
    Performance {
        id: id.into(),
        composer: "Anon".into(),
        title: "Piece".into(),
        split: "train".into(),
        year: None,
        duration_s: 10.0,
        n_windows,
        n_notes: 3,
        audio: AudioSource::Synthetic,
        midi_sha256: Digest::of(b"midi"),
        audio_sha256: Digest::of(b"audio"),
        skipped: (n_windows == 0).then(|| "audio: it has no samples".into()),
    }
}

fn bench(performances: &[(&str, Performance)]) -> Bench {
    performances.iter().fold(Bench::new(), |bench, (name, performance)| {
        let meta = hit_stage::canonical_json(performance);
        bench
            .with(&format!("{name}/audio"), format!("audio of {name}").as_bytes())
            .with(&format!("{name}/tokens"), format!("tokens of {name}").as_bytes())
            .with(&format!("{name}/meta"), meta.as_bytes())
    })
}

fn dataset() -> Dataset {
    Dataset { split: "train".into(), windows: windows() }
}

/// Ids with folders sort as ids, not as input names; what was skipped is listed and not linked; nothing is copied.
#[test]
fn performances_are_linked_in_the_order_of_ids() {
    let all = ["a", "a-b", "a.b", "b/c"].map(|id| (id, performance(id, usize::from(id != "a.b"))));
    let mut bench = bench(&all);
    bench.run(&dataset()).unwrap();
    let index = SplitIndex::read(&bench.out("index")).unwrap();
    assert_eq!(index.performances.iter().map(|p| p.id.as_str()).collect::<Vec<_>>(), ["a", "a-b", "a.b", "b/c"]);
    assert_eq!((index.n_windows(), index.windows), (3, windows()));
    assert_eq!(index.performances[2].skipped.as_deref(), Some("audio: it has no samples"));
    let linked: Vec<_> = bench.cx.linked.keys().map(|(output, name)| format!("{output}/{name}")).collect();
    assert_eq!(
        linked,
        ["audio/a", "audio/a-b", "audio/b/c", "tokens/a", "tokens/a-b", "tokens/b/c"]
            .map(|name| format!("segments/{name}"))
    );
    let file = bench.cx.linked[&("segments".to_owned(), "audio/b/c".to_owned())];
    assert_eq!(file.digest, Digest::of(b"audio of b/c"));
    assert!(!bench.out("segments").exists());
}

#[test]
fn misplaced_performances_are_named() {
    let other = Performance { split: "test".into(), ..performance("a", 1) };
    let error = bench(&[("a", other)]).run(&dataset()).unwrap_err().to_string();
    assert!(error.contains("`a` of split `test`") && error.contains("split `train`"), "{error}");
    let error = bench(&[("b", performance("a", 1))]).run(&dataset()).unwrap_err().to_string();
    assert!(error.contains("`b/meta`"), "{error}");
}

#[test]
fn a_split_without_windows_is_an_error_with_the_first_reason() {
    let error =
        bench(&[("a", performance("a", 0)), ("b", performance("b", 0))]).run(&dataset()).unwrap_err().to_string();
    assert!(error.contains("2 of 2 performances were skipped; the first: audio: it has no samples"), "{error}");
    assert!(Bench::new().run(&dataset()).unwrap_err().to_string().contains("there are no performances"));
}

#[test]
fn damaged_meta_is_an_error() {
    let mut damaged = Bench::new().with("a/meta", b"{\"id\":");
    let error = damaged.run(&dataset()).unwrap_err().to_string();
    assert!(error.contains("performance meta"), "{error}");
}
