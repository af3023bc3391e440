"""Chances of cells that were not run: right in worlds whose chances are known, and honest about what is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit
from simulate_calls import draw, drive

from pytest_complexity.calls.budget import Budget
from pytest_complexity.calls.matrix_completion import Chances, Matrix
from pytest_complexity.core.arrays import Floats
from pytest_complexity.core.counts import TaskCounts

LADDER = ("small", "middle", "large")
SKILLS = np.array([-1.5, 0.0, 1.5])


def world(tasks: int, trials: int, seed: int = 0) -> tuple[Floats, Matrix]:
    """Chances of three models on tasks that are mostly easy or hard, and so many trials of each."""
    rng = np.random.default_rng(seed)
    difficulty = rng.choice([-4.0, 0.0, 4.0], size=tasks) + rng.normal(0, 1, tasks)
    chances = expit(difficulty[:, None] + SKILLS)
    return chances, Matrix(rng.binomial(trials, chances).astype(float), np.full(chances.shape, float(trials)))


def without(matrix: Matrix, hidden: NDArray[np.bool_]) -> Matrix:
    return Matrix(matrix.successes * ~hidden, matrix.trials * ~hidden)


def error(found: Floats, chances: Floats) -> float:
    return float(np.sqrt(np.mean((found - chances) ** 2)))


def test_cells_that_were_not_run_are_told_better_than_by_the_models_mean() -> None:
    chances, matrix = world(100, 5)
    hidden = np.random.default_rng(1).random(chances.shape) < 0.3
    shown = without(matrix, hidden)
    means = shown.successes.sum(0) / shown.trials.sum(0)
    fitted = Chances().fit(shown)
    assert error(fitted.mean_[hidden], chances[hidden]) < 0.6 * error(
        np.broadcast_to(means, chances.shape)[hidden], chances[hidden]
    )


def test_nineteen_intervals_of_twenty_hold_the_chance() -> None:
    chances, matrix = world(120, 3)
    low, high = Chances().fit(matrix).interval()
    assert 0.9 < np.mean((low <= chances + 1e-3) & (chances - 1e-3 <= high)) <= 1


def test_more_trials_leave_less_doubt() -> None:
    doubts = []
    for trials in (1, 8):
        covariance = Chances().fit(world(80, trials)[1]).covariance_
        doubts.append(np.einsum("tkk->", covariance))
    assert doubts[0] > 1.5 * doubts[1]


def test_a_model_without_trials_lies_among_the_others() -> None:
    _, matrix = world(100, 5)
    hidden = np.zeros((100, 3), bool)
    hidden[:, 1] = True
    means = Chances().fit(without(matrix, hidden)).mean_.mean(0)
    assert means[0] < means[1] < means[2]


def test_nothing_known_gives_chances_all_the_same() -> None:
    mean = Chances().fit(Matrix(np.zeros((4, 2)), np.zeros((4, 2)))).mean_
    assert np.ptp(mean) == pytest.approx(0)
    assert mean[0, 0] == pytest.approx(0.5, abs=0.01)


@settings(max_examples=8, deadline=None)
@given(st.data())
def test_chances_are_chances_whatever_was_measured(data: st.DataObject) -> None:
    trials = np.array(data.draw(st.lists(st.lists(st.integers(0, 4), min_size=2, max_size=2), min_size=1, max_size=6)))
    share = np.array(data.draw(st.lists(st.floats(0, 1), min_size=trials.size, max_size=trials.size)))
    successes = np.floor(trials * share.reshape(trials.shape))
    fitted = Chances().fit(Matrix(successes.astype(float), trials.astype(float)))
    low, high = fitted.interval()
    assert np.isfinite(fitted.covariance_).all()
    assert ((low >= 0) & (low <= high) & (high <= 1)).all()
    assert ((fitted.mean_ > 0) & (fitted.mean_ < 1)).all()


def counts(tasks: int, planned: int) -> tuple[Floats, list[TaskCounts]]:
    chances, matrix = world(tasks, planned)
    return chances, [
        TaskCounts(
            "s",
            f"T/{n}",
            "text",
            dict.fromkeys(LADDER, planned),
            {model: int(each) for model, each in zip(LADDER, row, strict=True)},
            planned,
        )
        for n, row in enumerate(matrix.successes)
    ]


def test_a_budget_is_spent_to_the_last_call_and_never_passed() -> None:
    _, tasks = counts(10, 4)
    known = draw(tasks, LADDER, 0)
    for calls in (1, 50, 1000):
        driven = drive(Budget(list(known), LADDER, calls), known)
        assert len(driven.outcomes) == min(calls, len(known))
        assert sorted([*(each.key for each in driven.outcomes), *driven.skipped]) == sorted(known)
        assert all(f"{calls} calls" in why for why in driven.skipped.values())


def test_calls_where_they_tell_most_tell_more_than_calls_at_random() -> None:
    chances, tasks = counts(40, 5)
    known = draw(tasks, LADDER, 0)
    budget = Budget(list(known), LADDER, 150)
    drive(budget, known)
    keys = [list(known)[index] for index in np.random.default_rng(0).permutation(len(known))[:150]]
    successes, trials = np.zeros(chances.shape), np.zeros(chances.shape)
    for key in keys:
        cell = int(key.task_id[2:]), LADDER.index(key.model)
        trials[cell] += 1
        successes[cell] += known[key].verdict.value == "pass"
    at_random = Chances().fit(Matrix(successes, trials))
    assert error(Chances().fit(budget.matrix).mean_, chances) < error(at_random.mean_, chances)
