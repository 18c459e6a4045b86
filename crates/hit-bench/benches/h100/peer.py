"""Training steps of the arms in PyTorch, timed: what `hitrepro bench` is set beside.

    python3 peer.py --spec ours.json [ARM...]  trains the arms that `hitrepro bench --format json` printed; prints JSON
    python3 peer.py --check [FOLDER]           holds the modules against tests/golden/parity.py, or FOLDER/parity.py

The modules (peer_model.py) are written from the specification as one writes PyTorch for speed: attention over packed
projections by scaled_dot_product_attention, autocast with float32 master weights, fused AdamW, foreach clipping,
torch.compile where asked. Sizes, dropout, frozen parameters, loss, learning rates and clipping are those of the file.

What a step is: a batch that lies ready in (pinned) main memory goes to the device, forward, loss, backward, clipping,
AdamW with the rates of the step, and one read of five values: loss, its three terms, norm of the gradient. That read is
the only time a step waits for the device; ours does the same. Four random batches take turns, of `n_notes` notes a
window in the mean, padded as the file says (`padded_notes`); for a compiled model all to the longest, so that it is
compiled once.

Families `base` and `inject` with concat, cross_attention, reverse_cross_attention; other arms are named in `skipped`.
"""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

STARTED = time.perf_counter()

import torch
from torch import nn

from peer_model import Model, adamw, below, unsupported, vicreg

# ---- Training ------------------------------------------------------------------------------------------------------


class Trainer:
    """A model with its optimiser; `step` is what is timed."""

    def __init__(self, arm, device, mode, precision):
        torch.manual_seed(7)
        self.device, self.train, options = device, arm["train"], arm["options"]
        with torch.device(device):
            self.model = Model(arm["model"], arm["injections"], options)
        for name, p in self.model.named_parameters():
            p.requires_grad_(not any(below(name, prefix) for prefix in arm["frozen"]))
        self.params = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = adamw(self.model, self.train)
        half = lambda: torch.autocast(device, torch.bfloat16)
        self.autocast = half if precision == "bf16" else contextlib.nullcontext
        how = {"eager": None, "compile": "default", "graphs": "reduce-overhead"}[mode]
        ready = (lambda f: f) if how is None else (lambda f: torch.compile(f, mode=how, dynamic=False))
        self.objective, self.embed = ready(self.objective), ready(self.embed)

    def upload(self, host):
        return {name: value.to(self.device, non_blocking=True) for name, value in host.items()}

    def objective(self, batch):
        with self.autocast():
            audio, midi = self.model(batch)
        return vicreg(audio.float(), midi.float(), self.train["loss"])

    def embed(self, batch):
        with self.autocast():
            audio, midi = self.model(batch)
        return torch.cat([audio, midi], 1).float()

    def step(self, host, factor, mark=lambda part: None):
        """One step at the rates times `factor`. Returns the loss, its terms and the gradient's norm as numbers."""
        mark(None)
        batch = self.upload(host)
        mark("upload")
        self.optimizer.zero_grad(set_to_none=True)
        loss, terms = self.objective(batch)
        mark("forward")
        loss.backward()
        mark("backward")
        norm = nn.utils.clip_grad_norm_(self.params, self.train["optimizer"]["clip_norm"], foreach=True)
        for group in self.optimizer.param_groups:
            group["lr"] = group["base"] * factor
        self.optimizer.step()
        mark("optimizer")
        return torch.cat([loss.detach()[None], terms, norm[None]]).tolist()


# ---- Measuring -----------------------------------------------------------------------------------------------------


def padded_notes(arm):
    """Notes that each of the four batches is padded to: as ours were, else the most that there can be."""
    least, most = note_limits(arm)
    return arm.get("padded_notes") or [most + -most % 8] * 4


def note_limits(arm):
    """Fewest and most notes of a window: half as many to half as many more than in the mean."""
    least = (arm["n_notes"] + 1) // 2
    return least, 2 * arm["n_notes"] - least


