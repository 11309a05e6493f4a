"""The workloads in PyTorch, measured as downhill-bench measures them.

    python pytorch.py W1:32 W3 --threads 2
    python pytorch.py W3 --compile
"""

import math

import harness

given = harness.arguments(__doc__, "--compile")

import torch  # noqa: E402: the number of processors has to be limited first
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

EXAMPLES = harness.EXAMPLES


class Block(nn.Module):
    """A pre-norm transformer block with causal attention."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.attention_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.projection, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        n, length, width = x.shape
        split = self.projection(self.attention_norm(x)).view(n, length, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.output(seen.transpose(1, 2).reshape(n, length, width))
        return x + self.mlp(self.mlp_norm(x))


class Decoder(nn.Module):
    def __init__(self, vocabulary=64, width=128, heads=4, blocks=2, context=64):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.randn(context, width) * 0.02)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(blocks)))
        self.head = nn.Linear(width, vocabulary)

    def forward(self, tokens):
        return self.head(self.blocks(self.tokens(tokens) + self.positions))


class LastOfLstm(nn.Module):
    def __init__(self, inputs=32, hidden=128, outputs=10):
        super().__init__()
        self.lstm, self.head = nn.LSTM(inputs, hidden, batch_first=True), nn.Linear(hidden, outputs)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


def classes(*shape, count=10):
    """Noise around a prototype for each class: hard enough to keep the loss above zero for a while."""
    labels = torch.randint(0, count, (EXAMPLES,))
    prototypes = torch.rand(count, *shape)
    return 0.8 * torch.rand(EXAMPLES, *shape) + 0.2 * prototypes[labels] - 0.5, labels


def convolution(inputs, outputs):
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]


def sgd(model, rate=0.1):
    return torch.optim.SGD(model.parameters(), lr=rate, fused=True)


def adam(model, rate=1e-3):
    return torch.optim.Adam(model.parameters(), lr=rate, fused=True)


def task(name):
    """The model, its loss, its optimizer and its data."""
    cross_entropy, binary = functional.cross_entropy, functional.binary_cross_entropy_with_logits
    if name == "W1":
        model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
        return model, cross_entropy, sgd(model), classes(784)
    if name == "W1b":
        widths = [784, 16, 16, 10]
        model = nn.Sequential(*(m for a, b in zip(widths, widths[1:]) for m in (nn.Linear(a, b), nn.Sigmoid())))
        images, labels = classes(784)
        return model, functional.mse_loss, sgd(model), (images, functional.one_hot(labels, 10).float())
    if name == "W2":
        pool = nn.MaxPool2d(2)
        layers = [*convolution(1, 16), pool, *convolution(16, 32), pool, nn.Flatten(), nn.Linear(1568, 10)]
        model = nn.Sequential(*layers)
        return model, cross_entropy, adam(model), classes(1, 28, 28)
    if name == "W2b":
        pool, mean = nn.MaxPool2d(2), [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        layers = [*convolution(3, 64), *convolution(64, 64), pool, *convolution(64, 128), pool, *mean]
        model = nn.Sequential(*layers, nn.Linear(128, 10))
        return model, cross_entropy, adam(model), classes(3, 32, 32)
    if name == "W3":
        # The next token follows from the one before, four times out of five.
        tokens = torch.randint(0, 64, (EXAMPLES, 65))
        for place in range(1, 65):
            follows = torch.rand(EXAMPLES) < 0.8
            tokens[:, place] = torch.where(follows, (5 * tokens[:, place - 1] + 17) % 64, tokens[:, place])
        model = Decoder()
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, fused=True)
        loss = lambda y, t: cross_entropy(y.flatten(0, 1), t.flatten())
        return model, loss, optimizer, (tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous())
    if name == "W4":
        model = nn.Linear(32, 1)
        x = torch.rand(1_000_000, 32) * 2 - 1
        y = (torch.rand(1_000_000, 1) < torch.sigmoid(x @ torch.linspace(-2, 2, 32)[:, None])).float()
        return model, binary, sgd(model, 0.5), (x, y)
    if name == "W5":
        model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
        x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        return model, binary, sgd(model), (x, torch.tensor([[0.0], [1.0], [1.0], [0.0]]))
    if name == "W7":
        # A sparse gradient wants an optimizer that is not fused.
        model = nn.Sequential(nn.Embedding(1_000_000, 64, sparse=True), nn.Linear(64, 1))
        rows = torch.randint(0, 1_000_000, (EXAMPLES,))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        return model, binary, optimizer, (rows, (rows * 7919 % 10 < 7).float()[:, None])
    model = LastOfLstm()
    return model, cross_entropy, adam(model), classes(64, 32)


def rosenbrock():
    """W6: no model and no data, the function itself."""
    at = torch.tensor([-1.2, 1.0], requires_grad=True)
    optimizer = torch.optim.Adam([at], lr=1e-2, fused=True)

    def value():
        return (1 - at[0]) ** 2 + 100 * (at[1] - at[0] ** 2) ** 2

    value = torch.compile(value) if given.compile else value

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = value()
        loss.backward()
        optimizer.step()
        return loss.item()

    return {"": (lambda: step, 2)}


def prepare(name, batch):
    torch.manual_seed(1)
    if name == "W6":
        return rosenbrock()
    model, loss, optimizer, (inputs, targets) = task(name)
    last, at = len(inputs) - batch + 1, 0
    forward = lambda x, y: loss(model(x), y)
    forward = torch.compile(forward) if given.compile else forward

    def step():
        nonlocal at
        x, y = inputs, targets
        if name != "W4":
            # The next batch, copied out of the data set.
            first = at * batch % last
            x, y = inputs[first:first + batch].clone(), targets[first:first + batch].clone()
        at += 1
        optimizer.zero_grad(set_to_none=True)
        value = forward(x, y)
        value.backward()
        optimizer.step()
        return value.item()

    return {"": (lambda: step, sum(math.prod(p.shape) for p in model.parameters()))}


torch.set_num_threads(given.threads)
torch.set_flush_denormal(True)
harness.run(f"PyTorch {torch.__version__}" + (" torch.compile" if given.compile else ""), given, prepare)
