//! The stage of the planes.

use hit_schema::Projected;

use super::support::{Bench, clusters, matrix, plus, run, value};
use crate::{Matrix, Projection};

fn stage() -> Projection {
    Projection {
        stage: "t10".to_owned(),
        run: run(),
        windows: 60,
        seed: 42,
        perplexity: 30.0,
        iterations: 400,
        neighbours: 15,
        min_dist: 0.1,
    }
}

/// Pairs that lie near each other, at other distances from 0.
fn bench(n_windows: &[usize]) -> Bench {
    let mut bench = Bench::new();
    let n = bench.split(n_windows).n_windows();
    let audio = clusters().take(&(0..n).collect::<Vec<_>>());
    let midi = plus(&audio, &matrix(n, 16, 5)).map(|_, value| 7.0 * value);
    bench.embeddings(&audio, &midi);
    bench
}

#[test]
fn windows_are_drawn_and_shown_from_both_sides() {
    let mut bench = bench(&[30, 0, 50, 20]);
    let rows = bench.run(&stage());
    for method in ["tsne", "umap"] {
        let trust = value(&rows, "normal", &format!("trust_{method}"));
        assert!(trust > 0.85 && trust <= 1.0, "{method}: {trust}");
    }
    assert_eq!((rows.len(), rows[0].n), (2, Some(120)));

    let shown = Projected::read(&bench.out("projection")).unwrap();
    assert_eq!(shown.len(), 2 * 2 * 60);
    let (tsne, umap) = shown.split_at(120);
    for (plane, method) in [(tsne, "tsne"), (umap, "umap")] {
        assert!(plane.iter().all(|row| row.method == method));
        for pair in plane.chunks(2) {
            assert_eq!(pair[0].window, pair[1].window);
            assert_eq!((pair[0].modality.as_str(), pair[1].modality.as_str()), ("audio", "midi"));
            let performance = match pair[0].window {
                0..30 => "p00",
                30..80 => "p02",
                _ => "p03",
            };
            assert_eq!(pair[0].performance, performance);
        }
        let windows: Vec<usize> = plane.iter().step_by(2).map(|row| row.window).collect();
        assert!(windows.is_sorted_by(|a, b| a < b) && windows[59] < 100);
        assert_eq!(windows.iter().filter(|&&window| window < 59).count(), windows.partition_point(|&w| w < 59));
        // Matched pairs are near each other in the plane: nearer than a pair by chance.
        let apart = |a: &Projected, b: &Projected| ((a.x - b.x).powi(2) + (a.y - b.y).powi(2)).sqrt();
        let matched: f64 = plane.chunks(2).map(|pair| apart(&pair[0], &pair[1])).sum();
        let other: f64 = plane.chunks(2).zip(plane.chunks(2).skip(1)).map(|(a, b)| apart(&a[0], &b[1])).sum();
        assert!(matched < other / 2.0, "{method}: {matched} and {other}");
    }
}

#[test]
fn the_same_bytes_come_on_any_number_of_threads() {
    let mut bench = bench(&[30, 30]);
    let stage = Projection { iterations: 100, ..stage() };
    let files = |bench: &mut Bench, threads: usize| {
        bench.cx.threads = threads;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| bench.run(&stage));
        ["projection", "measurements"].map(|output| fs_err::read(bench.out(output)).unwrap())
    };
    let one = files(&mut bench, 1);
    assert!(files(&mut bench, 2) == one, "two threads");
    let other = Projection { seed: 43, ..stage.clone() };
    bench.run(&other);
    assert_ne!(fs_err::read(bench.out("projection")).unwrap(), one[0]);
}

/// What is asked for and not there is lowered; five windows still make a plane.
#[test]
fn small_splits_are_shown_whole() {
    let mut bench = bench(&[3, 2]);
    let rows = bench.run(&stage());
    assert_eq!(rows[0].n, Some(10));
    assert_eq!(Projected::read(&bench.out("projection")).unwrap().len(), 20);
}

#[test]
fn what_cannot_be_shown_is_an_error() {
    let mut bench = bench(&[30, 30]);
    let fields: [(&str, Projection); 6] = [
        ("perplexity is 1", Projection { perplexity: 1.0, ..stage() }),
        ("perplexity is NaN", Projection { perplexity: f64::NAN, ..stage() }),
        ("iterations is 0", Projection { iterations: 0, ..stage() }),
        ("neighbours is 1", Projection { neighbours: 1, ..stage() }),
        ("smallest distance of -1", Projection { min_dist: -1.0, iterations: 10, ..stage() }),
        ("has 4 windows to show", Projection { windows: 4, ..stage() }),
    ];
    for (why, stage) in fields {
        let error = bench.error(&stage);
        assert!(error.contains(why), "{error}");
    }
    bench.embeddings(&Matrix::new(60, 4, vec![1.0; 240]), &Matrix::new(60, 4, vec![2.0; 240]));
    assert!(bench.error(&stage()).contains("collapsed"));
    let mut values = vec![1.0; 240];
    values[130] = f64::NAN;
    bench.embeddings(&matrix(60, 4, 1), &Matrix::new(60, 4, values));
    assert!(bench.error(&stage()).contains("midi embedding of window 32 is not finite"));
    assert!(!bench.out("projection").exists());
    assert!(self::bench(&[30, 30]).cancelled(&stage()));
}

/// Half of the embeddings zeros: they have no direction, and a place all the same.
#[test]
fn embeddings_of_zeros_have_a_place() {
    let mut bench = bench(&[30, 30]);
    bench.embeddings(&matrix(60, 4, 1), &Matrix::new(60, 4, vec![0.0; 240]));
    assert_eq!(bench.run(&Projection { iterations: 50, ..stage() }).len(), 2);
}
