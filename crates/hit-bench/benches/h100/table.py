"""Tables of what run.sh measured. Needs Python alone.

    python3 table.py RESULTS.json...                    prints the tables
    python3 table.py --merge FOLDER                     prints one JSON of a folder that run.sh filled
    python3 table.py --doc PAGE.md RESULTS.json...      puts them into the page, between its markers
    python3 table.py --check PAGE.md RESULTS.json...    1 if the page says something else

A page has `<!-- bench DEVICE -->` and `<!-- end bench DEVICE -->`, each on a line; what stands between is made. What
was not measured is called so, with the reason where there is one. Ratios are of rows of the same round, which ran one
after the other; a figure of several rounds is the median of their medians, and the least of all.
"""

import json
import pathlib
import re
import statistics
import sys

NOT = "not measured"
PARTS = ("upload", "forward", "backward", "optimizer")
DEVICES = ("cpu", "cuda")
BULK = ("model", "train", "options", "injections", "n_frames", "padded_notes")


# ---- Reading -------------------------------------------------------------------------------------------------------


def merge(folder):
    """What stands in a folder, as one value: rows by name, reasons of those that failed, the state of the GPU."""
    folder = pathlib.Path(folder)
    if not (folder / "run.about").is_file():
        raise SystemExit(f"{folder} holds no run.about: no folder that run.sh filled")
    read = lambda name: (folder / name).read_text(encoding="utf-8")
    files = [path for path in sorted(folder.glob("*.json")) if path.name != "results.json"]
    rows = {path.stem: json.loads(read(path.name)) for path in files}
    for row in rows.values():
        row.pop("forecast", None)
        row["arms"] = [{key: value for key, value in arm.items() if key not in BULK} for arm in row["arms"]]
    states = [name for name in ("gpu-before.txt", "gpu-after.txt") if (folder / name).is_file()]
    gpu = [[line.split(", ") for line in read(name).splitlines()] for name in states]
    failed = {path.stem: path.read_text(encoding="utf-8").strip() for path in sorted(folder.glob("*.failed"))}
    about = {"schema": 1, "about": json.loads(read("run.about")), "source": json.loads(read("source.about"))}
    failed = {name: why for name, why in failed.items() if name not in rows}
    return {**about, "gpu": gpu, "failed": failed, "rows": rows}


def written(results):
    """The value as text: a row a line, so that two of them can be compared."""
    head = {key: value for key, value in results.items() if key != "rows"}
    lines = [f" {json.dumps(name)}: {json.dumps(row, sort_keys=True)}" for name, row in sorted(results["rows"].items())]
    return json.dumps(head, sort_keys=True)[:-1] + ', "rows": {\n' + ",\n".join(lines) + "\n}}\n"


def read(path):
    try:
        results = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SystemExit(f"{path}: {error}")
    if results.get("schema") != 1 or "rows" not in results:
        raise SystemExit(f"{path} is no merged result of schema 1; `table.py --merge FOLDER` writes one")
    return results


def name_parts(name):
    """(side, arm, batch, kind, mode, precision, round) of a row's name; None if it is no row of training."""
    ours = re.fullmatch(r"ours-(.+)-(\d+)-(frozen|trained)-(\d+)", name)
    if ours:
        arm, batch, kind, turn = ours.groups()
        return "ours", arm, int(batch), kind, None, None, int(turn)
    theirs = re.fullmatch(r"pytorch-(.+)-(\d+)-(frozen|trained)-(eager|compile|graphs)-(f32|tf32|bf16)-(\d+)", name)
    if theirs:
        arm, batch, kind, mode, precision, turn = theirs.groups()
        return "pytorch", arm, int(batch), kind, mode, precision, int(turn)
    return None


