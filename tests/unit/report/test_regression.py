"""A report against an earlier one: chance passes, a loss fails and names its tasks, what is missing fails."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_complexity.errors import GateError
from pytest_complexity.report.regression import check_baseline, read_baseline

LADDER = ["small", "large"]


def report(successes: Sequence[Sequence[int]], chosen: Sequence[int], trials: int = 1, **more: Any) -> dict[str, Any]:
    """As much of a report.json as is compared; the router asks `chosen`."""
    rows = [
        {
            "suite": "s",
            "task_id": f"T/{number}",
            "level": None,
            "successes": list(map(int, right)),
            "trials": [trials] * 2,
            "costs": [0.0001, 0.001],
            "chosen": {"utility": int(index), "assignment-known": 0},
        }
        for number, (right, index) in enumerate(zip(successes, chosen, strict=True))
    ]
    policies = {
        "utility": {"kind": "router"},
        "assignment-known": {"kind": "informed"},
        "always-small": {"kind": "simple"},
    }
    return {"run": {"ladder": LADDER, "cost_unit": "usd"}, "models": {}, "policies": policies, "tasks": rows, **more}


def world(seed: int, tasks: int, drop: float = 0.0, trials: int = 1) -> dict[str, Any]:
    """A new measurement of the same tasks; the models solve `drop` less of them than they did."""
    chances = np.random.default_rng(1).uniform(0.1, 0.95, (tasks, 2))
    chosen = np.random.default_rng(2).integers(0, 2, tasks)
    return report(np.random.default_rng(seed).binomial(trials, np.clip(chances - drop, 0, 1)), chosen, trials)


def failed(after: dict[str, Any], before: dict[str, Any], margin: float = 0.0) -> list[str]:
    return [result.message for result in check_baseline(after, before, margin) if not result.passed]


def test_a_report_loses_nothing_against_itself() -> None:
    (result,) = check_baseline(world(3, 100), world(3, 100))
    assert result.passed
    assert result.message == "baseline passed: nothing lost in 4 measures on 100 common tasks"


@pytest.mark.parametrize("trials", [1, 5])
def test_a_new_measurement_of_the_same_models_fails_in_at_most_1_of_20(trials: int) -> None:
    alarms = sum(bool(failed(world(2 * n, 60, trials=trials), world(2 * n + 1, 60, trials=trials))) for n in range(120))
    assert alarms <= 12  # 6 are expected at the most; 13 or more of 120 come by chance in 1 of 130 seeds


def test_a_loss_of_15_points_on_200_tasks_is_found_in_9_of_10_and_one_within_the_margin_is_not() -> None:
    pairs = [(world(2 * n, 200, drop=0.15), world(2 * n + 1, 200)) for n in range(20)]
    assert sum(bool(failed(*pair)) for pair in pairs) >= 18
    assert sum(bool(failed(*pair, margin=0.2)) for pair in pairs) <= 2


def test_a_router_that_asks_the_wrong_models_fails_and_the_message_names_the_tasks() -> None:
    solved = [(n % 2, 1 - n % 2) for n in range(40)]  # each task is solved by just one of the two
    right, wrong = [1 - n % 2 for n in range(40)], [1 - n % 2 if n >= 12 else n % 2 for n in range(40)]
    (message,) = failed(report(solved, wrong), report(solved, right))
    assert message.startswith("baseline failed: policies.utility.accuracy went from 1 to 0.7 on 40 common tasks")
    assert "worse on 12: T/0, T/1, T/2, T/3, T/4, T/5, T/6, T/7, T/8, T/9, ...; better on 0" in message


def test_a_router_that_solves_as_much_for_more_fails_by_its_cost() -> None:
    solved = [(1, 1)] * 40
    (message,) = failed(report(solved, [1] * 40), report(solved, [0] * 40))
    assert message.startswith("baseline failed: policies.utility.cost went from 0.0001 to 0.001")
    assert not failed(report(solved, [0] * 40), report(solved, [1] * 40))
    assert not failed(report(solved, [1] + [0] * 39), report(solved, [0] * 40))  # one task proves nothing


def test_few_tasks_that_all_got_worse_are_no_proof() -> None:
    before = [(1, 1)] * 400
    for worse, found in ((4, False), (9, True)):
        assert bool(failed(report([(0, 1)] * worse + before[worse:], [1] * 400), report(before, [1] * 400))) is found


def test_tasks_that_are_gone_or_not_measured_fail_and_are_named() -> None:
    before = world(3, 30)
    after = {**before, "tasks": before["tasks"][2:]}
    assert failed(after, before) == [
        "baseline failed: 2 of its tasks are not measured here: T/0, T/1 (models.small.accuracy is missing)"
    ]
    after = {**before, "tasks": [{**before["tasks"][0], "trials": [1, 0]}, *before["tasks"][1:]]}
    del after["tasks"][0]["chosen"]
    assert "1 of its tasks are not measured here: T/0 (models.large.accuracy" in failed(after, before)[0]


def test_tasks_that_are_new_are_welcome() -> None:
    before = world(3, 30)
    assert not failed(before, {**before, "tasks": before["tasks"][2:]})


def test_a_model_or_a_router_that_is_gone_fails() -> None:
    before = world(3, 30)
    after = {**before, "policies": {}}
    assert failed(after, before) == [
        "baseline failed: this report has no policies.utility.accuracy",
        "baseline failed: this report has no policies.utility.cost",
    ]


def test_a_leak_between_training_and_test_fails() -> None:
    before = world(3, 30)
    assert failed({**before, "router": {"leaked": 3}}, before) == [
        "baseline failed: the router was trained on 3 tasks of this run"
    ]
    assert not failed({**before, "router": {"leaked": 0}}, before)


def test_costs_of_another_unit_are_not_compared_and_fail() -> None:
    before = world(3, 30)
    after = {**before, "run": {**before["run"], "cost_unit": "unit"}}
    assert failed(after, before) == ["baseline failed: costs cannot be compared: usd before, unit now"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"run": {}}', "{", '{"run": {"ladder": ["a"]}, "policies": {}, "tasks": [1]}']
)
def test_what_is_no_report_is_one_clear_error(text: str, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(text)
    with pytest.raises(GateError, match=r"report\.json"):
        read_baseline(file)
    with pytest.raises(GateError, match=r"none\.json: cannot be read"):
        read_baseline(tmp_path / "none.json")


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(json.dumps(world(3, 5)))
    assert read_baseline(tmp_path / "report.json") == world(3, 5)


def test_a_cascade_that_solves_less_or_costs_more_fails() -> None:
    def cascaded(solved: float, cost: float) -> dict[str, Any]:
        made = world(3, 100)
        made["policies"]["cascade"] = {"kind": "cascade"}
        for row in made["tasks"]:
            row["cascades"] = {"cascade": [solved, cost]}
        return made

    assert failed(cascaded(0.5, 2.0), cascaded(0.5, 2.0)) == []
    (told,) = failed(cascaded(0.4, 2.0), cascaded(0.5, 2.0))
    assert "policies.cascade.accuracy went from 0.5 to 0.4 on 100 common tasks" in told
    (told,) = failed(cascaded(0.5, 3.0), cascaded(0.5, 2.0))
    assert "policies.cascade.cost went from 2 to 3" in told
    (told,) = failed(world(3, 100), cascaded(0.5, 2.0))[:1]
    assert "this report has no policies.cascade.accuracy" in told
