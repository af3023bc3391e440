"""Runs made up for the tests of the page, in memory: no sandbox and no directory is needed to look at a report."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from pytest_complexity.core.outcomes import Key, Outcome, Verdict
from pytest_complexity.core.predictions import Prediction
from pytest_complexity.models import Completion
from pytest_complexity.policies.adequate import CheapestAdequate
from pytest_complexity.policies.utility import Utility
from pytest_complexity.report.assembly import Results, Routed, results_of
from pytest_complexity.report.html import page
from pytest_complexity.run.directory import RunRecord
from pytest_complexity.run.inputs import measured_of

LADDER = ("small", "middle", "large")
FAILURES = [verdict for verdict in Verdict if verdict not in (Verdict.PASS, Verdict.UNMEASURED)]


def made_run(
    tasks: Sequence[str] = tuple(f"T/{number}" for number in range(120)),
    ladder: Sequence[str] = LADDER,
    trials: int = 5,
    said: Callable[[Key], str] = lambda key: f"def answer():\n    return {str(key)!r}\n",
    suite: str = "made",
    seed: int = 0,
    shows: bool = False,
) -> RunRecord:
    """Outcomes by chance: each task has a difficulty, each model is better than the one before it.

    `shows`: every other task shows something to check by, and the check is always right.
    """
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
                visible = right if shows and int(task_id.rpartition("/")[2]) % 2 else None
                outcomes.append(
                    Outcome(*key, verdict, detail, visible, seconds=0.1, completion_tokens=40, cost_usd=cost)
                )
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


def routed(run: RunRecord) -> dict[str, Any]:
    """The report of a run with a router whose predictions are blurred, and with scores of a classifier."""
    measured, chance = measured_of(run), random.Random(1)
    predictions = []
    for task in measured.counts:
        rates = (task.successes[model] / task.trials[model] for model in LADDER)
        chances = tuple(0.1 + 0.5 * rate + 0.3 * chance.random() for rate in rates)
        level = chance.randrange(5)
        predictions.append(Prediction(chances, tuple(float(index == level) for index in range(5))))
    prices = (0.0012, 0.0096, 0.077)
    routers = [Utility(prices, 0.5), CheapestAdequate(0.5)]
    report = results_of(measured, routed=Routed(predictions, routers, prices)).report
    return {**report, "router": CLASSIFIER}


#: What a report holds of a classifier.
ROW = {
    "accuracy": 0.625,
    "accuracy_ci": [0.5, 0.75],
    "within_one": 0.9,
    "any_of_n": None,
    "macro_f1": 0.5,
    "kappa": None,
}
CLASSIFIER: dict[str, Any] = {
    "classifier": "tfidf",
    "rule": "complexitynet",
    "tasks": 41,
    "leaked": 7,
    **ROW,
    "majority": 0.375,
    "ceiling": 0.8,
    "against_majority": {"better": 12, "worse": 3, "p": 0.035},
    "against_constant": {"level": 3, "accuracy": 0.4, "better": 11, "worse": 4, "p": 0.118},
    "auroc": {"small": {"value": 0.714, "ci": [0.6, 0.8125]}, "large": None},
    "rows": {name: {**ROW, "log_loss": 1.25, "chance_log_loss": 0.5} for name in ("majority", "tfidf")},
    "confusion": [[9, 1, 0, 0, 0], [2, 8, 0, 0, 0], [0, 0, 7, 0, 0], [0, 0, 0, 6, 3], [0, 0, 0, 0, 5]],
    "calibration": {
        "error": 0.05,
        "perfect": 0.031,
        "perfect_95": 0.062,
        "bins": [{"predicted": each / 4, "observed": 0.1 + each / 5, "trials": 10 * each} for each in (1, 2, 3)],
    },
}


def results(run: RunRecord) -> Results:
    return results_of(measured_of(run))


def html(run: RunRecord, baseline: RunRecord | None = None) -> str:
    made = results(run)
    return page(made.report, made.run, (), results(baseline).report if baseline else None)
