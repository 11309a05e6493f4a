"""Writes runs.json: whole training runs of PyTorch in double precision, for the tests of this crate to agree with.

    python3 runs.py

Written with torch 2.15.0 on a CPU. Parameters and batches come from the counter-based generator that downhill
has, written down in losses.py beside this file; its numbers lie on a grid that both precisions hold. Four batches
are used in turns. The file holds the loss before each step, and after the last one the running statistics and the
norm of all parameters.
"""

import json
import pathlib

import torch
from losses import Block, Key, start
from torch import nn
from torch.nn import functional

STEPS, BATCHES = 50, 4


def numbers(key, *shape):
    return key.around_zero(*shape).double()


def whole(key, classes, *shape):
    return (key.uniform(*shape) * classes).long()


def mlp():
    net = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 2)).double()
    batch = lambda key: (numbers(key.named("input"), 16, 6), numbers(key.named("target"), 16, 2))
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    return net, dict(net.named_parameters()), optimizer, None, batch, functional.mse_loss


def cnn():
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, padding=1, stride=2), nn.BatchNorm2d(6), nn.ReLU(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(6, 5),
    ).double()  # fmt: skip
    batch = lambda key: (numbers(key.named("input"), 8, 2, 8, 8), whole(key.named("target"), 5, 8))
    optimizer = torch.optim.SGD(net.parameters(), 0.05, momentum=0.9, nesterov=True, weight_decay=1e-3)
    return net, dict(net.named_parameters()), optimizer, None, batch, functional.cross_entropy


def lstm():
    layer, linear = nn.LSTM(5, 12, batch_first=True).double(), nn.Linear(12, 4).double()
    parameters = {f"0.{name.removesuffix('_l0')}": value for name, value in layer.named_parameters()}
    parameters |= {f"1.{name}": value for name, value in linear.named_parameters()}
    net = lambda x: linear(layer(x)[0][:, -1])
    batch = lambda key: (numbers(key.named("input"), 8, 9, 5), whole(key.named("target"), 4, 8))
    optimizer = torch.optim.RMSprop(parameters.values(), 3e-3, momentum=0.5, centered=True)
    return net, parameters, optimizer, None, batch, functional.cross_entropy


def transformer():
    tokens, positions = nn.Embedding(11, 16).double(), nn.Embedding(10, 16).double()
    block, norm, head = Block(16, 2).double(), nn.LayerNorm(16).double(), nn.Linear(16, 11).double()
    parameters = {"embedding tokens.weight": tokens.weight, "embedding positions.weight": positions.weight}
    parameters |= block.named("block")
    for name, layer in {"norm": norm, "head": head}.items():
        parameters |= {f"{name}.{part}": value for part, value in layer.named_parameters()}
    net = lambda x: head(norm(block(tokens(x) + positions.weight)))
    batch = lambda key: (whole(key.named("input"), 11, 4, 10), whole(key.named("target"), 11, 4, 10))
    optimizer = torch.optim.AdamW(parameters.values(), 5e-3, weight_decay=0.1)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    loss = lambda output, target: functional.cross_entropy(output.reshape(-1, 11), target.reshape(-1))
    return net, parameters, optimizer, cosine, batch, loss


def run(build):
    net, parameters, optimizer, schedule, batch, loss_of = build()
    start(parameters)
    losses = []
    for step in range(STEPS):
        x, target = batch(Key.of(11).fold(step % BATCHES))
        loss = loss_of(net(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if schedule:
            schedule.step()
        losses.append(loss.item())
    with torch.no_grad():
        norm = torch.cat([value.reshape(-1) for value in parameters.values()]).norm().item()
    state = []
    if isinstance(net, nn.Module):
        state = [x for name, value in net.named_buffers() if "running" in name for x in value.tolist()]
    return {"losses": losses, "parameter_norm": norm, "state": state}


if __name__ == "__main__":
    runs = {build.__name__: run(build) for build in [mlp, cnn, lstm, transformer]}
    file = {"torch": torch.__version__, "runs": runs}
    pathlib.Path(__file__).with_name("runs.json").write_text(json.dumps(file, indent=1) + "\n")
