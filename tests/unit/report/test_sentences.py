"""What a report says of cascades in its first sentences."""

from __future__ import annotations

import random

from pytest_complexity.core.counts import counts_of
from pytest_complexity.core.outcomes import Outcome, Verdict
from pytest_complexity.report import sentences
from pytest_complexity.report.assembly import results_of
from pytest_complexity.run.inputs import Measured

LADDER = ("small", "large")


def measured(told: float, tasks: int = 120, trials: int = 3) -> Measured:
    """Models right in 55% and 60%; the check says what is true with the chance `told`, else what a coin says."""
    chance, outcomes = random.Random(0), []
    for number in range(tasks):
        for model, share in zip(LADDER, (0.55, 0.6), strict=True):
            for trial in range(trials):
                right = chance.random() < share
                visible = right if chance.random() < told else chance.random() < 0.5
                verdict = Verdict.PASS if right else Verdict.WRONG
                outcomes.append(Outcome("s", f"T/{number}", model, trial, verdict, visible=visible))
    texts = {("s", f"T/{number}"): f"{chance.random()} stands in text {number}" for number in range(tasks)}
    return Measured(LADDER, tuple(counts_of(outcomes, LADDER, trials, texts)), tuple(outcomes))


def test_where_a_cascade_pays_the_headline_names_its_models_and_how_to_use_it() -> None:
    report = results_of(measured(told=1.0)).report
    name = report["routing"]["policy"]
    plan = report["policies"][name]["plan"]
    told = sentences.headline(report)
    assert told.startswith("A cascade pays here: ")
    assert f"--cx-calls=cascade:{plan}, or Cascade.of({plan!r}" in told.replace('"', "'")
    assert all(stage["model"] in told.split("It asks")[1] for stage in report["policies"][name]["stages"])
    assert any(
        sentence.startswith("Visible check, on 120 of 120 tasks: 100.0%") for sentence in sentences.details(report)
    )


def test_where_the_check_knows_nothing_no_cascade_is_said_to_pay() -> None:
    assert "pays here" not in sentences.headline(results_of(measured(told=0.0)).report)


def test_each_cascade_says_its_plan_and_for_which_there_are_too_few_trials() -> None:
    details = sentences.details(results_of(measured(told=1.0, trials=1)).report)
    assert any(each.startswith("cascade is the plan 12: ") and "too few" not in each for each in details)
    assert any(each.startswith("best-of-N is the plan 1: ") and "too few trials for 11" in each for each in details)
