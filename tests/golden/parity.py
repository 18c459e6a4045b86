"""The arms in PyTorch, written from the specification alone, and the values that ours must agree with.

    python3 parity.py EXPORT OUT      writes OUT/parity.safetensors and OUT/parity.json
    python3 parity.py --check EXPORT  holds the modules below against finite differences and against themselves

EXPORT is written by our side: `cases.json` (sizes, loss, optimiser, cases), `batch.safetensors` (one batch) and
`<case>.safetensors` (a model each). Made with PyTorch 1.13 on a CPU, in float64, with dropout and router noise 0.

For each case OUT/parity.safetensors holds, rounded to float32:

    <case>/eval/{audio,midi}   embeddings with the running statistics of the file
    <case>/train/{audio,midi}  embeddings with those of the batch; train/tower where there is a third tower
    <case>/penalty             [1] what mixtures of experts add to the loss, with its weights; 0 in other families
    <case>/loss                [1] everything that is minimised
    <case>/grad/<parameter>    its gradient before clipping, zeros where nothing reaches; frozen ones have none
    <case>/grad_norm           [1] norm over all of them
    <case>/step/<parameter>    what one AdamW step adds to it (the change, since the new value would hide it in float32),
                               for cases that ask for it
    <case>/running/<name>      statistics of the BatchNorms after the pass

The classes can be imported and take our files as they are: `model = build(spec, family, injections, options)`, then
`model.load_state_dict(arrays, strict=True)`.
"""

import json
import pathlib
import struct
import sys
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


# ---- Files ---------------------------------------------------------------------------------------------------------


def read_safetensors(path):
    """Metadata and arrays (float32) of a safetensors file."""
    data = pathlib.Path(path).read_bytes()
    (size,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + size])
    metadata, arrays = header.pop("__metadata__", {}), {}
    for name, entry in header.items():
        if entry["dtype"] != "F32":
            raise ValueError(f"{path}: `{name}` is {entry['dtype']}, F32 is needed")
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        arrays[name] = torch.from_numpy(np.frombuffer(data[begin:end], "<f4").reshape(entry["shape"]).copy())
    return metadata, arrays


def write_safetensors(path, arrays):
    """Writes arrays as float32, sorted by name: the same arrays give the same bytes."""
    header = {"__metadata__": {"hit": json.dumps({"kind": "parity", "meta": None}, separators=(",", ":"))}}
    blobs, at = [], 0
    for name in sorted(arrays):
        values = np.ascontiguousarray(arrays[name].detach().numpy(), "<f4")
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [at, at + values.nbytes]}
        blobs.append(values.tobytes())
        at += values.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def read_batch(path):
    """A batch. Descriptors have one row a frame or a note; rows, pitches, ... beyond `lengths` are padding."""
    arrays = read_safetensors(path)[1]
    lengths = arrays.pop("lengths").long()
    audio = arrays.pop("audio").double()
    notes = {name: arrays.pop(name).long() for name in ("pitch", "velocity", "duration")}
    longest = notes["pitch"].shape[1]
    if longest != int(lengths.max()):
        raise ValueError(f"{path}: {longest} notes, the longest list has {int(lengths.max())}")
    padding = torch.arange(longest)[None] >= lengths[:, None]
    return SimpleNamespace(audio=audio, lengths=lengths, padding=padding, **notes,
                           descriptors={name: rows.double() for name, rows in arrays.items()})


# ---- Parts ---------------------------------------------------------------------------------------------------------


class BatchNorm(nn.BatchNorm1d):
    """BatchNorm1d without its counter of batches, which our files do not have and momentum 0.1 does not need."""

    _load_from_state_dict = nn.Module._load_from_state_dict  # BatchNorm's own would add the counter again

    def __init__(self, width):
        super().__init__(width)
        self.num_batches_tracked = None


