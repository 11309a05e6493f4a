"""Writes optimizers.json: where PyTorch, optax and the papers' formulas go, for the tests of this crate to agree with.

    python3 optimizers.py

Written with torch 2.15.0, optax 0.2.8, jax 0.10.2 and numpy 2.4.6 on a CPU, in double precision; nothing here is
random. The tests read the file without Python.

Each optimizer walks 100 steps on two problems: Rosenbrock's function from (-1.2, 1), and a network of two inputs, four
tanh units and two outputs on six examples. Here automatic differentiation finds the gradient of the network, in the
test a formula does. A case is the configuration of an optimizer of this crate, the points reached, and the state at the
end. `by` says who walked: `torch`; `optax`; or `numpy`, which is a transcription of the paper (below, in `Adan` and the
`ScheduleFree` classes), used where neither library has the optimizer or has it in another form.

PyTorch's Muon makes its matrices orthogonal in bfloat16. To compare more than three digits, its own code runs here
with that type replaced by float64.
"""

import itertools
import json
import math
import pathlib
import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib
import torch

jax.config.update("jax_enable_x64", True)
torch.set_default_dtype(torch.float64)  # PyTorch keeps scalars of state in the default type.

STEPS = 100


# The problems: the parameters at the start, and the loss.


def rosenbrock_start():
    return [np.array([-1.2, 1.0])]


def rosenbrock_loss(parameters):
    a, b = parameters[0][0], parameters[0][1]
    return (1.0 - a) ** 2 + 100.0 * (b - a * a) ** 2


def wave(count, frequency, size):
    return np.array([size * math.sin(frequency * (index + 1)) for index in range(count)])


def network_start():
    flat = wave(22, 1.3, 0.8)
    return [flat[:8].reshape(4, 2), flat[8:12], flat[12:20].reshape(2, 4), flat[20:]]


INPUTS, TARGETS = wave(12, 0.7, 1.5).reshape(6, 2), wave(12, 2.1, 1.0).reshape(6, 2)


def network_loss(parameters):
    first, first_bias, second, second_bias = parameters
    hidden = torch.tanh(torch.from_numpy(INPUTS) @ first.T + first_bias)
    outputs = hidden @ second.T + second_bias
    return ((outputs - torch.from_numpy(TARGETS)) ** 2).sum() / 12.0


PROBLEMS = {
    "rosenbrock": (rosenbrock_start, rosenbrock_loss, [1, 2, 10, 100]),
    "network": (network_start, network_loss, [100]),
}


def gradient(loss, parameters):
    leaves = [torch.tensor(np.asarray(p), requires_grad=True) for p in parameters]
    return [g.numpy() for g in torch.autograd.grad(loss(leaves), leaves)]


# Those who walk: each is made of the parameters at the start, makes a step on gradients, and tells its state by the
# names of this crate.


class Torch:
    """An optimizer of PyTorch; `vectors`, if given, moves all but the matrices."""

    SLOTS = {
        "momentum_buffer": "momentum_buffer",
        "sum": "sum_of_squares",
        "square_avg": "square_average",
        "grad_avg": "gradient_average",
        "acc_delta": "squared_move_average",
        "exp_avg": "first_moment",
        "exp_avg_sq": "second_moment",
        "max_exp_avg_sq": "largest_second_moment",
        "exp_inf": "largest_derivative",
        "prev": "previous_derivative",
        "step_size": "step_size",
        "ax": "average",
        "row_var": "row_average",
        "col_var": "column_average",
        "variance": "second_moment",
    }

    def __init__(self, start, make, arguments, vectors=None):
        self.parameters = [torch.tensor(p, requires_grad=True) for p in start]
        matrices = [p for p in self.parameters if p.ndim > 1]
        others = [p for p in self.parameters if p.ndim < 2]
        groups = [(make, arguments, self.parameters)]
        if vectors:
            groups = [(make, arguments, matrices), (*vectors, others)]
        self.optimizers = [make(list(group), **arguments) for make, arguments, group in groups if group]
        self.names = dict(self.SLOTS, exp_avg="momentum_buffer") if vectors else self.SLOTS
        self.ascends = arguments.get("maximize", False)

    def step(self, gradients, factor):
        for p, g in zip(self.parameters, gradients):
            p.grad = torch.from_numpy(-g if self.ascends else g)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group.setdefault("base", group["lr"])
                group["lr"] = group["base"] * factor
            optimizer.step()

    def values(self):
        return [p.detach().numpy() for p in self.parameters]

    def state(self):
        slots, scalars = {}, {}
        for p in self.parameters:
            for optimizer in self.optimizers:
                for name, value in optimizer.state.get(p, {}).items():
                    if name == "mu_product":
                        scalars["momentum_product"] = value.item()
                    elif name in self.names and value is not None:
                        slots.setdefault(self.names[name], []).extend(value.flatten().tolist())
        return slots, scalars


