//! The stage that compares layers.

use hit_schema::{Activations, Layer};

use super::support::{Bench, matrix, plus, related, row, run, single, value};
use crate::{Alignment, Matrix, debiased_cka, linear_cka, rsa};

fn stage() -> Alignment {
    Alignment { stage: "t06".to_owned(), run: run(), seed: 42 }
}

/// Layers of both sides; the second MIDI layer follows the audio. Means over padding follow nothing.
fn layers(n: usize) -> Vec<(&'static str, Matrix)> {
    let audio = matrix(n, 8, 1);
    vec![
        ("audio.0", audio.clone()),
        ("audio.1", related(8, 3, &audio)),
        ("midi.0", matrix(n, 6, 5)),
        ("midi.0.padded", matrix(n, 6, 6)),
        ("midi.1", plus(&audio.times(&matrix(8, 6, 7)), &matrix(n, 6, 8).map(|_, value| 0.1 * value))),
        ("midi.1.padded", matrix(n, 6, 9)),
    ]
}

fn give(bench: &mut Bench, input: &str, n: usize, layers: &[(&str, Matrix)]) {
    let layer =
        |(name, values): &(&str, Matrix)| ((*name).to_owned(), Layer { dims: values.cols(), values: single(values) });
    let activations = Activations {
        split: "validation".to_owned(),
        windows: (0..n as u64).collect(),
        layers: layers.iter().map(layer).collect(),
    };
    let path = bench.place(input);
    activations.write(&path).unwrap();
    bench.file(input, &path);
}

fn bench(n: usize, layers: &[(&str, Matrix)]) -> Bench {
    let mut bench = Bench::new();
    give(&mut bench, "sampled", n, layers);
    give(&mut bench, "published", n, layers);
    bench
}

#[test]
fn cells_and_means_are_those_of_the_layers() {
    let layers = layers(60);
    let rows = bench(60, &layers).run(&stage());
    // Six unordered pairs of four layers, two metrics, and five numbers over the four cells of audio and MIDI.
    assert_eq!(rows.len(), 2 * (6 * 2 + 5));
    let stored = |name: &str| {
        let (_, values) = layers.iter().find(|layer| layer.0 == name).unwrap();
        Matrix::from_f32(values.cols(), &single(values))
    };
    let cell = |a: &str, b: &str| (stored(a), stored(b));
    let close = |ours: f64, theirs: Option<f64>| assert!((ours - theirs.unwrap()).abs() < 1e-12);
    for (input, midi) in [("sampled", ""), ("published", ".padded")] {
        let mut sums = [0.0; 3];
        for a in ["audio.0", "audio.1"] {
            for b in ["midi.0", "midi.1"] {
                let (x, y) = cell(a, &format!("{b}{midi}"));
                let condition = format!("{input}/{a}~{b}");
                close(value(&rows, &condition, "cka"), linear_cka(&x, &y));
                close(value(&rows, &condition, "rsa"), rsa(&x, &y));
                let all = [linear_cka(&x, &y), debiased_cka(&x, &y), rsa(&x, &y)];
                sums.iter_mut().zip(all).for_each(|(sum, one)| *sum += one.unwrap());
            }
        }
        for (metric, sum) in ["cka_mean", "cka_debiased_mean", "rsa_mean"].into_iter().zip(sums) {
            close(value(&rows, input, metric), Some(sum / 4.0));
        }
        let (x, y) = cell("audio.0", "audio.1");
        close(value(&rows, &format!("{input}/audio.0~audio.1"), "cka"), linear_cka(&x, &y));
        assert!(row(&rows, &format!("{input}/midi.0~midi.1"), "rsa").is_some());
        assert_eq!(row(&rows, input, "cka_mean").unwrap().n, Some(60));
    }
    let null = value(&rows, "sampled", "cka_null_mean");
    assert!(value(&rows, "sampled", "cka_max") > 0.5, "one layer follows the audio");
    assert!(value(&rows, "sampled", "cka_mean") > 1.3 * null, "on the whole they are more alike than by chance");
    assert!(value(&rows, "published", "cka_max") < 2.0 * null, "but not where padding drowns it");
}

/// A layer that says nothing leaves its cells out, and the means over them.
#[test]
fn layers_without_spread_leave_gaps() {
    let mut layers = layers(20);
    layers[0].1 = Matrix::new(20, 8, vec![0.3; 160]);
    let rows = bench(20, &layers).run(&stage());
    assert!(row(&rows, "sampled/audio.0~midi.0", "cka").is_none());
    assert!(row(&rows, "sampled", "cka_mean").is_none());
    assert!(row(&rows, "sampled/audio.1~midi.1", "cka").is_some());
}

#[test]
fn seeds_draw_the_other_order_only() {
    let layers = layers(30);
    let (first, other) = (bench(30, &layers).run(&stage()), bench(30, &layers).run(&Alignment { seed: 43, ..stage() }));
    let moved = first.iter().zip(&other).filter(|(a, b)| a != b);
    assert!(moved.clone().count() > 0);
    assert!(moved.into_iter().all(|(a, _)| a.metric == "cka_null_mean"));
}

#[test]
fn layers_that_do_not_fit_are_an_error() {
    let good = layers(20);
    let mut broken = good.clone();
    let mut values = broken[4].1.values().to_vec();
    values[3] = f64::INFINITY;
    broken[4].1 = Matrix::new(20, 6, values);
    let without = |name: &str| good.iter().filter(|layer| layer.0 != name).cloned().collect::<Vec<_>>();
    let strange = [good.clone(), vec![("tower.0", matrix(20, 3, 1))]].concat();
    for (layers, why) in [
        (broken, "layer `midi.1` has values that are not finite"),
        (without("midi.1.padded"), "input `published`: it has no layer `midi.1.padded`"),
        (good[2..].to_vec(), "no layer `audio.0`"),
        (good[..2].to_vec(), "no layer `midi.0`"),
        (strange, "`tower.0` is of no encoder"),
    ] {
        let error = bench(20, &layers).error(&stage());
        assert!(error.contains(why), "{error}");
    }
    let few: Vec<_> = good.iter().map(|(name, values)| (*name, values.take(&[0, 1, 2]))).collect();
    assert!(bench(3, &few).error(&stage()).contains("3 windows"));
    let mut stopped = bench(20, &good);
    assert!(stopped.cancelled(&stage()) && !stopped.out("measurements").exists());
    let mut half = bench(20, &good);
    half.cx.inputs.remove("published");
    assert!(half.error(&stage()).contains("`published`"));
}
