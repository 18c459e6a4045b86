//! Whole performances through the stage, good and bad.

use hit_schema::{Block, Segments, SplitIndex, TokenBlock};
use hit_stage::OpenTree;

use super::*;
use crate::fixtures::{Bench, durations, midi_of, note, wav_f32, wav_int, windows};

pub fn stage(duration_s: Option<f64>, on_bad: OnBad) -> Segment {
    Segment {
        id: "2004/x".into(),
        composer: "Anon".into(),
        title: "Piece".into(),
        split: "train".into(),
        year: Some(2004),
        duration_s,
        audio: AudioSource::Recorded,
        windows: windows(),
        durations: durations(),
        on_bad,
    }
}

fn ten_seconds() -> (Vec<u8>, Vec<u8>) {
    let notes: Vec<_> = (0..20).map(|i| note(f64::from(i) * 0.5, f64::from(i) * 0.5 + 0.4, 50 + i as u8, 64)).collect();
    let samples: Vec<i32> = (0..240_000).map(|i| i % 1000).collect();
    (midi_of(&notes), wav_int(24_000, 16, &samples))
}

fn bench(midi: &[u8], audio: &[u8]) -> Bench {
    Bench::new().with("midi", midi).with("audio", audio)
}

fn meta(bench: &Bench) -> Performance {
    serde_json::from_slice(&bench.read("meta")).unwrap()
}

/// Ten seconds: starts 0 to 6, seven windows; audio and tokens are those of the files.
#[test]
fn a_performance_becomes_windows() {
    let (midi, audio) = ten_seconds();
    let mut bench = bench(&midi, &audio);
    bench.run(&stage(None, OnBad::Fail)).unwrap();
    let meta = meta(&bench);
    assert_eq!((meta.n_windows, meta.n_notes, meta.duration_s, meta.skipped.as_deref()), (7, 20, 10.0, None));
    assert_eq!(meta.midi_sha256, hit_stage::Digest::of(&midi));
    assert_eq!(meta.audio_sha256, hit_stage::Digest::of(&audio));
    let tokens = TokenBlock::read(&bench.out("tokens")).unwrap();
    assert_eq!(tokens.n_windows(), 7);
    let pitches: Vec<u8> = tokens.row(6).iter().map(|token| token.pitch).collect();
    assert_eq!(pitches, (62..70).collect::<Vec<u8>>());
    let stored = Block::open(&bench.out("audio"), "audio").unwrap().f32("samples").unwrap();
    assert_eq!((stored.len(), stored[999]), (240_000, 999.0 / 32_768.0));
}

/// Spec 1.3: the metadata's duration decides, and windows past the audio's end are padded (spec 1.4).
#[test]
fn the_metadata_decides_how_many_windows() {
    let (midi, audio) = ten_seconds();
    for (duration_s, n_windows) in [(9.99, 6), (4.0, 1), (12.0, 9)] {
        let mut bench = bench(&midi, &audio);
        bench.run(&stage(Some(duration_s), OnBad::Fail)).unwrap();
        assert_eq!(meta(&bench).n_windows, n_windows, "{duration_s} s");
        let open = |name: &str| OpenFile { path: bench.out(name), file: bench.cx.file("midi").unwrap().file };
        let tree = OpenTree([("audio/2004/x".into(), open("audio")), ("tokens/2004/x".into(), open("tokens"))].into());
        let index = SplitIndex { split: "train".into(), windows: windows(), performances: vec![meta(&bench)] };
        let segments = Segments::open(index, &tree).unwrap();
        let last = segments.audio(n_windows - 1).unwrap();
        assert_eq!(last.len(), 96_000);
        let silent = last.iter().rev().take_while(|sample| **sample == 0.0).count();
        assert_eq!(silent >= 48_000, duration_s > 11.0);
    }
}

#[test]
fn only_what_windows_reach_is_stored() {
    let (midi, audio) = ten_seconds();
    let mut bench = bench(&midi, &audio);
    let windows = WindowSpec { max_windows: 2, ..windows() };
    bench.run(&Segment { windows, ..stage(None, OnBad::Fail) }).unwrap();
    assert_eq!((meta(&bench).n_windows, meta(&bench).duration_s), (2, 10.0));
    assert_eq!(Block::open(&bench.out("audio"), "audio").unwrap().shape("samples").unwrap(), [120_000]);
}

