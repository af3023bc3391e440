"""From what a user can say ("at least this accuracy") to a router's willingness to pay, on tasks it was not trained on.

The promise is meant for new tasks, so a point of the router's curve is taken only where a one-sided 95% bound keeps the
target, not the estimate alone. Points are tried in one fixed order, from the safest on, and the first that fails ends
the search: then a promise is broken in at most 1 of 20 calibrations, however many points there are (fixed-sequence
testing; Angelopoulos et al., "Learn then test", arXiv 2110.01052).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_complexity.core.intervals import Interval, share_interval
from pytest_complexity.errors import TargetError
from pytest_complexity.scoring.policies import Bench, matrices
from pytest_complexity.scoring.resampling import interval, resampled_means
from pytest_complexity.scoring.routing_gain import sweep

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pytest_complexity.core.arrays import Floats

_TARGET = re.compile(r"\s*(accuracy|cost|share\((?P<model>.+)\))\s*(?P<op>>=|<=)\s*(?P<bound>\S+)\s*")
_FORMS = "accuracy>=0.8, cost<=2.5 (for a thousand tasks) or share(MODEL)<=0.2"
_ONE_SIDED = 1.6448536269514722  # of a one-sided 95% bound
_LEAST_TASKS = 20


@dataclass(frozen=True)
class Target:
    """What a router shall keep: `accuracy` at least, `cost` for a thousand tasks or the `share` of a model at most."""

    text: str
    measure: str
    bound: float
    model: str | None = None


def parse_target(text: str, ladder: Sequence[str]) -> Target:
    """The target that is written so. Raises `TargetError` with the forms."""
    match = _TARGET.fullmatch(text)
    if match is None:
        raise TargetError(f"target {text!r}: write {_FORMS}")
    measure = match[1].partition("(")[0]
    try:
        bound = float(match["bound"])
    except ValueError:
        raise TargetError(f"target {text!r}: {match['bound']!r} is no number; write {_FORMS}") from None
    if match["op"] != (">=" if measure == "accuracy" else "<="):
        raise TargetError(f"target {text!r}: accuracy has a least, cost and share a most; write {_FORMS}")
    if not 0 <= bound < math.inf or (bound > 1 and measure != "cost"):
        raise TargetError(f"target {text!r}: an accuracy or a share lies between 0 and 1, a cost from 0 on")
    if match["model"] and match["model"] not in ladder:
        raise TargetError(f"target {text!r}: no model {match['model']!r} on the ladder {', '.join(ladder)}")
    return Target(text.strip(), measure, bound, match["model"])


@dataclass(frozen=True)
class Calibrated:
    """A willingness to pay that keeps a target, and what to expect of it on new tasks, with 95% intervals.

    `cost` is the mean per task, in the unit of the calibration tasks; `shares` by model; `tasks` how many were used.
    """

    target: str
    willingness: float
    accuracy: float
    accuracy_ci: Interval
    cost: float
    cost_ci: Interval
    shares: Mapping[str, float]
    tasks: int

    def sentence(self, unit: str) -> str:
        """What to expect, costs for a thousand tasks; `unit` is "usd" or "unit"."""
        low, high = (1000 * bound for bound in self.cost_ci)
        shares = ", ".join(f"{name} {100 * share:.0f}%" for name, share in self.shares.items())
        return (
            f"calibrated to {self.target} on {self.tasks} tasks: expect {100 * self.accuracy:.1f}% right (95% "
            f"{100 * self.accuracy_ci[0]:.1f}..{100 * self.accuracy_ci[1]:.1f}), {'$' if unit == 'usd' else 'cost '}"
            f"{1000 * self.cost:.4g} ({low:.4g}..{high:.4g}) for a thousand tasks; asked: {shares}"
        )


def calibrate(bench: Bench, prices: Sequence[float], target: Target, seed: int = 0) -> Calibrated:
    """The utility router that keeps the target at the least cost, or under a cost or share the most willing one.

    Every case of the bench carries a prediction by a classifier that was not trained on it. Raises `TargetError` where
    the data cannot support the target.
    """
    import numpy as np  # noqa: PLC0415  (`label` needs none)

    predictions = [case.prediction for case in bench.cases if case.prediction is not None]
    if len(predictions) < _LEAST_TASKS:
        raise TargetError(
            f"target {target.text!r}: {len(predictions)} tasks to calibrate on are too few; give {_LEAST_TASKS} or more"
        )
    rates, costs = matrices(bench)
    willingness, choices = sweep(predictions, prices)
    solved, paid = np.take_along_axis(rates, choices, 1), np.take_along_axis(costs, choices, 1)
    index = _last_kept(target, bench, choices, solved, paid, seed)
    cost = float(paid[:, index].mean())
    return Calibrated(
        target=target.text,
        willingness=willingness[index],
        accuracy=float(solved[:, index].mean()),
        accuracy_ci=share_interval(solved[:, index].tolist()),
        cost=cost,
        cost_ci=interval(resampled_means(paid[:, [index]], seed)[:, 0], cost),
        shares={name: float((choices[:, index] == k).mean()) for k, name in enumerate(bench.ladder)},
        tasks=len(predictions),
    )


def _last_kept(target: Target, bench: Bench, choices: NDArray[np.intp], solved: Floats, paid: Floats, seed: int) -> int:
    """The step of the sweep to take: from the safest one on, the last before the target is not surely kept."""
    import numpy as np  # noqa: PLC0415

    steps = list(range(choices.shape[1]))
    if target.measure == "accuracy":
        steps.reverse()
        bounds = [share_interval(column.tolist(), _ONE_SIDED)[0] for column in solved.T]
        kept, means = [bound >= target.bound for bound in bounds], solved.mean(axis=0)
    elif target.measure == "cost":
        bounds = [1000 * float(bound) for bound in np.quantile(resampled_means(paid, seed), 0.95, axis=0)]
        kept, means = [bound <= target.bound for bound in bounds], 1000 * paid.mean(axis=0)
    else:
        asked = (choices == bench.ladder.index(str(target.model))).astype(float)
        bounds = [share_interval(column.tolist(), _ONE_SIDED)[1] for column in asked.T]
        kept, means = [bound <= target.bound for bound in bounds], asked.mean(axis=0)
    first = steps[0]
    if not kept[first]:
        side = "at least" if target.measure == "accuracy" else "at most"
        raise TargetError(
            f"target {target.text!r}: the data cannot support it: the safest point of this router has "
            f"{target.measure} {means[first]:.4g}, {side} {bounds[first]:.4g} with 95% confidence, on {len(paid)} "
            "tasks; ask for less or measure more tasks"
        )
    failed = next((rank for rank, step in enumerate(steps) if not kept[step]), len(steps))
    return steps[failed - 1]
