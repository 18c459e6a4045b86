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
        room: None,
        room_s: None,
        noise_db: None,
        seed: None,
    }
}

fn rendered(midi: &[u8], spec: &RenderSpec) -> Vec<f32> {
    let dir = tempfile::tempdir().unwrap();
    let path = put(dir.path(), "font.sf2", soundfont());
    render("x", &midi::parse(midi).unwrap(), &load(&path).unwrap(), &path, spec).unwrap()
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
    let error = gone.run(&lenient).unwrap_err().to_string();
    assert!(error.starts_with("2004/x: midi ") && error.contains("No such file"), "{error}");
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
        ("max_s", RenderSpec { max_s: 1e6, ..spec() }),
        ("polyphony", RenderSpec { polyphony: 1, ..spec() }),
        ("room", RenderSpec { room: Some(0.0), room_s: Some(1.0), ..spec() }),
        ("room", RenderSpec { room: Some(1.5), room_s: Some(1.0), ..spec() }),
        ("room", RenderSpec { room: Some(f64::NAN), room_s: Some(1.0), ..spec() }),
        ("room_s", RenderSpec { room: Some(0.5), room_s: Some(0.0), ..spec() }),
        ("room_s", RenderSpec { room: Some(0.5), ..spec() }),
        ("room_s", RenderSpec { room_s: Some(1.0), ..spec() }),
        ("noise_db", RenderSpec { noise_db: Some(f64::NEG_INFINITY), seed: Some(1), ..spec() }),
        ("noise_db", RenderSpec { noise_db: Some(30.0), seed: Some(1), ..spec() }),
        ("seed", RenderSpec { noise_db: Some(-40.0), ..spec() }),
        ("seed", RenderSpec { seed: Some(1), ..spec() }),
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
    let error = render("x", &score, &load(&path).unwrap(), &path, &spec).unwrap_err().to_string();
    assert!(error.contains("no sound"), "{error}");
}

/// Two notes with a gap of a second after each.
fn two_notes() -> Vec<u8> {
    midi_of(&[note(0.0, 0.5, 60, 100), note(2.0, 2.5, 64, 100)])
}

/// What is heard after a note has ended grows with the room, and the note itself stays in its place.
#[test]
fn a_room_sounds_on() {
    let after = |room: Option<f64>| {
        let samples = rendered(&two_notes(), &RenderSpec { room, room_s: room.map(|_| 0.8), ..spec() });
        assert_eq!(samples.len(), 72_000);
        rms(&samples[19_000..36_000]) / rms(&samples[..12_000])
    };
    let tails = [None, Some(0.1), Some(0.4), Some(1.0)].map(after);
    assert!(tails.is_sorted_by(|less, more| 1.5 * less < *more), "{tails:?}");
    assert_eq!(after(Some(0.4)), tails[2], "the same twice");
}

/// The room is what the specification says, not what controllers 91 and 93 of the file ask for.
#[test]
fn effects_of_the_file_are_not_followed() {
    let track = |extra: &[u8]| [extra, &[0, 0x90, 60, 100, 96, 0x80, 60, 0, 0, 0xFF, 0x2F, 0]].concat();
    let plain = smf(0, 96, &[&track(&[])]);
    let asking = smf(0, 96, &[&track(&[0, 0xB0, 91, 127, 0, 0xB0, 93, 127])]);
    for room in [None, Some(0.3)] {
        let spec = RenderSpec { room, room_s: room.map(|_| 0.8), ..spec() };
        assert_eq!(rendered(&plain, &spec), rendered(&asking, &spec));
    }
}

