"""Calibration: bins by hand, and the error of chances that are exactly right against simulated ones."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_complexity.learning.training.reliability import calibration, calibration_error, reliability


def test_bins_hold_every_trial_once() -> None:
    chances = np.array([[0.05, 1.0], [0.07, 0.55]])
    bins = reliability(chances, np.array([[0.0, 5.0], [1.0, 2.0]]), np.array([[5.0, 5.0], [5.0, 0.0]]))
    assert [(each.low, each.trials) for each in bins] == [(0.0, 10), (0.9, 5)]
    assert calibration_error(bins) == pytest.approx((10 * 0.04 + 5 * 0.0) / 15)
    assert (bins[0].predicted, bins[0].observed) == (pytest.approx(0.06), pytest.approx(0.1))


@pytest.mark.parametrize("alike", [0.0, 0.5, 1.0])
def test_chances_that_are_exactly_right_stay_below_the_bound_in_19_of_20_worlds(alike: float) -> None:
    """Whether the trials of a task are independent, alike, or all the same."""
    rng = np.random.default_rng(0)
    errors, bounds = [], []
    for seed in range(60):
        chances = rng.uniform(0.05, 0.95, (80, 2))
        size = np.inf if alike == 0 else 1 / alike - 1
        sure = rng.random(chances.shape) < chances
        rates = chances if size == np.inf else sure if size == 0 else rng.beta(chances * size, (1 - chances) * size)
        found = calibration(chances, rng.binomial(5, rates).astype(float), np.full(chances.shape, 5.0), seed)
        errors.append(found.error)
        bounds.append(found.perfect_95)
    assert np.mean(np.array(errors) > np.array(bounds)) <= 0.15


def test_chances_that_are_wrong_lie_above_the_bound() -> None:
    trials = np.full((80, 1), 5.0)
    found = calibration(np.full((80, 1), 0.9), np.tile([[5.0], [0.0]], (40, 1)), trials)
    assert found.error == pytest.approx(0.4)
    assert found.perfect_95 < 0.2


def test_more_tasks_leave_less_for_luck() -> None:
    few, many = (
        calibration(np.full((n, 1), 0.5), np.tile([[1.0], [0.0]], (n // 2, 1)), np.ones((n, 1))) for n in (40, 4000)
    )
    assert many.perfect < few.perfect / 5
