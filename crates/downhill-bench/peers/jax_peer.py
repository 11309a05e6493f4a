"""The workloads in JAX with optax, measured as downhill-bench measures them.

A step is one call of a compiled function. The data set is an array that the function is given, from which it
slices its batch; parameters and the optimizer's state are donated, so that they are updated in place.

    python jax_peer.py W1:32 W3 --threads 2
"""

import harness

given = harness.arguments(__doc__)

import jax  # noqa: E402: the number of processors has to be limited first
import numpy as np  # noqa: E402
import optax  # noqa: E402
from jax import lax, nn  # noqa: E402
from jax import numpy as jnp  # noqa: E402

EXAMPLES = harness.EXAMPLES
random = np.random.default_rng(1)


# The layers: each has parameters that start as PyTorch's do, and a function of them.

def uniform(bound, *shape):
    return jnp.asarray(random.uniform(-bound, bound, shape), jnp.float32)


def normal(deviation, *shape):
    return jnp.asarray(random.standard_normal(shape, np.float32) * np.float32(deviation))


def linear(inputs, outputs):
    bound = inputs ** -0.5
    return {"weight": uniform(bound, inputs, outputs), "bias": uniform(bound, outputs)}


def apply(p, x):
    return x @ p["weight"] + p["bias"]


def convolution(inputs, outputs):
    bound = (9 * inputs) ** -0.5
    return {"weight": uniform(bound, 3, 3, inputs, outputs), "bias": uniform(bound, outputs)}


