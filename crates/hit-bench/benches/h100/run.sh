#!/bin/sh
# Ours and PyTorch side by side on one machine, and what its libraries could do.
#
#     sh run.sh --here [OPTION...]       measures on this machine, with the binary that lies beside this script or is
#                                        named by --binary, or builds one
#     sh run.sh --pack FOLDER [OPTION]   builds hitrepro (or takes --binary), puts it with all that --here needs into
#                                        FOLDER: copy that to the machine with the GPU, run `sh FOLDER/run.sh --here`
#
#     --device cuda|cpu    cuda if not given
#     --profile NAME       reference on a GPU, smoke on a CPU if not given
#     --binary FILE        a ready hitrepro; `none` measures PyTorch and the ceilings alone
#     --python PROGRAM     one with PyTorch (2.6 or newer) and Python 3.11 or newer; python3 if not given
#     --out FOLDER         where results go, h100-results if not given
#     --budget SECONDS     begin nothing that does not fit any more; 1500 if not given
#     --arms "ID..."       d4a4 D0 a4r if not given
#     --batches "N..."     16 32 if not given; the first one is the main one
#     --rounds N           repetitions of the main rows, in turn; 2 on a GPU, 3 on a CPU if not given
#     --steps N            timed steps of a row, 50 if not given
#     --seconds S          of a row's timed steps, at most; 20 if not given
#
# Every row is a process of its own with a limit of time, and leaves OUT/ROW.json, or OUT/ROW.failed with the reason.
# Rows that are there are not measured again, so a second call goes on where the first was cut. The most important rows
# come first.
# OUT/results.json holds all of them; table.py makes tables of it. Nothing of the machine's settings is changed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
do='' folder='' device=cuda profile='' binary='' python=python3 out=h100-results budget=1500
arms='d4a4 D0 a4r' batches='16 32' rounds='' steps=50 seconds=20

die() { echo "run.sh: $*" >&2; exit 2; }

while [ $# -gt 0 ]; do
    case $1 in
        --here) do=here; shift; continue ;;
        --pack | --device | --profile | --binary | --python | --out | --budget | --arms | --batches | --rounds | \
            --steps | --seconds)
            [ $# -ge 2 ] || die "$1 needs a value" ;;
        *) die "\`$1\` is not known; the first lines of $0 say what is" ;;
    esac
    case $1 in
        --pack) do=pack folder=$2 ;;
        --device) device=$2 ;;
        --profile) profile=$2 ;;
        --binary) binary=$2 ;;
        --python) python=$2 ;;
        --out) out=$2 ;;
        --budget) budget=$2 ;;
        --arms) arms=$2 ;;
        --batches) batches=$2 ;;
        --rounds) rounds=$2 ;;
        --steps) steps=$2 ;;
        --seconds) seconds=$2 ;;
    esac
    shift 2
done
[ -n "$do" ] || die 'say --here or --pack FOLDER; the first lines of this file say more'
case $device in
    cuda)
        main=bf16 others='tf32 f32' compiling=180
        : "${profile:=reference}" "${rounds:=2}"
        ;;
    cpu)
        main=f32 others=bf16 compiling=600
        : "${profile:=smoke}" "${rounds:=3}"
        ;;
    *) die "--device is cuda or cpu, not \`$device\`" ;;
esac

# ---- The binary ------------------------------------------------------------------------------------------------------

root=$(cd "$here/../../../.." 2>/dev/null && pwd) || root=/nowhere
# What a checkout has and a packed folder, too: pipeline.toml, and the paper, without which no campaign can be foretold.
project=$here
[ -f "$project/pipeline.toml" ] || project=$root
pipeline=$project/pipeline.toml
[ -f "$pipeline" ] || die 'no pipeline.toml beside this script or at the root of its checkout'

# Prints the path of a hitrepro that runs here.
find_binary() {
    if [ -n "$binary" ]; then
        [ -x "$binary" ] || die "$binary is no program"
        echo "$binary"
    elif [ -f "$here/hitrepro.xz" ]; then
        # Python can do it where xz is missing.
        "$python" -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.argv[1]), open(sys.argv[2], "wb"))' \
            "$here/hitrepro.xz" "$1/hitrepro"
        chmod +x "$1/hitrepro"
        echo "$1/hitrepro"
    else
        [ -f "$root/Cargo.toml" ] || die 'no hitrepro beside this script, no checkout to build one from; see --binary'
        (cd "$root" && cargo build --release --workspace --bin hitrepro 1>&2)
        echo "${CARGO_TARGET_DIR:-$root/target}/release/hitrepro"
    fi
}

