"""Reference vectors for hit-descriptors, by librosa and numpy in double precision.

    python tests/golden/descriptors.py > tests/golden/descriptors.json

The signal is written out twice, here and in the test: two partials whose level steps, a chirp, and noise from a
32-bit linear congruential generator, rounded to float32.
"""

import json

import librosa
import numpy as np

SAMPLE_RATE_HZ, N_SAMPLES = 24_000, 6_000
EDGES = [4, 8, 16, 32, 64, 128, 256, 512, 1025]
PITCHES = [60, 64, 67, 30, 30, 96, 21, 108, 72, 71]


def signal():
    n = np.arange(N_SAMPLES)
    t = n / SAMPLE_RATE_HZ
    level = 0.2 + 0.1 * ((n // 700) % 3)
    noise = np.empty(N_SAMPLES)
    state = 1
    for i in range(N_SAMPLES):
        state = (1664525 * state + 1013904223) % 2**32
        noise[i] = state / 2**32 - 0.5
    x = level * np.sin(2 * np.pi * 220 * t) + 0.1 * np.sin(2 * np.pi * 660 * t)
    x += 0.2 * np.sin(2 * np.pi * (300 + 12000 * t) * t) + 0.02 * noise
    return x.astype(np.float32)


def a4(magnitudes, variant):
    energy = np.stack([np.log1p(magnitudes[lo:hi]).mean(axis=0) for lo, hi in zip(EDGES, EDGES[1:])])
    step, zero = np.diff(energy, axis=1), np.zeros((len(energy), 1))
    if variant == "reference":
        d = np.concatenate([zero, step], axis=1)
        scale = np.maximum(d.std(axis=1, ddof=1, keepdims=True), 1e-8)
    else:
        d = np.concatenate([step, zero], axis=1)
        scale = d.std(axis=1, keepdims=True) + 1e-8
    return ((d - d.mean(axis=1, keepdims=True)) / scale).T


def d4(pitches):
    p = np.array(pitches, dtype=float)
    before, after = np.r_[0, np.diff(p)], np.r_[np.diff(p), 0]
    columns = [before / 24, after / 24, np.clip(before / 12, -2, 2) / 2, np.clip(after / 12, -2, 2) / 2]
    return np.stack(columns, axis=1)


def main():
    x = signal().astype(np.float64)
    spectrum = librosa.stft(x, n_fft=2048, hop_length=512, window="hann", center=True, pad_mode="reflect")
    magnitudes = np.abs(spectrum)
    bins = list(range(0, 1025, 32))
    print(json.dumps({
        "n_frames": magnitudes.shape[1],
        "bins": bins,
        "frames": [0, 5, magnitudes.shape[1] - 1],
        "stft": magnitudes[np.ix_(bins, [0, 5, -1])].T.tolist(),
        "a4_reference": a4(magnitudes, "reference").ravel().tolist(),
        "a4_paper": a4(magnitudes, "paper").ravel().tolist(),
        "pitches": PITCHES,
        "d4": d4(PITCHES).ravel().tolist(),
    }, indent=0))


if __name__ == "__main__":
    main()