class Optax:
    """A transformation of optax, made for a schedule; `slots` are its trees by our names, with their signs."""

    START = staticmethod(lambda parameters: parameters)

    def __init__(self, start, make, slots, schedule):
        self.parameters = self.START([jnp.asarray(p) for p in start])
        self.transformation = make(schedule)
        self.inner = self.transformation.init(self.parameters)
        self.slots = slots
        self.update = jax.jit(self.transformation.update)

    def step(self, gradients, _):
        updates, self.inner = self.update([jnp.asarray(g) for g in gradients], self.inner, self.parameters)
        self.parameters = optax.apply_updates(self.parameters, updates)

    def values(self):
        return [np.asarray(p) for p in self.parameters]

    def state(self):
        flat = lambda tree: np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])
        return {
            ours: (sign * flat(optax.tree.get(self.inner, theirs))).tolist()
            for ours, (theirs, sign) in self.slots.items()
        }, {}


class Lookahead(Optax):
    """optax's lookahead, which has parameters of its own."""

    START = staticmethod(optax.LookaheadParams.init_synced)

    def values(self):
        return [np.asarray(p) for p in self.parameters.fast]

    def state(self):
        slots, scalars = super().state()
        slots["slow_parameters"] = np.concatenate([np.ravel(p) for p in self.parameters.slow]).tolist()
        return slots, scalars


class Adan:
    """X. Xie et al. (2022), algorithm 1, with 1 - beta where the paper has beta."""

    def __init__(self, start, learning_rate=1e-3, beta1=0.98, beta2=0.92, beta3=0.99, epsilon=1e-8, weight_decay=0.0):
        self.p = [p.copy() for p in start]
        self.m, self.v, self.n = ([np.zeros_like(p) for p in start] for _ in range(3))
        self.previous = None
        self.t = 0
        self.options = (learning_rate, beta1, beta2, beta3, epsilon, weight_decay)

    def step(self, gradients, factor):
        rate, b1, b2, b3, epsilon, decay = self.options
        rate *= factor
        self.t += 1
        before = gradients if self.previous is None else self.previous
        for i, g in enumerate(gradients):
            d = g - before[i]
            self.m[i] = b1 * self.m[i] + (1 - b1) * g
            self.v[i] = b2 * self.v[i] + (1 - b2) * d
            self.n[i] = b3 * self.n[i] + (1 - b3) * (g + b2 * d) ** 2
            m, v, n = (x[i] / (1 - b**self.t) for x, b in [(self.m, b1), (self.v, b2), (self.n, b3)])
            self.p[i] = (self.p[i] - rate * (m + b2 * v) / (np.sqrt(n) + epsilon)) / (1 + decay * rate)
        self.previous = gradients

    def values(self):
        return self.p

    def state(self):
        names = ["first_moment", "difference_moment", "second_moment", "previous_derivative"]
        return dict(zip(names, map(flat, [self.m, self.v, self.n, self.previous]))), {}


