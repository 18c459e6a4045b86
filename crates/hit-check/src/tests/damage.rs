//! Damaged and odd audio and MIDI files.

use proptest::prelude::*;

use crate::fixtures::{Corpus, DURATION_S, RATE_HZ, midi_of, note, only, outline, pieces, play};
use crate::{Kind, Options, Reading, Severity};

#[test]
fn silence_and_lost_parts_are_found() {
    let corpus = Corpus::sound();
    let n = pieces()[0].samples.len();
    corpus.put_sound("y/0.wav", &vec![0.0; n]);
    let mut holes = pieces()[1].samples.clone();
    holes[n / 4..3 * n / 4].fill(0.0);
    corpus.put_sound("y/1.wav", &holes);
    let report = corpus.check();
    assert_eq!(
        outline(&report),
        [(Kind::Silent, Severity::Error, Some("y/0")), (Kind::Silent, Severity::Error, Some("y/1")),]
    );
    assert!(report.findings[1].what.contains("digital zero"), "{}", report.findings[1].what);
}

#[test]
fn clipped_quiet_and_offset_audio_is_found_and_still_paired() {
    let corpus = Corpus::sound();
    let change = |name: &str, at: usize, change: &dyn Fn(f32) -> f32| {
        let samples: Vec<f32> = pieces()[at].samples.iter().map(|&sample| change(sample)).collect();
        corpus.put_sound(name, &samples);
    };
    let peak = |at: usize| pieces()[at].samples.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
    let peaks = [0, 1, 2].map(peak);
    change("y/0.wav", 0, &|sample| (sample * 5.0 / peaks[0]).clamp(-1.0, 1.0));
    change("y/1.wav", 1, &|sample| sample * 0.005 / peaks[1]);
    change("y/2.wav", 2, &|sample| sample * 0.5 / peaks[2] + 0.05);
    let report = corpus.check();
    assert_eq!(
        outline(&report),
        [
            (Kind::Clipped, Severity::Warning, Some("y/0")),
            (Kind::Quiet, Severity::Warning, Some("y/1")),
            (Kind::DcOffset, Severity::Warning, Some("y/2")),
        ]
    );
    assert_eq!((report.summary.n_paired, report.summary.n_with_warnings), (6, 3));
}

#[test]
fn a_cut_wav_is_found_without_and_with_decoding() {
    let corpus = Corpus::sound();
    let bytes = fs_err::read(corpus.path("y/3.wav")).unwrap();
    corpus.put("y/3.wav", &bytes[..bytes.len() - 30_001]);
    for reading in [Reading::Files, Reading::Reach(12.0), Reading::Whole] {
        let report = corpus.check_with(&Options { reading, ..Options::default() });
        let finding = only(&report);
        assert_eq!((finding.kind, finding.performance.as_deref()), (Kind::AudioUnreadable, Some("y/3")));
        assert!(finding.what.contains("30001 bytes"), "{}", finding.what);
    }
}

#[test]
fn files_of_something_else_are_unreadable_and_nothing_more() {
    let corpus = Corpus::sound();
    corpus.put("y/0.wav", "<html>404</html>".repeat(1000));
    corpus.put("y/1.midi", "<html>404</html>".repeat(1000));
    let report = corpus.check();
    assert_eq!(
        outline(&report),
        [(Kind::AudioUnreadable, Severity::Error, Some("y/0")), (Kind::MidiUnreadable, Severity::Error, Some("y/1")),]
    );
}

#[test]
fn a_low_sample_rate_is_a_warning_and_other_rates_are_none() {
    let corpus = Corpus::sound();
    let to_rate = |at: usize, rate_hz: u32| {
        let samples = hit_corpus::audio::resample(&pieces()[at].samples, RATE_HZ, rate_hz).unwrap();
        corpus.put(&format!("y/{at}.wav"), hit_corpus::audio::wav(&samples, rate_hz).unwrap());
    };
    to_rate(0, 16_000);
    to_rate(1, 44_100);
    let report = corpus.check();
    let finding = only(&report);
    assert_eq!((finding.kind, finding.performance.as_deref()), (Kind::SampleRate, Some("y/0")));
    assert!(finding.what.contains("nothing is in it above 8000 Hz"), "{}", finding.what);
    assert_eq!(report.performances[1].audio_rate_hz, Some(44_100));
    assert_eq!(report.summary.n_paired, 6);
    assert_eq!(report.summary.by_format["wav 24000 Hz, 1 channel"], 4);
}

