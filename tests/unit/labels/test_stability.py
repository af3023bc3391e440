"""Whether a level would come out the same if it were measured again."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from scipy.stats import binom

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.labels import label, label_all
from pytest_complexity.labels.stability import Stability, _grid, posteriors

NAMES = ("tiny", "small", "large")


def counted(successes: Sequence[int], planned: int = 5) -> TaskCounts:
    ladder = NAMES[: len(successes)]
    return TaskCounts(
        "s", "T", "text", dict.fromkeys(ladder, planned), dict(zip(ladder, successes, strict=True)), planned
    )


def measured(chances: np.ndarray, trials: int, rng: np.random.Generator) -> list[TaskCounts]:
    return [counted(row, trials) for row in rng.binomial(trials, chances).tolist()]


def test_a_posterior_is_a_distribution_around_the_tasks_share() -> None:
    tasks = [counted((n,), 5) for n in range(6)]
    found = posteriors(tasks, NAMES[0])
    assert found.sum(axis=1) == pytest.approx(1)
    means = found @ _grid()
    assert (np.diff(means) > 0).all()
    assert means[0] < 0.15
    assert means[-1] > 0.85


def test_without_a_step_the_prior_is_jeffreys() -> None:
    means = posteriors([counted((n,), 5) for n in range(6)], NAMES[0], steps=0) @ _grid()
    assert means == pytest.approx([(n + 0.5) / 6 for n in range(6)], abs=0.001)


def test_one_trial_says_nothing_of_how_stable_a_level_is() -> None:
    found = Stability(label_all([counted((1, 0), 1), counted((0, 1), 1)], NAMES[:2]))
    assert (found.share, found.chances, found.unstable, found.least_stable()) == (None, [None, None], 0, [])


@pytest.mark.parametrize("rule", ["complexitynet", "tier", "tier@3/5"])
def test_a_level_is_as_stable_as_all_new_results_together_make_it(rule: str) -> None:
    tasks = [counted(successes, 3) for successes in itertools.product(range(4), repeat=3)]
    labels = label_all(tasks, NAMES, rule)
    found, chances = Stability(labels), [posteriors(tasks, name) for name in NAMES]
    for number, row in enumerate(labels.rows):
        chance = found.chances[number]
        assert (chance is None) == (row.level is None)
        if chance is None:
            continue
        new = [each[number] @ binom.pmf(np.arange(4), 3, _grid()[:, None]) for each in chances]
        expected = sum(
            math.prod(each[k] for each, k in zip(new, result, strict=True))
            for result in itertools.product(range(4), repeat=3)
            if label(counted(result, 3), NAMES, rule).level == row.level
        )
        assert chance == pytest.approx(expected)


@pytest.mark.parametrize("spread", [0.15, 1.0])
def test_the_stable_share_is_what_a_second_measurement_agrees_on(spread: float) -> None:
    """Tasks that are mostly all or nothing, and tasks of every chance."""
    rng = np.random.default_rng(1)
    chances = rng.beta(spread, spread, (1500, 3))
    first, second = (label_all(measured(chances, 5, rng), NAMES) for _ in range(2))
    same = [a.level == b.level for a, b in zip(first.rows, second.rows, strict=True) if a.level is not None]
    assert Stability(first).share == pytest.approx(sum(same) / len(same), abs=0.04)


def test_what_is_sure_settles_soon_and_a_coin_on_the_threshold_never() -> None:
    """By tier@1/2 a chance of 1/2 is on the threshold at any number of trials."""
    ladder, rule = NAMES[:2], "tier@1/2"
    labels = label_all([counted((40, 40), 40), counted((20, 20), 40), counted((0, 0), 40)], ladder, rule)
    found = Stability(labels)
    assert found.trials_to_settle(0) == 50
    assert found.trials_to_settle(1) is None
    early = label_all([counted((2, 2), 2), counted((0, 0), 2), counted((1, 2), 2)], ladder, rule)
    few = Stability(early).trials_to_settle(0)
    assert few is not None
    assert 2 < few < 50
