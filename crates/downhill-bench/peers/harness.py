"""What the peers in Python share: the command line, the windows of time, and the line that is printed.

It knows nothing of any library. A peer hands in a function that prepares a workload and gives back its step.
"""

import argparse
import json
import math
import os
import time

# Examples in memory.
EXAMPLES = 8192
BATCHES = {
    "W1": [1, 32, 128, 1024], "W1b": [10], "W2": [64], "W2b": [32], "W3": [16], "W4": [1_000_000],
    "W5": [4], "W6": [1], "W7": [256], "W8": [32],
}
# The steps over which a loss is averaged, since that of one small batch says little.
AVERAGED = 32


def arguments(description, *flags):
    """The command line that all peers have; `flags` are a peer's own switches."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("workloads", nargs="*", help="W1, W1:32 (one batch size only), ...; all if none is named")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float, default=2.0, help="of each of the three windows")
    parser.add_argument("--version", action="store_true", help="print the versions of what is measured and end")
    for flag in flags:
        parser.add_argument(flag, action="store_true")
    given = parser.parse_args()
    # A library that starts threads by the number of processors it sees shall see as many as it may use.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:given.threads])
    lines = []
    for word in given.workloads or BATCHES:
        name, _, batch = word.partition(":")
        if name not in BATCHES:
            parser.error(f"there is no workload {name}; there are: {', '.join(BATCHES)}")
        lines += [(name, int(batch))] if batch else [(name, size) for size in BATCHES[name]]
    given.workloads = lines
    return given


def memory(field):
    """A field of /proc/self/status in bytes; VmHWM is the most that was ever resident, VmRSS what is now."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field + ":"))


def measure(step, seconds):
    """A window of half the length to warm up, then three; sorted rates, the first and the last mean loss."""
    def window(length, most=math.inf):
        start, steps, losses = time.perf_counter(), 0, [0.0] * AVERAGED
        while True:
            losses[steps % AVERAGED] = step()
            steps += 1
            elapsed = time.perf_counter() - start
            if elapsed >= length or steps == most:
                return steps / elapsed, sum(losses) / min(steps, AVERAGED)

    _, first = window(seconds / 2, AVERAGED)
    window(seconds / 2)
    results = [window(seconds) for _ in range(3)]
    return sorted(rate for rate, _ in results), first, results[-1][1]


def run(peer, given, prepare):
    """Prepares and measures each workload. `prepare(name, batch)` gives a dictionary of variants, each with a
    step and a number of parameters; most workloads have one variant, whose name is empty."""
    if given.version:
        print(json.dumps({"peer": peer}))
        return
    for name, batch in given.workloads:
        before = memory("VmRSS")
        for variant, (make, parameters) in prepare(name, batch).items():
            rates, first, last = measure(make(), given.seconds)
            print(json.dumps({
                "peer": peer, "workload": name, "variant": variant, "batch": batch, "threads": given.threads,
                "parameters": parameters, "steps_per_second": rates, "first_loss": first, "last_loss": last,
                "peak_memory": memory("VmHWM"), "memory_before": before,
            }), flush=True)
