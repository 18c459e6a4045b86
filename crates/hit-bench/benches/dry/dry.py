"""A training step on CUDA without a GPU: does every kernel compile, how many launches has a step, how long does the host
take for them, how much memory is asked for?

    python3 dry.py --binary target/release/hitrepro --cuda FOLDER [--profile reference] [--precision bf16] ARM...

FOLDER has `include` and `lib` of a CUDA toolkit; NVIDIA's packages are enough (`pip install nvidia-cuda-nvrtc
nvidia-cuda-runtime nvidia-cuda-crt nvidia-cuda-cccl`, then `.../site-packages/nvidia/cu13`). `cc` compiles driver.c, which
says what it stands in for. Prints a table, or with --kernels an arm's kernels by launches. What a step has is the difference
between two runs, one ten steps longer.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SHORT, LONG = 2, 12


def driver(folder):
    """The driver, compiled into `folder`."""
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", f"{folder}/libcuda.so", HERE / "driver.c", "-lpthread"], check=True)


def counts(text):
    """Bytes at the peak, kernels that were compiled, and launches by name; the digest at a name's end tells variants apart."""
    peak, compiled, launches = 0, 0, collections.Counter()
    for line in text.splitlines():
        what, number, *name = line.split(" ", 2)
        if what == "peak":
            peak = int(number)
        else:
            compiled += 1
            launches[re.sub(r"_[0-9a-f]{8}$", "", name[0])] += int(number)
    return peak, compiled, launches


def a_step(short, long):
    """Launches of a step by name, from those of SHORT and of LONG steps."""
    each = {name: (long[name] - short[name]) / (LONG - SHORT) for name in long}
    return {name: n for name, n in sorted(each.items(), key=lambda item: (-item[1], item[0])) if n > 0}


def run(options, arm, steps, folder):
    """A measurement of `arm` that takes `steps` further steps: what `hitrepro bench` says of it, and the driver's counts."""
    where = pathlib.Path(folder) / f"{arm}-{steps}"
    # Both are found by name, the driver in its folder, NVRTC in that of the toolkit.
    libraries = f"{folder}:{options.cuda}/lib:{os.environ.get('LD_LIBRARY_PATH', '')}"
    command = [options.binary, "bench", arm, "--profile", options.profile, "--device", "cuda", "--format", "json"]
    command += ["--steps", "20", "--hash-after", str(steps)]
    command += ["--precision", options.precision] if options.precision else []
    home = {"LD_LIBRARY_PATH": libraries, "CUDA_PATH": str(options.cuda), "DRY_COUNTS": str(where)}
    done = subprocess.run(command, env=os.environ | home, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"dry.py: {' '.join(map(str, command))}\n{done.stderr[-4000:]}")
    return json.loads(done.stdout), counts(where.read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("arms", nargs="+", metavar="ARM")
    parser.add_argument("--binary", default="target/release/hitrepro")
    parser.add_argument("--cuda", type=pathlib.Path, required=True)
    parser.add_argument("--profile", default="reference")
    parser.add_argument("--precision")
    parser.add_argument("--kernels", action="store_true")
    options = parser.parse_args()
    print("| arm | kernels compiled | launches a step | least ms of the host a step | first step, s | memory, GiB |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        driver(folder)
        for arm in options.arms:
            first, (_, _, short) = run(options, arm, SHORT, folder)
            said, (peak, compiled, long) = run(options, arm, LONG, folder)
            step = a_step(short, long)
            rows = first["arms"] + said["arms"]
            print(f"| {arm} | {compiled} | {sum(step.values()):,.0f} | {min(row['step_ms']['min'] for row in rows):.1f} | {min(row['first_step_s'] for row in rows):.1f} "
                  f"| {peak / 2**30:.1f} |", flush=True)
            if options.kernels:
                for name, n in step.items():
                    print(f"{n:8.1f} {name}")


if __name__ == "__main__":
    main()
