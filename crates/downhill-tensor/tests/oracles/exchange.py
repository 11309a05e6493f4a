"""Writes the files of `safetensors/` and `npz/` with the libraries that others use, and reads ours with them.

    python3 exchange.py

Written with numpy 2.4.6, torch 2.15.0 and safetensors 0.8.0. The tests read `types.safetensors`, `plain.npz` and
`compressed.npz`. `ours.safetensors` and `ours.npz` were written by the ignored test `write_ours` of `exchange.rs`;
this script checks that both libraries read from them what was put in, and the tests that the same bytes are
written today.
"""

import pathlib

import numpy
import safetensors.torch
import torch

here = pathlib.Path(__file__).parent
count = torch.arange(24).reshape(2, 3, 4)

safetensors.torch.save_file(
    {
        "f16": (count / 8 - 1).to(torch.float16),
        "bf16": (count / 8 - 1).to(torch.bfloat16),
        "f32": count / 8 - 1,
        "f64": count.double() / 7,
        "i8": (count - 12).to(torch.int8),
        "i16": (count - 12).to(torch.int16),
        "i32": (count - 12).to(torch.int32),
        "i64": count - 12,
        "u8": count.to(torch.uint8),
        "bool": count % 3 == 0,
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(2, 0),
    },
    here / "safetensors/types.safetensors",
    metadata={"format": "pt"},
)
safetensors.torch.save_file({"z": torch.tensor([1 + 2j])}, here / "safetensors/complex.safetensors")

arrays = {
    "f4": (count / 8 - 1).numpy(),
    "f8_fortran": numpy.asfortranarray((count.double() / 7).numpy()),
    "i2": (count - 12).to(torch.int16).numpy(),
    "u1": count.to(torch.uint8).numpy(),
    "b1": (count % 3 == 0).numpy(),
    "scalar": numpy.array(2.5),
    "zeros": numpy.zeros((20, 50)),
}
numpy.savez(here / "npz/plain.npz", **arrays)
numpy.savez_compressed(here / "npz/compressed.npz", **arrays)

expected = {
    "0.weight": (count / 8 - 1).numpy(),
    "doubles": (count.double() / 7).numpy(),
    "labels": (count - 12).numpy(),
    "bytes": count.to(torch.uint8).numpy(),
    "truths": (count % 3 == 0).numpy(),
    "scalar": numpy.float64(2.5),
}
ours = {name: tensor.numpy() for name, tensor in safetensors.torch.load_file(here / "safetensors/ours.safetensors").items()}
for found in [ours, dict(numpy.load(here / "npz/ours.npz"))]:
    assert found.keys() == expected.keys(), found.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype and numpy.array_equal(found[name], array), name
print("both libraries read what we wrote")
