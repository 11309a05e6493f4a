"""Writes activations.json: what PyTorch makes of activations and their derivatives, for the tests of this crate to
agree with.

    python3 activations.py

Written with torch 2.15.0 on a CPU, in double precision. The points include those at which two pieces meet, and some
far out. SwiGLU is the formula of Shazeer, 2020 (arXiv:2002.05202), which PyTorch does not have.
"""

import json
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(21)
POINTS = [-90.0, -6.5, -3.2, -3.0, -2.2, -1.0, -0.4, -0.001, 0.0, 0.3, 1.0, 2.7, 3.0, 6.0, 6.5, 90.0]
CASES = []


def case(activation, function, shape=(16,)):
    x = torch.tensor(POINTS, dtype=torch.float64)
    if shape != (16,):
        x = torch.round(2000 * torch.randn(shape, dtype=torch.float64)) / 1000
    x = x.reshape(shape).requires_grad_()
    value = function(x)
    cotangent = torch.round(1000 * torch.randn(value.shape, dtype=torch.float64)) / 1000
    (gradient,) = torch.autograd.grad(value, x, cotangent)
    CASES.append(
        {
            "activation": activation,
            "input": {"shape": list(shape), "float": x.flatten().tolist()},
            "cotangent": cotangent.flatten().tolist(),
            "value": value.flatten().tolist(),
            "gradient": gradient.flatten().tolist(),
        }
    )


case("Relu", F.relu)
case({"LeakyRelu": {"negative_slope": 0.2}}, lambda x: F.leaky_relu(x, 0.2))
case("Relu6", F.relu6)
# The second one is exact in single precision, in which PyTorch keeps it for the derivative of CELU.
for alpha in [1.0, 0.75]:
    case({"Elu": {"alpha": alpha}}, lambda x: F.elu(x, alpha))
    case({"Celu": {"alpha": alpha}}, lambda x: F.celu(x, alpha))
case("Selu", F.selu)
case("Gelu", F.gelu)
case("GeluTanh", lambda x: F.gelu(x, approximate="tanh"))
case("Silu", F.silu)
case("Mish", F.mish)
case("Sigmoid", torch.sigmoid)
case("LogSigmoid", F.logsigmoid)
case("Tanh", torch.tanh)
for beta in [1.0, 2.5]:
    # The threshold is put where the logarithm of the sum is the number itself in double precision.
    case({"Softplus": {"beta": beta}}, lambda x: F.softplus(x, beta, 40))
case("Softsign", F.softsign)
case({"Hardtanh": {"low": -1.0, "high": 1.0}}, F.hardtanh)
case({"Hardtanh": {"low": -3.0, "high": 2.5}}, lambda x: F.hardtanh(x, -3.0, 2.5))
# The definition: the derivative of F.hardsigmoid itself is 1/6 in single precision.
case("Hardsigmoid", lambda x: F.relu6(x + 3) / 6)
assert torch.equal(F.hardsigmoid(torch.tensor(POINTS)), F.relu6(torch.tensor(POINTS) + 3) / 6)
case("Hardswish", F.hardswish)
case("Softmax", lambda x: F.softmax(x, -1), (3, 5))
case("LogSoftmax", lambda x: F.log_softmax(x, -1), (3, 5))
case("Glu", F.glu, (2, 3, 6))
case("SwiGlu", lambda x: F.silu(x[..., :3]) * x[..., 3:], (2, 3, 6))

if __name__ == "__main__":
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in CASES)
    text = f'{{"torch":"{torch.__version__}","cases":[\n{lines}\n]}}\n'
    pathlib.Path(__file__).with_name("activations.json").write_text(text)
