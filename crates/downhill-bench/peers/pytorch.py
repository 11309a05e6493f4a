"""The workloads W1, W1b and W2 in PyTorch, measured as downhill-bench measures them.

    python pytorch.py W1 --batch 1,32,128,1024 --threads 2
"""

import argparse
import json
import time

import torch
from torch import nn

EXAMPLES = 8192


def prepare(name, batch):
    torch.manual_seed(1)
    if name == "W1":
        model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        loss, shape = nn.functional.cross_entropy, (784,)
    elif name == "W1b":
        layers = [nn.Linear(784, 16), nn.Sigmoid(), nn.Linear(16, 16), nn.Sigmoid(), nn.Linear(16, 10), nn.Sigmoid()]
        model = nn.Sequential(*layers)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        loss, batch, shape = lambda y, t: nn.functional.mse_loss(y, nn.functional.one_hot(t, 10).float()), 10, (784,)
    else:
        model = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(1568, 10),
        )
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
        loss, batch, shape = nn.functional.cross_entropy, 64, (1, 28, 28)
    labels = torch.randint(0, 10, (EXAMPLES,))
    prototypes = torch.rand(10, *shape)
    images = 0.8 * torch.rand(EXAMPLES, *shape) + 0.2 * prototypes[labels] - 0.5
    at = 0

    def step():
        nonlocal at
        first = at * batch % (EXAMPLES - batch + 1)
        at += 1
        x, y = images[first:first + batch].clone(), labels[first:first + batch].clone()
        optimizer.zero_grad(set_to_none=True)
        value = loss(model(x), y)
        value.backward()
        optimizer.step()
        return value.item()

    return step, batch, sum(p.numel() for p in model.parameters())


def measure(step, seconds):
    first = sum(step() for _ in range(32)) / 32

    def window(length):
        start, steps, losses = time.perf_counter(), 0, [0.0] * 32
        while True:
            losses[steps % 32] = step()
            steps += 1
            elapsed = time.perf_counter() - start
            if elapsed >= length:
                return steps / elapsed, sum(losses) / min(steps, 32)

    window(seconds / 2)
    results = [window(seconds) for _ in range(3)]
    return sorted(rate for rate, _ in results), first, results[-1][1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("workloads", nargs="*", default=["W1", "W1b", "W2"])
    parser.add_argument("--batch", default="1,32,128,1024")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2.0)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for name in arguments.workloads:
        for batch in map(int, arguments.batch.split(",")) if name == "W1" else [0]:
            step, batch, parameters = prepare(name, batch)
            rates, first, last = measure(step, arguments.seconds)
            print(json.dumps({
                "peer": f"PyTorch {torch.__version__}", "workload": name, "batch": batch,
                "threads": arguments.threads, "parameters": parameters, "steps_per_second": rates,
                "first_loss": first, "last_loss": last,
            }), flush=True)


main()
