"""Writes regression.json: what scikit-learn, SciPy and closed forms in NumPy find where the Rust crate fits regressions.

Run with Python 3 and scikit-learn 1.9.1, scipy 1.17.1, numpy 2.4.6:

    python crates/downhill-train/tests/oracles/regression.py

Objectives here are sums or means as each library has them; `alpha` in `model` is what the Rust models call so: the
strength beside a mean loss. Data sets are read from the files that downhill-data embeds.
"""

import json
from pathlib import Path

import numpy as np
from scipy.optimize import root
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import (
    ElasticNet,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
)
import warnings

# Tolerances far below what double precision can reach make the solvers go on until nothing moves, and complain.
warnings.simplefilter("ignore", ConvergenceWarning)

HERE = Path(__file__).parent
DATA = HERE.parents[2] / "downhill-data" / "data"
TINY = 1e-13


def embedded(name):
    lines = (DATA / f"{name}.csv").read_text().split("\n")[1:]
    cells = [line.split(",") for line in lines if line]
    names = sorted({row[-1] for row in cells})
    rows = np.array([[float(cell) for cell in row[:-1]] for row in cells])
    return rows, np.array([names.index(row[-1]) for row in cells])


def made():
    random = np.random.default_rng(7)
    n, p = 90, 6
    x = random.normal(size=(n, p))
    x[:, 2] = 0.7 * x[:, 1] + 0.5 * x[:, 2]
    x[:, 3] = 40.0 + 12.0 * x[:, 3]
    x[:, 4] *= 0.05
    x[:, 5] = (x[:, 5] > 0.3).astype(float)
    x = np.round(x, 4)
    z = (x - x.mean(0)) / x.std(0)
    signal = z @ np.array([1.5, -2.0, 0.0, 0.8, 0.4, 0.0])
    numbers = np.round(152.0 + 30.0 * signal + 25.0 * random.normal(size=n), 2)
    outliers = numbers.copy()
    outliers[::11] += 400.0
    counts = random.poisson(np.exp(0.7 + 0.3 * signal)).astype(float)
    binary = (signal + 1.5 * random.normal(size=n) > 0.0).astype(float)
    three = np.digitize(signal + 1.5 * random.normal(size=n), [-1.5, 1.5]).astype(float)
    weights = np.round(random.uniform(0.0, 3.0, size=n), 2)
    weights[5] = 0.0
    return {"rows": x, "numbers": numbers, "outliers": outliers, "counts": counts, "binary": binary,
            "three": three, "weights": weights}


CASES = []


def case(name, data, target, model, coefficients, intercepts, weights=False, **more):
    CASES.append({
        "name": name, "data": data, "target": target, "weighted": weights, "model": model,
        "coefficients": np.ravel(coefficients).tolist(), "intercepts": np.ravel(intercepts).tolist(),
        **{key: np.asarray(value).tolist() for key, value in more.items()},
    })


def options(**kwargs):
    return {"tolerance": 1e-13, **kwargs}


def with_ones(x):
    return np.column_stack([x, np.ones(len(x))])


def ols_errors(x, y, w, intercept=True):
    design = with_ones(x) if intercept else x
    product = design.T @ (w[:, None] * design)
    solution = np.linalg.solve(product, design.T @ (w * y))
    rest = y - design @ solution
    variance = (w * rest**2).sum() / ((w > 0).sum() - design.shape[1])
    return np.sqrt(variance * np.diag(np.linalg.inv(product)))


def information_errors(x, w, variance):
    design = with_ones(x)
    return np.sqrt(np.diag(np.linalg.inv(design.T @ ((w * variance)[:, None] * design))))


def scaled(x, w):
    mean = (w[:, None] * x).sum(0) / w.sum()
    deviation = np.sqrt((w[:, None] * (x - mean) ** 2).sum(0) / w.sum())
    return (x - mean) / deviation, mean, deviation


def back(coefficients, intercepts, mean, deviation):
    coefficients = np.atleast_2d(coefficients) / deviation
    return coefficients, np.ravel(intercepts) - coefficients @ mean


