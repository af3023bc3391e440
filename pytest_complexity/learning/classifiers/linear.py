"""Logistic regression on a prompt's features, for both targets.

The levels: multinomial, by scikit-learn. The chances: one binomial regression of all models, whose coefficients lean
towards each other by as much as cross-validation likes. Both are stretched at the end by the one factor that
cross-validated predictions ask for (temperature scaling, arXiv 1706.04599, section 4.2), so that the chances are
calibrated.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.sparse import issparse
from scipy.special import expit, log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from threadpoolctl import threadpool_limits

from pytest_complexity.core.arrays import Floats
from pytest_complexity.learning.classifiers.base import Counts, TextClassifier

#: A matrix with a row for each text: dense, or scipy's sparse rows.
Matrix = Any
_PENALTIES = (1.0, 4.0, 16.0, 64.0)
_SHARING = (0.0, 0.5)
_FOLDS = 5
_MOST = 1500  # tasks that choose a penalty: it is a prior's precision, so that more tasks need no other


@dataclass(frozen=True)
class Head:
    """Scores are `matrix @ weights + offsets`: log-odds, one column a level or a model."""

    weights: Floats
    offsets: Floats

    def __call__(self, matrix: Matrix) -> Floats:
        """The scores of each row."""
        scores: Floats = matrix @ self.weights + self.offsets
        return scores

    def stretched(self, factor: float) -> Head:
        """The same with every score times `factor`."""
        return Head(self.weights * factor, self.offsets * factor)


Fit = Callable[[Matrix, Any], Head]
Loss = Callable[[Floats, Any], float]


def fit_levels(matrix: Matrix, levels: NDArray[np.int64], penalty: float, classes: NDArray[np.int64]) -> Head:
    """Multinomial regression: mean-zero normal coefficients of precision `penalty`.

    A class that no task has keeps a score that is as rare as half a task.
    """
    found = np.unique(levels)
    weights = np.zeros((matrix.shape[1], len(classes)))
    offsets = np.full(len(classes), np.log(0.5 / len(levels)))
    columns = np.searchsorted(classes, found)
    if len(found) == 1:
        offsets[columns] = 0.0
        return Head(weights, offsets)
    model = LogisticRegression(C=1 / penalty, max_iter=300, tol=1e-3).fit(matrix, levels)
    if len(found) == 2:  # sklearn's one column is of the second class; the first one's score is 0
        weights[:, columns[1]], offsets[columns] = model.coef_[0], (0.0, model.intercept_[0])
    else:
        weights[:, columns], offsets[columns] = model.coef_.T, model.intercept_
    missing = np.setdiff1d(np.arange(len(classes)), columns)
    offsets[missing] += np.logaddexp.reduce(offsets[columns])
    return Head(weights, offsets)


def fit_chances(matrix: Matrix, counts: Counts, penalty: float, sharing: float) -> Head:
    """Binomial regression of K models at once.

    A feature's K coefficients are normal of precision `penalty` and correlate by `sharing` between models: what makes
    a task hard for one model mostly makes it hard for the next.
    """
    features, models = matrix.shape[1], counts.trials.shape[1]
    precision = penalty * np.linalg.inv((1 - sharing) * np.eye(models) + sharing)
    rates = counts.rates()
    weight = counts.trials.max()  # so that a task weighs the same at any number of trials, as its trials are alike
    successes, trials = counts.successes / weight, counts.trials / weight

    def negative(flat: Floats) -> tuple[float, Floats]:
        head = Head(flat[:-models].reshape(features, models), flat[-models:])
        scores, pull = head(matrix), head.weights @ precision
        value = (trials * np.logaddexp(0, scores) - successes * scores).sum() + (head.weights * pull).sum() / 2
        residual = trials * expit(scores) - successes
        return float(value), np.concatenate([(matrix.T @ residual + pull).ravel(), residual.sum(0)])

    start = np.concatenate([np.zeros(features * models), np.log(rates / (1 - rates))])
    found = minimize(negative, start, jac=True, method="L-BFGS-B", options={"maxiter": 200, "ftol": 1e-6}).x
    return Head(found[:-models].reshape(features, models), found[-models:])


def level_loss(scores: Floats, columns: NDArray[np.int64]) -> float:
    """Log-loss in nats per task; `columns`: each task's level as a column."""
    return float(-log_softmax(scores, axis=1)[np.arange(len(columns)), columns].mean())


