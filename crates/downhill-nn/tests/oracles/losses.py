"""Writes losses.json: what PyTorch makes of losses and their gradients, for the tests of this crate to agree with.

    python3 losses.py

Written with torch 2.15.0 on a CPU and scikit-learn 1.9.1, in double precision. Each case names a loss and its options,
and holds operands, a cotangent, the value, and the gradients of its product with the cotangent by the real operands
that are listed. Classes stand along the last axis, where this crate has them. What PyTorch does not have is the
formula: the focal loss as in torchvision's `sigmoid_focal_loss`, log-cosh as in Keras, hinge and pinball losses held
against scikit-learn.
"""

import json
import pathlib

import sklearn.metrics
import torch
import torch.nn.functional as F

torch.manual_seed(20)
CASES = []
REDUCTIONS = ["mean", "sum", "none"]


def rounded(x):
    return torch.round(x * 1000) / 1000


def normal(*shape, scale=1.5):
    return rounded(scale * torch.randn(shape, dtype=torch.float64))


def uniform(*shape, low=0.05, high=0.95):
    return rounded(low + (high - low) * torch.rand(shape, dtype=torch.float64))


def classes(count, *shape):
    return torch.randint(count, shape)


def signs(*shape):
    return (2 * torch.randint(2, shape) - 1).double()


def operand(x):
    return {"shape": list(x.shape), "float" if x.is_floating_point() else "index": x.flatten().tolist()}


def case(name, function, *operands, wrt=(0,), reductions=REDUCTIONS, note="", **options):
    """`function(reduction, *operands)`; derivatives are taken by the operands numbered in `wrt`."""
    for reduction in reductions:
        leaves = [x.clone().requires_grad_() if i in wrt else x for i, x in enumerate(operands)]
        value = function(reduction, *leaves)
        cotangent = normal(*value.shape)
        gradients = torch.autograd.grad(value, [leaves[i] for i in wrt], cotangent)
        CASES.append(
            {
                "loss": name,
                "note": note,
                "options": options,
                "reduction": reduction,
                "operands": [operand(x) for x in operands],
                "cotangent": cotangent.flatten().tolist(),
                "value": value.flatten().tolist(),
                "wrt": list(wrt),
                "gradients": [g.flatten().tolist() for g in gradients],
            }
        )


def reduce(reduction, elements):
    return {"mean": elements.mean, "sum": elements.sum, "none": lambda: elements}[reduction]()


# Numbers.
y, t = normal(3, 2), normal(3, 2)
case("mse", lambda r, y, t: F.mse_loss(y, t, reduction=r), y, t, wrt=(0, 1))
case("mae", lambda r, y, t: F.l1_loss(y, t, reduction=r), y, t, wrt=(0, 1))
for delta in [1.0, 0.5]:
    case("huber", lambda r, y, t: F.huber_loss(y, t, reduction=r, delta=delta), y, t, delta=delta)
for beta in [1.0, 0.3, 0.0]:
    case("smooth_l1", lambda r, y, t: F.smooth_l1_loss(y, t, reduction=r, beta=beta), y, t, beta=beta)
case("log_cosh", lambda r, y, t: reduce(r, torch.log(torch.cosh(y - t))), y, t, wrt=(0, 1))
for q in [0.1, 0.5, 0.9]:
    pinball = lambda r, y, t: reduce(r, torch.maximum(q * (t - y), (q - 1) * (t - y)))
    case("quantile", pinball, y, t, quantile=q)
    assert abs(sklearn.metrics.mean_pinball_loss(t, y, alpha=q) - pinball("mean", y, t)) < 1e-15

# Distributions.
counts = torch.tensor([[0.0, 1.0], [2.0, 7.0], [1.5, 4.0]], dtype=torch.float64)
for log_input, full in [(True, False), (True, True), (False, False), (False, True)]:
    case(
        "poisson_nll",
        lambda r, y, t: F.poisson_nll_loss(y, t, log_input=log_input, full=full, reduction=r),
        y if log_input else uniform(3, 2, low=0.2, high=5.0),
        counts,
        log_input=log_input,
        full=full,
    )
variance = uniform(3, 2, low=0.2, high=2.0)
variance[0, 1] = 1e-7
for full in [False, True]:
    case(
        "gaussian_nll",
        lambda r, y, t, v: F.gaussian_nll_loss(y, t, v, full=full, eps=1e-3, reduction=r),
        y,
        t,
        variance,
        wrt=(0, 1, 2),
        full=full,
        epsilon=1e-3,
    )
