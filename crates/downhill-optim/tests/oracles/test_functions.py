"""Writes test_functions.json: values and gradients of the test functions at fixed points.

    python3 test_functions.py

Written with jax 0.10.2 and numpy 2.4.6 on a CPU, in double precision. The formulas stand here as the literature writes
them, nothing is simplified, and the gradients are those of automatic differentiation. The tests read the file without
Python.
"""

import json
import pathlib

import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
import numpy as np

PI = np.pi


def count(x):
    return jnp.arange(1, len(x) + 1)


def sphere(x):
    return jnp.sum(x**2)


def sum_of_squares(x):
    return jnp.sum(count(x) * x**2)


def rotated_hyper_ellipsoid(x):
    return sum(jnp.sum(x[: i + 1] ** 2) for i in range(len(x)))


def quartic(x):
    return jnp.sum(x**4)


def exponential(x):
    return -jnp.exp(-0.5 * jnp.sum(x**2))


def qing(x):
    return jnp.sum((x**2 - count(x)) ** 2)


def zakharov(x):
    s = jnp.sum(0.5 * count(x) * x)
    return jnp.sum(x**2) + s**2 + s**4


def trid(x):
    return jnp.sum((x - 1) ** 2) - jnp.sum(x[1:] * x[:-1])


def variably_dimensioned(x):
    s = jnp.sum(count(x) * (x - 1))
    return jnp.sum((x - 1) ** 2) + s**2 + s**4


def rosenbrock(x):
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def dixon_price(x):
    return (x[0] - 1) ** 2 + jnp.sum(count(x)[1:] * (2 * x[1:] ** 2 - x[:-1]) ** 2)


def ackley(x):
    n = len(x)
    first = -20 * jnp.exp(-0.2 * jnp.sqrt(jnp.sum(x**2) / n))
    return first - jnp.exp(jnp.sum(jnp.cos(2 * PI * x)) / n) + 20 + np.e


def rastrigin(x):
    return 10 * len(x) + jnp.sum(x**2 - 10 * jnp.cos(2 * PI * x))


def griewank(x):
    return jnp.sum(x**2) / 4000 - jnp.prod(jnp.cos(x / jnp.sqrt(count(x)))) + 1


def levy(x):
    w = 1 + (x - 1) / 4
    middle = jnp.sum((w[:-1] - 1) ** 2 * (1 + 10 * jnp.sin(PI * w[:-1] + 1) ** 2))
    return jnp.sin(PI * w[0]) ** 2 + middle + (w[-1] - 1) ** 2 * (1 + jnp.sin(2 * PI * w[-1]) ** 2)


def styblinski_tang(x):
    return 0.5 * jnp.sum(x**4 - 16 * x**2 + 5 * x)


def schwefel(x):
    return 418.98288727243369 * len(x) - jnp.sum(x * jnp.sin(jnp.sqrt(jnp.abs(x))))


def michalewicz(x):
    return -jnp.sum(jnp.sin(x) * jnp.sin(count(x) * x**2 / PI) ** 20)


def booth(x):
    return (x[0] + 2 * x[1] - 7) ** 2 + (2 * x[0] + x[1] - 5) ** 2


def matyas(x):
    return 0.26 * (x[0] ** 2 + x[1] ** 2) - 0.48 * x[0] * x[1]


def beale(x):
    a, b = x
    return (1.5 - a * (1 - b)) ** 2 + (2.25 - a * (1 - b**2)) ** 2 + (2.625 - a * (1 - b**3)) ** 2


