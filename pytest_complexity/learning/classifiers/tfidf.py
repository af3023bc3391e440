"""Words, pieces of words and what a prompt names, under logistic regression: the default."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_complexity.core.arrays import Floats
from pytest_complexity.errors import TrainedError
from pytest_complexity.learning.classifiers.base import Arrays
from pytest_complexity.learning.classifiers.features import PromptFeatures, learned_matrix
from pytest_complexity.learning.classifiers.linear import LinearClassifier, Matrix


class TfidfClassifier(LinearClassifier):
    """Logistic regression on `PromptFeatures`."""

    def _learn_features(self, texts: list[str]) -> Matrix:
        self.features_, matrix = learned_matrix(texts)
        return matrix

    def _features(self, texts: list[str]) -> Matrix:
        return self.features_.matrix(texts)

    def _scores(self, texts: list[str]) -> Floats:
        """Row by row: for one prompt a sparse matrix takes longer to make than to multiply."""
        scores = np.tile(self.offsets_, (len(texts), 1))
        for row, text in enumerate(texts):
            columns, values = self.features_.vector(text)
            scores[row] += values @ self.weights_[columns]
        return scores

    def _state(self) -> dict[str, NDArray[Any]]:
        return {**super()._state(), **self.features_.state()}

    def _restore(self, arrays: Arrays) -> None:
        super()._restore(arrays)
        self.features_ = PromptFeatures.restored(arrays)
        if self.features_.size != len(self.weights_):
            raise TrainedError(f"{self.features_.size} features and weights for {len(self.weights_)}")
