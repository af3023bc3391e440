"""Models' chances of success for classifiers that say levels alone: what tasks of each level came to in training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_complexity.core.arrays import Floats
from pytest_complexity.learning.classifiers.base import Arrays, Counts, array_of


@dataclass(frozen=True)
class ByLevel:
    """`rates`: a row a level, a column a model; the last row is of tasks without a level, whose share is `none`."""

    rates: Floats
    none: float

    @classmethod
    def learned(cls, levels: NDArray[np.int64], classes: NDArray[np.int64], counts: Counts) -> ByLevel:
        """The mean success rates of the training tasks, each level's drawn to all tasks' by one more task."""
        overall, weight = counts.rates(), max(counts.trials.max(initial=0), 1)
        rows = []
        for level in [*classes, 0]:
            some = counts[levels == level]
            rows.append((some.successes.sum(0) / weight + overall) / (some.trials.sum(0) / weight + 1))
        return cls(np.array(rows).reshape(len(classes) + 1, len(overall)), float((levels == 0).mean()))

    def chances(self, levels: Floats) -> Floats:
        """Of the levels' chances, a row a prompt."""
        chances: Floats = (1 - self.none) * levels @ self.rates[:-1] + self.none * self.rates[-1]
        return chances

    def state(self) -> dict[str, NDArray[Any]]:
        """As arrays."""
        return {"level_rates": self.rates, "level_none": np.array(self.none)}

    @classmethod
    def restored(cls, arrays: Arrays, levels: int, models: int) -> ByLevel:
        """Of what `state` returned. Raises `TrainedError`."""
        rates = array_of(arrays, "level_rates", "f", 2, (levels + 1, models))
        return cls(rates, float(array_of(arrays, "level_none", "f", 0)))
