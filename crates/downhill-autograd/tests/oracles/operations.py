"""Writes operations.json: what PyTorch computes for every operation of this crate, and its vector-Jacobian products.

    python3 operations.py

Written with torch 2.15.0, numpy 2.4.6 and mpmath 1.3.0 (digamma and its derivatives, of which torch computes some to
few digits) on a CPU, in double precision; seeds are fixed. The tests read the file without Python.

A case is {operation, attributes, inputs: [{shape, values}], indices, cotangent, output, gradients}: the real inputs,
behind them those of whole numbers; an output whose cotangent is null has no derivative. Infinities and NaN are
strings. Inputs are numbers of single precision, so that both precisions start from the same.
"""

import json
import math
import pathlib

import mpmath
import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(20240607)
cases = []


def number(x):
    x = float(x)
    if math.isnan(x):
        return "nan"
    if math.isinf(x):
        return "inf" if x > 0 else "-inf"
    return int(x) if x == int(x) and abs(x) < 1e15 and not (x == 0 and math.copysign(1, x) < 0) else x


def array(tensor):
    return {"shape": list(tensor.shape), "values": [number(x) for x in tensor.detach().reshape(-1).tolist()]}


def single(values):
    return torch.tensor(np.asarray(values, dtype=np.float32).astype(np.float64))


def normal(*shape):
    return short(rng.normal(size=shape))


def uniform(low, high, *shape):
    return short(rng.uniform(low, high, size=shape))


def short(values):
    """Multiples of 1/256, which take few digits and are exact in both precisions."""
    return single(np.round(values * 256) / 256)


def halves(*shape):
    """Few different numbers: many ties, and zeros."""
    return single(rng.integers(-2, 3, size=shape) / 2)


def whole(high, *shape):
    return torch.tensor(rng.integers(0, high, size=shape))


def case(operation, function, inputs, indices=(), flat=False, **attributes):
    inputs = [x.clone().requires_grad_(not flat) for x in inputs]
    output = function(*inputs, *indices)
    flat = flat or not output.is_floating_point()
    record = {
        "operation": operation,
        "attributes": attributes,
        "inputs": [array(x) for x in inputs],
        "indices": [array(i) for i in indices],
        "cotangent": None,
        "output": array(output),
        "gradients": [],
    }
    if not flat:
        cotangent = normal(*output.shape)
        gradients = torch.autograd.grad(output, inputs, cotangent, allow_unused=True)
        record["cotangent"] = array(cotangent)["values"]
        record["gradients"] = [
            array(torch.zeros_like(x) if g is None else g)["values"] for x, g in zip(inputs, gradients)
        ]
    cases.append(record)


def derivative(function):
    """x, v -> J(x)ᵀ v, to be differentiated again."""

    def product(*operands):
        *xs, v = operands
        grads = torch.autograd.grad(function(*xs), xs, v, create_graph=True)
        return grads[0] if len(grads) == 1 else torch.cat([g for g in grads], -1)

    return product


# Scalar functions, at the extremes too.

EXTREMES = [0.0, 1e-30, -1e-30, 20.0, -20.0, 88.0, -88.0, 1e4, -1e4, math.inf, -math.inf, math.nan]
ORDINARY = [0.1, -0.3, 0.5, 0.75, -0.9, 1.0, 1.5, -2.25, 3.5, 7.0, -11.5]
SCALARS = single(EXTREMES + ORDINARY)


def softplus(x):
    return F.softplus(x, threshold=40)


class Polygamma(torch.autograd.Function):
    """The derivative of this order of digamma, and digamma itself for order 0."""

    @staticmethod
    def forward(ctx, x, order):
        ctx.save_for_backward(x)
        ctx.order = order
        return polygamma(x, order)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * polygamma(x, ctx.order + 1), None


def polygamma(x, order):
    with mpmath.workdps(40):
        return torch.tensor([float(mpmath.psi(order, mpmath.mpf(v))) for v in x.tolist()])


def gelu(x):
    """PyTorch's own loses its digits far below 0."""
    return 0.5 * x * torch.erfc(-x / math.sqrt(2))


def gelu_slope(x):
    return derivative(gelu)(x, torch.ones_like(x))


