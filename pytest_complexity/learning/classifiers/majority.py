"""Knows no prompt: the shares of the training tasks. What every classifier must beat."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from pytest_complexity.core.arrays import Floats
from pytest_complexity.learning.classifiers.base import Counts, TextClassifier


class MajorityClassifier(TextClassifier):
    """Each level's share, and each model's success rate, for every prompt."""

    learned: ClassVar = {"shares": ("f", ("classes",)), "rates": ("f", ("models",))}

    def _learn(self, texts: list[str], levels: NDArray[np.int64], counts: Counts) -> None:
        self.shares_ = np.array([(levels == level).sum() for level in self.classes_]) / (levels > 0).sum()
        self.rates_ = counts.rates()

    def _predict(self, texts: list[str]) -> tuple[Floats, Floats]:
        return np.tile(self.shares_, (len(texts), 1)), np.tile(self.rates_, (len(texts), 1))
