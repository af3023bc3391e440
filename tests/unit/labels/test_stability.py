"""Whether a level would come out the same if it were measured again."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.labels import label, label_all
from pytest_complexity.labels.stability import Stability, fitted_beta, new_successes

NAMES = ("tiny", "small", "large")


def counted(successes: Sequence[int], planned: int = 5) -> TaskCounts:
    ladder = NAMES[: len(successes)]
    return TaskCounts(
        "s", "T", "text", dict.fromkeys(ladder, planned), dict(zip(ladder, successes, strict=True)), planned
    )


def measured(chances: np.ndarray, trials: int, rng: np.random.Generator) -> list[TaskCounts]:
    return [counted(row, trials) for row in rng.binomial(trials, chances).tolist()]


@pytest.mark.parametrize(
    ("won", "lost", "planned"), [(0.5, 0.5, 3), (5.5, 0.5, 5), (0.1, 0.02, 10), (1500.0, 500.0, 2000)]
)
def test_new_successes_are_a_distribution_around_the_posteriors_mean(won: float, lost: float, planned: int) -> None:
    chances = new_successes((won, lost), planned)
    assert sum(chances) == pytest.approx(1)
    assert sum(k * chance for k, chance in enumerate(chances)) == pytest.approx(planned * won / (won + lost))


@pytest.mark.parametrize(("won", "lost"), [(0.2, 0.1), (1.0, 1.0), (3.0, 9.0)])
def test_the_fitted_beta_is_the_one_that_the_chances_came_from(won: float, lost: float) -> None:
    rng = np.random.default_rng(0)
    tasks = measured(rng.beta(won, lost, (20_000, 1)), 5, rng)
    fitted = fitted_beta(tasks, NAMES[0])
    assert fitted == pytest.approx((won, lost), rel=0.1)


def test_one_trial_says_nothing_of_how_stable_a_level_is() -> None:
    found = Stability(label_all([counted((1, 0), 1), counted((0, 1), 1)], NAMES[:2]))
    assert (found.share, found.chances, found.unstable, found.least_stable()) == (None, [None, None], 0, [])


@pytest.mark.parametrize("rule", ["complexitynet", "tier", "tier@3/5"])
def test_a_level_is_as_stable_as_all_new_results_together_make_it(rule: str) -> None:
    tasks = [counted(successes, 3) for successes in itertools.product(range(4), repeat=3)]
    labels = label_all(tasks, NAMES, rule)
    found, priors = Stability(labels), [fitted_beta(tasks, name) or (1, 1) for name in NAMES]
    for task, row, chance in zip(tasks, labels.rows, found.chances, strict=True):
        assert (chance is None) == (row.level is None)
        if chance is None:
            continue
        seen = list(task.successes.values())
        new = [new_successes((a + won, b + 3 - won), 3) for won, (a, b) in zip(seen, priors, strict=True)]
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
    assert Stability(first).share == pytest.approx(sum(same) / len(same), abs=0.03)


def test_what_is_sure_settles_soon_and_a_coin_on_the_threshold_never() -> None:
    """By tier@1/2 a chance of 1/2 is on the threshold at any number of trials."""
    ladder, rule = NAMES[:2], "tier@1/2"
    labels = label_all([counted((40, 40), 40), counted((20, 20), 40), counted((0, 0), 40)], ladder, rule)
    found = Stability(labels)
    assert found.trials_to_settle(labels.rows[0]) == 50
    assert found.trials_to_settle(labels.rows[1]) is None
    early = label_all([counted((2, 2), 2), counted((0, 0), 2), counted((1, 2), 2)], ladder, rule)
    few = Stability(early).trials_to_settle(early.rows[0])
    assert few is not None
    assert 2 < few < 50
