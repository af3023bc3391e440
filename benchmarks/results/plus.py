"""Our verdicts on EvalPlus's suites beside those of the `evalplus` package. Prints docs/results/plus.md.

    pip install evalplus
    python benchmarks/results/plus.py DATA VERDICTS [--first N] > docs/results/plus.md

DATA holds `recordings/` and `evalplus/`. Both verify the same programs, one after the other in turns, in `--workers`
processes. VERDICTS (JSON Lines) keeps what was verified, so that a second call goes on. `--first` takes that many
programs of each recording, in an order drawn by hash; `--page` verifies nothing.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import multiprocessing
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from pages import percent, table

from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.core.tasks import Task
from pytest_complexity.run.extraction import extract_code
from pytest_complexity.run.pipeline import base_of, program_of
from pytest_complexity.sandbox import Limits, Sandbox
from pytest_complexity.suites import find_suite

#: suite: the recording, its models, our file and evalplus's
SETS = {
    "mbpp+": ("mbpp-complexitynet.jsonl", ("codellama", "gpt35", "gpt4"), "MbppPlus"),
    "humaneval+": (
        "humaneval-open.jsonl",
        ("qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct"),
        "HumanEvalPlus",
    ),
}
WIDE = Limits(60.0, 4096)  #: what evalplus gives a program
Row = dict[str, Any]
_theirs: Theirs


@cache
def tasks_of(data: Path, suite: str) -> Mapping[str, Task]:
    dataset = find_suite(suite, str(data / "evalplus" / f"{SETS[suite][2]}-OriginFmt.jsonl.gz"))
    return {task.task_id: task for task in dataset.tasks}


def programs(data: Path, suite: str) -> list[Row]:
    """The whole programs of a recording in the order that `--first` takes; MBPP's tasks that MBPP+ has."""
    file, models, _ = SETS[suite]
    rows = []
    for line in (data / "recordings" / file).read_text().splitlines():
        row = json.loads(line)
        task = tasks_of(data, suite).get(row["task_id"])
        code = extract_code(row["completion"]) if suite == "mbpp+" else row["completion"]
        if task is not None and code is not None and row["model"] in models:
            name = (suite, row["task_id"], row["model"], row["trial"])
            rows.append({"name": name, "program": task.prompt_code + code})
    return sorted(rows, key=lambda row: hashlib.sha256(repr(row["name"]).encode()).digest())


class Theirs:
    """`evalplus`, on its own inputs, with the times and outputs of its references as it computes them."""

    def __init__(self, data: Path) -> None:
        for name, suite in (("MBPP", "mbpp+"), ("HUMANEVAL", "humaneval+")):
            os.environ[f"{name}_OVERRIDE_PATH"] = str(data / "evalplus" / f"{SETS[suite][2]}.jsonl.gz")
        from evalplus.data import get_human_eval_plus, get_mbpp_plus  # noqa: PLC0415 - it reads the paths when imported

        self.problems = {**get_mbpp_plus(), **get_human_eval_plus()}
        self.expected: dict[str, Any] = {}

    def prepare(self, task_id: str) -> str:
        """Runs the task's reference, once. Gives the task's name there."""
        from evalplus.eval._special_oracle import MBPP_OUTPUT_NOT_NONE_TASKS  # noqa: PLC0415
        from evalplus.gen.util import trusted_exec  # noqa: PLC0415

        name = task_id.replace("MBPP", "Mbpp")
        if name not in self.expected:
            task, found = self.problems[name], {}
            for part in ("base", "plus"):
                found[part], found[f"{part}_time"] = trusted_exec(
                    task["prompt"] + task["canonical_solution"],
                    task[f"{part}_input"],
                    task["entry_point"],
                    record_time=True,
                    output_not_none=task["entry_point"] in MBPP_OUTPUT_NOT_NONE_TASKS,
                )
            self.expected[name] = found
        return name

    def check(self, suite: str, name: str, program: str) -> Row:
        from evalplus.evaluate import check_correctness  # noqa: PLC0415

        task = self.problems[name]
        said = check_correctness(suite.rstrip("+"), 0, task, program, self.expected[name], fast_check=True)
        base, plus = said["base"][0], said["plus"][0]
        return {"base": base, "plus": base if base != "pass" else plus}


