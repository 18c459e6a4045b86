"""Reference values of the model side from PyTorch, written to model.json beside this file.

Run with any PyTorch (made with 1.13, CPU, float64 unless stated): python3 model.py
Inputs are formulas that the Rust tests repeat, so the file holds results only.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F
from torch import nn

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def wave(name, *shape):
    """sin(0.37 i^2 + sum of the bytes of the name), the i-th value of an array."""
    n = math.prod(shape)
    phase = sum(name.encode())
    return torch.tensor([math.sin(0.37 * i * i + phase) for i in range(n)]).reshape(shape)


def param(name, *shape):
    """Value of a parameter: 0.3 wave, plus 1 for the weights of norms and running variances."""
    scale = len(shape) == 1 and (name.endswith("weight") or name.endswith("running_var"))
    return 0.3 * wave(name, *shape) + (1.0 if scale else 0.0)


def flat(x):
    return [float(f"{v:.10g}") for v in x.detach().reshape(-1).tolist()]


def vicreg(batch, dims):
    a = (1.5 * wave("a", batch, dims)).requires_grad_()
    m = (0.8 * wave("m", batch, dims) + 0.1).requires_grad_()
    inv = F.mse_loss(a, m)
    var = sum(F.relu(1 - torch.sqrt(z.var(0) + 1e-4)).mean() for z in (a, m))

    def off_diagonal(z):
        z = z - z.mean(0)
        cov = z.T @ z / (batch - 1)
        return (cov - torch.diag(torch.diag(cov))).pow(2).sum() / dims

    cov = off_diagonal(a) + off_diagonal(m)
    loss = 10 * inv + 10 * var + cov
    loss.backward()
    return {"batch": batch, "dims": dims, "terms": flat(torch.stack([loss, inv, var, cov])),
            "grad_a": flat(a.grad), "grad_m": flat(m.grad)}


def encoder_layer(norm_first, padded):
    layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, "gelu", batch_first=True, norm_first=norm_first)
    for name, p in layer.named_parameters():
        p.data = param("layer." + name, *p.shape)
    x = wave("x", 2, 5, 8).requires_grad_()
    mask = torch.tensor([[False] * 5, [False] * 3 + [True] * 2]) if padded else None
    y = layer(x, src_key_padding_mask=mask)
    valid = torch.ones(2, 5, 1) if mask is None else (~mask).double().unsqueeze(2)
    (y * valid * wave("g", 2, 5, 8)).sum().backward()
    grads = {name: flat(p.grad) for name, p in layer.named_parameters()}
    return {"norm_first": norm_first, "padded": padded, "y": flat(y * valid), "grad_x": flat(x.grad), "grads": grads}


def conv(time, channels, outputs, kernel, stride, padding, groups):
    x = wave("x", 2, channels, time).requires_grad_()
    w, b = param("conv.weight", outputs, channels, kernel).requires_grad_(), param("conv.bias", outputs)
    y = F.group_norm(F.conv1d(x, w, b, stride, padding), groups, param("norm.weight", outputs), param("norm.bias", outputs))
    y = F.gelu(y)
    (y * wave("g", *y.shape)).sum().backward()
    # ours is channels-last
    return {"spec": [time, channels, outputs, kernel, stride, padding, groups], "y": flat(y.transpose(1, 2)),
            "grad_w": flat(w.grad), "grad_x": flat(x.grad.transpose(1, 2))}


def batch_norm():
    bn = nn.BatchNorm1d(4)
    for name, p in list(bn.named_parameters()) + [(n, b) for n, b in bn.named_buffers() if n.startswith("running")]:
        p.data = param("bn." + name, *p.shape)
    x = wave("x", 6, 4).requires_grad_()
    bn.train()
    y = bn(x)
    (y * wave("g", 6, 4)).sum().backward()
    after = [flat(bn.running_mean), flat(bn.running_var)]
    return {"y": flat(y), "grad_x": flat(x.grad), "running": after, "y_eval": flat(bn.eval()(x))}


def adamw():
    shapes = {"audio.a": 5, "audio.b": 3, "midi.c": 4}
    params = {name: nn.Parameter(param(name, n)) for name, n in shapes.items()}
    rates = {"audio.a": 0.05, "audio.b": 0.01, "midi.c": 0.1}
    groups = [{"params": [params[name]], "lr": lr, "base": lr} for name, lr in rates.items()]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.1)
    norms = []
    # the first two steps are clipped, the third is not
    for step, (scale, factor) in enumerate([(3.0, 0.5), (1.0, 1.0), (0.1, 0.25)], 1):
        for name, p in params.items():
            p.grad = scale * wave(f"{name}{step}", p.numel())
        norms.append(torch.nn.utils.clip_grad_norm_(params.values(), 1.0))
        for group in optimizer.param_groups:
            group["lr"] = group["base"] * factor
        optimizer.step()
    return {"norms": flat(torch.stack(norms)), "params": {name: flat(p) for name, p in params.items()}}


def gelu():
    x = torch.linspace(-6, 6, 49).requires_grad_()
    y = F.gelu(x)
    y.sum().backward()
    return {"y": flat(y), "grad": flat(x.grad)}


def interpolate(old, new):
    rows = wave("rows", 2, old, 3)
    y = F.interpolate(rows.transpose(1, 2), size=new, mode="linear", align_corners=False)
    return {"from": old, "to": new, "y": flat(y.transpose(1, 2))}


def dual(injected):
    """The whole small model in evaluation mode, written independently of the Rust code."""

    def linear(name, x, inputs, outputs):
        return F.linear(x, param(name + ".weight", outputs, inputs), param(name + ".bias", outputs))

    def norm(name, x):
        d = x.shape[-1]
        return F.layer_norm(x, (d,), param(name + ".weight", d), param(name + ".bias", d))

    def layers(side, x, n, heads, d_ff, norm_first, mask):
        for idx in range(n):
            layer = nn.TransformerEncoderLayer(x.shape[-1], heads, d_ff, 0.1, "gelu", batch_first=True, norm_first=norm_first)
            for name, p in layer.named_parameters():
                p.data = param(f"{side}.layers.{idx}.{name}", *p.shape)
            # no gradients and evaluation mode would take PyTorch's fast path, whose mask semantics differ
            layer.dropout.p = layer.dropout1.p = layer.dropout2.p = layer.self_attn.dropout = 0.0
            x = layer(x, src_key_padding_mask=mask)
        return x

    def head(name, x, hidden, out):
        for idx, width in enumerate(hidden):
            x = linear(f"{name}.{3 * idx}", x, x.shape[1], width)
            bn = f"{name}.{3 * idx + 1}"
            x = F.relu(F.batch_norm(x, param(bn + ".running_mean", width), param(bn + ".running_var", width),
                                    param(bn + ".weight", width), param(bn + ".bias", width)))
        return linear(f"{name}.{3 * len(hidden)}", x, x.shape[1], out)

    audio = wave("audio", 2, 400).unsqueeze(1)
    channels = 1
    for idx, (c, k, s, p) in enumerate([(4, 10, 5, 0), (8, 3, 2, 1)]):
        audio = F.conv1d(audio, param(f"audio.cnn.conv.{idx}.weight", c, channels, k), param(f"audio.cnn.conv.{idx}.bias", c), s, p)
        audio = F.gelu(F.group_norm(audio, 2, param(f"audio.cnn.norm.{idx}.weight", c), param(f"audio.cnn.norm.{idx}.bias", c)))
        channels = c
    h = audio.transpose(1, 2)
    if injected:
        a4 = F.interpolate(wave("a4", 2, 21, 8).transpose(1, 2), size=h.shape[1], mode="linear", align_corners=False)
        h = norm("inject.audio.a4.norm", linear("inject.audio.a4.linear", torch.cat([h, a4.transpose(1, 2)], 2), 16, 8))
    h = h + param("audio.positions", 50, 8)[: h.shape[1]]
    z_audio = head("heads.audio", layers("audio", h, 2, 2, 16, False, None).mean(1), [6, 6], 5)

    lengths, longest = [3, 7], 7
    mask = torch.tensor([[i >= n for i in range(longest)] for n in lengths])
    notes = [[(w * 37 + i * 11) % 128 for i in range(longest)] for w in range(2)]
    pitch = torch.tensor(notes)
    velocity, duration = (pitch * 3) % 128, (pitch * 5) % 32
    e = torch.cat([F.embedding(pitch, param("midi.embedding.pitch.weight", 128, 4)),
                   F.embedding(velocity, param("midi.embedding.velocity.weight", 128, 3)),
                   F.embedding(duration, param("midi.embedding.duration.weight", 32, 3))], 2)
    e = norm("midi.embedding.norm", linear("midi.embedding.projection", e, 10, 6))
    if injected:
        d4 = wave("d4", 2, longest, 4) * (~mask).unsqueeze(2)
        e = norm("inject.midi.d4.norm", linear("inject.midi.d4.linear", torch.cat([e, d4], 2), 10, 6))
    position = torch.arange(longest).unsqueeze(1)
    rate = torch.exp(torch.arange(0, 6, 2) * (-math.log(10000.0) / 6))
    table = torch.zeros(longest, 6)
    table[:, 0::2], table[:, 1::2] = torch.sin(position * rate), torch.cos(position * rate)
    h = layers("midi", e + table, 2, 3, 12, True, mask)
    valid = (~mask).double().unsqueeze(2)
    mean = lambda x: (x * valid).sum(1) / valid.sum(1)
    before = head("heads.midi", mean(norm("midi.norm", h)), [6, 6], 5)
    after = head("heads.midi", norm("midi.norm", mean(h)), [6, 6], 5)
    return {"injected": injected, "audio": flat(z_audio), "midi_before": flat(before), "midi_after": flat(after)}


if __name__ == "__main__":
    golden = {
        "torch": torch.__version__.split("+")[0],
        "vicreg": [vicreg(6, 4), vicreg(4, 6)],
        "encoder_layer": [encoder_layer(nf, padded) for nf in (False, True) for padded in (False, True)],
        "conv": [conv(23, 1, 4, 10, 5, 0, 2), conv(9, 4, 6, 3, 2, 1, 3), conv(12, 2, 4, 4, 4, 0, 4), conv(8, 2, 4, 3, 2, 1, 1),
                 conv(10, 1, 2, 2, 3, 0, 1)],
        "batch_norm": batch_norm(),
        "adamw": adamw(),
        "gelu": gelu(),
        "interpolate": [interpolate(7, 12), interpolate(12, 5), interpolate(4, 4)],
        "dual": [dual(False), dual(True)],
    }
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
