"""Writes schedules.json: the rates that PyTorch's and optax's schedules give, for the tests of this crate to agree with.

    python3 schedules.py

Written with torch 2.15.0, optax 0.2.8 and jax 0.10.2 on a CPU; nothing here is random. The tests read the file
without Python. A case is a schedule of this crate, who computed its rates (`torch`, `optax`, or `formula`, written out
in this script, where neither has the schedule), and the rates of the first 200 steps at a learning rate of 0.5; for
schedules that have one, the momentum too. For the plateau it is the metrics shown and the rates after each.
"""

import json
import math
import pathlib
import warnings

import jax
import optax
import torch

jax.config.update("jax_enable_x64", True)
torch.set_default_dtype(torch.float64)
lr = torch.optim.lr_scheduler
BASE_RATE = 0.5
STEPS = 200


def in_sequence(parts, milestones):
    return lambda o: lr.SequentialLR(o, [part(o) for part in parts], milestones=milestones)


def warm_up(start, steps, then):
    return in_sequence([lambda o: lr.LinearLR(o, start_factor=start, total_iters=steps), then], [steps])


def one_cycle(**arguments):
    return lambda o: lr.OneCycleLR(o, BASE_RATE, total_steps=STEPS, **arguments)


def cyclic(low, **arguments):
    return lambda o: lr.CyclicLR(o, low * BASE_RATE, BASE_RATE, **arguments)


constant = lambda o: lr.ConstantLR(o, factor=1.0)
staircase_tenth = {"multi_step": {"milestones": [30, 80, 80, 150]}}

TORCH = [
    ("constant", constant),
    ({"step": {"period": 30}}, lambda o: lr.StepLR(o, 30)),
    ({"step": {"period": 7, "gamma": 0.5}}, lambda o: lr.StepLR(o, 7, 0.5)),
    (staircase_tenth, lambda o: lr.MultiStepLR(o, [30, 80, 80, 150])),
    ({"multi_step": {"milestones": [1, 99], "gamma": 0.7}}, lambda o: lr.MultiStepLR(o, [1, 99], 0.7)),
    ({"exponential": {"gamma": 0.97}}, lambda o: lr.ExponentialLR(o, 0.97)),
    ({"polynomial": {"steps": 120}}, lambda o: lr.PolynomialLR(o, 120)),
    ({"polynomial": {"steps": 250, "power": 2.5}}, lambda o: lr.PolynomialLR(o, 250, 2.5)),
    (
        {"linear": {"steps": 90, "start_factor": 0.25, "end_factor": 0.75}},
        lambda o: lr.LinearLR(o, start_factor=0.25, end_factor=0.75, total_iters=90),
    ),
    ({"linear": {"steps": 150}}, lambda o: lr.LinearLR(o, start_factor=1.0, end_factor=0.0, total_iters=150)),
    ({"cosine": {"steps": 50}}, lambda o: lr.CosineAnnealingLR(o, 50)),
    (
        {"cosine": {"steps": 73, "minimum_factor": 0.1 / BASE_RATE}},
        lambda o: lr.CosineAnnealingLR(o, 73, eta_min=0.1),
    ),
    ({"cosine_restarts": {"period": 30}}, lambda o: lr.CosineAnnealingWarmRestarts(o, 30)),
    (
        {"cosine_restarts": {"period": 13, "growth": 2, "minimum_factor": 0.1 / BASE_RATE}},
        lambda o: lr.CosineAnnealingWarmRestarts(o, 13, 2, eta_min=0.1),
    ),
    ({"warm_up": {"steps": 10}}, warm_up(1 / 3, 10, constant)),
    (
        {"warm_up": {"steps": 20, "start_factor": 0.05, "then": {"cosine": {"steps": 60}}}},
        warm_up(0.05, 20, lambda o: lr.CosineAnnealingLR(o, 60)),
    ),
    ({"one_cycle": {"steps": STEPS}}, one_cycle()),
    (
        {"one_cycle": {"steps": STEPS, "anneal": "linear", "rise": 0.45, "divisor": 10.0, "final_divisor": 100.0}},
        one_cycle(anneal_strategy="linear", pct_start=0.45, div_factor=10.0, final_div_factor=100.0),
    ),
    (
        {"one_cycle": {"steps": STEPS, "three_phases": True, "low_momentum": 0.7, "high_momentum": 0.9}},
        one_cycle(three_phase=True, base_momentum=0.7, max_momentum=0.9),
    ),
    (
        {"one_cycle": {"steps": STEPS, "three_phases": True, "anneal": "linear", "rise": 0.37}},
        one_cycle(three_phase=True, anneal_strategy="linear", pct_start=0.37),
    ),
    ({"cyclic": {"rise": 17, "minimum_factor": 0.1}}, cyclic(0.1, step_size_up=17)),
    (
        {"cyclic": {"rise": 8, "fall": 21, "minimum_factor": 0.2, "mode": "triangular2"}},
        cyclic(0.2, step_size_up=8, step_size_down=21, mode="triangular2"),
    ),
    (
        {"cyclic": {"rise": 12, "mode": {"exp_range": 0.99}, "low_momentum": 0.6, "high_momentum": 0.95}},
        cyclic(0.0, step_size_up=12, mode="exp_range", gamma=0.99, base_momentum=0.6, max_momentum=0.95),
    ),
    (
        {
            "sequence": {
                "schedules": [
                    {"linear": {"steps": 9, "start_factor": 0.3, "end_factor": 0.3}},
                    {"exponential": {"gamma": 0.95}},
                    {"step": {"period": 20, "gamma": 0.5}},
                ],
                "milestones": [9, 70],
            }
        },
        in_sequence(
            [
                lambda o: lr.ConstantLR(o, factor=0.3, total_iters=9),
                lambda o: lr.ExponentialLR(o, 0.95),
                lambda o: lr.StepLR(o, 20, 0.5),
            ],
            [9, 70],
        ),
    ),
]

