"""The model with the best chance for its price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_complexity.core.predictions import Prediction


@dataclass(frozen=True)
class Utility:
    """Maximises chance - price / willingness; of models alike, the first of the ladder.

    `prices`: what one call of each model costs on average, in ladder order; `willingness`: what a solved task is worth,
    in the same unit. At 0 it asks the cheapest model, at infinity the most promising one. With true chances every
    point that it reaches is the best accuracy for its cost (a Lagrangian; arXiv 2403.12031 calls it P - w * C).
    """

    prices: Sequence[float]
    willingness: float
    name: str = "utility"

    def choose(self, prediction: Prediction) -> int:
        """See the class."""
        ladder = range(len(self.prices))
        if self.willingness == 0:
            return min(ladder, key=lambda k: self.prices[k])
        return max(ladder, key=lambda k: prediction.chances[k] - self.prices[k] / self.willingness)