/// The noise has the level asked for, to 0.1 dB, and is Gaussian and white.
#[test]
fn noise_has_its_level() {
    let clean = rendered(&two_notes(), &spec());
    for noise_db in [-60.0, -30.0, 0.0] {
        let noisy = rendered(&two_notes(), &RenderSpec { noise_db: Some(noise_db), seed: Some(7), ..spec() });
        // Both are scaled to one peak: the share of the clean one is found where it is loud.
        let dot: f64 = clean.iter().zip(&noisy).map(|(a, b)| f64::from(a * b)).sum();
        let gain = dot / clean.iter().map(|a| f64::from(a * a)).sum::<f64>();
        let noise: Vec<f32> = clean.iter().zip(&noisy).map(|(a, b)| b - (gain * f64::from(*a)) as f32).collect();
        let level_db = 20.0 * libm::log10(rms(&noise) / (gain * rms(&clean)));
        assert!((level_db - noise_db).abs() < 0.1, "{level_db} for {noise_db}");
        let within = noise.iter().filter(|sample| f64::from(sample.abs()) < rms(&noise)).count();
        assert!(
            (within as f64 / noise.len() as f64 - 0.6827).abs() < 0.01,
            "as many within one deviation as of a Gaussian"
        );
        let neighbours: f64 = noise.windows(2).map(|pair| f64::from(pair[0] * pair[1])).sum();
        assert!((neighbours / noise.len() as f64).abs() < 0.02 * rms(&noise) * rms(&noise));
        let peak = noisy.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        assert!((f64::from(peak) - libm::pow(10.0, -3.0 / 20.0)).abs() < 1e-6, "the level is that of the whole");
    }
}

/// The same bytes twice; other noise for another performance or seed.
#[test]
fn noise_depends_on_seed_and_performance() {
    let run = |id: &str, seed: u64| {
        let spec = RenderSpec { room: Some(0.2), room_s: Some(0.8), noise_db: Some(-40.0), seed: Some(seed), ..spec() };
        let mut bench = Bench::new().with("midi", &two_notes()).with("soundfont", &soundfont());
        bench.run(&Render { id: id.into(), spec, on_bad: OnBad::Fail }).unwrap();
        bench.read("audio")
    };
    assert_eq!(run("a", 1), run("a", 1));
    assert_ne!(run("a", 1), run("b", 1));
    assert_ne!(run("a", 1), run("a", 2));
}

/// A specification without variations has the key that it had before there were any.
#[test]
fn variations_left_out_are_not_written() {
    let text = serde_json::to_string(&spec()).unwrap();
    assert!(["room", "noise_db", "seed"].iter().all(|field| !text.contains(field)), "{text}");
    assert_eq!(serde_json::from_str::<RenderSpec>(&text).unwrap(), spec());
    let varied = RenderSpec { room: Some(0.5), room_s: Some(1.0), noise_db: Some(-50.0), seed: Some(3), ..spec() };
    assert_eq!(serde_json::from_str::<RenderSpec>(&serde_json::to_string(&varied).unwrap()).unwrap(), varied);
}

#[test]
fn recipes_say_everything() {
    let font = &spec().soundfont_sha256[..12];
    let dry = "at 24000 Hz, first 10 s, tail 0.5 s, peak -3 dB, 64 voices, dry, no noise";
    assert_eq!(spec().recipe(), format!("rendered with SoundFont {font} {dry}"));
    let varied = RenderSpec { room: Some(0.25), room_s: Some(1.2), noise_db: Some(-50.0), seed: Some(3), ..spec() };
    assert!(
        varied.recipe().ends_with("64 voices, room 0.25 of 1.2 s, white noise -50 dB (seed 3)"),
        "{}",
        varied.recipe()
    );
}

/// A SoundFont damaged anywhere: an error that names it, or sound; never a panic.
#[test]
fn damaged_soundfonts_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, score) = (soundfont(), midi::parse(&midi_of(&[note(0.0, 0.1, 60, 100)])).unwrap());
    for at in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xFF;
        let path = put(dir.path(), "font.sf2", &bytes);
        let result = load(&path).and_then(|font| render("x", &score, &font, &path, &spec()));
        if let Err(error) = result {
            assert!(error.to_string().contains("an SF2 file with a piano is expected"), "{at}: {error}");
        }
    }
    let error = guarded::<()>(Path::new("a.sf2"), || panic!("as a synthesiser might")).unwrap_err().to_string();
    assert!(error.contains("a.sf2") && error.contains("gave up"), "{error}");
}

#[test]
fn a_soundfont_is_held_once_and_only_while_it_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let (path, bytes) = (dir.path().join("font.sf2"), soundfont());
    fs_err::write(&path, &bytes).unwrap();
    let digest = |text: &str| Digest::of(text.as_bytes());
    let first = shared(&path, digest("held once")).unwrap();
    let held = Arc::downgrade(&first);
    assert!(Arc::ptr_eq(&first, &shared(&dir.path().join("gone"), digest("held once")).unwrap()), "no file is opened");
    assert!(shared(&dir.path().join("gone"), digest("another")).is_err());
    drop(first);
    assert!(held.upgrade().is_none());
}