class Results:
    """Rows of training by what they measured: {(side, arm, batch, kind, mode, precision): {round: figures}}."""

    def __init__(self, results):
        self.results, self.rows = results, {}
        self.device, self.profile = results["about"]["device"], results["about"]["profile"]
        self.main = "bf16" if self.device == "cuda" else "f32"
        for name, row in results["rows"].items():
            parts = name_parts(name)
            if parts:
                *key, turn = parts
                # Ours says its own precision.
                figures = {**row["arms"][0], "precision": row["precision"]}
                self.rows.setdefault(tuple(key), {})[turn] = figures

    def all_of(self, column):
        """Values of a column of the keys, and of rows that failed, in order of first appearance in the plan."""
        keys = [parts[:-1] for parts in map(name_parts, [*self.results["rows"], *self.results["failed"]]) if parts]
        found = sorted({key[column] for key in keys})
        plan = ["d4a4", "D0", "a4r"]
        return sorted(found, key=lambda value: (plan.index(value) if value in plan else len(plan), value))

    def rounds(self, *key):
        return self.rows.get(key, {})

    def why(self, *key):
        """Why there is no such row."""
        for name, why in self.results["failed"].items():
            parts = name_parts(name)
            if parts and parts[:-1] == key:
                return f"{NOT} ({why[:80]})"
        return NOT

    def ceilings(self, arm, precision):
        batch = self.results["about"]["first_batch"]
        return self.results["rows"].get(f"ceilings-{arm}-{batch}-frozen-{precision}")


# ---- Figures -------------------------------------------------------------------------------------------------------


