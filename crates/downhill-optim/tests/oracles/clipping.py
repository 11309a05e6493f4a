"""Writes clipping.json: gradients as PyTorch and optax clip them, for the tests of this crate to agree with.

    python3 clipping.py

Written with torch 2.15.0, optax 0.2.8 and jax 0.10.2 on a CPU, in double precision; nothing here is random. The tests
read the file without Python.
"""

import json
import math
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch

jax.config.update("jax_enable_x64", True)

VALUES = [math.sin(3.0 * index) * 10.0 for index in range(37)]


def norms():
    cases = []
    for limit in [0.5, 20.0, 1000.0]:
        x = torch.zeros(37, dtype=torch.float64, requires_grad=True)
        x.grad = torch.tensor(VALUES, dtype=torch.float64)
        norm = torch.nn.utils.clip_grad_norm_([x], limit)
        cases.append({"max_norm": limit, "norm": norm.item(), "clipped": x.grad.tolist()})
    return cases


def values():
    x = torch.zeros(37, dtype=torch.float64, requires_grad=True)
    x.grad = torch.tensor(VALUES, dtype=torch.float64)
    torch.nn.utils.clip_grad_value_([x], 4.0)
    return {"limit": 4.0, "clipped": x.grad.tolist()}


# Parameters of a layer, a bias, a convolution and a number; the second row of the layer is all 0.
SHAPES = [(3, 4), (5,), (2, 3, 1, 2), ()]


def adaptive():
    """optax's adaptive clipping, with norms over all but the first axis, as PyTorch's layouts have them."""
    sizes = [math.prod(shape) for shape in SHAPES]
    parameters = np.array([0.7 * math.sin(1.1 * (index + 1)) for index in range(sum(sizes))])
    parameters[4:8] = 0.0
    gradient = np.array([0.9 * math.sin(2.3 * (index + 1)) for index in range(sum(sizes))])
    cases = []
    for clipping, epsilon in [(0.3, 1e-3), (2.0, 0.1)]:
        clipped, start = [], 0
        for shape, size in zip(SHAPES, sizes):
            p, g = (jnp.asarray(x[start : start + size].reshape(shape)) for x in (parameters, gradient))
            axis = tuple(range(1, len(shape))) if len(shape) > 1 else None
            transformation = optax.adaptive_grad_clip(clipping, epsilon, axis=axis)
            update, _ = transformation.update(g, transformation.init(p), p)
            clipped += np.ravel(update).tolist()
            start += size
        cases.append({"clipping": clipping, "epsilon": epsilon, "clipped": clipped})
    return {"shapes": SHAPES, "parameters": parameters.tolist(), "gradient": gradient.tolist(), "cases": cases}


if __name__ == "__main__":
    file = {"torch": torch.__version__, "optax": optax.__version__, "gradient": VALUES}
    file |= {"norms": norms(), "values": values(), "adaptive": adaptive()}
    pathlib.Path(__file__).with_name("clipping.json").write_text(json.dumps(file) + "\n")
