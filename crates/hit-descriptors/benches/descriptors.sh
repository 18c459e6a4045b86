#!/bin/sh
# Sets descriptors.rs beside its peer, tests/golden/bench_librosa.py: both on one core, in turn, ROUNDS times (default 5),
# and one table of milliseconds a window. Of each the median of the rounds' medians, and the least of all runs, which is
# the one to read where others use the machine. Needs a python with librosa (PYTHON, default python3).
#
#     PYTHON=venv/bin/python crates/hit-descriptors/benches/descriptors.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../../..
python=${PYTHON:-python3}
rounds=${ROUNDS:-5}
core=${CORE:-1}
"$python" -c 'import librosa' 2>/dev/null || { echo "$python has no librosa: nothing to compare with"; exit 0; }
cd "$root"
cargo bench --offline -q -p hit-descriptors --bench descriptors --no-run
found=$(mktemp)
trap 'rm -f "$found"' EXIT
for _ in $(seq "$rounds"); do
    taskset -c "$core" cargo bench --offline -q -p hit-descriptors --bench descriptors -- --json | sed 's/^/ours /' >>"$found"
    OMP_NUM_THREADS=1 taskset -c "$core" "$python" tests/golden/bench_librosa.py --json | sed 's/^/peer /' >>"$found"
done
"$python" - "$found" <<'TABLE'
import json, statistics, sys

runs = {"ours": [], "peer": []}
for line in open(sys.argv[1]):
    who, text = line.split(" ", 1)
    runs[who].append(json.loads(text))


def times(who, id, dtype):
    medians, leasts = zip(*(run[id][dtype] for run in runs[who]))
    return statistics.median(medians), min(leasts)


print(f"{'ms a window':12}{'ours':>15}{'float32':>15}{'float64':>15}{'ours/float32':>16}{'ours/float64':>16}")
for id in runs["peer"][0]:
    ours, single, double = times("ours", id, "float64"), times("peer", id, "float32"), times("peer", id, "float64")
    cells = "".join(f"{a:>8.3f} {b:>6.3f}" for a, b in (ours, single, double))
    ratios = "".join(f"{p[0] / ours[0]:>9.1f} {p[1] / ours[1]:>5.1f}x" for p in (single, double))
    print(f"{id:12}{cells}{ratios}")
print("(each: median, least; the last columns say how many times faster ours is)")
TABLE
