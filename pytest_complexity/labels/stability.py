"""How stable a level is: would new trials of the same models give the same one?"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from pytest_complexity.labels import Label, Labels, Status
from pytest_complexity.labels.rules import Rule, level_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SETTLED = 0.9  #: a level that comes out the same so often is called stable
SETTLING = (2, 3, 5, 7, 10, 15, 20, 30, 50)


def stability(labels: Labels) -> list[float | None]:
    """For each row the chance that a new measurement gives the level that it has; see `stable_share`."""
    rule = Rule.named(labels.rule, len(labels.ladder))
    return [_again(row, labels.ladder, rule) if row.status is Status.DECIDED else None for row in labels.rows]


def stable_share(labels: Labels) -> float | None:
    """The share of decided tasks expected to get the same level if all their trials were drawn again.

    Each model's chance on a task has the posterior of its trials under Jeffreys' prior, Beta(1/2, 1/2), so
    that 5 of 5 is not taken for certainty; the expectation is exact, not sampled. Flipping single trials
    would say nothing here: a level of plain `tier` rests on n of n, and any flip of those moves it. With one
    trial a model the prior weighs as much as the data. None where no task is decided.
    """
    chances = [chance for chance in stability(labels) if chance is not None]
    return math.fsum(chances) / len(chances) if chances else None


def trials_to_settle(row: Label, ladder: Sequence[str], rule: str, seed: int = 0) -> int | None:
    """The fewest trials a model, of `SETTLING` and more than now, at which two measurements agree 9 times in 10.

    None where 50 trials are not enough. Each model's chance is drawn from the posterior of its trials (Jeffreys'
    prior), and two measurements from each draw: 400 draws, so that an agreement is known to about 2 points.
    """
    import numpy as np  # noqa: PLC0415  (heavy; only where stability is asked for)

    named, random, task = Rule.named(rule, len(ladder)), np.random.default_rng(seed), row.task
    solved = np.array([task.successes.get(model, 0) for model in ladder])
    missed = np.array([task.trials.get(model, 0) for model in ladder]) - solved
    chances = random.beta(solved + 0.5, missed + 0.5, (400, len(ladder)))
    for trials in (each for each in SETTLING if each > task.planned):
        first, second = (random.binomial(trials, chances).tolist() for _ in range(2))
        pairs = zip(first, second, strict=True)
        same = [level_of(named, tuple(one), trials) == level_of(named, tuple(two), trials) for one, two in pairs]
        if sum(same) >= SETTLED * len(same):
            return trials
    return None


def _again(row: Label, ladder: Sequence[str], rule: Rule) -> float:
    """The chance that a new, complete measurement of the task gives the level that it has."""
    task = row.task
    posteriors = [
        new_successes(task.trials.get(model, 0), task.successes.get(model, 0), task.planned) for model in ladder
    ]
    if rule.threshold is None:
        return _again_by_grid(rule, row.level, posteriors, task.planned)
    reached = [math.fsum(chances[math.ceil(rule.threshold * task.planned) :]) for chances in posteriors]
    assert row.level is not None  # a decided row has one
    before = math.prod(1 - chance for chance in reached[: row.level - 1])
    return before * reached[row.level - 1]


def _again_by_grid(rule: Rule, level: int | None, posteriors: Sequence[Sequence[float]], planned: int) -> float:
    chance = _grid(rule, level, len(posteriors), planned)
    for posterior in reversed(posteriors):
        chance = chance.reshape(-1, planned + 1) @ posterior
    return float(chance[0])


@lru_cache(maxsize=8)
def _grid(rule: Rule, level: int | None, models: int, planned: int) -> NDArray[np.float64]:
    """1 for every complete measurement of that level, else 0; as floats, which numpy multiplies fastest."""
    import numpy as np  # noqa: PLC0415  (heavy; only where stability is asked for)

    grid: NDArray[np.float64] = np.asarray(np.array(_levels(rule, models, planned)) == level, np.float64)
    return grid


@lru_cache(maxsize=2)
def _levels(rule: Rule, models: int, planned: int) -> list[int]:
    """The level of every complete measurement, the last model's count running fastest; 0 for never solved."""
    every = itertools.product(range(planned + 1), repeat=models)
    return [level_of(rule, successes, planned) or 0 for successes in every]


@lru_cache(maxsize=65536)
def new_successes(trials: int, successes: int, planned: int) -> tuple[float, ...]:
    """The chances of 0, 1, ... `planned` successes in new trials, given those seen (Jeffreys)."""
    won, lost = successes + 0.5, trials - successes + 0.5

    def beta(a: float, b: float) -> float:
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)

    def ways(k: int) -> float:
        return -math.log(planned + 1) - beta(k + 1, planned - k + 1)

    return tuple(math.exp(ways(k) + beta(won + k, lost + planned - k) - beta(won, lost)) for k in range(planned + 1))
