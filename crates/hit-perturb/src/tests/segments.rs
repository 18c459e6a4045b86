//! What each condition makes of audio and notes, and what stays.

use hit_schema::{SplitIndex, Token, WindowSpec};
use hit_stage::Digest;
use proptest::prelude::*;

use super::support::{Bench, Outcome, WINDOWS};
use crate::signal::sample_sd;
use crate::{PerturbSegments, SegmentCondition};

/// Two performances of another length, and one that was skipped.
fn bench() -> Bench {
    Bench::new(&[5, 0, 7]).with_segments()
}

fn perturbed(bench: &Bench, condition: SegmentCondition) -> Outcome {
    bench.run(&PerturbSegments { condition, seed: 42 }, 2).unwrap()
}

fn tokens(bench: &Bench, change: impl Fn(Token) -> Token) -> Vec<Vec<Token>> {
    let segments = bench.segments();
    (0..segments.n_windows()).map(|w| segments.tokens(w).iter().copied().map(&change).collect()).collect()
}

/// Tokens change, the rest is linked: not a byte of audio is copied.
#[track_caller]
fn assert_midi(bench: &Bench, condition: SegmentCondition, change: impl Fn(Token) -> Token) {
    let out = perturbed(bench, condition);
    let links: Vec<_> = out.cx.linked.keys().map(|(output, name)| format!("{output}/{name}")).collect();
    assert_eq!(links, ["index/", "segments/audio/validation/p0", "segments/audio/validation/p2"]);
    assert!(!out.path("segments/audio").exists() && !out.path("index").exists());
    let (segments, before) = (out.segments(), bench.segments());
    assert_eq!(segments.index(), &bench.index);
    for (w, expected) in tokens(bench, change).into_iter().enumerate() {
        assert_eq!(segments.tokens(w), expected, "window {w}");
        assert_eq!(segments.audio(w).unwrap(), before.audio(w).unwrap());
    }
}

#[test]
fn pitches_move_and_stay_inside() {
    let bench = bench();
    for semitones in [-24, -3, 0, 12, 100] {
        assert_midi(&bench, SegmentCondition::Transpose { semitones }, |token| Token {
            pitch: (i32::from(token.pitch) + semitones).clamp(0, 127) as u8,
            ..token
        });
    }
}

#[test]
fn velocities_are_scaled() {
    let bench = bench();
    for (factor, percent) in [(0.5, 50), (0.8, 80), (1.2, 120), (1.5, 150)] {
        assert_midi(&bench, SegmentCondition::Velocity { factor }, |token| Token {
            velocity: (u32::from(token.velocity) * percent / 100).min(127) as u8,
            ..token
        });
    }
}

/// The same windows of the same performances, read from files that hold them one after another; tokens are linked.
#[track_caller]
fn assert_audio(bench: &Bench, condition: SegmentCondition, check: impl Fn(&[f32], &[f32])) {
    let out = perturbed(bench, condition);
    let links: Vec<_> = out.cx.linked.keys().map(|(output, name)| format!("{output}/{name}")).collect();
    assert_eq!(links, ["segments/tokens/validation/p0", "segments/tokens/validation/p2"]);
    let (segments, before) = (out.segments(), bench.segments());
    let expected = SplitIndex { windows: WindowSpec { hop_s: 1.0, ..WINDOWS }, ..bench.index.clone() };
    assert_eq!(segments.index(), &expected);
    assert_eq!((segments.n_windows(), expected.windows()), (12, bench.index.windows()));
    for w in 0..segments.n_windows() {
        check(&before.audio(w).unwrap(), &segments.audio(w).unwrap());
        assert_eq!(segments.tokens(w), before.tokens(w));
    }
}

#[test]
fn each_window_is_rolled_by_itself() {
    let bench = bench();
    let zeros = |n: usize| std::iter::repeat_n(0.0, n);
    for n in [1usize, 333, 2_000] {
        assert_audio(&bench, SegmentCondition::Shift { samples: n as i64 }, |before, after| {
            assert!(zeros(n).chain(before[..2_000 - n].iter().copied()).eq(after.iter().copied()));
        });
        assert_audio(&bench, SegmentCondition::Shift { samples: -(n as i64) }, |before, after| {
            assert!(before[n..].iter().copied().chain(zeros(n)).eq(after.iter().copied()));
        });
    }
    assert_audio(&bench, SegmentCondition::Shift { samples: 0 }, |before, after| assert_eq!(before, after));
}