class Layer(nn.TransformerEncoderLayer):
    """PyTorch's layer with exact GELU. `feed`, if given, stands for linear1-GELU-linear2 and is given the layer and x."""

    def __init__(self, width, n_heads, d_ff, dropout, norm_first):
        super().__init__(width, n_heads, d_ff, dropout, F.gelu, batch_first=True, norm_first=norm_first)
        # In evaluation PyTorch would take a fused path, which knows nothing of `feed`.
        self.activation_relu_or_gelu = 0
        self.feed = None

    def own_feed(self, x):
        return self.linear2(self.dropout(self.activation(self.linear1(x))))

    def _ff_block(self, x):
        return self.dropout2(self.own_feed(x) if self.feed is None else self.feed(self, x))


def head(inputs, hidden, outputs):
    """(Linear, BatchNorm, ReLU) for each hidden width, then Linear."""
    parts = []
    for width in hidden:
        parts += [nn.Linear(inputs, width), BatchNorm(width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*parts, nn.Linear(inputs, outputs))


def sinusoid(n, width, like):
    """Sinusoidal positions [n, width], sin and cos interleaved, base 10000."""
    angle = torch.arange(n, dtype=torch.float64)[:, None] / 10000 ** (torch.arange(0, width, 2, dtype=torch.float64) / width)
    return torch.stack([angle.sin(), angle.cos()], 2).reshape(n, width).to(like)


def resample(rows, size):
    """Rows [batch, n, dims] interpolated linearly to [batch, size, dims], half-pixel centres."""
    return F.interpolate(rows.transpose(1, 2), size=size, mode="linear", align_corners=False).transpose(1, 2)


def note_rows_to(rows, size, lengths):
    """Rows of notes interpolated, each sample from its own notes alone: [batch, size, dims]."""
    return torch.cat([resample(rows[i : i + 1, :n], size) for i, n in enumerate(lengths.tolist())])


def rows_to_notes(rows, lengths, longest):
    """Rows of frames interpolated to each sample's own number of notes, zeros at padding: [batch, longest, dims]."""
    parts = [F.pad(resample(rows[i : i + 1], n), (0, 0, 0, longest - n)) for i, n in enumerate(lengths.tolist())]
    return torch.cat(parts)


def token_mean(x, padding):
    """Mean over the real tokens of each sample: [batch, width]."""
    if padding is None:
        return x.mean(1)
    valid = (~padding).to(x)[:, :, None]
    return (x * valid).sum(1) / valid.sum(1)


def batch_mean(x, padding):
    """Mean over all real tokens of a batch, samples of more tokens counting more: [width]."""
    return x.mean((0, 1)) if padding is None else x[~padding].mean(0)


# ---- Mechanisms ----------------------------------------------------------------------------------------------------


class Injection(nn.Module):
    """A descriptor in an encoder. A sequence has `hidden` [batch, tokens, d], `positions` still to be added (or None)
    and `padding` [batch, tokens], true at padding (None on the audio side)."""

    def __init__(self, injection):
        super().__init__()
        self.descriptor, self.side = injection["descriptor"], injection["side"]

    def rows(self, batch):
        return batch.descriptors[self.descriptor]

    def summary(self, batch):
        """Mean over frames, or over real notes: [batch, dims]."""
        return token_mean(self.rows(batch), batch.padding if self.side == "midi" else None)

    def before_layers(self, sequence, batch):
        pass

    def after_layer(self, idx, sequence, batch):
        pass

    def penalty(self):
        """What the last pass adds to the loss, None for mechanisms that add nothing."""
        return None


class Concat(Injection):
    """LayerNorm(Linear([h || d])) before positions: a row a token (MIDI), or frames interpolated to tokens (audio)."""

    def __init__(self, injection, width, options):
        super().__init__(injection)
        self.linear = nn.Linear(width + injection["dims"], width)
        self.norm = nn.LayerNorm(width)

    def token_rows(self, sequence, batch):
        rows = self.rows(batch)
        return resample(rows, sequence.hidden.shape[1]) if self.side == "audio" else rows

    def before_layers(self, sequence, batch):
        joined = torch.cat([sequence.hidden, self.token_rows(sequence, batch)], 2)
        sequence.hidden = self.norm(self.linear(joined))


class CrossModal(Concat):
    """Concatenation of the other side's descriptor. Each sample's own notes are interpolated to the audio tokens, and the
    frames to its own number of notes; with padding `reference` the padded length takes their place."""

    def __init__(self, injection, width, options):
        super().__init__(injection, width, options)
        self.masked = masked(options)

    def token_rows(self, sequence, batch):
        rows, tokens = self.rows(batch), sequence.hidden.shape[1]
        if not self.masked:
            return resample(rows, tokens)
        if self.side == "audio":
            return note_rows_to(rows, tokens, batch.lengths)
        return rows_to_notes(rows, batch.lengths, tokens)


class CrossAttention(Injection):
    """h <- LayerNorm(q + Attention(q, k, k)): q the positioned tokens, k = Linear(d) without positions."""

    def __init__(self, injection, width, options):
        super().__init__(injection)
        self.linear = nn.Linear(injection["dims"], width)
        self.attention = nn.MultiheadAttention(width, options["n_heads"], options["dropout"], batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.masked = masked(options)

    def attend(self, query, key, padding):
        """On the MIDI side both have one row a note; `reference` lets padded keys take part."""
        mask = padding if self.masked else None
        return self.norm(query + self.attention(query, key, key, key_padding_mask=mask, need_weights=False)[0])

    def before_layers(self, sequence, batch):
        query = sequence.hidden + sequence.positions
        sequence.positions = None
        sequence.hidden = self.attend(query, self.linear(self.rows(batch)), sequence.padding)


class ReverseCrossAttention(CrossAttention):
    """The same with the roles exchanged: the positioned descriptor asks, and its rows replace the tokens."""

    def __init__(self, injection, width, options):
        super().__init__(injection, width, options)
        if self.side == "audio":
            self.positions = nn.Parameter(torch.zeros(options["max_frames"], width))

    def before_layers(self, sequence, batch):
        rows = self.linear(self.rows(batch))
        n = rows.shape[1]
        own = self.positions[:n] if self.side == "audio" else sinusoid(n, rows.shape[2], rows)
        key = sequence.hidden + sequence.positions
        sequence.positions = None
        sequence.hidden = self.attend(rows + own, key, sequence.padding)


class FiLM(Injection):
    """After each layer l: h <- (1 + gamma_l) h + beta_l, all of them from the summary."""

    def __init__(self, injection, width, options, n_layers):
        super().__init__(injection)
        hidden = options["hidden"]
        self.film = nn.Sequential(nn.Linear(injection["dims"], hidden), nn.ReLU(), nn.Linear(hidden, n_layers * 2 * width))
        self.shape = (n_layers, 2, 1, width)

    def after_layer(self, idx, sequence, batch):
        gamma, beta = self.film(self.summary(batch)).reshape(-1, *self.shape)[:, idx].unbind(1)
        sequence.hidden = (1 + gamma) * sequence.hidden + beta


class Mixture(nn.Module):
    """Adapters of one layer and the router between them: h + sum_e w_e expert_e(h).

    `top1` weighs the best expert by 1 and the others by 0, with the gradient of the soft weights. The penalty is of the
    soft weights under either routing: balance * E * Var_e(mean weight) (variance with E - 1, so 2 Var for two experts)
    + entropy * mean token entropy. It is added: routers are pushed towards equal loads and towards decided tokens.
    """

    def __init__(self, width, dims, options):
        super().__init__()
        n, inner, router = options["n_experts"], width // options["bottleneck"], options["router_hidden"]
        self.router = nn.Sequential(nn.Linear(width + dims, router), nn.GELU(), nn.Linear(router, n))
        expert = lambda: nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, width))
        self.experts = nn.ModuleList(expert() for _ in range(n))
        self.top1 = {"soft": False, "top1": True}[options["routing"]]
        self.balance, self.entropy = options["balance"], options["entropy"]
        self.noise = options["noise_start"]  # falls linearly over the epochs to noise_end
        self.penalty = None

    def forward(self, h, summary, padding):
        logits = self.router(torch.cat([h, summary[:, None].expand(-1, h.shape[1], -1)], 2))
        if self.training and self.noise > 0:
            logits = logits + self.noise * torch.randn_like(logits)
        soft, log = logits.softmax(2), logits.log_softmax(2)
        load = batch_mean(soft, padding)
        entropy = batch_mean(-(soft * log).sum(2, keepdim=True), padding).squeeze()
        self.penalty = self.balance * len(self.experts) * load.var(unbiased=True) + self.entropy * entropy
        weights = soft
        if self.top1:
            hard = F.one_hot(soft.argmax(2), soft.shape[2]).to(soft)
            weights = hard + (soft - soft.detach())
        return h + sum(weights[:, :, e, None] * expert(h) for e, expert in enumerate(self.experts))


