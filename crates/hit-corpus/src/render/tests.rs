//! Rendering through a SoundFont made in code: one looped tone of 240 Hz at key 60.

use super::*;
use crate::audio;
use crate::fixtures::{Bench, midi_of, note, put, smf, soundfont};

fn spec() -> RenderSpec {
    RenderSpec {
        soundfont_sha256: Digest::of(&soundfont()).to_string(),
        sample_rate_hz: 24_000,
        max_s: 10.0,
        tail_s: 0.5,
        peak_db: -3.0,
        polyphony: 64,
    }
}

fn rendered(midi: &[u8], spec: &RenderSpec) -> Vec<f32> {
    let dir = tempfile::tempdir().unwrap();
    let path = put(dir.path(), "font.sf2", soundfont());
    render(&midi::parse(midi).unwrap(), &load(&path).unwrap(), &path, spec).unwrap()
}

fn rms(samples: &[f32]) -> f64 {
    libm::sqrt(samples.iter().map(|sample| f64::from(sample * sample)).sum::<f64>() / samples.len() as f64)
}

/// Length is the last note's end and the tail; the loudest sample is at −3 dB; before the note there is silence.
#[test]
fn length_level_and_onset() {
    let samples = rendered(&midi_of(&[note(1.0, 2.0, 60, 100)]), &spec());
    assert_eq!(samples.len(), 60_000);
    let peak = samples.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
    assert!((f64::from(peak) - libm::pow(10.0, -3.0 / 20.0)).abs() < 1e-6);
    let first = samples.iter().position(|sample| sample.abs() > 0.01).unwrap();
    assert!((24_000 - 2 * BLOCK..24_000 + 4 * BLOCK).contains(&first), "{first}");
    assert!(rms(&samples[50_000..]) < 0.01 * rms(&samples[30_000..40_000]), "released");
}

/// Key 60 is 240 Hz, an octave higher 480: zero crossings in half a second.
#[test]
fn pitch_is_right() {
    for (pitch, hz) in [(60, 240.0), (72, 480.0), (67, 240.0 * libm::exp2(7.0 / 12.0))] {
        let samples = rendered(&midi_of(&[note(0.0, 2.0, pitch, 100)]), &spec());
        let crossings = samples[12_000..24_000].windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
        assert!((crossings as f64 - hz / 2.0).abs() <= 1.0, "{pitch}: {crossings}");
    }
}

/// With the pedal down the tone goes on after the key is up.
#[test]
fn the_pedal_sustains() {
    let play = |value: u8| {
        let mut track = vec![0, 0xFF, 0x51, 3, 0x0F, 0x42, 0x40, 0, 0xB0, 64, value, 0, 0x90, 60, 100];
        track.extend([0x83, 0x74, 0x80, 60, 0, 0x87, 0x68, 0xB0, 64, 0]);
        track.extend([0, 0x90, 60, 1, 0x87, 0x68, 0x80, 60, 0, 0, 0xFF, 0x2F, 0]);
        rendered(&smf(0, 1000, &[&track]), &spec())
    };
    let (down, up) = (play(127), play(0));
    assert!(rms(&down[15_000..30_000]) > 0.2, "held");
    assert!(rms(&up[15_000..30_000]) < 0.01, "released at 0.5 s");
}

#[test]
fn long_pieces_are_cut_where_windows_end() {
    let midi = midi_of(&[note(0.0, 1.0, 60, 100), note(3.0, 400.0, 62, 100)]);
    assert_eq!(rendered(&midi, &RenderSpec { max_s: 2.0, ..spec() }).len(), 48_000);
}

