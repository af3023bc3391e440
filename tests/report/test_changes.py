"""Two reports side by side: what differs is told, what does not is counted, what one lacks is named."""

from __future__ import annotations

from dataclasses import replace

from made import made_run, results

from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.report.changes import changes

RUN = made_run(trials=2)
REPORT = results(RUN).report


def test_a_report_beside_itself_has_changed_in_nothing() -> None:
    found = changes(REPORT, REPORT)
    assert (found["tasks"], found["same"], found["gone"], found["new"]) == ([], 120, [], [])
    assert all(each["before"] == each["after"] for each in found["models"] + found["policies"])
    assert [each["name"] for each in found["policies"]] == list(REPORT["policies"])


def test_what_changed_in_a_task_is_told_before_and_after() -> None:
    """One task that everybody now solves: its successes, its level and the choice made by it."""
    old = next(row for row in REPORT["tasks"] if row["level"] == 4 and row["chosen"]["assignment"] == 1)
    outcomes = [
        replace(each, verdict=Verdict.PASS) if each.task_id == old["task_id"] else each for each in RUN.outcomes
    ]
    now = results(replace(RUN, outcomes=tuple(outcomes))).report
    found = changes(now, REPORT)
    (change,) = found["tasks"]
    assert found["same"] == 119
    assert (change["suite"], change["task_id"]) == ("made", old["task_id"])
    assert change["level"] == [4, 1]
    assert change["chosen"] == {"assignment": ["middle", "small"]}
    differing = {
        model: [[was, 2], [2, 2]]
        for model, was in zip(("small", "middle", "large"), old["successes"], strict=True)
        if was != 2
    }
    assert differing
    assert change["solved"] == differing
    small = next(each for each in found["models"] if each["name"] == "small")
    assert small["after"]["accuracy"] > small["before"]["accuracy"]


def test_tasks_and_models_of_one_report_alone_are_named_and_not_compared() -> None:
    other = results(made_run(tasks=("T/0", "T/1", "T/new"), ladder=("small", "huge"), trials=2)).report
    found = changes(other, REPORT)
    assert found["new"] == ["T/new"]
    assert found["gone"] == [f"T/{number}" for number in range(2, 120)]
    assert [each["name"] for each in found["models"]] == ["small"]
    assert all(set(each.get("solved", {})) <= {"small"} for each in found["tasks"])
