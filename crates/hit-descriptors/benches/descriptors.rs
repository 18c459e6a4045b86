//! Descriptors of one window at the size of the paper, measured as the peer `tests/golden/bench_librosa.py` measures its
//! own: median and least of 100 runs. `descriptors.sh` runs the two in turn and prints one table.
//!
//! Names as arguments choose what is measured. `--json` prints milliseconds: `{"a4": {"float64": [median, least]}, ..}`.

use std::collections::BTreeMap;
use std::f64::consts::PI;
use std::hint::black_box;
use std::time::Instant;

use hit_descriptors::{Compute, DESCRIPTORS, Stft, Variant};

/// Runs that are timed.
const RUNS: usize = 100;

/// Four seconds of a tone and noise.
fn audio() -> Vec<f32> {
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state) / f64::from(u32::MAX) - 0.5
    };
    let mut sample = |n: u32| (0.3 * libm::sin(2.0 * PI * 220.0 * f64::from(n) / 24_000.0) + 0.2 * noise()) as f32;
    (0..96_000).map(&mut sample).collect()
}

/// Median and least of the runs, ms.
fn milliseconds(mut work: impl FnMut()) -> [f64; 2] {
    work();
    let run = |()| {
        let start = Instant::now();
        work();
        1e3 * start.elapsed().as_secs_f64()
    };
    let mut times: Vec<f64> = std::iter::repeat_n((), RUNS).map(run).collect();
    times.sort_by(f64::total_cmp);
    [f64::midpoint(times[RUNS / 2 - 1], times[RUNS / 2]), times[0]]
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let names: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let chosen = |name: &str| names.is_empty() || names.iter().any(|chosen| *chosen == name);
    let mut stft = Stft::new();
    let audio = audio();
    let mut rows = Vec::new();
    // What librosa's `stft` gives: all frames, magnitudes one after the other.
    if chosen("stft") {
        let time = milliseconds(|| {
            let seen = |_: usize, magnitudes: &[f64]| {
                black_box(magnitudes);
            };
            stft.for_each_frame(black_box(&audio), seen).expect("the window can be described");
        });
        rows.push(("stft".to_owned(), time));
    }
    for descriptor in DESCRIPTORS {
        let Compute::Audio(compute) = descriptor.compute else { continue };
        for variant in [Variant::Reference, Variant::Paper] {
            let name = format!("{}{}", descriptor.id, if variant == Variant::Paper { " (paper)" } else { "" });
            if !chosen(&name) {
                continue;
            }
            let time = milliseconds(|| {
                black_box(compute(&mut stft, black_box(&audio), variant)).expect("the window can be described");
            });
            rows.push((name, time));
        }
    }
    if arguments.iter().any(|argument| argument == "--json") {
        let rows: BTreeMap<_, _> = rows.into_iter().map(|(name, time)| (name, [("float64", time)])).collect();
        let rows: BTreeMap<_, BTreeMap<_, _>> = rows.into_iter().map(|(name, time)| (name, time.into())).collect();
        println!("{}", serde_json::to_string(&rows).expect("numbers and names"));
        return;
    }
    for (name, [median, least]) in rows {
        println!("{name:12} {median:.3} ms a window (median of {RUNS}), least {least:.3}");
    }
}
