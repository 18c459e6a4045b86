//! The reference's probe.

use std::convert::Infallible;

use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::support::{matrix, plus};
use crate::mlp::shuffle;
use crate::{Matrix, MlpProbe, MlpSpec, REFERENCE, r2};

const SPEC: MlpSpec = MlpSpec { hidden: 24, epochs: 300, batch: 64, rate: 3e-3 };

fn fit(x: &Matrix, y: &Matrix, spec: &MlpSpec, seed: u8) -> MlpProbe {
    MlpProbe::fit(x, y, spec, [seed; 32], || Ok::<(), Infallible>(())).unwrap()
}

proptest! {
    /// The derivative by each parameter is the slope of the loss. A step of 1e-6 leaves an error of some 1e-9; where a unit
    /// turns on or off within it, more, so such cases are passed over.
    #[test]
    fn gradients_are_slopes(seed: u32, parameter in 0usize..1000) {
        let (x, y) = (matrix(7, 3, seed), matrix(7, 2, seed ^ 1));
        let probe = MlpProbe::new([3, 5, 2], &mut ChaCha8Rng::from_seed([(seed % 251) as u8; 32]));
        let (_, gradient) = probe.loss_and_gradient(&x, &y);
        prop_assert_eq!(gradient.len(), 3 * 5 + 5 + 5 * 2 + 2);
        let at = parameter % gradient.len();
        let loss = |step: f64| {
            let mut moved = probe.clone();
            moved.parameters[at] += step;
            moved.loss_and_gradient(&x, &y).0
        };
        let (h, here) = (1e-6, loss(0.0));
        let (ahead, behind) = ((loss(h) - here) / h, (here - loss(-h)) / h);
        prop_assume!((ahead - behind).abs() < 1e-5);
        prop_assert!((f64::midpoint(ahead, behind) - gradient[at]).abs() < 1e-7, "{} and {}", ahead, gradient[at]);
    }
}

/// A linear map is learnt and holds for rows that were not seen; so is one that no linear map gives.
#[test]
fn it_learns_what_there_is() {
    let x = matrix(600, 4, 1).map(|_, value| 3.4 * value);
    let linear = plus(&x.times(&matrix(4, 3, 2)), &matrix(600, 3, 3).map(|_, value| 0.01 * value));
    let bent = Matrix::new(600, 1, x.iter().map(|row| row[0].abs() - row[1].abs()).collect());
    let (train, test): (Vec<usize>, Vec<usize>) = ((0..500).collect(), (500..600).collect());
    for (name, y) in [("linear", linear), ("bent", bent)] {
        let probe = fit(&x.take(&train), &y.take(&train), &SPEC, 1);
        let found = r2(&y.take(&test), &probe.predict(&x.take(&test))).unwrap();
        assert!(found > 0.97, "{name}: {found}");
    }
}

/// What has nothing to do with the inputs cannot be predicted for other rows.
#[test]
fn it_does_not_learn_noise() {
    let (x, y) = (matrix(400, 4, 1), matrix(400, 2, 9));
    let (train, test): (Vec<usize>, Vec<usize>) = ((0..300).collect(), (300..400).collect());
    let spec = MlpSpec { epochs: 30, ..SPEC };
    let probe = fit(&x.take(&train), &y.take(&train), &spec, 1);
    assert!(r2(&y.take(&test), &probe.predict(&x.take(&test))).unwrap() < 0.1);
}

#[test]
fn seeds_decide_everything() {
    let (x, y) = (matrix(100, 4, 1), matrix(100, 2, 9));
    let spec = MlpSpec { epochs: 3, batch: 32, ..SPEC };
    assert_eq!(fit(&x, &y, &spec, 1), fit(&x, &y, &spec, 1));
    assert_ne!(fit(&x, &y, &spec, 1), fit(&x, &y, &spec, 2));
    assert_eq!((REFERENCE.hidden, REFERENCE.epochs, REFERENCE.batch), (128, 50, 1024));
}

/// Weights and biases lie between ±1/√inputs, and fill that range.
#[test]
fn weights_are_drawn_as_pytorch_draws_them() {
    let probe = MlpProbe::new([16, 100, 25], &mut ChaCha8Rng::from_seed([3; 32]));
    let (first, second) = probe.parameters.split_at(17 * 100);
    for (part, n, bound) in [(first, 1700, 0.25), (second, 101 * 25, 0.1)] {
        assert_eq!(part.len(), n);
        let largest = part.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
        assert!(largest < bound && largest > 0.99 * bound, "{largest}");
    }
}

#[test]
fn it_stops_when_asked() {
    let mut epochs = 0;
    let stop = || {
        epochs += 1;
        if epochs > 3 { Err("stopped") } else { Ok(()) }
    };
    let found = MlpProbe::fit(&matrix(9, 2, 1), &matrix(9, 1, 2), &SPEC, [0; 32], stop);
    assert_eq!((found, epochs), (Err("stopped"), 4));
}

#[test]
fn orders_hold_everything_once() {
    let mut rng = ChaCha8Rng::from_seed([5; 32]);
    let mut order: Vec<usize> = (0..50).collect();
    shuffle(&mut order, &mut rng);
    assert!(!order.is_sorted());
    order.sort_unstable();
    assert_eq!(order, (0..50).collect::<Vec<_>>());
}