/// MIDI, audio, stated duration, and what is wrong.
type Case<'a> = (&'a [u8], &'a [u8], Option<f64>, &'a str);

/// Each bad performance: an error that names performance and file, or left out with the reason, nothing lost.
#[test]
fn bad_performances_fail_or_are_counted() {
    let (midi, audio) = ten_seconds();
    let mut nan = vec![vec![0.0]; 240_000];
    nan[5][0] = f32::NAN;
    let long = midi_of(&[note(0.0, 1.0, 60, 60), note(30.0, 40.0, 60, 60)]);

    let cases: [Case<'_>; 10] = [
        (b"MThd", &audio, None, "midi: not a usable MIDI file"),
        (b"MThd", b"", None, "midi: not a usable MIDI file"),
        (&midi[..midi.len() - 9], &audio, None, "midi: not a usable MIDI file"),
        (&midi, b"", None, "audio: it has no samples"),
        (&midi, &audio[..100_000], None, "audio: it is cut off"),
        (&midi, &wav_f32(24_000, &nan), None, "audio: sample 5"),
        (&midi, &audio, Some(40.0), "the metadata lasts 40.00 s and the audio 10.00 s"),
        (&long, &audio, None, "the metadata lasts 10.00 s and the midi 40.00 s"),
        (&long, &audio, Some(25.0), "the audio lasts 10.00 s and the midi 40.00 s"),
        (&midi, &audio, Some(3.5), "3.50 s are shorter than one window of 4 s"),
    ];
    for (midi, audio, duration_s, what) in cases {
        let mut strict = bench(midi, audio);
        let error = strict.run(&stage(duration_s, OnBad::Fail)).unwrap_err().to_string();
        assert!(error.starts_with("2004/x: ") && error.contains(what.split(": ").last().unwrap()), "{error}");
        if let Some(kind @ ("midi" | "audio")) = what.split(": ").next() {
            assert!(error.contains(&strict.cx.file(kind).unwrap().path.display().to_string()), "{error}");
        }

        let mut lenient = bench(midi, audio);
        lenient.run(&stage(duration_s, OnBad::Skip)).unwrap();
        let meta = meta(&lenient);
        let reason = meta.skipped.unwrap();
        assert!(reason.starts_with(what), "{reason}");
        assert!(!reason.contains(&lenient.dir.path().display().to_string()), "the reason names no path: {reason}");
        assert_eq!((meta.n_windows, meta.n_notes), (0, 0));
        assert_eq!(TokenBlock::read(&lenient.out("tokens")).unwrap().n_windows(), 0);
        assert_eq!(Block::open(&lenient.out("audio"), "audio").unwrap().shape("samples").unwrap(), [0]);
    }
}

/// A file that is not there: an error that names the input, or left out; its digest is that of nothing.
#[test]
fn missing_files_fail_or_are_counted() {
    let (midi, audio) = ten_seconds();
    let nothing = Digest::of(b"");
    for (with_midi, with_audio, reason) in [
        (false, true, "it has no MIDI file"),
        (true, false, "it has no audio file"),
        (false, false, "it has no MIDI file"),
    ] {
        let bench = || {
            let bench = if with_midi { Bench::new().with("midi", &midi) } else { Bench::new() };
            if with_audio { bench.with("audio", &audio) } else { bench }
        };
        let missing = if with_midi { "audio" } else { "midi" };
        let strict = bench().run(&stage(Some(10.0), OnBad::Fail));
        assert!(matches!(strict, Err(StageError::NoInput { ref name, .. }) if name == missing), "{strict:?}");

        let mut lenient = bench();
        lenient.run(&stage(Some(10.0), OnBad::Skip)).unwrap();
        let meta = meta(&lenient);
        assert_eq!(meta.skipped.as_deref(), Some(reason));
        assert_eq!(meta.midi_sha256, if with_midi { Digest::of(&midi) } else { nothing });
        assert_eq!(meta.audio_sha256, if with_audio { Digest::of(&audio) } else { nothing });
        assert_eq!((meta.n_windows, meta.n_notes, meta.duration_s), (0, 0, 10.0));
        assert_eq!(TokenBlock::read(&lenient.out("tokens")).unwrap().n_windows(), 0);
        assert_eq!(Block::open(&lenient.out("audio"), "audio").unwrap().shape("samples").unwrap(), [0]);
    }
}

