//! The optimiser's update.

use super::reference::{distance, noise, wide};
use crate::host::tensor;
use crate::{Update, adamw, sum_of_squares};

#[test]
fn updates_are_those_of_float64() {
    for n in [1, 15, 16, 1000] {
        let (mut value, mut moments) = (tensor(noise("value", n), [n]), None);
        let mut expected: Vec<[f64; 3]> = wide(&value).into_iter().map(|value| [value, 0.0, 0.0]).collect();
        for step in 1..=20 {
            let grad = tensor(noise(&format!("grad {step}"), n), [n]);
            let update = Update { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, rate: 0.01 / step as f64, decay: 0.1, step };
            for ([value, first, second], grad) in expected.iter_mut().zip(wide(&grad)) {
                let grad = grad * 0.5;
                *first = 0.9 * *first + 0.1 * grad;
                *second = 0.999 * *second + 0.001 * grad * grad;
                let (mean, square) =
                    (*first / (1.0 - 0.9f64.powi(step as i32)), *second / (1.0 - 0.999f64.powi(step as i32)));
                *value = *value * (1.0 - update.rate * 0.1) - update.rate * mean / (square.sqrt() + 1e-8);
            }
            let (next, kept) = adamw(value, grad, &tensor(vec![0.5], [1]), moments, update);
            (value, moments) = (next, Some(kept));
        }
        let column = |i: usize| expected.iter().map(|row| row[i]).collect::<Vec<_>>();
        let moments = moments.unwrap();
        for (found, which) in [(&value, 0), (&moments.first, 1), (&moments.second, 2)] {
            let found = distance(&wide(found), &column(which));
            assert!(found < 2e-6, "{n}, {which}: {found:e}");
        }
    }
}

#[test]
fn squares_are_summed_in_a_fixed_order() {
    for n in [1, 16, 37, 4096] {
        let x = tensor(noise("x", n), [n]);
        let expected: f64 = wide(&x).iter().map(|x| x * x).sum();
        let found = wide(&sum_of_squares(std::slice::from_ref(&x)));
        assert_eq!(found, wide(&sum_of_squares(std::slice::from_ref(&x))));
        assert!((found[0] / expected - 1.0).abs() < 1e-6, "{n}");
    }
}
