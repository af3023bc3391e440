"""Strategies for switching, and what a plan comes to: research that the figures of `calls.py` need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pytest_complexity.calls.switching import STOP, Attempt, DecisionProblem
from pytest_complexity.calls.switching.belief import Belief
from pytest_complexity.calls.switching.planning import Plan, Planner
from pytest_complexity.core.arrays import Floats


class Strategy(Protocol):
    """What plays a problem. Asked only while something is allowed."""

    def act(self, task: int, attempts: Sequence[Attempt]) -> int:
        """The model to call next, or STOP; `task` is the task's row where a strategy knows its text."""

    def answer(self, task: int, attempts: Sequence[Attempt]) -> int:
        """Which of the attempts to hand in, by its index."""


@dataclass(frozen=True)
class Outlook:
    """What following a plan from the start comes to: chance of a right answer, cost, calls of each model."""

    solved: float
    cost: float
    calls: tuple[float, ...]


def outlook(plan: Plan) -> Outlook:
    """What following a plan comes to, exactly, if its belief is true."""
    planner = plan.planner
    models = len(planner.problem.caps)
    calls = np.zeros((len(plan.action), models))
    solved = plan.right.copy()
    for layer in reversed(planner.layers):
        going = layer[plan.action[layer] != STOP]
        model = plan.action[going]
        failed, passed = (planner.histories.child[going, model, shown] for shown in (0, 1))
        chance = plan.shows[going, model]
        solved[going] = (1 - chance) * solved[failed] + chance * solved[passed]
        calls[going] = (1 - chance)[:, None] * calls[failed] + chance[:, None] * calls[passed]
        calls[going, model] += 1
    return Outlook(float(solved[0]), float(calls[0] @ planner.problem.costs), tuple(calls[0].tolist()))


def predicted(belief: Belief, chances: Sequence[float], strength: float) -> Belief:
    """The belief of a task whose chances are predicted, as if that many attempts of each model had been seen."""
    said = np.asarray(chances, float)
    own = np.clip(belief.chances, 1e-6, 1 - 1e-6)
    logs = np.log(belief.weights) + strength * (np.log(own) @ said + np.log1p(-own) @ (1 - said))
    weights = np.exp(logs - logs.max())
    return Belief(weights / weights.sum(), belief.shows, belief.right)


class Planned:
    """A strategy that follows exact plans: one for all tasks, or one for each by its predicted chances.

    `chances` T x K are what the tasks' texts say and `strength` for how many attempts that counts.
    """

    def __init__(
        self, belief: Belief, problem: DecisionProblem, chances: Floats | None = None, strength: float = 0.0
    ) -> None:
        self._planner = Planner(belief, problem)
        self._chances = chances if strength else None
        self._strength = strength
        self._plans: dict[int | None, Plan] = {}

    def plan(self, task: int) -> Plan:
        """The plan for a task."""
        key = None if self._chances is None else task
        if key not in self._plans:
            weights = None
            if self._chances is not None:
                weights = predicted(self._planner.belief, self._chances[task].tolist(), self._strength).weights
            self._plans[key] = self._planner.plan(weights)
        return self._plans[key]

    def act(self, task: int, attempts: Sequence[Attempt]) -> int:
        """See `Strategy`."""
        return self.plan(task).act(attempts)

    def answer(self, task: int, attempts: Sequence[Attempt]) -> int:
        """See `Strategy`."""
        return self.plan(task).answer(attempts)
