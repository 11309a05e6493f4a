"""Writes `state_dict/*.safetensors` and `state_dict.json`: networks of PyTorch, and what they compute.

    python3 state_dict.py

Written with torch 2.15.0 and safetensors 0.8.0, on a CPU. For each network there is a file in single and one in
double precision with its `state_dict`, and in the JSON an input with the outputs in both precisions, in evaluation
mode. The files `*.ours.safetensors` were written by the ignored test `write_ours` of `state_dict.rs`; here PyTorch
loads them strictly, and what it computes from them is frozen as `ours`. So the script runs before that test, and
once again after it.
"""

import json
import math
import pathlib

import safetensors.torch
import torch
from torch import nn

here = pathlib.Path(__file__).parent


class LastState(nn.LSTM):
    def forward(self, x):
        return super().forward(x)[0][:, -1]


class AllStates(nn.GRU):
    def forward(self, x):
        return super().forward(x)[0]


class AllOfOne(nn.RNN):
    def forward(self, x):
        return super().forward(x)[0]


class SelfAttention(nn.MultiheadAttention):
    def forward(self, x):
        return super().forward(x, x, x, need_weights=False)[0]


class Block(nn.TransformerEncoderLayer):
    def forward(self, x):
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1], dtype=x.dtype)
        return super().forward(x, src_mask=mask, is_causal=True)


def networks():
    return {
        "mlp": (nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5, bias=False), nn.GELU(), nn.Linear(5, 3)), (3, 4)),
        "cnn": (
            nn.Sequential(
                nn.Conv2d(2, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.ReLU(),
                nn.Conv2d(4, 6, (3, 2), groups=2, dilation=(1, 2), bias=False), nn.AvgPool2d(2, stride=1), nn.Flatten(),
                nn.Linear(36, 3), nn.BatchNorm1d(3, affine=False),
            ),
            (2, 2, 9, 11),
        ),
        "lstm": (nn.Sequential(LastState(3, 4, batch_first=True), nn.Linear(4, 2)), (2, 5, 3)),
        "signals": (
            nn.Sequential(
                nn.Conv1d(2, 4, 3, padding=1, groups=2), nn.GroupNorm(2, 4), nn.PReLU(4), nn.ConvTranspose1d(4, 3, 3, stride=2),
                nn.InstanceNorm1d(3, affine=True), nn.Flatten(), nn.Linear(45, 2),
            ),
            (2, 2, 7),
        ),
        "planes": (
            nn.Sequential(
                nn.ConvTranspose2d(2, 4, (2, 3), stride=2, output_padding=1, groups=2), nn.PReLU(), nn.Flatten(), nn.Linear(168, 2),
            ),
            (2, 2, 3, 2),
        ),
        "volumes": (nn.Sequential(nn.Conv3d(1, 2, (2, 1, 2)), nn.Flatten(), nn.Linear(24, 2)), (2, 1, 3, 2, 4)),
        "recurrent": (
            nn.Sequential(
                AllStates(3, 4, num_layers=2, bidirectional=True, batch_first=True), nn.RMSNorm(8, eps=1e-5),
                AllOfOne(8, 5, nonlinearity="relu", batch_first=True), nn.Linear(5, 2),
            ),
            (2, 5, 3),
        ),
        "attention": (
            nn.Sequential(nn.Embedding(7, 8), SelfAttention(8, 2, batch_first=True), nn.LayerNorm(8), nn.Linear(8, 3)),
            (2, 4),
        ),
        "transformer": (
            nn.Sequential(
                nn.Embedding(7, 8),
                Block(8, 4, dim_feedforward=24, dropout=0.0, activation="gelu", batch_first=True, norm_first=True),
                nn.Linear(8, 3),
            ),
            (2, 5),
        ),
    }  # fmt: skip


def scatter(module):
    """Numbers away from those with which layers start, so that none of them can be mistaken for another."""
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if value.dtype.is_floating_point:
                value.add_(0.3 * torch.rand_like(value))
            else:
                value.add_(17)


def flat(tensor):
    return tensor.detach().flatten().tolist()


cases = {}
for number, (name, (net, shape)) in enumerate(networks().items()):
    torch.manual_seed(number)
    scatter(net)
    net = net.double().eval()
    whole = isinstance(net[0], nn.Embedding)
    x = torch.randint(7, shape) if whole else (torch.rand(shape) * 2 - 1).double()
    case = {"input": flat(x)}
    # Single precision first, so that both have the same numbers.
    for kind in [torch.float32, torch.float64]:
        net = net.to(kind)
        label = {torch.float32: "f32", torch.float64: "f64"}[kind]
        safetensors.torch.save_file(net.state_dict(), here / f"state_dict/{name}.{label}.safetensors", metadata={"format": "pt"})
        with torch.no_grad():
            case[label] = flat(net(x if whole else x.to(kind)))
    ours = here / f"state_dict/{name}.ours.safetensors"
    if ours.exists():
        net.load_state_dict(safetensors.torch.load_file(ours), strict=True)
        with torch.no_grad():
            case["ours"] = flat(net(x))
    assert all(math.isfinite(y) for key in case if key != "input" for y in case[key]), name
    cases[name] = case
    print(name, sorted(net.state_dict()), case.get("ours", "not yet")[:2])

file = {"torch": torch.__version__, "cases": cases}
(here / "state_dict.json").write_text(json.dumps(file, indent=1) + "\n")