def linear(name, data, target, x, y, w=None):
    n = len(y)
    ones = np.ones(n) if w is None else w
    total, weighted = ones.sum(), w is not None
    z, mean, deviation = scaled(x, ones)

    fit = LinearRegression().fit(x, y, sample_weight=w)
    case(f"{name}: ols", data, target, {"model": "ols", "options": options()}, fit.coef_, fit.intercept_, weighted,
         standard_errors=ols_errors(x, y, ones), r_squared=fit.score(x, y, w))
    fit = LinearRegression(fit_intercept=False).fit(x, y, sample_weight=w)
    case(f"{name}: ols without intercept", data, target,
         {"model": "ols", "options": options(intercept=False)}, fit.coef_, 0.0, weighted,
         standard_errors=ols_errors(x, y, ones, False))
    for alpha in [0.01, 3.0]:
        fit = Ridge(alpha=alpha * total, solver="cholesky").fit(x, y, sample_weight=w)
        case(f"{name}: ridge {alpha}", data, target, {"model": "ridge", "alpha": alpha, "options": options()},
             fit.coef_, fit.intercept_, weighted)
        fit = Ridge(alpha=alpha * total, solver="cholesky").fit(z, y, sample_weight=w)
        case(f"{name}: ridge {alpha}, standardized", data, target,
             {"model": "ridge", "alpha": alpha, "options": options(standardize=True)},
             *back(fit.coef_, fit.intercept_, mean, deviation), weighted)
    fit = Ridge(alpha=0.5 * total, fit_intercept=False, solver="cholesky").fit(x, y, sample_weight=w)
    case(f"{name}: ridge without intercept", data, target,
         {"model": "ridge", "alpha": 0.5, "options": options(intercept=False)}, fit.coef_, 0.0, weighted)
    for alpha in [0.05, 6.0]:
        fit = Lasso(alpha=alpha, tol=TINY, max_iter=1_000_000).fit(x, y, sample_weight=w)
        case(f"{name}: lasso {alpha}", data, target, {"model": "lasso", "alpha": alpha, "options": options()},
             fit.coef_, fit.intercept_, weighted)
    fit = Lasso(alpha=6.0, tol=TINY, max_iter=1_000_000).fit(z, y, sample_weight=w)
    case(f"{name}: lasso, standardized", data, target,
         {"model": "lasso", "alpha": 6.0, "options": options(standardize=True)},
         *back(fit.coef_, fit.intercept_, mean, deviation), weighted)
    for ratio in [0.2, 0.9]:
        fit = ElasticNet(alpha=0.7, l1_ratio=ratio, tol=TINY, max_iter=1_000_000).fit(x, y, sample_weight=w)
        case(f"{name}: elastic net {ratio}", data, target,
             {"model": "elastic-net", "alpha": 0.7, "l1_ratio": ratio, "options": options()},
             fit.coef_, fit.intercept_, weighted)


def logistic(name, data, target, x, y, w=None, alphas=(0.003, 0.5), standardize=False):
    ones = np.ones(len(y)) if w is None else w
    z, mean, deviation = scaled(x, ones) if standardize else (x, 0.0 * x[0], 0.0 * x[0] + 1.0)
    for alpha in alphas:
        c = np.inf if alpha == 0.0 else 1.0 / (alpha * ones.sum())
        solver = "newton-cholesky" if alpha > 0.0 or len(set(y)) == 2 else "lbfgs"
        fit = LogisticRegression(C=c, solver=solver, tol=TINY, max_iter=100_000).fit(z, y, sample_weight=w)
        more = {"probabilities": fit.predict_proba(z[:4])}
        if alpha == 0.0 and len(set(y)) == 2:
            p = fit.predict_proba(x)[:, 1]
            more["standard_errors"] = information_errors(x, ones, p * (1.0 - p))
        case(f"{name}: logistic {alpha}", data, target,
             {"model": "logistic", "alpha": alpha, "options": options(standardize=standardize)},
             *back(fit.coef_, fit.intercept_, mean, deviation), w is not None, **more)