def ours(sandbox: Sandbox, task: Task, program: str) -> Row:
    task = replace(task, prompt_code="")
    check = sandbox.check(program_of(task, program))
    base = base_of(task, program, sandbox, check, whole=True)
    return {"base": base and base.value, "plus": check.verdict.value, "detail": check.detail}


def timed(run: Any, *arguments: Any) -> Row:
    begun = time.perf_counter()
    found: Row = run(*arguments)
    return {**found, "seconds": round(time.perf_counter() - begun, 4)}


def agree(theirs: Row, mine: Row) -> bool:
    return all((theirs[part] == "pass") == (mine[part] == "pass") for part in ("base", "plus"))


def verify(data: Path, rows: Sequence[Row], file: Path) -> None:
    """One process's share: each program by both, the first of the two in turns; a difference again with wide limits."""
    spawn = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(1, spawn, _open_theirs, (data,)) as theirs,  # as `evalplus.evaluate` runs it
        Sandbox(limits=Limits()) as near,
        Sandbox(limits=WIDE) as wide,
    ):
        for index, row in enumerate(rows):
            suite, task_id, *_ = row["name"]
            task, name = tasks_of(data, suite)[task_id], theirs.submit(_prepare, task_id).result()

            def by_theirs(program: str, suite: str = suite, name: str = name) -> Row:
                return theirs.submit(_check, suite, name, program).result()

            def by_ours(program: str, task: Task = task) -> Row:
                return timed(ours, near, task, program)

            calls = [("theirs", by_theirs), ("ours", by_ours)]
            found = {key: check(row["program"]) for key, check in (reversed(calls) if index % 2 else calls)}
            if not agree(found["theirs"], found["ours"]):
                found["wide"] = ours(wide, task, row["program"])
            with file.open("a") as stream:
                stream.write(json.dumps({"name": row["name"], **found}) + "\n")


def _open_theirs(data: Path) -> None:
    global _theirs  # noqa: PLW0603 - what a pool's process holds
    sys.stdout = sys.stderr
    multiprocessing.set_start_method("fork", force=True)  # evalplus's processes would inherit "spawn": a second each
    _theirs = Theirs(data)


def _prepare(task_id: str) -> str:
    return _theirs.prepare(task_id)


def _check(suite: str, name: str, program: str) -> Row:
    return timed(_theirs.check, suite, name, program)


#: Differences whose cause a person found.
FOUND = {
    "HumanEval/95": "HumanEval's own test has a dict with the key 5, evalplus's base inputs have '5' (as JSON has)",
    "MBPP/87": "MBPP's assertions merge dicts that share a key, evalplus's base inputs have none that do",
    "MBPP/3": "evalplus's base inputs hold 1, MBPP's assertions do not: it is among our plus inputs",
}


def cause(row: Row) -> str:
    """Why the two differ: found by a person, or as the verdicts tell it."""
    if row["name"][1] in FOUND:
        return FOUND[row["name"][1]]
    theirs, mine, wide = row["theirs"], row["ours"], row["wide"]
    if agree(theirs, wide):
        return f"our limits (10 s and 1 GiB for all inputs): {mine['plus']}; the same verdict with evalplus's"
    if "timeout" in (theirs["base"], theirs["plus"]) and mine["plus"] == Verdict.PASS.value:
        return "its limit of time for one input"
    which = "base" if (theirs["base"] == "pass") != (mine["base"] == "pass") else "plus"
    return f"{which} tests: evalplus {theirs[which]}, ours {mine[which]}: {mine['detail'] or 'no detail'}"


