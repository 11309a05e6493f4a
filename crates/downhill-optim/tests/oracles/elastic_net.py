"""Writes elastic_net.json: coefficients of lasso and elastic net, for the tests of this crate to agree with.

    python3 elastic_net.py

Written with scikit-learn 1.9.1 and numpy 2.4.6, in double precision, with a tolerance of 1e-14 in place of the default
1e-4, so that the coefficients are right to more than nine digits. The inputs and targets are sines that the test makes
as well. The tests read the file without Python.
"""

import json
import pathlib

import numpy as np
from sklearn.linear_model import ElasticNet


def wave(count, frequency, size):
    return size * np.sin(frequency * np.arange(1, count + 1))


def problem(examples, columns):
    """Columns two of which hang together, and targets of a few of them."""
    index = np.arange(1, examples * columns + 1)
    inputs = np.sin(0.7 * index * index).reshape(examples, columns)
    inputs[:, 1] += 0.8 * inputs[:, 0] + 0.5
    targets = 2.0 * inputs[:, 0] - 1.5 * inputs[:, 2] + wave(examples, 2.3, 0.4) + 3.0
    return inputs, targets


CASES = [
    (examples, columns, alpha, l1_ratio, weighted, intercept, positive)
    for examples, columns in [(40, 6), (12, 20)]
    for alpha, l1_ratio in [(0.05, 1.0), (0.3, 0.5), (0.01, 0.9)]
    for weighted, intercept, positive in [
        (False, True, False),
        (False, False, False),
        (True, True, False),
        (True, True, True),
    ]
]


def main():
    rows = []
    for examples, columns, alpha, l1_ratio, weighted, intercept, positive in CASES:
        inputs, targets = problem(examples, columns)
        weights = 1.0 + wave(examples, 0.9, 0.9) if weighted else None
        model = ElasticNet(
            alpha=alpha, l1_ratio=l1_ratio, fit_intercept=intercept, positive=positive, tol=1e-14, max_iter=1_000_000
        )
        model.fit(inputs, targets, sample_weight=weights)
        rows.append({
            "examples": examples,
            "columns": columns,
            "alpha": alpha,
            "l1_ratio": l1_ratio,
            "weighted": weighted,
            "intercept": intercept,
            "nonnegative": positive,
            "coefficients": model.coef_.tolist(),
            "constant": float(model.intercept_),
        })
    text = ",\n".join(json.dumps(row) for row in rows)
    pathlib.Path(__file__).with_suffix(".json").write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
    main()
