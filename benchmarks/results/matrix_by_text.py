"""Matrix completion with what texts and priors say: research that the figures of `calls.py` need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from pytest_complexity.calls.matrix_completion import GRID, Chances, Fitted, Matrix, normalised
from pytest_complexity.core.arrays import Floats
from pytest_complexity.core.counts import TaskCounts

_TILT = 0.02  # prior spread of a text factor's weight
_LEAST = 1e-9


@dataclass(frozen=True)
class Informed(Matrix):
    """A matrix with factors of its tasks or priors of its models.

    `factors` are T x F, standardised; `offsets` are the models' prior logits, from the Performance Law say.
    """

    factors: Floats | None = None
    offsets: Floats | None = None

    @classmethod
    def of(cls, counts: Sequence[TaskCounts], ladder: Sequence[str], factors: Floats | None = None) -> Informed:
        """The counts of tasks on a ladder, and the tasks' factors."""
        successes = np.array([[task.successes[model] for model in ladder] for task in counts], float)
        trials = np.array([[task.trials[model] for model in ladder] for task in counts], float)
        return cls(successes, trials, factors)

    def without(self, hidden: NDArray[np.bool_]) -> Informed:
        """The same with the trials of these cells, T x K, taken out."""
        return Informed(self.successes * ~hidden, self.trials * ~hidden, self.factors, self.offsets)


class InformedChances(Chances):
    """The package's estimator, its priors tilted by factors and moved by offsets."""

    def _fitted(self, matrix: Matrix, cell: float) -> Fitted:
        return _Tilted(matrix, cell).by_em()


class _Tilted(Fitted):
    def __init__(self, matrix: Matrix, cell: float) -> None:
        super().__init__(matrix, cell)
        factors, offsets = getattr(matrix, "factors", None), getattr(matrix, "offsets", None)
        self._factors = np.zeros((len(matrix.trials), 0)) if factors is None else factors
        self._prior = np.zeros_like(self._skills) if offsets is None else offsets - offsets.mean()
        self._skills = self._prior.copy()
        self._weights = np.zeros(self._factors.shape[1])

    def _offsets(self) -> Floats:
        return self._prior

    def _priors(self) -> Floats:
        return normalised(np.exp(np.outer(self._factors @ self._weights, GRID)) * self._difficulty)

    def _update_difficulty(self) -> None:
        tilts = np.exp(np.outer(self._factors @ self._weights, GRID))
        expected = (tilts / (tilts @ self._difficulty)[:, None]).sum(0)
        self._difficulty = normalised((self._posterior.sum(0) + 1 / len(GRID)) / (expected + 1 / len(GRID)))
        if self._weights.size:
            priors = self._priors()
            mean = priors @ GRID
            variance = priors @ GRID**2 - mean**2
            slope = self._factors.T @ (self._posterior @ GRID - mean) - self._weights / _TILT**2
            curvature = (self._factors.T * variance) @ self._factors + np.eye(self._weights.size) / _TILT**2
            self._weights = self._weights + np.linalg.solve(curvature, slope)


def log_loss(successes: Floats, trials: Floats, chances: Floats) -> float:
    """Mean log-loss per trial, in nats."""
    chances = np.clip(chances, _LEAST, 1 - _LEAST)
    total = -(successes * np.log(chances) + (trials - successes) * np.log1p(-chances)).sum()
    return float(total / trials.sum())


def text_factors(texts: Sequence[str], size: int = 16) -> Floats:
    """Factors of tasks from their texts, T x at most `size`: the leading directions of their TF-IDF vectors.

    Standardised. Texts of new tasks go in with the others: no outcome is used.
    """
    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2).fit_transform(texts)
    factors = TruncatedSVD(min(size, words.shape[1] - 1), random_state=0).fit_transform(words)
    spread = factors.std(0)
    standardised: Floats = (factors - factors.mean(0)) / np.where(spread > 0, spread, 1)
    return standardised
