"""Writes optimizers.json, schedules.json and clipping.json: what PyTorch computes, for the tests of this crate to agree with.

    python3 optimizers.py

Written with torch 2.15.0 on a CPU; nothing here is random. The tests read the files without Python.
The optimizers walk 24 steps of Rosenbrock's function in double precision from (-1.2, 1), with the gradient
written out, so that only the update rules are compared. A case is the configuration of an optimizer of this
crate and the points that PyTorch reaches with it.
"""

import json
import math
import pathlib
import warnings

import torch

STEPS = 24
RECORDED = [1, 2, 3, 5, 8, 13, 24]

# PyTorch's names that differ from ours.
RENAMED = {
    "lr": "learning_rate",
    "eps": "epsilon",
    "lr_decay": "learning_rate_decay",
    "initial_accumulator_value": "initial_accumulator",
}
# Our name, PyTorch's class, its arguments.
CASES = [
    ("gradient_descent", torch.optim.SGD, dict(lr=1e-3)),
    ("sgd", torch.optim.SGD, dict()),
    ("sgd", torch.optim.SGD, dict(lr=1e-3, weight_decay=0.1)),
    ("sgd", torch.optim.SGD, dict(lr=5e-4, momentum=0.9)),
    ("sgd", torch.optim.SGD, dict(lr=5e-4, momentum=0.8, dampening=0.3, weight_decay=0.05)),
    ("sgd", torch.optim.SGD, dict(lr=3e-4, momentum=0.9, nesterov=True)),
    ("sgd", torch.optim.SGD, dict(lr=3e-4, momentum=0.7, nesterov=True, weight_decay=0.2)),
    ("adagrad", torch.optim.Adagrad, dict()),
    ("adagrad", torch.optim.Adagrad, dict(lr=0.1, lr_decay=0.05, weight_decay=0.1)),
    ("adagrad", torch.optim.Adagrad, dict(lr=0.2, initial_accumulator_value=0.5, eps=1e-3)),
    ("rmsprop", torch.optim.RMSprop, dict()),
    ("rmsprop", torch.optim.RMSprop, dict(lr=5e-3, alpha=0.9, eps=1e-4, weight_decay=0.3)),
    ("rmsprop", torch.optim.RMSprop, dict(lr=2e-3, momentum=0.9)),
    ("rmsprop", torch.optim.RMSprop, dict(lr=2e-3, centered=True)),
    ("rmsprop", torch.optim.RMSprop, dict(lr=2e-3, alpha=0.95, centered=True, momentum=0.5, weight_decay=0.1)),
    ("adam", torch.optim.Adam, dict()),
    ("adam", torch.optim.Adam, dict(lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1)),
    ("adam", torch.optim.Adam, dict(lr=0.3, betas=(0.5, 0.6), amsgrad=True)),
    ("adam", torch.optim.Adam, dict(lr=0.1, betas=(0.0, 0.9), amsgrad=True, weight_decay=0.5)),
    ("adamw", torch.optim.AdamW, dict()),
    ("adamw", torch.optim.AdamW, dict(lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.5)),
    ("adamw", torch.optim.AdamW, dict(lr=0.3, betas=(0.5, 0.6), weight_decay=0.1, amsgrad=True)),
]


def ours(arguments):
    hyperparameters = {}
    for name, value in arguments.items():
        if name == "betas":
            hyperparameters["beta1"], hyperparameters["beta2"] = value
        else:
            hyperparameters[RENAMED.get(name, name)] = value
    return hyperparameters


def gradient(x):
    a, b = x.tolist()
    return torch.tensor(
        [-2.0 * (1.0 - a) - 400.0 * a * (b - a * a), 200.0 * (b - a * a)], dtype=torch.float64
    )


