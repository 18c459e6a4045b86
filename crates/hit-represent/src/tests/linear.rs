//! Ridge regression, R², standardised columns, correlations.

use hit_stats::Bootstrap;
use proptest::prelude::*;

use super::support::{any_matrix, assert_close, golden, matrix, plus, related, uniform};
use crate::{LAMBDAS, Matrix, Ridge, Standard, Totals, pearson, r2};

fn standardised(x: &Matrix) -> Matrix {
    Standard::of(x).apply(x)
}

/// More rows than columns, and fewer: the two forms of the equations.
#[test]
fn ridge_is_that_of_scikit_learn() {
    for (name, rows, cols) in [("tall", 30, 4), ("wide", 6, 11)] {
        let theirs = &golden().ridge[name];
        let x = matrix(rows, cols, 11);
        let y = standardised(&related(2, 12, &x));
        let x = standardised(&x);
        let ours = Ridge::fit(&x, &y, theirs.alpha).unwrap();
        assert_close(ours.weights().values(), &theirs.weights, 1e-11);
        assert_close(ours.predict(&matrix(3, cols, 15)).values(), &theirs.predictions, 1e-11);
        assert_close(&[r2(&y, &ours.predict(&x)).unwrap()], &[theirs.r2], 1e-12);
    }
}

proptest! {
    /// At the least of ‖Y − XW‖² + λ‖W‖² the derivative vanishes: Xᵀ(XW − Y) + λW = 0.
    #[test]
    fn ridge_is_at_the_least(x in any_matrix(9, 5), y in any_matrix(9, 2), lambda in 0.01..10.0) {
        let ridge = Ridge::fit(&x, &y, lambda).unwrap();
        let off = plus(&ridge.predict(&x), &y.map(|_, value| -value));
        for j in 0..5 {
            for k in 0..2 {
                let slope: f64 = x.column(j).iter().zip(off.column(k)).map(|(x, off)| x * off).sum();
                prop_assert!((slope + lambda * ridge.weights().row(j)[k]).abs() < 1e-9);
            }
        }
    }

    /// The two forms agree: columns of zeros change the form and nothing else.
    #[test]
    fn the_dual_form_is_the_same(x in any_matrix(6, 4), y in any_matrix(6, 1)) {
        let wide = Matrix::new(6, 9, x.iter().flat_map(|row| [row, &[0.0; 5]].concat()).collect());
        let (primal, dual) = (Ridge::fit(&x, &y, 0.5).unwrap(), Ridge::fit(&wide, &y, 0.5).unwrap());
        for (a, b) in primal.weights().values().iter().zip(dual.weights().values()) {
            prop_assert!((a - b).abs() < 1e-10);
        }
        prop_assert!(dual.weights().values()[4..].iter().all(|&weight| weight == 0.0));
    }

    #[test]
    fn standardised_columns_have_mean_0_and_deviation_1(x in any_matrix(11, 3)) {
        let y = standardised(&x.map(|j, value| value * [1e-6, 1.0, 1e6][j] + 3.0));
        for j in 0..3 {
            let column = y.column(j);
            prop_assert!(column.iter().sum::<f64>().abs() < 1e-6);
            prop_assert!((column.iter().map(|value| value * value).sum::<f64>() / 11.0 - 1.0).abs() < 1e-6);
        }
    }
}

/// Where columns outnumber rows and hold mostly noise, the penalty chosen is a large one; where y follows, a small one.
#[test]
fn the_penalty_follows_the_noise() {
    let x = matrix(200, 20, 5);
    let clear = x.times(&matrix(20, 2, 6));
    let noisy = plus(&clear, &matrix(200, 2, 7).map(|_, value| 60.0 * value));
    let (fit, valid) = ((0..150).collect::<Vec<_>>(), (150..200).collect::<Vec<_>>());
    let chosen = |y: &Matrix| {
        let part = |rows: &[usize]| (x.take(rows), y.take(rows));
        let (fit, valid) = (part(&fit), part(&valid));
        Ridge::choose((&fit.0, &fit.1), (&valid.0, &valid.1)).unwrap()
    };
    assert_eq!(chosen(&clear), LAMBDAS[0]);
    assert!(chosen(&noisy) >= 0.1, "{}", chosen(&noisy));
}

#[test]
fn what_cannot_be_solved_is_an_error() {
    let mut values = matrix(5, 2, 1).values().to_vec();
    values[3] = f64::NAN;
    let (broken, y) = (Matrix::new(5, 2, values), matrix(5, 1, 2));
    let error = Ridge::fit(&broken, &y, 1.0).unwrap_err().to_string();
    assert!(error.contains("penalty 1") && error.contains("not finite"), "{error}");
    assert!(Ridge::fit(&y, &broken, 1.0).is_err());
    assert!(Ridge::fit(&Matrix::new(5, 2, vec![0.0; 10]), &y, 0.0).is_err(), "no penalty, nothing to go by");
}