def calls_of(name: str, assertions: Sequence[str]) -> set[int]:
    """With how many arguments assertions call a function."""
    nodes = (node for text in assertions for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    return {len(node.args) for node in nodes if isinstance(node.func, ast.Name) and node.func.id == name}


def signatures(data: Path) -> Iterator[str]:
    """What MBPP+ asks otherwise than MBPP does."""
    mbpp = {task.task_id: task for task in find_suite("mbpp", str(data / "mbpp" / "mbpp.jsonl")).tasks}
    tasks, other = tasks_of(data, "mbpp+"), 0
    names, arguments, failing = list[str](), list[str](), list[str]()
    with Sandbox() as sandbox:
        for task_id, task in tasks.items():
            own = mbpp[task_id]
            name = task.test_list[-1].removeprefix("_check_plus(").rstrip(")")
            other += set(task.base_tests) != set(own.test_list)
            before, after = calls_of(name, own.test_list), calls_of(name, task.base_tests)
            if before != after:
                (arguments if before else names).append(task_id)
            if sandbox.check(program_of(own, task.code)).verdict is not Verdict.PASS:
                failing.append(task_id)
    yield f"Of MBPP+'s {len(tasks)} tasks {other} have other assertions than the full MBPP. "
    yield "What MBPP+ asks is taken.\n"
    yield f"- {len(names)} call a function of another name: {', '.join(names)}."
    yield f"- {len(arguments)} call it with another number of arguments: {', '.join(arguments)}."
    yield f"- {len(failing)} of its references fail MBPP's assertions: {', '.join(failing)}."


def page(data: Path, rows: Sequence[Row], totals: Mapping[str, int]) -> Iterator[str]:
    yield "# Verdicts on HumanEval+ and MBPP+, beside the evalplus package's\n"
    yield "Written by `benchmarks/results/plus.py`. Same programs, one process tree at a time each, in turns.\n"
    counts, times = [], []
    for suite, total in totals.items():
        own = [row for row in rows if row["name"][0] == suite]
        if not own:
            continue
        same = sum(agree(row["theirs"], row["ours"]) for row in own)
        shares = [
            percent(sum(row[who][part] == "pass" for row in own) / len(own))
            for part in ("base", "plus")
            for who in ("theirs", "ours")
        ]
        counts.append([suite, f"{len(own)} of {total}", *shares, str(len(own) - same)])
        seconds = {who: sorted(row[who]["seconds"] for row in own) for who in ("theirs", "ours")}
        times.append(
            [
                suite,
                *(
                    f"{figure(values):.3f}"
                    for figure in (median, lambda each: sum(each) / len(each), max)
                    for values in seconds.values()
                ),
            ]
        )
    yield table("suite|programs|base: evalplus|base: ours|plus: evalplus|plus: ours|different", counts) + "\n"
    yield "Programs are the first of each recording in an order drawn by hash:"
    yield "; ".join(f"{suite}: {', '.join(SETS[suite][1])}" for suite in totals) + ".\n"
    yield "## Differences by cause\n"
    causes: Mapping[str, list[str]] = defaultdict(list)
    for row in rows:
        if not agree(row["theirs"], row["ours"]):
            causes[cause(row)].append("-".join(map(str, row["name"][1:])))
    found = [[why, str(len(names)), ", ".join(sorted(names))] for why, names in causes.items()]
    yield table("cause|programs|which", found) + "\n" if found else "None.\n"
    yield "## Seconds for a verdict (base and plus)\n"
    yield table("suite|median: evalplus|ours|mean: evalplus|ours|longest: evalplus|ours", times) + "\n"
    yield "Without starting Python and without evalplus's run of the references. The machine had other work: compare"
    yield "within a row alone. [verdicts.md](verdicts.md) has rates.\n"
    yield "## Tasks of MBPP+ that differ from MBPP\n"
    yield from signatures(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("verdicts", type=Path)
    parser.add_argument("--first", type=int, default=10**6)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--page", action="store_true")
    given = parser.parse_args()
    known = [json.loads(line) for line in given.verdicts.read_text().splitlines()] if given.verdicts.exists() else []
    done = {tuple(row["name"]) for row in known}
    found = {suite: programs(given.data, suite) for suite in SETS}
    wanted = [row for rows in found.values() for row in rows[: given.first]]
    wanted.sort(key=lambda row: hashlib.sha256(repr(row["name"]).encode()).digest())
    if not given.page:
        rest = [row for row in wanted if row["name"] not in done]
        spawn = multiprocessing.get_context("spawn")
        shares = [rest[start :: given.workers] for start in range(given.workers)]
        running = [spawn.Process(target=verify, args=(given.data, share, given.verdicts)) for share in shares]
        for process in running:
            process.start()
        for process in running:
            process.join()
        if any(process.exitcode for process in running):
            sys.exit(Counter(process.exitcode for process in running).most_common(1)[0][0])
        known = [json.loads(line) for line in given.verdicts.read_text().splitlines()]
    print("\n".join(page(given.data, known, {suite: len(rows) for suite, rows in found.items()})))


if __name__ == "__main__":
    main()
