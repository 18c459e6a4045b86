#!/bin/sh
# Times ninja on a graph of the shape of graph.rs: N stages (default 1000) in layers of 10, each reading two of the
# layer before. Prints cold and no-op wall time. Needs ninja; says so and ends well where there is none.
set -eu
n=${1:-1000}
command -v ninja >/dev/null || { echo "ninja is not installed: nothing to compare with"; exit 0; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
awk -v n="$n" 'BEGIN {
    print "rule work"; print "  command = cat $in /dev/null > $out"
    for (i = 0; i < n; i++) {
        from = ""
        if (i >= 10) { layer = (int(i / 10) - 1) * 10; from = " out" layer + i % 10 " out" layer + (i + 1) % 10 }
        print "build out" i ": work" from
    }
}' > build.ninja
for what in cold no-op no-op; do
    start=$(date +%s%N)
    ninja -j2 >/dev/null
    echo "$what/$n: $(( ($(date +%s%N) - start) / 1000000 )) ms"
done
