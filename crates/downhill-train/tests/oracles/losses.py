"""Writes losses.json: the first losses of PyTorch on some networks, for the tests of this crate to agree with.

    python3 losses.py

Written with torch 2.15.0 on a CPU, in single precision. Parameters and batches come from the counter-based
generator that downhill has (`downhill_tensor::Key`), which is written down again here; so the file holds losses
alone. Four batches are used in turns, so that the losses fall.
"""

import json
import math
import pathlib

import numpy
import torch
from torch import nn
from torch.nn import functional

STEPS, BATCHES = 20, 4
MASK = (1 << 64) - 1


class Key:
    """A stream of numbers, named by a seed and purposes."""

    def __init__(self, number):
        self.number = number

    @staticmethod
    def of(seed):
        return Key(mix(seed ^ 0x6A09E667F3BCC908))

    def fold(self, number):
        rotated = (self.number << 23 | self.number >> 41) & MASK
        return Key(mix(rotated ^ mix((number + 0x9E3779B97F4A7C15) & MASK)))

    def named(self, purpose):
        value = 0xCBF29CE484222325
        for byte in purpose.encode():
            value = ((value ^ byte) * 0x100000001B3) & MASK
        return self.fold(value)

    def uniform(self, *shape):
        """Numbers in [0, 1) on a grid of 2^-24: Philox4x32-10."""
        count = math.prod(shape)
        low = numpy.uint64(0xFFFFFFFF)
        counter = numpy.arange((count + 3) // 4, dtype=numpy.uint64)
        x = [counter & low, counter >> numpy.uint64(32), numpy.zeros_like(counter), numpy.zeros_like(counter)]
        key = [self.number & 0xFFFFFFFF, self.number >> 32]
        for _ in range(10):
            p0, p1 = x[0] * numpy.uint64(0xD2511F53), x[2] * numpy.uint64(0xCD9E8D57)
            k0, k1 = numpy.uint64(key[0]), numpy.uint64(key[1])
            x = [p1 >> numpy.uint64(32) ^ x[1] ^ k0, p1 & low, p0 >> numpy.uint64(32) ^ x[3] ^ k1, p0 & low]
            key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
        words = numpy.stack(x, axis=1).reshape(-1)[:count]
        numbers = (words >> numpy.uint64(8)).astype(numpy.float32) * numpy.float32(2.0**-24)
        return torch.from_numpy(numbers.reshape(shape))

    def around_zero(self, *shape):
        return 2.0 * self.uniform(*shape) - 1.0


def mix(z):
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
    return z ^ z >> 31


def start(parameters):
    """Sets parameters of these names: norms near 1, biases near 0, all others by their number of inputs."""
    for name, parameter in parameters.items():
        shape = list(parameter.shape)
        matrix = len(shape) == 2 and "embedding" not in name
        if matrix:
            shape.reverse()
        values = Key.of(7).named(name.removeprefix("embedding ")).around_zero(*shape).to(parameter.dtype)
        if len(shape) == 1:
            values = values * 0.125 + (1.0 if name.endswith("weight") else 0.0)
        elif matrix:
            values = values * (1.0 / math.sqrt(shape[0]))
        elif len(shape) == 4:
            values = values * (1.0 / math.sqrt(math.prod(shape[1:])))
        with torch.no_grad():
            parameter.copy_(values.T if matrix else values)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.attention_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.projection, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp_in, self.mlp_out = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        n, length, width = x.shape
        split = self.projection(self.attention_norm(x)).reshape(n, length, 3, self.heads, -1)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        heads = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.output(heads.transpose(1, 2).reshape(n, length, width))
        return x + self.mlp_out(functional.gelu(self.mlp_in(self.mlp_norm(x))))

    def named(self, name):
        attention = {"projection": self.projection, "output": self.output}
        parts = {"attention_norm": self.attention_norm, "mlp_norm": self.mlp_norm}
        parts |= {f"attention.{part}": layer for part, layer in attention.items()}
        parts |= {"mlp_in": self.mlp_in, "mlp_out": self.mlp_out}
        return {f"{name}.{part}.{p}": value for part, layer in parts.items() for p, value in layer.named_parameters()}


def mlp():
    net = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    parameters = dict(net.named_parameters())
    return net, parameters, torch.optim.SGD(net.parameters(), 0.1), (32, 784), 10


def cnn():
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1568, 10),
    )  # fmt: skip
    return net, dict(net.named_parameters()), torch.optim.Adam(net.parameters(), 1e-3), (64, 1, 28, 28), 10


def decoder():
    tokens, positions = nn.Embedding(64, 128), nn.Embedding(64, 128)
    blocks, head = [Block(128, 4), Block(128, 4)], nn.Linear(128, 64)
    parameters = {"embedding tokens.weight": tokens.weight, "embedding positions.weight": positions.weight}
    for number, block in enumerate(blocks):
        parameters |= block.named(f"block{number}")
    parameters |= {"head.weight": head.weight, "head.bias": head.bias}

    def net(x):
        x = tokens(x) + positions.weight
        for block in blocks:
            x = block(x)
        return head(x)

    return net, parameters, torch.optim.AdamW(parameters.values(), 3e-4), (16, 64), 64


def lstm():
    layer, linear = nn.LSTM(32, 128, batch_first=True), nn.Linear(128, 10)
    parameters = {f"0.{name.removesuffix('_l0')}": value for name, value in layer.named_parameters()}
    parameters |= {f"1.{name}": value for name, value in linear.named_parameters()}
    net = lambda x: linear(layer(x)[0][:, -1])
    return net, parameters, torch.optim.Adam(parameters.values(), 1e-3), (32, 64, 32), 10


def losses(build):
    net, parameters, optimizer, shape, classes = build()
    start(parameters)
    found = []
    for step in range(STEPS):
        key = Key.of(11).fold(step % BATCHES)
        if build is decoder:
            x = (key.named("input").uniform(*shape) * classes).long()
            target = (key.named("target").uniform(*shape) * classes).long()
        else:
            x = key.named("input").around_zero(*shape)
            target = (key.named("target").uniform(shape[0]) * classes).long()
        loss = functional.cross_entropy(net(x).reshape(-1, classes), target.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


if __name__ == "__main__":
    networks = {build.__name__: losses(build) for build in [mlp, cnn, decoder, lstm]}
    file = {"torch": torch.__version__, "losses": networks}
    pathlib.Path(__file__).with_name("losses.json").write_text(json.dumps(file, indent=1) + "\n")
