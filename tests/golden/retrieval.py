"""Reference vectors for hit-retrieval, by numpy and scipy.

    python tests/golden/retrieval.py > tests/golden/retrieval.json

Embeddings of 40 windows by a formula written out twice, here and in the test; two windows share their MIDI embedding,
as windows without notes do. Pools are listed, so that nothing depends on a generator.
"""

import json

import numpy as np
from scipy import stats

N, DIMS, KS = 40, 7, [1, 5, 10, 20]


def embeddings():
    w, d = np.arange(N)[:, None], np.arange(DIMS)[None, :]
    audio = np.sin(1.7 * w + 2.3 * d + 0.1 * w * d)
    midi = audio + 1.8 * np.cos(3.1 * w - 1.3 * d + 0.2 * w * d)
    midi[11] = midi[29]
    return audio.astype(np.float32), midi.astype(np.float32)


def pools():
    out = []
    for i in range(20):
        query = 2 * i + 1
        items = [(query + 7 * j) % N for j in range(1, 25)]
        place = (5 * i) % (len(items) + 1)
        items.insert(place, query)
        out.append({"query": query, "items": items, "positive": place})
    return out


def unit(x):
    x = x.astype(np.float64)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def direction(pools, similarity):
    """Every order of a tied block is equally likely: hits and reciprocal ranks are means over its places."""
    mean_ranks, hits, reciprocals = [], {k: [] for k in KS}, []
    for pool in pools:
        s = np.array([similarity(pool["query"], item) for item in pool["items"]])
        # Products of equal vectors are equal up to the order of summation, which BLAS does not fix.
        s = np.round(s, 12)
        ranks = stats.rankdata(-s, method="average")
        mean_ranks.append(ranks[pool["positive"]])
        block = np.flatnonzero(np.sort(-s) == -s[pool["positive"]]) + 1
        for k in KS:
            hits[k].append(np.mean(block <= k))
        reciprocals.append(np.mean(1 / block))
    return {"ranks": mean_ranks, "r": [100 * float(np.mean(hits[k])) for k in KS],
            "mrr": float(np.mean(reciprocals)), "mean_rank": float(np.mean(mean_ranks)) - 1}


def chance_s(n, pool):
    """E min of two independent binomials over n, by summing over both."""
    x = stats.binom(n, min(1.0, 10 / pool)).pmf(np.arange(n + 1))
    return 100 * float(np.minimum.outer(np.arange(n + 1), np.arange(n + 1)).ravel() @ np.outer(x, x).ravel()) / n


def main():
    audio, midi = (unit(x) for x in embeddings())
    listed = pools()
    print(json.dumps({
        "pools": listed,
        "a2m": direction(listed, lambda q, i: audio[q] @ midi[i]),
        "m2a": direction(listed, lambda q, i: audio[i] @ midi[q]),
        "chance_s": [[n, pool, chance_s(n, pool)] for n, pool in [(500, 256), (20, 25), (7, 64), (1, 256), (30, 11)]],
    }))


if __name__ == "__main__":
    main()
