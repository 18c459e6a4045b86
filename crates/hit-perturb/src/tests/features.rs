//! What each condition makes of a feature block.

use proptest::prelude::*;

use super::support::{Bench, DIMS};
use crate::statistics::Moments;
use crate::{FeatureCondition, Padding};

/// Windows with `rows` rows each, every value another number.
fn distinct(rows: &[usize]) -> Vec<Vec<f32>> {
    let mut next = 0.0f32;
    let mut value = || {
        next += 1.0;
        next
    };
    rows.iter().map(|&n| (0..n * DIMS).map(|_| value()).collect()).collect()
}

/// Two performances of three and three windows, one of two, with one to three notes a window.
const ROWS: [usize; 8] = [2, 1, 3, 3, 1, 2, 2, 1];

fn notes() -> (Bench, Vec<Vec<f32>>) {
    let windows = distinct(&ROWS);
    (Bench::new(&[3, 3, 0, 2]).with_features("features", true, &windows), windows)
}

fn frames(n_windows: &[usize], rows: usize) -> (Bench, Vec<Vec<f32>>) {
    let windows = distinct(&vec![rows; n_windows.iter().sum()]);
    (Bench::new(n_windows).with_features("features", false, &windows), windows)
}

#[test]
fn zero_is_zero_in_every_row() {
    let (bench, windows) = notes();
    let zero = bench.perturbed(FeatureCondition::Zero {}, 1);
    assert!(zero.iter().flatten().all(|value| value.to_bits() == 0));
    assert_eq!(zero.iter().map(Vec::len).collect::<Vec<_>>(), windows.iter().map(Vec::len).collect::<Vec<_>>());
}

#[test]
fn one_value_of_every_row_changes() {
    let (bench, windows) = notes();
    let expected = |change: fn(f32) -> f32| -> Vec<Vec<f32>> {
        let value = |(i, &value): (usize, &f32)| if i % DIMS == 1 { change(value) } else { value };
        windows.iter().map(|window| window.iter().enumerate().map(value).collect()).collect()
    };
    assert_eq!(bench.perturbed(FeatureCondition::ZeroDim { dim: 1 }, 1), expected(|_| 0.0));
    let raised = bench.perturbed(FeatureCondition::Offset { dim: 1, epsilon: 0.1 }, 1);
    assert_eq!(raised, expected(|value| (f64::from(value) + 0.1) as f32));
}

/// Rows of a longer window are cut to the window's own number, those of a shorter one filled up with zeros.
fn fitted(window: &[f32], n: usize) -> Vec<f32> {
    (0..n).map(|i| window.get(i).copied().unwrap_or(0.0)).collect()
}

/// For each window the one that its rows come from; every value of the input is another one, so the first tells.
fn sources(windows: &[Vec<f32>], perturbed: &[Vec<f32>]) -> Vec<usize> {
    let source = |rows: &Vec<f32>| windows.iter().position(|window| window[0] == rows[0]).unwrap();
    let sources: Vec<usize> = perturbed.iter().map(source).collect();
    for (w, &from) in sources.iter().enumerate() {
        assert_eq!(perturbed[w], fitted(&windows[from], windows[w].len()), "window {w} from {from}");
    }
    let mut sorted = sources.clone();
    sorted.sort_unstable();
    assert!(sorted.into_iter().eq(0..windows.len()), "{sources:?} is no permutation");
    sources
}

#[test]
fn shuffled_rows_fit_the_window_they_come_to() {
    let (bench, windows) = notes();
    let performance = |w: usize| [0, 0, 0, 1, 1, 1, 3, 3][w];
    let mut moved = 0;
    for seed in 0..20 {
        let local = sources(&windows, &bench.perturbed(FeatureCondition::ShuffleLocal { batch_size: 5 }, seed));
        assert!(local.iter().enumerate().all(|(w, from)| w / 5 == from / 5), "{local:?}");
        moved += local.iter().enumerate().filter(|&(w, &from)| w != from).count();
        let global = sources(&windows, &bench.perturbed(FeatureCondition::ShuffleGlobal {}, seed));
        assert!(global.iter().enumerate().all(|(w, &from)| performance(w) != performance(from)), "{global:?}");
        let shuffled = sources(&windows, &bench.perturbed(FeatureCondition::Shuffled {}, seed));
        assert!(shuffled.iter().enumerate().all(|(w, &from)| w != from), "{shuffled:?}");
    }
    // A random permutation leaves one of a batch where it was, on average: 6 of 8 windows move.
    assert!((90..150).contains(&moved), "{moved}");
}