def convolve(p, x):
    """Images are [n, height, width, channels], the order which XLA is fastest with on a CPU."""
    y = lax.conv_general_dilated(x, p["weight"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return nn.relu(y + p["bias"])


def pool(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def norm(width):
    return {"scale": jnp.ones(width), "shift": jnp.zeros(width)}


def normalize(p, x):
    x = x - x.mean(-1, keepdims=True)
    return x * lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-5) * p["scale"] + p["shift"]


def block(width):
    return {
        "attention_norm": norm(width), "projection": linear(width, 3 * width), "output": linear(width, width),
        "mlp_norm": norm(width), "mlp_in": linear(width, 4 * width), "mlp_out": linear(4 * width, width),
    }


def attend(p, x, heads):
    n, length, width = x.shape
    split = apply(p["projection"], normalize(p["attention_norm"], x)).reshape(n, length, 3, heads, width // heads)
    query, key, value = split[:, :, 0], split[:, :, 1], split[:, :, 2]
    seen = nn.dot_product_attention(query, key, value, is_causal=True)
    x = x + apply(p["output"], seen.reshape(n, length, width))
    return x + apply(p["mlp_out"], nn.gelu(apply(p["mlp_in"], normalize(p["mlp_norm"], x)), approximate=False))


def lstm(inputs, hidden):
    bound = hidden ** -0.5
    weights = {"input": uniform(bound, inputs, 4 * hidden), "hidden": uniform(bound, hidden, 4 * hidden)}
    return weights | {"bias": uniform(bound, 4 * hidden)}


def last_of_lstm(p, x):
    hidden = p["hidden"].shape[0]

    def cell(carry, gates):
        h, c = carry
        i, f, g, o = jnp.split(gates + h @ p["hidden"], 4, axis=-1)
        c = nn.sigmoid(f) * c + nn.sigmoid(i) * jnp.tanh(g)
        return (nn.sigmoid(o) * jnp.tanh(c), c), None

    gates = (x @ p["input"] + p["bias"]).swapaxes(0, 1)
    start = jnp.zeros((x.shape[0], hidden))
    return lax.scan(cell, (start, start), gates)[0][0]


# The losses, each the mean over the batch.

def cross_entropy(logits, labels):
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def binary(logits, targets):
    return optax.sigmoid_binary_cross_entropy(logits, targets).mean()


def classes(*shape, count=10):
    """Noise around a prototype for each class: hard enough to keep the loss above zero for a while."""
    labels = random.integers(0, count, EXAMPLES).astype(np.int32)
    prototypes = random.random((count, *shape), np.float32)
    return 0.8 * random.random((EXAMPLES, *shape), np.float32) + 0.2 * prototypes[labels] - 0.5, labels


def task(name):
    """The parameters, the loss as a function of them and a batch, the optimizer and the data."""
    if name == "W1":
        p = [linear(784, 128), linear(128, 10)]
        loss = lambda p, x, y: cross_entropy(apply(p[1], nn.relu(apply(p[0], x))), y)
        return p, loss, optax.sgd(0.1), classes(784)
    if name == "W1b":
        def loss(p, x, y):
            for layer in p:
                x = nn.sigmoid(apply(layer, x))
            return ((x - y) ** 2).mean()
        images, labels = classes(784)
        p = [linear(784, 16), linear(16, 16), linear(16, 10)]
        return p, loss, optax.sgd(0.1), (images, np.eye(10, dtype=np.float32)[labels])
    if name == "W2":
        def loss(p, x, y):
            x = pool(convolve(p[1], pool(convolve(p[0], x))))
            return cross_entropy(apply(p[2], x.reshape(len(x), -1)), y)
        p = [convolution(1, 16), convolution(16, 32), linear(1568, 10)]
        return p, loss, optax.adam(1e-3), classes(28, 28, 1)
    if name == "W2b":
        def loss(p, x, y):
            x = pool(convolve(p[2], pool(convolve(p[1], convolve(p[0], x)))))
            return cross_entropy(apply(p[3], x.mean((1, 2))), y)
        p = [convolution(3, 64), convolution(64, 64), convolution(64, 128), linear(128, 10)]
        return p, loss, optax.adam(1e-3), classes(32, 32, 3)
    if name == "W3":
        # The next token follows from the one before, four times out of five.
        tokens = random.integers(0, 64, (EXAMPLES, 65)).astype(np.int32)
        for place in range(1, 65):
            follows = random.random(EXAMPLES) < 0.8
            tokens[:, place] = np.where(follows, (5 * tokens[:, place - 1] + 17) % 64, tokens[:, place])

        def loss(p, x, y):
            x = p["tokens"][x] + p["positions"]
            for layer in p["blocks"]:
                x = attend(layer, x, heads=4)
            return cross_entropy(apply(p["head"], x), y)
        p = {"tokens": normal(1.0, 64, 128), "positions": normal(0.02, 64, 128),
             "blocks": [block(128), block(128)], "head": linear(128, 64)}
        return p, loss, optax.adamw(3e-4, weight_decay=1e-2), (tokens[:, :-1].copy(), tokens[:, 1:].copy())
    if name == "W4":
        x = random.random((1_000_000, 32), np.float32) * 2 - 1
        odds = 1 / (1 + np.exp(-x @ np.linspace(-2, 2, 32, dtype=np.float32)[:, None]))
        y = (random.random((1_000_000, 1)) < odds).astype(np.float32)
        # XLA fuses a product written as a sum, and is twice as fast so as with a matrix of one column.
        loss = lambda p, x, y: binary((x * p["weight"][:, 0]).sum(-1, keepdims=True) + p["bias"], y)
        return linear(32, 1), loss, optax.sgd(0.5), (x, y)
    if name == "W5":
        x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
        y = np.array([[0], [1], [1], [0]], np.float32)
        loss = lambda p, x, y: binary(apply(p[1], jnp.tanh(apply(p[0], x))), y)
        return [linear(2, 8), linear(8, 1)], loss, optax.sgd(0.1), (x, y)
    if name == "W6":
        value = lambda p, x, y: (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2
        nothing = np.zeros(1, np.float32)
        return jnp.array([-1.2, 1.0]), value, optax.adam(1e-2), (nothing, nothing)
    if name == "W7":
        loss = lambda p, x, y: binary(apply(p["linear"], p["table"][x]), y)
        return {"table": normal(1.0, 1_000_000, 64), "linear": linear(64, 1)}, loss, optax.sgd(0.1), labelled_rows()

    def loss(p, x, y):
        return cross_entropy(apply(p["head"], last_of_lstm(p["lstm"], x)), y)
    return {"lstm": lstm(32, 128), "head": linear(128, 10)}, loss, optax.adam(1e-3), classes(64, 32)


def labelled_rows():
    rows = random.integers(0, 1_000_000, EXAMPLES).astype(np.int32)
    return rows, (rows.astype(np.int64) * 7919 % 10 < 7).astype(np.float32)[:, None]


def rows_by_hand(loss_of_rows, rate):
    """W7 with the gradient of the rows seen alone, which are then subtracted from the table in place."""
    def update(p, state, x, y):
        rows = p["table"][x]
        value, (of_linear, of_rows) = jax.value_and_grad(loss_of_rows, (0, 1))(p["linear"], rows, y)
        linear = jax.tree.map(lambda p, g: p - rate * g, p["linear"], of_linear)
        return value, {"table": p["table"].at[x].add(-rate * of_rows), "linear": linear}, state
    return update


def automatic(loss, optimizer):
    def update(p, state, x, y):
        value, gradient = jax.value_and_grad(loss)(p, x, y)
        updates, state = optimizer.update(gradient, state, p)
        return value, optax.apply_updates(p, updates), state
    return update


def stepper(update, p, state, data, batch):
    """A compiled step: which batch is next is part of what is carried along."""
    last = len(data[0]) - batch + 1

    def next_batch(part, at):
        return part if len(part) == batch else lax.dynamic_slice_in_dim(part, at * batch % last, batch)

    @jax.jit
    def first():
        return jnp.int32(0)

    def body(carried, data):
        p, state, at = carried
        value, p, state = update(p, state, *(next_batch(part, at) for part in data))
        return value, (p, state, at + 1)

    body = jax.jit(body, donate_argnums=0)
    carried = (p, state, first())

    def step():
        nonlocal carried
        value, carried = body(carried, data)
        return float(value)

    return step


def prepare(name, batch):
    def make(update=None):
        p, loss, optimizer, data = task(name)
        update = update or automatic(loss, optimizer)
        return stepper(update, p, optimizer.init(p), tuple(map(jnp.asarray, data)), batch)

    parameters = sum(np.prod(part.shape, dtype=int) for part in jax.tree.leaves(jax.eval_shape(lambda: task(name)[0])))
    if name != "W7":
        return {"": (make, int(parameters))}
    by_hand = rows_by_hand(lambda p, rows, y: binary(apply(p, rows), y), 0.1)
    return {"sparse by hand": (lambda: make(by_hand), int(parameters)), "automatic": (make, int(parameters))}


harness.run(f"JAX {jax.__version__}, optax {optax.__version__}", given, prepare)