class MoE(Injection):
    """A mixture of adapters after each layer; the router reads [h || summary]. Penalties: the mean over layers."""

    def __init__(self, injection, width, options, n_layers):
        super().__init__(injection)
        self.moe = nn.ModuleList(Mixture(width, injection["dims"], options) for _ in range(n_layers))

    def after_layer(self, idx, sequence, batch):
        sequence.hidden = self.moe[idx](sequence.hidden, self.summary(batch), sequence.padding)

    def penalty(self):
        return sum(mixture.penalty for mixture in self.moe) / len(self.moe)


class MoEFFN(Injection):
    """The last layer's feed-forward part as E experts, of which the best `top_k` act; expert 0 is the layer's own.

    Penalty (Switch Transformer): balance * E * sum_e f_e P_e, f the share of tokens whose first choice is e, without
    gradient, and P the mean probability.
    """

    def __init__(self, injection, width, options, d_ff):
        super().__init__(injection)
        n = options["n_experts"]
        self.gate = nn.Linear(width + injection["dims"], n, bias=False)
        expert = lambda: nn.ModuleDict({"linear1": nn.Linear(width, d_ff), "linear2": nn.Linear(d_ff, width)})
        self.experts = nn.ModuleDict({str(e): expert() for e in range(1, n)})
        self.top_k, self.balance = options["top_k"], options["balance"]
        self.last = None

    def feed(self, layer, x, padding, batch):
        summary = self.summary(batch)
        p = self.gate(torch.cat([x, summary[:, None].expand(-1, x.shape[1], -1)], 2)).softmax(2)
        best = p.topk(self.top_k, 2)
        weights = torch.zeros_like(p).scatter(2, best.indices, best.values / best.values.sum(2, keepdim=True))
        first = F.one_hot(best.indices[:, :, 0], p.shape[2]).to(p)
        share = batch_mean(first, padding)
        self.last = self.balance * p.shape[2] * (share * batch_mean(p, padding)).sum()
        outputs = [layer.own_feed(x)]
        for expert in self.experts.values():
            outputs.append(expert["linear2"](layer.dropout(layer.activation(expert["linear1"](x)))))
        return sum(weights[:, :, e, None] * y for e, y in enumerate(outputs))

    def penalty(self):
        return self.last


