//! CKA and RSA.

use proptest::prelude::*;

use super::support::{any_matrix, assert_close, golden, matrix, related};
use crate::{Likeness, Matrix, debiased_cka, linear_cka, rsa};

fn pairs() -> [(&'static str, Matrix, Matrix); 3] {
    let x = matrix(14, 5, 1);
    let y = related(9, 2, &x);
    let axis = |i: usize, j: usize| {
        if i % 3 != j {
            0.0
        } else if i % 5 < 3 {
            1.0
        } else {
            -2.0
        }
    };
    let tied = Matrix::new(14, 3, (0..14 * 3).map(|at| axis(at / 3, at % 3)).collect());
    [("related", x.clone(), y), ("wide", matrix(14, 40, 4), matrix(14, 40, 5)), ("tied", tied, x)]
}

/// Against numpy and scipy; the formulas there are the printed ones, over features for CKA.
#[test]
fn likenesses_are_those_of_scipy() {
    for (name, x, y) in pairs() {
        let ours = [linear_cka(&x, &y), debiased_cka(&x, &y), rsa(&x, &y)].map(Option::unwrap);
        assert_close(&ours, &golden().likeness[name], 1e-12);
    }
}

/// A turn in the plane of the columns `a` and `b`.
fn turned(x: &Matrix, a: usize, b: usize, angle: f64) -> Matrix {
    let (sin, cos) = (libm::sin(angle), libm::cos(angle));
    let mut values = x.values().to_vec();
    for row in values.chunks_exact_mut(x.cols()) {
        (row[a], row[b]) = (cos * row[a] - sin * row[b], sin * row[a] + cos * row[b]);
    }
    Matrix::new(x.rows(), x.cols(), values)
}

proptest! {
    /// A rotation, a scaling and a shift change nothing that CKA sees; RSA sees the shift.
    #[test]
    fn likeness_ignores_rotation_and_scale(
        x in any_matrix(12, 4), y in any_matrix(12, 3), angle in 0.0..6.3, scale in 0.01..100.0, shift in -5.0..5.0
    ) {
        let other = turned(&turned(&x, 0, 1, angle), 1, 3, angle).map(|_, value| scale * value);
        let moved = other.map(|_, value| value + shift);
        for (of, changed) in [
            (linear_cka as fn(&Matrix, &Matrix) -> Option<f64>, &moved),
            (debiased_cka, &moved),
            (rsa, &other),
        ] {
            let (before, after) = (of(&x, &y).unwrap(), of(changed, &y).unwrap());
            prop_assert!((before - after).abs() < 1e-7, "{before} became {after}");
            prop_assert!((of(&x, &other).unwrap() - 1.0).abs() < 1e-7);
            prop_assert!((before - of(&y, &x).unwrap()).abs() < 1e-12, "not symmetric");
        }
        prop_assert!((0.0..=1.0 + 1e-12).contains(&linear_cka(&x, &y).unwrap()));
    }
}

#[test]
fn a_representation_is_like_itself() {
    let x = matrix(30, 7, 3);
    for likeness in [linear_cka(&x, &x), debiased_cka(&x, &x), rsa(&x, &x)] {
        assert!((likeness.unwrap() - 1.0).abs() < 1e-12);
    }
}

/// Without any relation, with widths as large as the number of rows: CKA is far from 0, the debiased one is not.
#[test]
fn without_a_relation_only_the_debiased_is_near_zero() {
    let pairs: Vec<_> = (0..20).map(|seed| (matrix(60, 60, 2 * seed + 1), matrix(60, 60, 900 + seed))).collect();
    let mean = |of: fn(&Matrix, &Matrix) -> Option<f64>| {
        pairs.iter().map(|(x, y)| of(x, y).unwrap()).sum::<f64>() / pairs.len() as f64
    };
    assert!(mean(linear_cka) > 0.4, "{}", mean(linear_cka));
    assert!(mean(debiased_cka).abs() < 0.01, "{}", mean(debiased_cka));
    assert!(mean(rsa).abs() < 0.02, "{}", mean(rsa));
}

/// Another order of the rows is what taking the rows in another order is; it leaves what CKA is without a relation.
#[test]
fn rows_in_another_order() {
    let x = matrix(40, 30, 3);
    let order: Vec<usize> = (0..40).map(|i| (i * 7 + 3) % 40).collect();
    let (ours, theirs) = (Likeness::of(&x), Likeness::of(&x.take(&order)));
    let null = ours.cka_in_order(&ours, &order).unwrap();
    assert!((null - ours.cka(&theirs).unwrap()).abs() < 1e-12);
    assert!(null < 0.6 && null > 0.2, "{null}");
    assert_eq!(ours.cka_in_order(&Likeness::of(&matrix(39, 30, 1)), &order), None);
}

/// What has no likeness has none, and is not a number near 0 or 1.
#[test]
fn what_is_not_defined_is_none() {
    let x = matrix(6, 3, 1);
    let same = Matrix::new(6, 3, [0.1, 0.2, 0.3].repeat(6));
    let mut values = x.values().to_vec();
    values[4] = f64::NAN;
    let broken = Matrix::new(6, 3, values);
    for other in [&same, &broken, &matrix(5, 3, 1), &Matrix::new(6, 3, vec![0.0; 18])] {
        assert_eq!(linear_cka(&x, other), None);
        assert_eq!(debiased_cka(&x, other), None);
        if other != &same {
            assert_eq!(rsa(&x, other), None);
        }
    }
    for rows in 0..4 {
        let few = matrix(rows, 3, 1);
        assert_eq!(debiased_cka(&few, &few), None);
        assert_eq!(linear_cka(&few, &few).is_some(), rows > 1);
        assert_eq!(rsa(&few, &few).is_some(), rows > 2);
    }
    let one_zero = Matrix::new(4, 2, vec![0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
    assert!((rsa(&one_zero, &one_zero).unwrap() - 1.0).abs() < 1e-12, "a row of zeros is far from all others");
}