def walk(make, arguments, schedule=None):
    x = torch.tensor([-1.2, 1.0], dtype=torch.float64, requires_grad=True)
    optimizer = make([x], foreach=False, **arguments)
    scheduler = schedule(optimizer) if schedule else None
    points = []
    for step in range(1, STEPS + 1):
        x.grad = gradient(x.detach())
        optimizer.step()
        if scheduler:
            scheduler.step()
        if step in RECORDED:
            points.append({"step": step, "point": x.tolist()})
    return points


lr = torch.optim.lr_scheduler


def warm_up(start, steps, then):
    def make(optimizer):
        first = lr.LinearLR(optimizer, start_factor=start, total_iters=steps)
        return lr.SequentialLR(optimizer, [first, then(optimizer)], milestones=[steps])

    return make


BASE_RATE = 0.5
SCHEDULES = [
    ("constant", lambda o: lr.ConstantLR(o, factor=1.0)),
    ({"step": {"period": 30}}, lambda o: lr.StepLR(o, 30)),
    ({"step": {"period": 7, "gamma": 0.5}}, lambda o: lr.StepLR(o, 7, 0.5)),
    ({"exponential": {"gamma": 0.97}}, lambda o: lr.ExponentialLR(o, 0.97)),
    ({"cosine": {"steps": 50}}, lambda o: lr.CosineAnnealingLR(o, 50)),
    (
        {"cosine": {"steps": 73, "minimum_factor": 0.1 / BASE_RATE}},
        lambda o: lr.CosineAnnealingLR(o, 73, eta_min=0.1),
    ),
    ({"warm_up": {"steps": 10}}, warm_up(1 / 3, 10, lambda o: lr.ConstantLR(o, factor=1.0))),
    (
        {"warm_up": {"steps": 20, "start_factor": 0.05, "then": {"cosine": {"steps": 60}}}},
        warm_up(0.05, 20, lambda o: lr.CosineAnnealingLR(o, 60)),
    ),
    (
        {"warm_up": {"steps": 5, "start_factor": 0.2, "then": {"step": {"period": 9, "gamma": 0.8}}}},
        warm_up(0.2, 5, lambda o: lr.StepLR(o, 9, 0.8)),
    ),
]
# Under a schedule: the rate stands outside of SGD's buffer, and inside of AdamW's decay.
SCHEDULED = [
    ("sgd", torch.optim.SGD, dict(lr=5e-4, momentum=0.9), 3),
    ("adamw", torch.optim.AdamW, dict(lr=0.05, weight_decay=0.5), 7),
]


def rates(make):
    optimizer = torch.optim.SGD([torch.zeros(1, dtype=torch.float64, requires_grad=True)], lr=BASE_RATE)
    scheduler = make(optimizer)
    found = []
    for _ in range(200):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def norms():
    values = [math.sin(3.0 * index) * 10.0 for index in range(37)]
    cases = []
    for limit in [0.5, 20.0, 1000.0]:
        x = torch.zeros(37, dtype=torch.float64, requires_grad=True)
        x.grad = torch.tensor(values, dtype=torch.float64)
        norm = torch.nn.utils.clip_grad_norm_([x], limit)
        cases.append({"max_norm": limit, "norm": norm.item(), "clipped": x.grad.tolist()})
    return {"gradient": values, "cases": cases}


def write(name, value):
    path = pathlib.Path(__file__).with_name(name)
    path.write_text(json.dumps(value, indent=1) + "\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    optimizers = [
        {"config": {name: ours(arguments)}, "points": walk(make, arguments)} for name, make, arguments in CASES
    ]
    for name, make, arguments, schedule in SCHEDULED:
        description, build = SCHEDULES[schedule]
        points = walk(make, arguments, build)
        optimizers.append({"config": {name: ours(arguments)}, "schedule": description, "points": points})
    write("optimizers.json", {"torch": torch.__version__, "cases": optimizers})
    schedules = [{"schedule": description, "rates": rates(make)} for description, make in SCHEDULES]
    write("schedules.json", {"torch": torch.__version__, "base_rate": BASE_RATE, "cases": schedules})
    write("clipping.json", {"torch": torch.__version__, **norms()})
