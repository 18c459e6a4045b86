//! Matrices of rows, their products, and columns of mean 0 and deviation 1.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Columns whose deviation is below this share of their mean do not vary: what they do is rounding.
const STILL: f64 = 1e-12;

/// A matrix, row after row.
#[derive(Clone, PartialEq, Debug)]
pub struct Matrix {
    rows: usize,
    cols: usize,
    values: Vec<f64>,
}

impl Matrix {
    /// A matrix of those values: `[rows, cols]`, row-major.
    ///
    /// # Panics
    /// If the values do not fill it.
    pub fn new(rows: usize, cols: usize, values: Vec<f64>) -> Self {
        assert_eq!(rows * cols, values.len(), "values fill a matrix of {rows} rows and {cols} columns");
        Self { rows, cols, values }
    }

    /// A matrix of `f32`: `[rows, cols]`, row-major.
    ///
    /// # Panics
    /// If the values do not fill rows, or there are no columns.
    pub fn from_f32(cols: usize, values: &[f32]) -> Self {
        Self::new(values.len() / cols, cols, values.iter().map(|&value| f64::from(value)).collect())
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Row `i`.
    ///
    /// # Panics
    /// If there is none.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.cols..][..self.cols]
    }

    /// All values, row-major.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// All rows in order.
    pub fn iter(&self) -> impl Iterator<Item = &[f64]> {
        (0..self.rows).map(|i| self.row(i))
    }

    /// Column `j`.
    pub fn column(&self, j: usize) -> Vec<f64> {
        self.iter().map(|row| row[j]).collect()
    }

    /// The rows of those numbers, in their order.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Self {
        Self::new(rows.len(), self.cols, rows.iter().flat_map(|&i| self.row(i)).copied().collect())
    }

    /// The rows of `self`, then those of `below`.
    ///
    /// # Panics
    /// If they have other numbers of columns.
    #[must_use]
    pub fn stacked(&self, below: &Self) -> Self {
        assert_eq!(self.cols, below.cols, "stacked matrices have equally many columns");
        Self::new(self.rows + below.rows, self.cols, [self.values.as_slice(), &below.values].concat())
    }

    /// Each row divided by its length; a row of zeros stays one.
    #[must_use]
    pub fn unit_rows(&self) -> Self {
        let unit = |row: &[f64]| {
            // The largest value first, so that squares neither vanish nor overflow.
            let largest = row.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
            let scaled: Vec<f64> = row.iter().map(|value| if largest > 0.0 { value / largest } else { 0.0 }).collect();
            let length = dot(&scaled, &scaled).sqrt();
            scaled.into_iter().map(move |value| if length > 0.0 { value / length } else { 0.0 })
        };
        Self::new(self.rows, self.cols, self.iter().flat_map(unit).collect())
    }

    /// Mean of each column.
    pub fn means(&self) -> Vec<f64> {
        let mut means = vec![0.0; self.cols];
        for row in self.iter() {
            means.iter_mut().zip(row).for_each(|(mean, value)| *mean += value);
        }
        means.into_iter().map(|mean| mean / self.rows.max(1) as f64).collect()
    }

    /// `self` with something done to each value, which is told its column.
    #[must_use]
    pub fn map(&self, to: impl Fn(usize, f64) -> f64) -> Self {
        let values = self.iter().flat_map(|row| row.iter().enumerate().map(|(j, &value)| to(j, value))).collect();
        Self::new(self.rows, self.cols, values)
    }

    /// Products of each row with each: `[rows, rows]`. Scalar code in a fixed order: the same bits on every machine, and
    /// for equal rows.
    #[must_use]
    pub fn gram(&self) -> Self {
        let n = self.rows;
        let mut values = vec![0.0; n * n];
        for i in 0..n {
            for j in i..n {
                let value = dot(self.row(i), self.row(j));
                values[i * n + j] = value;
                values[j * n + i] = value;
            }
        }
        Self::new(n, n, values)
    }

    /// `self · other`.
    ///
    /// # Panics
    /// If `other` has not as many rows as `self` columns.
    #[must_use]
    pub fn times(&self, other: &Self) -> Self {
        product(self.view(), other.view())
    }

    pub(crate) fn view(&self) -> MatRef<'_, f64> {
        MatRef::from_row_major_slice(&self.values, self.rows, self.cols)
    }
}

/// Product of two matrices by one thread, so that sums are added in one order.
pub(crate) fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Matrix {
    let (rows, cols) = (a.nrows(), b.ncols());
    let mut values = vec![0.0; rows * cols];
    product_into(&mut values, a, b);
    Matrix::new(rows, cols, values)
}

/// As [`product`], written over `into`, row-major.
pub(crate) fn product_into(into: &mut [f64], a: MatRef<'_, f64>, b: MatRef<'_, f64>) {
    let into = MatMut::from_row_major_slice_mut(into, a.nrows(), b.ncols());
    matmul(into, Accum::Replace, a, b, 1.0, Par::Seq);
}

/// Sum of products in four interleaved parts: a fixed order that the processor can overlap.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut parts = [0.0; 4];
    let (whole_a, whole_b) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = whole_a.remainder().iter().zip(whole_b.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in whole_a.zip(whole_b) {
        for (part, (x, y)) in parts.iter_mut().zip(x.iter().zip(y)) {
            *part += x * y;
        }
    }
    (parts[0] + parts[1]) + (parts[2] + parts[3]) + rest
}

/// Means and deviations of the columns of a sample, by which others are standardised too.
#[derive(Clone, PartialEq, Debug)]
pub struct Standard {
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

impl Standard {
    /// Those of `sample`: deviations divide by the number of rows. A column that does not vary gets deviation 1.
    pub fn of(sample: &Matrix) -> Self {
        let mean = sample.means();
        let mut squares = vec![0.0; sample.cols()];
        for row in sample.iter() {
            squares
                .iter_mut()
                .zip(row.iter().zip(&mean))
                .for_each(|(sum, (value, mean))| *sum += (value - mean).powi(2));
        }
        let deviation = |(square, mean): (&f64, &f64)| {
            let deviation = (square / sample.rows().max(1) as f64).sqrt();
            if deviation > STILL * mean.abs() { deviation } else { 1.0 }
        };
        let deviation = squares.iter().zip(&mean).map(deviation).collect();
        Self { mean, deviation }
    }

    /// `x` with the means taken away, divided by the deviations.
    #[must_use]
    pub fn apply(&self, x: &Matrix) -> Matrix {
        x.map(|j, value| (value - self.mean[j]) / self.deviation[j])
    }

    /// What [`Standard::apply`] made, in units of the deviations of `other`; the means stay where they are.
    #[must_use]
    pub fn rescale(&self, x: &Matrix, other: &Self) -> Matrix {
        x.map(|j, value| value * self.deviation[j] / other.deviation[j])
    }

    /// The way back: what [`Standard::apply`] made `x` of.
    #[must_use]
    pub fn undo(&self, x: &Matrix) -> Matrix {
        x.map(|j, value| value * self.deviation[j] + self.mean[j])
    }
}
