//! t-SNE, UMAP and trustworthiness.

use proptest::prelude::*;

use super::support::{any_matrix, assert_close, clusters, golden, matrix, plus};
use crate::{Matrix, Place, Points, trustworthiness, tsne, umap};

fn places(plane: &Matrix) -> Vec<Place> {
    plane.iter().map(|row| [row[0], row[1]]).collect()
}

#[test]
fn trustworthiness_is_that_of_scikit_learn() {
    let x = matrix(40, 4, 21);
    let shadow = Matrix::new(40, 2, x.iter().flat_map(|row| [2.0 * row[0], 2.0 * row[1]]).collect());
    let plane = places(&plus(&matrix(40, 2, 22), &shadow));
    let points = Points::of(x);
    for (k, theirs) in golden().trustworthiness {
        assert_close(&[trustworthiness(&points, &plane, k.parse().unwrap()).unwrap()], &[theirs], 1e-12);
    }
}

proptest! {
    /// A plane is kept whole by itself, and whatever is done to it that keeps the order of distances.
    #[test]
    fn a_plane_keeps_itself(x in any_matrix(13, 2), scale in 0.1f64..10.0, k in 1usize..6) {
        let points = Points::of(x.clone());
        let turned: Vec<Place> = x.iter().map(|row| [scale * row[1] + 3.0, -scale * row[0]]).collect();
        let found = trustworthiness(&points, &places(&x), k).unwrap();
        prop_assert_eq!(found, 1.0);
        prop_assert!(trustworthiness(&points, &turned, k).unwrap() > 1.0 - 1e-9);
    }

    /// All others are farther, and none is left out.
    #[test]
    fn nearest_points_are_nearest(x in any_matrix(17, 3), k in 0usize..20) {
        let points = Points::of(x);
        let (nearest, distances) = points.nearest(k);
        for (i, (near, distances)) in nearest.iter().zip(&distances).enumerate() {
            prop_assert_eq!(near.len(), k.min(16));
            prop_assert!(distances.is_sorted() && !near.contains(&i));
            let last = distances.last().copied().unwrap_or(f64::INFINITY);
            for j in (0..17).filter(|j| *j != i && !near.contains(j)) {
                prop_assert!(k == 0 || points.squared(i)[j].sqrt() >= last);
            }
        }
    }
}

/// As near as openTSNE and umap-learn come on the same points, to 0.02.
#[test]
fn planes_keep_neighbours_as_the_usual_programs_do() {
    let points = Points::of(clusters());
    let theirs = golden().planes;
    for (name, plane, theirs) in [
        ("tsne", tsne(&points, 30.0, 1000, 1).unwrap(), theirs.tsne),
        ("umap", umap(&points, 15, 0.1, 1).unwrap(), theirs.umap),
    ] {
        let ours = trustworthiness(&points, &plane, 15).unwrap();
        assert!(ours >= theirs - 0.02, "{name}: {ours}, theirs {theirs}");
        assert!(ours <= 1.0);
    }
}

/// Every bit is the same whatever pool the stage runs on, and whatever faer was told before.
#[test]
fn threads_change_no_bit() {
    let points = Points::of(clusters().take(&(0..300).collect::<Vec<_>>()));
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        faer::set_global_parallelism(faer::Par::rayon(threads));
        pool.install(|| [tsne(&points, 20.0, 300, 7).unwrap(), umap(&points, 15, 0.1, 7).unwrap()])
    };
    let bits =
        |planes: [Vec<Place>; 2]| planes.map(|plane| plane.concat().into_iter().map(f64::to_bits).collect::<Vec<_>>());
    let one = bits(on(1));
    for threads in [2, 3] {
        assert_eq!(bits(on(threads)), one, "{threads} threads");
    }
}

#[test]
fn seeds_move_umap() {
    let points = Points::of(clusters().take(&(0..100).collect::<Vec<_>>()));
    assert_ne!(umap(&points, 10, 0.1, 1).unwrap(), umap(&points, 10, 0.1, 2).unwrap());
}

#[test]
fn few_points_and_doubled_ones_have_a_plane() {
    for n in [4, 5, 10] {
        let points = Points::of(matrix(n, 3, 1));
        assert_eq!(tsne(&points, (n - 1) as f64 / 3.0 + 0.2, 50, 1).unwrap().len(), n);
        assert_eq!(umap(&points, n - 1, 0.1, 1).unwrap().len(), n);
    }
    // Each point four times, and half of the points at one place.
    let fourfold: Vec<usize> = (0..80).map(|i| i / 4).collect();
    let crowded: Vec<usize> = (0..80).map(|i| if i < 40 { 0 } else { i }).collect();
    for rows in [fourfold, crowded] {
        let points = Points::of(matrix(80, 6, 2).take(&rows));
        assert_eq!(tsne(&points, 20.0, 100, 1).unwrap().len(), 80);
        assert_eq!(umap(&points, 15, 0.1, 1).unwrap().len(), 80);
    }
}

#[test]
fn what_has_no_plane_is_an_error() {
    let good = matrix(12, 3, 1);
    let mut values = good.values().to_vec();
    values[7] = f64::NAN;
    let cases = [
        (matrix(3, 3, 1), "at least 4"),
        (matrix(12, 1, 1), "1 dimensions"),
        (Matrix::new(12, 3, values), "point 2 is not finite"),
        (Matrix::new(12, 3, vec![0.5; 36]), "collapsed"),
    ];
    for (x, why) in cases {
        let points = Points::of(x);
        for error in [tsne(&points, 3.0, 10, 1).unwrap_err(), umap(&points, 3, 0.1, 1).unwrap_err()] {
            assert!(error.to_string().contains(why), "{error}");
        }
    }
    let points = Points::of(good);
    for perplexity in [1.0, 11.0, f64::NAN] {
        assert!(tsne(&points, perplexity, 10, 1).unwrap_err().to_string().contains("above 1 and below 11"));
    }
    for (neighbours, min_dist) in [(1, 0.1), (12, 0.1), (5, -0.1), (5, f64::NAN)] {
        assert!(umap(&points, neighbours, min_dist, 1).is_err());
    }
    let plane = vec![[0.0, 1.0]; 12];
    for k in [0, 6, 100] {
        assert!(trustworthiness(&points, &plane, k).unwrap_err().to_string().contains("fewer than half"));
    }
    assert!(trustworthiness(&points, &plane[1..], 2).is_err());
}