class Tower(nn.Module):
    """The third tower: [A4 || D4 interpolated to its frames] -> Linear -> LayerNorm -> sinusoid -> pre-norm layers ->
    LayerNorm -> mean -> head. Descriptors of the audio side come first."""

    def __init__(self, injections, options, embedding_dim):
        super().__init__()
        d = options["d_model"]
        self.frames = [i["descriptor"] for i in injections if i["side"] == "audio"]
        self.notes = [i["descriptor"] for i in injections if i["side"] == "midi"]
        self.linear = nn.Linear(sum(i["dims"] for i in injections), d)
        self.norm = nn.LayerNorm(d)
        self.dropout = nn.Dropout(options["dropout"])
        layer = lambda: Layer(d, options["n_heads"], options["d_ff"], options["dropout"], norm_first=True)
        self.layers = nn.ModuleList(layer() for _ in range(options["n_layers"]))
        self.final_norm = nn.LayerNorm(d)
        self.head = head(d, options["hidden"], embedding_dim)

    def forward(self, batch):
        parts = [batch.descriptors[name] for name in self.frames]
        frames = parts[0].shape[1]
        parts += [note_rows_to(batch.descriptors[name], frames, batch.lengths) for name in self.notes]
        h = self.norm(self.linear(torch.cat(parts, 2)))
        h = self.dropout(h + sinusoid(*h.shape[1:], h))
        for layer in self.layers:
            h = layer(h)
        return self.head(self.final_norm(h).mean(1))