OPTAX = [
    (
        {"polynomial": {"steps": 100, "power": 1.7, "end_factor": 0.2}},
        optax.polynomial_schedule(BASE_RATE, 0.2 * BASE_RATE, 1.7, 100),
    ),
    (
        {"cosine": {"steps": 120, "minimum_factor": 0.05, "hold_minimum": True}},
        optax.cosine_decay_schedule(BASE_RATE, 120, alpha=0.05),
    ),
    (
        {"sequence": {"schedules": ["constant", {"linear": {"steps": 60, "end_factor": 0.5}}], "milestones": [33]}},
        optax.join_schedules([optax.constant_schedule(BASE_RATE), optax.linear_schedule(BASE_RATE, 0.5 * BASE_RATE, 60)], [33]),
    ),
]

FORMULAS = [
    ({"inverse_time": {"period": 25}}, lambda t: 1 / (1 + t / 25)),
    ({"inverse_time": {"period": 40, "rate": 0.7, "staircase": True}}, lambda t: 1 / (1 + 0.7 * math.floor(t / 40))),
    # The paper's d^-1/2 min(s^-1/2, s W^-3/2), over its largest value (d W)^-1/2.
    ({"inverse_square_root": {"warm_up": 60}}, lambda t: min((t + 1) ** -0.5, (t + 1) * 60**-1.5) / 60**-0.5),
]


def rates(make):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=BASE_RATE, momentum=0.9)
    scheduler = make(optimizer)
    found, momenta = [], []
    for step in range(STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        momenta.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        if step < STEPS - 1:
            scheduler.step()
    return found, momenta


PLATEAUS = [
    ({}, dict()),
    ({"gamma": 0.5, "patience": 3, "cooldown": 4}, dict(factor=0.5, patience=3, cooldown=4)),
    (
        {"maximize": True, "gamma": 0.6, "patience": 2, "threshold": {"absolute": 0.05}, "minimum_factor": 0.1},
        dict(mode="max", factor=0.6, patience=2, threshold=0.05, threshold_mode="abs", min_lr=0.1 * BASE_RATE),
    ),
    (
        {"gamma": 0.3, "patience": 0, "threshold": {"relative": 0.02}, "smallest_fall": 0.01},
        dict(factor=0.3, patience=0, threshold=0.02, eps=0.01 * BASE_RATE),
    ),
    ({"maximize": True, "gamma": 0.8, "patience": 5}, dict(mode="max", factor=0.8, patience=5)),
    (
        {"gamma": 0.8, "patience": 1, "threshold": {"absolute": 0.01}, "cooldown": 1},
        dict(factor=0.8, patience=1, threshold=0.01, threshold_mode="abs", cooldown=1),
    ),
]


def plateau(arguments):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=BASE_RATE)
    scheduler = lr.ReduceLROnPlateau(optimizer, **arguments)
    found = []
    for metric in METRICS:
        scheduler.step(metric)
        found.append(optimizer.param_groups[0]["lr"])
    return found


# It improves, shakes, and stops improving.
METRICS = [round(2.0 * math.exp(-step / 20) + 0.3 * math.sin(1.7 * step), 6) for step in range(STEPS)]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    cases = []
    for schedule, make in TORCH:
        found, momenta = rates(make)
        cases.append({"by": "torch", "schedule": schedule, "rates": found})
        if isinstance(schedule, dict) and next(iter(schedule)) in ("one_cycle", "cyclic"):
            cases[-1]["momenta"] = momenta[::5]
    for schedule, rate in OPTAX:
        cases.append({"by": "optax", "schedule": schedule, "rates": [float(rate(step)) for step in range(STEPS)]})
    for schedule, factor in FORMULAS:
        cases.append({"by": "formula", "schedule": schedule, "rates": [BASE_RATE * factor(t) for t in range(STEPS)]})
    plateaus = [{"options": options, "rates": plateau(arguments)} for options, arguments in PLATEAUS]
    head = f'"torch": "{torch.__version__}", "optax": "{optax.__version__}", "base_rate": {BASE_RATE}'
    lines = lambda entries: ",\n".join(json.dumps(entry) for entry in entries)
    text = f'{{{head},\n"cases": [\n{lines(cases)}\n],\n"metrics": {json.dumps(METRICS)},\n"plateaus": [\n{lines(plateaus)}\n]}}\n'
    pathlib.Path(__file__).with_name("schedules.json").write_text(text)