# Prints where the source is at, as JSON.
source_of() {
    if [ -f "$here/source.json" ]; then
        cat "$here/source.json"
    elif commit=$(git -C "$root" rev-parse HEAD 2>/dev/null); then
        changed=false
        [ -z "$(git -C "$root" status --porcelain)" ] || changed=true
        printf '{"commit": "%s", "changed": %s}\n' "$commit" "$changed"
    else
        echo null
    fi
}

if [ "$do" = pack ]; then
    mkdir -p "$folder"
    folder=$(cd "$folder" && pwd)
    built=$(find_binary "$folder")
    cp "$built" "$folder/hitrepro.tmp"
    strip "$folder/hitrepro.tmp" 2>/dev/null || echo 'strip is missing or failed: the binary travels as it is' >&2
    "$python" -c 'import lzma, shutil, sys; shutil.copyfileobj(open(sys.argv[1], "rb"), lzma.open(sys.argv[2], "wb"))' \
        "$folder/hitrepro.tmp" "$folder/hitrepro.xz"
    rm -f "$folder/hitrepro.tmp"
    cp "$here/run.sh" "$here/peer.py" "$here/peer_model.py" "$here/ceilings.py" "$here/profiles.py" "$here/table.py" \
        "$folder/"
    cp -R "$pipeline" "$project/paper" "$folder/"
    source_of >"$folder/source.json"
    du -sh "$folder"
    echo "there: sh $(basename "$folder")/run.sh --here"
    exit 0
fi

# ---- Rows ------------------------------------------------------------------------------------------------------------

begin=$(date +%s)
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command -v timeout >/dev/null || die 'the program timeout is needed (coreutils)'
"$python" -c 'import tomllib, torch; assert tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 6)' 2>/dev/null ||
    die "$python has no PyTorch 2.6 or is older than Python 3.11; name another with --python"
# Compiled kernels stay for the next call, as they do for whoever uses PyTorch.
export TORCHINDUCTOR_CACHE_DIR="$out/inductor" PYTHONDONTWRITEBYTECODE=1

