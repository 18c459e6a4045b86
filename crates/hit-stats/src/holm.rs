//! Holm's correction for several tests.

use crate::Error;

/// Adjusted p of each test, in the order given (Holm 1979); compare them with the level of one test.
///
/// # Errors
/// [`Error::Value`] if a p is not in 0..=1.
pub fn holm(p: &[f64]) -> Result<Vec<f64>, Error> {
    if let Some((i, &value)) = p.iter().enumerate().find(|(_, p)| !(0.0..=1.0).contains(*p)) {
        return Err(Error::Value { what: format!("p of test {i}"), value, expected: "0 to 1" });
    }
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&i, &j| p[i].total_cmp(&p[j]));
    let mut adjusted = vec![0.0; p.len()];
    let mut largest: f64 = 0.0;
    for (rank, &i) in order.iter().enumerate() {
        largest = largest.max((p[i] * (p.len() - rank) as f64).min(1.0));
        adjusted[i] = largest;
    }
    Ok(adjusted)
}
