"""Scores against what a brute force, or a person with a pencil, comes to."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tallies import NAMES, counted

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.core.intervals import share_interval
from pytest_complexity.core.outcomes import Outcome, Verdict
from pytest_complexity.labels import Labels, label_all
from pytest_complexity.scoring.models import mean_pass_all, mean_pass_at, score_model

fifths = st.integers(0, 5).map(lambda n: n / 5)
shares = st.lists(fifths, min_size=1, max_size=12)


def labelled(counts: Sequence[TaskCounts], rule: str | None = None) -> Labels:
    return label_all(counts, list(counts[0].trials), rule)


@pytest.mark.parametrize("trials", range(1, 7))
def test_pass_all_k_is_the_share_of_all_subsets_of_k_trials_that_are_all_right(trials: int) -> None:
    for successes in range(trials + 1):
        results = [index < successes for index in range(trials)]
        for k in range(1, trials + 1):
            subsets = list(itertools.combinations(results, k))
            expected = sum(all(subset) for subset in subsets) / len(subsets)
            assert mean_pass_all(k, [(successes, trials)]) == pytest.approx(expected, abs=1e-12)


def test_pass_all_k_is_not_estimable_where_one_task_has_fewer_trials() -> None:
    assert mean_pass_all(5, [(5, 5), (4, 4)]) is None
    assert mean_pass_all(1, []) is None


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


def test_the_interval_of_yes_and_no_is_wilsons_of_nearly_one_task_less() -> None:
    # One less, for the mean is estimated from the same tasks: 8 of 10 as 7.2 of 9. The prior weighs little against it.
    z2, p = 1.959964**2, 0.8
    n = 10 * (10 * 0.16 + 0.25) / (10 * 0.16 * 10 / 9 + 0.25)
    assert 9 < n < 9.2
    half = (z2 * p * (1 - p) / n + z2 * z2 / (4 * n * n)) ** 0.5
    expected = [(p + z2 / (2 * n) + sign * half) / (1 + z2 / n) for sign in (-1, 1)]
    assert share_interval([1.0] * 8 + [0.0] * 2) == pytest.approx(tuple(expected), rel=1e-5)


@given(shares, st.floats(1e-12, 1e-6))
def test_shares_nearly_alike_have_nearly_the_interval_of_shares_alike(rates: list[float], apart: float) -> None:
    moved = [rate + (apart if rate < 0.5 else -apart) * (place % 2) for place, rate in enumerate(rates)]
    assert share_interval(moved) == pytest.approx(share_interval(rates), abs=1e-4)


def test_a_single_success_of_a_single_task_is_little_more_certain_than_none() -> None:
    none, one = share_interval([0.0] * 20), share_interval([0.0] * 19 + [0.1])
    assert 0.8 * none[1] < one[1]


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


def test_base_accuracy_is_the_mean_over_tasks_of_what_passes_the_base_tests() -> None:
    def outcome(task_id: str, trial: int, verdict: Verdict, base: Verdict | None) -> Outcome:
        return Outcome("s", task_id, "small", trial, verdict, base=base)

    counts = [TaskCounts("s", name, "", {"small": 2}, {"small": 1}, 2) for name in ("T/0", "T/1")]
    first = [outcome("T/0", 0, Verdict.PASS, Verdict.PASS), outcome("T/0", 1, Verdict.WRONG, Verdict.PASS)]
    second = [outcome("T/1", 0, Verdict.WRONG, Verdict.WRONG), outcome("T/1", 1, Verdict.UNMEASURED, None)]
    elsewhere = [outcome("T/2", 0, Verdict.PASS, Verdict.PASS)]
    assert score_model("small", counts, [*first, *second]).base_accuracy == 0.5
    assert score_model("small", counts, [*first, *elsewhere]).base_accuracy == 1
    assert score_model("small", counts, [*first, outcome("T/1", 1, Verdict.PASS, None)]).base_accuracy is None
    assert score_model("small", counts, []).base_accuracy is None
