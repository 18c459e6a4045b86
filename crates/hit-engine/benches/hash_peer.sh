#!/bin/sh
# Times sha256sum and openssl on a file as large as that of `hash/2 GiB` in scale.rs, in memory like it.
# Arguments: repetitions (default 5). Prints each wall time in ms; says so where a program is missing.
set -eu
n=${1:-5}
dir=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
trap 'rm -rf "$dir"' EXIT
head -c 2147483648 /dev/zero | tr '\0' 'x' > "$dir/large"
for round in $(seq "$n"); do
    for peer in "sha256sum" "openssl sha256"; do
        command -v "${peer%% *}" >/dev/null || { echo "${peer%% *} is not installed"; continue; }
        start=$(date +%s%N)
        $peer "$dir/large" >/dev/null
        echo "$peer, round $round: $(( ($(date +%s%N) - start) / 1000000 )) ms"
    done
done