def batches(arm, one_shape=False):
    """Random batches in main memory: what a loader hands over."""
    g = torch.Generator().manual_seed(7)
    size, durations, padded = arm["batch"], arm["model"]["midi"]["n_durations"], padded_notes(arm)
    least, most = note_limits(arm)
    out = []
    for notes in [max(padded)] * len(padded) if one_shape else padded:
        ids = lambda limit: torch.randint(limit, (size, notes), generator=g)
        lengths = torch.randint(least, min(most, notes) + 1, (size,), generator=g)
        lengths[0] = min(most, notes)
        valid = torch.arange(notes)[None] < lengths[:, None]
        batch = {"audio": torch.randn(size, arm["n_samples"], generator=g) * 0.1, "valid": valid,
                 "pitch": ids(128), "velocity": ids(128), "duration": ids(durations)}
        for i in arm["injections"]:
            rows = notes if i["side"] == "midi" else arm["n_frames"][i["descriptor"]]
            values = torch.randn(size, rows, i["dims"], generator=g)
            batch[i["descriptor"]] = values * valid[:, :, None] if i["side"] == "midi" else values
        out.append(batch)
    return out


class Laps:
    """Time between marks: events on the device's stream, which wait for nothing, or the clock."""

    def __init__(self, device):
        self.device, self.marks = device, []

    def __call__(self, part):
        now = torch.cuda.Event(enable_timing=True) if self.device == "cuda" else time.perf_counter()
        if self.device == "cuda":
            now.record()
        self.marks.append((part, now))

    def medians(self):
        """Milliseconds by part."""
        if self.device == "cuda":
            torch.cuda.synchronize()
        parts = {}
        for (_, a), (part, b) in zip(self.marks, self.marks[1:]):
            if part is not None:
                parts.setdefault(part, []).append(a.elapsed_time(b) if self.device == "cuda" else (b - a) * 1e3)
        return {part: round(statistics.median(laps), 4) for part, laps in parts.items()}


def summary(values):
    """Median, least and 90th percentile of milliseconds."""
    ordered = sorted(values)
    p90 = ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]
    median, least = round(statistics.median(ordered), 4), round(ordered[0], 4)
    return {"median": median, "min": least, "p90": round(p90, 4), "n": len(ordered)}


def timed(run, n, seconds):
    """Milliseconds of up to n runs: as many as fit into `seconds`, three at least."""
    values, begin = [], time.perf_counter()
    for i in range(n):
        start = time.perf_counter()
        run(i)
        now = time.perf_counter()
        values.append((now - start) * 1e3)
        if i >= 2 and now - begin > seconds:
            break
    return values


def embedding_rate(trainer, data, args):
    """Windows a second, audio and MIDI: upload, forward in evaluation, embeddings back in main memory."""
    trainer.model.eval()
    with torch.inference_mode():
        run = lambda i: trainer.embed(trainer.upload(data[i % len(data)])).cpu()
        timed(run, 3, 0)
        values = timed(run, args.steps, args.seconds / 2)
    trainer.model.train()
    return round(len(data[0]["audio"]) / statistics.median(values) * 1e3, 3)


def reset_peak(device):
    """Starts a new peak, as ours does. The GPU is not opened for it: that belongs to the first step."""
    if device == "cuda" and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/clear_refs").write_text("5")


def gpu_memory():
    """Bytes that the driver has given this process, as ours reads them, or else those that the allocator holds."""
    query = ["nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"]
    with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
        lines = subprocess.run(query, capture_output=True, text=True, check=True).stdout.splitlines()
        own = [line.split(",")[1] for line in lines if line.split(",")[0].strip() == str(os.getpid())]
        if own:
            return sum(int(mib) for mib in own) << 20
    return torch.cuda.max_memory_reserved()


def host_memory():
    """Largest main memory of the process, bytes; None where the system does not tell."""
    with contextlib.suppress(OSError, StopIteration):
        lines = pathlib.Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024
    return None