class ScheduleFree:
    """A. Defazio et al. (2024): x, y and z kept apart, with the gradient divided as in algorithm 1 if there is a beta2."""

    def __init__(self, start, learning_rate, momentum=0.9, beta2=None, epsilon=1e-8, weight_decay=0.0, weight_power=2.0):
        self.x, self.y, self.z = ([p.copy() for p in start] for _ in range(3))
        self.v = [np.zeros_like(p) for p in start]
        self.t, self.largest, self.sum = 0, 0.0, 0.0
        self.options = (learning_rate, momentum, beta2, epsilon, weight_decay, weight_power)

    def step(self, gradients, factor):
        rate, momentum, beta2, epsilon, decay, power = self.options
        rate *= factor
        self.t += 1
        self.largest = max(self.largest, rate)
        weight = self.largest**power
        self.sum += weight
        share = weight / self.sum if self.sum > 0 else 0.0
        for i, g in enumerate(gradients):
            if beta2 is not None:
                self.v[i] = beta2 * self.v[i] + (1 - beta2) * g * g
                g = g / (np.sqrt(self.v[i] / (1 - beta2**self.t)) + epsilon)
            g = g + decay * self.y[i]
            self.z[i] = self.z[i] - rate * g
            self.x[i] = (1 - share) * self.x[i] + share * self.z[i]
            self.y[i] = (1 - momentum) * self.z[i] + momentum * self.x[i]

    def values(self):
        return self.y

    def state(self):
        slots = {"descent": flat(self.z)}
        if self.options[2] is not None:
            slots["second_moment"] = flat(self.v)
        return slots, {"largest_rate": self.largest, "sum_of_weights": self.sum}


def flat(arrays):
    return np.concatenate([np.ravel(p) for p in arrays]).tolist()


# The schedules under which each optimizer walks as well.

WARM_UP = {"warm_up": {"steps": 10, "start_factor": 0.0, "then": {"cosine": {"steps": 60, "minimum_factor": 0.1}}}}


def warm_up(step):
    if step < 10:
        return step / 10
    return 0.1 + 0.9 * (1 + math.cos(math.pi * (step - 10) / 60)) / 2


STAIRS = {"step": {"period": 20, "gamma": 0.7}}


