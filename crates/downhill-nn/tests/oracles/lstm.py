"""Writes lstm.json: what PyTorch's LSTM computes, for the tests of this crate to agree with.

    python3 lstm.py

Written with torch 2.15.0 on a CPU, in double precision. Parameters, input and cotangent are formulas that the
test has as well, so that the file holds results alone: the states at each step, and the gradient of their
products with the cotangent by all parameters (in the order of the test's layout, weights as [in, out]) and by
the input. Once for the states of all steps and once for the last alone.
"""

import json
import math
import pathlib

import torch

BATCH, LENGTH, FEATURES, HIDDEN = 2, 5, 3, 4


def wave(count, frequency):
    return torch.tensor([0.8 * math.sin(frequency * (index + 1)) for index in range(count)], dtype=torch.float64)


def results(all_steps):
    lstm = torch.nn.LSTM(FEATURES, HIDDEN, batch_first=True, dtype=torch.float64)
    ours = []
    theta = wave(4 * HIDDEN * (FEATURES + HIDDEN + 2), 1.3)
    offset = 0
    for name, inputs in [("weight_ih_l0", FEATURES), ("weight_hh_l0", HIDDEN), ("bias_ih_l0", 0), ("bias_hh_l0", 0)]:
        parameter = getattr(lstm, name)
        part = theta[offset : offset + parameter.numel()]
        offset += parameter.numel()
        with torch.no_grad():
            parameter.copy_(part.reshape(inputs, 4 * HIDDEN).T if inputs else part)
        ours.append(parameter)
    x = wave(BATCH * LENGTH * FEATURES, 0.7).reshape(BATCH, LENGTH, FEATURES).requires_grad_()
    states, _ = lstm(x)
    output = states if all_steps else states[:, -1]
    cotangent = wave(output.numel(), 2.1).reshape(output.shape)
    (output * cotangent).sum().backward()
    gradient = torch.cat([p.grad.T.flatten() if p.dim() == 2 else p.grad for p in ours])
    return {
        "all_steps": all_steps,
        "output": output.flatten().tolist(),
        "gradient": gradient.tolist(),
        "input_gradient": x.grad.flatten().tolist(),
    }


if __name__ == "__main__":
    file = {"torch": torch.__version__, "cases": [results(True), results(False)]}
    pathlib.Path(__file__).with_name("lstm.json").write_text(json.dumps(file, indent=1) + "\n")
