//! Mean, spread and range of a sample.

use crate::Error;

/// A sample in four numbers (spec 11).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Summary {
    /// Number of values, at least 1.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation (n − 1); none for a single value.
    pub sd: Option<f64>,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
}

/// What tests between two samples need: number, mean and sample standard deviation, as papers print them.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Moments {
    /// Number of values, at least 2.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation (n − 1).
    pub sd: f64,
}

impl Summary {
    /// Summary of `values`.
    ///
    /// # Errors
    /// [`Error::TooFew`] if there are none, [`Error::Value`] if one is not finite.
    pub fn of(values: &[f64]) -> Result<Self, Error> {
        let n = values.len();
        if n == 0 {
            return Err(Error::TooFew { statistic: "a summary", needed: 1, unit: "values", found: 0 });
        }
        if let Some((i, &value)) = values.iter().enumerate().find(|(_, v)| !v.is_finite()) {
            return Err(Error::Value { what: format!("value {i}"), value, expected: "a finite number" });
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
        let sd = (n > 1).then(|| (squares / (n - 1) as f64).sqrt());
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Ok(Self { n, mean, sd, min, max })
    }

    /// The part of it that tests use.
    ///
    /// # Errors
    /// [`Error::TooFew`] for a single value.
    pub fn moments(&self) -> Result<Moments, Error> {
        match self.sd {
            Some(sd) => Ok(Moments { n: self.n, mean: self.mean, sd }),
            None => Err(Error::TooFew { statistic: "a test", needed: 2, unit: "values", found: self.n }),
        }
    }
}
