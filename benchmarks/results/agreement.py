"""Our verdicts beside plain Python's: `python benchmarks/results/agreement.py DATA [--most N]`.

DATA holds `recordings/`, `difftrust/` and `mbpp/`. Each program of these runs twice in the same sandbox: on its tests,
and on the same tests below `if True:`, where no question is asked of them, so that they run as plain Python runs them.
Identical programs of a task are verified once. `--most` takes so many of a set, in an order drawn by hash. A program
that runs into the limit of `--seconds` in either is counted apart.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import lzma
import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from pages import table

from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.core.tasks import Task
from pytest_complexity.run.extraction import extract_code
from pytest_complexity.run.pipeline import program_of
from pytest_complexity.sandbox import Check, Limits, Program, Sandbox
from pytest_complexity.suites import find_suite

#: recording, suite, its file
SETS = (
    ("recordings/humaneval-open.jsonl", "humaneval", None),
    ("recordings/mbpp-complexitynet.jsonl", "mbpp", "mbpp/mbpp.jsonl"),
    ("difftrust/humaneval.jsonl.xz", "humaneval", None),
    ("difftrust/mbpp.jsonl.xz", "mbpp", "difftrust/mbpp-412-sanitized.json"),
)


def programs(data: Path, recording: str, suite: str, dataset: str | None) -> Iterator[tuple[Task, str]]:
    """Each task and program once, in an order that says nothing of either."""
    tasks = {task.task_id: task for task in find_suite(suite, dataset and str(data / dataset)).tasks}
    opened = lzma.open if recording.endswith(".xz") else open
    with opened(data / recording, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    found = {(row["task_id"], row["completion"]) for row in rows if row["task_id"] in tasks}
    for task_id, completion in sorted(found, key=lambda pair: hashlib.sha256(repr(pair).encode()).digest()):
        code = completion if recording.endswith(".xz") else extract_code(completion)
        if code is not None:
            yield tasks[task_id], code


def unasked(program: Program) -> Program:
    """The same tests, each below an `if`: what may not run is no question."""
    below = tuple(
        ast.unparse(ast.If(ast.Constant(True), ast.parse(test).body or [ast.Pass()], [])) for test in program.tests
    )
    return replace(program, tests=below, visible_tests=())


def both(sandbox: Sandbox, task: Task, code: str) -> tuple[Check, Check]:
    program = program_of(task, code)
    return sandbox.check(program), sandbox.check(unasked(program))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--most", type=int)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    rows, unlike = [], []
    workers = os.cpu_count() or 1
    for recording, suite, dataset in SETS:
        work = list(programs(options.data, recording, suite, dataset))[: options.most]
        count: Counter[str] = Counter()
        with Sandbox(workers=workers, limits=Limits(options.seconds)) as sandbox, ThreadPoolExecutor(workers) as pool:
            for (task, _), (ours, plain) in zip(work, pool.map(lambda each: both(sandbox, *each), work), strict=True):
                slow = Verdict.TIMEOUT in (ours.verdict, plain.verdict)
                like = (ours.verdict is Verdict.PASS) == (plain.verdict is Verdict.PASS)
                count.update(
                    passes=plain.verdict is Verdict.PASS,
                    slow=slow,
                    unlike=not like and not slow,
                    named=ours.verdict is not plain.verdict and not slow,
                    tampered=ours.verdict is Verdict.TAMPERED,
                    uncontrolled=ours.uncontrolled,
                )
                if ours.verdict is not plain.verdict:
                    said = [f"{each.verdict.value}: {each.detail}" for each in (ours, plain)]
                    unlike.append([task.task_id, *said])
        shown = ("passes", "slow", "unlike", "named", "tampered", "uncontrolled")
        rows.append([recording, *map(str, (len(work), *(count[name] for name in shown)))])
        print(*rows[-1], file=sys.stderr, flush=True)
    heads = (
        "recording|programs|pass in plain Python|in time limit|pass in one alone|another verdict|tampered|uncontrolled"
    )
    print(table(heads, rows))
    print()
    print(table("task|ours|plain Python", unlike))


if __name__ == "__main__":
    main()
