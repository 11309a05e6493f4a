"""Measures downhill and its peers side by side, and writes docs/benchmarks.md.

    python3 run.py                                    everything, from an idle machine
    python3 run.py --workloads W1:32 W3 --merge       these lines again, into what was measured before
    python3 run.py --peers downhill burn --seconds 0.3 --rounds 1 --out /tmp/try.md

For each line of the table, ours and theirs run one after the other, each in a process of its own, and that in
rounds, so that a machine that gets slower gets slower for all. Peers that are faster on one thread get one. It
installs and builds what it can, and says in the result what it could not. Needs Python and cargo, nothing else.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
LINES = ["W1:1", "W1:32", "W1:128", "W1:1024", "W1b:10", "W2:64", "W2b:32", "W3:16", "W4:1000000", "W5:4",
         "W6:1", "W7:256", "W8:32"]
WHAT = {
    "W1": "MLP 784-128-10, ReLU", "W1b": "MLP 784-16-16-10, sigmoid", "W2": "CNN on 1x28x28",
    "W2b": "CNN on 3x32x32", "W3": "transformer decoder", "W4": "logistic regression, 10⁶ x 32",
    "W5": "XOR, MLP 2-8-1", "W6": "Rosenbrock, Adam", "W7": "embedding 10⁶ x 64", "W8": "LSTM, 64 steps",
}
TITLES = {"downhill": "downhill", "pytorch": "PyTorch", "compile": "torch.compile", "jax": "JAX", "burn": "burn",
          "candle": "candle", "dfdx": "dfdx"}
PYTHON = {"pytorch": "torch numpy", "compile": "torch numpy", "jax": "jax optax"}


class Peers:
    """How each of them is called; and of those that cannot be, why."""

    def __init__(self, names, python, setup):
        self.commands, self.missing, self.versions = {}, {}, {}
        for name in names:
            try:
                self.commands[name] = self.prepare(name, python, setup)
                reply = self.call(name, ["--version"], timeout=120)
                line = reply.splitlines()[0]
                self.versions[name] = line if name == "downhill" else json.loads(line)["peer"]
            except (subprocess.SubprocessError, OSError, ValueError, IndexError) as error:
                self.missing[name] = explain(error)
                self.commands.pop(name, None)
            print(f"{name:9} {self.versions.get(name) or 'missing: ' + self.missing[name]}", flush=True)

    def prepare(self, name, python, setup):
        if name in PYTHON:
            self.install(python, PYTHON[name], setup)
            script = "jax_peer.py" if name == "jax" else "pytorch.py"
            return [str(python), str(HERE / script)] + (["--compile"] if name == "compile" else [])
        ours = name == "downhill"
        folder, target = (ROOT, TARGET) if ours else (HERE / name, TARGET / "peers" / name)
        if setup:
            # From its own folder, where its .cargo/config.toml is.
            build = ["cargo", "build", "--release"] + (["-p", "downhill-bench"] if ours else [])
            subprocess.run(build, cwd=folder, env=os.environ | {"CARGO_TARGET_DIR": str(target)},
                           check=True, capture_output=True, text=True)
        return [str(target / "release" / ("downhill-bench" if ours else f"{name}-peer"))]

    def install(self, python, packages, setup):
        have = "import " + ", ".join(packages.split())
        if python.exists() and subprocess.run([python, "-c", have], capture_output=True).returncode == 0:
            return
        if not setup:
            raise ValueError(f"{python} has no {packages}")
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", python.parents[1]], check=True, capture_output=True, text=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *packages.split()], check=True, capture_output=True, text=True)

    def call(self, name, arguments, timeout):
        # What a compiler made is kept; the numbers of threads are set by the peers themselves.
        environment = os.environ | {"TORCHINDUCTOR_CACHE_DIR": str(TARGET / "peers" / "inductor")}
        return subprocess.run(self.commands[name] + arguments, check=True, capture_output=True, text=True,
                              timeout=timeout, env=environment).stdout

    def measure(self, name, line, threads, seconds):
        """The measurements of a line, by variant."""
        plain = ["--plain"] if name == "downhill" else []
        arguments = [line, "--threads", str(threads), "--seconds", str(seconds)] + plain
        rows = [json.loads(text) for text in self.call(name, arguments, timeout=600).splitlines()]
        return {row["variant"]: row for row in rows}


def explain(error):
    """The line of what a program said that tells most."""
    said = (getattr(error, "stderr", None) or str(error))
    said = said if isinstance(said, str) else said.decode(errors="replace")
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return next((line for line in lines if line.startswith(("error", "ERROR"))), lines[-1] if lines else repr(error))[:300]


def measure_line(peers, line, options, results):
    """Adds to `results` all that was measured of one line: (line, variant, peer) to a measurement."""
    threads, cores = {}, os.cpu_count()
    for name in peers.commands:
        threads[name] = cores
        if name == "downhill" or cores == 1 or not options.probe:
            continue
        try:
            # A short try of each; the last variant is the slow one, the first the one worth choosing for.
            def rate(count):
                return next(iter(peers.measure(name, line, count, options.probe).values()))["steps_per_second"][1]
            threads[name] = max((1, cores), key=rate)
        except (subprocess.SubprocessError, ValueError, StopIteration):
            pass  # What is wrong will be seen below.
    pooled = {}
    for _ in range(options.rounds):
        for name in peers.commands:
            try:
                rows = peers.measure(name, line, threads[name], options.seconds)
            except (subprocess.SubprocessError, ValueError) as error:
                results["failed"][f"{line} {name}"] = explain(error)
                continue
            results["failed"].pop(f"{line} {name}", None)
            if not rows:
                results["failed"][f"{line} {name}"] = "cannot be expressed"
            for variant, row in rows.items():
                kept = pooled.setdefault((variant, name), row | {"windows": []})
                kept["windows"] += row["steps_per_second"]
                kept["peak_memory"] = max(kept["peak_memory"], row["peak_memory"])
    for (variant, name), row in pooled.items():
        row["median"] = statistics.median(row["windows"])
        results["rows"][f"{line}|{variant}|{name}"] = row
        low, high = min(row["windows"]), max(row["windows"])
        print(f"{line:11} {variant:15} {TITLES[name]:14} {row['median']:12.1f} steps/s ({low:.1f} to {high:.1f}), "
              f"{row['threads']} threads, loss {row['first_loss']:.4f} -> {row['last_loss']:.4f}", flush=True)


def share(row, rates):
    """Which part of our time the floor is."""
    cost = row["cost"]
    least = max(cost["operations"] / rates["operations_per_second"], cost["bytes"] / rates["bytes_per_second"])
    return least * row["median"]


def profile(peers, line, seconds):
    """Where the time of one of our steps goes: the head of the profile, and the loops that take most."""
    text = peers.call("downhill", [line, "--profile", "--threads", str(os.cpu_count()), "--seconds", str(seconds)], timeout=120)
    lines = text[text.index("profile of"):].splitlines()
    numbered = [text for text in lines[2:] if text.split()[:1] and text.split()[0].isdigit()]
    longest = sorted(numbered, key=lambda text: -float(text.split()[1]))[:8]
    return "\n".join(text.rstrip() for text in [*lines[:2], *longest])


def machine():
    def first(path, key):
        with open(path) as lines:
            return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "unknown")
    memory = int(first("/proc/meminfo", "MemTotal").split()[0]) / 2**20
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.strip()
    return {"processor": first("/proc/cpuinfo", "model name"), "cores": os.cpu_count(), "memory": f"{memory:.0f} GiB",
            "system": f"{platform.system()} {platform.release()}", "rustc": rustc}


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(head, rows):
    lines = [head, ["---" if name in ("workload", "model", "bound by") else "---:" for name in head]] + rows
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def comparisons(results):
    """The rows of the tables: a title, our measurement, and theirs. Where a workload can be written in several
    ways, ours, which has one, is held against each."""
    for line in LINES:
        rows = {tuple(key.split("|")[1:]): row for key, row in results["rows"].items() if key.split("|")[0] == line}
        ours = rows.get(("", "downhill"))
        theirs = {key: row for key, row in rows.items() if key[1] != "downhill"}
        # PyTorch's sparse gradient is automatic.
        of = lambda variant: {name: row for (v, name), row in theirs.items() if (v or variants[0]) == variant}
        variants = sorted({variant for variant, _ in theirs if variant}) or [""]
        name, _, batch = line.partition(":")
        for variant in variants:
            size = "" if name in ("W4", "W5", "W6") else f", batch {batch}"
            yield f"{name}{size}" + (f", {variant}" if variant else ""), WHAT[name], ours, of(variant)


def report(results):
    machine, rates = results["machine"], results["rates"]
    names = [name for name in TITLES if any(key.endswith("|" + name) for key in results["rows"])]
    speed, memory, floor = [], [], []
    for title, what, ours, theirs in comparisons(results):
        everyone = {"downhill": ours, **theirs} if ours else theirs
        if not everyone:
            continue
        best = max((row["median"] for row in theirs.values()), default=None)
        cells = []
        for name in names:
            row = everyone.get(name)
            text = "–" if row is None else number(row["median"]) + ("¹" if row["threads"] == 1 < machine["cores"] else "")
            cells.append(f"**{text}**" if row and name != "downhill" and row["median"] == best else text)
        ratio = f"{ours['median'] / best:.2f}x" if ours and best else "–"
        speed.append([title, what, *cells, ratio])
        sizes = [f"{everyone[name]['peak_memory'] / 2**20:,.0f}" if name in everyone else "–" for name in names]
        memory.append([title, *sizes])
        if ours and rates and title not in [line[0] for line in floor]:
            cost = ours["cost"]
            products = cost["operations"] / rates["operations_per_second"]
            bytes_ = cost["bytes"] / rates["bytes_per_second"]
            least = max(products, bytes_)
            floor.append([title.replace(", automatic", "").replace(", sparse by hand", ""), number(cost["operations"]),
                          number(cost["bytes"]), "products" if products > bytes_ else "memory",
                          number(1 / least), number(ours["median"]), f"{100 * least * ours['median']:.1f} %"])
    floor = [line for place, line in enumerate(floor) if line[0] not in [before[0] for before in floor[:place]]]
    titles = [TITLES[name] for name in names]
    versions = "\n".join(f"- {version}" for version in results["versions"].values())
    missing = {TITLES[name]: why for name, why in results["missing"].items()}
    for key, why in results["failed"].items():
        line, name = key.split()
        missing[f"{TITLES[name]}, {line.split(':')[0]}"] = why
    missing = "\n".join(f"- {what}: {why}" for what, why in missing.items())
    pictures = [("scaling-width", "Time of a step of an MLP by its hidden width"),
                ("scaling-context", "Time of a step of a decoder by its context"),
                ("scaling-layers", "Time of a step of a decoder by its blocks"),
                ("scaling-compile", "Time to compile a plan by operations")]
    drawn = [f"![{what}](images/{file}.svg)" for file, what in pictures if (ROOT / "docs" / "images" / f"{file}.svg").exists()]
    scaling = "\n\n## As the work grows\n\n" + "\n\n".join(drawn) if drawn else ""
    profiles = [f"{line}:\n\n```text\n{text}\n```" for line, text in results.get("profiles", {}).items()]
    profiles = "\n\n## Where the time goes\n\nOf the lines below half of the floor, the loops that take most; times are summed over threads, and the clock\nitself takes some 50 ns a loop.\n\n" + "\n\n".join(profiles) if profiles else ""
    rate = (f"{rates['operations_per_second'] / 1e9:.0f} GFLOP/s in f32 products and {rates['bytes_per_second'] / 1e9:.1f} GB/s "
            "of memory on all cores, measured in the same run") if rates else "rates not measured"
    return f"""# Benchmarks

