"""Writes a logistic regression of 1,000,000 rows and 32 columns, and says how long scikit-learn 1.9.1 takes for it.

    python crates/downhill-train/tests/oracles/regression_speed.py DIRECTORY

The example regression_speed of this crate measures the same data.
"""

import sys
import time
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

directory = Path(sys.argv[1])
directory.mkdir(parents=True, exist_ok=True)
random = np.random.default_rng(0)
n, p = 1_000_000, 32
x = random.normal(size=(n, p))
x[:, 1:] += 0.5 * x[:, :-1]
y = (x @ random.normal(size=p) / 3.0 + random.logistic(size=n) > 0.5).astype(np.int64)
np.save(directory / "x.npy", x)
np.save(directory / "y.npy", y)

for solver, tol in [("lbfgs", 1e-4), ("lbfgs", 1e-6), ("newton-cholesky", 1e-6)]:
    begin = time.perf_counter()
    fit = LogisticRegression(C=1.0, solver=solver, tol=tol, max_iter=1000).fit(x, y)
    seconds = time.perf_counter() - begin
    eta = x @ fit.coef_[0] + fit.intercept_[0]
    objective = np.logaddexp(0.0, np.where(y == 1, -eta, eta)).mean() + 0.5 / n * (fit.coef_**2).sum()
    print(f"{solver}, tol {tol}: {seconds:.2f} s, {fit.n_iter_[0]} steps; f = {objective:.15f}", flush=True)