def number(value, digits=3):
    """With so many digits that count, without an exponent."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    places = max(0, digits - 1 - int(f"{abs(value):e}".split("e")[1]))
    return f"{value:,.{places}f}"


def over(rounds, pick):
    """Median over rounds of a figure; None if one has it not."""
    values = [pick(figures) for figures in rounds.values()]
    return None if not values or None in values else statistics.median(values)


def ratio(ours, theirs):
    """Windows a second of ours over theirs: the median over rounds that both have."""
    paired = [ours[turn]["windows_per_s"] / theirs[turn]["windows_per_s"] for turn in sorted(set(ours) & set(theirs))]
    return statistics.median(paired) if paired else None


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def cells(rounds):
    """Windows a second, ms a step (least), first step cold and later, memory, embedding."""
    first = [figures["first_step_s"] for _, figures in sorted(rounds.items())]
    least = min(figures["step_ms"]["min"] for figures in rounds.values())
    step = f"{number(over(rounds, lambda f: f['step_ms']['median']))} ({number(least)})"
    memory = over(rounds, lambda f: f.get("peak_memory_bytes"))
    start = number(first[0], 2) if len(first) == 1 else f"{number(first[0], 2)}, {number(min(first[1:]), 2)}"
    return [
        number(over(rounds, lambda f: f["windows_per_s"])), step, start,
        "-" if memory is None else number(memory / 1e9, 2),
        number(over(rounds, lambda f: f.get("embed_windows_per_s"))),
    ]


def kinds(results, batch, kind):
    """Rows of PyTorch that belong below ours there."""
    modes = [("compile", results.main), ("eager", results.main)]
    if batch == results.results["about"]["first_batch"] and kind == "frozen":
        if results.device == "cuda":
            modes.insert(0, ("graphs", results.main))
        others = {"cuda": ["tf32", "f32"], "cpu": ["bf16"]}[results.device]
        modes += [(mode, precision) for precision in others for mode in ("compile", "eager")]
    return modes


LABELS = {"compile": "torch.compile", "eager": "eager", "graphs": "torch.compile, CUDA graphs"}


def training(results):
    """Ours beside PyTorch, a row each."""
    rows = []
    for batch in results.all_of(2):
        for kind in ("frozen", "trained"):
            for arm in results.all_of(1):
                ours = results.rounds("ours", arm, batch, kind, None, None)
                what = [arm, batch, kind]
                if ours:
                    precision = next(iter(ours.values()))["precision"]
                    rows.append([*what, f"**hitrepro** {precision}", *cells(ours), ""])
                else:
                    rows.append([*what, "**hitrepro**", results.why("ours", arm, batch, kind, None, None), *[""] * 5])
                for mode, precision in kinds(results, batch, kind):
                    key = ("pytorch", arm, batch, kind, mode, precision)
                    theirs = results.rounds(*key)
                    label = f"PyTorch {precision}, {LABELS[mode]}"
                    if theirs:
                        times = ratio(ours, theirs)
                        rows.append([*what, label, *cells(theirs), "-" if times is None else f"{number(times)}x"])
                    else:
                        rows.append([*what, label, results.why(*key), *[""] * 5])
    head = ["arm", "batch", "CNN", "", "windows/s", "ms a step, median (least)", "first step, s", "memory, GB"]
    head += ["embedding, windows/s", "hitrepro is"]
    return table(head, rows)


def parts(results):
    """Where a step goes, for the first batch with a frozen CNN."""
    batch, rows = results.results["about"]["first_batch"], []
    for arm in results.all_of(1):
        for label, key in (
            ("**hitrepro**", ("ours", arm, batch, "frozen", None, None)),
            ("PyTorch, torch.compile", ("pytorch", arm, batch, "frozen", "compile", results.main)),
            ("PyTorch, eager", ("pytorch", arm, batch, "frozen", "eager", results.main)),
        ):
            rounds = results.rounds(*key)
            if rounds:
                values = [number(over(rounds, lambda f, part=part: f["parts_ms"].get(part))) for part in PARTS]
                rows.append([arm, f"{label} {next(iter(rounds.values()))['precision']}", *values])
            else:
                rows.append([arm, label, NOT, "", "", ""])
    return table(["arm", "ms", *PARTS], rows)


def ceilings(results):
    """The wall: what a step's products and attention take in the libraries, and how far each side is from it."""
    batch, rows = results.results["about"]["first_batch"], []
    for arm in results.all_of(1):
        for precision in {"cuda": ["bf16", "tf32", "f32"], "cpu": ["f32", "bf16"]}[results.device]:
            row = results.ceilings(arm, precision)
            if row is None:
                rows.append([arm, precision, NOT, *[""] * 5])
                continue
            figures = row["arms"][0]
            floor, rates = figures["floor_ms"], [rate for p in figures["products"] for rate in p["tflops"].values()]
            whole = None if floor["attention"] is None else floor["products"] + floor["attention"]
            reach = "-" if whole is None else number(batch / whole * 1e3)
            best = [rounds for key, rounds in results.rows.items() if key[:4] == ("ours", arm, batch, "frozen")]
            step = over(best[0], lambda f: f["step_ms"]["median"]) if best else None
            above = "-" if whole is None or step is None else f"{number(step / whole)}x"
            rows.append([
                arm, precision, number(floor["products"]), number(floor["attention"]), reach,
                f"{number(min(rates))} to {number(max(rates))}", number(row["copy"]["gb_per_s"]), above,
            ])
    head = ["arm", "", "products, ms a step", "attention, ms a step", "so at most windows/s", "products, TFLOP/s"]
    head += ["copy, GB/s", "hitrepro's step is"]
    return table(head, rows)


def attention(results):
    """Attention of the audio layers, by kernel."""
    rows = []
    for arm in results.all_of(1):
        row = results.ceilings(arm, results.main)
        for a in row["arms"][0]["attention"] if row else []:
            if a["what"].startswith("audio"):
                shape = "x".join(map(str, a["shape"]))
                times = number(a["ms"]["forward"]), number(a["ms"]["both"]), number(a["tflops"])
                rows.append([arm, a["what"], shape, a["kernel"], a["dropout"], *times])
    if not rows:
        return f"Attention by kernel: {NOT}."
    head = ["arm", "", "batch, heads, queries, keys, width", "kernel", "dropout"]
    return table([*head, "forward, ms", "with backward, ms", "forward, TFLOP/s"], rows)


