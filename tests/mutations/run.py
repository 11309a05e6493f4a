#!/usr/bin/env python3
"""Deliberate mistakes, one at a time, and whether a test notices.

    tests/mutations/run.py [--list] [--baseline] [--only NAME]... [--crate NAME]
                           [--checkout PATH] [--limit SECONDS] [--build-limit SECONDS]

For each mutation of `mutations.toml`: one piece of text in one file is replaced, the tests that should notice are
built and run, and the file is put back as it was, whatever happens. A file with changes that git knows of is left
alone. Prints a line for each and a table in the end; the exit code is 1 if a mutation survives or is not a
mutation (the text is not there once, it does not compile, the file is not clean).

Needs Python 3.11, git and cargo. README.md says more.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
CAUGHT, TIMED_OUT = "caught", "timed out"
SURVIVED, NOT_COMPILED, REFUSED = "survived", "did not compile", "refused"

# What property tests find belongs to no regression file, and need not be made small.
ENVIRONMENT = {
    "PROPTEST_DISABLE_FAILURE_PERSISTENCE": "1",
    "PROPTEST_MAX_SHRINK_ITERS": "0",
    "CARGO_TERM_COLOR": "never",
}


def mutations():
    """All mutations, in the order of the file."""
    with open(HERE / "mutations.toml", "rb") as file:
        found = tomllib.load(file)["mutation"]
    names = [mutation["name"] for mutation in found]
    for mutation in found:
        missing = {"name", "file", "find", "replace", "test"} - mutation.keys()
        if missing or names.count(mutation["name"]) > 1:
            sys.exit(f"{mutation.get('name')}: named twice, or without {sorted(missing)}")
    return found


def crate(mutation):
    return mutation["file"].split("/")[1].removeprefix("downhill-")


def is_clean(checkout, file):
    status = subprocess.run(
        ["git", "status", "--porcelain", "--", file], cwd=checkout, capture_output=True, text=True, check=True
    )
    return status.stdout == ""


def run(command, checkout, limit):
    """The exit code of a command (None if it took too long) and what it printed. All that it started is ended."""
    process = subprocess.Popen(
        command,
        cwd=checkout,
        env=os.environ | ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=limit)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        return None, ""
    finally:
        # Tests are processes of their own, which an interrupted cargo leaves behind.
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def failed_test(output):
    """The first test that failed, with how many more did; or how else the run ended."""
    names = re.findall(r"^test (\S+) (?:- .*)?\.\.\. FAILED", output, re.MULTILINE)
    if names:
        return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")
    ended = re.search(r"\(signal: \d+, \w+", output)
    return ended.group(0).lstrip("(") if ended else "the test run failed"


def outcome(mutation, checkout, arguments):
    """What becomes of a mutation: a verdict, and what says so."""
    file = mutation["file"]
    path = checkout / file
    if not is_clean(checkout, file):
        return REFUSED, "the file has changes"
    original = path.read_bytes()
    text = original.decode()
    count = text.count(mutation["find"])
    if count != 1 or mutation["find"] == mutation["replace"]:
        return REFUSED, f"the text occurs {count} times"
    command = ["cargo", "test", *mutation["test"].split()]
    try:
        path.write_bytes(text.replace(mutation["find"], mutation["replace"]).encode())
        code, output = run([*command, "--no-run"], checkout, arguments.build_limit)
        if code is None:
            return REFUSED, "the build took too long"
        if code != 0:
            error = re.search(r"^error.*$", output, re.MULTILINE)
            return NOT_COMPILED, error.group(0) if error else f"exit code {code}"
        code, output = run(command, checkout, arguments.limit)
        if code is None:
            return TIMED_OUT, f"after {arguments.limit} s"
        return (SURVIVED, mutation["test"]) if code == 0 else (CAUGHT, failed_test(output))
    finally:
        # A new time of change with it, so that cargo does not take what it built for what is there.
        path.write_bytes(original)


def baseline(chosen, checkout):
    """Whether the tests pass where nothing is changed; those that fail anyway notice nothing."""
    failures = 0
    for test in dict.fromkeys(mutation["test"] for mutation in chosen):
        code, output = run(["cargo", "test", *test.split()], checkout, None)
        failures += code != 0
        print(f"{'passes' if code == 0 else 'FAILS: ' + failed_test(output)}: {test}", flush=True)
    return 1 if failures else 0


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description="Deliberate mistakes, and whether a test notices.")
    parser.add_argument("--list", action="store_true", help="print the mutations and do nothing")
    parser.add_argument("--baseline", action="store_true", help="run the tests with nothing changed: they must pass")
    parser.add_argument("--only", action="append", metavar="NAME", help="this one alone; may be repeated")
    parser.add_argument("--crate", help="those of one crate, e.g. optim")
    parser.add_argument("--checkout", type=Path, default=HERE.parents[1], help="where they are applied")
    parser.add_argument("--limit", type=float, default=300, help="seconds for the tests of one (300)")
    parser.add_argument("--build-limit", type=float, default=1800, help="seconds for the build of one (1800)")
    arguments = parser.parse_args()

    chosen = mutations()
    for name in arguments.only or []:
        if name not in [mutation["name"] for mutation in chosen]:
            parser.error(f"there is no mutation {name!r}; --list shows all")
    if arguments.only:
        chosen = [mutation for mutation in chosen if mutation["name"] in arguments.only]
    if arguments.crate:
        chosen = [mutation for mutation in chosen if crate(mutation) == arguments.crate]
    if arguments.list:
        for mutation in chosen:
            print(f"{crate(mutation):9} {mutation['name']:44} {mutation['file'].split('/src/')[1]}")
        print(f"{len(chosen)} mutations")
        return 0

    signal.signal(signal.SIGTERM, interrupted)
    checkout = arguments.checkout.resolve()
    if arguments.baseline:
        return baseline(chosen, checkout)
    results, started = [], time.monotonic()
    try:
        for mutation in chosen:
            begun = time.monotonic()
            verdict, why = outcome(mutation, checkout, arguments)
            results.append((mutation, verdict, why))
            print(f"[{time.monotonic() - begun:4.0f} s] {mutation['name']}: {verdict} ({why})", flush=True)
    except KeyboardInterrupt:
        print("interrupted; the file is as it was", flush=True)

    print("\n| crate | mutation | verdict | by |\n|---|---|---|---|")
    for mutation, verdict, why in results:
        print(f"| {crate(mutation)} | {mutation['name']} | {verdict} | {why} |")
    counts = {verdict: sum(v == verdict for _, v, _ in results) for verdict in
              (CAUGHT, TIMED_OUT, SURVIVED, NOT_COMPILED, REFUSED)}
    summary = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    print(f"\n{len(results)} of {len(chosen)} mutations in {(time.monotonic() - started) / 60:.1f} min: {summary}")
    complete = len(results) == len(chosen)
    return 0 if complete and counts[CAUGHT] + counts[TIMED_OUT] == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
