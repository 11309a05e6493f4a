"""Writes transforms.json: derivatives of a small tanh network and of its losses, by JAX.

    python3 transforms.py

Written with jax 0.10.2 and numpy 2.4.6 on a CPU, in double precision; seeds are fixed. The tests read the file without
Python. The network has one flat vector of parameters: W1 [3, 4], b1 [4], W2 [4, 2], b2 [2], each in row-major order.
"""

import json
import pathlib

import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
import numpy as np

rng = np.random.default_rng(7)
N = 5
theta = jnp.asarray(np.round(rng.normal(size=26) * 0.7 * 256) / 256)
xs = jnp.asarray(np.round(rng.normal(size=(N, 3)) * 256) / 256)
ys = jnp.asarray(np.round(rng.normal(size=(N, 2)) * 256) / 256)
classes = jnp.asarray(rng.integers(0, 2, size=N))
vectors = jnp.asarray(np.round(rng.normal(size=(3, 26)) * 256) / 256)


def network(theta, x):
    w1, b1 = theta[:12].reshape(3, 4), theta[12:16]
    w2, b2 = theta[16:24].reshape(4, 2), theta[24:]
    return jnp.tanh(x @ w1 + b1) @ w2 + b2


def squares(outputs, ys):
    return jnp.mean((outputs - ys) ** 2)


def cross_entropy(outputs, classes):
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(outputs), classes[:, None], 1))


def losses(name):
    return {"squares": (squares, ys), "cross_entropy": (cross_entropy, classes)}[name]


def numbers(x):
    return [float(v) for v in np.asarray(x).reshape(-1)]


def gauss_newton(loss, target, v):
    outputs, moved = jax.jvp(lambda t: network(t, xs), (theta,), (v,))
    bent = jax.jvp(jax.grad(lambda o: loss(o, target)), (outputs,), (moved,))[1]
    return jax.vjp(lambda t: network(t, xs), theta)[1](bent)[0]


result = {
    "theta": numbers(theta),
    "xs": numbers(xs),
    "ys": numbers(ys),
    "classes": [int(c) for c in classes],
    "vectors": numbers(vectors),
    "outputs": numbers(network(theta, xs)),
    "jacobian": numbers(jax.jacrev(lambda t: network(t, xs))(theta)),
    "input_jacobian": numbers(jax.jacfwd(lambda x: network(theta, x))(xs[0])),
}
for name in ["squares", "cross_entropy"]:
    loss, target = losses(name)
    whole = lambda t: loss(network(t, xs), target)
    result[name] = {
        "value": float(whole(theta)),
        "gradient": numbers(jax.grad(whole)(theta)),
        "hessian": numbers(jax.hessian(whole)(theta)),
        "hvps": numbers(jnp.stack([jax.jvp(jax.grad(whole), (theta,), (v,))[1] for v in vectors])),
        "gauss_newton": numbers(jnp.stack([gauss_newton(loss, target, v) for v in vectors])),
        "per_example": numbers(
            jax.vmap(jax.grad(lambda t, x, y: loss(network(t, x[None]), y[None])), (None, 0, 0))(theta, xs, target)
        ),
    }

path = pathlib.Path(__file__).with_name("transforms.json")
path.write_text(json.dumps(result, separators=(",", ":")) + "\n")
print(f"{path.stat().st_size // 1024} KiB")
