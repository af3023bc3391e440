"""Collaborative performance prediction: each model's chance on each task, from whatever was measured.

The task of arXiv 2407.01300 with success counts in place of scores. Successes are binomial, and a cell's logit is
`a_model + b_task + e_cell`. The difficulties b have a distribution of any form on a grid, fitted with everything else
(Bock and Aitkin 1981): most tasks are solved always or never, which no normal prior says. What is a cell's own, e, is
normal. A new task or a new model is a row or a column without trials. Factorisations of higher rank do not predict
better on the sets that we have (docs/results/calls.md). Knows neither files nor policies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import beta

from pytest_complexity.core.arrays import Floats

GRID = np.linspace(-12, 12, 37)  #: difficulties, in logits
_NODES, _NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(11)
_NODE_WEIGHTS = _NODE_WEIGHTS / _NODE_WEIGHTS.sum()
_CELLS = (0.5, 1.5, 3.0)
_ROUNDS = 25
_LEAST = 1e-9


@dataclass(frozen=True)
class Matrix:
    """What was measured: successes and trials of T tasks by K models; they need not be whole numbers."""

    successes: Floats
    trials: Floats


class Chances:
    """The estimator. After `fit`: `mean_`, each cell's chance, T x K, and `covariance_` of a task's, T x K x K.

    `cell_` is the spread of a cell's own part, in logits: of a few, the one of greatest evidence. It is large where a
    task is solved always or never by each model, and small for the mean scores of whole benchmarks.
    """

    def fit(self, matrix: Matrix) -> Chances:
        """Learns from the cells that have trials; returns self."""
        best = max((self._fitted(matrix, cell) for cell in _CELLS), key=lambda each: each.evidence)
        self.cell_ = best.cell
        self.mean_, self.covariance_ = best.predicted()
        return self

    def _fitted(self, matrix: Matrix, cell: float) -> Fitted:
        return Fitted(matrix, cell).by_em()

    def interval(self) -> tuple[Floats, Floats]:
        """Bounds of the central 95% of each chance, both T x K: of the beta with its mean and its variance."""
        variance = np.maximum(np.einsum("tkk->tk", self.covariance_), _LEAST)
        size = np.maximum(self.mean_ * (1 - self.mean_) / variance - 1, 1e-3)
        shape = np.maximum(self.mean_ * size, 1e-3), np.maximum((1 - self.mean_) * size, 1e-3)
        low: Floats = beta.ppf(0.025, *shape)
        high: Floats = beta.ppf(0.975, *shape)
        return low, high


class Fitted:
    """The models' skills and the tasks' difficulties for one spread of the cells' own parts."""

    def __init__(self, matrix: Matrix, cell: float) -> None:
        models = matrix.trials.shape[1]
        self.cell = cell
        self._columns = [_Column.of(matrix.successes[:, k], matrix.trials[:, k], cell) for k in range(models)]
        self._skills = np.zeros(models)
        self._uncertain = np.zeros(models)
        self._difficulty = normalised(np.exp(-(GRID**2) / 50))

    def by_em(self) -> Fitted:
        """Learns from the trials; returns self."""
        for _ in range(_ROUNDS):
            self._expect()
            self._update_difficulty()
            self._update_skills()
        self._expect()
        return self

    def _priors(self) -> Floats:
        """Each task's distribution of difficulties before its own trials, T x grid."""
        return np.broadcast_to(self._difficulty, (len(self._columns[0].row), len(GRID)))

    def _offsets(self) -> Floats:
        """What is known of the models before their trials, in logits; only differences count."""
        return np.zeros_like(self._skills)

    def _expect(self) -> None:
        """Each task's distribution of difficulties given its trials, T x grid; and the log evidence."""
        likelihood: Floats = np.log(self._priors() + 1e-300)
        for column, skill in zip(self._columns, self._skills, strict=True):
            likelihood += np.log(column.likelihood(skill))[column.row]
        top = likelihood.max(1, keepdims=True)
        joint = np.exp(likelihood - top)
        self._posterior = normalised(joint)
        self.evidence = float((top[:, 0] + np.log(joint.sum(1))).sum())

    def _update_difficulty(self) -> None:
        tasks = len(self._posterior)
        self._difficulty = normalised((self._posterior.sum(0) + 1 / len(GRID)) / (tasks + 1 / len(GRID)))

    def _update_skills(self) -> None:
        """A Newton step for every model, towards what the models have in common."""
        seen = np.array([column.trials.any() for column in self._columns])
        apart = self._skills - self._offsets()
        centre = float(apart[seen].mean()) if seen.any() else 0.0
        spread2 = (((apart - centre)[seen] ** 2).sum() + 2 * 2.0**2) / (seen.sum() + 2)
        for k, column in enumerate(self._columns):
            slope, curvature = column.slopes(self._skills[k], self._posterior)
            curvature = max(curvature, 0.0) + 1 / spread2
            slope -= (apart[k] - centre) / spread2
            self._skills[k] += np.clip(slope / curvature, -2, 2)
            self._uncertain[k] = curvature**-0.5

    def predicted(self) -> tuple[Floats, Floats]:
        """Means of the chances, T x K, and their covariances within each task, T x K x K."""
        posterior = self._posterior
        means, squares = [], []
        nodes, weights = np.polynomial.hermite_e.hermegauss(5)
        for column, skill, spread in zip(self._columns, self._skills, self._uncertain, strict=True):
            first, second = np.zeros_like(posterior), np.zeros_like(posterior)
            for node, weight in zip(nodes, weights / weights.sum(), strict=True):
                one, two = column.moments(skill + spread * node)
                first += weight * one[column.row]
                second += weight * two[column.row]
            means.append(first)
            squares.append(np.einsum("tg,tg->t", posterior, second))
        given = np.stack(means, axis=2)  # of each difficulty the chance, T x grid x K
        mean: Floats = np.einsum("tg,tgk->tk", posterior, given)
        both = np.einsum("tg,tgk,tgl->tkl", posterior, given, given, optimize=True)
        diagonal = np.arange(len(self._columns))
        both[:, diagonal, diagonal] = np.stack(squares, axis=1)
        return mean, both - mean[:, :, None] * mean[:, None, :]


