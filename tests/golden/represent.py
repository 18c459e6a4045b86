"""Reference vectors for hit-represent and the probe targets of hit-descriptors, in double precision.

    python tests/golden/represent.py > tests/golden/represent.json

numpy 2, scipy, scikit-learn; openTSNE and umap-learn for the planes. All data come from a 32-bit linear congruential
generator that the tests have too, so only results are stored.
"""

import json
import sys
import warnings

import numpy as np
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr, spearmanr
from sklearn.linear_model import Ridge
from sklearn.manifold import trustworthiness
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

SAMPLE_RATE_HZ = 24_000
CHORDS_HZ = [[65.41, 196.0, 261.63, 329.63], [55.0, 220.0, 261.63, 329.63], [87.31, 174.61, 220.0, 349.23]]
CHORD_SAMPLES = 6_000
PITCHES = [60, 64, 67, 30, 30, 96, 21, 108, 72, 71]


def uniform(n, seed):
    """n numbers in -0.5..0.5."""
    values = np.empty(n)
    state = seed
    for i in range(n):
        state = (1664525 * state + 1013904223) % 2**32
        values[i] = state / 2**32 - 0.5
    return values


def matrix(rows, cols, seed):
    return uniform(rows * cols, seed).reshape(rows, cols)


def related(rows, cols, seed, to):
    """A matrix that shares some of what `to` says."""
    return matrix(rows, cols, seed) + to @ matrix(to.shape[1], cols, seed + 1)


def clusters():
    """480 points in 16 dimensions that take turns around 8 centres, each wider than the last."""
    centres = 6 * matrix(8, 16, 77)
    spread = 0.5 + 0.25 * (np.arange(480) % 8)[:, None]
    noise = sum(matrix(480, 16, 78 + i) for i in range(4))
    return centres[np.arange(480) % 8] + spread * noise


def linear_cka(x, y):
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    return np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))


def unbiased_hsic(k, l):
    """Song et al. 2012, Eq. 5."""
    n = len(k)
    k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))
    ones = np.ones(n)
    value = np.trace(k @ l) + (ones @ k @ ones) * (ones @ l @ ones) / ((n - 1) * (n - 2))
    return (value - 2 / (n - 2) * (ones @ k @ l @ ones)) / (n * (n - 3))


def debiased_cka(x, y):
    k, l = x @ x.T, y @ y.T
    return unbiased_hsic(k, l) / np.sqrt(unbiased_hsic(k, k) * unbiased_hsic(l, l))


def rsa(x, y):
    return spearmanr(pdist(x, "cosine"), pdist(y, "cosine")).statistic


def likeness():
    x = matrix(14, 5, 1)
    y = related(14, 9, 2, x)
    # Distances are 0, 1 and 2 and nothing else: ranks are shared.
    tied = np.eye(3)[np.arange(14) % 3] * np.where(np.arange(14) % 5 < 3, 1.0, -2.0)[:, None]
    pairs = {"related": (x, y), "wide": (matrix(14, 40, 4), matrix(14, 40, 5)), "tied": (tied, x)}
    return {name: [linear_cka(*pair), debiased_cka(*pair), rsa(*pair)] for name, pair in pairs.items()}


def ridge():
    cases = {}
    for name, (rows, cols, alpha) in {"tall": (30, 4, 2.5), "wide": (6, 11, 0.3)}.items():
        x = matrix(rows, cols, 11)
        y = related(rows, 2, 12, x)
        x, y = StandardScaler().fit_transform(x), StandardScaler().fit_transform(y)
        model = Ridge(alpha=alpha, fit_intercept=False, solver="cholesky").fit(x, y)
        new = matrix(3, cols, 15)
        cases[name] = {
            "alpha": alpha,
            "weights": model.coef_.T.ravel().tolist(),
            "predictions": model.predict(new).ravel().tolist(),
            "r2": r2_score(y, model.predict(x), multioutput="variance_weighted"),
        }
    return cases


def trusted():
    x, plane = matrix(40, 4, 21), matrix(40, 2, 22)
    plane = plane + 2 * x[:, :2]
    return {str(k): trustworthiness(x, plane, n_neighbors=k) for k in (1, 5, 15)}


def planes():
    """Trustworthiness at 15 neighbours of the planes that the usual programs make of `clusters`."""
    import openTSNE
    import umap

    x = clusters()
    found = {}
    for seed in (1, 2, 3):
        tsne = openTSNE.TSNE(perplexity=30, n_iter=750, initialization="pca", random_state=seed, neighbors="exact", n_jobs=1)
        found.setdefault("tsne", []).append(trustworthiness(x, np.asarray(tsne.fit(x)), n_neighbors=15))
        plane = umap.UMAP(n_neighbors=15, min_dist=0.1, random_state=seed, n_jobs=1).fit_transform(x)
        found.setdefault("umap", []).append(trustworthiness(x, plane, n_neighbors=15))
    versions = {"openTSNE": openTSNE.__version__, "umap-learn": umap.__version__}
    return {"versions": versions} | {method: float(np.mean(values)) for method, values in found.items()}


def chords():
    t = np.arange(CHORD_SAMPLES) / SAMPLE_RATE_HZ
    sounds = []
    for chord in CHORDS_HZ:
        sound = np.zeros(CHORD_SAMPLES)
        for frequency_hz in chord:
            for h in range(1, 7):
                partial_hz = h * frequency_hz * np.sqrt(1 + 0.0004 * h * h)
                sound += 0.1 / h / (1 + 4 * h * t) * np.sin(2 * np.pi * partial_hz * t)
        sounds.append(sound)
    return np.concatenate(sounds).astype(np.float32).astype(np.float64)


def targets():
    """What the probes predict. The reference reads 24 kHz audio as 16 kHz and truncates."""
    audio = chords()
    magnitudes = np.abs(np.fft.rfft(audio))
    found = {}
    for name, rate, whole in (("", SAMPLE_RATE_HZ, np.round), ("_reference", 16_000, np.trunc)):
        frequencies = np.fft.rfftfreq(len(audio), 1 / rate)
        chroma = np.zeros(12)
        for frequency, magnitude in zip(frequencies, magnitudes):
            if frequency >= 30:
                chroma[int(whole(69 + 12 * np.log2(frequency / 440))) % 12] += magnitude
        found["chroma" + name] = (chroma / chroma.sum()).tolist()
        found["centroid" + name] = [float((frequencies * magnitudes).sum() / magnitudes.sum())]
    pitches = np.array(PITCHES)
    steps = np.clip(np.diff(pitches), -12, 12)
    histogram, _ = np.histogram(steps, bins=np.arange(-12.5, 13))
    found["interval_histogram"] = (histogram / histogram.sum()).tolist()
    found["pitch_histogram"] = (np.bincount(pitches, minlength=128) / len(pitches)).tolist()
    return found


def correlations():
    x = matrix(20, 2, 31)
    return pearsonr(x[:, 0], x[:, 1] + 0.5 * x[:, 0]).statistic


def main():
    warnings.simplefilter("ignore")
    found = {
        "likeness": likeness(),
        "ridge": ridge(),
        "trustworthiness": trusted(),
        "planes": planes(),
        "targets": targets(),
        "pearson": correlations(),
    }
    json.dump(found, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