UNARY = {
    "neg": torch.neg,
    "abs": torch.abs,
    "square": torch.square,
    "sqrt": torch.sqrt,
    "recip": torch.reciprocal,
    "exp": torch.exp,
    "expm1": torch.expm1,
    "log": torch.log,
    "log1p": torch.log1p,
    "sin": torch.sin,
    "cos": torch.cos,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "softplus": softplus,
    "erf": torch.erf,
    "rsqrt": torch.rsqrt,
    "tan": torch.tan,
    "asin": torch.asin,
    "acos": torch.acos,
    "atan": torch.atan,
    "sinh": torch.sinh,
    "cosh": torch.cosh,
    "asinh": torch.asinh,
    "acosh": torch.acosh,
    "atanh": torch.atanh,
    "erfc": torch.erfc,
    "lgamma": torch.lgamma,
}
# The derivative of |NaN| and of max(NaN, 0), and the sign of NaN, are numbers in PyTorch; ours are NaN, 0 and NaN.
numbers = SCALARS[~torch.isnan(SCALARS)]
for name, function in UNARY.items():
    case(name, function, [numbers if name in ("abs", "relu") else SCALARS])
for name, function in {
    "sign": torch.sign,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "round": torch.round,
    "logical_not": lambda x: torch.logical_not(x).double(),
}.items():
    case(name, function, [numbers if name == "sign" else SCALARS], flat=True)
# PyTorch's own derivatives of these are NaN at infinities, or rough.
finite = SCALARS[torch.isfinite(SCALARS)]
case("gelu", gelu, [finite])
case("gelu_slope", gelu_slope, [finite])
case("silu", F.silu, [finite])
case("leaky_relu", lambda x: F.leaky_relu(x, 0.1), [SCALARS], slope=0.1)
case("clamp", lambda x: torch.clamp(x, -0.4, 2.0), [SCALARS], low=-0.4, high=2.0)
off_poles = torch.tensor([x for x in finite.tolist() if not (x <= 0 and x == int(x))])
case("digamma", lambda x: Polygamma.apply(x, 0), [off_poles])
for order in [1, 2, 3]:
    case("polygamma", lambda x: Polygamma.apply(x, order), [off_poles], order=order)
for exponent in [3.0, 0.0, -2.0, 1.0, 2.0, 0.5, -1.0, 1.7]:
    case("powf", lambda x: torch.pow(x, exponent), [uniform(0.2, 3, 5)], exponent=exponent)
case("stop_gradient", lambda x: x * x.detach(), [normal(4)])

# Of two operands.

PAIRS = [([2, 3], [2, 3]), ([2, 3], [3]), ([2, 1], [1, 4]), ([], [3]), ([0, 2], [1, 2])]
for name, function, low in [
    ("add", torch.add, -3),
    ("sub", torch.sub, -3),
    ("mul", torch.mul, -3),
    ("div", torch.div, 0.3),
    ("pow", torch.pow, 0.3),
    ("atan2", torch.atan2, 0.3),
]:
    for a, b in PAIRS:
        case(name, function, [uniform(low, 3, *a), uniform(low, 3, *b)])
signs = single([1.0, 1.0, -1.0, -1.0, 2.0, 1e4, -1e-30, math.inf, 0.0, math.nan])
other = single([1.0, -1.0, 1.0, -1.0, 0.0, 1e-30, -1e4, 1.0, 3.0, 1.0])
case("atan2", torch.atan2, [signs, other])
for name, function in [("maximum", torch.maximum), ("minimum", torch.minimum)]:
    for a, b in PAIRS:
        case(name, function, [halves(*a), halves(*b)])
for name in ["eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor"]:
    for a, b in PAIRS[:3]:
        case(name, lambda x, y: getattr(torch, name)(x, y).double(), [halves(*a), halves(*b)], flat=True)
    a, b = single([math.nan, 0, math.inf, -math.inf, 1]), single([math.nan, -0.0, math.inf, math.inf, math.nan])
    case(name, lambda x, y: getattr(torch, name)(x, y).double(), [a, b], flat=True)
