"""Differences to the best of several rivals that is found on the same tasks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_complexity.scoring.against_best import Simultaneous, compared, p_values


def drawn(means: list[float], seed: int, worlds: int = 2000) -> Any:
    """A measured world around the true differences, and resampled ones around the measured."""
    rng = np.random.default_rng(seed)
    measured = rng.normal(means, 1.0)
    return np.concatenate([measured[None], rng.normal(measured, 1.0, (worlds, len(means)))])


@pytest.mark.parametrize("means", [[0.0], [0.0, 0.0, 0.0], [0.0, 0.5, 1.0], [0.0, 9.0]])
def test_the_interval_holds_the_true_difference_whether_rivals_tie_or_not(means: list[float]) -> None:
    held = 0
    for seed in range(400):
        low, high = compared(drawn(means, seed)).interval()
        held += low <= 0 <= high
    assert held >= 400 * 0.95 - 3 * (400 * 0.95 * 0.05) ** 0.5


def test_of_many_candidates_that_are_worth_nothing_one_seems_to_pay_in_few_worlds() -> None:
    alone = together = 0
    for seed in range(300):
        candidates = [compared(drawn([0.0], 1000 * seed + k, 500)) for k in range(8)]
        alone += any(each.interval()[0] > 0 for each in candidates)
        together += any(low > 0 for low, _ in Simultaneous.of(candidates).intervals)
    assert together <= 300 * 0.025 + 3 * (300 * 0.025) ** 0.5 < alone


def test_a_rival_that_is_always_equalled_bounds_the_difference() -> None:
    worlds = np.stack([np.zeros(2001), np.random.default_rng(0).normal(0.1, 1, 2001)], axis=1)
    worlds[0] = 0, 0.1
    assert compared(worlds).interval()[1] == 0.0


def test_without_spread_the_interval_is_the_point() -> None:
    same = compared(np.full((11, 2), 0.25))
    assert same.interval() == (0.25, 0.25)
    assert Simultaneous.of([same]).intervals == [(0.25, 0.25)]


def test_one_rival_gives_the_paired_test_and_equals_give_1() -> None:
    rates = np.array([[1.0], [0.0]] * 10)
    solved = np.concatenate([rates, np.ones_like(rates)], axis=1)
    same, better = p_values(solved, rates, [(0,), (0,)], 0)
    assert same == 1.0
    assert better == pytest.approx(2 * 0.5**10, abs=0.001)  # ten tasks won, none lost
