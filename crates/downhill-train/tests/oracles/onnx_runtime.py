"""Runs the files of `onnx/` in onnxruntime, compares, and writes `onnx_verified.json`.

    python3 onnx_runtime.py

Run with onnx 1.23.2, onnxruntime 1.32.0 and numpy 2.4.6. The files and `onnx.json` (inputs and the outputs that we
compute) were written by the ignored test `write_files` of `onnx.rs`. Each file must pass ONNX's own full check, and
onnxruntime must reproduce our outputs to 1e-5, for all examples at once and, where the batch is free, for each
alone. The tests compare what is written today with the files whose checksums stand in `onnx_verified.json`.
"""

import json
import pathlib
import zlib

import numpy
import onnx
import onnxruntime

here = pathlib.Path(__file__).parent
TYPES = {"float32": numpy.float32, "int64": numpy.int64, "uint8": numpy.uint8}

verified, operators = {}, set()
for name, case in json.loads((here / "onnx.json").read_text())["cases"].items():
    data = (here / f"onnx/{name}.onnx").read_bytes()
    model = onnx.load_from_string(data)
    onnx.checker.check_model(model, full_check=True)
    operators |= {node.op_type for node in model.graph.node}
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    x = numpy.array(case["input"], dtype=TYPES[case["type"]]).reshape(case["shape"])
    expected = numpy.array(case["output"]).reshape(case["shape"][0], -1)

    def run(x):
        (output,) = session.run([case["name"]], {"input": x})
        return output.reshape(len(x), -1)

    results = [run(x[i : i + 1]) for i in range(len(x))] if len(x) > 1 and case["free"] else []
    results = [numpy.concatenate(results)] if results else []
    results.append(run(x))
    difference = max(numpy.max(numpy.abs(y - expected) / numpy.maximum(1, numpy.abs(expected))) for y in results)
    assert numpy.isfinite(expected).all() and difference <= 1e-5, (name, difference)
    verified[name] = {"crc32": zlib.crc32(data), "largest_difference": float(difference)}
    print(f"{name}: {difference:.1e}")

print(len(operators), "operators:", ", ".join(sorted(operators)))
file = {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__, "files": verified}
(here / "onnx_verified.json").write_text(json.dumps(file, indent=1) + "\n")
