"""Knows how long a prompt is, and nothing else."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pytest_complexity.core.arrays import Floats
from pytest_complexity.learning.classifiers.linear import LinearClassifier


class LengthClassifier(LinearClassifier):
    """Logistic regression on the logarithms of a prompt's characters and words."""

    learned: ClassVar = {
        **LinearClassifier.learned,
        "centre": ("f", ("features",)),
        "spread": ("f", ("features",)),
    }

    def _learn_features(self, texts: list[str]) -> Floats:
        raw = _lengths(texts)
        self.centre_, self.spread_ = raw.mean(0), raw.std(0) + 1e-9
        return self._features(texts)

    def _features(self, texts: list[str]) -> Floats:
        scaled: Floats = (_lengths(texts) - self.centre_) / self.spread_
        return scaled


def _lengths(texts: list[str]) -> Floats:
    return np.array([[np.log1p(len(text)), np.log1p(len(text.split()))] for text in texts]).reshape(-1, 2)