case("scalar arithmetic", lambda x: 2.0 - (1.5 * x - 0.5) / 4.0 + 3.0 / (5.0 + x), [normal(3)])
mask = torch.tensor([[1.0], [0.0]])
case("select", lambda a, b: torch.where(mask.bool(), a, b), [normal(2, 3), normal(3)], condition=[1, 0])

# Reductions.

def product(x, axes):
    for axis in sorted(axes, reverse=True):
        x = x.prod(axis)
    return x + 0


REDUCTIONS = [([2, 3, 4], [1]), ([2, 3, 4], [0, 2]), ([5], [0]), ([], []), ([2, 1, 3], [0, 1, 2])]
for shape, axes in REDUCTIONS + [([2, 0, 3], [1])]:
    case("sum", lambda x: x.sum(axes) if axes else x + 0, [normal(*shape)], axes=axes)
    case("sum_keep", lambda x: x.sum(axes, keepdim=True) if axes else x + 0, [normal(*shape)], axes=axes)
    case("prod", lambda x: product(x, axes), [halves(*shape)], axes=axes)


for shape, axes in REDUCTIONS:
    if not axes:
        continue
    case("mean", lambda x: x.mean(axes), [normal(*shape)], axes=axes)
    case("mean_keep", lambda x: x.mean(axes, keepdim=True), [normal(*shape)], axes=axes)
    case("variance_keep", lambda x: x.var(axes, correction=0, keepdim=True), [normal(*shape)], axes=axes)
    case("max", lambda x: x.amax(axes), [halves(*shape)], axes=axes)
    case("min", lambda x: x.amin(axes), [halves(*shape)], axes=axes)
    case("logsumexp_over", lambda x: x.logsumexp(axes), [normal(*shape)], axes=axes)
    for correction in [0, 1]:
        case("var", lambda x: x.var(axes, correction=correction), [normal(*shape)], axes=axes, correction=correction)
        case("std", lambda x: x.std(axes, correction=correction), [normal(*shape)], axes=axes, correction=correction)
    for p, name in [(1.0, "1"), (2.0, "2"), (3.0, "3"), (math.inf, "inf"), (-math.inf, "-inf"), (-1.0, "-1")]:
        operand = halves(*shape) if p in (1.0, 2.0, math.inf) else normal(*shape)
        case("norm " + name, lambda x: torch.linalg.vector_norm(x, p, axes), [operand], axes=axes, p=number(p))
    case("norm 0", lambda x: torch.linalg.vector_norm(x, 0, axes), [halves(*shape)], flat=True, axes=axes, p=0)
case("std", lambda x: x.std([1], correction=1), [torch.ones(2, 3)], axes=[1], correction=1)
case("norm 2", lambda x: torch.linalg.vector_norm(x, 2, [1]), [torch.zeros(2, 3)], axes=[1], p=2)
rows = single([[1e4, -1e4, 0], [-math.inf, 0, 1], [-1e4, -1e4, -1e4]])
case("logsumexp_over", lambda x: x.logsumexp([1]), [rows], axes=[1])
case("logsumexp", lambda x: x.logsumexp(-1), [rows])
case("norm of all", lambda x: x.norm(), [normal(2, 3)])
case("sum of all", lambda x: x.sum(), [normal(2, 3)])
case("mean of all", lambda x: x.mean(), [normal(2, 3)])
case("prod of all", lambda x: x.prod(), [halves(3, 2)])
case("prod of all", lambda x: x.prod(), [single([2.0, 0.0, 3.0, -1.0])])
case("prod of all", lambda x: x.prod(), [single([2.0, 0.0, 3.0, 0.0])])
case("sum_to", lambda x: x.sum(0).sum(1, keepdim=True), [normal(2, 3, 4)], shape=[3, 1])
for shape, axis in [([2, 3, 4], 1), ([5], -1), ([3, 1], 1), ([2, 0], 1), ([2, 3], 0)]:
    case("cumsum", lambda x: x.cumsum(axis), [normal(*shape)], axis=axis)
    case("cumprod", lambda x: x.cumprod(axis), [halves(*shape)], axis=axis)


def recurrence(a, b):
    state, states = b[:, 0], [b[:, 0]]
    for i in range(1, b.shape[1]):
        state = a[:, i] * state + b[:, i]
        states.append(state)
    return torch.stack(states, 1)


