//! Linear regression with a penalty on squares.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::{factor, solve};
use faer::{MatMut, Par, Spec};

use crate::matrix::product;
use crate::{Error, Matrix, r2};

/// Penalties that are tried, per row: the penalty of a fit to n rows is n times one of them. On standardised columns that is
/// from none to speak of to a hundred times what a column weighs.
pub const LAMBDAS: [f64; 8] = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0];

/// Ridge regression: the weights W that make ‖Y − XW‖² + λ‖W‖² least.
///
/// There is no intercept: X and Y are to be standardised ([`crate::Standard`]), which is the same.
#[derive(Clone, PartialEq, Debug)]
pub struct Ridge {
    weights: Matrix,
}

impl Ridge {
    /// Fits by Cholesky: of XᵀX + λ, or of XXᵀ + λ if there are fewer rows than columns.
    ///
    /// # Shapes
    /// `x`: `[n, d]`, `y`: `[n, outputs]`.
    /// # Errors
    /// [`Error::Ridge`].
    /// # Panics
    /// If they have other numbers of rows.
    pub fn fit(x: &Matrix, y: &Matrix, lambda: f64) -> Result<Self, Error> {
        Normal::of(x, y).solve(lambda)
    }

    /// The penalty per row of [`LAMBDAS`] that predicts `valid` best by R², the first of equals; the first of all where R²
    /// is not defined.
    ///
    /// # Errors
    /// [`Error::Ridge`].
    /// # Panics
    /// If shapes do not fit.
    pub fn choose(fit: (&Matrix, &Matrix), valid: (&Matrix, &Matrix)) -> Result<f64, Error> {
        let normal = Normal::of(fit.0, fit.1);
        let mut best = (LAMBDAS[0], f64::NEG_INFINITY);
        for lambda in LAMBDAS {
            let found = normal.solve(lambda * fit.0.rows() as f64)?;
            match r2(valid.1, &found.predict(valid.0)) {
                Some(score) if score > best.1 => best = (lambda, score),
                _ => {}
            }
        }
        Ok(best.0)
    }

    /// Predictions: `[n, outputs]`.
    ///
    /// # Panics
    /// If `x` has another number of columns.
    pub fn predict(&self, x: &Matrix) -> Matrix {
        x.times(&self.weights)
    }

    /// The weights: `[d, outputs]`.
    pub fn weights(&self) -> &Matrix {
        &self.weights
    }
}

/// What the fits with all penalties share.
struct Normal<'a> {
    x: &'a Matrix,
    /// XᵀX, or XXᵀ where that is smaller.
    square: Matrix,
    /// XᵀY, or Y.
    right: Matrix,
}

impl<'a> Normal<'a> {
    fn of(x: &'a Matrix, y: &Matrix) -> Self {
        assert_eq!(x.rows(), y.rows(), "as many targets as rows");
        if x.rows() < x.cols() {
            return Self { x, square: product(x.view(), x.view().transpose()), right: y.clone() };
        }
        let across = x.view().transpose();
        Self { x, square: product(across, x.view()), right: product(across, y.view()) }
    }

    fn solve(&self, lambda: f64) -> Result<Ridge, Error> {
        let solution = solve_symmetric(&self.square, lambda, &self.right)?;
        let weights =
            if self.x.rows() < self.x.cols() { product(self.x.view().transpose(), solution.view()) } else { solution };
        Ok(Ridge { weights })
    }
}

/// (A + λI)⁻¹B for a symmetric A, by one thread.
fn solve_symmetric(a: &Matrix, lambda: f64, b: &Matrix) -> Result<Matrix, Error> {
    let (n, m) = (a.rows(), b.cols());
    let mut left = a.values().to_vec();
    left.iter_mut().step_by(n + 1).for_each(|value| *value += lambda);
    let mut right = b.values().to_vec();
    let params = Spec::default();
    let mut memory = MemBuffer::new(
        factor::cholesky_in_place_scratch::<f64>(n, Par::Seq, params).or(solve::solve_in_place_scratch::<f64>(
            n,
            m,
            Par::Seq,
        )),
    );
    let stack = MemStack::new(&mut memory);
    // Symmetric, so rows may be taken for columns.
    let mut left = MatMut::from_column_major_slice_mut(&mut left, n, n);
    let done = factor::cholesky_in_place(left.as_mut(), factor::LltRegularization::default(), Par::Seq, stack, params);
    if done.is_err() {
        return Err(Error::Ridge { lambda });
    }
    let solution = MatMut::from_row_major_slice_mut(&mut right, n, m);
    solve::solve_in_place(left.as_ref(), solution, Par::Seq, stack);
    if right.iter().all(|value| value.is_finite()) {
        Ok(Matrix::new(n, m, right))
    } else {
        Err(Error::Ridge { lambda })
    }
}
