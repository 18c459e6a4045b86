"""What this machine's libraries reach on the shapes of the model, through PyTorch: the wall that a step runs against.

    python3 ceilings.py --spec ours.json [ARM...]   prints JSON

Matrix products (cuBLAS on a GPU) of every linear layer, and of every convolution as the product it is: forward, for the
gradient of the input and for that of the weight. Attention (cuDNN, flash, memory-efficient): forward, and forward with
backward, without and with the profile's dropout. A copy within the device's memory. Each alone, on random data, the
median of repetitions.

`floor_ms` is their sum over a training step: the products and the fastest attention, nothing between them. A step that
also normalises, drops and adds cannot be as fast. The heads have a row a window and are left out; so are gradients that
no trained parameter needs.
"""

import contextlib
import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

import peer

DTYPES = {"f32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16}
KERNELS = {
    "cuda": {
        "cudnn": SDPBackend.CUDNN_ATTENTION,
        "flash": SDPBackend.FLASH_ATTENTION,
        "efficient": SDPBackend.EFFICIENT_ATTENTION,
    },
    "cpu": {"flash": SDPBackend.FLASH_ATTENTION, "math": SDPBackend.MATH},
}


# ---- Shapes --------------------------------------------------------------------------------------------------------


def product(what, rows, inputs, outputs, count=1, gradients=2):
    """`count` products of [rows, inputs] and [inputs, outputs]. Gradients: 2 of both, 1 of the weight, 0 none."""
    return {"what": what, "rows": rows, "inputs": inputs, "outputs": outputs, "count": count, "gradients": gradients}


def attention(what, batch, heads, queries, keys, width, dropout, count=1, masked=False):
    shape = [batch, heads, queries, keys, width // heads]
    return {"what": what, "shape": shape, "dropout": dropout, "count": count, "masked": masked}


def convolutions(arm):
    """Products of the CNN, and the tokens that leave it."""
    frozen = any(peer.below("audio.cnn", prefix) for prefix in arm["frozen"])
    n, inputs, out = arm["n_samples"], 1, []
    for idx, conv in enumerate(arm["model"]["audio"]["cnn"]):
        n = (n + 2 * conv["padding"] - conv["kernel"]) // conv["stride"] + 1
        gradients = 0 if frozen else 1 if idx == 0 else 2
        size = inputs * conv["kernel"], conv["channels"]
        out.append(product(f"convolution {idx}", arm["batch"] * n, *size, gradients=gradients))
        inputs = conv["channels"]
    return out, n, frozen


def injected(arm, side, tokens, inner):
    """Products and attention of the descriptor that enters a side, and the tokens that leave it. `inner`: gradients of
    products that take the encoder's tokens."""
    products, attentions = [], []
    d, batch, options = arm["model"][side]["d_model"], arm["batch"], arm["options"]
    for i in (i for i in arm["injections"] if i["side"] == side):
        name = f"{side} {i['descriptor']}"
        if i["mechanism"] == "concat":
            products.append(product(f"{name} concat", batch * tokens, d + i["dims"], d, gradients=inner))
            continue
        rows = arm["n_frames"][i["descriptor"]] if side == "audio" else arm["n_notes"]
        reverse = i["mechanism"] == "reverse_cross_attention"
        asking, asked = (rows, tokens) if reverse else (tokens, rows)
        products += [
            product(f"{name} rows", batch * rows, i["dims"], d, gradients=1),
            product(f"{name} query", batch * asking, d, d, gradients=2 if reverse else inner),
            product(f"{name} key, value", batch * asked, d, 2 * d, gradients=inner if reverse else 2),
            product(f"{name} output", batch * asking, d, d),
        ]
        size = batch, options["n_heads"], asking, asked, d
        attentions.append(attention(name, *size, options["dropout"], masked=side == "midi"))
        tokens = asking
    return products, attentions, tokens


def layers(arm, side, tokens):
    """Products and attention of an encoder's layers."""
    spec, batch = arm["model"][side], arm["batch"]
    d, ff, n, rows = spec["d_model"], spec["d_ff"], spec["n_layers"], batch * tokens
    products = [
        product(f"{side} query, key, value", rows, d, 3 * d, n),
        product(f"{side} output", rows, d, d, n),
        product(f"{side} feed-forward in", rows, d, ff, n),
        product(f"{side} feed-forward out", rows, ff, d, n),
    ]
    size = batch, spec["n_heads"], tokens, tokens, d
    return products, [attention(f"{side} layers", *size, spec["dropout"], n, side == "midi")]


def shapes(arm):
    """All products and attentions of a step."""
    products, tokens, frozen = convolutions(arm)
    midi = arm["model"]["midi"]
    note = midi["pitch_dim"] + midi["velocity_dim"] + midi["duration_dim"]
    products.append(product("midi projection", arm["batch"] * arm["n_notes"], note, midi["d_model"]))
    attentions = []
    # A frozen CNN below wants no gradient; the positions that are added to it are taken as frozen with it.
    for side, tokens, inner in (("audio", tokens, 1 if frozen else 2), ("midi", arm["n_notes"], 2)):
        more, asked, tokens = injected(arm, side, tokens, inner)
        own, self_attention = layers(arm, side, tokens)
        products += more + own
        attentions += asked + self_attention
    return products, attentions


def flops(products, attentions):
    """Of a forward pass of the batch."""
    dense = sum(2 * p["rows"] * p["inputs"] * p["outputs"] * p["count"] for p in products)
    scores = 0
    for a in attentions:
        batch, heads, queries, keys, width = a["shape"]
        scores += 4 * batch * heads * queries * keys * width * a["count"]
    return dense + scores


# ---- Timing --------------------------------------------------------------------------------------------------------


def median_ms(run, device, seconds):
    """Median milliseconds of a repeated call, on the device's own clock where it is a GPU."""
    for _ in range(3):
        run()
    laps, begin = peer.Laps(device), time.perf_counter()
    laps(None)
    for i in range(200):
        run()
        laps("run")
        if i >= 9 and time.perf_counter() - begin > seconds:
            break
    return laps.medians()["run"]


def product_ms(p, args):
    """Milliseconds of one product: forward, and for the gradients that are needed."""
    dtype, device = DTYPES[args.precision], args.device
    new = lambda *shape: torch.randn(*shape, device=device, dtype=dtype)
    x, w, dy = new(p["rows"], p["inputs"]), new(p["outputs"], p["inputs"]), new(p["rows"], p["outputs"])
    runs = {"forward": lambda: x @ w.t()}
    if p["gradients"] > 1:
        runs["input_gradient"] = lambda: dy @ w
    if p["gradients"] > 0:
        runs["weight_gradient"] = lambda: dy.t() @ x
    work = 2 * p["rows"] * p["inputs"] * p["outputs"] / 1e9
    ms = {part: median_ms(run, device, args.seconds) for part, run in runs.items()}
    return {**p, "ms": ms, "tflops": {part: round(work / value, 3) for part, value in ms.items()}}


def attention_ms(a, kernel, dropout, args):
    """Milliseconds forward and forward with backward; None where this kernel does not take the shape."""
    batch, heads, queries, keys, width = a["shape"]
    as_trained = {"device": args.device, "dtype": DTYPES[args.precision], "requires_grad": True}
    new = lambda n: torch.randn(batch, heads, n, width, **as_trained)
    q, k, v = new(queries), new(keys), new(keys)
    mask = None
    if a["masked"]:
        mask = (torch.arange(keys, device=args.device) < max(1, keys * 3 // 4)).expand(batch, 1, 1, keys)
    grad = torch.randn_like(q).detach()
    forward = lambda: F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
    both = lambda: torch.autograd.grad(forward(), (q, k, v), grad)
    with sdpa_kernel([KERNELS[args.device][kernel]]):
        try:
            runs = {"forward": forward, "both": both}
            ms = {part: median_ms(run, args.device, args.seconds) for part, run in runs.items()}
        except RuntimeError as error:
            print(f"{a['what']}: {kernel}, dropout {dropout}: {str(error).splitlines()[0]}", file=sys.stderr)
            return None
    work = 4 * batch * heads * queries * keys * width / 1e9
    kept = {key: a[key] for key in ("what", "shape", "count")}
    return {**kept, "kernel": kernel, "dropout": dropout, "ms": ms, "tflops": round(work / ms["forward"], 3)}


def copy(args):
    """A copy within memory: bytes read and written a second."""
    n = (1 << 30 if args.device == "cuda" else 1 << 27) // 4
    a, b = torch.randn(n, device=args.device), torch.empty(n, device=args.device)
    ms = median_ms(lambda: b.copy_(a), args.device, args.seconds)
    return {"bytes": 8 * n, "ms": ms, "gb_per_s": round(8 * n / ms / 1e6, 2)}


def floor(products, attentions):
    """Milliseconds of a step's products and of its fastest attention with dropout; None if one was not measured."""
    dense = sum(sum(p["ms"].values()) * p["count"] for p in products)
    fastest = {}
    for a in attentions:
        if a["dropout"] == a["trained_with"]:
            fastest[a["what"]] = min(fastest.get(a["what"], float("inf")), a["ms"]["both"] * a["count"])
    lacking = {a["what"] for a in attentions} - set(fastest)
    whole = None if lacking or not fastest else round(sum(fastest.values()), 3)
    return {"products": round(dense, 3), "attention": whole}


def measure(arm, args):
    work = flops(*shapes(arm)) // arm["batch"]
    products, attentions = shapes({**arm, "n_notes": max(peer.padded_notes(arm))})
    timed_products, timed_attentions = [product_ms(p, args) for p in products], []
    for a in attentions:
        for kernel in KERNELS[args.device]:
            for dropout in sorted({0.0, a["dropout"]}):
                found = attention_ms(a, kernel, dropout, args)
                if found:
                    timed_attentions.append({**found, "trained_with": a["dropout"]})
    kept = {key: arm[key] for key in ("arm", "batch", "frozen")}
    timed = {"products": timed_products, "attention": timed_attentions}
    return {**kept, "flops_per_window": work, **timed, "floor_ms": floor(timed_products, timed_attentions)}


def main():
    args = peer.arguments()
    args.seconds = min(args.seconds, 0.3)
    spec, arms = peer.read_spec(args.spec, args.arm)
    args.attention = "default"
    with peer.set_up(args, spec), contextlib.redirect_stdout(sys.stderr):
        done = [measure(peer.adjusted(arm, args), args) for arm in arms if not peer.unsupported(arm)]
        out = {**peer.about(args), "side": "ceilings", "profile": spec.get("profile"), "copy": copy(args), "arms": done}
    json.dump(out, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
