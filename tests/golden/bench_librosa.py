"""Descriptors of one 4-second window by librosa and numpy, to set beside `cargo bench -p hit-descriptors`. Run by hand,
one thread:

    OMP_NUM_THREADS=1 python tests/golden/bench_librosa.py

`--json` prints milliseconds, {"a4": {"float32": [median, least], "float64": ..}, ..}, for
crates/hit-descriptors/benches/descriptors.sh, which runs both in turn.

The STFT is librosa's, the rest that of descriptors.py (reference variant), in float32 as a user would run it and in
float64 as ours runs. For A7 and A9 the eight largest bins are partitioned off rather than sorted, which is faster and
leaves ties open.
"""

import json
import sys
import time

import librosa
import numpy as np

import descriptors


def largest_bins(magnitudes):
    return np.sort(np.argpartition(magnitudes, -8, axis=0)[-8:], axis=0)


def main():
    descriptors.largest_bins = largest_bins
    found = {}
    t = np.arange(96_000) / 24_000
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 96_000)
    for dtype in (np.float32, np.float64):
        audio = (0.3 * np.sin(2 * np.pi * 220 * t) + 0.2 * noise).astype(dtype)

        def magnitudes(audio):
            return np.abs(librosa.stft(audio, n_fft=2048, hop_length=512, window="hann", pad_mode="reflect"))

        def seconds(work):
            work()
            times = []
            for _ in range(100):
                start = time.perf_counter()
                work()
                times.append(time.perf_counter() - start)
            return np.median(times), np.min(times)

        jobs = {"stft": lambda: magnitudes(audio)}
        for id, compute in descriptors.AUDIO.items():
            jobs[id] = lambda compute=compute: compute(magnitudes(audio), "reference")
        for id, work in jobs.items():
            median, least = seconds(work)
            found.setdefault(id, {})[np.dtype(dtype).name] = [1e3 * median, 1e3 * least]
            if "--json" not in sys.argv:
                name, ms = np.dtype(dtype).name, f"{1e3 * median:.2f} ms a window (median of 100), least {1e3 * least:.2f}"
                print(f"{id:4} {name}: {ms}")
    if "--json" in sys.argv:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
