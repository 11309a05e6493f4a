"""Writes rows.json: what PyTorch's optimizers make of sparse gradients, for the tests of this crate to agree with.

    python3 rows.py

Written with torch 2.15.0 on a CPU, in double precision. A table [7, 3] starts as a formula that the test has as
well, and so do the rows of each of six steps, with rows that occur several times and rows that never do. A case
is the configuration of an optimizer of this crate and the table after the last step.

SparseAdam adds its epsilon to the root before the bias is taken off, and not afterwards as Adam does; so that the
two are one formula here, the epsilon is too small to be seen.
"""

import json
import math
import pathlib

import torch

COUNT, WIDTH, SEEN, STEPS = 7, 3, 5, 6

CASES = [
    ("gradient_descent", torch.optim.SGD, dict(lr=0.1), dict(learning_rate=0.1)),
    ("sgd", torch.optim.SGD, dict(lr=0.05), dict(learning_rate=0.05)),
    ("adagrad", torch.optim.Adagrad, dict(lr=0.1), dict(learning_rate=0.1)),
    (
        "adagrad",
        torch.optim.Adagrad,
        dict(lr=0.2, lr_decay=0.1, initial_accumulator_value=0.3, eps=1e-3),
        dict(learning_rate=0.2, learning_rate_decay=0.1, initial_accumulator=0.3, epsilon=1e-3),
    ),
    ("adam", torch.optim.SparseAdam, dict(lr=0.01, eps=1e-40), dict(learning_rate=0.01, epsilon=1e-40)),
    (
        "adam",
        torch.optim.SparseAdam,
        dict(lr=0.1, betas=(0.5, 0.8), eps=1e-40),
        dict(learning_rate=0.1, beta1=0.5, beta2=0.8, epsilon=1e-40),
    ),
]


def wave(count, frequency):
    return torch.tensor([0.8 * math.sin(frequency * (index + 1)) for index in range(count)], dtype=torch.float64)


def walk(make, arguments):
    table = wave(COUNT * WIDTH, 1.3).reshape(COUNT, WIDTH).requires_grad_()
    optimizer = make([table], **arguments)
    for step in range(STEPS):
        indices = torch.tensor([[(step * position + position * position) % 6 for position in range(SEEN)]])
        values = wave(SEEN * WIDTH, 0.7 + step).reshape(SEEN, WIDTH)
        table.grad = torch.sparse_coo_tensor(indices, values, (COUNT, WIDTH))
        optimizer.step()
    return table.flatten().tolist()


if __name__ == "__main__":
    cases = [{"config": {name: ours}, "table": walk(make, theirs)} for name, make, theirs, ours in CASES]
    file = {"torch": torch.__version__, "cases": cases}
    pathlib.Path(__file__).with_name("rows.json").write_text(json.dumps(file, indent=1) + "\n")
