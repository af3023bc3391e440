"""How well predicted chances rank: the area under the ROC curve, which people compare with the literature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pytest_complexity.core.arrays import Floats
from pytest_complexity.core.intervals import Interval
from pytest_complexity.scoring.resampling import interval, weights


@dataclass(frozen=True)
class Auroc:
    """The chance that a trial that succeeded had a higher predicted chance than one that failed; ties count half.

    0.5: the predictions rank no better than luck. The interval is 95% over tasks.
    """

    value: float
    ci: Interval


def auroc(chances: Floats, successes: Floats, trials: Floats, seed: int = 0) -> Auroc | None:
    """Of one model: a predicted chance, successes and trials for each task. None where all trials came out alike."""
    failures = trials - successes
    if not successes.any() or not failures.any():
        return None
    order = np.argsort(chances, kind="stable")
    starts = np.flatnonzero(np.diff(chances[order], prepend=-1.0))  # of runs of equal chances

    def area(drawn: Floats) -> Floats:
        won, lost = (np.add.reduceat((drawn * each)[..., order], starts, axis=-1) for each in (successes, failures))
        below = np.cumsum(lost, axis=-1) - lost / 2
        areas = (won * below).sum(axis=-1) / (won.sum(axis=-1) * lost.sum(axis=-1))
        limited: Floats = np.minimum(areas, 1.0)  # rounding can make more
        return limited

    value = float(area(np.ones(len(chances))))
    return Auroc(value, interval(np.concatenate([area(drawn) for drawn in weights(len(chances), seed)]), value))


def aurocs(
    chances: Floats, successes: Floats, trials: Floats, ladder: Sequence[str], seed: int = 0
) -> dict[str, Auroc | None]:
    """Of every model: a row a task and a column a model."""
    return {model: auroc(chances[:, k], successes[:, k], trials[:, k], seed) for k, model in enumerate(ladder)}
