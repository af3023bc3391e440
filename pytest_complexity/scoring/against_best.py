"""A policy against the best of several rivals, where the best one is found on the same tasks.

The difference to the best rival is the least of the differences to each. Near ties the rival that did best owes that
partly to luck: the measured least lies too low, and a bootstrap of it lies lower still. So the two ends of the
interval are found apart. The lower end is the lowest of any rival's interval: whichever rival is the best one, its own
does not reach lower. The upper end is found by the error of the least: each difference around its own measured value,
rivals that are not clearly behind taken to be level (after Chernozhukov, Lee and Rosen, "Intersection bounds", arXiv
0907.3503).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_complexity.core.intervals import Interval
from pytest_complexity.scoring.resampling import flipped_sums

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

BEHIND = 2.0  # a rival is clearly behind by what exceeds so many standard errors of the distance


@dataclass(frozen=True)
class AgainstBest:
    """The measured `difference` to the best rival.

    `lowest`: the difference to the rival whose interval reaches lowest, `above` its resampled errors (worlds,);
    `below`: the errors of the least difference. `most`: the highest that the difference can be. `near`: the rivals, by
    index, that may be the best one.
    """

    difference: float
    lowest: float
    above: Floats
    below: Floats
    most: float
    near: Sequence[int]

    def interval(self) -> Interval:
        """The 95% interval; it holds the measured difference."""
        import numpy as np  # noqa: PLC0415

        return self.bounded(float(np.quantile(self.above, 0.975)), float(np.quantile(self.below, 0.025)))

    def bounded(self, above: float, below: float) -> Interval:
        """The interval where the error is at most `above` and at least `below`."""
        upper = min(self.difference - below, self.most)
        return min(self.lowest - above, self.difference), max(self.difference, upper)


def compared(differences: Floats) -> AgainstBest:
    """Of differences to each rival, (worlds, rivals); the first world is the measured one."""
    import numpy as np  # noqa: PLC0415

    measured, errors = differences[0], differences[1:] - differences[0]
    spread = errors.std(axis=0)
    best = int(np.lexsort((spread, measured.round(12)))[0])
    low = int((measured - 2 * spread).argmin())
    distance = errors - errors[:, [best]]
    gap = np.maximum(0, measured - measured[best] - BEHIND * distance.std(axis=0))
    sure = measured[spread < 1e-12]  # a rival that it always equals, or differs from by a constant
    return AgainstBest(
        difference=float(measured[best]),
        lowest=float(measured[low]),
        above=errors[:, low],
        below=(errors + gap).min(axis=1),
        most=float(sure.min()) if len(sure) else np.inf,
        near=tuple(int(k) for k in np.flatnonzero(gap <= 0)),
    )


@dataclass(frozen=True)
class Simultaneous:
    """Intervals of several differences that all hold together in 95% of cases."""

    intervals: Sequence[Interval]

    @classmethod
    def of(cls, all_of: Sequence[AgainstBest]) -> Simultaneous:
        """By the largest standardized error of all (the max-t method): whichever is picked afterwards, it holds."""
        above, below = (_scale([getattr(each, end) for each in all_of], end == "above") for end in ("above", "below"))
        return cls([each.bounded(*ends) for each, *ends in zip(all_of, above, below, strict=True)])


def _scale(errors: Sequence[Floats], upper: bool) -> list[float]:
    """For each of several errors (worlds,) the bound that all of them together keep in 97.5% of the worlds."""
    import numpy as np  # noqa: PLC0415

    spreads = [float(each.std()) for each in errors]
    scaled = [each / spread for each, spread in zip(errors, spreads, strict=True) if spread > 1e-12]
    if not scaled:
        return spreads
    most = np.stack(scaled).max(axis=0) if upper else np.stack(scaled).min(axis=0)
    bound = float(np.quantile(most, 0.975 if upper else 0.025))
    return [bound * spread for spread in spreads]


def p_values(solved: Floats, rates: Floats, near: Sequence[Sequence[int]], seed: int) -> list[float]:
    """Two-sided p-values that a policy solves as much as the best single model: (tasks, policies), (tasks, models).

    Signs are flipped task by task. Of several models that may be the best the least difference is taken in every draw,
    as it is in the measured one. With one such model it is the paired permutation test, on yes-or-no outcomes McNemar's
    exact test but for the sampling of signs.
    """
    import numpy as np  # noqa: PLC0415

    models = rates.shape[1]
    # (draws, models + policies); the first draw is the measured one.
    sums = flipped_sums(np.concatenate([rates, solved], axis=1), seed)
    found = []
    for index, rivals in enumerate(near):
        differences = sums[:, [models + index]] - sums[:, list(rivals)]
        scale = 1e-9 * (1 + np.abs(solved[:, index]).sum())
        if any(np.abs(solved[:, index] - rates[:, k]).max() < 1e-12 for k in rivals):
            found.append(1.0)  # it is one of them
            continue
        least = differences.min(axis=1)
        seen = least[0]
        tail = min((least <= seen + scale).mean(), (least >= seen - scale).mean())
        found.append(min(1.0, 2 * float(tail)))
    return found
