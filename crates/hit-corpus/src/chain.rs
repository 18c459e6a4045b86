//! The stages one after another, as the graph runs them: from a specification or a folder to a listed corpus.

use std::collections::BTreeMap;

use hit_schema::{AudioSource, Performance, Segments, SplitIndex};
use hit_stage::{Digest, FileRef, OpenFile, OpenTree, Opened};
use tempfile::TempDir;

use crate::fixtures::{Bench, durations, midi_of, note, put, soundfont, wav_int, windows};
use crate::{Dataset, Listed, Listing, OnBad, Render, RenderSpec, SPLITS, Segment, SyntheticSpec, listing, maestro};

/// Where the files of a performance come from.
struct Source {
    listed: Listed,
    audio: AudioSource,
}

fn segment(source: &Source, on_bad: OnBad) -> Segment {
    let Listed { id, composer, title, split, year, duration_s, .. } = source.listed.clone();
    let (windows, durations) = (windows(), durations());
    Segment { id, composer, title, split, year, duration_s, audio: source.audio, windows, durations, on_bad }
}

/// A corpus at the end of the chain.
struct Corpus {
    splits: BTreeMap<String, Segments>,
    listed: Vec<Performance>,
    /// Keeps the files that `splits` read from.
    _folders: Vec<TempDir>,
}

/// Runs segment, dataset and listing.
fn chain(sources: &[Source], on_bad: OnBad) -> Corpus {
    let benches: Vec<(&Source, Bench)> = sources
        .iter()
        .map(|source| {
            let mut bench = Bench::new();
            for (name, path) in [("midi", &source.listed.midi), ("audio", &source.listed.audio)] {
                if let Some(path) = path {
                    bench = bench.with(name, &fs_err::read(path).unwrap());
                }
            }
            bench.run(&segment(source, on_bad)).unwrap();
            (source, bench)
        })
        .collect();
    let mut corpus = Bench::new();
    let mut splits = BTreeMap::new();
    for split in SPLITS {
        let mut dataset = Bench::new();
        let mut stored = BTreeMap::new();
        for (source, bench) in benches.iter().filter(|(source, _)| source.listed.split == split) {
            for kind in ["audio", "tokens", "meta"] {
                dataset = dataset.with(&format!("{}/{kind}", source.listed.id), &bench.read(kind));
                stored.insert(format!("{kind}/{}", source.listed.id), bench.out(kind));
            }
        }
        if stored.is_empty() {
            continue;
        }
        dataset.run(&Dataset { split: split.to_owned(), windows: windows() }).unwrap();
        let linked = dataset.cx.linked.iter();
        let tree: OpenTree = OpenTree(
            linked.map(|((_, name), &file)| (name.clone(), OpenFile { path: stored[name].clone(), file })).collect(),
        );
        let index = SplitIndex::read(&dataset.out("index")).unwrap();
        splits.insert(split.to_owned(), Segments::open(index, &tree).unwrap());
        corpus = corpus.with(split, &dataset.read("index"));
    }
    corpus.run(&Listing {}).unwrap();
    let listed = listing::read(&corpus.out("listing")).unwrap();
    Corpus { splits, listed, _folders: benches.into_iter().map(|(_, bench)| bench.dir).collect() }
}

/// Each window has its samples, notes and sound; windows of a performance differ.
fn check_windows(segments: &Segments) {
    let mut seen = std::collections::BTreeSet::new();
    for w in 0..segments.n_windows() {
        let audio = segments.audio(w).unwrap();
        assert_eq!(audio.len(), 96_000);
        assert!(audio.iter().any(|sample| sample.abs() > 0.005), "window {w} is silent");
        assert!(segments.tokens(w).len() > 1, "window {w} has no notes");
        let bytes: Vec<u8> = audio.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        assert!(seen.insert(Digest::of(&bytes)), "window {w} repeats another");
    }
}

#[test]
fn the_embedded_corpus_from_specification_to_windows() {
    let spec = SyntheticSpec {
        seed: 7,
        composers: 2,
        train: 3,
        validation: 2,
        test: 1,
        duration_s: 9.5,
        sample_rate_hz: 24_000,
        noise_db: -66.0,
    };
    let made: Vec<(Source, Bench)> = spec
        .performances()
        .unwrap()
        .into_iter()
        .map(|performance| {
            let mut bench = Bench::new();
            bench.run(&performance.stage).unwrap();
            let listed = Listed {
                row: String::new(),
                id: performance.id,
                composer: performance.composer,
                title: performance.title,
                split: performance.split,
                year: None,
                midi_filename: "midi".to_owned(),
                audio_filename: String::new(),
                midi: Some(bench.out("midi")),
                audio: Some(bench.out("audio")),
                duration_s: None,
            };
            (Source { listed, audio: AudioSource::Synthetic }, bench)
        })
        .collect();
    let (sources, _kept): (Vec<_>, Vec<_>) = made.into_iter().unzip();
    let Corpus { splits, listed, _folders } = chain(&sources, OnBad::Fail);
    assert_eq!(listed.len(), 6);
    assert!(listed.iter().all(|p| p.n_windows == 6 && p.duration_s == 9.5 && p.skipped.is_none()));
    let sizes: Vec<_> = SPLITS.iter().map(|&split| splits[split].n_windows()).collect();
    assert_eq!(sizes, [18, 12, 6]);
    splits.values().for_each(check_windows);
}

const TABLE: &str = "canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration\n\
    A,One,train,2004,2004/one.midi,2004/one.wav,6.5\n\
    B,Two,train,2006,2006/two.midi,2006/two.wav,6.5\n\
    A,Three,validation,2004,2004/three.midi,2004/three.wav,\n\
    B,Four,train,2006,2006/four.midi,2006/four.wav,6.5\n\
    B,Five,train,2006,2006/five.midi,2006/five.wav,6.5\n";

