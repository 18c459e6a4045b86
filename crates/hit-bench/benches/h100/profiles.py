"""Profiles and sizes for the bench, from pipeline.toml. Needs Python 3.11 or newer, nothing else.

    python3 profiles.py variants PIPELINE PROFILE BATCH...  PIPELINE with bench-BATCH-frozen and bench-BATCH-trained
    python3 profiles.py spec PIPELINE PROFILE ARM...        sizes of arms, for peer.py where ours cannot be run
"""

import json
import pathlib
import sys
import tomllib

FROZEN = ["audio.cnn", "audio.positions"]
N_NOTES = 64  # of a window; ours says its own


def merged(base, over, path=()):
    """Tables key by key; lists and train.groups as a whole, as pipeline.toml says."""
    out = dict(base)
    for key, value in over.items():
        whole = not isinstance(value, dict) or (*path, key) == ("train", "groups")
        out[key] = value if whole else merged(out.get(key, {}), value, (*path, key))
    return out


def resolved(pipeline, name):
    """A profile with what it inherits."""
    if name not in pipeline["profiles"]:
        raise SystemExit(f"no profile `{name}`; there are {', '.join(pipeline['profiles'])}")
    own = pipeline["profiles"][name]
    return merged(resolved(pipeline, own["inherits"]), own) if "inherits" in own else own


def toml(value):
    """A value of a list or of a table of numbers; JSON and TOML write them alike."""
    return json.dumps(value)


def complete(groups):
    """Learning rates with one for the parts that the profile may freeze: the lowest, as in profile `paper`."""
    lowest = min(groups.values())
    covered = lambda name: any(name == p or name.startswith(p + ".") for p in groups)
    return {**groups, **{name: lowest for name in FROZEN if not covered(name)}}


def variants(text, profile, batches):
    """The text with a frozen and a trained profile for each batch size."""
    groups = complete(resolved(tomllib.loads(text), profile)["train"]["groups"])
    parts = [text.rstrip(), "\n\n# Written for a bench: batch size and frozen parts alone differ.\n"]
    for batch in batches:
        for kind, frozen in (("frozen", FROZEN), ("trained", [])):
            name = f"bench-{batch}-{kind}"
            parts += [
                f'\n[profiles.{name}]\ninherits = {toml(profile)}\ndescription = "bench: batch {batch}, CNN {kind}"\n',
                f"\n[profiles.{name}.train]\nbatch_size = {batch}\nfrozen = {toml(frozen)}\n",
                f"\n[profiles.{name}.train.groups]\n",
                *(f"{toml(prefix)} = {lr!r}\n" for prefix, lr in groups.items()),
            ]
    return "".join(parts)


def spec(pipeline, profile, names):
    """What peer.py reads, in the shape of `hitrepro bench --format json`, without anything measured."""
    values = resolved(pipeline, profile)
    windows, train = values["corpus"]["windows"], values["train"]
    n_samples = round(windows["window_s"] * windows["sample_rate_hz"])
    arms = []
    for name in names:
        if name not in pipeline["arms"]:
            raise SystemExit(f"no arm `{name}` in pipeline.toml")
        arm = pipeline["arms"][name]
        frames = {i["descriptor"]: n_samples // 512 + 1 for i in arm["injections"] if i["side"] == "audio"}
        arms.append({
            "arm": name, "family": arm["family"], "injections": arm["injections"], "model": values["model"],
            "options": {**values["families"].get(arm["family"], {}), **arm.get("options", {})},
            "frozen": train["frozen"], "train": train, "batch": train["batch_size"],
            "n_samples": n_samples, "n_notes": N_NOTES, "n_frames": frames,
        })
    return {"schema": 1, "side": "sizes", "profile": profile, "arms": arms}


def main(argv):
    if len(argv) < 4 or argv[0] not in ("variants", "spec"):
        raise SystemExit(__doc__)
    what, path, profile, *rest = argv
    text = pathlib.Path(path).read_text(encoding="utf-8")
    if what == "variants":
        sys.stdout.write(variants(text, profile, [int(batch) for batch in rest]))
    else:
        json.dump(spec(tomllib.loads(text), profile, rest), sys.stdout, indent=1)
        print()


if __name__ == "__main__":
    main(sys.argv[1:])
