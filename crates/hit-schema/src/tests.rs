//! Round trips, ranges and damaged files.

use std::collections::BTreeMap;

use hit_stage::{Digest, FileRef, OpenFile, OpenTree};
use proptest::prelude::*;

use super::*;

fn spec() -> WindowSpec {
    WindowSpec { sample_rate_hz: 24_000, window_s: 4.0, hop_s: 1.0, max_windows: 100, max_notes: 2048 }
}

fn performance(id: &str, n_windows: usize) -> Performance {
    Performance {
        id: id.to_owned(),
        composer: "Anon".to_owned(),
        title: "Étude, \"quoted\"".to_owned(),
        split: "train".to_owned(),
        year: Some(2004),
        duration_s: 3.0 + n_windows as f64,
        n_windows,
        n_notes: 7,
        audio: AudioSource::Recorded,
        midi_sha256: Digest::of(b"midi"),
        audio_sha256: Digest::of(b"audio"),
        skipped: None,
    }
}

/// Spec 1.3: starts while start + 4 s ≤ duration, at most 100; 103 s are reached.
#[test]
fn window_counts_follow_the_protocol() {
    let spec = spec();
    for (duration_s, n) in [(3.999, 0), (4.0, 1), (4.999, 1), (5.0, 2), (102.9, 99), (103.0, 100), (900.0, 100)] {
        assert_eq!(spec.n_windows(duration_s), n, "{duration_s} s");
    }
    assert_eq!(spec.n_windows(f64::NAN), 0);
    assert_eq!((spec.window_samples(), spec.start_sample(3)), (96_000, 72_000));
    assert_eq!(spec.reach_s(), 103.0);
}

#[test]
fn segments_pad_the_last_window_and_name_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let index = SplitIndex { split: "train".into(), windows: spec(), performances: vec![performance("a/b", 2)] };
    let samples: Vec<f32> = (0..100_000).map(|i| i as f32).collect();
    let token = |pitch| Token { pitch, velocity: 1, duration: 2 };
    Segments::write_audio(&dir.path().join("audio"), &samples).unwrap();
    TokenBlock::from_rows([vec![token(1)], vec![token(2), token(3)]]).write(&dir.path().join("tokens")).unwrap();
    let open =
        |name: &str| OpenFile { path: dir.path().join(name), file: FileRef { digest: Digest::of(b""), size: 0 } };
    let tree =
        OpenTree(BTreeMap::from([("audio/a/b".to_owned(), open("audio")), ("tokens/a/b".to_owned(), open("tokens"))]));
    let segments = Segments::open(index.clone(), &tree).unwrap();
    assert_eq!(segments.n_windows(), 2);
    assert_eq!(segments.tokens(1), [token(2), token(3)]);
    let second = segments.audio(1).unwrap();
    assert_eq!((second.len(), second[0], second[75_999], second[76_000]), (96_000, 24_000.0, 99_999.0, 0.0));

    let missing = Segments::open(index.clone(), &OpenTree::default()).err().unwrap().to_string();
    assert!(missing.contains("tokens/a/b"), "{missing}");
    let mut more = index;
    more.performances[0].n_windows = 3;
    let wrong = Segments::open(more, &tree).err().unwrap().to_string();
    assert!(wrong.contains("2 windows instead of 3"), "{wrong}");
}

#[test]
fn an_index_reads_back_and_numbers_its_windows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index.json");
    let performances = vec![performance("a", 2), performance("b", 0), performance("c", 1)];
    let index = SplitIndex { split: "train".into(), windows: spec(), performances };
    fs_err::write(&path, index.to_json()).unwrap();
    assert_eq!(SplitIndex::read(&path).unwrap(), index);
    assert_eq!(index.windows(), [(0, 0), (0, 1), (2, 0)]);
    fs_err::write(&path, "{").unwrap();
    assert!(SplitIndex::read(&path).unwrap_err().to_string().contains("split index"));
}

#[test]
fn equal_arrays_give_equal_bytes_and_kinds_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let write = |name: &str| {
        let meta = CheckpointMeta { arm: "d0".into(), epoch: 5, step: 100 };
        let array = |n: usize| ParamArray { shape: vec![n, 2], values: vec![0.5; 2 * n] };
        let params = (0..20).map(|i| (format!("layer{i}.weight"), array(i + 1))).collect();
        let checkpoint = Checkpoint { meta, params };
        checkpoint.write(&path(name)).unwrap();
        checkpoint
    };
    let written = write("a");
    write("b");
    assert_eq!(fs_err::read(path("a")).unwrap(), fs_err::read(path("b")).unwrap());
    assert_eq!(Checkpoint::read(&path("a")).unwrap(), written);
    let other = Embeddings::read(&path("a")).unwrap_err().to_string();
    assert!(other.contains("it is of kind \"checkpoint\""), "{other}");
}