@dataclass(frozen=True)
class _Column:
    """One model's cells. Many are alike: each distinct (successes, trials) is computed once; `row` says where."""

    successes: Floats
    trials: Floats
    row: NDArray[np.intp]
    spread: float

    @classmethod
    def of(cls, successes: Floats, trials: Floats, spread: float) -> _Column:
        distinct, row = np.unique(np.stack([successes, trials], axis=1), axis=0, return_inverse=True)
        return cls(distinct[:, 0], distinct[:, 1], row.ravel(), spread)

    def likelihood(self, skill: float) -> Floats:
        """Of each distinct cell and difficulty, the cell's own part averaged out; without the binomial factor."""
        total: Floats = self._terms(skill)[0].sum(2)
        return total

    def moments(self, skill: float) -> tuple[Floats, Floats]:
        """The expected chance and its expected square given the cell's trials and the difficulty."""
        terms, chance = self._terms(skill)
        total = terms.sum(2)
        return (terms * chance).sum(2) / total, (terms * chance**2).sum(2) / total

    def slopes(self, skill: float, posterior: Floats) -> tuple[float, float]:
        """First and negative second derivative by the skill of the expected log-likelihood."""
        held = (np.arange(len(self.trials))[:, None] == self.row) @ posterior  # a product: far faster than adding up
        step = 0.05
        low, here, high = ((held * np.log(self.likelihood(skill + by))).sum() for by in (-step, 0.0, step))
        return float((high - low) / (2 * step)), float((2 * here - high - low) / step**2)

    def _terms(self, skill: float) -> tuple[Floats, Floats]:
        chance = np.clip(expit(skill + GRID[:, None] + self.spread * _NODES), _LEAST, 1 - _LEAST)
        failures = self.trials - self.successes
        powers = self.successes[:, None, None] * np.log(chance) + failures[:, None, None] * np.log1p(-chance)
        return np.exp(powers) * _NODE_WEIGHTS + 1e-300, chance


def normalised(values: Floats) -> Floats:
    """With the last axis adding up to 1."""
    result: Floats = values / values.sum(-1, keepdims=True)
    return result
