"""Writes layers.json: what PyTorch's layers compute, and their vector-Jacobian products, for the tests of this crate
to agree with.

    python3 layers.py

Written with torch 2.15.0 on a CPU, in double precision. Each case holds a layer as this crate writes it, its input,
the parameters under this crate's names and in its layouts (what PyTorch has transposed is transposed here), a
cotangent, the output, and the gradients of its product with the cotangent by the input and by each parameter. What
PyTorch does not have is a formula: rotary and sinusoidal positions, learned positions, low-rank adaptation.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations, rnn

torch.manual_seed(22)
torch.set_default_dtype(torch.float64)
CASES = []


def rounded(x):
    return torch.round(x * 1000) / 1000


def normal(*shape, scale=1.0):
    return rounded(scale * torch.randn(shape))


def with_random_parameters(module):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(normal(*parameter.shape, scale=0.6))
    return module


def operand(x):
    return {"shape": list(x.shape), "float" if x.is_floating_point() else "index": x.flatten().tolist()}


def case(layer, function, x, parameters=None, note="", training=False, lengths=None, memory=None, memory_lengths=None, state=None, next_state=None):
    """`parameters` maps this crate's names to PyTorch's parameters, "T" in front of a name asks for the transpose;
    `next_state` is asked for the state after the step."""
    parameters = parameters or {}
    leaves = [x.requires_grad_()] if x.is_floating_point() else []
    if memory is not None:
        leaves.append(memory.requires_grad_())
    output = function(x)
    cotangent = normal(*output.shape)
    tensors = list(parameters.values())
    gradients = torch.autograd.grad(output, leaves + tensors, cotangent, allow_unused=True)
    # Lengths of weights are [out, 1, ..] there and [out] here.
    ours = lambda name, tensor: tensor.T if name.startswith("T ") else tensor.flatten() if name == "weight_g" else tensor
    found = {}
    if x.is_floating_point():
        found["input"] = gradients[0]
    if memory is not None:
        found["memory"] = gradients[1]
    for (name, tensor), gradient in zip(parameters.items(), gradients[len(leaves) :]):
        gradient = torch.zeros_like(tensor) if gradient is None else gradient
        found[name.removeprefix("T ")] = ours(name, gradient)
    result = {
        "note": note,
        "layer": layer,
        "training": training,
        "input": operand(x.detach()),
        "parameters": {
            name.removeprefix("T "): operand(ours(name, tensor.detach())) for name, tensor in parameters.items()
        },
        "cotangent": cotangent.flatten().tolist(),
        "output": output.flatten().tolist(),
        "gradients": {name: gradient.flatten().tolist() for name, gradient in found.items()},
    }
    if lengths is not None:
        result["lengths"] = operand(lengths)
    if memory is not None:
        result["memory"] = operand(memory.detach())
    if memory_lengths is not None:
        result["memory_lengths"] = operand(memory_lengths)
    if state is not None:
        result["state"] = {name: values.flatten().tolist() for name, values in state.items()}
    if next_state is not None:
        result["next_state"] = {name: values.flatten().tolist() for name, values in next_state().items()}
    CASES.append(result)


def named(module, *names):
    """The parameters of a module under their own names; those with "T " in front are transposed."""
    return {name: module.get_parameter(name.removeprefix("T ")) for name in names}


def running(lengths, steps):
    """1 for the steps that count, [n, steps, 1]."""
    return (torch.arange(steps)[None, :] < lengths[:, None]).double()[..., None]


# Linear layers and convolutions.
m = with_random_parameters(nn.Linear(4, 3))
case({"Linear": {"out_features": 3, "bias": True}}, m, normal(2, 4), named(m, "T weight", "bias"))
m = with_random_parameters(nn.Linear(3, 2, bias=False))
case({"Linear": {"out_features": 2, "bias": False}}, m, normal(2, 2, 3), named(m, "T weight"))
m = with_random_parameters(nn.Bilinear(3, 3, 2))
case({"Bilinear": {"out_features": 2, "bias": True}}, lambda x: m(x, x), normal(2, 3), named(m, "weight", "bias"))


def convolution(name, make, x, channels, sizes, out, kernel, stride, padding, dilation, groups, bias=True, note="", **more):
    """One convolution in both languages; scalars stand for equal numbers along all axes in one dimension."""
    m = with_random_parameters(
        make(channels, out, kernel, stride=stride, padding=padding, dilation=dilation, groups=groups, bias=bias, **more)
    )
    layer = dict(
        out_channels=out, kernel=kernel, stride=stride, padding=padding, dilation=dilation, groups=groups, bias=bias, **more
    )
    names = ["weight", "bias"] if bias else ["weight"]
    case({name: layer}, m, normal(x, channels, *sizes), named(m, *names), note=note)


convolution("Conv1d", nn.Conv1d, 2, 4, [9], 2, 3, 2, 1, 2, 2)
convolution("Conv1d", nn.Conv1d, 1, 2, [5], 3, 2, 1, 0, 1, 1, bias=False)
convolution("Conv2d", nn.Conv2d, 2, 4, [5, 4], 2, [3, 2], [2, 1], [1, 0], [1, 2], 2)
convolution("Conv2d", nn.Conv2d, 1, 2, [3, 4], 4, [2, 2], [1, 1], [0, 1], [1, 1], 2, bias=False, note="depthwise")
convolution("Conv3d", nn.Conv3d, 1, 2, [4, 3, 3], 2, [2, 2, 2], [2, 1, 1], [1, 0, 1], [1, 1, 2], 2)
convolution("Conv3d", nn.Conv3d, 1, 1, [4, 2, 2], 1, [2, 2, 1], [1, 1, 1], [0, 0, 0], [2, 1, 1], 1, bias=False)
convolution("ConvTranspose1d", nn.ConvTranspose1d, 2, 4, [4], 2, 3, 2, 1, 1, 2, output_padding=1)
convolution("ConvTranspose1d", nn.ConvTranspose1d, 1, 2, [4], 3, 2, 1, 1, 2, 1, bias=False, output_padding=1, note="a padding beyond the stride")
convolution("ConvTranspose2d", nn.ConvTranspose2d, 1, 4, [2, 3], 2, [3, 2], [2, 1], [1, 0], [1, 2], 2, output_padding=[1, 0])
convolution("ConvTranspose2d", nn.ConvTranspose2d, 1, 2, [2, 2], 1, [2, 2], [2, 3], [0, 0], [1, 1], 1, bias=False, output_padding=[0, 2])

# Pools.
for name, pool in [("MaxPool", F.max_pool1d), ("AvgPool", F.avg_pool1d)]:
    case({f"{name}1d": {"kernel": 3, "stride": 2, "padding": 1}}, lambda x: pool(x, 3, 2, 1), normal(2, 2, 6))
for name, pool in [("MaxPool", F.max_pool2d), ("AvgPool", F.avg_pool2d)]:
    case({f"{name}2d": {"kernel": [3, 2], "stride": [2, 1], "padding": [1, 0]}}, lambda x: pool(x, (3, 2), (2, 1), (1, 0)), normal(1, 2, 5, 4))
for size in [3, 5, 7]:
    case({"AdaptiveAvgPool1d": {"size": size}}, lambda x: F.adaptive_avg_pool1d(x, size), normal(1, 2, 5))
    case({"AdaptiveMaxPool1d": {"size": size}}, lambda x: F.adaptive_max_pool1d(x, size), normal(1, 2, 5))
case({"AdaptiveAvgPool2d": {"size": [2, 3]}}, lambda x: F.adaptive_avg_pool2d(x, (2, 3)), normal(1, 2, 5, 4))
case({"AdaptiveMaxPool2d": {"size": [2, 3]}}, lambda x: F.adaptive_max_pool2d(x, (2, 3)), normal(1, 2, 5, 4))
case({"GlobalAveragePool2d": {}}, lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1), normal(2, 2, 3, 2))

# Norms.
for training in [True, False]:
    for make, shape, affine in [(nn.BatchNorm1d, (4, 3), True), (nn.BatchNorm2d, (2, 2, 2, 3), True), (nn.BatchNorm1d, (2, 2, 3), False)]:
        m = with_random_parameters(make(shape[1], momentum=0.3, eps=1e-3, affine=affine)).train(training)
        m.running_mean, m.running_var = normal(shape[1]), rounded(0.5 + torch.rand(shape[1]))
        state = {"running_mean": m.running_mean.clone(), "running_variance": m.running_var.clone()}
        case(
            {"BatchNorm": {"momentum": 0.3, "epsilon": 1e-3, "affine": affine}},
            m,
            normal(*shape),
            named(m, "weight", "bias") if affine else {},
            training=training,
            state=state,
            next_state=lambda: {"running_mean": m.running_mean, "running_variance": m.running_var},
        )
m = with_random_parameters(nn.LayerNorm(4))
case({"LayerNorm": {"axes": 1, "epsilon": 1e-5, "affine": True}}, m, normal(3, 4), named(m, "weight", "bias"))
m = with_random_parameters(nn.LayerNorm([2, 3], eps=1e-2))
case({"LayerNorm": {"axes": 2, "epsilon": 1e-2, "affine": True}}, m, normal(2, 2, 3), named(m, "weight", "bias"))
case({"LayerNorm": {"axes": 1, "epsilon": 1e-5, "affine": False}}, lambda x: F.layer_norm(x, [4]), normal(2, 4))
m = with_random_parameters(nn.GroupNorm(2, 4))
case({"GroupNorm": {"groups": 2, "epsilon": 1e-5, "affine": True}}, m, normal(2, 4, 3), named(m, "weight", "bias"))
case({"GroupNorm": {"groups": 3, "epsilon": 1e-5, "affine": False}}, lambda x: F.group_norm(x, 3), normal(2, 6))
m = with_random_parameters(nn.InstanceNorm2d(2, affine=True))
case({"InstanceNorm": {"epsilon": 1e-5, "affine": True}}, m, normal(2, 2, 2, 3), named(m, "weight", "bias"))
case({"InstanceNorm": {"epsilon": 1e-5, "affine": False}}, nn.InstanceNorm1d(2), normal(2, 2, 4))
m = with_random_parameters(nn.RMSNorm(4, eps=1e-3))
case({"RmsNorm": {"epsilon": 1e-3, "affine": True}}, m, normal(2, 2, 4), named(m, "weight"))
single = torch.finfo(torch.float32).eps
case({"RmsNorm": {"epsilon": single, "affine": False}}, nn.RMSNorm(4, eps=single, elementwise_affine=False), normal(2, 4))

# Weights by other parameters.
m = parametrizations.weight_norm(with_random_parameters(nn.Linear(3, 2)))
with_random_parameters(m)
g, v = m.parametrizations.weight.original0, m.parametrizations.weight.original1
linear = {"Linear": {"out_features": 2, "bias": True}}
case({"WeightNorm": {"layer": linear}}, m, normal(2, 3), {"weight_g": g, "T weight_v": v, "bias": m.bias})
m = parametrizations.weight_norm(nn.Conv2d(2, 2, 2, bias=False))
with_random_parameters(m)
g, v = m.parametrizations.weight.original0, m.parametrizations.weight.original1
conv = {"Conv2d": {"out_channels": 2, "kernel": [2, 2], "stride": [1, 1], "padding": [0, 0], "dilation": [1, 1], "groups": 1, "bias": False}}
case({"WeightNorm": {"layer": conv}}, m, normal(1, 2, 2, 3), {"weight_g": g, "weight_v": v})
for training in [True, False]:
    for layer, plain, shape, names in [
        (linear, nn.Linear(3, 2), (2, 3), {"T weight_orig": "original", "bias": None}),
        (conv, nn.Conv2d(2, 2, 2, bias=False), (1, 2, 2, 3), {"weight_orig": "original"}),
    ]:
        m = parametrizations.spectral_norm(with_random_parameters(plain)).train(training)
        inner = m.parametrizations.weight[0]
        inner._u, inner._v = F.normalize(normal(*inner._u.shape), dim=0), F.normalize(normal(*inner._v.shape), dim=0)
        state = {"weight_u": inner._u.clone(), "weight_v": inner._v.clone()}
        original = m.parametrizations.weight.original
        case(
            {"SpectralNorm": {"layer": layer, "epsilon": 1e-12}},
            m,
            normal(*shape),
            {name: original if value else m.bias for name, value in names.items()},
            training=training,
            state=state,
            next_state=lambda: {"weight_u": inner._u, "weight_v": inner._v},
        )
weight, bias, a, b = [normal(*shape).requires_grad_() for shape in [(3, 4), (4,), (3, 2), (2, 4)]]
case(
    {"Lora": {"out_features": 4, "rank": 2, "alpha": 3.0, "bias": True}},
    lambda x: x @ weight.detach() + bias.detach() + 3.0 / 2 * (x @ a @ b),
    normal(2, 3),
    {"weight": weight, "bias": bias, "lora_a": a, "lora_b": b},
)

# Tables.
m = with_random_parameters(nn.Embedding(5, 3))
tokens = torch.tensor([[4, 0, 2], [2, 2, 1]])
case({"Embedding": {"count": 5, "width": 3}}, m, tokens, named(m, "weight"))
lengths = torch.tensor([2, 0])
for pooling in ["Sum", "Mean", "Max"]:
    layer = {"EmbeddingBag": {"count": 5, "width": 3, "pooling": pooling}}
    m = with_random_parameters(nn.EmbeddingBag(5, 3, mode=pooling.lower()))
    case(layer, m, tokens, named(m, "weight"))
    case(
        layer,
        lambda x: m(torch.cat([row[:length] for row, length in zip(x, lengths)]), torch.tensor([0, 2])),
        tokens,
        named(m, "weight"),
        note="lengths",
        lengths=lengths,
    )
table = normal(4, 2).requires_grad_()
case({"PositionEmbedding": {"max_length": 4}}, lambda x: x + table[:3], normal(2, 3, 2), {"weight": table})


def sinusoidal(x, base):
    length, width = x.shape[-2:]
    waves = torch.zeros(length, width)
    frequency = torch.exp(torch.arange(0, width, 2) * (-math.log(base) / width))
    angle = torch.arange(length)[:, None] * frequency
    waves[:, 0::2] = torch.sin(angle)
    waves[:, 1::2] = torch.cos(angle)[:, : width // 2]
    return x + waves


def rotary(x, base=10000.0):
    """Pairs as complex numbers, each times a number of length 1."""
    length, width = x.shape[-2:]
    frequency = torch.exp(torch.arange(0, width, 2) * (-math.log(base) / width))
    turn = torch.polar(torch.ones(length, width // 2), torch.arange(length)[:, None] * frequency)
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], width // 2, 2))
    return torch.view_as_real(pairs * turn).flatten(-2)


case({"SinusoidalPositions": {"base": 10000.0}}, lambda x: sinusoidal(x, 10000.0), normal(1, 3, 5))
case({"RotaryPositions": {"base": 10000.0}}, rotary, normal(2, 3, 4))
case({"RotaryPositions": {"base": 100.0}}, lambda x: rotary(x, 100.0), normal(1, 2, 2, 6))

# Recurrent layers.
GATES = ["T weight_ih", "T weight_hh", "bias_ih", "bias_hh"]


def recurrent_parameters(m, layers=1, directions=1, stacked=False):
    found = {}
    for layer in range(layers):
        for suffix in ["", "_reverse"][:directions]:
            for name in GATES:
                bare = name.removeprefix("T ")
                ours = f"l{layer}{suffix}.{bare}" if stacked else bare
                found[("T " if name.startswith("T") else "") + ours] = m.get_parameter(f"{bare}_l{layer}{suffix}")
    return found


def results(m, x, all_steps, lengths=None):
    """The states of all steps, or the last ones of the uppermost layer, side by side."""
    if lengths is not None:
        packed = rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        states, last = m(packed)
        states, _ = rnn.pad_packed_sequence(states, batch_first=True, total_length=x.shape[1])
    else:
        states, last = m(x)
    last = last[0] if isinstance(last, tuple) else last
    directions = 2 if m.bidirectional else 1
    return states if all_steps else last[-directions:].movedim(0, 1).flatten(1)


KINDS = {
    "Lstm": (nn.LSTM, {}, {}),
    "Gru": (nn.GRU, {}, {}),
    "Rnn": (nn.RNN, {"relu": False}, {"nonlinearity": "tanh"}),
    "RnnRelu": (nn.RNN, {"relu": True}, {"nonlinearity": "relu"}),
}
lengths = torch.tensor([2, 4, 1])
for kind, (make, layer, options) in KINDS.items():
    for all_steps, padded in [(False, False), (True, True)]:
        m = with_random_parameters(make(2, 3, batch_first=True, **options))
        case(
            {"Rnn" if kind == "RnnRelu" else kind: {"hidden": 3, "all_steps": all_steps, **layer}},
            lambda x: results(m, x, all_steps, lengths if padded else None),
            normal(3 if padded else 2, 4 if padded else 3, 2),
            recurrent_parameters(m),
            lengths=lengths if padded else None,
            note="lengths" if padded else "",
        )
for kind, layers, directions, all_steps, padded in [
    ("Lstm", 2, 2, True, False),
    ("Lstm", 2, 2, False, True),
    ("Gru", 1, 2, True, True),
    ("Gru", 2, 1, False, False),
    ("Rnn", 1, 2, False, True),
    ("RnnRelu", 2, 1, True, False),
]:
    make, _, options = KINDS[kind]
    m = with_random_parameters(make(2, 2, layers, bidirectional=directions == 2, batch_first=True, **options))
    case(
        {"Recurrent": {"cell": kind, "hidden": 2, "layers": layers, "bidirectional": directions == 2, "dropout": 0.0, "all_steps": all_steps}},
        lambda x: results(m, x, all_steps, lengths if padded else None),
        normal(3 if padded else 2, 4 if padded else 3, 2),
        recurrent_parameters(m, layers, directions, stacked=True),
        lengths=lengths if padded else None,
        note="lengths" if padded else "",
    )


# Attention. Of positions that do not count PyTorch computes results; there the input is 0, as it counts here.
def attention_parameters(prefix, theirs, m):
    names = {"projection.weight": "in_proj_weight", "projection.bias": "in_proj_bias", "output.weight": "out_proj.weight", "output.bias": "out_proj.bias"}
    return {
        ("T " if ours.endswith("weight") else "") + prefix + ours: m.get_parameter(theirs + name)
        for ours, name in names.items()
    }


later = lambda length: torch.triu(torch.ones(length, length, dtype=torch.bool), 1)
absent = lambda lengths, steps: running(lengths, steps)[..., 0] == 0
lengths = torch.tensor([2, 3])
for causal, padded in [(False, False), (True, False), (False, True), (True, True)]:
    m = with_random_parameters(nn.MultiheadAttention(4, 2, batch_first=True))

    def attention(x):
        x = x * running(lengths, 3) if padded else x
        mask = absent(lengths, 3) if padded else None
        return m(x, x, x, attn_mask=later(3) if causal else None, key_padding_mask=mask, need_weights=False)[0]

    case(
        {"MultiHeadAttention": {"heads": 2, "causal": causal}},
        attention,
        normal(2, 3, 4),
        attention_parameters("", "", m),
        lengths=lengths if padded else None,
        note="lengths" if padded else "",
    )
w, b, w_out, b_out = [normal(*shape, scale=0.6).requires_grad_() for shape in [(4, 12), (12,), (4, 4), (4,)]]


def with_rotation(x):
    q, k, v = [part.unflatten(-1, (2, 2)).transpose(1, 2) for part in (x @ w + b).chunk(3, -1)]
    mixed = F.scaled_dot_product_attention(rotary(q), rotary(k), v, is_causal=True)
    return mixed.transpose(1, 2).flatten(2) @ w_out + b_out


case(
    {"MultiHeadAttention": {"heads": 2, "causal": True, "rotary": True}},
    with_rotation,
    normal(1, 3, 4),
    {"projection.weight": w, "projection.bias": b, "output.weight": w_out, "output.bias": b_out},
    note="rotary",
)


def block_parameters(m, norms, attentions):
    found = {}
    for ours, theirs in norms.items():
        found.update({f"{ours}.{part}": m.get_parameter(f"{theirs}.{part}") for part in ["weight", "bias"]})
    for ours, theirs in attentions.items():
        found.update(attention_parameters(f"{ours}.", f"{theirs}.", m))
    for ours, theirs in {"mlp_in": "linear1", "mlp_out": "linear2"}.items():
        found.update({f"T {ours}.weight": m.get_parameter(f"{theirs}.weight"), f"{ours}.bias": m.get_parameter(f"{theirs}.bias")})
    return found


m = with_random_parameters(nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, activation="gelu", batch_first=True, norm_first=True))
case(
    {"TransformerBlock": {"heads": 2, "causal": True, "expansion": 2, "dropout": 0.0}},
    lambda x: m(x, src_mask=later(3)),
    normal(1, 3, 4),
    block_parameters(m, {"attention_norm": "norm1", "mlp_norm": "norm2"}, {"attention": "self_attn"}),
)
m = with_random_parameters(nn.TransformerDecoderLayer(4, 2, 8, dropout=0.0, activation="gelu", batch_first=True, norm_first=True))
memory, memory_lengths = normal(2, 4, 4), torch.tensor([4, 2])
case(
    {"DecoderBlock": {"heads": 2, "expansion": 2, "dropout": 0.0}},
    lambda x: m(x, memory * running(memory_lengths, 4), tgt_mask=later(3), memory_key_padding_mask=absent(memory_lengths, 4)),
    normal(2, 3, 4),
    block_parameters(
        m,
        {"attention_norm": "norm1", "cross_norm": "norm2", "mlp_norm": "norm3"},
        {"attention": "self_attn", "cross_attention": "multihead_attn"},
    ),
    memory=memory,
    memory_lengths=memory_lengths,
    note="lengths of the memory",
)

# Sizes and shapes.
case({"Flatten": {}}, lambda x: x.flatten(1), normal(2, 2, 3))
for interpolation, modes in [
    ("Nearest", {"mode": "nearest"}),
    ({"Linear": {"align_corners": False}}, {"align_corners": False}),
    ({"Linear": {"align_corners": True}}, {"align_corners": True}),
]:
    for shape, mode, scale in [((1, 2, 3), "linear", 3), ((1, 1, 3, 2), "bilinear", 2), ((1, 1, 2, 1, 2), "trilinear", 2)]:
        options = {"mode": mode, **modes}
        case(
            {"Upsample": {"scale": scale, "interpolation": interpolation}},
            lambda x: F.interpolate(x, scale_factor=scale, **options),
            normal(*shape),
        )
case({"PixelShuffle": {"factor": 2}}, lambda x: F.pixel_shuffle(x, 2), normal(1, 8, 2, 3))
for per_channel, shape in [(False, (2, 3)), (True, (2, 3)), (True, (1, 2, 3))]:
    m = with_random_parameters(nn.PReLU(shape[1] if per_channel else 1))
    case({"PRelu": {"per_channel": per_channel}}, m, normal(*shape), named(m, "weight"))
case({"Dropout": {"rate": 0.5}}, nn.Dropout(0.5).eval(), normal(2, 3))

# Layers of layers.
m = with_random_parameters(nn.Linear(3, 3))
case({"Residual": {"inner": {"Linear": {"out_features": 3, "bias": True}}}}, lambda x: x + m(x), normal(2, 3), {"T inner.weight": m.weight, "inner.bias": m.bias})
m = with_random_parameters(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)))
case(
    {"Sequential": {"layers": [{"Linear": {"out_features": 4, "bias": True}}, {"Activation": "Tanh"}, {"Named": {"name": "head", "layer": {"Linear": {"out_features": 2, "bias": True}}}}]}},
    m,
    normal(2, 3),
    {"T 0.weight": m[0].weight, "0.bias": m[0].bias, "T head.weight": m[2].weight, "head.bias": m[2].bias},
)
m = with_random_parameters(nn.Linear(3, 2))
case({"Named": {"name": "head", "layer": {"Linear": {"out_features": 2, "bias": True}}}}, m, normal(2, 3), {"T head.weight": m.weight, "head.bias": m.bias})
case({"Activation": "Gelu"}, F.gelu, normal(2, 3))

if __name__ == "__main__":
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in CASES)
    text = f'{{"torch":"{torch.__version__}","cases":[\n{lines}\n]}}\n'
    pathlib.Path(__file__).with_name("layers.json").write_text(text)