case(
    "gaussian_nll",
    lambda r, y, t, v: F.gaussian_nll_loss(y, t, v, eps=1e-6, reduction=r),
    y,
    t,
    variance[:, :1],
    wrt=(0, 2),
    note="one variance for each sample",
    full=False,
    epsilon=1e-6,
)
log_q = rounded(F.log_softmax(normal(3, 4), -1))
p = rounded(F.softmax(normal(3, 4), -1))
p[1] = torch.tensor([0.0, 0.5, 0.5, 0.0])
kl = REDUCTIONS + ["batchmean"]
case(
    "kl_divergence",
    lambda r, y, t: F.kl_div(y, t, reduction=r),
    log_q,
    p,
    reductions=kl,
    log_target=False,
    note="with probabilities of 0",
)
case(
    "kl_divergence",
    lambda r, y, t: F.kl_div(y, t, reduction=r),
    log_q,
    uniform(3, 4),
    wrt=(0, 1),
    reductions=kl,
    log_target=False,
)
case(
    "kl_divergence",
    lambda r, y, t: F.kl_div(y, t, reduction=r, log_target=True),
    log_q,
    rounded(F.log_softmax(normal(3, 4), -1)),
    wrt=(0, 1),
    reductions=kl,
    log_target=True,
)


# One class among several.
def classes_first(function):
    """A loss whose classes stand along axis 1, on operands where they are last; the results in our order."""

    def moved(r, y, t):
        result = function(r, y.movedim(-1, 1), t.movedim(-1, 1) if t.is_floating_point() else t)
        return result

    return moved


z, c = normal(4, 3), classes(3, 4)
zs, cs = normal(2, 3, 3), classes(3, 2, 3)
w = torch.tensor([0.2, 1.0, 2.5], dtype=torch.float64)
ignoring = c.clone()
ignoring[1] = -100
ignoring_one = torch.tensor([0, 1, 2, 1])
for name, output, function in [
    ("cross_entropy", lambda z: z, F.cross_entropy),
    ("nll", lambda z: rounded(F.log_softmax(z, -1)), F.nll_loss),
]:
    for note, operands, options in [
        ("", (z, c), {}),
        ("sequences", (zs, cs), {}),
        ("weights", (z, c), {"weight": w}),
        ("ignored", (z, ignoring), {"ignore_index": -100}),
        ("an ignored class", (z, ignoring_one), {"ignore_index": 1}),
        ("weights, ignored", (z, ignoring), {"weight": w, "ignore_index": -100}),
        ("weights, sequences", (zs, cs), {"weight": w}),
    ]:
        case(
            name,
            classes_first(lambda r, y, t: function(y, t, reduction=r, **options)),
            output(operands[0]),
            operands[1],
            note=note,
            **{k: v.tolist() if torch.is_tensor(v) else v for k, v in options.items()},
        )
for note, operands, options in [
    ("smoothing", (z, c), {"label_smoothing": 0.1}),
    ("smoothing, sequences", (zs, cs), {"label_smoothing": 1.0}),
    ("smoothing, weights", (z, c), {"label_smoothing": 0.3, "weight": w}),
    ("smoothing, ignored", (z, ignoring), {"label_smoothing": 0.3, "ignore_index": -100}),
    (
        "smoothing, weights, ignored",
        (z, ignoring),
        {"label_smoothing": 0.3, "weight": w, "ignore_index": -100},
    ),
    ("probabilities", (z, rounded(F.softmax(normal(4, 3), -1))), {}),
    (
        "probabilities, smoothing, weights",
        (zs, rounded(F.softmax(normal(2, 3, 3), -1))),
        {"label_smoothing": 0.2, "weight": w},
    ),
]:
    case(
        "cross_entropy",
        classes_first(lambda r, y, t: F.cross_entropy(y, t, reduction=r, **options)),
        *operands,
        note=note,
        **{k: v.tolist() if torch.is_tensor(v) else v for k, v in options.items()},
    )

