//! The stage of the probes.

use std::collections::BTreeSet;

use super::support::{Bench, matrix, plus, row, run, value};
use crate::{Matrix, PROBES, Probe};

fn stage() -> Probe {
    Probe { stage: "t03".to_owned(), run: run(), seed: 42, resamples: 300, level: 0.95 }
}

/// Ten performances with windows, 200 of them.
const WINDOWS: [usize; 11] = [30, 0, 25, 20, 10, 20, 20, 20, 15, 20, 20];

/// A split whose audio says all of the pitches and nothing of the chroma, its MIDI the other way round.
fn bench() -> Bench {
    let mut bench = Bench::new();
    let index = bench.split(&WINDOWS);
    let n = index.n_windows();
    let (audio, midi) = (matrix(n, 6, 1), matrix(n, 6, 2));
    bench.embeddings(&audio, &midi);
    let noisy = |x: &Matrix, dims: usize, seed: u32| {
        plus(&x.times(&matrix(6, dims, seed)), &matrix(n, dims, seed + 1).map(|_, value| 0.02 * value))
    };
    bench.target("targets/pitch_histogram", &noisy(&audio, 9, 10));
    bench.target("targets/interval_histogram", &noisy(&audio, 5, 20));
    for name in ["chroma", "chroma_reference"] {
        bench.target(&format!("targets/{name}"), &noisy(&midi, 12, 30));
    }
    bench.target("targets/centroid", &noisy(&midi, 1, 40));
    bench.target("targets/centroid_reference", &Matrix::new(n, 1, vec![440.0; n]));
    bench
}

#[test]
fn probes_find_what_is_there_and_nothing_else() {
    let mut bench = bench();
    let rows = bench.run(&stage());
    for (side, target) in PROBES {
        let condition = format!("{side}/{target}");
        let linear = row(&rows, &condition, "r2").unwrap();
        let there = !matches!((side, target), ("audio", "chroma") | ("midi", "pitch_histogram"));
        assert_eq!(linear.value > 0.9, there, "{condition}: {}", linear.value);
        assert_eq!(linear.value < 0.1, !there, "{condition}: {}", linear.value);
        let (low, high) = linear.interval.expect("there are ten performances");
        assert!(low <= linear.value && linear.value <= high && linear.n == Some(200));
        if target == "centroid" {
            // The reference's is the same everywhere here: there is nothing to explain.
            assert!(row(&rows, &condition, "r2_mlp").is_none());
        } else {
            let found = row(&rows, &condition, "r2_mlp").unwrap();
            assert_eq!(found.n, Some(40), "a fifth of 200 windows");
            assert_eq!(found.value > 0.3, there, "{condition}: {}", found.value);
        }
        assert_eq!((linear.stage.as_str(), linear.seed, linear.unit.as_str()), ("t03", Some(42), ""));
    }
    assert_eq!(rows.len(), 6 + 5);
}

#[test]
fn the_same_bytes_come_again_and_others_with_another_seed() {
    let mut bench = bench();
    let read = |bench: &mut Bench, stage: &Probe| {
        bench.run(stage);
        fs_err::read(bench.out("measurements")).unwrap()
    };
    let first = read(&mut bench, &stage());
    bench.cx.threads = 3;
    assert_eq!(read(&mut bench, &stage()), first);
    assert_ne!(read(&mut bench, &Probe { seed: 43, ..stage() }), first);
}

