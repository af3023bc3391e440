"""Intervals and paired tests, against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_complexity.scoring.resampling import WORLDS, detectable, interval, resampled_means, sign_flip


def test_resampled_means_spread_as_means_do() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(3, 2, (400, 1))
    worlds = resampled_means(values, seed=0)
    assert worlds.shape == (WORLDS, 1)
    assert worlds.mean() == pytest.approx(values.mean(), abs=0.01)
    assert worlds.std() == pytest.approx(values.std() / math.sqrt(400), rel=0.05)


def test_one_seed_gives_the_same_worlds_to_every_statistic() -> None:
    values = np.random.default_rng(2).random((50, 2))
    both = resampled_means(values, seed=7)
    assert np.allclose(both[:, 1:], resampled_means(values[:, 1:], seed=7))
    assert not np.allclose(both, resampled_means(values, seed=8))


def test_an_interval_holds_its_point_and_19_of_20_worlds() -> None:
    worlds = np.linspace(0, 1, 2001)
    assert interval(worlds, 0.5) == pytest.approx((0.025, 0.975))
    assert interval(worlds, 0.99) == pytest.approx((0.025, 0.99))


@pytest.mark.parametrize(("more", "fewer"), [(47, 33), (12, 3), (6, 0), (5, 5)])
def test_the_paired_test_of_yes_and_no_is_mcnemars_exact_test(more: int, fewer: int) -> None:
    pairs = more + fewer
    tail = sum(math.comb(pairs, k) for k in range(max(more, fewer), pairs + 1)) / 2**pairs
    differences = np.array([[1.0]] * more + [[-1.0]] * fewer + [[0.0]] * 300)
    assert sign_flip(differences, seed=0)[0] == pytest.approx(min(1.0, 2 * tail), abs=0.012)


def test_the_paired_test_knows_shares_and_several_columns() -> None:
    rng = np.random.default_rng(3)
    noise = rng.choice([-0.4, -0.2, 0.0, 0.2, 0.4], (200, 1))
    p = sign_flip(np.concatenate([noise - noise.mean(), noise + 0.1], axis=1), seed=0)
    assert p[0] > 0.9
    assert p[1] < 0.001


def test_the_detectable_difference_is_2_8_standard_errors_and_never_less_than_6_tasks() -> None:
    differences = np.array([1.0, -1.0] * 50)
    assert detectable(differences) == pytest.approx(2.801585 * differences.std(ddof=1) / 10, rel=1e-5)
    assert detectable(np.zeros(100)) == pytest.approx(0.06)
    assert detectable(np.zeros(1)) == 1.0