def stairs(step):
    return 0.7 ** (step // 20)


# The cases.

RENAMED = {
    "lr": "learning_rate",
    "eps": "epsilon",
    "lr_decay": "learning_rate_decay",
    "initial_accumulator_value": "initial_accumulator",
    "lambd": "decay",
    "t0": "start",
    "d": "threshold",
    "ns_steps": "iterations",
    "adjust_lr_fn": "scale",
}


def ours(name, arguments):
    renamed = dict(RENAMED, alpha="power") if name == "asgd" else RENAMED
    config = {}
    for key, value in arguments.items():
        if key == "betas":
            config["beta1"], config["beta2"] = value
        elif key == "etas":
            config["shrink"], config["grow"] = value
        elif key == "step_sizes":
            config["smallest_step"], config["largest_step"] = value
        elif key == "eps" and isinstance(value, tuple):
            config["epsilon1"], config["epsilon2"] = value
        else:
            config[renamed.get(key, key)] = value
    return config


def products(base, **options):
    """Every combination of the options on top of the arguments that all have."""
    for values in itertools.product(*options.values()):
        yield dict(base, **dict(zip(options, values)))


CASES = []


def case(by, config, make, schedule=None):
    """Adds a case; `make` makes the walker of a start and a schedule."""
    description, factor = schedule or (None, lambda step: 1.0)
    for problem, (start, loss, recorded) in PROBLEMS.items():
        walker = make(start(), factor)
        points = []
        for step in range(1, STEPS + 1):
            walker.step(gradient(loss, walker.values()), factor(step - 1))
            if step in recorded:
                points.append({"step": step, "point": flat(walker.values())})
        entry = {"by": by, "problem": problem, "config": config, "points": points}
        if description:
            entry["schedule"] = description
        # On the network the state is compared where it depends on shapes; elsewhere Rosenbrock's says it all.
        if problem == "rosenbrock" or next(iter(config)) in ("adafactor", "muon", "lamb", "lars"):
            slots, scalars = walker.state()
            entry.update({"slots": slots, "scalars": scalars})
        assert np.isfinite(points[-1]["point"]).all(), entry
        CASES.append(entry)


def torch_cases(name, make, combinations, others):
    """PyTorch's optimizer in all combinations and uphill, and with other numbers under the two schedules."""
    combinations = list(combinations)
    combinations.append(dict(combinations[-1], maximize=True))
    single = {"foreach": False}
    for arguments in combinations:
        case("torch", {name: ours(name, arguments)}, lambda start, _: Torch(start, make, arguments | single))
    for schedule in [(WARM_UP, warm_up), (STAIRS, stairs)]:
        arguments = combinations[-1] | others
        case("torch", {name: ours(name, arguments)}, lambda start, _: Torch(start, make, arguments | single), schedule)


def optax_cases(name, slots, configurations, kind=Optax):
    """optax's transformations, each a configuration of ours and a function from a rate to the transformation."""
    for schedule in [None, (WARM_UP, warm_up), (STAIRS, stairs)]:
        for index, (config, rate, make) in enumerate(configurations):
            if schedule and index < len(configurations) - 1:
                continue

            def walker(start, factor):
                def jittable(count):
                    table = jnp.array([rate * factor(step) for step in range(STEPS)])
                    return table[jnp.minimum(count, STEPS - 1)]

                return kind(start, lambda schedule: make(schedule), slots, jittable if schedule else rate)

            case("optax", {name: config}, walker, schedule)


def numpy_cases(name, walker, configurations, schedules=(None, (WARM_UP, warm_up), (STAIRS, stairs)), renamed={}):
    for schedule in schedules:
        for config in configurations:
            arguments = {renamed.get(key, key): value for key, value in config.items() if key != "maximize"}
            case("numpy", {name: config}, lambda start, _: walker(start, **arguments), schedule)


def muon_in_double_precision():
    """PyTorch's Muon, for which bfloat16 is float64."""
    from torch.optim import _muon

    names = {name: getattr(torch, name) for name in ["addmm", "Tensor", "zeros_like", "preserve_format", "is_complex"]}
    _muon.torch = types.SimpleNamespace(bfloat16=torch.float64, **names)
    return torch.optim.Muon


def all_cases():
    both = [False, True]
    case("torch", {"gradient_descent": {"learning_rate": 1e-3}}, lambda start, _: Torch(start, torch.optim.SGD, dict(lr=1e-3)))
    for schedule in [(WARM_UP, warm_up), (STAIRS, stairs)]:
        make = lambda start, _: Torch(start, torch.optim.SGD, dict(lr=1e-3))
        case("torch", {"gradient_descent": {"learning_rate": 1e-3}}, make, schedule)

    combinations = [*products(dict(lr=1e-3), weight_decay=[0.0, 0.1])]
    for style in [dict(), dict(dampening=0.3), dict(nesterov=True)]:
        combinations += products(dict(lr=3e-4, momentum=0.9, **style), weight_decay=[0.0, 0.1])
    torch_cases("sgd", torch.optim.SGD, combinations, {})

    options = dict(lr_decay=[0.0, 0.05], weight_decay=[0.0, 0.1], initial_accumulator_value=[0.0, 0.5])
    torch_cases("adagrad", torch.optim.Adagrad, products(dict(lr=0.1), **options), dict(eps=1e-3))

    options = dict(momentum=[0.0, 0.9], centered=both, weight_decay=[0.0, 0.1])
    torch_cases("rmsprop", torch.optim.RMSprop, products(dict(lr=1e-3), **options), dict(alpha=0.9, eps=1e-4))

    options = dict(weight_decay=[0.0, 0.1])
    torch_cases("adadelta", torch.optim.Adadelta, products({}, **options), dict(rho=0.8, eps=1e-5))
    torch_cases("adamax", torch.optim.Adamax, products(dict(lr=0.02), **options), dict(betas=(0.8, 0.95), eps=1e-3))

    options = dict(weight_decay=[0.0, 0.1], amsgrad=both)
    more = dict(lr=0.05, betas=(0.5, 0.6), eps=1e-3)
    torch_cases("adam", torch.optim.Adam, products(dict(lr=0.01), **options), more)
    torch_cases("adamw", torch.optim.AdamW, products(dict(lr=0.01), **options), more)

    options = dict(weight_decay=[0.0, 0.1], decoupled_weight_decay=both)
    more = dict(momentum_decay=0.1, betas=(0.8, 0.95), eps=1e-3)
    torch_cases("nadam", torch.optim.NAdam, products(dict(lr=0.01), **options), more)
    torch_cases("radam", torch.optim.RAdam, products(dict(lr=1e-3), **options), dict(betas=(0.8, 0.95), eps=1e-3))

    options = dict(etas=[(0.5, 1.2), (0.4, 1.3)])
    torch_cases("rprop", torch.optim.Rprop, products({}, **options), dict(step_sizes=(1e-3, 0.05)))

    options = dict(weight_decay=[0.0, 0.1], t0=[1e6, 20.0], lambd=[1e-4, 0.05])
    torch_cases("asgd", torch.optim.ASGD, products(dict(lr=1e-3), **options), dict(alpha=0.5))

    options = dict(weight_decay=[0.0, 0.1], eps=[(None, 1e-3), (1e-2, 0.1)])
    torch_cases("adafactor", torch.optim.Adafactor, products(dict(lr=0.01), **options), dict(beta2_decay=-0.5, d=1.5))

    make = muon_in_double_precision()
    scales = ["original", "match_rms_adamw", "spectral_unclamped"]
    combinations = [*products(dict(lr=0.02), nesterov=both, weight_decay=[0.0, 0.1], adjust_lr_fn=scales)]
    combinations.append(dict(lr=0.005, momentum=0.8, ns_steps=3, eps=1e-3, ns_coefficients=(2.0, -1.5, 0.5), weight_decay=0.1))
    for schedule in [None, (WARM_UP, warm_up), (STAIRS, stairs)]:
        for arguments in combinations if schedule is None else combinations[-1:]:
            config = ours("muon", arguments)
            if "ns_coefficients" in config:
                config["coefficients"] = config.pop("ns_coefficients")
            vectors = dict(lr=arguments["lr"], weight_decay=arguments["weight_decay"], foreach=False)
            walker = lambda start, _: Torch(start, make, arguments, (torch.optim.AdamW, vectors))
            case("torch", {"muon": config}, walker, schedule)

    rate = "learning_rate"
    decayed = optax.add_decayed_weights
    optax_cases("lion", {"first_moment": ("mu", 1)}, [
        ({rate: 1e-3}, 1e-3, lambda lr: optax.lion(lr, weight_decay=0.0)),
        ({rate: 1e-3, "maximize": True}, 1e-3, lambda lr: optax.lion(lr, weight_decay=0.0)),
        ({rate: 2e-3, "beta1": 0.8, "beta2": 0.95, "weight_decay": 0.3}, 2e-3,
         lambda lr: optax.lion(lr, b1=0.8, b2=0.95, weight_decay=0.3)),
    ])
    moments = {"first_moment": ("mu", 1), "second_moment": ("nu", 1)}
    optax_cases("yogi", moments, [
        ({}, 0.01, lambda lr: optax.yogi(lr)),
        ({"maximize": True}, 0.01, lambda lr: optax.yogi(lr)),
        ({rate: 0.05, "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-2, "weight_decay": 0.1}, 0.05,
         lambda lr: optax.chain(decayed(0.1), optax.yogi(lr, b1=0.8, b2=0.9, eps=1e-2))),
    ])
    belief = lambda eps, **more: optax.scale_by_belief(eps=eps, eps_root=eps, **more)
    optax_cases("adabelief", {"first_moment": ("mu", 1), "variance": ("nu", 1)}, [
        ({rate: 0.01}, 0.01, lambda lr: optax.adabelief(lr)),
        ({rate: 0.01, "maximize": True}, 0.01, lambda lr: optax.adabelief(lr)),
        ({rate: 0.02, "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-6, "weight_decay": 0.1}, 0.02,
         lambda lr: optax.chain(belief(1e-6, b1=0.8, b2=0.9), decayed(0.1), optax.scale_by_learning_rate(lr))),
    ])
    matrices = lambda tree: jax.tree.map(lambda leaf: leaf.ndim > 1, tree)
    optax_cases("lamb", moments, [
        ({rate: 0.01}, 0.01, lambda lr: optax.lamb(lr)),
        ({rate: 0.01, "maximize": True}, 0.01, lambda lr: optax.lamb(lr)),
        ({rate: 0.01, "weight_decay": 0.1, "adapt_vectors": False}, 0.01,
         lambda lr: optax.chain(optax.scale_by_adam(eps=1e-6), decayed(0.1),
                                optax.masked(optax.scale_by_trust_ratio(), matrices), optax.scale_by_learning_rate(lr))),
        ({rate: 0.02, "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-3, "weight_decay": 0.1}, 0.02,
         lambda lr: optax.lamb(lr, b1=0.8, b2=0.9, eps=1e-3, weight_decay=0.1)),
    ])
    lars = []
    for nesterov, decay, (adapts, speed, trust) in itertools.product(
        both, [0.0, 0.1], [(True, 0.1, 0.01), (False, 1e-4, 1.0)]
    ):
        config = {rate: speed, "nesterov": nesterov, "weight_decay": decay, "adapt_vectors": adapts, "trust_coefficient": trust}
        make = lambda lr, nesterov=nesterov, decay=decay, adapts=adapts, trust=trust: optax.lars(
            lr, decay, trust_coefficient=trust, nesterov=nesterov, trust_ratio_mask=True if adapts else matrices)
        lars.append((config, speed, make))
    lars.append(({rate: 0.1, "momentum": 0.8, "trust_coefficient": 0.02, "epsilon": 1e-2, "maximize": True}, 0.1,
                 lambda lr: optax.lars(lr, momentum=0.8, trust_coefficient=0.02, eps=1e-2)))
    optax_cases("lars", {"momentum_buffer": ("trace", -1)}, lars)

    free = {"descent": ("z", 1)}
    for config, make in [
        ({rate: 1e-3}, lambda _: optax.contrib.schedule_free_sgd(1e-3)),
        ({rate: 1e-3, "momentum": 0.7, "weight_decay": 0.1, "maximize": True},
         lambda _: optax.contrib.schedule_free_sgd(1e-3, b1=0.7, weight_decay=0.1)),
    ]:
        case("optax", {"schedule_free_sgd": config}, lambda start, _: Optax(start, make, free, None))
    free["second_moment"] = ("nu", 1)
    for config, make in [
        ({rate: 0.01}, lambda _: optax.contrib.schedule_free_adamw(0.01)),
        ({rate: 0.01, "beta1": 0.7, "beta2": 0.9, "epsilon": 1e-3, "weight_decay": 0.1, "maximize": True},
         lambda _: optax.contrib.schedule_free_adamw(0.01, b1=0.7, b2=0.9, eps=1e-3, weight_decay=0.1)),
    ]:
        case("optax", {"schedule_free_adamw": config}, lambda start, _: Optax(start, make, free, None))

    adam = {"adam": {rate: 0.02}}
    fast = {rate: 1e-3, "momentum": 0.9}
    optax_cases("lookahead", moments, [
        ({"inner": adam}, 0.02, lambda lr: optax.lookahead(optax.adam(lr), 5, 0.5)),
        ({"inner": adam, "period": 3, "slow_step": 0.8}, 0.02, lambda lr: optax.lookahead(optax.adam(lr), 3, 0.8)),
    ], Lookahead)
    optax_cases("lookahead", {"momentum_buffer": ("trace", 1)}, [
        ({"inner": {"sgd": fast}, "period": 6, "slow_step": 0.5}, 1e-3,
         lambda lr: optax.lookahead(optax.sgd(lr, momentum=0.9), 6, 0.5)),
    ], Lookahead)

    numpy_cases("adan", Adan, [{rate: 0.01}, {rate: 0.01, "maximize": True},
                               {rate: 0.02, "beta1": 0.9, "beta2": 0.8, "beta3": 0.95, "epsilon": 1e-3, "weight_decay": 0.1}])
    schedules = [(WARM_UP, warm_up), (STAIRS, stairs)]
    numpy_cases("schedule_free_sgd", ScheduleFree, [{rate: 2e-3, "weight_decay": 0.1, "weight_power": 1.0}], schedules)
    numpy_cases("schedule_free_adamw", ScheduleFree,
                [{rate: 0.02, "beta1": 0.8, "beta2": 0.95, "weight_decay": 0.1, "weight_power": 1.0}], schedules,
                {"beta1": "momentum"})


def write(path, head, cases):
    """One case a line."""
    lines = ",\n".join(json.dumps(entry) for entry in cases)
    path.write_text(f'{{{head},\n"cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    all_cases()
    versions = f'"torch": "{torch.__version__}", "optax": "{optax.__version__}", "numpy": "{np.__version__}"'
    write(pathlib.Path(__file__).with_name("optimizers.json"), versions, CASES)
