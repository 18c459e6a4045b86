//! Audio and MIDI that belong together, and those that do not.

use crate::fixtures::{Corpus, RATE_HZ, only, outline, pieces};
use crate::{Kind, Options, Reading, Severity};

#[test]
fn swapped_audio_names_the_two_performances_each() {
    let corpus = Corpus::sound();
    corpus.put_sound("y/2.wav", &pieces()[5].samples);
    corpus.put_sound("y/5.wav", &pieces()[2].samples);
    let report = corpus.check();
    assert_eq!(
        outline(&report),
        [(Kind::Unrelated, Severity::Error, Some("y/2")), (Kind::Unrelated, Severity::Error, Some("y/5")),]
    );
    let others: Vec<_> = report.findings.iter().map(|finding| finding.other.as_deref()).collect();
    assert_eq!(others, [Some("y/5"), Some("y/2")]);
    assert!(report.findings[0].advice.contains("`y/5`"), "{}", report.findings[0].advice);
    assert_eq!((report.summary.n_pairs, report.summary.n_paired), (6, 4));
}

#[test]
fn audio_of_nobody_fits_nobody() {
    let corpus = Corpus::sound();
    // backwards: same length, same spectrum, other onsets
    let backwards: Vec<f32> = pieces()[2].samples.iter().rev().copied().collect();
    corpus.put_sound("y/2.wav", &backwards);
    let report = corpus.check();
    let finding = only(&report);
    assert_eq!((finding.kind, finding.other.as_deref()), (Kind::Unrelated, None));
    assert!(finding.advice.contains("fits none of 5 other"), "{}", finding.advice);
}

#[test]
fn shifts_are_found_within_30_ms_whatever_their_side() {
    for shift_s in [-2.0, -0.2, 0.2, 1.0, 5.0] {
        let corpus = Corpus::sound();
        let samples = &pieces()[3].samples;
        let n = (f64::abs(shift_s) * f64::from(RATE_HZ)) as usize;
        let shifted = if shift_s > 0.0 { [vec![0.0; n], samples.clone()].concat() } else { samples[n..].to_vec() };
        corpus.put_sound("y/3.wav", &shifted);
        let report = corpus.check();
        let finding = report.findings.iter().find(|finding| finding.kind == Kind::Shifted);
        let finding =
            finding.unwrap_or_else(|| panic!("{shift_s}: {:?}\n{}", report.performances[3].pairing, report.text()));
        assert_eq!((finding.severity, finding.performance.as_deref()), (Severity::Error, Some("y/3")));
        let offset_s = report.performances[3].pairing.unwrap().offset_s;
        assert!((offset_s - shift_s).abs() < 0.03, "{offset_s} for {shift_s}");
        let side = if shift_s > 0.0 { "behind" } else { "ahead of" };
        assert!(finding.what.contains(side), "{}", finding.what);
    }
}

#[test]
fn an_offset_of_50_ms_is_measured_and_no_finding() {
    let corpus = Corpus::sound();
    let late = [vec![0.0; RATE_HZ as usize / 20], pieces()[0].samples.clone()].concat();
    corpus.put_sound("y/0.wav", &late);
    let report = corpus.check();
    assert_eq!(outline(&report), []);
    assert!((report.summary.largest_offset_s.unwrap() - 0.05).abs() < 0.03);
}

#[test]
fn too_few_onsets_tell_nothing() {
    let corpus = Corpus::sound();
    let notes = [crate::fixtures::note(1.0, 2.0, 60, 70), crate::fixtures::note(18.0, 19.5, 64, 80)];
    corpus.put("y/0.midi", crate::fixtures::midi_of(&notes, false));
    let report = corpus.check_with(&Options { reading: Reading::Reach(10.0), ..Options::default() });
    let finding = only(&report);
    assert_eq!((finding.kind, finding.severity), (Kind::PairingUnknown, Severity::Note));
}