#[test]
fn durations_that_cannot_be_one_performance_are_errors() {
    let mut corpus = Corpus::sound();
    corpus.rows[0][6] = "36".to_owned();
    corpus.write_table();
    let mut long = pieces()[1].samples.clone();
    long.resize(37 * RATE_HZ as usize, 1e-3);
    corpus.put_sound("y/1.wav", &long);
    let short = &pieces()[2].samples[..17 * RATE_HZ as usize];
    corpus.put_sound("y/2.wav", short);
    let report = corpus.check();
    assert_eq!(
        outline(&report),
        [
            (Kind::DurationMidi, Severity::Error, Some("y/0")),
            (Kind::DurationAudio, Severity::Error, Some("y/0")),
            (Kind::DurationAudio, Severity::Error, Some("y/1")),
            (Kind::DurationPair, Severity::Error, Some("y/1")),
            (Kind::DurationPair, Severity::Warning, Some("y/2")),
        ]
    );
    assert!(report.findings[0].what.starts_with("the table says 36.00 s"), "{}", report.findings[0].what);
}

#[test]
fn odd_midi_is_a_warning() {
    let corpus = Corpus::sound();
    let flat: Vec<_> =
        (0..40).map(|k| note(f64::from(k) * 0.48, f64::from(k) * 0.48 + 0.4, 40 + (k * 7 % 40) as u8, 64)).collect();
    corpus.put("y/0.midi", midi_of(&flat, false));
    corpus.put_sound("y/0.wav", &play(&flat, DURATION_S));
    let mut high = flat.clone();
    high.iter_mut().enumerate().for_each(|(k, note)| note.velocity = 40 + k as u8);
    high[3].pitch = 120;
    corpus.put("y/1.midi", midi_of(&high, true));
    corpus.put_sound("y/1.wav", &play(&high, DURATION_S));
    let report = corpus.check();
    assert_eq!(
        outline(&report),
        [(Kind::FlatVelocities, Severity::Warning, Some("y/0")), (Kind::PitchRange, Severity::Warning, Some("y/1")),]
    );
}

#[test]
fn a_piece_without_pedal_is_noted_where_nearly_all_have_it() {
    let mut corpus = Corpus::sound();
    let notes: Vec<_> = (0..40).map(|k| note(f64::from(k) * 0.4, f64::from(k) * 0.4 + 0.3, 50 + k, 40 + k)).collect();
    corpus.rows.truncate(1);
    (1..6).for_each(|at| {
        corpus.remove(&format!("y/{at}.midi"));
        corpus.remove(&format!("y/{at}.wav"));
    });
    let row = corpus.rows[0].clone();
    for (at, pedal) in [true, true, true, true, true, true, true, true, true, false].into_iter().enumerate() {
        let midi = format!("y/{at}.midi");
        corpus.put(&midi, midi_of(&notes, pedal));
        let mut cells = row.clone();
        (cells[4], cells[5]) = (midi, String::new());
        corpus.rows.push(cells);
    }
    corpus.rows.remove(0);
    corpus.write_table();
    let options = Options { audio: false, ..Options::default() };
    let noted = |corpus: &Corpus| {
        let report = corpus.check_with(&options);
        report.findings.iter().filter(|finding| finding.kind == Kind::NoPedal).count()
    };
    assert_eq!(noted(&corpus), 1);
    corpus.put("y/0.midi", midi_of(&notes, false));
    assert_eq!(noted(&corpus), 0, "two of ten are a habit");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever happens to a file, the check ends, with findings about that performance alone.
    #[test]
    fn damage_of_one_file_is_a_matter_of_one_performance(
        name in prop::sample::select(vec!["y/2.wav", "y/2.midi"]),
        flips in prop::collection::vec((0usize..400, 0u8..8), 0..6),
        keep in 0.0f64..=1.0,
    ) {
        let corpus = Corpus::sound();
        let mut bytes = fs_err::read(corpus.path(name)).unwrap();
        for (at, bit) in flips {
            bytes[at] ^= 1 << bit;
        }
        bytes.truncate((keep * bytes.len() as f64) as usize);
        corpus.put(name, bytes);
        let report = corpus.check_with(&Options { reading: Reading::Reach(12.0), ..Options::default() });
        let all_of_it = report.findings.iter().all(|finding| {
            finding.performance.as_deref() == Some("y/2")
        });
        prop_assert!(all_of_it, "{}", report.text());
        prop_assert_eq!(report.performances.len(), 6);
    }
}
