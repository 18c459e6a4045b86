"""The peers of prepare.rs: the first 103 s of each file as 24 kHz mono float32. Needs librosa, soundfile and soxr.

    python prepare_peer.py METHOD FOLDER FORMAT [JOBS]

METHOD is `librosa` (librosa.load with soxr_hq), `soundfile` (soundfile.read, mean over channels, soxr HQ) or
`soundfile32` (the same in float32 throughout, the fastest way we know to write it). One pass after one that warms the
cache; prints seconds and seconds of audio, as the bench does.
"""

import multiprocessing
import pathlib
import sys
import time

import librosa
import numpy as np
import soundfile
import soxr

REACH_S, RATE_HZ = 103, 24_000


def by_librosa(path):
    return len(librosa.load(path, sr=RATE_HZ, duration=REACH_S, res_type="soxr_hq")[0])


def by_soundfile(path, dtype="float64"):
    with soundfile.SoundFile(path) as file:
        rate_hz = file.samplerate
        samples = file.read(REACH_S * rate_hz, dtype=dtype, always_2d=True)
    return len(soxr.resample(samples.mean(axis=1), rate_hz, RATE_HZ, "HQ").astype(np.float32))


def by_soundfile32(path):
    return by_soundfile(path, "float32")


METHODS = {"librosa": by_librosa, "soundfile": by_soundfile, "soundfile32": by_soundfile32}


def main():
    method, folder, format = sys.argv[1:4]
    jobs = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    files = sorted(str(path) for path in pathlib.Path(folder).glob(f"*.{format}"))
    work = METHODS[method]
    pool = multiprocessing.Pool(jobs) if jobs > 1 else None
    each = pool.imap_unordered if pool else map
    sum(each(work, files))
    start = time.perf_counter()
    samples = sum(each(work, files))
    print(f"{time.perf_counter() - start:.4f} {samples / RATE_HZ:.1f}")


if __name__ == "__main__":
    main()
