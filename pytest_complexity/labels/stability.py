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
    from numpy.typing import NDArray

SETTLED = 0.9  #: a level that comes out the same so often is called stable
SETTLING = (2, 3, 5, 7, 10, 15, 20, 30, 50)
_DRAWS = 400
Beta = tuple[float, float]


@dataclass(frozen=True)
class Unstable:
    """A row, the chance that it keeps its level, and the trials a model that would settle it; None: more than 50."""

    row: Label
    same_level: float
    settled_by: int | None


class Stability:
    """How stable the levels of one measurement are.

    A model's chances of success over the tasks are taken to follow a beta distribution, fitted to the counts of all
    tasks by their mean and by how alike two trials of one task are; each task's own counts then give its posterior.
    Most tasks are all or nothing, so a prior that knows nothing of the other tasks would make levels look less stable
    than they are. `chances`: for each row the chance that a new measurement of it gives the level that it has; None
    where it has none, or where a model has a single trial of every task.
    """

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self._rule = Rule.named(labels.rule, len(labels.ladder))
        fitted = [fitted_beta([row.task for row in labels.rows], model) for model in labels.ladder]
        self._priors = [each for each in fitted if each is not None]
        self.known = len(self._priors) == len(labels.ladder)
        self.chances = [
            self._again(row) if self.known and row.status is Status.DECIDED else None for row in labels.rows
        ]

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
        return [Unstable(row, chance, self.trials_to_settle(row)) for chance, row in self._loose()[:most]]

    def _loose(self) -> list[tuple[float, Label]]:
        pairs = zip(self.chances, self.labels.rows, strict=True)
        known = [(chance, row) for chance, row in pairs if chance is not None and chance < SETTLED]
        return sorted(known, key=lambda pair: pair[0])

    def trials_to_settle(self, row: Label, seed: int = 0) -> int | None:
        """The fewest trials a model, of `SETTLING` and more than now, at which two measurements agree 9 times in 10.

        None where 50 trials are not enough. Each model's chance is drawn from its posterior, and two measurements from
        each draw, so an agreement is known to about 2 points. More trials are taken never to agree less.
        """
        import numpy as np  # noqa: PLC0415  (heavy; only where stability is asked for)

        random, ladder = np.random.default_rng(seed), self.labels.ladder
        won, lost = zip(*(self._posterior(row.task, k) for k in range(len(ladder))), strict=True)
        chances = random.beta(won, lost, (_DRAWS, len(ladder)))
        more = [trials for trials in SETTLING if trials > row.task.planned]
        low, high = 0, len(more)
        while low < high:
            middle = (low + high) // 2
            if self._agreement(chances, more[middle], random) >= SETTLED:
                high = middle
            else:
                low = middle + 1
        return more[low] if low < len(more) else None

    def _agreement(self, chances: NDArray[np.float64], trials: int, random: np.random.Generator) -> float:
        first, second = (random.binomial(trials, chances).tolist() for _ in range(2))
        pairs = zip(first, second, strict=True)
        return fmean(
            level_of(self._rule, tuple(one), trials) == level_of(self._rule, tuple(two), trials) for one, two in pairs
        )

    def _posterior(self, task: TaskCounts, index: int) -> Beta:
        model = self.labels.ladder[index]
        (won, lost), right = self._priors[index], task.successes.get(model, 0)
        return won + right, lost + task.trials.get(model, 0) - right

    def _again(self, row: Label) -> float:
        """The chance that a new, complete measurement of the task gives the level that it has."""
        rule, planned = self._rule, row.task.planned
        new = [new_successes(self._posterior(row.task, k), planned) for k in range(len(self.labels.ladder))]
        if rule.threshold is None:
            return _again_by_grid(rule, row.level, new, planned)
        reached = [math.fsum(chances[math.ceil(rule.threshold * planned) :]) for chances in new]
        assert row.level is not None  # a decided row has one
        before = math.prod(1 - chance for chance in reached[: row.level - 1])
        return before * reached[row.level - 1]


def fitted_beta(tasks: Sequence[TaskCounts], model: str) -> Beta | None:
    """The beta distribution of a model's chances over tasks: by their mean and by the mean chance of two successes.

    None where no task has two trials. The mean allows for one half success more, so that a model that never or always
    failed is not taken to do so for ever.
    """
    counts = [(task.successes.get(model, 0), task.trials.get(model, 0)) for task in tasks]
    several = [(right, trials) for right, trials in counts if trials > 1]
    if not several:
        return None
    mean = (sum(right for right, _ in several) + 0.5) / (sum(trials for _, trials in several) + 1)
    both = fmean(right * (right - 1) / (trials * (trials - 1)) for right, trials in several)
    alike = min(max((both - mean**2) / (mean * (1 - mean)), 0.01), 0.99)  # correlation of two trials of a task
    size = 1 / alike - 1
    return mean * size, (1 - mean) * size


def _again_by_grid(rule: Rule, level: int | None, new: Sequence[Sequence[float]], planned: int) -> float:
    chance = _grid(rule, level, len(new), planned)
    for distribution in reversed(new):
        chance = chance.reshape(-1, planned + 1) @ distribution
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
def new_successes(posterior: Beta, planned: int) -> tuple[float, ...]:
    """The chances of 0, 1, ... `planned` successes in new trials, given the beta distribution of the chance."""
    won, lost = posterior

    def beta(a: float, b: float) -> float:
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)

    def ways(k: int) -> float:
        return -math.log(planned + 1) - beta(k + 1, planned - k + 1)

    return tuple(math.exp(ways(k) + beta(won + k, lost + planned - k) - beta(won, lost)) for k in range(planned + 1))
