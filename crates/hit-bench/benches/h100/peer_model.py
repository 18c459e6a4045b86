"""The arms of families `base` and `inject` in PyTorch, written for speed, with loss and optimiser. See peer.py.

Written from the specification: scaled_dot_product_attention over packed projections, fused AdamW with a group for each
learning rate. Parameters have the names of tests/golden/parity.py; `peer.py --check` holds the values against it.
"""

import torch
import torch.nn.functional as F
from torch import nn

SUPPORTED = {"base": set(), "inject": {"concat", "cross_attention", "reverse_cross_attention"}}


# ---- Modules -------------------------------------------------------------------------------------------------------


class Attention(nn.Module):
    """Multi-head attention of tokens to themselves, or to `memory`; projections packed as in PyTorch's own module."""

    def __init__(self, width, n_heads, dropout):
        super().__init__()
        self.n_heads, self.dropout = n_heads, dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def project(self, x, begin, end):
        """Projections begin..end of (query, key, value): that many tensors [batch, heads, tokens, width / heads]."""
        d = x.shape[2]
        y = F.linear(x, self.in_proj_weight[begin * d : end * d], self.in_proj_bias[begin * d : end * d])
        return y.unflatten(2, (end - begin, self.n_heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)

    def forward(self, x, memory=None, mask=None):
        if memory is None:
            query, key, value = self.project(x, 0, 3)
        else:
            (query,), (key, value) = self.project(x, 0, 1), self.project(memory, 1, 3)
        dropout = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """A Transformer layer, pre-norm or post-norm, with exact GELU."""

    def __init__(self, spec, norm_first):
        super().__init__()
        d, self.norm_first = spec["d_model"], norm_first
        self.self_attn = Attention(d, spec["n_heads"], spec["dropout"])
        self.linear1, self.linear2 = nn.Linear(d, spec["d_ff"]), nn.Linear(spec["d_ff"], d)
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.dropout = nn.Dropout(spec["dropout"])

    def attend(self, x, mask):
        return self.dropout(self.self_attn(x, mask=mask))

    def feed(self, x):
        return self.dropout(self.linear2(self.dropout(F.gelu(self.linear1(x)))))

    def forward(self, x, mask):
        if self.norm_first:
            x = x + self.attend(self.norm1(x), mask)
            return x + self.feed(self.norm2(x))
        x = self.norm1(x + self.attend(x, mask))
        return self.norm2(x + self.feed(x))


class Injection(nn.Module):
    """A descriptor before the layers of an encoder: (hidden, positions, mask) -> hidden with positions in it."""

    def __init__(self, injection, width, options):
        super().__init__()
        self.descriptor, self.side = injection["descriptor"], injection["side"]
        self.kind, dims = injection["mechanism"], injection["dims"]
        self.norm = nn.LayerNorm(width)
        self.linear = nn.Linear(dims + (width if self.kind == "concat" else 0), width)
        if self.kind != "concat":
            self.attention = Attention(width, options["n_heads"], options["dropout"])
            self.masked = {"masked": True, "reference": False}[options["padding"]]
        if self.kind == "reverse_cross_attention" and self.side == "audio":
            self.positions = nn.Parameter(torch.randn(options["max_frames"], width) * options["position_std"])

    def forward(self, hidden, positions, mask, batch):
        rows = batch[self.descriptor]
        if self.kind == "concat":
            if self.side == "audio":
                rows = F.interpolate(rows.transpose(1, 2), size=hidden.shape[1], mode="linear").transpose(1, 2)
            return self.norm(self.linear(torch.cat([hidden, rows.to(hidden.dtype)], 2))) + positions
        tokens, rows, mask = hidden + positions, self.linear(rows), mask if self.masked else None
        if self.kind == "cross_attention":
            return self.norm(tokens + self.attention(tokens, rows, mask))
        own = self.positions if self.side == "audio" else positions
        query = rows + own[: rows.shape[1]]
        return self.norm(query + self.attention(query, tokens, mask))


class Convolutions(nn.Module):
    def __init__(self, spec):
        super().__init__()
        inputs = [1] + [conv["channels"] for conv in spec["cnn"]]
        self.conv = nn.ModuleList(
            nn.Conv1d(n, conv["channels"], conv["kernel"], conv["stride"], conv["padding"])
            for n, conv in zip(inputs, spec["cnn"])
        )
        self.norm = nn.ModuleList(nn.GroupNorm(spec["norm_groups"], conv["channels"]) for conv in spec["cnn"])

    def forward(self, audio):
        x = audio[:, None]
        for conv, norm in zip(self.conv, self.norm):
            x = F.gelu(norm(conv(x)))
        return x.transpose(1, 2)


class AudioEncoder(nn.Module):
    """Convolutions, learned positions, post-norm layers, mean over tokens."""

    def __init__(self, spec):
        super().__init__()
        self.cnn = Convolutions(spec)
        self.positions = nn.Parameter(torch.randn(spec["max_positions"], spec["d_model"]) * spec["position_std"])
        self.layers = nn.ModuleList(Layer(spec, norm_first=False) for _ in range(spec["n_layers"]))

    def forward(self, batch, injection):
        x = self.cnn(batch["audio"])
        positions = self.positions[: x.shape[1]]
        x = injection(x, positions, None, batch) if injection else x + positions
        for layer in self.layers:
            x = layer(x, None)
        return x.mean(1)


class NoteEmbedding(nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.pitch = nn.Embedding(128, spec["pitch_dim"])
        self.velocity = nn.Embedding(128, spec["velocity_dim"])
        self.duration = nn.Embedding(spec["n_durations"], spec["duration_dim"])
        self.projection = nn.Linear(spec["pitch_dim"] + spec["velocity_dim"] + spec["duration_dim"], spec["d_model"])
        self.norm = nn.LayerNorm(spec["d_model"])

    def forward(self, batch):
        parts = [self.pitch(batch["pitch"]), self.velocity(batch["velocity"]), self.duration(batch["duration"])]
        return self.norm(self.projection(torch.cat(parts, 2)))


class MidiEncoder(nn.Module):
    """Note embedding, sinusoid, dropout, pre-norm layers, LayerNorm before or after the mean over real notes."""

    def __init__(self, spec):
        super().__init__()
        d = spec["d_model"]
        self.embedding = NoteEmbedding(spec)
        self.dropout = nn.Dropout(spec["dropout"])
        self.layers = nn.ModuleList(Layer(spec, norm_first=True) for _ in range(spec["n_layers"]))
        self.norm = nn.LayerNorm(d)
        self.norm_first = {"before_pooling": True, "after_pooling": False}[spec["norm"]]
        rates = 10000 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
        angles = torch.arange(spec["max_notes"], dtype=torch.float64)[:, None] * rates
        sinusoid = torch.stack([angles.sin(), angles.cos()], 2).flatten(1).to(torch.get_default_dtype())
        self.register_buffer("sinusoid", sinusoid, persistent=False)

    def forward(self, batch, injection):
        x, valid = self.embedding(batch), batch["valid"]
        positions, mask = self.sinusoid[: x.shape[1]].to(x.dtype), valid[:, None, None]
        x = self.dropout(injection(x, positions, mask, batch) if injection else x + positions)
        for layer in self.layers:
            x = layer(x, mask)
        x = self.norm(x) if self.norm_first else x
        x = (x * valid[:, :, None]).sum(1) / valid.sum(1, keepdim=True)
        return x if self.norm_first else self.norm(x)


def head(inputs, hidden, outputs):
    parts = []
    for width in [*hidden, outputs]:
        linear = nn.Linear(inputs, width)
        nn.init.xavier_uniform_(linear.weight)
        nn.init.zeros_(linear.bias)
        parts += [linear, nn.BatchNorm1d(width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*parts[:-2])


class Model(nn.Module):
    """An arm: a batch to the embeddings of its audio and its MIDI, not normalised."""

    def __init__(self, spec, injections, options):
        super().__init__()
        self.audio, self.midi = AudioEncoder(spec["audio"]), MidiEncoder(spec["midi"])
        sizes = spec["heads"]["hidden"], spec["heads"]["embedding_dim"]
        self.heads = nn.ModuleDict({side: head(spec[side]["d_model"], *sizes) for side in ("audio", "midi")})
        self.inject = nn.ModuleDict({"audio": nn.ModuleDict(), "midi": nn.ModuleDict()})
        for i in injections:
            self.inject[i["side"]][i["descriptor"]] = Injection(i, spec[i["side"]]["d_model"], options)

    def forward(self, batch):
        injections = {side: next(iter(own.values()), None) for side, own in self.inject.items()}
        audio = self.heads["audio"](self.audio(batch, injections["audio"]))
        return audio, self.heads["midi"](self.midi(batch, injections["midi"]))


def unsupported(arm):
    """Why the arm cannot be built here, or None."""
    if arm["family"] not in SUPPORTED:
        return f"family `{arm['family']}` is not written here"
    for i in arm["injections"]:
        if i["mechanism"] not in SUPPORTED[arm["family"]]:
            return f"mechanism `{i['mechanism']}` is not written here"
    sides = [i["side"] for i in arm["injections"]]
    return "two descriptors enter one encoder" if len(sides) > len(set(sides)) else None


# ---- Loss and optimiser --------------------------------------------------------------------------------------------


def vicreg(a, m, spec):
    """The loss, and its invariance, variance and covariance terms [3]."""

    def spread(z):
        z = z - z.mean(0)
        cov = z.T @ z / (z.shape[0] - 1)
        var = cov.diagonal()
        short = F.relu(spec["gamma"] - (var + spec["epsilon"]).sqrt()).mean()
        return short, (cov.square().sum() - var.square().sum()) / z.shape[1]

    (var_a, cov_a), (var_m, cov_m) = spread(a), spread(m)
    terms = torch.stack([F.mse_loss(a, m), var_a + var_m, cov_a + cov_m])
    weights = (spec["invariance"], spec["variance"], spec["covariance"])
    return sum(w * term for w, term in zip(weights, terms)), terms.detach()


def below(name, prefix):
    return name == prefix or name.startswith(prefix + ".")


def rates(names, groups):
    """Learning rate by name: that of the longest prefix. What no prefix covers (a part that the profile freezes) learns
    at the lowest rate, as in profile `paper`."""
    lowest = 0, min(groups.values())
    rate = lambda name: max([lowest, *((len(prefix), lr) for prefix, lr in groups.items() if below(name, prefix))])[1]
    return {name: rate(name) for name in names}


def adamw(model, train):
    """Fused AdamW with a group for each learning rate, which stands in the group as `base`."""
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    by_rate = {}
    for name, lr in rates(trained, train["groups"]).items():
        by_rate.setdefault(lr, []).append(trained[name])
    o = train["optimizer"]
    groups = [{"params": params, "lr": lr, "base": lr} for lr, params in by_rate.items()]
    betas = (o["beta1"], o["beta2"])
    return torch.optim.AdamW(groups, betas=betas, eps=o["epsilon"], weight_decay=o["weight_decay"], fused=True)
