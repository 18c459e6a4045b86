"""Descriptors of recordings: ours beside numpy. Run by hand on files of your own, nothing of them is kept:

    python tests/golden/real_audio.py FILE... [--describe PROGRAM] [--windows N]

Each file is decoded (soundfile, else ffmpeg), mixed to mono, resampled to 24 kHz and cut into windows of 4 s; each
window goes through the example `describe` and through the definitions of descriptors.py. Printed per descriptor and
variant: the largest and the mean difference, and how many rows differ by more than 1e-6. Rows are float32 and of order
1 (a4 up to some 15), so 1e-6 is rounding. In a4 the z-score divides by the deviation of a band, whose rounding counts.
"""

import argparse
import pathlib
import subprocess

import librosa
import numpy as np
import soundfile

from descriptors import AUDIO, SAMPLE_RATE_HZ, VARIANTS, stft

ROOT = pathlib.Path(__file__).resolve().parents[2]
WINDOW = 4 * SAMPLE_RATE_HZ


def decode(path):
    """Mono samples at 24 kHz."""
    try:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
        return librosa.resample(samples.mean(axis=1), orig_sr=rate_hz, target_sr=SAMPLE_RATE_HZ)
    except soundfile.LibsndfileError:
        command = ["ffmpeg", "-v", "error", "-i", path, "-ac", "1", "-ar", str(SAMPLE_RATE_HZ), "-f", "f32le", "-"]
        return np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, "<f4")


def windows(samples):
    """Whole windows, 4 s apart; a shorter file gives one that is filled with zeros."""
    if len(samples) < WINDOW:
        samples = np.pad(samples, (0, WINDOW - len(samples)))
    return [samples[i : i + WINDOW] for i in range(0, len(samples) - WINDOW + 1, WINDOW)]


def describe(program, audio, descriptor, variant):
    result = subprocess.run([program, descriptor, variant], input=audio.astype("<f4").tobytes(), capture_output=True)
    if result.returncode:
        raise SystemExit(result.stderr.decode())
    return np.array([line.split(",") for line in result.stdout.decode().splitlines()], dtype=np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+")
    parser.add_argument("--describe", help="the built example; without it, cargo builds it")
    parser.add_argument("--windows", type=int, help="at most this many windows of each file")
    args = parser.parse_args()
    if args.describe is None:
        build = "cargo build --release -q -p hit-descriptors --example describe".split()
        subprocess.run(build, check=True, cwd=ROOT)
        args.describe = ROOT / "target/release/examples/describe"
    pieces = [window for path in args.files for window in windows(decode(path))[: args.windows]]
    print(f"{len(args.files)} files, {len(pieces)} windows of 4 s")
    for id, compute in AUDIO.items():
        for variant in VARIANTS:
            differences = [
                np.abs(describe(args.describe, audio, id, variant) - compute(stft(audio), variant)).max(axis=1)
                for audio in pieces
            ]
            rows = np.concatenate(differences)
            far = (rows > 1e-6).sum()
            print(f"{id:4} {variant:9} max {rows.max():.2e}  mean {rows.mean():.2e}  rows above 1e-6: {far} of {len(rows)}")


if __name__ == "__main__":
    main()
