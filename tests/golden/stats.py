"""Reference vectors for hit-stats, by scipy and numpy.

    python tests/golden/stats.py > tests/golden/stats.json

The first pair are the seed values behind Table 12 (d4a4 against D0).
"""

import json

import numpy as np
from scipy import special, stats

PAIRS = [
    ([83.6, 87.6, 81.4, 81.6, 85.8], [74.0, 77.4, 76.0, 71.8, 76.8]),
    ([83.2, 83.4, 78.4, 78.6, 82.2], [80.2, 84.0, 80.4, 79.6, 79.4]),
    ([1.0, 2.0], [1.5, 7.25, 3.0, -4.0]),
    ([0.001, 0.002, 0.0015], [1000.0, 1001.0, 999.5, 1000.25, 1003.0, 998.0]),
    ([5.0, 5.0, 5.0], [1.0, 2.0, 3.0]),
    ([10.0, 10.1, 9.9, 10.05], [20.0, 20.1, 19.9, 20.02]),
]


def pair(a, b):
    t = stats.ttest_ind(a, b, equal_var=False)
    d = (np.mean(a) - np.mean(b)) / np.sqrt((np.var(a, ddof=1) + np.var(b, ddof=1)) / 2)
    half = (len(a) + len(b) - 2) / 2
    j = special.gamma(half) / (np.sqrt(half) * special.gamma(half - 0.5))
    return {"a": a, "b": b, "t": t.statistic, "df": t.df, "p": t.pvalue, "d": d, "g": j * d,
            "mean": np.mean(a), "sd": np.std(a, ddof=1)}


def holm(p):
    """Step-down by its definition: reject in order of p while p < alpha / (m - rank)."""
    order, m, out, running = np.argsort(p, kind="stable"), len(p), [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (m - rank) * p[i]))
        out[i] = running
    return out


def main():
    values = sorted([3.5, -1.0, 2.25, 8.0, 0.0, 0.125, 4.0])
    qs = [0.0, 0.025, 0.1, 0.5, 0.77, 0.975, 1.0]
    p = [0.01, 0.04, 0.03, 0.005, 0.9, 0.03]
    print(json.dumps({
        "pairs": [pair(a, b) for a, b in PAIRS],
        "values": values, "qs": qs, "quantiles": np.quantile(values, qs).tolist(),
        "p": p, "holm": holm(p),
    }, indent=1))


if __name__ == "__main__":
    main()
