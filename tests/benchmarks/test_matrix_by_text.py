"""Texts and priors move the chances of cells without trials."""

from __future__ import annotations

import numpy as np
import pytest
from matrix_by_text import Informed, InformedChances, log_loss, text_factors
from scipy.special import expit

from pytest_complexity.calls.matrix_completion import Chances

SKILLS = np.array([-1.5, 0.0, 1.5])


def world(tasks: int, trials: int) -> Informed:
    rng = np.random.default_rng(0)
    difficulty = rng.choice([-4.0, 0.0, 4.0], size=tasks) + rng.normal(0, 1, tasks)
    chances = expit(difficulty[:, None] + SKILLS)
    return Informed(rng.binomial(trials, chances).astype(float), np.full(chances.shape, float(trials)))


def test_without_factors_and_offsets_it_is_the_packages_estimator() -> None:
    matrix = world(60, 3)
    assert np.allclose(InformedChances().fit(matrix).mean_, Chances().fit(matrix).mean_)


def test_an_offset_moves_a_model_without_trials() -> None:
    matrix = world(100, 5)
    hidden = np.zeros((100, 3), bool)
    hidden[:, 1] = True
    shown = matrix.without(hidden)
    lower = Informed(shown.successes, shown.trials, offsets=np.array([0.0, -3.0, 0.0]))
    means = [InformedChances().fit(each).mean_.mean(0) for each in (shown, lower)]
    assert means[1][1] < means[0][1] - 0.05


def test_a_task_without_trials_follows_its_text() -> None:
    """Whether the text says `hard` decides; the new tasks' chances go apart by the same word."""
    rng = np.random.default_rng(0)
    hard = np.arange(120) % 2 == 0
    texts = [f"{'hard' if each else 'easy'} {rng.choice(['sort', 'join', 'split'])} list" for each in hard]
    chances = expit(np.where(hard, -3.0, 3.0)[:, None] + SKILLS)
    successes = rng.binomial(4, chances).astype(float)
    matrix = Informed(successes, np.full(successes.shape, 4.0), text_factors(texts, 4))
    hidden = np.zeros(successes.shape, bool)
    hidden[:40] = True
    mean = InformedChances().fit(matrix.without(hidden)).mean_
    assert mean[:40][hard[:40]].mean() < mean[:40][~hard[:40]].mean() - 0.15


def test_log_loss_of_a_coin_is_a_bit_in_nats() -> None:
    assert log_loss(np.array([1.0, 2.0]), np.array([2.0, 4.0]), np.array([0.5, 0.5])) == pytest.approx(np.log(2))
