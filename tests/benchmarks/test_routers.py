"""The pieces of the table of routers, without the packages that it is about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import routers
from routers_routellm import battles

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.core.jsonl import dump_line

LADDER = ("small", "large")


def counts(number: int, small: int, large: int) -> TaskCounts:
    won = {"small": small, "large": large}
    return TaskCounts(None, f"T/{number}", f"Task {number * 7919} of its own.", dict.fromkeys(LADDER, 2), won, 2)


@pytest.mark.parametrize(
    ("models", "expected"), [("ab", "aabb"), ("abc", "abbc"), ("abcd", "abcd"), ("abcdefgh", "acfh")]
)
def test_the_tiers_lie_evenly_on_a_ladder_from_its_first_model_to_its_last(models: str, expected: str) -> None:
    assert "".join(routers.on_ladder(tier, models) for tier in range(routers.TIERS)) == expected


def test_tiers_and_pairs_become_a_model_for_each_task() -> None:
    tiers = [{"task_id": "T/1", "heuristic": 0, "heuristic_v2": 3}]
    pairs = [{"task_id": "T/1", "random": True, "mf": False}]
    assert routers.choices_of(("a", "b", "c"), tiers, pairs) == {
        "litellm-heuristic": {"T/1": "a"},
        "litellm-heuristic_v2": {"T/1": "c"},
        "routellm-random": {"T/1": "c"},
        "routellm-mf": {"T/1": "a"},
    }


def test_what_the_packages_read_has_the_prompt_the_shares_and_a_fold() -> None:
    rows = routers.rows_for([counts(n, n % 3, 2) for n in range(10)], {"T/0": "As it was sent."})
    assert rows[0]["prompt"] == "As it was sent."
    assert [row["weak"] for row in rows[:3]] == [0.0, 0.5, 1.0]
    assert {row["fold"] for row in rows} == set(range(5))
    won = [row["winner"] for row in battles([{**row, "idx": index} for index, row in enumerate(rows)])]
    assert won == ["model_a"] * 7  # the other three are ties


@pytest.fixture
def judged(tmp_path: Path) -> dict[str, Any]:
    """The product's report: forty tasks, half of which the small model solves, and a router that knows which."""
    tasks = [counts(n, 2 * (n % 2), 2) for n in range(40)]
    file = tmp_path / "counts.jsonl"
    rows = [{"task_id": task.task_id, "text": task.text, "trials": 2, "successes": task.successes} for task in tasks]
    file.write_bytes(b"".join(map(dump_line, rows)))
    knows = {task.task_id: LADDER[1 - n % 2] for n, task in enumerate(tasks)}
    one = dict.fromkeys(knows, "small")
    blind = {key: LADDER[n < 20] for n, key in enumerate(knows)}
    choices = dict(zip(routers.ROUTERS, (knows, one, one, blind), strict=True))
    return routers.scored(routers.Set("Mine", file, LADDER, {}), choices, tmp_path)


def test_a_router_that_knows_beats_its_shuffle_and_one_that_does_not_equals_it(judged: dict[str, Any]) -> None:
    mean, (low, high), p = routers.against_shuffle(judged, "litellm-heuristic")
    assert mean == pytest.approx(0.25)  # all, where the shuffle solves three of four
    assert low > 0.1
    assert high >= mean
    assert p < 0.01
    mean, (low, high), p = routers.against_shuffle(judged, "routellm-mf")
    assert mean == pytest.approx(0)
    assert low < 0 < high
    assert p > 0.5


def test_the_summary_says_who_beats_the_zero_router_and_who_asks_one_model(judged: dict[str, Any]) -> None:
    rows = {row[1]: row for row in routers.summary("Mine", judged)}
    assert rows["litellm-heuristic"][-1] == "yes"
    assert rows["litellm-heuristic"][2] == "20 of 40"
    assert rows["routellm-mf"][-1] == "no"
    assert rows["routellm-random"][-1] == "asks one model"
    named = [row[0] for row in routers.policies(judged)]
    assert {"litellm-heuristic", "litellm-heuristic shuffled", "always-small", "random"} <= set(named)