def masked(options):
    return {"masked": True, "reference": False}[options["padding"]]


# ---- Encoders ------------------------------------------------------------------------------------------------------


def run_layers(layers, sequence, batch, injections):
    """The Transformer of an encoder with what is injected after its layers or into the last one."""
    feeds = [injection.feed for injection in injections if isinstance(injection, MoEFFN)]
    for feed in feeds:
        layers[-1].feed = lambda layer, x, feed=feed: feed(layer, x, sequence.padding, batch)
    for idx, layer in enumerate(layers):
        sequence.hidden = layer(sequence.hidden, src_key_padding_mask=sequence.padding)
        for injection in injections:
            injection.after_layer(idx, sequence, batch)
    layers[-1].feed = None


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
        d = spec["d_model"]
        self.cnn = Convolutions(spec)
        self.positions = nn.Parameter(torch.zeros(spec["max_positions"], d))
        layer = lambda: Layer(d, spec["n_heads"], spec["d_ff"], spec["dropout"], norm_first=False)
        self.layers = nn.ModuleList(layer() for _ in range(spec["n_layers"]))

    def forward(self, batch, injections):
        hidden = self.cnn(batch.audio)
        sequence = SimpleNamespace(hidden=hidden, positions=self.positions[: hidden.shape[1]], padding=None)
        for injection in injections:
            injection.before_layers(sequence, batch)
        if sequence.positions is not None:
            sequence.hidden = sequence.hidden + sequence.positions
        run_layers(self.layers, sequence, batch, injections)
        return sequence.hidden.mean(1)