def himmelblau(x):
    return (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2


def goldstein_price(x):
    a, b = x
    first = 1 + (a + b + 1) ** 2 * (19 - 14 * a + 3 * a**2 - 14 * b + 6 * a * b + 3 * b**2)
    second = 30 + (2 * a - 3 * b) ** 2 * (18 - 32 * a + 12 * a**2 + 48 * b - 36 * a * b + 27 * b**2)
    return first * second


def mccormick(x):
    return jnp.sin(x[0] + x[1]) + (x[0] - x[1]) ** 2 - 1.5 * x[0] + 2.5 * x[1] + 1


def three_hump_camel(x):
    a, b = x
    return 2 * a**2 - 1.05 * a**4 + a**6 / 6 + a * b + b**2


def six_hump_camel(x):
    a, b = x
    return (4 - 2.1 * a**2 + a**4 / 3) * a**2 + a * b + (-4 + 4 * b**2) * b**2


def easom(x):
    return -jnp.cos(x[0]) * jnp.cos(x[1]) * jnp.exp(-((x[0] - PI) ** 2) - (x[1] - PI) ** 2)


def branin(x):
    b, c, t = 5.1 / (4 * PI**2), 5 / PI, 1 / (8 * PI)
    return (x[1] - b * x[0] ** 2 + c * x[0] - 6) ** 2 + 10 * (1 - t) * jnp.cos(x[0]) + 10


def bohachevsky(x):
    return x[0] ** 2 + 2 * x[1] ** 2 - 0.3 * jnp.cos(3 * PI * x[0]) - 0.4 * jnp.cos(4 * PI * x[1]) + 0.7


def drop_wave(x):
    r = jnp.sqrt(x[0] ** 2 + x[1] ** 2)
    return -(1 + jnp.cos(12 * r)) / (0.5 * r**2 + 2)


def schaffer_2(x):
    a, b = x[0] ** 2, x[1] ** 2
    return 0.5 + (jnp.sin(a - b) ** 2 - 0.5) / (1 + 0.001 * (a + b)) ** 2


def bukin_6(x):
    return 100 * jnp.sqrt(jnp.abs(x[1] - 0.01 * x[0] ** 2)) + 0.01 * jnp.abs(x[0] + 10)


def monkey_saddle(x):
    return x[0] ** 3 - 3 * x[0] * x[1] ** 2


def cube(x):
    return 100 * (x[1] - x[0] ** 3) ** 2 + (1 - x[0]) ** 2


def freudenstein_roth(x):
    a, b = x
    return (-13 + a + ((5 - b) * b - 2) * b) ** 2 + (-29 + a + ((b + 1) * b - 14) * b) ** 2


def powell_badly_scaled(x):
    return (1e4 * x[0] * x[1] - 1) ** 2 + (jnp.exp(-x[0]) + jnp.exp(-x[1]) - 1.0001) ** 2


def brown_badly_scaled(x):
    return (x[0] - 1e6) ** 2 + (x[1] - 2e-6) ** 2 + (x[0] * x[1] - 2) ** 2


def helical_valley(x):
    theta = jnp.arctan(x[1] / x[0]) / (2 * PI) + jnp.where(x[0] < 0, 0.5, 0.0)
    return (10 * (x[2] - 10 * theta)) ** 2 + (10 * (jnp.sqrt(x[0] ** 2 + x[1] ** 2) - 1)) ** 2 + x[2] ** 2


def powell_singular(x):
    a, b, c, d = x
    return (a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4


def wood(x):
    a, b, c, d = x
    first = 100 * (b - a**2) ** 2 + (1 - a) ** 2 + 90 * (d - c**2) ** 2 + (1 - c) ** 2
    return first + 10 * (b + d - 2) ** 2 + (b - d) ** 2 / 10


def jennrich_sampson(x):
    return sum((2 + 2 * i - (jnp.exp(i * x[0]) + jnp.exp(i * x[1]))) ** 2 for i in range(1, 11))


BARD = [0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39]


def bard(x):
    total = 0
    for i, y in enumerate(BARD, 1):
        v = 16 - i
        total += (y - (x[0] + i / (v * x[1] + min(i, v) * x[2]))) ** 2
    return total


def box(x):
    total = 0
    for i in range(1, 11):
        t = 0.1 * i
        total += (jnp.exp(-t * x[0]) - jnp.exp(-t * x[1]) - x[2] * (jnp.exp(-t) - jnp.exp(-10 * t))) ** 2
    return total


KOWALIK_Y = [0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246]
KOWALIK_U = [4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625]


def kowalik_osborne(x):
    total = 0
    for y, u in zip(KOWALIK_Y, KOWALIK_U):
        total += (y - x[0] * (u**2 + u * x[1]) / (u**2 + u * x[2] + x[3])) ** 2
    return total


def brown_dennis(x):
    total = 0
    for i in range(1, 21):
        t = i / 5
        total += ((x[0] + t * x[1] - np.exp(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2) ** 2
    return total


A3 = np.array([[3.0, 10, 30], [0.1, 10, 35], [3.0, 10, 30], [0.1, 10, 35]])
P3 = 1e-4 * np.array([[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]])
ALPHA = np.array([1.0, 1.2, 3.0, 3.2])


def hartmann_3(x):
    return -jnp.sum(ALPHA * jnp.exp(-jnp.sum(A3 * (x - P3) ** 2, axis=1)))


# Where each is evaluated: the box that its points are drawn from, for each dimension.
CASES = [
    (sphere, (-5.12, 5.12), [1, 2, 5]),
    (sum_of_squares, (-10, 10), [1, 2, 5]),
    (rotated_hyper_ellipsoid, (-65, 65), [1, 2, 5]),
    (quartic, (-1.28, 1.28), [1, 2, 5]),
    (exponential, (-1, 1), [1, 2, 5]),
    (qing, (-500, 500), [1, 2, 5]),
    (zakharov, (-5, 10), [1, 2, 5]),
    (trid, (-4, 4), [2, 5]),
    (variably_dimensioned, (-2, 2), [1, 2, 5]),
    (rosenbrock, (-5, 10), [2, 3, 5]),
    (dixon_price, (-10, 10), [1, 2, 5]),
    (ackley, (-32, 32), [1, 2, 5]),
    (rastrigin, (-5.12, 5.12), [1, 2, 5]),
    (griewank, (-60, 60), [1, 2, 5]),
    (levy, (-10, 10), [1, 2, 5]),
    (styblinski_tang, (-5, 5), [1, 2, 5]),
    (schwefel, (-500, 500), [1, 2, 5]),
    (michalewicz, (0, PI), [1, 2, 5, 10]),
    (booth, (-10, 10), [2]),
    (matyas, (-10, 10), [2]),
    (beale, (-4.5, 4.5), [2]),
    (himmelblau, (-5, 5), [2]),
    (goldstein_price, (-2, 2), [2]),
    (mccormick, (-3, 4), [2]),
    (three_hump_camel, (-5, 5), [2]),
    (six_hump_camel, (-2, 2), [2]),
    (easom, (1, 5), [2]),
    (branin, (-5, 15), [2]),
    (bohachevsky, (-100, 100), [2]),
    (drop_wave, (-5.12, 5.12), [2]),
    (schaffer_2, (-10, 10), [2]),
    (bukin_6, (-15, 3), [2]),
    (monkey_saddle, (-2, 2), [2]),
    (cube, (-10, 10), [2]),
    (freudenstein_roth, (-10, 10), [2]),
    (powell_badly_scaled, (-1, 10), [2]),
    (brown_badly_scaled, (-10, 10), [2]),
    (helical_valley, (-10, 10), [3]),
    (powell_singular, (-4, 5), [4]),
    (wood, (-10, 10), [4]),
    (jennrich_sampson, (-1, 1), [2]),
    (bard, (0.25, 3), [3]),
    (box, (0, 10), [3]),
    (kowalik_osborne, (0, 5), [4]),
    (brown_dennis, (-25, 25), [4]),
    (hartmann_3, (0, 1), [3]),
]


def main():
    random = np.random.default_rng(7)
    rows = []
    for function, (low, high), dimensions in CASES:
        both = jax.value_and_grad(function)
        for dimension in dimensions:
            for _ in range(3):
                x = np.round(random.uniform(low, high, dimension), 3)
                value, gradient = both(jnp.asarray(x))
                row = {"function": function.__name__, "point": x.tolist(), "value": float(value)}
                rows.append(row | {"gradient": gradient.tolist()})
    text = ",\n".join(json.dumps(row) for row in rows)
    pathlib.Path(__file__).with_suffix(".json").write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
    main()
