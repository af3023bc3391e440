"""Scores against what a brute force, or a person with a pencil, comes to."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_complexity.counts import TaskCounts
from pytest_complexity.labels import Labels, label_all
from pytest_complexity.outcomes import Outcome, Verdict
from pytest_complexity.policies import Case
from pytest_complexity.policies.always import Always
from pytest_complexity.policies.assignment import Assignment
from pytest_complexity.policies.oracle import Oracle
from pytest_complexity.scoring import (
    mean_interval,
    mean_pass_at,
    score_model,
    score_policies,
    score_policy,
    share_interval,
)

NAMES = ("small", "large", "huge")
fifths = st.integers(0, 5).map(lambda n: n / 5)
shares = st.lists(fifths, min_size=1, max_size=12)


def counted(*tasks: Sequence[tuple[int, int]], planned: int = 5) -> list[TaskCounts]:
    """Tasks as (successes, trials) of each model."""
    return [
        TaskCounts(
            "s",
            f"T/{number}",
            "text",
            {name: trials for name, (_, trials) in zip(NAMES, task, strict=False)},
            {name: successes for name, (successes, _) in zip(NAMES, task, strict=False)},
            planned,
        )
        for number, task in enumerate(tasks)
    ]


def labelled(counts: Sequence[TaskCounts], rule: str | None = None) -> Labels:
    return label_all(counts, list(counts[0].trials), rule)


@pytest.mark.parametrize("trials", range(1, 7))
def test_pass_at_k_is_the_share_of_all_subsets_of_k_trials_that_hold_a_success(trials: int) -> None:
    for successes in range(trials + 1):
        results = [index < successes for index in range(trials)]
        for k in range(1, trials + 1):
            subsets = list(itertools.combinations(results, k))
            expected = sum(any(subset) for subset in subsets) / len(subsets)
            assert mean_pass_at(k, [(successes, trials)]) == pytest.approx(expected, abs=1e-12)


def test_pass_at_k_is_not_estimable_where_one_task_has_fewer_trials() -> None:
    assert mean_pass_at(5, [(5, 5), (4, 4)]) is None
    assert mean_pass_at(1, []) is None
    assert mean_pass_at(5, [(1, 5), (0, 5)]) == 0.5


@given(shares)
def test_the_interval_of_shares_holds_their_mean_and_stays_between_0_and_1(rates: list[float]) -> None:
    low, high = share_interval(rates)
    assert 0 <= low <= fmean(rates) <= high <= 1
    assert low < high


@given(shares, st.integers(1, 5))
def test_the_interval_of_shares_is_wider_where_as_mixed_tasks_are_fewer(rates: list[float], times: int) -> None:
    few, many = share_interval(rates * times), share_interval(rates * (times + 1))
    assert few[1] - few[0] > many[1] - many[0]


@pytest.mark.parametrize("tasks", [1, 5, 164])
def test_none_of_n_and_all_of_n_are_no_certainty(tasks: int) -> None:
    low, high = share_interval([0.0] * tasks)
    assert low == 0
    assert high == pytest.approx(1.959964**2 / (tasks + 1.959964**2), rel=1e-5)  # Wilson's at 0 of n
    assert share_interval([1.0] * tasks) == pytest.approx((1 - high, 1.0))


def test_the_interval_of_yes_and_no_is_wilsons_of_one_task_less() -> None:
    # One less, for the mean is estimated from the same tasks: 8 of 10 as 7.2 of 9.
    z2, n, p = 1.959964**2, 9, 0.8
    half = (z2 * p * (1 - p) / n + z2 * z2 / (4 * n * n)) ** 0.5
    expected = [(p + z2 / (2 * n) + sign * half) / (1 + z2 / n) for sign in (-1, 1)]
    assert share_interval([1.0] * 8 + [0.0] * 2) == pytest.approx(tuple(expected), rel=1e-5)


@given(st.lists(st.floats(-9, 1), min_size=1, max_size=9))
def test_the_interval_of_a_mean_holds_it_within_what_is_possible(values: list[float]) -> None:
    low, high = mean_interval(values, -9.0, 1.0)
    assert -9 <= low <= fmean(values) <= high <= 1
    assert mean_interval([values[0]] * 2, -9.0, 1.0) == pytest.approx((values[0], values[0]))


def test_a_model_is_scored_over_its_measured_tasks_alone() -> None:
    score = score_model("small", counted([(5, 5)], [(1, 4)], [(0, 0)]), [])
    assert score.accuracy == 0.625
    assert score.accuracy_ci == share_interval([1.0, 0.25])
    assert (score.tasks, score.trials) == (2, 9)
    assert score.pass_at[1] == 0.625
    assert (score.pass_at[5], score.pass_at[10]) == (None, None)
    assert (score.verdicts, score.cost_usd) == (None, None)


def test_a_model_without_a_measured_trial_has_no_score_and_no_number_in_its_place() -> None:
    score = score_model("small", counted([(0, 0)]), [])
    assert (score.accuracy, score.accuracy_ci, score.tasks, score.trials) == (None, None, 0, 0)
    assert set(score.pass_at.values()) == {None}


def test_verdicts_are_told_of_every_trial_and_costs_of_the_measured() -> None:
    verdicts = [Verdict.PASS, Verdict.PASS, Verdict.WRONG, Verdict.UNMEASURED]
    outcomes = [Outcome("s", "T/0", "small", n, verdict, cost_usd=0.1) for n, verdict in enumerate(verdicts)]
    outcomes += [Outcome("s", "T/0", "large", 0, Verdict.CRASH, cost_usd=None)]
    counts = counted([(2, 3), (0, 1)])
    small, large = (score_model(name, counts, outcomes) for name in NAMES[:2])
    assert small.verdicts == {"pass": 2, "wrong": 1, "unmeasured": 1}
    assert small.cost_usd == pytest.approx(0.3)
    assert large.verdicts == {"crash": 1}
    assert large.cost_usd is None  # one call's cost is not known: nor is the sum


def test_policies_against_hand_worked_values() -> None:
    counts = counted([(2, 2), (2, 2)], [(0, 2), (1, 2)], [(2, 2), (0, 0)], planned=2)
    scores = score_policies(counts, labelled(counts))
    # The third task has no trial of the last model, and counts for none of them.
    assert list(scores) == ["assignment", "always-small", "always-large", "oracle"]
    worked = {
        "assignment": (0.75, 5.5, 0.45),  # level 1 to small; no level to the last: 1 and 10
        "always-small": (0.5, 1.0, 0.9),
        "always-large": (0.75, 10.0, 0.0),
        "oracle": (0.75, 3.25, 0.675),  # 1; and half of 10 plus half of 1
    }
    for name, expected in worked.items():
        score = scores[name]
        assert (score.accuracy, score.cost, score.saving) == pytest.approx(expected), name
    assert scores["always-large"].saving_ci == (0.0, 0.0)
    assert scores["oracle"].accuracy_ci == share_interval([1.0, 0.5])
    assert scores["oracle"].saving_ci == pytest.approx(mean_interval([0.9, 0.45], 0.0, 0.9))


@pytest.mark.parametrize(
    ("rule", "level", "index"),
    [
        *(("complexitynet", level, index) for level, index in [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2), (None, 2)]),
        *(("tier", level, index) for level, index in [(1, 0), (2, 1), (3, 2), (None, 2)]),
    ],
)
def test_a_level_is_assigned_to_the_papers_model(rule: str, level: int | None, index: int) -> None:
    decision = Assignment(rule).decide(Case([0.1, 0.2, 0.3], level), [1.0, 10.0, 100.0])
    assert (decision.solved, decision.cost) == ([0.1, 0.2, 0.3][index], [1.0, 10.0, 100.0][index])


@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from([1, 2, 5, 10, 100, 1000])), min_size=1, max_size=4),
)
def test_the_oracle_is_the_expectation_over_every_joint_draw(models: list[tuple[int, int]]) -> None:
    solved = cost = Fraction(0)
    for draw in itertools.product([False, True], repeat=len(models)):
        chance = Fraction(1)
        for right, (fifth, _) in zip(draw, models, strict=True):
            chance *= Fraction(fifth, 5) if right else 1 - Fraction(fifth, 5)
        answering = [price for right, (_, price) in zip(draw, models, strict=True) if right]
        solved += chance * any(draw)
        cost += chance * min(answering or [price for _, price in models])
    decision = Oracle().decide(Case([n / 5 for n, _ in models], None), [float(price) for _, price in models])
    assert (decision.solved, decision.cost) == pytest.approx((float(solved), float(cost)))


tasks = st.lists(st.lists(st.integers(0, 5).map(lambda n: (n, 5)), min_size=3, max_size=3), min_size=1, max_size=6)


@given(tasks, st.sampled_from(["complexitynet", "tier"]))
def test_no_policy_solves_more_than_the_oracle_and_always_the_last_saves_nothing(
    rows: list[list[tuple[int, int]]], rule: str
) -> None:
    counts = counted(*rows)
    scores = score_policies(counts, labelled(counts, rule))
    assert scores["always-huge"].saving == 0
    assert scores["always-small"].saving == pytest.approx(0.99)
    for score in scores.values():
        assert score.accuracy is not None
        assert scores["oracle"].accuracy is not None
        assert score.accuracy <= scores["oracle"].accuracy + 1e-12
        assert score.accuracy_ci is not None
        assert score.accuracy_ci[0] <= score.accuracy <= score.accuracy_ci[1]


def test_without_a_case_nothing_is_known_of_a_policy() -> None:
    score = score_policy(Always("small", 0), [], [1.0, 10.0])
    assert {score.accuracy, score.accuracy_ci, score.cost, score.saving, score.saving_ci} == {None}
