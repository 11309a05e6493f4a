"""Writes minimize.json: how many evaluations SciPy's L-BFGS-B needs from many starts, and where it ends.

    python3 minimize.py

Written with scipy 1.17.1, jax 0.10.2 and numpy 2.4.6 on a CPU, in double precision. The formulas and their gradients are
those of test_functions.py beside this file. It stops at a gradient whose largest number is at most 1e-5, never for a small
decrease. The tests read the file without Python.
"""

import json
import pathlib

import jax
import numpy as np
import scipy.optimize
import test_functions

GRADIENT_TOLERANCE = 1e-5
RANDOM_STARTS = 2
# Not differentiable.
LEFT_OUT = ["bukin_6"]
# The starts of the literature (MGH).
STANDARD = {
    "rosenbrock": [-1.2, 1],
    "cube": [-1.2, 1],
    "beale": [1, 1],
    "freudenstein_roth": [0.5, -2],
    "helical_valley": [-1, 0, 0],
    "wood": [-3, -1, -3, -1],
    "powell_singular": [3, -1, 0, 1],
    "powell_badly_scaled": [0, 1],
    "brown_badly_scaled": [1, 1],
    "jennrich_sampson": [0.3, 0.4],
    "bard": [1, 1, 1],
    "box": [0, 10, 20],
    "kowalik_osborne": [0.25, 0.39, 0.415, 0.39],
    "brown_dennis": [25, 5, -5, -1],
}


def case(name, objective, start, bounds):
    calls = 0

    def counted(x):
        nonlocal calls
        calls += 1
        value, gradient = objective(x)
        return float(value), np.asarray(gradient)

    limits = {"gtol": GRADIENT_TOLERANCE, "ftol": 0.0, "maxiter": 2000, "maxfun": 5000, "maxcor": 10}
    with np.errstate(all="ignore"):
        result = scipy.optimize.minimize(counted, start, jac=True, method="L-BFGS-B", bounds=bounds, options=limits)
    x = np.asarray(result.x)
    _, gradient = objective(x)
    projected = np.asarray(gradient)
    if bounds is not None:
        low, high = np.array(bounds).T
        projected = x - np.clip(x - projected, low, high)
    row = {
        "function": name,
        "start": [float(v) for v in start],
        "evaluations": calls,
        "value": float(result.fun),
        "converged": bool(np.max(np.abs(projected)) <= GRADIENT_TOLERANCE),
    }
    if bounds is not None:
        row["bounds"] = [[float(a), float(b)] for a, b in bounds]
    return row, x


def main():
    rng = np.random.default_rng(20)
    rows = []
    for function, (low, high), dimensions in test_functions.CASES:
        name = function.__name__
        if name in LEFT_OUT:
            continue
        objective = jax.jit(jax.value_and_grad(function))
        for dimension in [2, 10] if max(dimensions) > 4 else dimensions:
            starts = [np.round(rng.uniform(low, high, dimension), 3) for _ in range(RANDOM_STARTS)]
            if name in STANDARD:
                starts.insert(0, np.resize(np.array(STANDARD[name], float), dimension))
            for start in starts:
                row, x = case(name, objective, start, None)
                rows.append(row)
                # The same within bounds, of which some hold: each second variable may not come as far.
                upper = np.full(dimension, float(high))
                upper[::2] = np.minimum(high, np.round(x[::2] - 0.05 * (high - low), 3))
                if np.all(upper > low):
                    bounds = [(float(low), float(end)) for end in upper]
                    rows.append(case(name, objective, np.clip(start, low, upper), bounds)[0])
    text = ",\n".join(json.dumps(row) for row in rows)
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(f"[\n{text}\n]\n")
    free = [row for row in rows if "bounds" not in row]
    print(len(free), "free", len(rows) - len(free), "bounded")
    print(sum(row["evaluations"] for row in free if row["converged"]), "evaluations")


if __name__ == "__main__":
    main()