case("recurrence", recurrence, [normal(2, 4), normal(2, 4)], axis=1)
case("recurrence", recurrence, [normal(2, 1, 3), normal(2, 1, 3)], axis=-2)

# Movements.

case("reshape", lambda x: x.reshape(4, 3, 2), [normal(2, 3, 4)], shape=[4, 3, 2])
case("flatten_from", lambda x: x.flatten(1), [normal(2, 3, 4)], start=1)
case("unsqueeze and squeeze", lambda x: x.unsqueeze(1).sin().squeeze(1), [normal(2, 3)], axis=1)
case("permute", lambda x: x.permute(2, 0, 1), [normal(2, 3, 4)], order=[2, 0, 1])
case("transpose", lambda x: x.transpose(-1, -2), [normal(2, 3, 4)])
case("move_axis", lambda x: x.movedim(0, -1), [normal(2, 3, 4)], axis=0, to=-1)
case("swap_axes", lambda x: x.swapaxes(0, 2), [normal(2, 3, 4)], axis=0, to=2)
case("broadcast_to", lambda x: x.broadcast_to(4, 2, 3), [normal(2, 1)], shape=[4, 2, 3])
case("slice", lambda x: x[:, 1:7:2], [normal(2, 7)], axis=1, start=1, end=7, step=2)
case("slice", lambda x: x.flip(1)[:, 1::2], [normal(2, 7)], axis=1, start=5, end=None, step=-2)
case("select_at", lambda x: x[:, 2], [normal(2, 3, 2)], axis=1, index=2)
case("pad", lambda x: F.pad(x, (0, 0, 1, 2)), [normal(2, 3, 2)], axis=1, before=1, after=2)


def spread(x):
    y = torch.zeros(2, 8)
    y[:, 1:8:3] = x
    return y


case("pad with steps", spread, [normal(2, 3)], axis=1, start=1, step=3, length=8)
case("flip", lambda x: x.flip(1), [normal(2, 3)], axis=1)
case("concat", lambda a, b, c: torch.cat([a, b, c], 1), [normal(2, 3), normal(2, 0), normal(2, 2)], axis=1)
case("stack", lambda a, b: torch.stack([a, b], -1), [normal(2, 3), normal(2, 3)], axis=-1)
for by in [1, -2, 7, 0]:
    case("roll", lambda x: x.roll(by, 1), [normal(2, 5)], axis=1, by=by)
case("tile", lambda x: x.repeat(2, 3), [normal(2, 3)], counts=[2, 3])
case("tile", lambda x: x.repeat(2, 1, 2), [normal(3, 2)], counts=[2, 1, 2])
case("tile", lambda x: x.repeat(2, 0), [normal(3, 2)], counts=[2, 0])
case("repeat", lambda x: x.repeat_interleave(3, 1), [normal(2, 3, 2)], axis=1, count=3)
case("split", lambda x: torch.cat([x.split([1, 4], 1)[1], x.split([1, 4], 1)[0]], 1), [normal(2, 5)], axis=1, lengths=[1, 4])
for n, count in [(7, 3), (5, 4), (2, 5)]:
    case("chunk", lambda x: torch.cat(x.chunk(count, 1)[::-1], 1), [normal(2, n)], axis=1, count=count)
for offset in [0, 1, -2]:
    case("diagonal", lambda x: x.diagonal(offset, -2, -1), [normal(2, 3, 4)], offset=offset)
    case("diag_embed", lambda x: torch.diag_embed(x, offset), [normal(2, 3)], offset=offset)
    case("tril", lambda x: x.tril(offset), [normal(2, 3, 4)], offset=offset)
    case("triu", lambda x: x.triu(offset), [normal(2, 3, 4)], offset=offset)
case("diagonal", lambda x: x.diagonal(5, -2, -1), [normal(2, 3, 4)], offset=5)
case("trace", lambda x: x.diagonal(0, -2, -1).sum(-1), [normal(2, 3, 4)])
for mode, name in [("constant", "constant"), ("reflect", "reflect"), ("replicate", "replicate"), ("circular", "circular")]:
    value = 1.5 if mode == "constant" else 0
    for before, after in [(2, 1), (0, 3), (1, 0)]:
        case(
            "pad_with " + name,
            lambda x: F.pad(x, (before, after), mode=mode, value=value) if value else F.pad(x, (before, after), mode=mode),
            [normal(2, 3, 4)],
            axis=2,
            before=before,
            after=after,
            value=value,
        )
