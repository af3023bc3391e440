"""Runs made up for the tests of the page, in memory: no sandbox and no directory is needed to look at a report."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from pytest_complexity.inputs import measured_of
from pytest_complexity.models import Completion
from pytest_complexity.outcomes import Key, Outcome, Verdict
from pytest_complexity.report.html import page
from pytest_complexity.results import Results, results_of
from pytest_complexity.rundir import RunRecord

LADDER = ("small", "middle", "large")
FAILURES = [verdict for verdict in Verdict if verdict not in (Verdict.PASS, Verdict.UNMEASURED)]


def made_run(
    tasks: Sequence[str] = tuple(f"T/{number}" for number in range(120)),
    ladder: Sequence[str] = LADDER,
    trials: int = 5,
    said: Callable[[Key], str] = lambda key: f"def answer():\n    return {str(key)!r}\n",
    suite: str = "made",
    seed: int = 0,
) -> RunRecord:
    """Outcomes by chance: each task has a difficulty, each model is better than the one before it."""
    chance = random.Random(seed)
    outcomes, completions = [], {}
    for task_id in tasks:
        hard = chance.random()
        for strength, model in enumerate(ladder, 1):
            for trial in range(trials):
                key = Key(suite, task_id, model, trial)
                right = chance.random() < strength / len(ladder) + 0.25 - 1.2 * hard
                verdict = Verdict.PASS if right else chance.choice(FAILURES)
                detail = "" if right else f"assert answer() == 1: got {trial}"
                cost = round(0.0001 * 8**strength * (1 + chance.random()), 7)
                outcomes.append(Outcome(*key, verdict, detail, seconds=0.1, completion_tokens=40, cost_usd=cost))
                completions[key] = Completion(said(key), 20, 40, 0.5 * strength)
    config: dict[str, Any] = {
        "version": "0",
        "ladder": list(ladder),
        "trials": trials,
        "timeout": 10.0,
        "memory": 1024,
        "seed": 0,
        "sandbox": "namespaces",
        "suites": {suite: {"dataset": "made.jsonl", "sha256": "0" * 64, "tasks": len(tasks)}},
        "models": {model: {"adapter": "scripted"} for model in ladder},
    }
    keys = [(suite, task_id) for task_id in tasks]
    texts = {key: f"Write answer(), number {number} of its kind." for number, key in enumerate(keys)}
    return RunRecord(config, tuple(outcomes), texts, dict.fromkeys(keys, "assert answer() == 1"), completions)


def results(run: RunRecord) -> Results:
    return results_of(measured_of(run))


def html(run: RunRecord, baseline: RunRecord | None = None) -> str:
    made = results(run)
    return page(made.report, made.run, results(baseline).report if baseline else None)
