//! The probe behind the published numbers: a network with one hidden layer.

use faer::MatRef;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::Matrix;
use crate::matrix::{product, product_into};

/// Sizes of the network and of its training.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct MlpSpec {
    /// Width of the hidden layer.
    pub hidden: usize,
    /// Passes over the training rows.
    pub epochs: usize,
    /// Rows a step, at most.
    pub batch: usize,
    /// Learning rate of Adam.
    pub rate: f64,
}

/// The reference's probe (spec 10, test 03): 128 hidden units, 50 epochs, 1,024 rows a step, Adam at 1e-3.
pub const REFERENCE: MlpSpec = MlpSpec { hidden: 128, epochs: 50, batch: 1024, rate: 1e-3 };

/// Forgetting of the first moment of Adam (PyTorch's default, as the next two).
const BETA1: f64 = 0.9;
/// Forgetting of the second moment.
const BETA2: f64 = 0.999;
/// Added to the root of the second moment.
const EPSILON: f64 = 1e-8;

/// A network d → hidden → outputs with ReLU between, in double precision.
///
/// Its weights and biases are drawn as PyTorch draws those of a linear layer: evenly between ±1/√inputs.
#[derive(Clone, PartialEq, Debug)]
pub struct MlpProbe {
    /// Inputs, hidden units, outputs.
    sizes: [usize; 3],
    /// Weights of the first layer `[inputs, hidden]`, its biases, weights of the second `[hidden, outputs]`, its biases.
    pub(crate) parameters: Vec<f64>,
}

/// Views of the parts of all parameters.
struct Parts<'a> {
    first: MatRef<'a, f64>,
    first_bias: &'a [f64],
    second: MatRef<'a, f64>,
    second_bias: &'a [f64],
}

impl MlpProbe {
    /// An untrained network.
    pub fn new(sizes: [usize; 3], rng: &mut ChaCha8Rng) -> Self {
        let [inputs, hidden, outputs] = sizes;
        let mut parameters = Vec::with_capacity((inputs + 1) * hidden + (hidden + 1) * outputs);
        for (n, inputs) in [((inputs + 1) * hidden, inputs), ((hidden + 1) * outputs, hidden)] {
            let bound = 1.0 / (inputs.max(1) as f64).sqrt();
            parameters.extend((0..n).map(|_| rng.random_range(-bound..bound)));
        }
        Self { sizes, parameters }
    }

    /// Trains a network on rows in another order each epoch; `between` is called before each of them.
    ///
    /// # Shapes
    /// `x`: `[n, inputs]`, `y`: `[n, outputs]`, both standardised.
    /// # Errors
    /// Whatever `between` returns.
    /// # Panics
    /// If they have other numbers of rows.
    pub fn fit<E>(
        x: &Matrix,
        y: &Matrix,
        spec: &MlpSpec,
        seed: [u8; 32],
        mut between: impl FnMut() -> Result<(), E>,
    ) -> Result<Self, E> {
        assert_eq!(x.rows(), y.rows(), "as many targets as rows");
        let mut rng = ChaCha8Rng::from_seed(seed);
        let mut probe = Self::new([x.cols(), spec.hidden, y.cols()], &mut rng);
        let mut adam = Adam::new(probe.parameters.len(), spec.rate);
        let mut order: Vec<usize> = (0..x.rows()).collect();
        for _ in 0..spec.epochs {
            between()?;
            shuffle(&mut order, &mut rng);
            for batch in order.chunks(spec.batch.max(1)) {
                let (_, gradient) = probe.loss_and_gradient(&x.take(batch), &y.take(batch));
                adam.step(&mut probe.parameters, &gradient);
            }
        }
        Ok(probe)
    }

    /// Predictions: `[n, outputs]`.
    ///
    /// # Panics
    /// If `x` has another number of columns.
    pub fn predict(&self, x: &Matrix) -> Matrix {
        let parts = self.parts();
        with_bias(&product(self.hidden(x).view(), parts.second), parts.second_bias)
    }