/// A folder with five performances: one is rendered, for there is no audio of it; one has an audio file that is cut off;
/// of one there is no MIDI file; one to be rendered has MIDI that cannot be parsed.
fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "maestro-v3.0.0.csv", TABLE);
    let notes: Vec<_> =
        (0..26).map(|i| note(f64::from(i) * 0.25, f64::from(i) * 0.25 + 0.2, 55 + i as u8, 80)).collect();
    let samples: Vec<i32> =
        (0..286_650i64).map(|n| (6000.0 * libm::sin((n * n % 9973) as f64 * 0.03)) as i32).collect();
    for name in ["2004/one", "2006/two", "2004/three"] {
        put(dir.path(), &format!("{name}.midi"), midi_of(&notes));
    }
    put(dir.path(), "2006/five.midi", "MThd");
    for name in ["2004/one.wav", "2006/four.wav"] {
        put(dir.path(), name, wav_int(44_100, 16, &samples));
    }
    put(dir.path(), "2006/two.wav", &wav_int(44_100, 16, &samples)[..200_000]);
    dir
}

fn rendered(listed: &Listed) -> Bench {
    let spec = RenderSpec {
        soundfont_sha256: Digest::of(&soundfont()).to_string(),
        sample_rate_hz: 24_000,
        max_s: windows().reach_s(),
        tail_s: 1.0,
        peak_db: -3.0,
        polyphony: 64,
        room: None,
        room_s: None,
        noise_db: None,
        seed: None,
    };
    let midi = fs_err::read(listed.midi.as_ref().unwrap()).unwrap();
    let mut bench = Bench::new().with("midi", &midi).with("soundfont", &soundfont());
    bench.run(&Render { id: listed.id.clone(), spec, on_bad: OnBad::Skip }).unwrap();
    bench
}

#[test]
fn a_folder_with_bad_silent_and_missing_performances() {
    let dir = folder();
    let mut kept = Vec::new();
    let sources: Vec<_> = maestro::listing(dir.path())
        .unwrap()
        .into_iter()
        .map(|mut listed| {
            let missing = listed.audio.is_none();
            if missing {
                let bench = rendered(&listed);
                listed.audio = Some(bench.out("audio"));
                kept.push(bench);
            }
            Source { listed, audio: if missing { AudioSource::Rendered } else { AudioSource::Recorded } }
        })
        .collect();
    let Corpus { splits, listed, _folders } = chain(&sources, OnBad::Skip);
    let of = |id: &str| listed.iter().find(|performance| performance.id == id).unwrap();
    assert_eq!((of("2004/one").n_windows, of("2004/one").audio), (3, AudioSource::Recorded));
    assert_eq!((of("2004/three").n_windows, of("2004/three").audio), (4, AudioSource::Rendered));
    assert_eq!(of("2006/two").n_windows, 0);
    assert!(of("2006/two").skipped.as_ref().unwrap().starts_with("audio: it is cut off"));
    assert_eq!(of("2006/four").skipped.as_deref(), Some("it has no MIDI file"));
    assert_eq!(of("2006/four").midi_sha256, Digest::of(b""));
    assert_eq!((of("2006/five").n_windows, of("2006/five").audio), (0, AudioSource::Rendered));
    assert!(of("2006/five").skipped.as_ref().unwrap().starts_with("midi: not a usable MIDI file"));
    assert_eq!((splits["train"].n_windows(), splits["validation"].n_windows()), (3, 4));
    check_windows(&splits["train"]);
    // The list is enough to rebuild the graph: it names every file by its digest.
    let audio = fs_err::read(dir.path().join("2006/two.wav")).unwrap();
    assert_eq!(of("2006/two").audio_sha256, Digest::of(&audio));
}

/// Configuration types refuse what they do not know, and every field says what it is.
#[test]
fn specifications_are_closed_and_documented() {
    let known = serde_json::json!({"soundfont_sha256": "", "sample_rate_hz": 1, "max_s": 1.0, "tail_s": 1.0, "peak_db": 0.0, "polyphony": 8});
    assert!(serde_json::from_value::<RenderSpec>(known.clone()).is_ok());
    let mut more = known;
    more["reverb"] = true.into();
    assert!(serde_json::from_value::<RenderSpec>(more).unwrap_err().to_string().contains("reverb"));
    assert!(serde_json::from_str::<OnBad>("\"ignore\"").is_err());
    for schema in [schemars::schema_for!(SyntheticSpec), schemars::schema_for!(RenderSpec)] {
        let schema = schema.to_value();
        assert_eq!(schema["additionalProperties"], false);
        let fields = schema["properties"].as_object().unwrap();
        assert!(fields.values().all(|field| field["description"].as_str().is_some_and(|text| text.len() > 10)));
        let optional =
            fields.values().filter(|field| field["type"].as_array().is_some_and(|of| of.contains(&"null".into())));
        let required = schema["required"].as_array().unwrap().len();
        assert_eq!(
            required + optional.count(),
            fields.len(),
            "no value has a default in code; what may be left out is off"
        );
    }
}

/// What a test writes as an input is what a stage sees as one.
#[test]
fn benches_hand_over_files_by_digest() {
    let bench = Bench::new().with("a/b", b"x");
    let Opened::File(OpenFile { file, .. }) = &bench.cx.inputs["a/b"] else { panic!("a file") };
    assert_eq!(*file, FileRef { digest: Digest::of(b"x"), size: 1 });
}
