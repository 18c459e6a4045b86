#!/bin/sh
# Ours and the peers over the audio files of a folder, in turn, so that both meet the same machine:
#
#     sh crates/hit-corpus/benches/prepare.sh FOLDER [JOBS] [ROUNDS]
#
# PYTHON names the interpreter (with librosa, soundfile, soxr), CORE the core that one job is pinned to. Prints per format
# and method the least and the median of the rounds: seconds a file and times real time; and the ratio to ours.
set -eu
folder=$1 jobs=${2:-1} rounds=${3:-7}
here=$(dirname "$0")
export OMP_NUM_THREADS=1
pin=
if [ "$jobs" = 1 ]; then pin="taskset -c ${CORE:-0}"; fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
cargo bench -q -p hit-corpus --bench prepare --no-run
for format in wav flac ogg mp3; do
    n=$(find "$folder" -maxdepth 1 -name "*.$format" | wc -l)
    if [ "$n" = 0 ]; then continue; fi
    for _ in $(seq "$rounds"); do
        for method in ours soundfile soundfile32 librosa; do
            if [ "$method" = ours ]; then
                set -- $pin cargo bench -q -p hit-corpus --bench prepare -- --folder "$folder" --format "$format" --jobs "$jobs"
            else
                set -- $pin "${PYTHON:-python3}" "$here/prepare_peer.py" "$method" "$folder" "$format" "$jobs"
            fi
            echo "$format $n $method $("$@")" >> "$log"
        done
    done
done
sort -k1,1 -k3,3 -k4,4n "$log" | awk -v jobs="$jobs" '
    function flush() {
        if (!m) return
        median = m % 2 ? s[(m + 1) / 2] : (s[m / 2] + s[m / 2 + 1]) / 2
        least[key] = s[1] / n; middle[key] = median / n; real[key] = audio / median; keys[++k] = key; m = 0
    }
    { if (key != $1 " " $3) { flush(); key = $1 " " $3 } n = $2; audio = $5; s[++m] = $4 }
    END {
        flush()
        printf "%-18s %10s %10s %10s %8s   (%d at a time)\n", "", "least ms", "median ms", "real time", "ours x", jobs
        for (i = 1; i <= k; i++) {
            split(keys[i], part, " ")
            printf "%-18s %10.1f %10.1f %9.0fx %8.2f\n", keys[i], 1e3 * least[keys[i]], 1e3 * middle[keys[i]], real[keys[i]], middle[keys[i]] / middle[part[1] " ours"]
        }
    }'