#[test]
fn csv_tables_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let row = HistoryRow {
        auxiliary: 0.0,
        epoch: 1,
        step: 20,
        loss: 13.25,
        invariance: 0.1,
        variance: 1.0 / 3.0,
        covariance: 1e-9,
        grad_norm: 2.0,
        lr_factor: 1.0,
    };
    let path = dir.path().join("history.csv");
    fs_err::write(&path, HistoryRow::to_csv(std::slice::from_ref(&row))).unwrap();
    assert_eq!(HistoryRow::read(&path).unwrap(), [row]);
    let rank =
        RankRow { window: 3, performance: "a, b".into(), rank_a2m: 1.0, rank_m2a: 2.5, ties_a2m: 1, ties_m2a: 2 };
    fs_err::write(&path, RankRow::to_csv(std::slice::from_ref(&rank))).unwrap();
    assert_eq!(RankRow::read(&path).unwrap(), [rank]);
    assert!(HistoryRow::read(&path).is_err());
}

#[test]
fn run_ids_read_back_or_say_how_they_are_written() {
    let run: RunId = "d4-a4r@cosine_tail60#1337".parse().unwrap();
    assert_eq!((run.arm.as_str(), run.schedule.as_str(), run.seed), ("d4-a4r", "cosine_tail60", 1337));
    assert_eq!(run.to_string(), "d4-a4r@cosine_tail60#1337");
    for bad in ["", "d0", "d0@x", "@x#1", "d0@#1", "d0@x#one"] {
        assert!(bad.parse::<RunId>().unwrap_err().to_string().contains("arm@schedule#seed"), "{bad}");
    }
}

#[test]
fn features_are_written_in_full_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let meta = FeatureMeta { descriptor: "a4".into(), variant: "reference".into(), dims: 2, per_note: false };
    let writer = |name: &str| FeatureWriter::create(&dir.path().join(name), &meta, vec![1, 2]).unwrap();
    let mut short = writer("short");
    assert!(short.window(&[0.0; 4]).unwrap_err().to_string().contains("window 0 has 4 values"));
    short.window(&[0.0; 2]).unwrap();
    assert!(short.finish().unwrap_err().to_string().contains("only 1 of 2 windows"));
    let mut long = writer("long");
    long.window(&[0.0; 2]).unwrap();
    long.window(&[0.0; 4]).unwrap();
    assert!(long.window(&[0.0; 2]).is_err(), "there is no third window");
}

proptest! {
    #[test]
    fn features_read_back_by_window(rows in proptest::collection::vec(0usize..6, 0..12), dims in 1usize..5) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let mut next = 0.0f32;
        let mut window = |n: usize| -> Vec<f32> {
            (0..n * dims).map(|_| { next += 1.0; next }).collect()
        };
        let windows: Vec<_> = rows.iter().map(|&n| window(n)).collect();
        let meta = FeatureMeta { descriptor: "d4".into(), variant: "reference".into(), dims, per_note: true };
        FeatureBlock::from_windows(meta.clone(), windows.clone()).write(&path).unwrap();
        let streamed = dir.path().join("streamed");
        let mut writer = FeatureWriter::create(&streamed, &meta, rows.clone()).unwrap();
        for values in &windows {
            writer.window(values).unwrap();
        }
        writer.finish().unwrap();
        prop_assert_eq!(fs_err::read(&streamed).unwrap(), fs_err::read(&path).unwrap(), "a window at a time");
        let features = Features::open(&path).unwrap();
        prop_assert_eq!(features.meta(), &meta);
        prop_assert_eq!(features.n_windows(), windows.len());
        for (w, values) in windows.iter().enumerate() {
            prop_assert_eq!(&features.window(w).unwrap(), values);
        }
    }

    /// A cut or altered file is an error or reads as arrays of the right shape; it never panics.
    #[test]
    fn damaged_blocks_never_panic(cut in 0usize..700, flip in 0usize..700, bit in 0u8..8) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("e");
        let embeddings = Embeddings {
            split: "validation".into(), epoch: 3, dims: 4, audio: vec![1.0; 20], midi: vec![2.0; 20],
        };
        embeddings.write(&path).unwrap();
        let whole = fs_err::read(&path).unwrap();
        let mut bytes = whole[..whole.len().saturating_sub(cut)].to_vec();
        if let Some(byte) = bytes.get_mut(flip) {
            *byte ^= 1 << bit;
        }
        fs_err::write(&path, &bytes).unwrap();
        if let Ok(read) = Embeddings::read(&path) {
            prop_assert_eq!(read.audio.len(), read.midi.len());
            prop_assert!(cut == 0);
        }
        let _ = TokenBlock::read(&path);
    }
}
