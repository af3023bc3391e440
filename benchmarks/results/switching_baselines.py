"""What a switching policy must beat: the tuned cascade first of all."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pytest_complexity.calls.switching import STOP, Attempt, DecisionProblem
from pytest_complexity.core.arrays import Floats


def hand_in(attempts: Sequence[Attempt]) -> int:
    """The last attempt whose visible check passed, else the last one."""
    return max(range(len(attempts)), key=lambda index: (attempts[index].shown, index))


@dataclass(frozen=True)
class Cascade:
    """So many attempts of each model in turn, up the ladder, until a visible check passes."""

    steps: tuple[int, ...]

    def act(self, task: int, attempts: Sequence[Attempt]) -> int:
        """See `Strategy`."""
        if attempts and attempts[-1].shown:
            return STOP
        sequence = [model for model, times in enumerate(self.steps) for _ in range(times)]
        return sequence[len(attempts)] if len(attempts) < len(sequence) else STOP

    def answer(self, task: int, attempts: Sequence[Attempt]) -> int:
        """See `Strategy`."""
        return hand_in(attempts)


def always(model: int, models: int) -> Cascade:
    """One call of that model for every task."""
    return Cascade(tuple(int(each == model) for each in range(models)))


@dataclass(frozen=True)
class OneShot:
    """One call of the model whose predicted chance less its price is the highest; none where no call pays.

    `chances` T x K are predicted from the tasks' texts.
    """

    problem: DecisionProblem
    chances: Floats

    def act(self, task: int, attempts: Sequence[Attempt]) -> int:
        """See `Strategy`."""
        if attempts:
            return STOP
        gains = self.chances[task] - self.problem.price * np.asarray(self.problem.costs)
        return int(gains.argmax()) if gains.max() > 0 else STOP

    def answer(self, task: int, attempts: Sequence[Attempt]) -> int:
        """See `Strategy`."""
        return 0


class RandomSwitching:
    """Until a visible check passes, each further attempt goes up the ladder with the given chance."""

    def __init__(self, problem: DecisionProblem, rate: float, seed: int = 0) -> None:
        self._problem, self._rate = problem, rate
        self._random = random.Random(seed)

    def act(self, task: int, attempts: Sequence[Attempt]) -> int:
        """See `Strategy`."""
        choices = self._problem.allowed(attempts)
        if not choices or (attempts and attempts[-1].shown):
            return STOP
        up = [each for each in choices if each > (attempts[-1].model if attempts else 0)]
        if up and self._random.random() < self._rate:
            return up[0]
        return choices[0]

    def answer(self, task: int, attempts: Sequence[Attempt]) -> int:
        """See `Strategy`."""
        return hand_in(attempts)


def tuned_cascade(signals: Floats, problem: DecisionProblem) -> Cascade:
    """The cascade of most reward on training tasks, T x K x 2 x 2 as `belief.signals_of_counts` gives them.

    The reward of each is exact: the expectation over every order of the attempts that a task has. At most three
    models of the ladder take part, which leaves out nothing on a ladder of three.
    """
    return max(
        (Cascade(steps) for steps in _steps(problem)), key=lambda each: cascade_reward(signals, problem, each.steps)
    )


def _steps(problem: DecisionProblem) -> Iterator[tuple[int, ...]]:
    models = range(len(problem.costs))
    seen = set()
    for part in itertools.combinations(models, min(3, len(problem.costs))):
        limits = [range(min(problem.caps[model], problem.horizon) + 1) if model in part else (0,) for model in models]
        for steps in itertools.product(*limits):
            above = sum(steps[1:])
            fits = sum(steps) <= problem.horizon and (problem.budget is None or above <= problem.budget)
            if fits and steps not in seen:
                seen.add(steps)
                yield steps


def cascade_reward(signals: Floats, problem: DecisionProblem, steps: Sequence[int]) -> float:
    """Mean reward over the tasks, each in expectation; a task with fewer attempts than asked for gives what it has."""
    alive = np.ones(len(signals))  # no check has passed yet
    reward = np.zeros(len(signals))
    last = np.zeros(len(signals))  # chance that the last attempt, which did not show, is right
    for model, times in enumerate(steps):
        failed = signals[:, model, 0].sum(1)
        total = signals[:, model].sum((1, 2))
        passed_right = signals[:, model, 1, 1] / np.maximum(total - failed, 1)
        failed_right = signals[:, model, 0, 1] / np.maximum(failed, 1)
        for used in range(times):
            left = np.maximum(total - used, 0)
            goes = alive * (left > 0)
            reward -= goes * problem.price * problem.costs[model]
            passes = np.where(left > 0, (total - failed) / np.maximum(left, 1), 0.0).clip(0, 1)
            reward += goes * passes * passed_right
            last = np.where(left > 0, failed_right, last)
            alive = alive * (1 - passes)
    return math.fsum((reward + alive * last).tolist()) / len(signals)
