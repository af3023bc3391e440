"""`--cx-calls`: fewer calls, the same labels, and what was left out shown as such."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from small import TASKS, write_lines

Runner = Callable[..., pytest.RunResult]
Outcomes = Callable[..., dict[str, dict[str, Any]]]
WAYS = {"n0": ["-n0"], "n2": ["-n2"]}


def labels(suite: pytest.Pytester, to: str = "run") -> list[tuple[str, int | None]]:
    rows = [json.loads(line) for line in (suite.path / to / "labels.jsonl").read_text().splitlines()]
    return [(row["task_id"], row["level"]) for row in rows]


def report(suite: pytest.Pytester, to: str = "run") -> dict[str, Any]:
    return dict(json.loads((suite.path / to / "report.json").read_text()))


@pytest.mark.parametrize("way", WAYS)
def test_lazy_skips_what_cannot_change_a_level(
    run: Runner, suite: pytest.Pytester, outcomes: Outcomes, way: str
) -> None:
    result = run("--cx-calls=lazy", "-rs", *WAYS[way])
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*level already decided*"])
    result.stdout.fnmatch_lines(["*5 passed, 4 skipped, 3 wrong*"])
    assert set(outcomes()) == {
        *("T/1-small-0", "T/1-small-1"),
        *("T/2-small-0", "T/2-large-0", "T/2-large-1"),
        *("T/3-small-0", "T/3-large-0", "T/3-large-1"),
    }
    assert labels(suite) == [("T/1", 1), ("T/2", 2), ("T/3", None)]


def told(suite: pytest.Pytester, to: str = "run") -> str:
    return (suite.path / to / "report.md").read_text()


def test_a_lazy_run_says_what_its_shares_are_and_goes_on_to_a_full_one(
    run: Runner, suite: pytest.Pytester, outcomes: Outcomes
) -> None:
    run("--cx-calls=lazy").stdout.fnmatch_lines(["*Levels are those of a full run*"])
    assert "8 of 12 trials measured, chosen by --cx-calls=lazy: the accuracies" in told(suite)
    assert report(suite)["run"]["calls"] == "lazy"
    run()
    assert len(outcomes()) == 12
    assert "full run" not in told(suite)


def test_a_number_of_calls_is_a_budget_and_the_rest_is_filled_in(
    run: Runner, suite: pytest.Pytester, outcomes: Outcomes
) -> None:
    result = run("--cx-calls=7", "-rs", *WAYS["n2"])
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*the budget of 7 calls is spent*"])
    assert len(outcomes()) == 7
    assert "Accuracy, with estimates for the calls that were not made: small " in told(suite)
    found = report(suite)["calls"]
    assert found["policy"] == "budget"
    assert len(found["chances"]) == 3
    for row in found["chances"]:
        bounds = zip(row["low"], row["chances"], row["high"], strict=True)
        assert all(low <= chance <= high for low, chance, high in bounds)


@pytest.fixture
def shown(suite: pytest.Pytester) -> pytest.Pytester:
    """The tasks show their assertion, so that an attempt can be told right from wrong."""
    write_lines(suite.path / "tasks.jsonl", [{**task, "visible_tests": task["test_list"]} for task in TASKS])
    return suite


def test_switching_learns_from_counts_and_stops_at_an_answer_whose_visible_check_passes(
    run: Runner, shown: pytest.Pytester, outcomes: Outcomes
) -> None:
    line = {"text": "", "trials": 2, "successes": {"small": 1, "large": 2}}
    write_lines(shown.path / "counts.jsonl", [{"task_id": f"C/{n}", **line} for n in range(5)])
    result = run("--cx-calls=switching:counts.jsonl", "-rs", *WAYS["n2"])
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*no further call pays*"])
    found = outcomes()
    assert "T/1-small-0" in found
    assert not any(key.startswith("T/1-large") for key in found)
    assert "T/2-large-0" in found
    assert "T/2-large-1" not in found
    assert report(shown)["calls"]["accuracy"] == 1
    assert "Switching gave a right answer to 100.0% of 3 tasks" in told(shown)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("most", "no call policy 'most'; give one of all, lazy, budget, switching, cascade, or a number"),
        ("switching:nothing", "nothing"),
        ("lazy:2", "lazy takes no argument, got '2'"),
        ("budget:x", "expected a number of calls above 0, got 'x'"),
    ],
)
def test_a_policy_that_does_not_exist_is_told_in_one_line(run: Runner, said: str, told: str) -> None:
    result = run(f"--cx-calls={said}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: *{told}*"])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


def test_shown_assertions_are_the_check_of_a_cascade_and_part_of_the_runs_identity(
    run: Runner, outcomes: Callable[..., dict[str, dict[str, Any]]]
) -> None:
    result = run("--cx-show-tests=1", "--cx-calls=cascade:112")
    result.stdout.fnmatch_lines(["*--cx-show-tests=1: a recording does not tell*"])
    found = outcomes()
    assert {key: row["visible"] for key, row in found.items() if "T/1" in key} == {"T/1-small-0": True}
    assert [key for key in found if "T/2" in key] == ["T/2-small-0", "T/2-small-1", "T/2-large-0"]
    run().stderr.fnmatch_lines(["*show_tests was 1, is None*"])