class NoteEmbedding(nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.pitch = nn.Embedding(128, spec["pitch_dim"])
        self.velocity = nn.Embedding(128, spec["velocity_dim"])
        self.duration = nn.Embedding(spec["n_durations"], spec["duration_dim"])
        self.projection = nn.Linear(spec["pitch_dim"] + spec["velocity_dim"] + spec["duration_dim"], spec["d_model"])
        self.norm = nn.LayerNorm(spec["d_model"])

    def forward(self, batch):
        parts = [self.pitch(batch.pitch), self.velocity(batch.velocity), self.duration(batch.duration)]
        return self.norm(self.projection(torch.cat(parts, 2)))


class MidiEncoder(nn.Module):
    """Note embedding, sinusoidal positions, dropout, pre-norm layers, LayerNorm before or after the masked mean."""

    def __init__(self, spec):
        super().__init__()
        d = spec["d_model"]
        self.embedding = NoteEmbedding(spec)
        self.dropout = nn.Dropout(spec["dropout"])
        layer = lambda: Layer(d, spec["n_heads"], spec["d_ff"], spec["dropout"], norm_first=True)
        self.layers = nn.ModuleList(layer() for _ in range(spec["n_layers"]))
        self.norm = nn.LayerNorm(d)
        self.norm_first = {"before_pooling": True, "after_pooling": False}[spec["norm"]]

    def forward(self, batch, injections):
        hidden = self.embedding(batch)
        sequence = SimpleNamespace(hidden=hidden, positions=sinusoid(*hidden.shape[1:], hidden), padding=batch.padding)
        for injection in injections:
            injection.before_layers(sequence, batch)
        if sequence.positions is not None:
            sequence.hidden = sequence.hidden + sequence.positions
        sequence.hidden = self.dropout(sequence.hidden)
        run_layers(self.layers, sequence, batch, injections)
        if self.norm_first:
            return token_mean(self.norm(sequence.hidden), sequence.padding)
        return self.norm(token_mean(sequence.hidden, sequence.padding))


class Model(nn.Module):
    """An arm. `forward` gives embeddings `audio`, `midi`, `tower` (or None), and `penalty`: the mean over injections that
    have one (both sides of moe-dual weigh half), 0 without."""

    def __init__(self, spec, injections, options):
        super().__init__()
        self.audio = AudioEncoder(spec["audio"])
        self.midi = MidiEncoder(spec["midi"])
        sizes = (spec["heads"]["hidden"], spec["heads"]["embedding_dim"])
        self.heads = nn.ModuleDict({side: head(spec[side]["d_model"], *sizes) for side in ("audio", "midi")})
        self.inject = nn.ModuleDict({"audio": nn.ModuleDict(), "midi": nn.ModuleDict()})
        for injection in injections:
            if injection["mechanism"] != "tower":
                side = injection["side"]
                name = "moe_ffn" if injection["mechanism"] == "moe_ffn" else injection["descriptor"]
                self.inject[side][name] = mechanism(injection, spec[side], options)
        towers = [injection for injection in injections if injection["mechanism"] == "tower"]
        if towers:
            self.inject["tower"] = Tower(towers, options, spec["heads"]["embedding_dim"])

    def forward(self, batch):
        sides = {side: list(self.inject[side].values()) for side in ("audio", "midi")}
        audio = self.heads["audio"](self.audio(batch, sides["audio"]))
        midi = self.heads["midi"](self.midi(batch, sides["midi"]))
        tower = self.inject["tower"](batch) if "tower" in self.inject else None
        penalties = [injection.penalty() for injection in sides["audio"] + sides["midi"]]
        penalties = [penalty for penalty in penalties if penalty is not None]
        penalty = sum(penalties) / len(penalties) if penalties else audio.new_zeros(())
        return SimpleNamespace(audio=audio, midi=midi, tower=tower, penalty=penalty)


def mechanism(injection, side, options):
    d, n_layers = side["d_model"], side["n_layers"]
    plain = {"concat": Concat, "cross_modal": CrossModal, "cross_attention": CrossAttention,
             "reverse_cross_attention": ReverseCrossAttention}
    layered = {"film": FiLM, "moe": MoE}
    kind = injection["mechanism"]
    if kind in plain:
        return plain[kind](injection, d, options)
    if kind in layered:
        return layered[kind](injection, d, options, n_layers)
    if kind == "moe_ffn":
        return MoEFFN(injection, d, options, side["d_ff"])
    raise ValueError(f"mechanism `{kind}` is unknown")


def build(spec, family, injections, options):
    """The model of an arm. `spec`: sizes as pipeline.toml has them (audio, midi, heads); `options`: those of the family."""
    known = {"base": set(), "film": {"film"}, "moe": {"moe"}, "moe_ffn": {"moe_ffn"}, "tower": {"concat", "tower"},
             "inject": {"concat", "cross_modal", "cross_attention", "reverse_cross_attention"}}
    for injection in injections:
        if injection["mechanism"] not in known[family]:
            raise ValueError(f"family `{family}` has no mechanism `{injection['mechanism']}`")
    return Model(spec, injections, options)


# ---- Loss and optimiser ----------------------------------------------------------------------------------------------


def vicreg(a, m, spec):
    batch, dims = a.shape

    def off_diagonal(z):
        z = z - z.mean(0)
        cov = z.T @ z / (batch - 1)
        return (cov - torch.diag(torch.diag(cov))).pow(2).sum() / dims

    invariance = F.mse_loss(a, m)
    variance = sum(F.relu(spec["gamma"] - torch.sqrt(z.var(0) + spec["epsilon"])).mean() for z in (a, m))
    covariance = off_diagonal(a) + off_diagonal(m)
    return spec["invariance"] * invariance + spec["variance"] * variance + spec["covariance"] * covariance


def total_loss(outputs, spec, options):
    """VICReg of audio and MIDI, or the tower's three pairs with their weights, and the penalties of mixtures."""
    a, m, r = outputs.audio, outputs.midi, outputs.tower
    if r is None:
        return vicreg(a, m, spec) + outputs.penalty
    weights = (options["pair"], options["audio"], options["midi"])
    pairs = ((a, m), (a, r), (m, r))
    return sum(w * vicreg(*pair, spec) for w, pair in zip(weights, pairs)) + outputs.penalty


def below(name, prefix):
    return name == prefix or name.startswith(prefix + ".")


def freeze(model, prefixes):
    for name, p in model.named_parameters():
        p.requires_grad_(not any(below(name, prefix) for prefix in prefixes))


def trained(model):
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def adamw(params, groups, spec, factor):
    """AdamW whose learning rates are those of the longest prefixes, times the schedule's factor."""

    def rate(name):
        return groups[max((prefix for prefix in groups if below(name, prefix)), key=len)]

    each = [{"params": [p], "lr": rate(name) * factor} for name, p in params.items()]
    return torch.optim.AdamW(each, betas=(spec["beta1"], spec["beta2"]), eps=spec["epsilon"], weight_decay=spec["weight_decay"])


# ---- Cases -----------------------------------------------------------------------------------------------------------


def load(cases, case, path):
    """The model of a case with the values of its file, in float64; names and shapes must fit as they are."""
    options = case.get("options") or {}
    random = {"model.audio.dropout": cases["model"]["audio"]["dropout"], "model.midi.dropout": cases["model"]["midi"]["dropout"]}
    random.update({key: options.get(key, 0) for key in ("dropout", "noise_start", "noise_end")})
    for key, value in random.items():
        if value != 0:
            raise ValueError(f"case `{case['name']}`: {key} is {value}; two implementations agree only at 0")
    model = build(cases["model"], case["family"], case["injections"], options).double()
    model.load_state_dict(read_safetensors(path)[1], strict=True)
    freeze(model, cases["frozen"])
    return model


def run(cases, case, model, batch):
    """All values of a case by name."""
    out = {}
    model.eval()
    outputs = model(batch)
    out["eval/audio"], out["eval/midi"] = outputs.audio, outputs.midi
    model.train()
    outputs = model(batch)
    out["train/audio"], out["train/midi"], out["penalty"] = outputs.audio, outputs.midi, outputs.penalty.reshape(1)
    if outputs.tower is not None:
        out["train/tower"] = outputs.tower
    loss = total_loss(outputs, cases["loss"], case.get("options") or {})
    loss.backward()
    out["loss"] = loss.reshape(1)
    params = trained(model)
    before = {name: p.detach().clone() for name, p in params.items()}
    for name, p in params.items():
        if p.grad is None:
            p.grad = torch.zeros_like(p)
        out[f"grad/{name}"] = p.grad.clone()
    norm = nn.utils.clip_grad_norm_(params.values(), cases["optimizer"]["clip_norm"])
    out["grad_norm"] = norm.reshape(1)
    adamw(params, cases["groups"], cases["optimizer"], cases["schedule_factor"]).step()
    for name, p in params.items() if case["step"] else ():
        out[f"step/{name}"] = p.detach() - before[name]
    for name, value in model.named_buffers():
        out[f"running/{name}"] = value
    return {f"{case['name']}/{name}": value.detach() for name, value in out.items()}


def unreached(values):
    """Gradients of matrices that are zero throughout: experts never chosen, FiLM of a summary that is zero. (Biases before a
    normalisation, and those of attention's keys, have none by nature.)"""
    return [name for name, value in values.items() if "/grad/" in name and value.dim() > 1 and not value.any()]


def read_cases(export):
    return json.loads((export / "cases.json").read_text()), read_batch(export / "batch.safetensors")


def main(export, out):
    cases, batch = read_cases(export)
    arrays = {}
    for case in cases["cases"]:
        model = load(cases, case, export / f"{case['name']}.safetensors")
        values = run(cases, case, model, batch)
        for name in unreached(values):
            print(f"{name}: no gradient, so this case says nothing about it", file=sys.stderr)
        arrays.update(values)
    wrong = [name for name, value in arrays.items() if not torch.isfinite(value).all()]
    if wrong:
        raise ValueError(f"not finite: {', '.join(wrong)}")
    out.mkdir(parents=True, exist_ok=True)
    write_safetensors(out / "parity.safetensors", arrays)
    about = {"torch": torch.__version__.split("+")[0], "cases": cases}
    (out / "parity.json").write_text(json.dumps(about, separators=(",", ":"), sort_keys=True) + "\n")


# ---- Self-check ------------------------------------------------------------------------------------------------------


def one(batch, i):
    """Sample i alone, without padding. Ids of descriptors of notes begin with d, as the paper's do."""
    n = int(batch.lengths[i])
    cut = lambda rows: rows[i : i + 1, :n]
    return SimpleNamespace(
        audio=batch.audio[i : i + 1], lengths=batch.lengths[i : i + 1], padding=batch.padding[i : i + 1, :n],
        pitch=cut(batch.pitch), velocity=cut(batch.velocity), duration=cut(batch.duration),
        descriptors={name: cut(rows) if name.startswith("d") else rows[i : i + 1] for name, rows in batch.descriptors.items()},
    )


def independence(model, batch):
    """The largest change of an embedding when its sample is alone, in evaluation."""
    model.eval()
    all_of, worst = model(batch), 0.0
    for i in range(len(batch.lengths)):
        alone = model(one(batch, i))
        for side in ("audio", "midi"):
            worst = max(worst, float((getattr(alone, side)[0] - getattr(all_of, side)[i]).abs().max()))
    return worst


def finite_differences(cases, case, model, batch, step=1e-5):
    """The largest difference between gradients and central differences, at the middle and last value of each parameter,
    relative to 1 + |gradient|. A straight-through gradient is none of the loss: what stands before such routers is left out."""
    options = case.get("options") or {}
    params = trained(model)
    if options.get("routing") == "top1":
        params = {name: p for name, p in params.items() if name.startswith("heads.") or ".experts." in name and ".2." in name
                  and name.split(".")[4] == str(cases["model"]["audio"]["n_layers"] - 1)}
    model.train()

    def loss():
        return total_loss(model(batch), cases["loss"], options)

    model.zero_grad()
    loss().backward()
    worst = 0.0
    for p in params.values():
        grad = torch.zeros_like(p) if p.grad is None else p.grad
        for i in {p.numel() // 2, p.numel() - 1}:
            values = p.data.view(-1)
            start = values[i].item()
            sides = []
            for sign in (1, -1):
                values[i] = start + sign * step
                with torch.no_grad():
                    sides.append(loss().item())
            values[i] = start
            expected = grad.view(-1)[i].item()
            worst = max(worst, abs((sides[0] - sides[1]) / (2 * step) - expected) / (1 + abs(expected)))
    return worst


def check(export):
    """Prints both measures of each case; ends with status 1 if one is not as it should be."""
    cases, batch = read_cases(export)
    bad = []
    for case in cases["cases"]:
        model = load(cases, case, export / f"{case['name']}.safetensors")
        padded = (case.get("options") or {}).get("padding") == "reference" and any(
            i["mechanism"] == "cross_modal" or i["side"] == "midi" and "attention" in i["mechanism"] for i in case["injections"])
        alone, slope = independence(model, batch), finite_differences(cases, case, model, batch)
        fine = (alone > 1e-6 if padded else alone < 1e-10) and slope < 1e-6
        print(f"{case['name']:24} alone {alone:.1e}{' (padding shows)' if padded else ''}  slope {slope:.1e}  {'ok' if fine else 'WRONG'}")
        bad += [] if fine else [case["name"]]
    return 1 if bad else 0


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    if sys.argv[1] == "--check":
        sys.exit(check(pathlib.Path(sys.argv[2])))
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
