"""`--cx-calls`: fewer calls, the same labels, and what was left out shown as such."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from conftest import RIGHT, TASKS, write_lines

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
    run("--cx-calls=lazy").stdout.fnmatch_lines(["*are not those of a full run*"])
    assert "shares of models and policies are not those of a full run, levels are" in told(suite)
    assert report(suite)["run"]["calls"] == "lazy"
    run()
    assert len(outcomes()) == 12
    assert "full run" not in told(suite)
    run("--cx-calls=lazy").stdout.fnmatch_lines(["*4 skipped*"])
    assert len(outcomes()) == 12
    assert "full run" not in told(suite)


def test_a_number_of_calls_is_a_budget_and_the_rest_is_filled_in(
    run: Runner, suite: pytest.Pytester, outcomes: Outcomes
) -> None:
    result = run("--cx-calls=7", "-rs", *WAYS["n0"])
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*the budget of 7 calls is spent*"])
    assert len(outcomes()) == 7
    assert "With the rest filled in: small " in told(suite)
    found = report(suite)["calls"]
    assert found["policy"] == "budget"
    assert len(found["chances"]) == 3
    for row in found["chances"]:
        bounds = zip(row["low"], row["chances"], row["high"], strict=True)
        assert all(low <= chance <= high for low, chance, high in bounds)
    run("--cx-calls=7", *WAYS["n2"], to="two")
    assert outcomes("two") == outcomes()


@pytest.fixture
def shown(suite: pytest.Pytester) -> pytest.Pytester:
    """The tasks show their assertion, so that an attempt can be told right from wrong."""
    write_lines(suite.path / "tasks.jsonl", [{**task, "visible_tests": task["test_list"]} for task in TASKS])
    return suite


@pytest.mark.parametrize("way", WAYS)
def test_switching_stops_at_the_first_answer_whose_visible_check_passes(
    run: Runner, shown: pytest.Pytester, outcomes: Outcomes, way: str
) -> None:
    result = run("--cx-calls=switching", "-rs", *WAYS[way])
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*no further call pays*"])
    found = outcomes()
    assert "T/1-small-0" in found
    assert not any(key.startswith("T/1-large") for key in found)
    assert "T/2-large-0" in found
    assert "T/2-large-1" not in found
    assert report(shown)["calls"]["accuracy"] == 1
    assert "Switching handed in a right answer for 100.0% of 3 tasks" in told(shown)


def test_switching_learns_from_an_earlier_run(run: Runner, shown: pytest.Pytester, outcomes: Outcomes) -> None:
    run(to="before")
    result = run("--cx-calls=switching:before", to="after")
    assert result.ret == 0
    assert len(outcomes("after")) < 12


def test_without_a_visible_check_a_task_gets_one_call(run: Runner, outcomes: Outcomes) -> None:
    assert run("--cx-calls=switching").ret == 0
    assert [key.rsplit("-", 2)[0] for key in outcomes()] == ["T/1", "T/2", "T/3"]


def test_an_answer_that_the_test_judges_itself_is_asked_for_in_full(suite: pytest.Pytester, run: Runner) -> None:
    """The policy hears of no verdict there, so no level is ever decided."""
    suite.makepyfile(
        test_small="""
        import pytest
        from pytest_complexity import Task

        @pytest.mark.complexity(tasks=[Task("T/1", "Say.", code="def double(x):")])
        def test_own(trial):
            trial.record(trial.completion.startswith(trial.task.code))
    """
    )
    run("--cx-calls=lazy").stdout.fnmatch_lines(["*4 passed*"])
    assert RIGHT["T/1"].startswith("def double(x):")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("most", "'most' is no policy"),
        ("0", "a number of calls above 0"),
        ("switching:nothing", "nothing"),
    ],
)
def test_a_policy_that_does_not_exist_is_told_in_one_line(run: Runner, said: str, told: str) -> None:
    result = run(f"--cx-calls={said}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: *{told}*"])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()