def repeatability(results):
    """Whether two processes ended with the same bits."""
    lines = []
    for arm in results.all_of(1):
        rows = [results.results["rows"].get(f"repeat-{arm}-{turn}") for turn in (1, 2)]
        hashes = [row["arms"][0].get("hash") for row in rows if row]
        if len(hashes) < 2 or None in hashes:
            why = [results.results["failed"].get(f"repeat-{arm}-{turn}") for turn in (1, 2)]
            why = next((f" ({reason[:80]})" for reason in why if reason), "")
            lines.append(f"- {arm}: {NOT}{why}")
        else:
            same = "the same SHA-256 of all weights" if hashes[0] == hashes[1] else "**different weights**"
            steps, short = rows[0]["arms"][0].get("hash_after"), ", ".join(each[:12] for each in hashes)
            lines.append(f"- {arm}: {same} after {steps} steps in two processes ({short})")
    return "\n".join(lines)


def provenance(results):
    """What was measured with what; no dates."""
    rows = list(results.results["rows"].values())
    ours = next((row for row in rows if "hitrepro" in row), None)
    theirs = next((row for row in rows if row.get("side") == "pytorch"), None)
    any_of = ours or theirs or {}
    machine, source = any_of.get("hardware", {}), results.results["source"] or (ours or {}).get("checkout")
    gpus = ", ".join(machine.get("gpus") or []) or "no GPU"
    what = [machine.get("cpu", "unknown"), f"{machine.get('cores', '?')} cores", gpus, machine.get("system", "")]
    lines = [f"- Machine: {', '.join(what)}"]
    if results.device == "cuda":
        for when, state in zip(("before", "after"), results.results["gpu"]):
            lines.append(f"- GPU {when}: " + "; ".join(f"{key} {value}" for key, value in zip(state[0], state[-1])))
    if ours:
        what = [ours["hitrepro"], f"backend {ours['backend']}", ours["precision"], f"{ours['threads']} threads"]
        what.append(ours["rust"])
        lines.append(f"- hitrepro {', '.join(what)}")
    if theirs:
        lines.append(f"- PyTorch {theirs['version']}, {theirs['threads']} threads")
    commit = f"{source['commit'][:12]}{', changed since' if source['changed'] else ''}" if source else "not known"
    return "\n".join([*lines, f"- Source: {commit}; profile `{results.profile}`"])


def page(values):
    """All tables of the results of one device."""
    if not values:
        return f"**{NOT.capitalize()}.** No figure of this project comes from such a device yet."
    out = []
    for value in values:
        results = Results(value)
        size = f"batch {value['about']['first_batch']}, CNN frozen"
        out += [provenance(results), training(results)]
        out += [f"Where a step goes ({size}; ours waits after each part, so they may add up to more):", parts(results)]
        out += ["What the libraries reach on these shapes, each product and attention alone:", ceilings(results)]
        out += [attention(results), "Repeatability:", repeatability(results)]
    return "\n\n".join(out)


def filled(text, values):
    """The page with what stands between its markers made anew."""
    for device in DEVICES:
        begin, end = f"<!-- bench {device} -->\n", f"<!-- end bench {device} -->"
        if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
            raise SystemExit(f"the page needs `{begin.strip()}` and `{end}` once, on lines of their own")
        own = [value for value in values if value["about"]["device"] == device]
        head, tail = text[: text.index(begin) + len(begin)], text[text.index(end) :]
        text = f"{head}\n{page(own)}\n\n{tail}"
    return text


def main(argv):
    if argv[:1] == ["--merge"] and len(argv) == 2:
        sys.stdout.write(written(merge(argv[1])))
        return 0
    if argv[:1] in (["--doc"], ["--check"]) and len(argv) >= 2:
        path = pathlib.Path(argv[1])
        text = path.read_text(encoding="utf-8")
        made = filled(text, [read(each) for each in argv[2:]])
        if argv[0] == "--doc":
            path.write_text(made, encoding="utf-8")
        elif made != text:
            print(f"{path} is not what these results give; `table.py --doc` makes it so", file=sys.stderr)
            return 1
        return 0
    if not argv or argv[0].startswith("-"):
        raise SystemExit(__doc__)
    for path in argv:
        print(page([read(path)]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