def poisson(name, data, target, x, y, w=None):
    ones = np.ones(len(y)) if w is None else w
    for alpha in [0.0, 0.1]:
        fit = PoissonRegressor(alpha=alpha, solver="newton-cholesky", tol=TINY, max_iter=10_000)
        fit.fit(x, y, sample_weight=w)
        more = {}
        if alpha == 0.0:
            more["standard_errors"] = information_errors(x, ones, fit.predict(x))
        case(f"{name}: poisson {alpha}", data, target, {"model": "poisson", "alpha": alpha, "options": options()},
             fit.coef_, fit.intercept_, w is not None, explained=fit.score(x, y, w), **more)


def huber_slopes(point, x, y, w, epsilon, alpha, scale=None):
    """The gradient of the mean objective of the documentation."""
    coefficients, intercept = point[: x.shape[1]], point[x.shape[1]]
    sigma = point[-1] if scale is None else scale
    z = (y - x @ coefficients - intercept) / sigma
    small = np.abs(z) < epsilon
    slope = -np.where(small, z, epsilon * np.sign(z)) * (1.0 if scale is None else sigma)
    share = w / w.sum()
    slopes = [x.T @ (share * slope) + alpha * coefficients, [share @ slope]]
    if scale is None:
        slopes.append([share @ np.where(small, 0.5 * (1.0 - z**2), 0.5 * (1.0 - epsilon**2))])
    return np.concatenate(slopes)


def huber(name, data, target, x, y, w=None):
    ones = np.ones(len(y)) if w is None else w
    total = ones.sum()
    z, mean, deviation = scaled(x, ones)
    for alpha, epsilon in [(0.0, 1.35), (0.02, 1.35), (0.02, 2.0)]:
        # In scaled columns, where its solver comes nearer to the minimum.
        fit = HuberRegressor(alpha=alpha * total, epsilon=epsilon, tol=1e-10, max_iter=100_000)
        fit.fit(z, y, sample_weight=w)
        begin = np.concatenate([fit.coef_, [fit.intercept_, fit.scale_]])
        exact = root(huber_slopes, begin, args=(z, y, ones, epsilon, alpha), tol=1e-15)
        assert np.abs(exact.fun).max() < 1e-10, exact
        assert np.abs(exact.x - begin).max() < 1e-3 * np.abs(begin).max(), "another minimum than scikit-learn's"
        model = {"model": "huber", "alpha": alpha, "epsilon": epsilon, "options": options(standardize=True)}
        case(f"{name}: huber {alpha} {epsilon}", data, target, model,
             *back(exact.x[:-2], exact.x[-2], mean, deviation), w is not None, scale=exact.x[-1])
    exact = root(huber_slopes, begin[:-1], args=(z, y, ones, 1.35, 0.02, 20.0), tol=1e-15)
    assert np.abs(exact.fun).max() < 1e-10
    case(f"{name}: huber of fixed scale", data, target,
         {"model": "huber", "alpha": 0.02, "epsilon": 1.35, "scale": 20.0, "options": options(standardize=True)},
         *back(exact.x[:-1], exact.x[-1], mean, deviation), w is not None)


data = made()
x, w = data["rows"], data["weights"]
for weights, of in [(None, "made"), (w, "made, weighted")]:
    linear(of, "made", "numbers", x, data["numbers"], weights)
    logistic(of, "made", "binary", x, data["binary"], weights, (0.0, 0.003, 0.5))
    logistic(of, "made", "three", x, data["three"], weights)
    poisson(of, "made", "counts", x, data["counts"], weights)
    huber(of, "made", "outliers", x, data["outliers"], weights)
for name in ["breast_cancer", "wine", "iris"]:
    rows, labels = embedded(name)
    logistic(name, name, "class", rows, labels.astype(float), None, (0.01,), True)
rows, labels = embedded("iris")
logistic("iris as it is", "iris", "class", rows, labels.astype(float), None, (0.002,))
rows, labels = embedded("wine")
linear("wine", "wine", "last", rows[:, :-1], rows[:, -1])

written = {"data": {key: np.ravel(value).tolist() for key, value in data.items()}, "cases": CASES}
(HERE / "regression.json").write_text(json.dumps(written, separators=(",", ":")) + "\n")
print(f"{len(CASES)} cases")