/// `[mean, sample sd]`, by the textbook.
fn textbook(values: &[f64]) -> [f64; 2] {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    [mean, (squares / (n - 1.0)).sqrt()]
}

/// Mean and deviation of what was drawn are those asked for, within five standard errors.
fn assert_drawn(values: &[f64], [mean, sd]: [f64; 2]) {
    let n = values.len() as f64;
    let [found_mean, found_sd] = textbook(values);
    assert!((found_mean - mean).abs() < 5.0 * sd / n.sqrt(), "mean {found_mean}, expected {mean}");
    assert!((found_sd / sd - 1.0).abs() < 5.0 * (0.5 / n).sqrt(), "sd {found_sd}, expected {sd}");
}

fn flat(windows: &[Vec<f32>]) -> Vec<f64> {
    windows.iter().flatten().map(|&value| f64::from(value)).collect()
}

/// One mean and one deviation for all values, of the first batches alone.
#[test]
fn noise_has_the_statistics_of_the_first_batches() {
    let (bench, windows) = frames(&[30, 30], 40);
    for padding in [Padding::LeftOut, Padding::Counted] {
        let noise = bench.perturbed(FeatureCondition::Noise { batches: 3, batch_size: 4, padding }, 5);
        // The first 12 windows hold 1..=960, the whole split 1..=4800.
        assert_drawn(&flat(&noise), textbook(&flat(&windows[..12])));
        let columns = |dim| flat(&noise).into_iter().skip(dim).step_by(DIMS).collect::<Vec<_>>();
        assert_drawn(&columns(0), textbook(&flat(&windows[..12])));
        assert_ne!(noise[0], noise[1]);
    }
    // More batches than there are: all windows.
    let padding = Padding::LeftOut;
    let noise = bench.perturbed(FeatureCondition::Noise { batches: 999, batch_size: 16, padding }, 5);
    assert_drawn(&flat(&noise), textbook(&flat(&windows)));
}

/// The published noise knows no columns: values of 0 and of 100 become values around 50.
#[test]
fn noise_has_one_mean_for_all_columns() {
    let windows = vec![[0.0f32, 100.0].repeat(40); 60];
    let bench = Bench::new(&[30, 30]).with_features("features", false, &windows);
    let noise =
        flat(&bench.perturbed(FeatureCondition::Noise { batches: 9, batch_size: 9, padding: Padding::LeftOut }, 5));
    for dim in 0..DIMS {
        let column: Vec<f64> = noise.iter().copied().skip(dim).step_by(DIMS).collect();
        assert_drawn(&column, textbook(&flat(&windows)));
    }
}

/// Padding is what fills a batch up to its longest window, and draws mean and deviation towards zero.
#[test]
fn padding_counts_only_if_asked_for() {
    let rows: Vec<usize> = (0..240).map(|w| if w % 4 == 0 { 40 } else { 10 }).collect();
    let windows: Vec<Vec<f32>> =
        distinct(&rows).into_iter().map(|window| window.iter().map(|v| 5.0 + (v % 7.0)).collect()).collect();
    let bench = Bench::new(&[120, 120]).with_features("features", true, &windows);
    let noise = |padding| bench.perturbed(FeatureCondition::Noise { batches: 30, batch_size: 4, padding }, 6);
    assert_drawn(&flat(&noise(Padding::LeftOut)), textbook(&flat(&windows[..120])));
    let padded: Vec<Vec<f32>> = windows[..120].iter().map(|window| fitted(window, 40 * DIMS)).collect();
    assert_drawn(&flat(&noise(Padding::Counted)), textbook(&flat(&padded)));
    assert!(textbook(&flat(&padded))[0] < 0.5 * textbook(&flat(&windows[..120]))[0]);
}

