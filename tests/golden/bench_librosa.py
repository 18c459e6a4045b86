"""A4 of one 4-second window by librosa, to set beside `cargo bench -p hit-descriptors`. Run by hand, one thread:

    OMP_NUM_THREADS=1 python tests/golden/bench_librosa.py
"""

import time

import librosa
import numpy as np

EDGES = [4, 8, 16, 32, 64, 128, 256, 512, 1025]


def a4(audio):
    magnitudes = np.abs(librosa.stft(audio, n_fft=2048, hop_length=512, window="hann", pad_mode="reflect"))
    logs = np.log1p(magnitudes)
    energy = np.stack([logs[lo:hi].mean(axis=0) for lo, hi in zip(EDGES, EDGES[1:])])
    d = np.diff(energy, axis=1, prepend=energy[:, :1])
    return (d - d.mean(axis=1, keepdims=True)) / np.maximum(d.std(axis=1, ddof=1, keepdims=True), 1e-8)


def main():
    t = np.arange(96_000) / 24_000
    noise = np.random.default_rng(0).standard_normal(96_000)
    for dtype in (np.float32, np.float64):
        audio = (0.3 * np.sin(2 * np.pi * 220 * t) + 0.05 * noise).astype(dtype)
        a4(audio)
        times = []
        for _ in range(100):
            start = time.perf_counter()
            a4(audio)
            times.append(time.perf_counter() - start)
        print(f"librosa a4, {np.dtype(dtype).name}: {1e3 * np.median(times):.2f} ms a window (median of 100)")


if __name__ == "__main__":
    main()
