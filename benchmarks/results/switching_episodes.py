"""Plays a strategy against tasks whose attempts are known, drawn without replacement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from switching_strategies import Strategy

from pytest_complexity.calls.switching import STOP, Attempt, DecisionProblem
from pytest_complexity.core.arrays import Floats


@dataclass(frozen=True)
class Episode:
    """What a strategy did on one task: calls of each model, and whether what it handed in is right."""

    calls: tuple[int, ...]
    solved: bool

    def cost(self, problem: DecisionProblem) -> float:
        """In units of the last model's call."""
        return float(np.dot(self.calls, problem.costs))


class World:
    """One task's attempts in one random order; `draw` gives the n-th call of a model."""

    def __init__(self, signals: Floats, random: np.random.Generator) -> None:
        self._attempts: list[list[tuple[bool, bool]]] = []
        for counts in signals.astype(int):
            each = [
                (bool(shown), bool(right)) for shown in (0, 1) for right in (0, 1) for _ in range(counts[shown, right])
            ]
            self._attempts.append([each[index] for index in random.permutation(len(each))])

    @property
    def caps(self) -> tuple[int, ...]:
        """How many attempts each model has."""
        return tuple(map(len, self._attempts))

    def draw(self, model: int, number: int) -> tuple[bool, bool]:
        """What that call comes to: the visible check passed, it is right. Raises IndexError beyond the last."""
        return self._attempts[model][number]

    def cheapest_right(self, problem: DecisionProblem) -> Episode:
        """What the clairvoyant does: the cheapest call that is right; none where there is none, or it does not pay."""
        calls = [0] * len(problem.costs)
        right = [model for model, each in enumerate(self._attempts) if any(found for _, found in each)]
        affordable = [model for model in right if model == 0 or problem.budget is None or problem.budget > 0]
        if affordable:
            best = min(affordable, key=lambda model: problem.costs[model])
            if problem.price * problem.costs[best] < 1:
                calls[best] = 1
        return Episode(tuple(calls), any(calls))


def play(strategy: Strategy, problem: DecisionProblem, task: int, world: World) -> Episode:
    """One episode. Raises ValueError where the strategy does what the problem does not allow."""
    attempts: list[Attempt] = []
    rights: list[bool] = []
    while allowed := problem.allowed(attempts):
        action = strategy.act(task, attempts)
        if action == STOP:
            break
        if action not in allowed:
            raise ValueError(f"model {action} after {attempts}: allowed are {allowed}")
        shown, right = world.draw(action, sum(attempt.model == action for attempt in attempts))
        attempts.append(Attempt(action, shown))
        rights.append(right)
    calls = tuple(sum(attempt.model == model for attempt in attempts) for model in range(len(problem.costs)))
    return Episode(calls, rights[strategy.answer(task, attempts)] if attempts else False)


def play_all(strategy: Strategy, problem: DecisionProblem, worlds: Sequence[Sequence[World]]) -> list[list[Episode]]:
    """Every world of every task; `worlds[t]` are the draws of task t."""
    return [[play(strategy, problem, task, world) for world in each] for task, each in enumerate(worlds)]
