"""Reference vectors of quantiles, Wilson intervals and power: python power.py > power.json (scipy, statsmodels)."""

import json
import math

from scipy import stats
from statsmodels.stats.power import TTestIndPower
from statsmodels.stats.proportion import proportion_confint


def t_quantile(p, df):
    return stats.norm.ppf(p) if df is None else stats.t.ppf(p, df)


def power(shift, df, level):
    critical = t_quantile((1 + level) / 2, df)
    return stats.norm.sf(critical - shift) if df is None else stats.nct.sf(critical, df, shift)


def main():
    dfs = [1.0, 2.5, 4.0, 7.8, 8.0, 30.0, 499.0, None]
    wilson = []
    for hits, n, level in [(0, 20, 0.95), (22, 500, 0.95), (367, 500, 0.95), (500, 500, 0.95), (3, 7, 0.9), (150, 200, 0.99)]:
        low, high = proportion_confint(hits, n, alpha=1 - level, method="wilson")
        wilson.append([hits, n, level, max(0.0, low), min(1.0, high)])
    print(json.dumps({
        "normal": [[z, stats.norm.cdf(z)] for z in [-6.0, -1.959963984540054, -0.3, 0.0, 1.0, 2.5758293035489004]],
        "t": [[p, df, t_quantile(p, df)] for p in [0.025, 0.3, 0.6, 0.9, 0.975, 0.9995] for df in dfs],
        "wilson": wilson,
        "power": [[s, df, level, power(s, df, level)]
                  for s in [-1.0, 0.0, 0.5, 2.0, 3.5, 5.548] for df in dfs for level in [0.9, 0.95]],
        "two_samples": [[n, d, TTestIndPower().power(d, n, 0.05)]
                        for n, d in [(3, 1.0), (5, 0.8), (5, 1.5), (5, 3.51), (20, 0.5), (100, 0.2)]],
    }, indent=1))
    assert math.isfinite(power(5.548, 7.8, 0.95))


if __name__ == "__main__":
    main()