# Kernels of ours are compiled against a toolkit's headers: where there is none, those that came with PyTorch.
if [ "$device" = cuda ] && [ -z "${CUDA_PATH:-}" ] && [ ! -e /usr/local/cuda/include/mma.h ]; then
    packaged=$("$python" -c 'import nvidia, pathlib
for folder in nvidia.__path__:
    for header in sorted(pathlib.Path(folder).glob("*/include/mma.h")):
        print(header.parents[1])' 2>/dev/null | head -n 1)
    if [ -n "$packaged" ]; then
        export CUDA_PATH="$packaged" LD_LIBRARY_PATH="$packaged/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
        [ -e "$packaged/include/crt/mma.h" ] || echo 'run.sh: bf16 needs the Python package nvidia-cuda-crt, too' >&2
    fi
fi

left() { echo $((budget - $(date +%s) + begin)); }

# row NAME LIMIT COMMAND...: its output becomes OUT/NAME.json. Never fails: what went wrong stands in OUT/NAME.failed.
row() {
    name=$1 limit=$2
    shift 2
    if [ -s "$out/$name.json" ]; then return 0; fi
    if [ "$(left)" -lt 15 ]; then
        [ -f "$out/$name.failed" ] || echo 'no time was left' >"$out/$name.failed"
        return 0
    fi
    if [ "$limit" -gt "$(left)" ]; then limit=$(left); fi
    status=0
    timeout -k 10 "$limit" "$@" >"$work/part" 2>"$out/$name.log" </dev/null || status=$?
    if [ "$status" = 0 ] && [ -s "$work/part" ]; then
        mv "$work/part" "$out/$name.json"
        rm -f "$out/$name.failed"
        echo "$name ($(left) s left)" >&2
        return 0
    fi
    if [ "$status" = 124 ] || [ "$status" = 137 ]; then
        echo "stopped after $limit s" >"$out/$name.failed"
    else
        # Ours says first what is wrong, Python last.
        why=$(grep -m 1 -e '^error' -e '×' "$out/$name.log" || grep -v '^ *$' "$out/$name.log" | tail -n 1)
        printf 'status %s: %s\n' "$status" "$why" >"$out/$name.failed"
    fi
    echo "$name: $(cat "$out/$name.failed")" >&2
}

# ours NAME LIMIT ARM BATCH KIND STEPS [OPTION...]
ours() {
    [ "$binary" != none ] || return 0
    name=$1 limit=$2 arm=$3 batch=$4 kind=$5 n=$6
    shift 6
    row "$name" "$limit" "$hitrepro" bench "$arm" --profile "bench-$batch-$kind" --config "$work/bench.toml" \
        --cache "$work/cache" --results "$work/results" --device "$device" --precision "$main" --steps "$n" \
        --seconds "$seconds" --format json --quiet "$@"
}

# Prints the file that PyTorch reads its sizes from: ours if it is there.
spec_of() {
    file="$out/ours-$1-$2-$3-1.json"
    if [ -s "$file" ]; then echo "$file"; else echo "$work/sizes-$2-$3.json"; fi
}

# peer NAME LIMIT ARM BATCH KIND MODE PRECISION [OPTION...]
peer() {
    name=$1 limit=$2 arm=$3 file=$(spec_of "$3" "$4" "$5") mode=$6 precision=$7
    shift 7
    set -- "$python" "$here/peer.py" "$arm" --spec "$file" --device "$device" --mode "$mode" --precision "$precision" \
        --steps "$steps" --seconds "$seconds" "$@"
    row "$name" "$limit" "$@"
    # The fastest attention may be one that this GPU or PyTorch has not.
    if [ "$device" = cuda ] && [ -f "$out/$name.failed" ] && grep -q '^status' "$out/$name.failed"; then
        row "$name" "$limit" "$@" --attention default
    fi
}

# ceiling ARM PRECISION
ceiling() {
    row "ceilings-$1-$first-frozen-$2" 90 "$python" "$here/ceilings.py" "$1" --spec "$(spec_of "$1" "$first" frozen)" \
        --device "$device" --precision "$2"
}

# beside BATCH KIND ROUND: for every arm ours, PyTorch compiled, PyTorch eager.
beside() {
    for one in $arms; do
        ours "ours-$one-$1-$2-$3" 200 "$one" "$1" "$2" "$steps"
        peer "pytorch-$one-$1-$2-compile-$main-$3" "$compiling" "$one" "$1" "$2" compile "$main"
        peer "pytorch-$one-$1-$2-eager-$main-$3" 90 "$one" "$1" "$2" eager "$main"
    done
}

# repeated ARM...: the same bits twice, in processes of their own.
repeated() {
    for one in "$@"; do
        for try in 1 2; do
            ours "repeat-$one-$try" 240 "$one" "$first" frozen 3 --hash-after 200
        done
    done
}

gpu_state() {
    fields=name,driver_version,memory.total,clocks.sm,clocks.max.sm,clocks.mem,power.draw,power.limit,temperature.gpu
    nvidia-smi --query-gpu="$fields" --format=csv 2>/dev/null || echo 'no nvidia-smi'
}

first=${batches%% *}
ln -s "$project/paper" "$work/paper"
# shellcheck disable=SC2086 # lists of words
"$python" "$here/profiles.py" variants "$pipeline" "$profile" $batches >"$work/bench.toml"
for batch in $batches; do
    for kind in frozen trained; do
        # shellcheck disable=SC2086
        "$python" "$here/profiles.py" spec "$work/bench.toml" "bench-$batch-$kind" $arms \
            >"$work/sizes-$batch-$kind.json"
    done
done
hitrepro=''
if [ "$binary" != none ]; then hitrepro=$(find_binary "$work"); fi
printf '{"profile": "%s", "device": "%s", "first_batch": %s}\n' "$profile" "$device" "$first" >"$out/run.about"
source_of >"$out/source.about"
gpu_state | tee "$out/gpu-before.txt" >&2
grep -m 1 'model name' /proc/cpuinfo >&2 || true

beside "$first" frozen 1
for one in $arms; do ceiling "$one" "$main"; done
repeated "${arms%% *}"
for batch in $batches; do
    if [ "$batch" != "$first" ]; then beside "$batch" frozen 1; fi
done
beside "$first" trained 1
for precision in $others; do
    for one in $arms; do
        peer "pytorch-$one-$first-frozen-eager-$precision-1" 90 "$one" "$first" frozen eager "$precision" --embed no
        peer "pytorch-$one-$first-frozen-compile-$precision-1" "$compiling" "$one" "$first" frozen compile \
            "$precision" --embed no
    done
done
if [ "$device" = cuda ]; then
    for one in $arms; do
        peer "pytorch-$one-$first-frozen-graphs-$main-1" "$compiling" "$one" "$first" frozen graphs "$main"
    done
fi
round=2
while [ "$round" -le "$rounds" ]; do
    beside "$first" frozen "$round"
    round=$((round + 1))
done
for precision in $others; do
    for one in $arms; do ceiling "$one" "$precision"; done
done
# shellcheck disable=SC2086
repeated $arms
for batch in $batches; do
    if [ "$batch" != "$first" ]; then beside "$batch" trained 1; fi
done

gpu_state | tee "$out/gpu-after.txt" >&2
"$python" "$here/table.py" --merge "$out" >"$work/results.json"
mv "$work/results.json" "$out/results.json"
"$python" "$here/table.py" "$out/results.json"
echo "all of it: $out/results.json; table.py --doc docs/performance.md puts it into the page" >&2