# Yes or no.
soft = uniform(3, 2)
hard = torch.tensor([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
pw, bw = torch.tensor([0.5, 3.0], dtype=torch.float64), torch.tensor([2.0, 0.25], dtype=torch.float64)
for note, target in [("", hard), ("soft", soft)]:
    for options in [{}, {"pos_weight": pw}, {"weight": bw}, {"weight": bw, "pos_weight": pw}]:
        case(
            "bce",
            lambda r, y, t: F.binary_cross_entropy_with_logits(y, t, reduction=r, **options),
            y,
            target,
            note=note,
            **{k: v.tolist() for k, v in options.items()},
        )
    case(
        "probability_cross_entropy",
        lambda r, y, t: F.binary_cross_entropy(y, t, reduction=r),
        uniform(3, 2),
        target,
        note=note,
    )


def focal(y, t, alpha, gamma):
    p = torch.sigmoid(y)
    entropy = F.binary_cross_entropy_with_logits(y, t, reduction="none")
    p_t = p * t + (1 - p) * (1 - t)
    loss = entropy * (1 - p_t) ** gamma
    return loss if alpha is None else (alpha * t + (1 - alpha) * (1 - t)) * loss


for alpha, gamma in [(0.25, 2.0), (None, 2.0), (0.9, 0.0), (0.5, 0.5), (None, 1.0), (0.25, 3.5)]:
    for note, target in [("", hard), ("soft", soft)]:
        case(
            "focal",
            lambda r, y, t: reduce(r, focal(y, t, alpha, gamma)),
            y,
            target,
            note=note,
            reductions=REDUCTIONS if note == "" else ["none"],
            alpha=alpha,
            gamma=gamma,
        )

# Margins.
s = signs(3, 2)
hinge = lambda r, y, t: reduce(r, torch.clamp(1 - t * y, min=0))
case("hinge", hinge, y, s)
assert abs(sklearn.metrics.hinge_loss(s.flatten(), y.flatten()) - hinge("mean", y, s)) < 1e-15
case("squared_hinge", lambda r, y, t: reduce(r, torch.clamp(1 - t * y, min=0) ** 2), y, s)
for margin in [0.0, 0.8]:
    case(
        "margin_ranking",
        lambda r, a, b, t: F.margin_ranking_loss(a, b, t, margin=margin, reduction=r),
        normal(6),
        normal(6),
        signs(6),
        wrt=(0, 1),
        margin=margin,
    )
for margin in [0.0, 0.4]:
    case(
        "cosine_embedding",
        lambda r, a, b, t: F.cosine_embedding_loss(a, b, t, margin=margin, reduction=r),
        normal(4, 3),
        normal(4, 3),
        torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64),
        wrt=(0, 1),
        margin=margin,
    )
for options in [{"margin": 1.0, "p": 2.0, "swap": False}, {"margin": 3.0, "p": 1.0, "swap": True}, {"margin": 2.0, "p": 3.0, "swap": False}]:
    case(
        "triplet_margin",
        lambda r, a, p, n: F.triplet_margin_loss(a, p, n, reduction=r, **options),
        normal(4, 3),
        normal(4, 3),
        normal(4, 3),
        wrt=(0, 1, 2),
        **options,
    )

# Sequences: two with repeated labels and different lengths, one without labels, one that is impossible.
logits = normal(4, 6, 4)
labels = torch.tensor([[1, 2, 2], [3, 1, 1], [2, 1, 3], [1, 1, 1]])
steps, counts = torch.tensor([6, 4, 3, 4]), torch.tensor([3, 2, 0, 3])


def ctc(r, z, labels, steps, counts, **options):
    log_p = F.log_softmax(z, -1).transpose(0, 1)
    return F.ctc_loss(log_p, labels, steps, counts, reduction=r, **options)


case("ctc", ctc, logits[:3], labels[:3], steps[:3], counts[:3], blank=0, zero_infinity=False)
case(
    "ctc",
    lambda r, *operands: ctc(r, *operands, zero_infinity=True),
    logits,
    labels,
    steps,
    counts,
    note="with one that is impossible",
    blank=0,
    zero_infinity=True,
)
case(
    "ctc",
    lambda r, *operands: ctc(r, *operands, blank=2),
    logits[:2],
    torch.tensor([[1, 3], [0, 0]]),
    steps[:2],
    torch.tensor([2, 2]),
    note="another blank",
    blank=2,
    zero_infinity=False,
)

if __name__ == "__main__":
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in CASES)
    text = f'{{"torch":"{torch.__version__}","cases":[\n{lines}\n]}}\n'
    pathlib.Path(__file__).with_name("losses.json").write_text(text)
