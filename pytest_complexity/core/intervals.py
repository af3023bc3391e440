"""Intervals of shares. Every interval is over tasks: the trials of a task are alike, so tasks are what is sampled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, variance

Interval = tuple[float, float]
_Z = 1.959963984540054  # of a two-sided 95% interval


_PRIOR = 0.25  # the largest variance that shares can have, weighed as one task


def share_interval(rates: Sequence[float], z: float = _Z) -> Interval:
    """95% interval of a mean of shares, one share a task: Wilson's score interval at the effective sample size.

    The effective size is the number of independent yes-or-no tasks whose mean would vary as much as that of these
    shares does. The variance is estimated as if one more task, half solved and half not, had been seen: shares that
    happen to be alike are no proof that all are, and the interval does not shrink to a point at 0 of n or n of n.
    """
    n, p = len(rates), min(max(fmean(rates), 0.0), 1.0)
    binary = n * p * (1 - p)
    seen = n * variance(rates, p) if n > 1 else binary
    size = n * (binary + _PRIOR) / (seen + _PRIOR)
    z2 = z * z / size
    centre = (p + z2 / 2) / (1 + z2)
    half = z / (1 + z2) * math.sqrt(p * (1 - p) / size + z2 / (4 * size))
    return max(0.0, min(centre - half, p)), min(1.0, max(centre + half, p))
