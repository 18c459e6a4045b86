//! Initial values, each array from a stream of its own name: arms with equal seeds share what they share.

use hit_stage::Seed;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::ParamSpec;

/// How an array starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Uniform in ±1/√fan_in: PyTorch's default of Linear and Conv, weight and bias (Kaiming-uniform with a = √5).
    Fan(usize),
    /// Uniform in ±√(6/(inputs + outputs)): Xavier (projection heads, packed attention weights).
    Xavier(usize, usize),
    /// Gaussian with that standard deviation (embeddings 1, audio positions 0.02).
    Normal(f64),
    /// All one value: biases 0, norm weights 1.
    Constant(f32),
}

/// Initial values of an array under the run's root seed.
pub fn initial(spec: &ParamSpec, root: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::from_seed(Seed::derive(root, "init", &spec.name).bytes());
    let n = spec.len();
    match spec.init {
        Init::Fan(fan_in) => uniform(&mut rng, n, 1.0 / libm::sqrt(fan_in as f64)),
        Init::Xavier(inputs, outputs) => uniform(&mut rng, n, libm::sqrt(6.0 / (inputs + outputs) as f64)),
        Init::Normal(std) => (0..n).map(|_| normal(&mut rng, std)).collect(),
        Init::Constant(value) => vec![value; n],
    }
}

fn uniform(rng: &mut ChaCha8Rng, n: usize, bound: f64) -> Vec<f32> {
    (0..n).map(|_| ((rng.random::<f64>() * 2.0 - 1.0) * bound) as f32).collect()
}

fn normal(rng: &mut ChaCha8Rng, std: f64) -> f32 {
    let value: f64 = StandardNormal.sample(rng);
    (value * std) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    fn spec(name: &str, init: Init) -> ParamSpec {
        ParamSpec { name: name.into(), shape: vec![100, 100], init, kind: Kind::Parameter }
    }

    fn moments(values: &[f32]) -> (f64, f64) {
        let n = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let var = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
        (mean, var.sqrt())
    }

    #[test]
    fn values_depend_on_name_and_seed_alone() {
        let a = spec("a", Init::Normal(1.0));
        assert_eq!(initial(&a, 1), initial(&a, 1));
        assert_ne!(initial(&a, 1), initial(&a, 2));
        assert_ne!(initial(&a, 1), initial(&spec("b", Init::Normal(1.0)), 1));
    }

    #[test]
    fn distributions_are_those_named() {
        // 10,000 draws: the standard error of mean and sd is about 1 % of the sd; 5 % is far outside chance.
        let fan = initial(&spec("w", Init::Fan(25)), 7);
        assert!(fan.iter().all(|v| v.abs() <= 0.2) && fan.iter().any(|v| v.abs() > 0.19));
        assert!((moments(&fan).1 - 0.2 / 3f64.sqrt()).abs() < 0.005);
        let xavier = initial(&spec("w", Init::Xavier(2, 4)), 7);
        assert!(xavier.iter().all(|v| v.abs() <= 1.0) && xavier.iter().any(|v| v.abs() > 0.98));
        let (mean, std) = moments(&initial(&spec("w", Init::Normal(0.02)), 7));
        assert!(mean.abs() < 0.001 && (std - 0.02).abs() < 0.001);
        assert_eq!(initial(&spec("w", Init::Constant(1.0)), 7), vec![1.0; 10_000]);
    }
}
