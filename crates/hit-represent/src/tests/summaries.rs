//! The stage of the correlations.

use super::support::{Bench, matrix, row, run, uniform, value};
use crate::{Matrix, Summaries, pearson};

fn stage() -> Summaries {
    Summaries { stage: "t08".to_owned(), run: run() }
}

const N: usize = 50;

/// A descriptor of two dims: the first is centred in every window and swings as far as the first audio dim says, the second
/// lies where the second says. Another of notes does not vary.
fn bench() -> Bench {
    let mut bench = Bench::new();
    let audio = Matrix::new(N, 3, matrix(N, 3, 1).values().iter().map(|value| value + 1.0).collect());
    let midi = matrix(N, 3, 2);
    bench.embeddings(&audio, &midi);
    let window = |w: usize| {
        let (swing, place) = (audio.row(w)[0] as f32, audio.row(w)[1] as f32);
        [[swing, place], [-swing, place], [swing, place], [-swing, place]].concat()
    };
    bench.features("features/a4", 2, false, (0..N).map(window));
    bench.features("features/d4", 1, true, (0..N).map(|w| vec![0.25; 1 + w % 3]));
    bench
}

#[test]
fn each_summary_sees_what_it_can() {
    let rows = bench().run(&stage());
    let found = |dim: usize, metric: &str| row(&rows, &format!("summary.a4.{dim}"), metric).map(|row| row.value);
    assert!(found(0, "abs_r_max").unwrap() > 0.999_999);
    assert_eq!(found(0, "abs_r_max_time_mean"), None, "the plain mean is 0 everywhere");
    assert!(found(1, "abs_r_max").unwrap() > 0.999_999);
    assert!((found(1, "abs_r_max_time_mean").unwrap() - found(1, "abs_r_max").unwrap()).abs() < 1e-12);
    assert!(found(1, "abs_r_mean").unwrap() < 0.6, "one of three dims follows");
    assert!(rows.iter().all(|row| row.n == Some(50) && row.condition.starts_with("summary.a4.")), "d4 does not vary");
    assert_eq!(rows.len(), 2 + 4);
}

/// Against the definition, for a descriptor of notes with another number of them in each window.
#[test]
fn correlations_are_those_of_the_definition() {
    let mut bench = bench();
    bench.cx.inputs.remove("features/a4");
    let windows: Vec<Vec<f32>> =
        (0..N).map(|w| uniform(1 + w % 4, 9 + w as u32).into_iter().map(|value| value as f32).collect()).collect();
    bench.features("features/d4", 1, true, windows.clone());
    let rows = bench.run(&stage());
    let mean = |of: fn(f64) -> f64| -> Vec<f64> {
        windows.iter().map(|w| w.iter().map(|&value| of(f64::from(value))).sum::<f64>() / w.len() as f64).collect()
    };
    let midi = matrix(N, 3, 2).map(|_, value| f64::from(value as f32));
    for (suffix, summary) in [("", mean(f64::abs)), ("_time_mean", mean(|value| value))] {
        let all: Vec<f64> = (0..3).map(|j| pearson(&summary, &midi.column(j)).unwrap().abs()).collect();
        let largest = all.iter().copied().fold(0.0, f64::max);
        assert!((value(&rows, "summary.d4.0", &format!("abs_r_max{suffix}")) - largest).abs() < 1e-12);
        let mean = all.iter().sum::<f64>() / 3.0;
        assert!((value(&rows, "summary.d4.0", &format!("abs_r_mean{suffix}")) - mean).abs() < 1e-12);
    }
}

/// Embedding dims that do not vary are left out; without any other there is no row. Windows without rows are left out.
#[test]
fn gaps_are_left_out() {
    let mut bench = bench();
    let still = Matrix::new(
        N,
        3,
        matrix(N, 3, 1).values().iter().enumerate().map(|(i, v)| if i % 3 == 0 { *v } else { 0.7 }).collect(),
    );
    bench.embeddings(&still, &Matrix::new(N, 3, vec![0.7; 3 * N]));
    bench.features("features/d4", 1, true, (0..N).map(|w| vec![w as f32]));
    bench.features("features/a4", 1, false, (0..N).map(|w| if w < 10 { vec![] } else { vec![w as f32] }));
    let rows = bench.run(&stage());
    assert!(rows.iter().all(|row| row.condition == "summary.a4.0" && row.n == Some(40)));
    assert_eq!(value(&rows, "summary.a4.0", "abs_r_max"), value(&rows, "summary.a4.0", "abs_r_mean"));
    bench.features("features/a4", 1, false, (0..N).map(|_| vec![]));
    assert!(bench.run(&stage()).is_empty());
}

#[test]
fn what_does_not_fit_is_an_error() {
    let mut bench = bench();
    bench.features("features/a4", 1, false, (0..N - 1).map(|_| vec![0.0]));
    assert!(bench.error(&stage()).contains("input `features/a4`: it has 49 windows"));
    bench.features("features/a4", 1, false, (0..N).map(|w| vec![if w == 3 { f32::NAN } else { 1.0 }]));
    assert!(bench.error(&stage()).contains("a value of window 3 is not finite"));
    assert!(bench.cancelled(&stage()));
    bench.cx.inputs.retain(|name, _| !name.starts_with("features/"));
    assert!(bench.error(&stage()).contains("no descriptor was given"));
}