def chance_loss(scores: Floats, counts: Counts) -> float:
    """Log-loss in nats per trial."""
    total = (counts.trials * np.logaddexp(0, scores) - counts.successes * scores).sum()
    return float(total / counts.trials.sum())


def chosen(matrix: Matrix, target: Any, fits: list[Fit], loss: Loss, seed: int) -> Head:
    """The head of the fit with the least cross-validated loss, stretched to what those predictions ask for."""
    rows = np.random.default_rng(seed).permutation(matrix.shape[0])[:_MOST]
    some, aims = rotated(matrix[rows]), target[rows]
    folds = list(_folds(len(rows)))
    if not folds:
        return fits[-1](matrix, target)
    held = [np.concatenate([fit(some[train], aims[train])(some[test]) for train, test in folds]) for fit in fits]
    truth = aims[np.concatenate([test for _, test in folds])]
    best = min(range(len(fits)), key=lambda index: loss(held[index], truth))
    return fits[best](matrix, target).stretched(stretch(held[best], truth, loss))


def stretch(scores: Floats, truth: Any, loss: Loss) -> float:
    """The factor by which held-out scores have the least loss: one over the temperature."""
    return float(minimize_scalar(lambda factor: loss(factor * scores, truth), bounds=(0.1, 1.5), method="bounded").x)


def rotated(matrix: Matrix) -> Floats:
    """The rows in no more columns than rows, with every inner product kept: all that a ridge penalty can see."""
    if matrix.shape[1] <= matrix.shape[0]:
        dense: Floats = matrix.toarray() if issparse(matrix) else matrix
        return dense
    products = matrix @ matrix.T
    values, vectors = np.linalg.eigh(products.toarray() if issparse(products) else products)
    kept = values > 1e-9 * max(values[-1], 1e-9)
    turned: Floats = vectors[:, kept] * np.sqrt(values[kept])
    return turned


def _folds(tasks: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    if tasks >= 2 * _FOLDS:
        yield from KFold(_FOLDS).split(np.zeros(tasks))


class LinearClassifier(TextClassifier):
    """A classifier whose features another class names."""

    learned: ClassVar = {"weights": ("f", ("features", "outputs")), "offsets": ("f", ("outputs",))}

    def _learn(self, texts: list[str], levels: NDArray[np.int64], counts: Counts) -> None:
        matrix = self._learn_features(texts)
        with threadpool_limits(1):  # many small products: threads cost them more than they give
            self._learn_heads(matrix, levels, counts)

    def _learn_heads(self, matrix: Matrix, levels: NDArray[np.int64], counts: Counts) -> None:
        decided = np.flatnonzero(levels > 0)
        columns = np.searchsorted(self.classes_, levels[decided])
        every = np.arange(len(self.classes_))
        heads = [chosen(matrix[decided], columns, [_levels(p, every) for p in _PENALTIES], level_loss, self.seed)]
        measured = np.flatnonzero(counts.trials.sum(1))
        if len(measured):
            fits = [_chances(penalty, sharing) for penalty in _PENALTIES for sharing in _SHARING[: self.models_]]
            heads.append(chosen(matrix[measured], counts[measured], fits, chance_loss, self.seed))
        self.weights_ = np.ascontiguousarray(np.hstack([head.weights for head in heads]))
        self.offsets_ = np.concatenate([head.offsets for head in heads])

    def _predict(self, texts: list[str]) -> tuple[Floats, Floats]:
        scores, levels = self._scores(texts), len(self.classes_)
        return softmax(scores[:, :levels], axis=1), expit(scores[:, levels:])

    def _scores(self, texts: list[str]) -> Floats:
        return Head(self.weights_, self.offsets_)(self._features(texts))

    @abstractmethod
    def _learn_features(self, texts: list[str]) -> Matrix:
        """Learns the features, and returns those of the same texts."""

    @abstractmethod
    def _features(self, texts: list[str]) -> Matrix:
        """The features of texts: as many columns as `weights_` has rows."""


def _levels(penalty: float, classes: NDArray[np.int64]) -> Fit:
    return lambda matrix, columns: fit_levels(matrix, columns, penalty, classes)


def _chances(penalty: float, sharing: float) -> Fit:
    return lambda matrix, counts: fit_chances(matrix, counts, penalty, sharing)
