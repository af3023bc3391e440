"""Our verdicts beside the recorded ones of the paper's authors, and the cause of every disagreement.

    python benchmarks/mbpp/compare_recorded.py TASKS.jsonl RECORDING.jsonl > docs/recorded-verdicts.md

Their harness ran `exec(completion + assertions)` inside a function of a module that had a dozen modules
imported. Each disagreement is run once more in that manner, in our sandbox: where the verdict then equals the
recorded one, what it says is the cause.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.sandbox import Check, Limits, Program, Sandbox

WORKERS = 2
#: what their module had imported, as far as the recorded verdicts show it
PREIMPORTED = "import collections, heapq, itertools, json, math, operator, os, random, re, string, sys, time\n"
#: what it may have held besides; tried in this order, the first that gives the recorded verdict is the cause
WORLDS = {
    "": "",
    "their process still held the `sum(a, b)` that MBPP/126 had defined": "def sum(a, b): return a + b\n",
    "rests on a module that their harness had imported": "import numpy as np\n",
}
SIGHT = " is out of its functions' sight in their harness"


def program(task: dict[str, Any], code: str) -> Program:
    """The trial as we judge it."""
    return Program(
        code=code,
        tests=tuple(task["test_list"]),
        test_setup_code=task["test_setup_code"],
        reference=task["code"],
    )


def as_recorded(task: dict[str, Any], code: str, world: str) -> Program:
    """The trial as their harness ran it: one `exec` inside a function."""
    text = "\n".join([code, task["test_setup_code"], *task["test_list"]])
    return Program(
        code=f"{PREIMPORTED}{world}\ndef harness(text):\n    exec(text)\n",
        tests=(f"harness({text!r})",),
        packages=("numpy",) if "numpy" in world else (),
    )


def explain(sandbox: Sandbox, task: dict[str, Any], row: dict[str, Any], ours: Check) -> tuple[str, str]:
    """The cause of a disagreement and what the failing side says."""
    for why, world in WORLDS.items():
        again = sandbox.check(as_recorded(task, row["completion"], world))
        if (again.verdict is Verdict.PASS) == row["recorded_pass"]:
            said = ours.detail if row["recorded_pass"] else again.detail
            return why or cause(row["completion"], row["recorded_pass"], said), said
    return "not explained", ours.detail


def cause(code: str, recorded: bool, said: str) -> str:
    """The category of a disagreement that their manner of running explains."""
    missing = re.match(r"NameError: name '(\w+)' is not defined", said)
    if recorded:
        return (
            "rests on a module that their harness had imported"
            if missing
            else "a call of its own name reaches the builtin in their harness"
        )
    if missing is None:
        return "not explained"
    if re.search(rf"import\s.*\b{missing[1]}\b", code):
        return "an import" + SIGHT
    if code.count("\ndef ") + code.startswith("def ") == 1 and re.search(rf"^def {missing[1]}\b", code, re.M):
        return "a recursive function" + SIGHT
    return "another function, class or variable" + SIGHT


def main(tasks_path: str, recording_path: str) -> int:
    """Print the page; exit status 1 where a disagreement is not explained."""
    tasks = {f"MBPP/{row['task_id']}": row for row in _rows(tasks_path)}
    rows = _rows(recording_path)
    with Sandbox(workers=WORKERS, limits=Limits(10.0, 1024)) as sandbox, ThreadPoolExecutor(WORKERS) as pool:
        ours = list(pool.map(lambda r: sandbox.check(program(tasks[r["task_id"]], r["completion"])), rows))
        odd = [(r, c) for r, c in zip(rows, ours, strict=True) if (c.verdict is Verdict.PASS) != r["recorded_pass"]]
        found = list(pool.map(lambda o: explain(sandbox, tasks[o[0]["task_id"]], *o), odd))
    lines, counts = [], Counter()
    for (row, check), (why, said) in zip(odd, found, strict=True):
        recorded = "pass" if row["recorded_pass"] else "fail"
        counts[recorded, check.verdict.value, why] += 1
        columns = (row["task_id"], row["model"], recorded, check.verdict.value, why, f"`{said}`")
        lines.append(f"| {' | '.join(columns)} |")
    print(page(len(rows), Counter(c.verdict.value for c in ours), counts, lines))
    return int(any(why == "not explained" for _, _, why in counts))


def page(total: int, verdicts: Counter[str], counts: Counter[Any], lines: list[str]) -> str:
    """The Markdown of the whole comparison."""
    summary = [f"| {' | '.join(key)} | {n} |" for key, n in counts.most_common()]
    return f"""# The recorded verdicts of MBPP's completions, and ours

Written by `benchmarks/mbpp/compare_recorded.py`. {total} recorded completions; ours:
{", ".join(f"{n} {v}" for v, n in verdicts.most_common())}.
{len(lines)} of {total} disagree with `recorded_pass`. Each of these was run again as their harness did it
(one `exec` inside a function, with modules imported beforehand); a cause is given only where that gives the
recorded verdict.

| recorded | ours | cause | trials |
|---|---|---|---|
{chr(10).join(summary)}

| task | model | recorded | ours | cause | what the failing side says |
|---|---|---|---|---|---|
{chr(10).join(lines)}"""


def _rows(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