#[test]
fn r2_is_pooled_over_outputs() {
    let truth = Matrix::new(4, 2, vec![0.0, 10.0, 1.0, 10.0, 2.0, 20.0, 3.0, 20.0]);
    assert_eq!(r2(&truth, &truth), Some(1.0));
    let means = Matrix::new(4, 2, [1.5, 15.0].repeat(4));
    assert_eq!(r2(&truth, &means), Some(0.0));
    // Sums around the means: 5 and 100. One output right and the other at its mean.
    let half = Matrix::new(4, 2, vec![0.0, 15.0, 1.0, 15.0, 2.0, 15.0, 3.0, 15.0]);
    assert!((r2(&truth, &half).unwrap() - 5.0 / 105.0).abs() < 1e-15);
    assert_eq!(r2(&means, &truth), None, "nothing varies");
    assert_eq!(r2(&truth.take(&[0]), &truth.take(&[1])), None, "one row");
}

/// Groups of which each is explained alike give a narrow interval around R²; a single one gives none.
#[test]
fn intervals_are_over_groups() {
    let truth = matrix(60, 2, 3);
    let guess = plus(&truth, &matrix(60, 2, 4).map(|_, value| 0.3 * value));
    let group = |g: usize| {
        let rows: Vec<usize> = (10 * g..10 * g + 10).collect();
        Totals::of(&truth.take(&rows), &guess.take(&rows))
    };
    let plan = Bootstrap { resamples: 500, level: 0.95, seed: [1; 32] };
    let (low, high) = Totals::interval((0..6).map(group).collect(), &plan).unwrap().unwrap();
    let found = r2(&truth, &guess).unwrap();
    assert!(low < found && found < high && high - low < 0.1, "{low}..{high} around {found}");
    assert_eq!(Totals::interval(vec![group(0)], &plan).unwrap(), None);
}

/// Where few groups differ by more than their rows do, and nothing is predicted but noise, the interval still lies around
/// R². Around the means of resamples it would lie below.
#[test]
fn intervals_of_few_groups_lie_around_r2() {
    let group = |g: usize| {
        let offset = 3.0 * uniform(8, 40)[g];
        let truth = matrix(30, 1, 60 + g as u32).map(|_, value| 0.2 * value + offset);
        (truth, matrix(30, 1, 80 + g as u32))
    };
    let totals: Vec<Totals> = (0..8).map(group).map(|(truth, guess)| Totals::of(&truth, &guess)).collect();
    let all = (1..8).map(group).fold(group(0), |all, next| (all.0.stacked(&next.0), all.1.stacked(&next.1)));
    let found = r2(&all.0, &all.1).unwrap();
    let plan = Bootstrap { resamples: 500, level: 0.95, seed: [1; 32] };
    let (low, high) = Totals::interval(totals, &plan).unwrap().unwrap();
    assert!(low < found - 0.02 && found + 0.02 < high, "{low}..{high} around {found}");
}

#[test]
fn pearson_is_that_of_scipy() {
    let x = matrix(20, 2, 31);
    let (a, b) = (x.column(0), x.column(1));
    let b: Vec<f64> = a.iter().zip(&b).map(|(a, b)| b + 0.5 * a).collect();
    assert_close(&[pearson(&a, &b).unwrap()], &[golden().pearson], 1e-13);
    assert_eq!(pearson(&a, &[0.1; 20]), None);
    assert_eq!(pearson(&a, &b[1..]), None);
    assert_eq!(pearson(&[], &[]), None);
}

/// Targets keep their means and take the unit of another sample: a column that hardly varied in the first weighs no more for it.
#[test]
fn targets_are_rescaled_to_the_deviations_of_another_sample() {
    let first = Matrix::new(4, 2, vec![0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 1e-3, 2.0]);
    let second = Matrix::new(4, 2, vec![0.0, 0.0, 1.0, 4.0, 0.0, 0.0, 1.0, 4.0]);
    let (narrow, wide) = (Standard::of(&first), Standard::of(&second));
    let rescaled = narrow.rescale(&narrow.apply(&first), &wide);
    let direct: Vec<f64> = first
        .values()
        .iter()
        .zip([2.5e-4, 1.0].iter().cycle())
        .zip([0.5, 2.0].iter().cycle())
        .map(|((value, mean), deviation)| (value - mean) / deviation)
        .collect();
    assert!(rescaled.values().iter().zip(&direct).all(|(a, b)| (a - b).abs() < 1e-12), "{:?}", rescaled.values());
}