/// Level of what was added to a window, relative to it, dB; negative infinity if nothing was.
fn noise_db(before: &[f32], after: &[f32]) -> f64 {
    let squares: f64 = before.iter().zip(after).map(|(b, a)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    20.0 * libm::log10((squares / before.len() as f64).sqrt() / sample_sd(before))
}

/// Every window has the ratio asked for, by its own level: the loud and the soft.
#[test]
fn each_window_has_its_own_noise() {
    let bench = Bench::new(&[5, 0, 7]).with_audio(|p, n| {
        (0..n).map(|i| if i < 2_000 { 0.0 } else { libm::sinf(i as f32) * if p == 0 { 0.01 } else { 0.9 } }).collect()
    });
    for snr_db in [40.0, 10.0, 5.0, -20.0] {
        assert_audio(&bench, SegmentCondition::WhiteNoise { snr_db }, |before, after| {
            if sample_sd(before) == 0.0 {
                assert_eq!(after, before, "silence stays silent");
            } else {
                // Five standard errors of the level of 2,000 draws, in dB.
                assert!((noise_db(before, after) + snr_db).abs() < 5.0 * 8.69 * (0.5f64 / 2_000.0).sqrt());
            }
        });
    }
    // The same noise at every level, another one in every window, for every seed.
    let at = |snr_db, seed| bench.run(&PerturbSegments { condition: SegmentCondition::WhiteNoise { snr_db }, seed }, 1);
    let (loud, soft, other) = (at(0.0, 1).unwrap().segments(), at(20.0, 1).unwrap().segments(), at(0.0, 2).unwrap());
    let added = |segments: &hit_schema::Segments, w| -> Vec<f64> {
        let clean = bench.segments();
        let (before, after) = (clean.audio(w).unwrap(), segments.audio(w).unwrap());
        before.iter().zip(after.iter()).map(|(b, a)| f64::from(*a) - f64::from(*b)).collect()
    };
    assert!(added(&loud, 6).iter().zip(added(&soft, 6)).all(|(loud, soft)| (loud - 10.0 * soft).abs() < 1e-5));
    assert_ne!(added(&loud, 6), added(&loud, 7));
    assert_ne!(added(&loud, 6), added(&other.segments(), 6));
}

/// What is read back is what a perturbation of the perturbed split starts from: two shifts are one.
#[test]
fn a_damaged_split_can_be_damaged_again() {
    let first = bench();
    let mut second = Bench::new(&[5, 0, 7]);
    let out = perturbed(&first, SegmentCondition::Shift { samples: 100 });
    second.index = out.index();
    let mut second = second.with_index();
    second.inputs.insert("segments".to_owned(), hit_stage::Opened::Tree(out.tree()));
    let twice = perturbed(&second, SegmentCondition::Shift { samples: 50 }).segments();
    let once = perturbed(&first, SegmentCondition::Shift { samples: 150 }).segments();
    assert!((0..12).all(|w| twice.audio(w).unwrap() == once.audio(w).unwrap()));
}

/// Queries, pools and hard negatives are functions of the index: they do not see the condition.
#[test]
fn retrieval_draws_the_same_queries_and_pools() {
    let bench = Bench::new(&[40, 0, 40, 40]).with_segments();
    let spec = hit_retrieval::RetrievalSpec {
        n_queries: 50,
        pool_size: 40,
        n_hard: 10,
        n_semi_hard: 5,
        seed: 42,
        hard_trials: 30,
        hard_min_windows: 10,
    };
    for condition in [SegmentCondition::Shift { samples: 9 }, SegmentCondition::Transpose { semitones: 1 }] {
        let index = perturbed(&bench, condition).index();
        let pools = |index| hit_retrieval::draw_pools(index, &spec).unwrap();
        assert_eq!(pools(&index), pools(&bench.index));
        let hard = |index| hit_retrieval::draw_hard(index, &spec).unwrap();
        assert_eq!(hard(&index), hard(&bench.index));
    }
}

/// A split of which everything was skipped stays one.
#[test]
fn a_split_without_windows_stays_without() {
    let bench = Bench::new(&[0, 0]).with_segments();
    for condition in [SegmentCondition::Shift { samples: 9 }, SegmentCondition::Velocity { factor: 2.0 }] {
        let out = perturbed(&bench, condition);
        assert_eq!(out.segments().n_windows(), 0);
        assert_eq!(out.index().performances, bench.index.performances);
    }
}

/// Adding a performance does not change the noise of the others.
#[test]
fn noise_of_a_performance_is_its_own() {
    let condition = SegmentCondition::WhiteNoise { snr_db: 3.0 };
    let file = |bench: &Bench| Digest::of(&perturbed(bench, condition).bytes()["segments/audio/validation/p2"]);
    assert_eq!(file(&bench()), file(&Bench::new(&[9, 2, 7, 1]).with_segments()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// One thread and four write the same bytes, whatever the sizes.
    #[test]
    fn threads_do_not_matter(seed: u64, sizes in proptest::collection::vec(0usize..6, 1..7)) {
        let bench = Bench::new(&sizes).with_segments();
        for condition in [SegmentCondition::WhiteNoise { snr_db: 20.0 }, SegmentCondition::Transpose { semitones: 5 }] {
            let stage = PerturbSegments { condition, seed };
            prop_assert_eq!(bench.run(&stage, 1).unwrap().bytes(), bench.run(&stage, 4).unwrap().bytes());
        }
    }
}