/// The control of test 02: each value of a row has its own mean and deviation, those of the training split.
#[test]
fn random_controls_have_the_statistics_of_training() {
    let (bench, windows) = frames(&[60, 60], 40);
    let train: Vec<Vec<f32>> = windows
        .iter()
        .map(|window| window.chunks(DIMS).flat_map(|row| [row[0] % 11.0, row[1] % 3.0 - 9.0]).collect())
        .collect();
    let bench = bench.with_features("statistics", false, &train);
    let condition = FeatureCondition::Random { batches: 50, batch_size: 16, padding: Padding::LeftOut };
    let random = bench.perturbed(condition, 8);
    for dim in 0..DIMS {
        let column = |windows: &[Vec<f32>]| flat(windows).into_iter().skip(dim).step_by(DIMS).collect::<Vec<_>>();
        assert_drawn(&column(&random), textbook(&column(&train)));
    }
    // Few batches are a sample of the training windows, not its beginning: here the beginning is one window of zeros.
    let mut rare = vec![vec![0.0; 40 * DIMS]; 120];
    rare[1..].fill(vec![1.0; 40 * DIMS]);
    let bench = bench.with_features("statistics", false, &rare);
    let first = FeatureCondition::Random { batches: 1, batch_size: 1, padding: Padding::LeftOut };
    let ones = (0..10).filter(|&seed| bench.perturbed(first, seed)[0][0] == 1.0).count();
    assert!(ones >= 8, "{ones}");
}

/// Noise belongs to seed, descriptor, performance and window: another performance in the split moves nothing.
#[test]
fn noise_of_a_window_is_its_own() {
    let condition = FeatureCondition::Noise { batches: 1, batch_size: 2, padding: Padding::LeftOut };
    let (bench, _) = frames(&[2, 3], 4);
    let noise = bench.perturbed(condition, 1);
    assert_eq!(noise, bench.perturbed(condition, 1));
    let other = bench.perturbed(condition, 2);
    assert!(noise.iter().flatten().zip(other.iter().flatten()).all(|(a, b)| a != b));
    let (longer, _) = frames(&[2, 3, 9], 4);
    assert_eq!(longer.perturbed(condition, 1)[..5], noise[..]);
    let (_, windows) = frames(&[2, 3], 4);
    let of_notes = Bench::new(&[2, 3]).with_features("features", true, &windows).perturbed(condition, 1);
    assert!(noise.iter().flatten().zip(of_notes.iter().flatten()).all(|(a, b)| a != b));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn moments_are_those_of_the_textbook(
        values in proptest::collection::vec(-1e3..1e3f64, 2..60),
        far in -1e6..1e6f64,
    ) {
        let values: Vec<f64> = values.iter().map(|value| value + far).collect();
        let mut moments = Moments::default();
        for &value in &values {
            moments.push(value);
        }
        let [mean, sd] = textbook(&values);
        prop_assert_eq!(moments.n, values.len() as u64);
        prop_assert!((moments.mean - mean).abs() < 1e-8, "{} {}", moments.mean, mean);
        prop_assert!((moments.sd() - sd).abs() < 1e-7 * sd.max(1.0), "{} {}", moments.sd(), sd);
    }

    /// Whatever the condition: as many windows, as many rows, the same description, equal bytes for equal seeds, and
    /// the same bytes with one and with four threads.
    #[test]
    fn shapes_stay_and_equal_seeds_give_equal_bytes(
        seed: u64,
        rows in proptest::collection::vec(1usize..5, 4..20),
        batch_size in 2usize..6,
    ) {
        let windows = distinct(&rows);
        let half = rows.len() / 2;
        let bench = Bench::new(&[half, rows.len() - half - half % 2, half % 2]);
        let bench = bench.with_features("features", true, &windows).with_features("statistics", true, &windows);
        let padding = Padding::Counted;
        for condition in [
            FeatureCondition::Zero {},
            FeatureCondition::Noise { batches: 2, batch_size, padding },
            FeatureCondition::ShuffleLocal { batch_size },
            FeatureCondition::Shuffled {},
            FeatureCondition::Offset { dim: 0, epsilon: -0.5 },
            FeatureCondition::Random { batches: 2, batch_size, padding },
        ] {
            let stage = crate::PerturbFeatures { condition, seed };
            let (one, four) = (bench.run(&stage, 1).unwrap(), bench.run(&stage, 4).unwrap());
            prop_assert_eq!(one.bytes(), four.bytes());
            let shape = |windows: &[Vec<f32>]| windows.iter().map(Vec::len).collect::<Vec<_>>();
            prop_assert_eq!(shape(&one.windows()), shape(&windows));
        }
    }
}