    /// Mean squared error over rows and outputs, and its derivative by each parameter.
    ///
    /// # Panics
    /// If shapes do not fit.
    pub fn loss_and_gradient(&self, x: &Matrix, y: &Matrix) -> (f64, Vec<f64>) {
        let [inputs, hidden, outputs] = self.sizes;
        let parts = self.parts();
        let active = self.hidden(x);
        let found = with_bias(&product(active.view(), parts.second), parts.second_bias);
        let n = y.values().len().max(1) as f64;
        let errors: Vec<f64> = found.values().iter().zip(y.values()).map(|(found, y)| found - y).collect();
        let loss = errors.iter().map(|error| error * error).sum::<f64>() / n;
        let by_output = Matrix::new(y.rows(), outputs, errors.iter().map(|error| 2.0 * error / n).collect());
        let by_hidden = product(by_output.view(), parts.second.transpose());
        // ReLU hands nothing back where it was 0.
        let open = active.values().iter().zip(by_hidden.values());
        let open = open.map(|(active, by)| if *active > 0.0 { *by } else { 0.0 }).collect();
        let by_hidden = Matrix::new(x.rows(), hidden, open);

        let mut gradient = vec![0.0; self.parameters.len()];
        let (first, second) = gradient.split_at_mut((inputs + 1) * hidden);
        let (weights, bias) = first.split_at_mut(inputs * hidden);
        product_into(weights, x.view().transpose(), by_hidden.view());
        add_rows(bias, &by_hidden);
        let (weights, bias) = second.split_at_mut(hidden * outputs);
        product_into(weights, active.view().transpose(), by_output.view());
        add_rows(bias, &by_output);
        (loss, gradient)
    }

    /// What the hidden units say: `[n, hidden]`.
    fn hidden(&self, x: &Matrix) -> Matrix {
        let parts = self.parts();
        with_bias(&product(x.view(), parts.first), parts.first_bias).map(|_, value| value.max(0.0))
    }

    fn parts(&self) -> Parts<'_> {
        let [inputs, hidden, outputs] = self.sizes;
        let (first, second) = self.parameters.split_at((inputs + 1) * hidden);
        let (first, first_bias) = first.split_at(inputs * hidden);
        let (second, second_bias) = second.split_at(hidden * outputs);
        let first = MatRef::from_row_major_slice(first, inputs, hidden);
        let second = MatRef::from_row_major_slice(second, hidden, outputs);
        Parts { first, first_bias, second, second_bias }
    }
}

fn with_bias(values: &Matrix, bias: &[f64]) -> Matrix {
    values.map(|j, value| value + bias[j])
}

fn add_rows(sums: &mut [f64], rows: &Matrix) {
    for row in rows.iter() {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
}

/// Puts `items` into random order.
pub(crate) fn shuffle<T>(items: &mut [T], rng: &mut ChaCha8Rng) {
    for i in (1..items.len()).rev() {
        items.swap(i, rng.random_range(0..=i));
    }
}

/// Adam (Kingma and Ba, 2015, algorithm 1).
struct Adam {
    rate: f64,
    steps: i32,
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Adam {
    fn new(n: usize, rate: f64) -> Self {
        Self { rate, steps: 0, first: vec![0.0; n], second: vec![0.0; n] }
    }

    fn step(&mut self, parameters: &mut [f64], gradient: &[f64]) {
        self.steps += 1;
        let scale = |beta: f64| 1.0 / (1.0 - libm::pow(beta, f64::from(self.steps)));
        let (first_scale, second_scale) = (scale(BETA1), scale(BETA2));
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((parameter, by), (first, second)) in parameters.iter_mut().zip(gradient).zip(moments) {
            *first = BETA1 * *first + (1.0 - BETA1) * by;
            *second = BETA2 * *second + (1.0 - BETA2) * by * by;
            *parameter -= self.rate * (*first * first_scale) / ((*second * second_scale).sqrt() + EPSILON);
        }
    }
}