/// The stage checks the font's digest, writes a WAV that our reader reads, and gives the same bytes twice.
#[test]
fn the_stage_repeats_and_checks_the_font() {
    let midi = midi_of(&[note(0.0, 1.0, 60, 100), note(0.5, 1.5, 64, 50)]);
    let stage = Render { id: "x".into(), spec: spec(), on_bad: OnBad::Fail };
    let run = || {
        let mut bench = Bench::new().with("midi", &midi).with("soundfont", &soundfont());
        bench.run(&stage).unwrap();
        let read = audio::read(&bench.out("audio"), 24_000, 60.0).unwrap();
        assert_eq!(read.duration_s, 2.0);
        bench.read("audio")
    };
    assert_eq!(run(), run());

    let mut other = soundfont();
    let last = other.len() - 1;
    other[last] ^= 1;
    let error = Bench::new().with("midi", &midi).with("soundfont", &other).run(&stage).unwrap_err().to_string();
    for part in [spec().soundfont_sha256, Digest::of(&other).to_string(), "musescore-general-soundfont".into()] {
        assert!(error.contains(&part), "{error}");
    }
    let wrong = Render { spec: RenderSpec { soundfont_sha256: Digest::of(b"no font").to_string(), ..spec() }, ..stage };
    let error = Bench::new().with("midi", &midi).with("soundfont", b"no font").run(&wrong).unwrap_err().to_string();
    assert!(error.contains("an SF2 file with a piano is expected"), "{error}");
}

/// MIDI that cannot be parsed: an error that names performance and file, or a WAV without samples; a wrong font or a
/// missing file is no bad performance.
#[test]
fn bad_midi_fails_or_gives_empty_audio() {
    let bench = |font: &[u8]| Bench::new().with("midi", b"MThd").with("soundfont", font);
    let strict = Render { id: "2004/x".into(), spec: spec(), on_bad: OnBad::Fail };
    let lenient = Render { on_bad: OnBad::Skip, ..strict.clone() };

    let mut fails = bench(&soundfont());
    let error = fails.run(&strict).unwrap_err().to_string();
    let path = fails.cx.file("midi").unwrap().path.display().to_string();
    assert!(error.starts_with("2004/x: midi ") && error.contains(&path), "{error}");
    assert!(!fails.out("audio").exists());

    let mut skips = bench(&soundfont());
    skips.run(&lenient).unwrap();
    let wav = hound::WavReader::open(skips.out("audio")).unwrap();
    assert_eq!((wav.len(), wav.spec().sample_rate, wav.spec().channels), (0, 24_000, 1));

    assert!(bench(b"another font").run(&lenient).unwrap_err().to_string().contains("SHA-256"));
    let mut gone = bench(&soundfont());
    fs_err::remove_file(gone.dir.path().join("in/midi")).unwrap();
    assert!(matches!(gone.run(&lenient), Err(StageError::Io(_))));
}

/// Good MIDI sounds the same in either mode.
#[test]
fn good_midi_does_not_depend_on_what_happens_to_bad() {
    let run = |on_bad| {
        let mut bench = Bench::new().with("midi", &midi_of(&[note(0.0, 1.0, 60, 100)])).with("soundfont", &soundfont());
        bench.run(&Render { id: "x".into(), spec: spec(), on_bad }).unwrap();
        bench.read("audio")
    };
    assert_eq!(run(OnBad::Fail), run(OnBad::Skip));
}

#[test]
fn wrong_values_are_named() {
    for (field, spec) in [
        ("soundfont_sha256", RenderSpec { soundfont_sha256: "abc".into(), ..spec() }),
        ("sample_rate_hz", RenderSpec { sample_rate_hz: 8000, ..spec() }),
        ("max_s", RenderSpec { max_s: 0.0, ..spec() }),
        ("tail_s", RenderSpec { tail_s: f64::NAN, ..spec() }),
        ("peak_db", RenderSpec { peak_db: 1.0, ..spec() }),
        ("polyphony", RenderSpec { polyphony: 1, ..spec() }),
    ] {
        let error = spec.check().unwrap_err().to_string();
        assert!(error.contains(&format!("`{field}`")), "{error}");
    }
}

/// A score of percussion renders, but one that the font has no sound for is an error, not a silent corpus.
#[test]
fn silence_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = put(dir.path(), "font.sf2", soundfont());
    let score = midi::parse(&midi_of(&[note(5.0, 6.0, 60, 100)])).unwrap();
    let spec = RenderSpec { max_s: 1.0, ..spec() };
    let error = render(&score, &load(&path).unwrap(), &path, &spec).unwrap_err().to_string();
    assert!(error.contains("no sound"), "{error}");
}