Whole training steps in f32: the next batch copied out of a data set of 8,192 examples in memory, forward, loss,
backward, update, and the loss read. After a warm-up come three windows of {results['seconds']:g} s, and that
{results['rounds']} times over; the numbers are medians of all windows. Ours and theirs ran one after the other on the
same idle machine, each in a process of its own, the peers on one thread where that was faster for them (¹). The
workloads and their settings are described in
[crates/downhill-bench](../crates/downhill-bench/README.md); this page is written by
[run.py](../crates/downhill-bench/peers/run.py).

- {machine['processor']}, {machine['cores']} cores, {machine['memory']} of memory, {machine['system']}, {machine['rustc']}
- {rate}
- {results['date']}, load average at the start {results['load']:.2f}

{versions}

## Steps per second

Bold is the fastest of the peers; the last column is ours as a multiple of it.

{table(["workload", "model", *titles, "ratio"], speed)}

## Peak memory

The most memory that was ever resident in the process, in MiB: data set, library and all. Where a library was
measured in several ways in one process, the later one includes the earlier.

{table(["workload", *titles], memory)}

## The floor

What the products of a step need at the measured rate of products, or its inputs, parameters and state at the
measured rate of memory, whichever is slower; intermediates are free. Convolutions count as they are written down,
so that a way with fewer multiplications can come out above 100 %, as can a step whose numbers stay in the caches.

