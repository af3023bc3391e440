"""The first model that is likely enough to be right."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_complexity.core.predictions import Prediction


@dataclass(frozen=True)
class CheapestAdequate:
    """The first model of the ladder whose predicted chance reaches `threshold`; the last where none does."""

    threshold: float
    name: str = "cheapest-adequate"

    def choose(self, prediction: Prediction) -> int:
        """See the class."""
        chances = prediction.chances
        return next((k for k, chance in enumerate(chances) if chance >= self.threshold), len(chances) - 1)
