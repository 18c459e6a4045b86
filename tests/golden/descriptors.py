"""Reference vectors for hit-descriptors, by librosa and numpy in double precision.

    python tests/golden/descriptors.py > tests/golden/descriptors.json

The signals are written out twice, here and in the tests, in float64 and rounded to float32. `signal`: two partials whose
level steps, a chirp, and noise from a 32-bit linear congruential generator. `chords`: three chords of four struck
strings each, six slightly inharmonic partials a string, that die away.
"""

import json

import librosa
import numpy as np

SAMPLE_RATE_HZ, N_SAMPLES = 24_000, 6_000
EDGES = [4, 8, 16, 32, 64, 128, 256, 512, 1025]
PITCHES = [60, 64, 67, 30, 30, 96, 21, 108, 72, 71]
CHORDS_HZ = [[65.41, 196.0, 261.63, 329.63], [55.0, 220.0, 261.63, 329.63], [87.31, 174.61, 220.0, 349.23]]
CHORD_SAMPLES = 6_000
ATTRACTORS = [1, 16 / 15, 9 / 8, 6 / 5, 5 / 4, 4 / 3, 7 / 5, 3 / 2, 8 / 5, 5 / 3, 7 / 4, 15 / 8]
SPACING_HZ = SAMPLE_RATE_HZ / 2048
VARIANTS = ("reference", "paper")


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
    return np.concatenate(sounds).astype(np.float32)


def stft(x):
    """Magnitudes, [1025, n_frames]."""
    x = np.asarray(x, dtype=np.float64)
    return np.abs(librosa.stft(x, n_fft=2048, hop_length=512, window="hann", center=True, pad_mode="reflect"))


def band_log_energies(magnitudes):
    return np.stack([np.log1p(magnitudes[lo:hi]).mean(axis=0) for lo, hi in zip(EDGES, EDGES[1:])])


def a4e(magnitudes, variant):
    return band_log_energies(magnitudes).T


def a4(magnitudes, variant):
    energy = band_log_energies(magnitudes)
    step, zero = np.diff(energy, axis=1), np.zeros((len(energy), 1))
    if variant == "reference":
        d = np.concatenate([zero, step], axis=1)
        scale = np.maximum(d.std(axis=1, ddof=1, keepdims=True), 1e-8)
    else:
        d = np.concatenate([step, zero], axis=1)
        scale = d.std(axis=1, keepdims=True) + 1e-8
    return ((d - d.mean(axis=1, keepdims=True)) / scale).T


def normalised(rows):
    return rows / np.maximum(rows.sum(axis=1, keepdims=True), 1e-8)


def largest_bins(magnitudes):
    """The eight largest bins of each frame, in ascending order; of equal ones the lower."""
    return np.sort(np.argsort(-magnitudes, axis=0, kind="stable")[:8], axis=0)


def a7_raw(magnitudes, variant):
    bins = largest_bins(magnitudes)
    frequency = bins * SPACING_HZ
    weight = np.where(frequency < 50, 0, np.take_along_axis(magnitudes, bins, axis=0))
    frequency = np.maximum(frequency, 50)
    i, j = np.triu_indices(8, 1)
    ratio = np.log2(frequency[j] / frequency[i]) % 1
    d = np.abs(ratio[..., None] - np.log2(ATTRACTORS))
    product = weight[i] * weight[j]
    if variant == "reference":
        d = np.minimum(d, 1 - d)
        product = product + 1e-8
    return (np.sqrt(product)[..., None] * np.exp(-(d**2) / (2 * 0.02**2))).sum(axis=0)


def a7(magnitudes, variant):
    return normalised(a7_raw(magnitudes, variant))


def a8(magnitudes, variant):
    frequency = np.arange(1, 1025) * SPACING_HZ
    semitones = 12 * np.log2(frequency / 32.7)
    if variant == "reference":
        content, classes = magnitudes[1:], np.round(semitones) % 12
        classes = np.where(frequency < 30, -1, classes)
    else:
        content, classes = magnitudes[1:] ** 2, np.floor(semitones % 12)
    chroma = np.stack([content[classes == c].sum(axis=0) for c in range(12)], axis=1)
    flux = np.maximum(np.diff(magnitudes, axis=1, prepend=magnitudes[:, :1]), 0).sum(axis=0)
    return normalised(chroma * (flux / max(flux.max(), 1e-8))[:, None])


def a9(magnitudes, variant):
    raw = a7_raw(magnitudes, variant)
    df = (raw > 0.05).mean(axis=0)
    return normalised(raw * np.clip(np.log(1 / (df + 1e-3)), 0, 5))


AUDIO = {"a4": a4, "a4e": a4e, "a7": a7, "a8": a8, "a9": a9}


def d4(pitches):
    p = np.array(pitches, dtype=float)
    before, after = np.r_[0, np.diff(p)], np.r_[np.diff(p), 0]
    columns = [before / 24, after / 24, np.clip(before / 12, -2, 2) / 2, np.clip(after / 12, -2, 2) / 2]
    return np.stack(columns, axis=1)


def excerpt(rows):
    """Every ninth row, then the mean over all rows weighted by 1, 2, 3, ...: all rows count."""
    t = np.arange(1, len(rows) + 1)
    return np.concatenate([rows[::9].ravel(), t @ rows / t.sum()]).tolist()


def main():
    magnitudes = stft(signal())
    bins = list(range(0, 1025, 32))
    out = {
        "n_frames": magnitudes.shape[1],
        "bins": bins,
        "frames": [0, 5, magnitudes.shape[1] - 1],
        "stft": magnitudes[np.ix_(bins, [0, 5, -1])].T.tolist(),
        "a4_reference": a4(magnitudes, "reference").ravel().tolist(),
        "a4_paper": a4(magnitudes, "paper").ravel().tolist(),
        "pitches": PITCHES,
        "d4": d4(PITCHES).ravel().tolist(),
        "excerpts": {
            f"{name}/{id}/{variant}": excerpt(compute(stft(samples), variant))
            for name, samples in (("signal", signal()), ("chords", chords()))
            for id, compute in AUDIO.items()
            for variant in VARIANTS
            if id not in ("a4", "a4e") or (name == "chords" and (id, variant) != ("a4e", "paper"))
        },
    }
    print(json.dumps(out, indent=0))


if __name__ == "__main__":
    main()