{table(["workload", "operations", "bytes", "bound by", "steps/s at the floor", "downhill", "share"], floor)}{profiles}{scaling}

## What is missing

{missing or "Nothing."}

## To repeat it

```text
python3 crates/downhill-bench/peers/run.py
python3 crates/downhill-bench/peers/run.py --workloads W3 W8 --merge
cargo run --release -p downhill-bench -- scaling
```

The first makes a Python environment and builds the peers in `target/peers`. The second measures single lines again
and merges them with the rest, which lies beside this page as `benchmarks.json`.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", nargs="+", default=LINES, help="W3, W1:32, ... (default: all)")
    parser.add_argument("--peers", nargs="+", default=list(TITLES), choices=list(TITLES))
    parser.add_argument("--seconds", type=float, default=2.0, help="of each window (2)")
    parser.add_argument("--rounds", type=int, default=2, help="how often each runs (2)")
    parser.add_argument("--probe", type=float, default=0.4, help="seconds of a window when choosing threads (0.4); 0 takes all cores")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs" / "benchmarks.md")
    parser.add_argument("--merge", action="store_true", help="keep what was measured before of other lines and peers")
    parser.add_argument("--python", type=pathlib.Path, default=TARGET / "peers" / "python" / "bin" / "python",
                        help="the interpreter that has torch, jax and optax, or shall get them")
    parser.add_argument("--no-setup", action="store_true", help="neither install nor build")
    parser.add_argument("--report", action="store_true", help="only write the page again from what was measured")
    options = parser.parse_args()

    raw = options.out.with_suffix(".json")
    results = {"rows": {}, "failed": {}, "missing": {}, "versions": {}, "rates": None}
    if (options.merge or options.report) and raw.exists():
        results = json.loads(raw.read_text())
    if not options.report:
        lines = [line for line in LINES if line in options.workloads or line.split(":")[0] in options.workloads]
        unknown = set(options.workloads) - set(LINES) - {line.split(":")[0] for line in LINES}
        if unknown:
            parser.error(f"there is no workload {', '.join(sorted(unknown))}; there are: {', '.join(LINES)}")
        load = os.getloadavg()[0]
        peers = Peers(options.peers, options.python.absolute(), not options.no_setup)
        results["versions"] |= peers.versions
        results["missing"] = {k: v for k, v in results["missing"].items() if k not in peers.versions} | peers.missing
        results |= {"machine": machine(), "date": str(datetime.date.today()), "load": load,
                    "seconds": options.seconds, "rounds": options.rounds}
        for place, line in enumerate(lines):
            # The rates are those of the best moment between lines: what disturbs only makes them smaller.
            if "downhill" in peers.commands and place % 4 == 0:
                rates = json.loads(peers.call("downhill", ["rates", "--json"], timeout=60))
                before = results["rates"] if place or options.merge else None
                results["rates"] = {key: max(value, (before or rates)[key]) for key, value in rates.items()}
            measure_line(peers, line, options, results)
            ours = results["rows"].get(f"{line}||downhill")
            kept = results.setdefault("profiles", {})
            kept.pop(line, None)
            if ours and results["rates"] and share(ours, results["rates"]) < 0.5:
                kept[line] = profile(peers, line, options.seconds)
            raw.write_text(json.dumps(results, indent=1))
    options.out.write_text(report(results))
    print(f"wrote {options.out} and {raw}")


main()
