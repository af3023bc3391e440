"""Knows how long a prompt is, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_complexity.core.arrays import Floats
from pytest_complexity.learning.classifiers.base import Arrays, wanted
from pytest_complexity.learning.classifiers.linear import LinearClassifier


class LengthClassifier(LinearClassifier):
    """Logistic regression on the logarithms of a prompt's characters and words."""

    def _learn_features(self, texts: list[str]) -> Floats:
        raw = _lengths(texts)
        self.centre_, self.spread_ = raw.mean(0), raw.std(0) + 1e-9
        return self._features(texts)

    def _features(self, texts: list[str]) -> Floats:
        scaled: Floats = (_lengths(texts) - self.centre_) / self.spread_
        return scaled

    def _state(self) -> dict[str, NDArray[Any]]:
        return {**super()._state(), "centre": self.centre_, "spread": self.spread_}

    def _restore(self, arrays: Arrays) -> None:
        super()._restore(arrays)
        self.centre_ = wanted(arrays, "centre", "f", 1, (len(self.weights_),))
        self.spread_ = wanted(arrays, "spread", "f", 1, (len(self.weights_),))


def _lengths(texts: list[str]) -> Floats:
    return np.array([[np.log1p(len(text)), np.log1p(len(text.split()))] for text in texts]).reshape(-1, 2)
