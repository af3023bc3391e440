"""How far predicted chances are off, beside what chances that are exactly right would show on so few tasks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_complexity.core.arrays import Floats

_BINS = 10
_DRAWS = 400


@dataclass(frozen=True)
class Bin:
    """Trials whose predicted chance lies in [low, high): the mean prediction, and the share that succeeded."""

    low: float
    high: float
    predicted: float
    observed: float
    trials: int


@dataclass(frozen=True)
class Calibration:
    """The expected calibration error (arXiv 1706.04599, equation 3), in [0, 1], and the bins that it is the mean of.

    `perfect`: the mean error of chances that are exactly right on as many tasks and trials; `perfect_95`: what 95% of
    such errors stay below. An error within that shows no fault.
    """

    error: float
    perfect: float
    perfect_95: float
    bins: tuple[Bin, ...]


def calibration(chances: Floats, successes: Floats, trials: Floats, seed: int = 0) -> Calibration:
    """Of the models' predicted chances, a row a task and a column a model. At least one trial was measured."""
    bins = reliability(chances, successes, trials)
    perfect = _errors_of_perfect_chances(chances, successes, trials, seed)
    return Calibration(calibration_error(bins), float(perfect.mean()), float(np.quantile(perfect, 0.95)), bins)


def reliability(chances: Floats, successes: Floats, trials: Floats) -> tuple[Bin, ...]:
    """Ten bins of predicted chances of success; those without a trial are left out."""
    place = _place(chances)
    bins = []
    for number in range(_BINS):
        inside = place == number
        total = float(trials[inside].sum())
        if total:
            predicted = float((chances * trials)[inside].sum() / total)
            observed = float(successes[inside].sum() / total)
            bins.append(Bin(number / _BINS, (number + 1) / _BINS, predicted, observed, int(total)))
    return tuple(bins)


def calibration_error(bins: Sequence[Bin]) -> float:
    """The mean distance between predicted and observed, weighted by trials."""
    distances = math.fsum(abs(each.predicted - each.observed) * each.trials for each in bins)
    return distances / sum(each.trials for each in bins)


def _place(chances: Floats) -> NDArray[np.int64]:
    return np.minimum((chances * _BINS).astype(np.int64), _BINS - 1)


def _errors_of_perfect_chances(chances: Floats, successes: Floats, trials: Floats, seed: int) -> Floats:
    """Calibration errors where each task's success rate is drawn around its predicted chance.

    Trials of one task are alike: rates are beta-distributed with the correlation that the trials show (method of
    moments), models independent of each other.
    """
    p, n, s = (each[trials > 0] for each in (chances, trials, successes))
    p = np.clip(p, 1e-6, 1 - 1e-6)
    inside = np.eye(_BINS)[_place(p)]
    spread = n * p * (1 - p)
    pairs = float(((n - 1) * spread).sum())
    alike = min(max(float(((s - n * p) ** 2 - spread).sum()) / pairs, 0.0), 1.0) if pairs else 1.0
    rng = np.random.default_rng(seed)
    errors = []
    for _ in range(_DRAWS):
        rates = p if alike < 1e-6 else rng.beta(p * (1 / alike - 1), (1 - p) * (1 / alike - 1)) if alike < 1 else None
        drawn = n * (rng.random(len(p)) < p) if rates is None else rng.binomial(n.astype(np.int64), rates)
        errors.append(np.abs(inside.T @ (drawn - n * p)).sum() / n.sum())
    return np.array(errors)
