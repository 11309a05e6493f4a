"""Writes wrappers.json: what PyTorch's averages and one-cycle momentum and optax's SAM give, for the tests of this crate to agree with.

    python3 wrappers.py

Written with torch 2.15.0, optax 0.2.8, jax 0.10.2 and numpy 2.4.6 on a CPU, in double precision; nothing here is
random. The tests read the file without Python. The averages see a wave; SAM walks Rosenbrock's function from
(-1.2, 1). The adaptive form, which optax does not have, is a transcription of the paper.
"""

import json
import math
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib
import torch
from torch.optim import swa_utils

jax.config.update("jax_enable_x64", True)
torch.set_default_dtype(torch.float64)  # PyTorch divides by the number of averaged points in the default type.


def seen(step):
    return [math.sin(0.7 * step * (index + 1)) for index in range(3)]


def averages(function):
    module = torch.nn.Linear(3, 1, bias=False, dtype=torch.float64)
    averaged = swa_utils.AveragedModel(module, multi_avg_fn=function)
    found = []
    for step in range(30):
        module.weight.data = torch.tensor([seen(step)], dtype=torch.float64)
        averaged.update_parameters(module)
        found.append(averaged.module.weight.detach().flatten().tolist())
    return [found[step] for step in (0, 1, 9, 29)]


def rosenbrock(x):
    return (1.0 - x[0]) ** 2 + 100.0 * (x[1] - x[0] ** 2) ** 2


gradient = jax.grad(rosenbrock)


def sam(radius, optimizer):
    climber = optax.chain(optax.contrib.normalize(), optax.sgd(radius))
    solver = optax.contrib.sam(optimizer, climber, opaque_mode=True)
    x = jnp.array([-1.2, 1.0])
    state = solver.init(x)
    points = []
    for _ in range(100):
        updates, state = solver.update(gradient(x), state, x, grad_fn=lambda p, _: gradient(p))
        x = optax.apply_updates(x, updates)
        points.append(x.tolist())
    return [points[step] for step in (0, 1, 9, 99)]


def asam(radius, rate):
    """J. Kwon et al. (2021), algorithm 1 with eta = 0, and gradient descent."""
    x = np.array([-1.2, 1.0])
    points = []
    for _ in range(100):
        g = np.array(gradient(jnp.asarray(x)))
        e = radius * x**2 * g / np.linalg.norm(x * g)
        x = x - rate * np.array(gradient(jnp.asarray(x + e)))
        points.append(x.tolist())
    return [points[step] for step in (0, 1, 9, 99)]


def cycled_momentum(make, **arguments):
    """PyTorch's OneCycleLR, which changes momentum (or beta1) too, for 100 steps on Rosenbrock's function."""
    x = torch.tensor([-1.2, 1.0], requires_grad=True)
    optimizer = make([x], foreach=False, **arguments)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, arguments["lr"], total_steps=101)
    points = []
    for _ in range(100):
        x.grad = torch.from_numpy(np.array(gradient(jnp.asarray(x.detach().numpy()))))
        optimizer.step()
        scheduler.step()
        points.append(x.tolist())
    return [points[step] for step in (0, 1, 9, 99)]


if __name__ == "__main__":
    file = {
        "cycled_momentum": [
            {"by": "torch", "config": {"sgd": {"learning_rate": 1e-3}},
             "points": cycled_momentum(torch.optim.SGD, lr=1e-3, momentum=0.9)},
            {"by": "torch", "config": {"adam": {"learning_rate": 0.05}}, "points": cycled_momentum(torch.optim.Adam, lr=0.05)},
        ],
        "averages": [
            {"by": "torch", "kind": "equal", "values": averages(swa_utils.get_swa_multi_avg_fn())},
            {"by": "torch", "kind": {"exponential": 0.9}, "values": averages(swa_utils.get_ema_multi_avg_fn(0.9))},
            {"by": "torch", "kind": {"exponential": 0.3}, "values": averages(swa_utils.get_ema_multi_avg_fn(0.3))},
        ],
        "sharpness_aware": [
            {"by": "optax", "options": {"radius": 0.01}, "config": {"gradient_descent": {"learning_rate": 1e-3}},
             "points": sam(0.01, optax.sgd(1e-3))},
            {"by": "optax", "options": {}, "config": {"adam": {"learning_rate": 0.02}}, "points": sam(0.05, optax.adam(0.02))},
            {"by": "numpy", "options": {"radius": 0.02, "adaptive": True},
             "config": {"gradient_descent": {"learning_rate": 1e-3}}, "points": asam(0.02, 1e-3)},
        ],
    }
    pathlib.Path(__file__).with_name("wrappers.json").write_text(json.dumps(file) + "\n")
