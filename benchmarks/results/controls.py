"""What share of the trials of dishonest programs passes: `python benchmarks/results/controls.py MBPP.jsonl [LEVEL]`.

The programs are those of tests/sandbox/dishonest, each on 24 tasks of MBPP and 16 of HumanEval in a sandbox of its own,
so that one program's `tampered` puts no other under suspicion. `--tasks N,M` takes others, `--only KIND` one kind.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections import Counter
from pathlib import Path

import pages

from pytest_complexity.core.tasks import Task
from pytest_complexity.run.pipeline import program_of
from pytest_complexity.sandbox import Limits, Sandbox, levels
from pytest_complexity.suites import load_suite

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "sandbox"))
from dishonest import KINDS

SEED = 7


def drawn(mbpp: str, sizes: tuple[int, int]) -> list[Task]:
    """Tasks of both suites."""
    chance = random.Random(SEED)
    return [
        *chance.sample(list(load_suite("mbpp", mbpp).tasks), sizes[0]),
        *chance.sample(list(load_suite("humaneval").tasks), sizes[1]),
    ]


def tested(task: Task) -> str:
    """The name of the function that a task's tests call."""
    if task.entry_point:
        return task.entry_point
    names: list[str] = re.findall(r"def (\w+)", task.code)
    return next((name for name in names if name in task.test_list[0]), names[0])


def verdicts(code: str, tasks: list[Task], level: str) -> Counter[str]:
    """What a program gets on each task."""
    found: Counter[str] = Counter()
    with Sandbox(level, limits=Limits(2.0)) as sandbox:
        for task in tasks:
            check = sandbox.check(program_of(task, code.replace("ENTRY", tested(task))))
            found[check.verdict.value] += 1
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mbpp")
    parser.add_argument("level", nargs="?", default="namespaces", choices=levels.LEVELS)
    parser.add_argument("--tasks", default="24,16", metavar="N,M")
    parser.add_argument("--only", choices=sorted(KINDS))
    options = parser.parse_args()
    few, many = options.tasks.split(",")
    tasks = drawn(options.mbpp, (int(few), int(many)))
    levels.best_level = lambda: (options.level, "")  # type: ignore[assignment]
    rows, passing = [], []
    for kind, programs in KINDS.items():
        if options.only in (None, kind):
            total: Counter[str] = Counter()
            for name, code in programs.items():
                found = verdicts(code, tasks, options.level)
                total += found
                if found["pass"]:
                    passing.append([name, kind, str(found["pass"]), str(found.total())])
            share = pages.percent(total["pass"] / total.total())
            rows.append([kind, *map(str, (len(programs), total.total(), total["pass"])), share, str(total["tampered"])])
            print(*rows[-1], file=sys.stderr, flush=True)
    print(f"Level `{options.level}`.\n\n{pages.table('kind|programs|trials|pass|share|tampered', rows)}\n")
    print(pages.table("passes by|kind|pass|trials", passing))


if __name__ == "__main__":
    main()