def measure(arm, args):
    """The figures of an arm, in the shape of ours."""
    reset_peak(args.device)
    data = batches(arm, one_shape=args.mode != "eager")
    begin = time.perf_counter()
    trainer = Trainer(arm, args.device, args.mode, args.precision)
    if args.device == "cuda":
        data = [{name: value.pin_memory() for name, value in batch.items()} for batch in data]
    warmup = arm["train"].get("warmup_steps", 200)
    count, losses = 0, []

    def step(_, mark=lambda part: None):
        nonlocal count
        count += 1
        if args.mode == "graphs":
            torch.compiler.cudagraph_mark_step_begin()
        losses.append(trainer.step(data[count % len(data)], min(1.0, count / warmup), mark)[0])

    step(0)
    first = time.perf_counter() - begin
    timed(step, max(args.warmup, 2 * len(data)), args.seconds)
    values = timed(step, args.steps, args.seconds)
    laps = Laps(args.device)
    timed(lambda i: step(i, laps), max(3, args.steps // 4), args.seconds / 2)
    if not all(map(lambda loss: loss == loss and abs(loss) < 1e30, losses)):
        raise SystemExit(f"{arm['arm']}: the loss is not finite ({losses[0]} to {losses[-1]}): no figures")
    n = sum(p.numel() for p in trainer.model.parameters())
    if arm.get("n_parameters") not in (None, n):
        raise SystemExit(f"{arm['arm']}: {n} parameters here, {arm['n_parameters']} in {args.spec}: not the same model")
    step_ms, embed = summary(values), embedding_rate(trainer, data, args) if args.embed == "yes" else None
    host, cuda = host_memory(), args.device == "cuda"
    keep = ("arm", "family", "injections", "batch", "n_samples", "n_notes", "n_frames", "frozen", "flops_per_window")
    return {
        **{key: arm.get(key) for key in keep},
        "n_parameters": n,
        "n_trained": sum(p.numel() for p in trainer.params),
        "first_step_s": round(first, 3),
        "step_ms": step_ms,
        "windows_per_s": round(arm["batch"] / step_ms["median"] * 1e3, 3),
        "parts_ms": laps.medians(),
        "padded_notes": [len(batch["pitch"][0]) for batch in data],
        "embed_windows_per_s": embed,
        "peak_memory_bytes": gpu_memory() if cuda else host,
        "peak_allocated_bytes": torch.cuda.max_memory_allocated() if cuda else None,
        "peak_host_bytes": host,
        "loss": [round(losses[0], 5), round(losses[-1], 5)],
        "hash": None,
    }


def hardware():
    """In the shape of provenance.json."""
    cpu = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cores": os.cpu_count(), "cpu": cpu, "gpus": gpus, "memory_bytes": memory,
            "system": f"{sys.platform}-{platform.machine()}"}


def read_spec(path, names):
    """The arms of ours.json, those that are named or all of them."""
    try:
        spec = json.loads(pathlib.Path(path).read_text())
    except (OSError, ValueError) as error:
        raise SystemExit(f"{path}: {error}; give --spec what `hitrepro bench --format json` printed")
    if spec.get("schema") != 1:
        raise SystemExit(f"{path}: schema {spec.get('schema')}, this script reads schema 1")
    known = [arm["arm"] for arm in spec["arms"]]
    for name in names:
        if name not in known:
            raise SystemExit(f"{path}: no arm `{name}`; it has {', '.join(known)}")
    needed = ("arm", "family", "model", "injections", "frozen", "train", "batch", "n_samples", "n_notes", "n_frames")
    for arm in spec["arms"]:
        lacking = [key for key in needed if key not in arm]
        if lacking:
            raise SystemExit(f"{path}: arm `{arm.get('arm')}` has no {', '.join(lacking)}")
    return spec, [arm for arm in spec["arms"] if not names or arm["arm"] in names]


def adjusted(arm, args):
    """The arm with the batch size and the frozen parts that were asked for."""
    arm = {**arm, "options": arm.get("options") or {}, "batch": args.batch or arm["batch"]}
    if args.frozen == "no":
        arm["frozen"] = []
    elif args.frozen == "yes" and not arm["frozen"]:
        arm["frozen"] = ["audio.cnn", "audio.positions"]
    return arm


def set_up(args, spec):
    """Threads, precision of matrix products, order in which attention's kernels are tried."""
    if args.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("no GPU that PyTorch can use; --device cpu measures on the CPU")
    if args.device == "cpu" and args.precision == "tf32":
        raise SystemExit("tf32 is a precision of GPUs; take f32 or bf16 on the CPU")
    threads = args.threads or (spec.get("threads") if args.device == "cpu" else None)
    torch.set_num_threads(threads or torch.get_num_threads())
    torch.set_float32_matmul_precision("highest" if args.precision == "f32" else "high")
    torch.backends.cudnn.allow_tf32 = args.precision != "f32"
    torch.backends.cudnn.benchmark = True
    if args.device == "cpu" or args.attention == "default":
        return contextlib.nullcontext()
    from torch.nn.attention import SDPBackend as B, sdpa_kernel

    return sdpa_kernel([B.CUDNN_ATTENTION, B.FLASH_ATTENTION, B.EFFICIENT_ATTENTION, B.MATH], set_priority=True)


def about(args):
    """What every file of this side says of itself."""
    attention = args.attention if args.device == "cuda" else "default"
    return {
        "schema": 1, "side": "pytorch", "version": torch.__version__, "cuda": torch.version.cuda,
        "mode": args.mode, "precision": args.precision, "device": args.device, "attention": attention,
        "threads": torch.get_num_threads(), "hardware": hardware(),
    }


def bench(args):
    spec, arms = read_spec(args.spec, args.arm)
    attention = set_up(args, spec)
    imported = time.perf_counter() - STARTED
    done, skipped = [], []
    with attention:
        for arm in arms:
            why = unsupported(arm)
            if why:
                print(f"{arm['arm']}: skipped, {why}", file=sys.stderr)
                skipped.append({"arm": arm["arm"], "why": why})
                continue
            done.append(measure(adjusted(arm, args), args))
            rate, step = done[-1]["windows_per_s"], done[-1]["step_ms"]["median"]
            print(f"{arm['arm']}: {rate} windows/s, {step} ms", file=sys.stderr)
    extra = {"profile": spec.get("profile"), "import_s": round(imported, 3)}
    return {**about(args), **extra, "arms": done, "skipped": skipped}


# ---- Check against parity.py ---------------------------------------------------------------------------------------


def check_case(parity, cases, case):
    """The largest difference between our modules and parity.py's with equal weights, in float64 with dropout 0:
    embeddings in evaluation, the loss, the gradients, and the parameters after one step of clipping and AdamW."""
    torch.manual_seed(3)
    reference = parity.build(cases["model"], case["family"], case["injections"], case["options"])
    with torch.no_grad():
        for p in reference.parameters():  # nothing zero, nothing one: every term shows
            p.add_(torch.randn_like(p) * 0.2)
    frames = {i["descriptor"]: 19 for i in case["injections"]}
    train = {key: cases[key] for key in ("loss", "optimizer", "groups")}
    arm = {"arm": case["name"], **case, "model": cases["model"], "frozen": cases["frozen"], "train": train}
    arm |= {"batch": 5, "n_samples": 480, "n_notes": 7, "padded_notes": [10], "n_frames": frames}
    trainer = Trainer(arm, "cpu", "eager", "f32")
    lacking = trainer.model.load_state_dict(reference.state_dict(), strict=False)
    other = [*lacking.missing_keys, *lacking.unexpected_keys]
    other = [name for name in other if not name.endswith("num_batches_tracked")]
    if other:
        raise SystemExit(f"{case['name']}: names differ: {', '.join(other)}")
    host = batches(arm)[0]
    lengths, notes = host["valid"].sum(1), ("audio", "pitch", "velocity", "duration")
    view = parity.SimpleNamespace(lengths=lengths, padding=~host["valid"], **{name: host[name] for name in notes},
                                  descriptors={i["descriptor"]: host[i["descriptor"]] for i in case["injections"]})
    worst = {}

    def hold(what, ours, theirs):
        worst[what] = max(worst.get(what, 0.0), float((ours - theirs).detach().abs().max()))

    for model in (trainer.model, reference):
        model.eval()
    ours, theirs = trainer.model(host), reference(view)
    hold("embeddings", ours[0], theirs.audio)
    hold("embeddings", ours[1], theirs.midi)
    for model in (trainer.model, reference):
        model.train()
    parity.freeze(reference, cases["frozen"])
    params = parity.trained(reference)
    # Both see the float64 embeddings: `objective` would round them to float32 for the loss.
    trainer.objective = lambda batch: vicreg(*trainer.model(batch), arm["train"]["loss"])
    loss = parity.total_loss(reference(view), cases["loss"], case["options"])
    loss.backward()
    norm = nn.utils.clip_grad_norm_(params.values(), cases["optimizer"]["clip_norm"])
    parity.adamw(params, cases["groups"], cases["optimizer"], 0.5).step()
    values = trainer.step(host, 0.5)
    hold("loss and norm", torch.tensor([values[0], values[4]], dtype=torch.float64), torch.stack([loss, norm]).detach())
    own = dict(trainer.model.named_parameters())
    for name, p in params.items():
        grad = torch.zeros_like(p) if p.grad is None else p.grad
        hold("gradients", own[name].grad if own[name].grad is not None else torch.zeros_like(p), grad)
        # A gradient that is zero by nature is rounding noise, and AdamW's first step is its sign.
        hold("a step", torch.where(grad.abs() > 1e-9, own[name] - p, 0.0).detach(), torch.zeros_like(p))
    return worst


def check(folder):
    """Prints the differences by arm; 1 if one is beyond rounding."""
    folder = pathlib.Path(folder or pathlib.Path(__file__).resolve().parents[4] / "tests/golden")
    if not (folder / "parity.py").is_file():
        raise SystemExit(f"{folder} holds no parity.py; name the folder of a checkout's tests/golden")
    sys.path.insert(0, str(folder))
    import parity

    torch.set_default_dtype(torch.float64)
    cases = json.loads((folder / "parity.json").read_text())["cases"]
    bad = 0
    for case in cases["cases"]:
        if unsupported({**case, "arm": case["name"]}):
            continue
        worst = check_case(parity, cases, case)
        fine = all(value < 1e-10 for value in worst.values())
        bad += not fine
        found = "  ".join(f"{what} {value:.0e}" for what, value in worst.items())
        print(f"{case['name']:14} {found}{'' if fine else '  WRONG'}")
    return 1 if bad else 0


# ---- Command line --------------------------------------------------------------------------------------------------


def arguments(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("arm", nargs="*", help="arms of the file; all of them without")
    parser.add_argument("--spec", help="what `hitrepro bench --format json` printed")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    modes = ["eager", "compile", "graphs"]
    parser.add_argument("--mode", choices=modes, default="eager", help="graphs: compiled, in CUDA graphs")
    parser.add_argument("--precision", choices=["f32", "tf32", "bf16"], default="f32")
    parser.add_argument("--batch", type=int, help="windows a batch, instead of the file's")
    parser.add_argument("--frozen", choices=["yes", "no"], help="CNN and positions of the audio; the file's without")
    parser.add_argument("--steps", type=int, help="timed steps (50 on a GPU, 20 on a CPU)")
    parser.add_argument("--warmup", type=int, help="steps before, each batch twice at least (10 on a GPU)")
    parser.add_argument("--seconds", type=float, default=60.0, help="end the timed steps earlier after this long")
    parser.add_argument("--threads", type=int, help="threads on the CPU; the file's without")
    orders = ["fastest", "default"]
    parser.add_argument("--attention", choices=orders, default="fastest", help="cuDNN, flash, ... or PyTorch's order")
    parser.add_argument("--embed", choices=["yes", "no"], default="yes", help="also time embedding")
    parser.add_argument("--check", nargs="?", const="", metavar="FOLDER", help="compare with parity.py instead")
    args = parser.parse_args(argv)
    if args.check is None and not args.spec:
        parser.error("--spec FILE or --check is needed")
    args.steps = args.steps or (50 if args.device == "cuda" else 20)
    args.warmup = (10 if args.device == "cuda" else 0) if args.warmup is None else args.warmup
    return args


if __name__ == "__main__":
    args = arguments()
    if args.check is not None:
        sys.exit(check(args.check))
    json.dump(bench(args), sys.stdout, indent=1)
    print()
