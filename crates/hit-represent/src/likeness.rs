//! How alike two representations of the same windows are: CKA and RSA.

use crate::Matrix;
use crate::matrix::dot;

/// Share of the squares that must be left once the means are taken away; below it rows differ by rounding only.
const STILL: f64 = 1e-20;

/// Linear centred kernel alignment of two representations of the same rows (§5.4; spec 10, test 06).
///
/// ‖YᵀX‖²_F / (‖XᵀX‖_F ‖YᵀY‖_F) with the columns of X and Y centred; 1 for a rotation, a scaling or a shift of the other.
///
/// # Shapes
/// `x`: `[n, d]`, `y`: `[n, e]`. Returns 0..=1, or none where it is not defined: fewer than 2 rows, rows that are all the
/// same, values that are not finite, matrices of other numbers of rows.
/// # Choices
/// Computed from the `[n, n]` products of rows, which is the same number. It is far above 0 where widths are large
/// against rows, without any relation: see [`debiased_cka`].
pub fn linear_cka(x: &Matrix, y: &Matrix) -> Option<f64> {
    Likeness::of(x).cka(&Likeness::of(y))
}

/// CKA from unbiased estimates: near 0 where there is no relation, and then as often below as above.
///
/// Source: the unbiased HSIC of Song et al. (2012), Eq. 5, put into the ratio of [`linear_cka`].
///
/// # Shapes
/// As [`linear_cka`]; at least 4 rows.
pub fn debiased_cka(x: &Matrix, y: &Matrix) -> Option<f64> {
    Likeness::of(x).debiased_cka(&Likeness::of(y))
}

/// Representational similarity analysis: Spearman's correlation of the distances of rows in two representations (spec 10,
/// test 06).
///
/// Distances are 1 − cosine over the pairs of rows; equal ones get their mean rank.
///
/// # Shapes
/// As [`linear_cka`]; at least 3 rows. A row of zeros has cosine 0 with every other.
pub fn rsa(x: &Matrix, y: &Matrix) -> Option<f64> {
    Likeness::of(x).rsa(&Likeness::of(y))
}

/// What is needed of one representation to compare it with others of the same rows.
#[derive(Clone, Debug)]
pub struct Likeness {
    rows: usize,
    /// Products of the centred rows, `[n, n]`, divided by their norm.
    centred: Option<Vec<f64>>,
    /// The same without the diagonal, centred so that sums over others are 0.
    unbiased: Option<Vec<f64>>,
    /// Ranks of the distances of pairs, their mean taken away, divided by their norm.
    ranks: Option<Vec<f64>>,
}

impl Likeness {
    /// Prepares a representation: `[n, d]`.
    pub fn of(x: &Matrix) -> Self {
        let rows = x.rows();
        if x.values().iter().any(|value| !value.is_finite()) {
            return Self { rows, centred: None, unbiased: None, ranks: None };
        }
        let means = x.means();
        let moved = x.map(|j, value| value - means[j]);
        let varies = dot(moved.values(), moved.values()) > STILL * dot(x.values(), x.values());
        let gram = if varies && rows > 1 { Some(moved.gram()) } else { None };
        let unbiased = gram.as_ref().filter(|_| rows > 3).and_then(|gram| of_length_1(unbiased(gram)));
        let ranks = if rows > 2 { of_length_1(centred_ranks(&distances(x))) } else { None };
        Self { rows, centred: gram.and_then(|gram| of_length_1(gram.values().to_vec())), unbiased, ranks }
    }

    /// See [`linear_cka`].
    pub fn cka(&self, other: &Self) -> Option<f64> {
        inner(self.centred.as_ref(), other.centred.as_ref())
    }

    /// As [`Likeness::cka`], the rows of `other` taken in another order: what CKA is where rows do not belong together.
    ///
    /// # Shapes
    /// `order`: `[n]`, each number of a row once.
    /// # Panics
    /// If it is none.
    pub fn cka_in_order(&self, other: &Self, order: &[usize]) -> Option<f64> {
        let n = self.rows;
        let (ours, theirs) = (self.centred.as_ref()?, other.centred.as_ref()?);
        if n != other.rows {
            return None;
        }
        let row = |(i, &from): (usize, &usize)| {
            let theirs: Vec<f64> = order.iter().map(|&j| theirs[from * n + j]).collect();
            dot(&ours[i * n..][..n], &theirs)
        };
        Some(order.iter().enumerate().map(row).sum())
    }

    /// See [`debiased_cka`].
    pub fn debiased_cka(&self, other: &Self) -> Option<f64> {
        inner(self.unbiased.as_ref(), other.unbiased.as_ref())
    }

    /// See [`rsa`].
    pub fn rsa(&self, other: &Self) -> Option<f64> {
        inner(self.ranks.as_ref(), other.ranks.as_ref())
    }
}

fn inner(a: Option<&Vec<f64>>, b: Option<&Vec<f64>>) -> Option<f64> {
    let (a, b) = (a?, b?);
    if a.len() == b.len() { Some(dot(a, b)) } else { None }
}

/// Divides by the length, if there is any.
fn of_length_1(mut values: Vec<f64>) -> Option<Vec<f64>> {
    let length = dot(&values, &values).sqrt();
    if !(length.is_finite() && length > 0.0) {
        return None;
    }
    for value in &mut values {
        *value /= length;
    }
    Some(values)
}

/// K without its diagonal, less what its rows and columns have in common, so that each row sums to 0. The inner product of
/// two such matrices is n(n − 3) times the unbiased HSIC.
fn unbiased(gram: &Matrix) -> Vec<f64> {
    let n = gram.rows();
    let sums: Vec<f64> = gram.iter().enumerate().map(|(i, row)| row.iter().sum::<f64>() - row[i]).collect();
    let (all, others) = (sums.iter().sum::<f64>(), (n - 2) as f64);
    let grand = all / ((n - 1) as f64 * others);
    let mut values = Vec::with_capacity(n * n);
    for (i, row) in gram.iter().enumerate() {
        let value = |(j, value): (usize, &f64)| {
            if i == j { 0.0 } else { value - (sums[i] + sums[j]) / others + grand }
        };
        values.extend(row.iter().enumerate().map(value));
    }
    values
}

/// 1 − cosine of each pair of rows: (0, 1), (0, 2), ...
fn distances(x: &Matrix) -> Vec<f64> {
    let gram = x.unit_rows().gram();
    gram.iter().enumerate().flat_map(|(i, row)| row[i + 1..].iter().map(|cosine| 1.0 - cosine)).collect()
}

/// Ranks from 1 on, equal values sharing the mean of theirs, less the mean of all.
fn centred_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let middle = (values.len() + 1) as f64 / 2.0;
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for block in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = first as f64 + (block.len() + 1) as f64 / 2.0;
        for &i in block {
            ranks[i] = rank - middle;
        }
        first += block.len();
    }
    ranks
}
