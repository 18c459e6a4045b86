//! What a model without knowledge scores (spec 9.5).

/// R@k at chance, percent: k of the pool's candidates.
pub fn chance_r(pool_size: usize, k: usize) -> f64 {
    100.0 * (k as f64 / pool_size as f64).min(1.0)
}

/// S at chance, percent: 3.42 for 500 queries in pools of 256.
///
/// The expectation of the smaller of two independent R@10. Each is a binomial count X of `n_queries` trials, and
/// E min(X, Y) = Σ_j P(X ≥ j)² over j from 1 on. It is the level of one evaluation: the best of
/// several independent ones lies above it, at 4.2 % for five epochs and 4.4 % for eight in that protocol.
pub fn chance_s(n_queries: usize, pool_size: usize) -> f64 {
    let p = chance_r(pool_size, 10) / 100.0;
    if p >= 1.0 {
        return 100.0;
    }
    let n = n_queries as f64;
    // Logarithms of the binomial probabilities, each from the last: no factorials, no underflow before the end.
    let odds = libm::log(p) - libm::log1p(-p);
    let step = |log_p: &mut f64, j: usize| {
        let now = *log_p;
        *log_p += libm::log((n - j as f64) / (j as f64 + 1.0)) + odds;
        Some(libm::exp(now))
    };
    let probabilities: Vec<f64> = (0..=n_queries).scan(n * libm::log1p(-p), step).collect();
    let mut tail = 0.0;
    let mut expected = 0.0;
    for probability in probabilities[1..].iter().rev() {
        tail += probability;
        expected += tail * tail;
    }
    100.0 * expected / n
}
