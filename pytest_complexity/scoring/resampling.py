"""Resampling of tasks: intervals of anything made of means, and paired tests. Seeded; knows no policies.

Tasks are what is sampled, never trials: the trials of a task are alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_complexity.core.arrays import Floats

WORLDS = 2000
LEAST = 6  #: tasks that must agree to prove anything by the sign test: 2 * 0.5 ** 5 > 0.05
_FLIPS = 9999
_CELLS = 4_000_000  # weights held at once


def resampled_means(columns: Floats, seed: int) -> Floats:
    """The means of each column of (tasks, columns) in `WORLDS` resampled worlds: (worlds, columns).

    The Bayesian bootstrap (Rubin 1981): each world weighs the tasks by Dirichlet(1, ..., 1). It varies as the bootstrap
    that draws tasks with replacement does, is smooth, and takes a tenth of the time. One seed gives one set of
    weights, so that everything computed with it is paired.
    """
    import numpy as np  # noqa: PLC0415  (`label` needs none)

    parts = [drawn @ columns / drawn.sum(axis=1, keepdims=True) for drawn in weights(len(columns), seed)]
    means: Floats = np.concatenate(parts)
    return means


def weights(tasks: int, seed: int) -> Iterator[Floats]:
    """What each world weighs the tasks by, unnormalised: (worlds, tasks) in parts, `WORLDS` rows in all."""
    import numpy as np  # noqa: PLC0415

    rng = np.random.default_rng(seed)
    for worlds in _chunks(WORLDS, tasks):
        yield rng.standard_exponential((worlds, tasks))


def interval(worlds: Floats, point: float) -> tuple[float, float]:
    """The 95% percentile interval of one statistic over the worlds; it always holds the point estimate."""
    import numpy as np  # noqa: PLC0415

    low, high = (float(bound) for bound in np.quantile(worlds, (0.025, 0.975)))
    return min(low, point), max(high, point)


def flipped_sums(columns: Floats, seed: int) -> Floats:
    """Sums of each column of (tasks, columns) with the tasks' signs drawn at random; the first draw is as measured.

    Columns share their signs, so that differences of sums are sums of flipped differences: the permutation test of
    pairs, under which each task's difference might as well have the other sign.
    """
    import numpy as np  # noqa: PLC0415

    rng = np.random.default_rng(seed)
    tasks = len(columns)
    parts = [columns.sum(axis=0)[None]]
    for flips in _chunks(_FLIPS, tasks):
        signs = 1.0 - 2.0 * rng.integers(0, 2, (flips, tasks), dtype=np.int8)
        parts.append(signs @ columns)
    sums: Floats = np.concatenate(parts)
    return sums


def sign_flip(differences: Floats, seed: int) -> Floats:
    """Two-sided p-values that each column of paired differences (tasks, columns) has a mean of 0.

    With differences of -1, 0 and 1 it is McNemar's exact test, but for the sampling of signs.
    """
    import numpy as np  # noqa: PLC0415

    sums = np.abs(flipped_sums(differences, seed))
    # Sums of the same numbers in another order differ in their last digits.
    p: Floats = (sums >= sums[0] - 1e-9 * np.abs(differences).sum(axis=0)).mean(axis=0)
    return p


def detectable(differences: Floats) -> float:
    """The smallest mean difference that so many tasks show in 4 of 5 worlds, by a two-sided test at 5%.

    (1.96 + 0.84) standard errors of the paired differences, and at least `LEAST` tasks.
    """
    tasks = len(differences)
    error = float(differences.std(ddof=1)) / math.sqrt(tasks) if tasks > 1 else math.inf
    return min(1.0, max((1.959964 + 0.841621) * error, LEAST / tasks))


def _chunks(total: int, width: int) -> Iterator[int]:
    size = max(1, _CELLS // max(width, 1))
    while total > 0:
        yield min(size, total)
        total -= size
