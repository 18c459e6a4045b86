//! The share of what varies that a prediction explains.

use hit_stats::{Bootstrap, grouped};

use crate::{Error, Matrix};

/// R² pooled over outputs: 1 − Σ(y − ŷ)² / Σ(y − ȳ)², sums over rows and outputs, ȳ the mean of each output over the rows.
///
/// Source: spec 10, test 03. scikit-learn calls it `variance_weighted`.
///
/// # Shapes
/// Both `[n, outputs]`. None if no output varies.
/// # Panics
/// If they have other shapes.
pub fn r2(truth: &Matrix, predicted: &Matrix) -> Option<f64> {
    Totals::of(truth, predicted).r2()
}

/// What R² is made of, added over rows: `[n, Σ(y − ŷ)², Σy², Σy of each output]`.
#[derive(Clone, PartialEq, Debug)]
pub struct Totals(Vec<f64>);

impl Totals {
    /// Totals of some rows.
    ///
    /// # Panics
    /// If the matrices have other shapes.
    pub fn of(truth: &Matrix, predicted: &Matrix) -> Self {
        assert_eq!((truth.rows(), truth.cols()), (predicted.rows(), predicted.cols()), "as many predictions as values");
        let mut totals = vec![0.0; 3 + truth.cols()];
        for (y, guess) in truth.iter().zip(predicted.iter()) {
            totals[0] += 1.0;
            for (j, (y, guess)) in y.iter().zip(guess).enumerate() {
                totals[1] += (y - guess) * (y - guess);
                totals[2] += y * y;
                totals[3 + j] += y;
            }
        }
        Self(totals)
    }

    /// R² of all rows; none if no output varies.
    pub fn r2(&self) -> Option<f64> {
        Some(of_totals(&self.0)).filter(|value| value.is_finite())
    }

    /// Interval of R², groups of rows (performances) resampled; none for a single group (spec 9.6).
    ///
    /// # Errors
    /// [`Error::Stats`], also where no output varies.
    /// # Choices
    /// ȳ is the mean over all rows in every resample. A resample's own means would lie nearer to its rows, which repeat, and
    /// pull all of the interval below the R² of all rows.
    pub fn interval(groups: Vec<Self>, plan: &Bootstrap) -> Result<Option<(f64, f64)>, Error> {
        if groups.len() < 2 {
            return Ok(None);
        }
        let groups: Vec<Vec<f64>> = groups.into_iter().map(|totals| totals.0).collect();
        let n: f64 = groups.iter().map(|totals| totals[0]).sum();
        let mean = |j: usize| groups.iter().map(|totals| totals[j]).sum::<f64>() / n;
        let means: Vec<f64> = (3..groups[0].len()).map(mean).collect();
        Ok(Some(grouped(&groups, plan, |totals| around(totals, &means))?))
    }
}

/// R² around the means of the same rows.
fn of_totals(totals: &[f64]) -> f64 {
    let means: Vec<f64> = totals[3..].iter().map(|sum| sum / totals[0]).collect();
    around(totals, &means)
}

/// R² around given means, or NaN if no output varies. What is left of Σy² once means are taken away is rounding below
/// 1e-12 of it.
fn around(totals: &[f64], means: &[f64]) -> f64 {
    let &[n, residual, squares, ref sums @ ..] = totals else { return f64::NAN };
    let moved: f64 = sums.iter().zip(means).map(|(sum, mean)| mean * (n * mean - 2.0 * sum)).sum();
    let left = squares + moved;
    if left > 1e-12 * squares { 1.0 - residual / left } else { f64::NAN }
}