for formula, shapes in [
    ("ij,jk->ik", [[2, 3], [3, 4]]),
    ("bij,bjk->bik", [[2, 2, 3], [2, 3, 2]]),
    ("ij,jk,kl->il", [[2, 3], [3, 2], [2, 3]]),
    ("i,j->ij", [[2], [3]]),
    ("ij->", [[2, 3]]),
    ("ij->j", [[2, 3]]),
    ("ii->i", [[3, 3]]),
    ("ii", [[3, 3]]),
    ("ba", [[2, 3]]),
    ("bii->b", [[2, 3, 3]]),
    ("bhqd,bhkd->bhqk", [[2, 2, 3, 2], [2, 2, 4, 2]]),
    ("...i,...i->...", [[2, 3], [4, 2, 3]]),
    ("...ij,...jk", [[2, 2, 3], [3, 2]]),
    ("i,k->k", [[3], [2]]),
    ("ijj,jk->ki", [[2, 3, 3], [3, 2]]),
    ("ij,ij->ij", [[2, 1], [2, 3]]),
    ("ab,cd->abcd", [[2, 1], [1, 2]]),
]:
    case("einsum", lambda *x: torch.einsum(formula, *x), [normal(*s) for s in shapes], formula=formula)
case("dot", torch.dot, [normal(4), normal(4)])
case("dot", torch.dot, [normal(0), normal(0)])
case("outer", torch.outer, [normal(2), normal(3)])

# Products.

for name, a, b in [
    ("matmul", [2, 3], [3, 4]),
    ("matmul", [2, 0], [0, 3]),
    ("matmul of squares", [3, 3], [3, 3]),
    ("matmul in batches", [2, 2, 3], [2, 3, 2]),
    ("matmul with broadcast batches", [2, 1, 2, 3], [3, 3, 2]),
    ("matmul with broadcast batches", [2, 2, 3], [3, 2]),
    ("matmul with vectors", [3], [3]),
    ("matmul with vectors", [3], [2, 3, 2]),
    ("matmul with vectors", [2, 3], [3]),
]:
    case(name, torch.matmul, [normal(*a), normal(*b)])

# Rows.

for x in [normal(2, 3, 4), normal(1), single([[1e4, -1e4, 0], [88, 88, 87.5]])]:
    case("softmax", lambda x: x.softmax(-1), [x])
    case("log_softmax", lambda x: x.log_softmax(-1), [x])
    case("logsumexp", lambda x: x.logsumexp(-1), [x])
case("softmax_gradient", lambda y, v: y * (v - (y * v).sum(-1, keepdim=True)), [uniform(0, 1, 2, 3), normal(2, 3)])
logits, classes = normal(4, 3), whole(3, 4)


def cross_entropy(x, classes):
    return F.cross_entropy(x, classes, reduction="none")


case("cross_entropy", cross_entropy, [logits], [classes])
case("cross_entropy", cross_entropy, [single([[1e4, -1e4, 0], [-1e4, 1e4, 0]])], [torch.tensor([0, 0])])
case(
    "cross_entropy_gradient",
    lambda x, g, classes: (x.softmax(-1) - F.one_hot(classes, 3)) * g.unsqueeze(-1),
    [logits, normal(4)],
    [classes],
)


def normalize(x):
    return F.layer_norm(x, x.shape[-1:], eps=0.1)


def normalize_by_parts(x):
    centered = x - x.mean(-1, keepdim=True)
    return centered / (centered.square().mean(-1, keepdim=True) + 0.1).sqrt()


case("normalize", normalize, [normal(2, 5)], epsilon=0.1)
case("normalize_gradient", derivative(normalize_by_parts), [normal(2, 5), normal(2, 5)], epsilon=0.1)


def lstm_cell(gates, state):
    i, f, g, o = gates.chunk(4, -1)
    after = f.sigmoid() * state + i.sigmoid() * g.tanh()
    return torch.cat([o.sigmoid() * after.tanh(), after], -1)


