"""How stable a level is: would new trials of the same models give the same one?

Nothing can be said of a task with one trial a model: one trial shows no spread between trials.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean
from typing import TYPE_CHECKING

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.labels import Label, Labels, Status
from pytest_complexity.labels.rules import Rule, level_of

if TYPE_CHECKING:
    import numpy as np

    from pytest_complexity.core.arrays import Floats

SETTLED = 0.9  #: a level that comes out the same so often is called stable
SETTLING = (2, 3, 5, 7, 10, 15, 20, 30, 50)
_DRAWS = 400
_CHANCES = 60  # chances of success that are told apart
_STEPS = 20


@dataclass(frozen=True)
class Unstable:
    """A row, the chance that it keeps its level, and the trials a model that would settle it; None: more than 50."""

    row: Label
    same_level: float
    settled_by: int | None


class Stability:
    """How stable the levels of one measurement are.

    Each model's chances of success are taken to be spread over the tasks as the counts of all tasks say: Jeffreys'
    prior, brought nearer to them by 20 steps of expectation-maximization. Most tasks are all or nothing, so a prior
    that knows nothing of the other tasks makes levels look less stable than they are; more steps make them look more
    stable (`steps`; 0: Jeffreys' prior itself). Each task's own counts then give its posterior.

    `chances`: for each row the chance that a new measurement of it gives the level that it has; None where it has
    none, or where a model has a single trial of every task.
    """

    def __init__(self, labels: Labels, steps: int = _STEPS) -> None:
        self.labels = labels
        self._rule = Rule.named(labels.rule, len(labels.ladder))
        tasks = [row.task for row in labels.rows]
        known = all(any(task.trials.get(model, 0) > 1 for task in tasks) for model in labels.ladder)
        self._posteriors = [posteriors(tasks, model, steps) for model in labels.ladder] if known else []
        decided = [known and row.status is Status.DECIDED for row in labels.rows]
        self.chances = [self._again(number) if each else None for number, each in enumerate(decided)]

    @property
    def share(self) -> float | None:
        """The share of the tasks with a level that are expected to keep it if all their trials were drawn again."""
        known = [chance for chance in self.chances if chance is not None]
        return fmean(known) if known else None

    @property
    def unstable(self) -> int:
        """How many levels would come out the same in less than `SETTLED` of new measurements."""
        return len(self._loose())

    def least_stable(self, most: int = 10) -> list[Unstable]:
        """Those rows, the least stable first."""
        return [
            Unstable(self.labels.rows[number], chance, self.trials_to_settle(number))
            for chance, number in self._loose()[:most]
        ]

    def _loose(self) -> list[tuple[float, int]]:
        known = ((chance, number) for number, chance in enumerate(self.chances) if chance is not None)
        return sorted(pair for pair in known if pair[0] < SETTLED)

    def trials_to_settle(self, number: int, seed: int = 0) -> int | None:
        """The fewest trials a model, of `SETTLING` and more than now, at which two measurements agree 9 times in 10.

        Of the row of that number. None where 50 trials are not enough. Each model's chance is drawn from its
        posterior, and two measurements from each draw, so an agreement is known to about 2 points. More trials are
        taken never to agree less.
        """
        import numpy as np  # noqa: PLC0415  (heavy; only where stability is asked for)

        random = np.random.default_rng(seed)
        chances = np.stack([random.choice(_grid(), _DRAWS, p=each[number]) for each in self._posteriors], axis=1)
        more = [trials for trials in SETTLING if trials > self.labels.rows[number].task.planned]
        low, high = 0, len(more)
        while low < high:
            middle = (low + high) // 2
            if self._agreement(chances, more[middle], random) >= SETTLED:
                high = middle
            else:
                low = middle + 1
        return more[low] if low < len(more) else None

    def _agreement(self, chances: Floats, trials: int, random: np.random.Generator) -> float:
        first, second = (random.binomial(trials, chances).tolist() for _ in range(2))
        pairs = zip(first, second, strict=True)
        return fmean(
            level_of(self._rule, tuple(one), trials) == level_of(self._rule, tuple(two), trials) for one, two in pairs
        )

    def _again(self, number: int) -> float:
        """The chance that a new, complete measurement of the row's task gives the level that it has."""
        rule, row = self._rule, self.labels.rows[number]
        planned = row.task.planned
        new = [each[number] @ _binomials(planned) for each in self._posteriors]
        if rule.threshold is None:
            return _again_by_grid(rule, row.level, new, planned)
        reached = [float(chances[math.ceil(rule.threshold * planned) :].sum()) for chances in new]
        assert row.level is not None  # a decided row has one
        before = math.prod(1 - chance for chance in reached[: row.level - 1])
        return before * reached[row.level - 1]


def posteriors(tasks: Sequence[TaskCounts], model: str, steps: int = _STEPS) -> Floats:
    """The posterior of one model's chance of success on each task, (tasks, chances); see `Stability`."""
    import numpy as np  # noqa: PLC0415

    right = np.array([task.successes.get(model, 0) for task in tasks], float)[:, None]
    wrong = np.array([task.trials.get(model, 0) for task in tasks], float)[:, None] - right
    log = right * np.log(_grid()) + wrong * np.log(1 - _grid())
    likelihood = np.exp(log - log.max(axis=1, keepdims=True))
    weights = np.full(_CHANCES, 1 / _CHANCES)
    for _ in range(steps):
        found = weights * likelihood
        weights = (found / found.sum(axis=1, keepdims=True)).mean(axis=0)
    found = weights * likelihood
    posterior: Floats = found / found.sum(axis=1, keepdims=True)
    return posterior


@lru_cache(maxsize=1)
def _grid() -> Floats:
    """Chances of success, each with the same weight under Jeffreys' prior."""
    import numpy as np  # noqa: PLC0415

    grid: Floats = np.sin(np.pi / 2 * (np.arange(_CHANCES) + 0.5) / _CHANCES) ** 2
    return grid


@lru_cache(maxsize=64)
def _binomials(trials: int) -> Floats:
    """The chance of 0, 1, ... successes in so many trials, (chances, trials + 1)."""
    import numpy as np  # noqa: PLC0415
    from scipy.stats import binom  # noqa: PLC0415

    chances: Floats = binom.pmf(np.arange(trials + 1), trials, _grid()[:, None])
    return chances


def _again_by_grid(rule: Rule, level: int | None, new: Sequence[Floats], planned: int) -> float:
    chance = _same(rule, level, len(new), planned)
    for distribution in reversed(new):
        chance = chance.reshape(-1, planned + 1) @ distribution
    return float(chance[0])


@lru_cache(maxsize=8)
def _same(rule: Rule, level: int | None, models: int, planned: int) -> Floats:
    """1 for every complete measurement of that level, else 0; as floats, which numpy multiplies fastest."""
    import numpy as np  # noqa: PLC0415  (heavy; only where stability is asked for)

    grid: Floats = np.asarray(np.array(_levels(rule, models, planned)) == level, np.float64)
    return grid


@lru_cache(maxsize=2)
def _levels(rule: Rule, models: int, planned: int) -> list[int]:
    """The level of every complete measurement, the last model's count running fastest; 0 for never solved."""
    every = itertools.product(range(planned + 1), repeat=models)
    return [level_of(rule, successes, planned) or 0 for successes in every]
