//! Points, their distances and neighbours, and how well a plane keeps them.

use crate::matrix::dot;
use crate::{Error, Matrix, Place};

/// Points and the squared distances between all of them; a point takes 8 bytes for each other one.
#[derive(Clone, Debug)]
pub struct Points {
    points: Matrix,
    /// `[n, n]`.
    squared: Vec<f64>,
}

impl Points {
    /// Measures the distances between the rows of a matrix: `[n, d]`.
    pub fn of(points: Matrix) -> Self {
        let n = points.rows();
        let mut squared = vec![0.0; n * n];
        let mut step = vec![0.0; points.cols()];
        for i in 0..n {
            for j in i + 1..n {
                let pairs = points.row(i).iter().zip(points.row(j));
                step.iter_mut().zip(pairs).for_each(|(step, (a, b))| *step = a - b);
                let distance = dot(&step, &step);
                squared[i * n + j] = distance;
                squared[j * n + i] = distance;
            }
        }
        Self { points, squared }
    }

    /// Number of points.
    pub fn n(&self) -> usize {
        self.points.rows()
    }

    /// The points: `[n, d]`.
    pub fn matrix(&self) -> &Matrix {
        &self.points
    }

    /// Squared distances of point `i` to all: `[n]`.
    ///
    /// # Panics
    /// If there is no such point.
    pub fn squared(&self, i: usize) -> &[f64] {
        &self.squared[i * self.n()..][..self.n()]
    }

    /// The `k` nearest other points of each, nearest first, of equally near ones that with the lower number; and their
    /// distances. All of them are looked at: there is no approximation.
    pub fn nearest(&self, k: usize) -> (Vec<Vec<usize>>, Vec<Vec<f64>>) {
        let nearest: Vec<Vec<usize>> = (0..self.n()).map(|i| nearest(self.squared(i), i, k)).collect();
        let distances = |(i, others): (usize, &Vec<usize>)| -> Vec<f64> {
            others.iter().map(|&j| self.squared(i)[j].sqrt()).collect()
        };
        let distances = nearest.iter().enumerate().map(distances).collect();
        (nearest, distances)
    }
}

/// The `k` nearest of all but `own`, by squared distance and number.
fn nearest(squared: &[f64], own: usize, k: usize) -> Vec<usize> {
    let nearer = |&a: &usize, &b: &usize| squared[a].total_cmp(&squared[b]).then(a.cmp(&b));
    let mut others: Vec<usize> = (0..squared.len()).filter(|&j| j != own).collect();
    let k = k.min(others.len());
    if k > 0 && k < others.len() {
        others.select_nth_unstable_by(k - 1, nearer);
    }
    others.truncate(k);
    others.sort_by(nearer);
    others
}

/// Share of the neighbours in the plane that are neighbours indeed, by how far off the others are (Venna and Kaski, 2001).
///
/// 1 − 2 / (nk(2n − 3k − 1)) · Σ max(0, r − k) over the `k` nearest points of each in the plane, with r their rank by
/// distance among all points where they come from.
///
/// # Shapes
/// `places`: `[n]`. Returns a share, 1 for a plane that keeps all neighbours; about 0.5 for one without any relation.
/// # Errors
/// [`Error::Plane`] unless 1 ≤ `k` < n/2 and there is a place for each point.
pub fn trustworthiness(points: &Points, places: &[Place], k: usize) -> Result<f64, Error> {
    let n = points.n();
    let wrong = |what: String| Err(Error::Plane { method: "trustworthiness", points: n, what });
    if places.len() != n {
        return wrong(format!("there are {} places", places.len()));
    }
    if k == 0 || 2 * k >= n {
        return wrong(format!("{k} neighbours are asked for; at least 1 and fewer than half of the points make sense"));
    }
    let mut off = 0.0;
    for (i, place) in places.iter().enumerate() {
        let apart = |other: &Place| (other[0] - place[0]).powi(2) + (other[1] - place[1]).powi(2);
        let squared: Vec<f64> = places.iter().map(apart).collect();
        let far = points.squared(i);
        for j in nearest(&squared, i, k) {
            let nearer = |&(l, distance): &(usize, &f64)| l != i && distance.total_cmp(&far[j]).then(l.cmp(&j)).is_lt();
            let rank = far.iter().enumerate().filter(nearer).count() + 1;
            off += rank.saturating_sub(k) as f64;
        }
    }
    Ok(1.0 - 2.0 / ((n * k * (2 * n - 3 * k - 1)) as f64) * off)
}