case("lstm_cell", lstm_cell, [normal(2, 8), normal(2, 2)])
case("lstm_cell_gradient", derivative(lstm_cell), [normal(2, 8), normal(2, 2), normal(2, 4)])


def attention(heads, causal):
    def apply(packed):
        n, length, width = packed.shape
        q, k, v = packed.reshape(n, length, 3, heads, width // 3 // heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return y.transpose(1, 2).reshape(n, length, width // 3)

    return apply


def plain_attention(heads, causal):
    def apply(packed):
        n, length, width = packed.shape
        q, k, v = packed.reshape(n, length, 3, heads, width // 3 // heads).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        if causal:
            scores = scores.masked_fill(torch.ones(length, length).triu(1).bool(), -math.inf)
        return (scores.softmax(-1) @ v).transpose(1, 2).reshape(n, length, width // 3)

    return apply


for causal in [False, True]:
    case("attention", attention(2, causal), [normal(2, 3, 12)], heads=2, causal=causal)
    case("attention_gradient", derivative(plain_attention(2, causal)), [normal(1, 3, 12), normal(1, 3, 4)], heads=2, causal=causal)
ties = single([[1, 3, 3], [2, 2, 2], [-1, -2, 5]])
case("argmax", lambda x: x.argmax(-1), [ties], flat=True)
case("argmin", lambda x: x.argmin(-1), [ties], flat=True)
for largest in [True, False]:
    case("argmax_over", lambda x: x.argmax(0) if largest else x.argmin(0), [normal(3, 2, 2)], flat=True, axis=0, largest=largest)
    nan = single([[1, math.nan, 3], [2, 5, math.nan]])
    case("argmax_over", lambda x: x.argmax(1) if largest else x.argmin(1), [nan], flat=True, axis=1, largest=largest)

# By number.

case("gather", lambda x, i: x[i], [normal(4, 2)], [whole(4, 3, 2)])
case("index_constant", lambda x, i: x[i], [normal(4, 2)], [whole(4, 3)])
case("index_row", lambda x, i: x[i[1]], [normal(4, 2)], [whole(4, 2, 3)], row=1)
case("repeat_index", lambda x, i: x[i].expand(3, -1, -1), [normal(4, 2)], [whole(4, 2)], count=3)
case("offset_index", lambda x, i: x[i + 4 * torch.arange(2)[:, None]], [normal(8, 2)], [whole(4, 2, 3)], rows=4)
case("scatter_add", lambda x, i: torch.zeros(3, 2).index_add(0, i, x), [normal(5, 2)], [whole(3, 5)], rows=3)
case("one_hot", lambda x, i: F.one_hot(i, 4) * x, [normal(4)], [whole(4, 3)], classes=4)
for axis, shape, chosen in [(1, (2, 5, 2), (2, 3, 2)), (0, (4,), (7,)), (-1, (3, 4), (2, 4)), (0, (2, 3), (0, 3))]:
    index = whole(shape[axis], *chosen)
    case("take_along_axis", lambda x, i: x.gather(axis, i), [normal(*shape)], [index], axis=axis)
    case("scatter_add_along_axis", lambda x, v, i: x.scatter_add(axis, i, v), [normal(*shape), normal(*chosen)], [index], axis=axis)
    case("scatter_add_along_axis into zeros", lambda v, i: torch.zeros(*shape).scatter_add(axis, i, v), [normal(*chosen)], [index], axis=axis, shape=list(shape))
# Numbers that do not repeat, for there PyTorch leaves the order open.
index = torch.tensor([[3, 0], [1, 2]])
case("scatter_along_axis", lambda x, v, i: x.scatter(1, i, v), [normal(2, 4), normal(2, 2)], [index], axis=1)
for axis in [0, 1, -1]:
    case("index_select", lambda x, i: x.index_select(axis, i), [normal(3, 4, 3)], [whole(3, 5)], axis=axis)
special = single([[3, math.nan, 1, 1, -math.inf], [0, 2, math.inf, 2, -1]])
for descending in [False, True]:
    for x, axis in [(normal(2, 5), 1), (halves(4, 3), 0), (special, 1)]:
        case("sort", lambda x: torch.sort(x, dim=axis, descending=descending, stable=True)[0], [x], axis=axis, descending=descending)
        case("argsort", lambda x: torch.sort(x, dim=axis, descending=descending, stable=True)[1], [x], flat=True, axis=axis, descending=descending)
    case("topk", lambda x: x.topk(3, 1, descending)[0], [normal(2, 5)], axis=1, count=3, largest=descending)
    case("topk", lambda x: x.topk(2, 0, descending)[0], [normal(4, 3)], axis=0, count=2, largest=descending)

# Linear algebra.


def regular(*shape):
    return normal(*shape) * 0.4 + 2 * torch.eye(shape[-1])


for shape in [(3, 3), (2, 2, 2), (1, 1), (0, 3, 3)]:
    case("inverse", torch.linalg.inv, [regular(*shape)])
    case("det", torch.linalg.det, [regular(*shape)])
    case("log_abs_det", lambda a: torch.linalg.slogdet(a)[1], [regular(*shape)])
    case("cholesky", lambda a: torch.linalg.cholesky((a + a.mT) / 2), [regular(*shape)])
case("det", torch.linalg.det, [single([[0, 2], [3, 1]])])
for a, b in [((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (2, 3, 1)), ((2, 2), (3, 2, 2)), ((2, 2, 2), (2, 3))]:
    case("solve", lambda a, b: torch.linalg.solve(a, b) if b.dim() == 1 else a.inverse() @ b, [regular(*a), normal(*b)])

# Images.

CONVOLUTIONS = [
    ((2, 2, 5, 4), (3, 2, 3, 2), dict(stride=[1, 1], padding=[0, 0], dilation=[1, 1], groups=1)),
    ((1, 4, 6, 5), (4, 2, 3, 3), dict(stride=[2, 1], padding=[1, 2], dilation=[1, 2], groups=2)),
    ((1, 3, 5, 7), (3, 1, 2, 3), dict(stride=[3, 2], padding=[1, 1], dilation=[2, 1], groups=3)),
]
for x, w, options in CONVOLUTIONS:
    conv = lambda x, w: F.conv2d(x, w, **options)
    y = F.conv2d(torch.zeros(x), torch.zeros(w), **options).shape
    case("conv2d", conv, [normal(*x), normal(*w)], **options)
    by_x = lambda y, w: torch.autograd.grad(conv(z := torch.zeros(x, requires_grad=True), w), z, y, create_graph=True)[0]
    case("conv2d_input_gradient", by_x, [normal(*y), normal(*w)], input=list(x[2:]), **options)
    by_w = lambda x, y: torch.autograd.grad(conv(x, z := torch.zeros(w, requires_grad=True)), z, y, create_graph=True)[0]
    case("conv2d_weight_gradient", by_w, [normal(*x), normal(*y)], kernel=list(w[2:]), **options)
POOLS = [((2, 1, 4, 6), dict(kernel=[2, 3], stride=[2, 3], padding=[0, 0])), ((1, 2, 5, 5), dict(kernel=[3, 2], stride=[2, 1], padding=[1, 1]))]
for shape, pool in POOLS:
    window = (pool["kernel"], pool["stride"], pool["padding"])
    for x in [normal(*shape), halves(*shape)]:
        case("max_pool2d", lambda x: F.max_pool2d(x, *window), [x], **pool)
    y, places = F.max_pool2d(x, *window, return_indices=True)
    image = array(x)["values"]
    case("max_pool2d_gather", lambda v: v.flatten(2).gather(2, places.flatten(2)).reshape(y.shape), [normal(*shape)], image=image, **pool)
    case("max_pool2d_scatter", lambda v: torch.zeros(*shape).flatten(2).scatter_add(2, places.flatten(2), v.flatten(2)).reshape(shape), [normal(*y.shape)], image=image, size=list(shape), **pool)
    case("avg_pool2d", lambda x: F.avg_pool2d(x, *window), [normal(*shape)], **pool)
    average = lambda v: torch.autograd.grad(F.avg_pool2d(z := torch.zeros(shape, requires_grad=True), *window), z, v, create_graph=True)[0]
    case("avg_pool2d_scatter", average, [normal(*y.shape)], size=list(shape), **pool)
LINES = [
    ((2, 2, 7), (3, 2, 3), dict(stride=1, padding=0, dilation=1, groups=1)),
    ((1, 4, 6), (2, 2, 2), dict(stride=2, padding=1, dilation=2, groups=2)),
    ((0, 1, 3), (1, 1, 3), dict(stride=1, padding=1, dilation=1, groups=1)),
]
for x, w, options in LINES:
    case("conv1d", lambda x, w: F.conv1d(x, w, **options), [normal(*x), normal(*w)], **options)
for x, w, extra, options in [
    ((2, 2, 4), (2, 3, 3), 0, dict(stride=1, padding=0, dilation=1, groups=1)),
    ((1, 4, 3), (4, 1, 2), 1, dict(stride=2, padding=1, dilation=2, groups=2)),
]:
    case("conv_transpose1d", lambda x, w: F.conv_transpose1d(x, w, None, output_padding=extra, **options), [normal(*x), normal(*w)], extra=extra, **options)
for x, w, extra, options in [
    ((1, 2, 3, 2), (2, 2, 2, 3), [0, 0], dict(stride=[1, 1], padding=[0, 1], dilation=[1, 1], groups=1)),
    ((1, 4, 2, 3), (4, 1, 3, 2), [1, 0], dict(stride=[2, 3], padding=[1, 0], dilation=[1, 2], groups=2)),
]:
    case("conv_transpose2d", lambda x, w: F.conv_transpose2d(x, w, None, output_padding=extra, **options), [normal(*x), normal(*w)], extra=extra, **options)
for x, w, options in [
    ((1, 2, 3, 4, 3), (2, 2, 2, 2, 2), dict(stride=[1, 1, 1], padding=[0, 0, 0], dilation=[1, 1, 1], groups=1)),
    ((1, 2, 4, 3, 3), (2, 1, 2, 1, 2), dict(stride=[2, 1, 2], padding=[1, 0, 1], dilation=[2, 1, 1], groups=2)),
]:
    case("conv3d", lambda x, w: F.conv3d(x, w, **options), [normal(*x), normal(*w)], **options)
for shape, size in [((1, 2, 5, 7), [3, 2]), ((2, 1, 4, 6), [2, 3]), ((1, 1, 3, 4), [3, 3])]:
    case("adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, size), [normal(*shape)], size=size)
    case("adaptive_max_pool2d", lambda x: F.adaptive_max_pool2d(x, size), [halves(*shape)], size=size)
case("adaptive_avg_pool1d", lambda x: F.adaptive_avg_pool1d(x, 3), [normal(1, 2, 7)], size=3)
case("adaptive_max_pool1d", lambda x: F.adaptive_max_pool1d(x, 4), [normal(1, 2, 7)], size=4)
for shape, size in [((1, 2, 2, 3), [4, 6]), ((1, 1, 4, 5), [2, 3]), ((2, 1, 1, 3), [3, 3])]:
    case("interpolate2d nearest", lambda x: F.interpolate(x, size, mode="nearest"), [normal(*shape)], size=size)
    case("interpolate2d linear", lambda x: F.interpolate(x, size, mode="bilinear", align_corners=False), [normal(*shape)], size=size)
for length in [7, 2, 1]:
    case("resample", lambda x: F.interpolate(x, length, mode="linear", align_corners=False), [normal(1, 2, 4)], axis=2, length=length)

# What is computed again, or step after step.

case("after", lambda x: x * x.sin(), [normal(4)])
case("checkpoint", lambda x: (y := x.sin() * x + x.exp()) * y.cos() * x, [normal(4)])


def scan(h, x, w):
    states = []
    for element in x:
        h = (h @ w + element).tanh()
        states.append(h * element)
    return torch.stack([h, *states])


for steps in [1, 2, 7]:
    case("scan", scan, [normal(2, 3), normal(steps, 2, 3), normal(3, 3)])

path = pathlib.Path(__file__).with_name("operations.json")
path.write_text('{"cases": [\n' + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]}\n")
print(f"{len(cases)} cases, {len({c['operation'] for c in cases})} operations, {path.stat().st_size // 1024} KiB")
