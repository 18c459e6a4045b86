//! t-SNE and UMAP, the same bytes for any number of threads.

use faer::Par;
use manifolds_rs::prelude::{ManifoldsError, TsneOptimParams, UmapOptimParams};
use manifolds_rs::{TsneParams, UmapParams};

use crate::{Error, Points};

/// Where a point lies in the plane.
pub type Place = [f64; 2];

/// Share of the iterations of t-SNE in which attraction is exaggerated: 250 of 1,000.
const EXAGGERATED: f64 = 0.25;
/// How much it is.
const EXAGGERATION: f64 = 12.0;
/// Points at which a box of the grid of t-SNE is interpolated, along each side.
const INTERPOLATION_POINTS: usize = 3;
/// Passes over the edges of UMAP: what umap-learn does up to 10,000 points.
const UMAP_EPOCHS: usize = 500;
/// Points that are not drawn together, for each that is.
const NEGATIVES: usize = 5;

/// t-SNE to the plane (spec 10, test 10).
///
/// Starts from the two principal components; attraction is exaggerated twelvefold in the first quarter of the iterations;
/// repulsion is interpolated on a grid (FIt-SNE). Neighbours are exact.
///
/// # Shapes
/// Returns `[n]`.
/// # Errors
/// [`Error::Plane`] with fewer than 4 points or 2 dimensions, for points that are not finite or all the same, unless
/// 1 < `perplexity` < number of other points, and where the optimisation breaks down.
pub fn tsne(points: &Points, perplexity: f64, iterations: usize, seed: u64) -> Result<Vec<Place>, Error> {
    let wrong = |what: String| Error::Plane { method: "tsne", points: points.n(), what };
    check(points).map_err(wrong)?;
    let others = points.n() - 1;
    if !(perplexity > 1.0 && perplexity < others as f64) {
        return Err(wrong(format!("a perplexity of {perplexity}; above 1 and below {others} is needed")));
    }
    let k = ((3.0 * perplexity).ceil() as usize).min(others);
    let params = TsneParams {
        perplexity,
        randomised_init: false,
        optim_params: TsneOptimParams {
            n_epochs: iterations,
            early_exag_iter: (EXAGGERATED * iterations as f64) as usize,
            early_exag_factor: EXAGGERATION,
            n_interp_points: INTERPOLATION_POINTS,
            ..TsneOptimParams::default()
        },
        ..TsneParams::default()
    };
    let nearest = points.nearest(k);
    let run = || manifolds_rs::tsne(points.matrix().view(), Some(nearest), &params, "fft", seed as usize, 0);
    places(by_one_thread(run), points.n()).map_err(wrong)
}

/// UMAP to the plane (spec 10, test 10).
///
/// Starts from the spectrum of the graph of neighbours; stochastic gradient descent, 500 passes, spread 1, 5 negatives.
/// Neighbours are exact, and a point is not its own (umap-learn counts it among them).
///
/// # Shapes
/// Returns `[n]`.
/// # Errors
/// As [`tsne`], unless 2 ≤ `neighbours` ≤ number of other points, and for a `min_dist` outside 0..3.
pub fn umap(points: &Points, neighbours: usize, min_dist: f64, seed: u64) -> Result<Vec<Place>, Error> {
    let wrong = |what: String| Error::Plane { method: "umap", points: points.n(), what };
    check(points).map_err(wrong)?;
    let others = points.n() - 1;
    if neighbours < 2 || neighbours > others {
        return Err(wrong(format!("{neighbours} neighbours; 2 to {others} are possible")));
    }
    if !(0.0..3.0).contains(&min_dist) {
        return Err(wrong(format!("a smallest distance of {min_dist}; it lies in 0..3")));
    }
    let optim_params = UmapOptimParams::from_min_dist_spread(
        min_dist,
        1.0,
        None,
        None,
        Some(UMAP_EPOCHS),
        Some(NEGATIVES),
        None,
        None,
        None,
    );
    let params = UmapParams { k: neighbours, optimiser: "sgd".to_owned(), optim_params, ..UmapParams::default() };
    let nearest = points.nearest(neighbours);
    let run = || manifolds_rs::umap(points.matrix().view(), Some(nearest), &params, seed as usize, 0);
    places(by_one_thread(run), points.n()).map_err(wrong)
}

/// Whether points can be brought to the plane, or why not.
fn check(points: &Points) -> Result<(), String> {
    let (n, dims) = (points.n(), points.matrix().cols());
    if n < 4 {
        return Err("at least 4 are needed".to_owned());
    }
    if dims < 2 {
        return Err(format!("they have {dims} dimensions; at least 2 are needed"));
    }
    if let Some(i) = points.matrix().iter().position(|row| row.iter().any(|value| !value.is_finite())) {
        return Err(format!("point {i} is not finite"));
    }
    if points.squared(0).iter().all(|&distance| distance == 0.0) {
        return Err("all are the same; there is nothing to see: the embeddings collapsed".to_owned());
    }
    Ok(())
}

/// Runs vector code on a pool of one thread, faer alone: sums that threads would split come out the same everywhere.
fn by_one_thread<T: Send>(run: impl FnOnce() -> T + Send) -> Result<T, String> {
    faer::set_global_parallelism(Par::Seq);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().map_err(|error| error.to_string())?;
    Ok(pool.install(run))
}

/// Coordinates by dimension to places.
fn places(found: Result<Result<Vec<Vec<f64>>, ManifoldsError>, String>, n: usize) -> Result<Vec<Place>, String> {
    let found = found?.map_err(|error| error.to_string())?;
    let [x, y] = found.as_slice() else { return Err(format!("{} coordinates came out", found.len())) };
    let places: Vec<Place> = x.iter().zip(y).map(|(&x, &y)| [x, y]).collect();
    if places.len() != n || places.iter().flatten().any(|value| !value.is_finite()) {
        return Err("it broke down: a place is not finite".to_owned());
    }
    Ok(places)
}
