"""A fixed number of calls, where they inform most; the other cells are predicted (arXiv 2407.01300, our estimator).

In rounds: fit the chances of every cell to what is known, then take one by one the calls that are expected to lower
the variance of the chances of all of the task's cells the most.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pytest_complexity.calls import Setup, Step, by_task
from pytest_complexity.calls.matrix_completion import Chances, Matrix
from pytest_complexity.core.arrays import Floats
from pytest_complexity.core.outcomes import Key, Outcome, Verdict
from pytest_complexity.errors import CallsError

_ROUNDS = 12


class Budget:
    """Makes `calls` calls of the plan, or all of it where it has no more.

    A round begins when every call of the one before has its outcome, so what is chosen does not depend on timing. Of
    tasks about which as much is known the seed chooses. A trial that was not measured has been paid for all the same.
    """

    def __init__(self, plan: Sequence[Key], ladder: Sequence[str], calls: int, seed: int = 0) -> None:
        self._ladder = tuple(ladder)
        tasks = by_task(plan)
        self._row = {task: row for row, task in enumerate(tasks)}
        self._left = [[list(keys.get(model, ())) for model in ladder] for keys in tasks.values()]
        self._budget = min(calls, len(plan))
        self._calls = calls
        self._round = math.ceil(self._budget / _ROUNDS)
        self._waiting = 0
        shape = len(tasks), len(self._ladder)
        self._successes, self._trials = np.zeros(shape), np.zeros(shape)
        self._lot = random.Random(seed).sample(range(len(tasks)), len(tasks))

    @property
    def matrix(self) -> Matrix:
        """What is known, tasks in the plan's order."""
        return Matrix(self._successes, self._trials)

    def first(self) -> tuple[Key, ...]:
        """The first round."""
        return self._next()

    def after(self, outcome: Outcome) -> Step:
        """The next round once this one is complete; the rest is skipped once the budget is spent."""
        if outcome.verdict.measured:
            cell = self._row[outcome.suite, outcome.task_id], self._ladder.index(outcome.model)
            self._trials[cell] += 1
            self._successes[cell] += outcome.verdict is Verdict.PASS
        self._waiting -= 1
        if self._waiting:
            return Step()
        if chosen := self._next():
            return Step(chosen)
        reason = f"the budget of {self._calls} calls is spent"
        return Step(skip={key: reason for row in self._left for keys in row for key in keys})

    def report(self) -> Mapping[str, Any]:
        """For `report.json`: each model's share right over all tasks, with what was not called filled in.

        `chances` has a row a task, in the plan's order: each model's chance, in ladder order, and its 95% bounds.
        """
        fitted = Chances().fit(self.matrix)
        doubt = np.einsum("tkk->tk", fitted.covariance_)
        half = 1.96 * np.sqrt((fitted.mean_.var(0) + doubt.mean(0)) / len(self._row))
        low, high = fitted.interval()
        return {
            "policy": "budget",
            "models": {
                model: {
                    "accuracy": float(mean),
                    "accuracy_ci": [max(float(mean - by), 0.0), min(float(mean + by), 1.0)],
                }
                for model, mean, by in zip(self._ladder, fitted.mean_.mean(0), half, strict=True)
            },
            "chances": [
                {"suite": suite, "task_id": task_id, "chances": _short(fitted.mean_[row])}
                | {"low": _short(low[row]), "high": _short(high[row])}
                for (suite, task_id), row in self._row.items()
            ],
        }

    def _next(self) -> tuple[Key, ...]:
        size = min(self._round, self._budget)
        chosen = self._choose(size) if size else []
        self._budget -= len(chosen)
        self._waiting = len(chosen)
        return tuple(chosen)

    def _choose(self, size: int) -> list[Key]:
        fitted = Chances().fit(self.matrix)
        # Of one trial's outcome, known beforehand only by its chance.
        noise = np.maximum(fitted.mean_ * (1 - fitted.mean_), 1e-6)
        covariance = fitted.covariance_
        best = [(*self._best(row, noise[row], covariance[row]), row) for row in range(len(self._left))]
        heap = [(-gain, self._lot[row], model, row) for gain, model, row in best if gain > 0]
        heapq.heapify(heap)
        chosen: list[Key] = []
        while heap and len(chosen) < size:
            _, lot, model, row = heapq.heappop(heap)
            chosen.append(self._left[row][model].pop(0))
            column = covariance[row][:, model].copy()
            covariance[row] -= np.outer(column, column) / noise[row, model]
            gain, model = self._best(row, noise[row], covariance[row])
            if gain > 0:
                heapq.heappush(heap, (-gain, lot, model, row))
        return chosen

    def _best(self, row: int, noise: Floats, covariance: Floats) -> tuple[float, int]:
        """The model whose next trial lowers the summed variance of the task's chances the most, and by how much."""
        gains = (covariance**2).sum(0) / noise
        gains = np.where([bool(keys) for keys in self._left[row]], np.maximum(gains, 1e-12), 0.0)
        model = int(gains.argmax())
        return float(gains[model]), model


def make(setup: Setup) -> Budget:
    """The policy of `--cx-calls=N` and `--cx-calls=budget:N`. Raises `CallsError`."""
    if not (setup.argument.isascii() and setup.argument.isdigit() and int(setup.argument)):
        raise CallsError(f"--cx-calls=budget:N: expected a number of calls above 0, got {setup.argument!r}")
    return Budget(setup.plan, setup.ladder, int(setup.argument), setup.seed)


def _short(values: Floats) -> list[float]:
    return [round(float(value), 4) for value in values]