/// An input of the wrong kind is a mistake in the graph, not a missing file.
#[test]
fn a_tree_is_no_missing_file() {
    let (midi, audio) = ten_seconds();
    for name in ["midi", "audio"] {
        let mut bench = bench(&midi, &audio);
        bench.cx.inputs.insert(name.into(), hit_stage::Opened::Tree(OpenTree::default()));
        let wrong = bench.run(&stage(None, OnBad::Skip));
        assert!(matches!(wrong, Err(StageError::NoInput { .. })), "{name}: {wrong:?}");
    }
}

/// A stage that is set up wrongly is no bad performance: it fails in either mode.
#[test]
fn wrong_parameters_are_never_skipped() {
    let (midi, audio) = ten_seconds();
    let wrong = Segment { windows: WindowSpec { hop_s: 0.0, ..windows() }, ..stage(None, OnBad::Skip) };
    assert!(bench(&midi, &audio).run(&wrong).unwrap_err().to_string().contains("`hop_s`"));
    let mut gone = bench(&midi, &audio);
    fs_err::remove_file(gone.dir.path().join("in/audio")).unwrap();
    assert!(gone.run(&stage(None, OnBad::Skip)).is_err());
}

/// Rendered audio stops where windows do; that is no mismatch, while a recording that stops there is one.
#[test]
fn rendered_heads_are_compared_as_far_as_windows_reach() {
    let midi = midi_of(&[note(0.0, 1.0, 60, 60), note(59.0, 60.0, 60, 60)]);
    let (_, audio) = ten_seconds();
    let windows = WindowSpec { max_windows: 7, ..windows() };
    let rendered = Segment { windows, audio: AudioSource::Rendered, ..stage(Some(60.0), OnBad::Fail) };
    let mut ok = bench(&midi, &audio);
    ok.run(&rendered).unwrap();
    assert_eq!(meta(&ok).n_windows, 7);
    let recorded = Segment { audio: AudioSource::Recorded, ..rendered };
    assert!(bench(&midi, &audio).run(&recorded).is_err());
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let (midi, audio) = ten_seconds();
    let run = || {
        let mut bench = bench(&midi, &audio);
        bench.run(&stage(None, OnBad::Fail)).unwrap();
        ["audio", "tokens", "meta"].map(|name| bench.read(name))
    };
    assert_eq!(run(), run());
}

/// The invariant of the crate: audio and tokens of a window come from the same interval, also through the resampler.
/// One note and one tone from 5.0 to 5.6 s: windows 2 to 5 hold both, windows 0, 1 and 6 neither.
#[test]
fn audio_and_tokens_of_a_window_are_of_the_same_time() {
    let tone =
        |n: i32| if (220_500..246_960).contains(&n) { (9000.0 * libm::sin(f64::from(n) * 0.06)) as i32 } else { 0 };
    let samples: Vec<i32> = (0..441_000).map(tone).collect();
    let mut bench = bench(&midi_of(&[note(5.0, 5.6, 72, 90)]), &wav_int(44_100, 16, &samples));
    bench.run(&stage(None, OnBad::Fail)).unwrap();
    let open = |name: &str| OpenFile { path: bench.out(name), file: bench.cx.file("midi").unwrap().file };
    let tree = OpenTree([("audio/2004/x".into(), open("audio")), ("tokens/2004/x".into(), open("tokens"))].into());
    let index = SplitIndex { split: "train".into(), windows: windows(), performances: vec![meta(&bench)] };
    let segments = Segments::open(index, &tree).unwrap();
    assert_eq!(segments.n_windows(), 7);
    for k in 0..7 {
        let loud: Vec<usize> = segments
            .audio(k)
            .unwrap()
            .iter()
            .enumerate()
            .filter(|(_, sample)| sample.abs() > 0.05)
            .map(|(n, _)| n)
            .collect();
        let holds = segments.tokens(k)[0].pitch == 72;
        assert_eq!(holds, (2..=5).contains(&k), "window {k}");
        assert_eq!(!loud.is_empty(), holds, "window {k}");
        if let (Some(&first), Some(&last)) = (loud.first(), loud.last()) {
            assert!(first.abs_diff((5 - k) * 24_000) < 20, "window {k} starts at {first}");
            assert!(last.abs_diff(((5.6 - k as f64) * 24_000.0) as usize) < 20, "window {k} ends at {last}");
        }
    }
}