/// Each window is scored once, and in no fold is a performance in two parts.
#[test]
fn performances_are_not_split() {
    for sizes in [WINDOWS.as_slice(), &[40, 0, 30, 50, 60, 20], &[80, 70, 50]] {
        let index = Bench::new().split(sizes);
        let performance: Vec<usize> = index.windows().iter().map(|window| window.0).collect();
        for seed in 0..20 {
            let folds = Probe { seed, ..stage() }.folds(&index).unwrap();
            let mut scored: Vec<usize> = folds.iter().flat_map(|fold| fold.test.clone()).collect();
            scored.sort_unstable();
            assert_eq!(scored, (0..200).collect::<Vec<_>>());
            for fold in &folds {
                let parts = [&fold.fit, &fold.valid, &fold.test];
                assert_eq!(parts.map(Vec::len).iter().sum::<usize>(), 200);
                let of = |part: &Vec<usize>| part.iter().map(|&window| performance[window]).collect::<BTreeSet<_>>();
                let [fit, valid, test] = parts.map(of);
                assert!(fit.is_disjoint(&valid) && fit.is_disjoint(&test) && valid.is_disjoint(&test));
                let expected = match sizes.len() {
                    3 => (1, 1, 1),
                    6 => (3, 1, 1),
                    _ => (6, 2, 2),
                };
                assert_eq!((fit.len(), valid.len(), test.len()), expected);
            }
        }
    }
    let index = Bench::new().split(&WINDOWS);
    let folds = |seed| Probe { seed, ..stage() }.folds(&index).unwrap();
    assert_ne!(folds(1), folds(2));
}

/// What tells performances apart and nothing else does not carry over to others.
#[test]
fn knowing_the_performance_is_not_enough() {
    let mut bench = bench();
    let index = bench.split(&WINDOWS);
    let performance: Vec<usize> = index.windows().iter().map(|window| window.0).collect();
    let own = matrix(WINDOWS.len(), 6, 50).take(&performance);
    let sides = plus(&own, &matrix(200, 6, 51).map(|_, value| 0.05 * value));
    bench.embeddings(&sides, &sides);
    bench.target("targets/pitch_histogram", &matrix(WINDOWS.len(), 3, 52).take(&performance));
    let rows = bench.run(&stage());
    assert!(value(&rows, "audio/pitch_histogram", "r2") < 0.3, "others have other pitches");
    assert!(value(&rows, "audio/pitch_histogram", "r2_mlp") > 0.3, "the reference has seen all of them");
}

#[test]
fn what_cannot_be_probed_is_an_error() {
    let mut few = Bench::new();
    few.split(&[100, 0, 100]);
    let error = few.error(&stage());
    assert!(error.contains("has 2 performances with windows") && error.contains("at least 3"), "{error}");

    let mut bench = bench();
    for (wrong, why) in [
        (Probe { resamples: 0, ..stage() }, "resamples is 0"),
        (Probe { level: 1.0, ..stage() }, "level is 1"),
        (Probe { level: f64::NAN, ..stage() }, "level is NaN"),
    ] {
        let error = bench.error(&wrong);
        assert!(error.contains(why), "{error}");
    }
    bench.target("targets/chroma", &matrix(199, 12, 1));
    let error = bench.error(&stage());
    assert!(error.contains("targets/chroma") && error.contains("199 windows, the embeddings have 200"), "{error}");
    bench.features("targets/chroma", 2, false, (0..200).map(|w| vec![0.5; if w == 7 { 4 } else { 2 }]));
    let error = bench.error(&stage());
    assert!(error.contains("window 7 has 2 rows"), "{error}");
    bench.features("targets/chroma", 1, false, (0..200).map(|w| vec![if w == 9 { f32::NAN } else { 0.5 }]));
    let error = bench.error(&stage());
    assert!(error.contains("window 9 is not finite"), "{error}");
    bench.cx.inputs.remove("targets/chroma");
    assert!(bench.error(&stage()).contains("targets/chroma"));
    bench.embeddings_of("test", &matrix(200, 6, 1), &matrix(200, 6, 1));
    let error = bench.error(&stage());
    assert!(error.contains("`d4a4@cosine60#42`") && error.contains("split `test`"), "{error}");
    assert!(self::bench().cancelled(&stage()));
}

/// A target that does not vary gives no row; one that varies in one fold only, or in one window, is no failure.
#[test]
fn targets_that_hardly_vary() {
    let mut bench = bench();
    let n = 200;
    bench.target("targets/chroma", &Matrix::new(n, 1, vec![0.1; n]));
    let mut once = vec![0.0; n];
    once[17] = 1.0;
    bench.target("targets/interval_histogram", &Matrix::new(n, 1, once));
    let rows = bench.run(&stage());
    for side in ["audio", "midi"] {
        assert!(row(&rows, &format!("{side}/chroma"), "r2").is_none());
    }
    assert!(value(&rows, "audio/pitch_histogram", "r2") > 0.9);
}
