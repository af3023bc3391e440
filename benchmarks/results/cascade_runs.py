"""Verifies the completions that the page on cascades is about, and writes a run directory of each set.

    python benchmarks/results/cascade_runs.py DATA OUT

DATA holds `difftrust`, `mbpp` and `recordings`. For every completion: the verdict, whether the shown assertions passed
(HumanEval: the examples of the prompt; MBPP: the first assertion), and for MBPP, in OUT/SET-others, the verdict by the
assertions that are not shown. A completion that came twice runs once. MBPP's cells whose counts say that all ten trials
passed are not run again: whatever passes all assertions passes the first.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_complexity.core.jsonl import read_jsonl
from pytest_complexity.core.machine import processors
from pytest_complexity.core.outcomes import Outcome, Verdict
from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import RecordingError
from pytest_complexity.run.pipeline import check_of
from pytest_complexity.sandbox import Check, Limits, Sandbox
from pytest_complexity.suites import load_suite

DIFFTRUST = (
    "ministral_8b",
    "gemini_2_0_flash_lite",
    "llama_4_maverick_17b",
    "deepseek_r1",
    "gpt_o4_mini",
    "gpt_4o",
    "gpt_4_turbo",
    "claude_opus_4",
)
TRIO = ("codellama", "gpt35", "gpt4")
PASSED = Check(Verdict.PASS, "", visible=True, borderline=False, seconds=0.0)


@dataclass(frozen=True)
class Set:
    """Completions to verify. `counts` has what is known of their verdicts, and estimated costs."""

    name: str
    suite: str
    tasks: dict[str, Task]
    ladder: Sequence[str]
    completions: list[dict[str, Any]]
    trials: int
    limits: Limits
    counts: dict[str, dict[str, Any]]


def sets(data: Path) -> Iterator[Set]:
    trust = data / "difftrust"
    mbpp = {task.task_id: task for task in load_suite("mbpp", str(data / "mbpp" / "mbpp.jsonl")).showing(1).tasks}
    sanitized = load_suite("mbpp", str(trust / "mbpp-412-sanitized.json")).showing(1).tasks
    humaneval = {task.task_id: task for task in load_suite("humaneval").tasks}
    yield Set("mbpp", "mbpp", mbpp, TRIO, rows(data / "recordings" / "mbpp-complexitynet.jsonl"), 1, Limits(10), {})
    of_mbpp, of_humaneval = (counts(trust / f"{name}-counts.jsonl") for name in ("mbpp", "humaneval"))
    yield Set(
        "difftrust-humaneval",
        "humaneval",
        {name: humaneval[name] for name in of_humaneval},
        DIFFTRUST,
        rows(trust / "humaneval.jsonl.xz"),
        10,
        Limits(3),
        of_humaneval,
    )
    tasks = {task.task_id: task for task in sanitized if task.task_id in of_mbpp}
    yield Set("difftrust-mbpp", "mbpp", tasks, DIFFTRUST, rows(trust / "mbpp.jsonl.xz"), 10, Limits(3), of_mbpp)


def rows(path: Path) -> list[dict[str, Any]]:
    return [row for _, row in read_jsonl(path, RecordingError)]


def counts(path: Path) -> dict[str, dict[str, Any]]:
    return {row["task_id"]: row for row in rows(path)}


def verify(each: Set, out: Path) -> None:
    known: dict[tuple[str, str], tuple[Check, Check]] = {}
    with Sandbox(workers=processors(), limits=each.limits) as sandbox, ThreadPoolExecutor(processors()) as pool:

        def checks(row: dict[str, Any]) -> tuple[Check, Check]:
            task, said = each.tasks[row["task_id"]], row["completion"]
            first = check_of(task, said, sandbox)
            if each.suite != "mbpp" or first.verdict is Verdict.PASS or first.visible or len(task.test_list) == 1:
                return first, first
            others = check_of(replace(task, test_list=task.test_list[1:]), said, sandbox)
            return first, replace(others, visible=first.visible)

        wanted = {(row["task_id"], row["completion"]): row for row in each.completions if not passed(each, row)}
        for number, (key, found) in enumerate(zip(wanted, pool.map(checks, wanted.values()), strict=True)):
            known[key] = found
            if number % 500 == 0:
                print(f"{each.name}: {number} of {len(wanted)} programs", file=sys.stderr, flush=True)
    for place, suffix in enumerate(("", "-others") if each.suite == "mbpp" else ("",)):
        found_all = (
            (row, known.get((row["task_id"], row["completion"]), (PASSED, PASSED))[place]) for row in each.completions
        )
        write(each, out / f"{each.name}{suffix}", found_all)


def passed(each: Set, row: dict[str, Any]) -> bool:
    """Whether the counts say that every trial of its cell passed, and hence the shown assertion too."""
    known = each.counts.get(row["task_id"])
    return bool(each.suite == "mbpp" and known and known["successes"].get(row["model"]) == each.trials)


def write(each: Set, path: Path, found: Iterator[tuple[dict[str, Any], Check]]) -> None:
    path.mkdir(parents=True, exist_ok=True)
    config = {"ladder": each.ladder, "trials": each.trials, "models": {name: {} for name in each.ladder}}
    (path / "run.json").write_text(json.dumps(config) + "\n")
    with (path / "tasks.jsonl").open("w") as file:
        for task in each.tasks.values():
            file.write(json.dumps({"suite": each.suite, **task.to_json(), "tests": task.tests}) + "\n")
    with (path / "outcomes.jsonl").open("w") as file:
        for row, check in found:
            cost = each.counts.get(row["task_id"], {}).get("cost_usd_estimated", {}).get(row["model"])
            key = (each.suite, row["task_id"], row["model"], row["trial"])
            outcome = Outcome(*key, check.verdict, check.detail, check.visible, check.borderline, cost_usd=cost)
            file.write(json.dumps(outcome.to_json()) + "\n")


def main() -> None:
    for each in sets(Path(sys.argv[1])):
        verify(each, Path(sys.argv[2]))


if __name__ == "__main__":
    main()
