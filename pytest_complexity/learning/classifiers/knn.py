"""What the most similar training tasks came to: the simple router that is hard to beat (arXiv 2505.12601)."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from pytest_complexity.core.arrays import Floats
from pytest_complexity.errors import TrainedError
from pytest_complexity.learning.classifiers.base import Arrays, Counts, TextClassifier, array_of
from pytest_complexity.learning.classifiers.features import PromptFeatures, learned_matrix

_NEIGHBOURS = (5, 10, 20, 40, 80)
_PRIORS = (1.0, 4.0, 16.0)
_MOST = 1500  # tasks that choose the two numbers, each predicted from all the others


class KnnClassifier(TextClassifier):
    """The k nearest tasks' levels and success shares, mixed with the share over all tasks, which counts as much as
    `prior` neighbours. Nearness is the cosine of `PromptFeatures`; k and prior are chosen by leave-one-out log-loss,
    for each target on its own.
    """

    learned: ClassVar = {
        "votes": ("f", ("tasks", "outputs")),
        "voters": ("f", ("tasks", "outputs")),
        "choices": ("f", (2, 2)),
    }

    def _learn(self, texts: list[str], levels: NDArray[np.int64], counts: Counts) -> None:
        self.features_, self.matrix_ = learned_matrix(texts)
        one_hot = (levels[:, None] == self.classes_).astype(float)
        weight = max(counts.trials.max(initial=0), 1)
        self.votes_ = np.hstack([one_hot, counts.successes / weight])
        decided = np.repeat((levels > 0).astype(float)[:, None], len(self.classes_), axis=1)
        self.voters_ = np.hstack([decided, counts.trials / weight])
        rows = np.random.default_rng(self.seed).permutation(len(texts))[:_MOST]
        near = (self.matrix_[rows] @ self.matrix_[rows].T).toarray()
        np.fill_diagonal(near, -1.0)
        self.choices_ = np.array([self._choice(near, rows, columns) for columns in self._targets()])

    def _targets(self) -> tuple[slice, slice]:
        return slice(0, len(self.classes_)), slice(len(self.classes_), None)

    def _choice(self, near: Floats, rows: NDArray[np.int64], columns: slice) -> tuple[int, float]:
        votes, voters = self.votes_[rows, columns], self.voters_[rows, columns]
        if not voters.size:
            return _NEIGHBOURS[0], _PRIORS[0]

        def loss(choice: tuple[int, float]) -> float:
            chances = np.clip(_mixed(near, votes, voters, *choice), 1e-6, 1 - 1e-6)
            missed = 0.0 if columns.start == 0 else (voters - votes) * np.log(1 - chances)  # levels: log-loss of one
            return float(-(votes * np.log(chances) + missed).sum())

        return min(itertools.product(_NEIGHBOURS, _PRIORS), key=loss)

    def _predict(self, texts: list[str]) -> tuple[Floats, Floats]:
        if not texts:
            return np.zeros((0, len(self.classes_))), np.zeros((0, self.models_))
        near = (self.features_.matrix(texts) @ self.matrix_.T).toarray()
        levels, chances = (
            _mixed(near, self.votes_[:, columns], self.voters_[:, columns], int(k), prior)
            for columns, (k, prior) in zip(self._targets(), self.choices_, strict=True)
        )
        return levels / levels.sum(axis=1, keepdims=True), chances

    def _state(self) -> dict[str, NDArray[Any]]:
        matrix = self.matrix_
        sparse = {"values": matrix.data, "columns": matrix.indices, "ends": matrix.indptr}
        return {**super()._state(), **self.features_.state(), **sparse}

    def _restore(self, arrays: Arrays) -> None:
        super()._restore(arrays)
        self.features_ = PromptFeatures.restored(arrays)
        if not (self.choices_ > 0).all():
            raise TrainedError("array 'choices': expected numbers above 0")
        values, columns = array_of(arrays, "values", "f", 1), array_of(arrays, "columns", "i", 1)
        ends = array_of(arrays, "ends", "i", 1, (len(self.votes_) + 1,))
        try:
            self.matrix_ = csr_matrix((values, columns, ends), shape=(len(self.votes_), self.features_.size))
            self.matrix_.check_format(full_check=True)
        except ValueError as why:
            raise TrainedError(f"arrays 'values', 'columns', 'ends': {why}") from None


def _mixed(near: Floats, votes: Floats, voters: Floats, k: int, prior: float) -> Floats:
    """For each row of similarities: the votes of its k nearest, weighted by similarity, and `prior` of all's."""
    base = (votes.sum(axis=0) + 0.5) / (voters.sum(axis=0) + 1)
    if k < near.shape[1]:
        far = np.argpartition(-near, k, axis=1)[:, k:]
        near = near.copy()
        np.put_along_axis(near, far, 0.0, axis=1)
    near = np.maximum(near, 0.0)
    near = near / (near.sum(axis=1, keepdims=True) + 1e-9) * min(k, near.shape[1])
    mixed: Floats = (near @ votes + prior * base) / (near @ voters + prior)
    return mixed
