//! The stage of the cosines.

use hit_schema::CosineBin;
use proptest::prelude::*;

use super::support::{Bench, matrix, plus, row, run, value};
use crate::{Cosines, Matrix, N_BINS, auc};

fn stage() -> Cosines {
    Cosines { stage: "t10".to_owned(), run: run(), seed: 42, resamples: 200, level: 0.95 }
}

fn bench(n_windows: &[usize], audio: &Matrix, midi: &Matrix) -> Bench {
    let mut bench = Bench::new();
    bench.split(n_windows);
    bench.embeddings(audio, midi);
    bench
}

#[test]
fn matched_pairs_stand_out() {
    let audio = matrix(90, 12, 1);
    let midi = plus(&audio, &matrix(90, 12, 2).map(|_, value| 0.5 * value)).map(|_, value| 3.0 * value);
    let mut bench = bench(&[40, 0, 20, 30], &audio, &midi);
    let rows = bench.run(&stage());
    let found = |metric: &str| value(&rows, "normal", metric);
    assert!(found("cosine_matched") > 0.8 && found("cosine_random").abs() < 0.1);
    assert!((found("cosine_gap") - (found("cosine_matched") - found("cosine_random"))).abs() < 1e-12);
    assert!(found("cosine_auc") > 0.99);
    assert!(found("modality_gap") < 0.1, "both sides point everywhere");
    for metric in ["cosine_matched", "cosine_random", "cosine_gap"] {
        let row = row(&rows, "normal", metric).unwrap();
        let (low, high) = row.interval.unwrap();
        assert!(low <= row.value && row.value <= high && row.n == Some(90), "{metric}");
    }
    assert_eq!(rows.len(), 7);

    let bins = CosineBin::read(&bench.out("cosines")).unwrap();
    assert_eq!(bins.len(), N_BINS);
    assert_eq!((bins[0].low, bins[20].low, bins[39].high), (-1.0, 0.0, 1.0));
    assert!(bins.windows(2).all(|pair| pair[0].high == pair[1].low));
    for of in [|bin: &CosineBin| bin.matched, |bin: &CosineBin| bin.random] {
        assert_eq!(bins.iter().map(of).sum::<u64>(), 90);
    }
    let middle = |bin: &CosineBin| f64::midpoint(bin.low, bin.high);
    let mean = bins.iter().map(|bin| middle(bin) * bin.matched as f64).sum::<f64>() / 90.0;
    assert!((mean - found("cosine_matched")).abs() < 0.025, "as far as bars go");
}

/// Each performance has a direction of its own, the same on both sides: a matched pair has cosine 1, and one with a window
/// of another performance has 0, so no partner is of its own.
#[test]
fn partners_are_of_other_performances() {
    let sizes = [3, 10, 1, 6];
    let direction = |p: usize| (0..4).map(move |j| f64::from(u8::from(j == p)));
    let values: Vec<f64> =
        sizes.iter().enumerate().flat_map(|(p, &n)| (0..n).flat_map(move |_| direction(p))).collect();
    let sides = Matrix::new(20, 4, values);
    for seed in 0..10 {
        let mut bench = bench(&sizes, &sides, &sides);
        let rows = bench.run(&Cosines { seed, ..stage() });
        assert_eq!(value(&rows, "normal", "cosine_matched"), 1.0);
        assert_eq!(value(&rows, "normal", "cosine_random"), 0.0);
        assert_eq!(value(&rows, "normal", "cosine_auc"), 1.0);
        assert_eq!(value(&rows, "normal", "cosine_matched_sd"), 0.0);
        let bins = CosineBin::read(&bench.out("cosines")).unwrap();
        assert_eq!((bins[39].matched, bins[20].random), (20, 20), "1 is in the last bar, 0 in the one above");
    }
}

/// Opposite sides: the gap of the sides is the distance of their means.
#[test]
fn the_modality_gap_is_that_of_the_means() {
    let audio = Matrix::new(4, 2, [5.0, 0.0].repeat(4));
    let midi = Matrix::new(4, 2, [0.0, 0.1].repeat(4));
    let rows = bench(&[2, 2], &audio, &midi).run(&stage());
    assert!((value(&rows, "normal", "modality_gap") - 2.0_f64.sqrt()).abs() < 1e-6);
    assert_eq!(value(&rows, "normal", "cosine_auc"), 0.5, "all equal");
}

#[test]
fn zeros_resemble_nothing() {
    let rows = bench(&[3, 3], &matrix(6, 3, 1), &Matrix::new(6, 3, vec![0.0; 18])).run(&stage());
    assert_eq!(value(&rows, "normal", "cosine_matched"), 0.0);
}

#[test]
fn what_cannot_be_compared_is_an_error() {
    let x = matrix(6, 3, 1);
    assert!(bench(&[6, 0], &x, &x).error(&stage()).contains("1 performances with windows"));
    assert!(bench(&[6, 1], &x, &x).error(&stage()).contains("6 windows of split `validation`, the index of 7"));
    assert!(bench(&[3, 3], &x, &x).error(&Cosines { level: 0.0, ..stage() }).contains("level is 0"));
    let infinite = x.map(|j, value| if j == 1 { f64::INFINITY } else { value });
    assert!(bench(&[3, 3], &infinite, &x).error(&stage()).contains("audio embedding of window 0"));
    let mut bench = bench(&[3, 3], &x, &x);
    assert!(bench.cancelled(&stage()));
    if let Some(hit_stage::Opened::Tree(tree)) = bench.cx.inputs.get_mut("embeddings") {
        let file = tree.0.values().next().unwrap().clone();
        tree.0.insert("e005.safetensors".to_owned(), file);
    }
    assert!(bench.error(&stage()).contains("one epoch are expected, 2 were given"));
}

proptest! {
    /// Against the definition; whole numbers make equal values.
    #[test]
    fn auc_counts_pairs(above in proptest::collection::vec(-3i8..4, 1..12), below in proptest::collection::vec(-3i8..4, 1..12)) {
        let (above, below): (Vec<f64>, Vec<f64>) =
            (above.into_iter().map(f64::from).collect(), below.into_iter().map(f64::from).collect());
        let pair = |a: f64, b: f64| if a > b { 1.0 } else if a == b { 0.5 } else { 0.0 };
        let won: f64 = above.iter().map(|&a| below.iter().map(|&b| pair(a, b)).sum::<f64>()).sum();
        let expected = won / (above.len() * below.len()) as f64;
        prop_assert!((auc(&above, &below) - expected).abs() < 1e-12);
        prop_assert!((auc(&below, &above) - (1.0 - expected)).abs() < 1e-12);
    }
}

#[test]
fn auc_of_nothing_is_a_half() {
    assert_eq!((auc(&[], &[1.0]), auc(&[1.0], &[])), (0.5, 0.5));
}
