"""Power of the verdicts of hit-claims: python claims.py > claims.json (scipy)."""

import json

from scipy import stats

LEVEL, POWER = 0.95, 0.80
Z = stats.norm.ppf((1 + LEVEL) / 2)


def by_interval(low, high, effect):
    """Power at an effect, and the effect found with 80 %, where an interval gives the standard error."""
    error = (high - low) / (2 * Z)
    return {"low": low, "high": high, "effect": effect, "power": stats.norm.sf(Z - effect / error),
            "detectable": (Z + stats.norm.ppf(POWER)) * error}


def by_seeds(a, b, n, effect):
    """The same for Welch's test of two arms, from means and standard deviations."""
    shares = [sd * sd / n for _, sd in (a, b)]
    error = sum(shares) ** 0.5
    df = sum(shares) ** 2 / sum(s * s / (n - 1) for s in shares)
    critical = stats.t.ppf((1 + LEVEL) / 2, df)
    low, high = 0.0, 100.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if stats.nct.sf(critical, df, middle) < POWER else (low, middle)
    margin = a[0] - b[0]
    return {"a": a, "b": b, "n": n, "effect": effect, "df": df, "low": margin - critical * error,
            "high": margin + critical * error, "power": stats.nct.sf(critical, df, effect / error),
            "detectable": low * error}


def agreement(low, high, tolerance):
    """The interval of two one-sided tests, and the probability that a value of this error lies within the tolerance if
    both values are the same."""
    error = (high - low) / (2 * Z)
    one_sided = stats.norm.ppf(LEVEL) * error
    middle = (low + high) / 2
    return {"low": low, "high": high, "tolerance": tolerance, "tost": [middle - one_sided, middle + one_sided],
            "power": 2 * stats.norm.cdf(tolerance / error) - 1,
            "detectable": stats.norm.ppf((1 + POWER) / 2) * error}


print(json.dumps({
    "interval": [by_interval(-1.5, 8.3, 9.6), by_interval(-7.5, 2.5, 3.4), by_interval(-0.4, 12.0, 2.0)],
    "seeds": [by_seeds([81.2, 2.5], [80.7, 1.9], 5, 0.5), by_seeds([60.0, 6.1], [58.0, 4.4], 3, 8.8)],
    "agreement": [agreement(-9.0, 0.0, 4.0), agreement(2.0, 9.0, 4.0), agreement(-14.0, 26.0, 4.0)],
}, indent=1))
