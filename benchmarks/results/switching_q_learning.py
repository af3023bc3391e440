"""Q-learning on the same histories: model-free, from episodes alone, as LONDI's switcher learns.

Tabular and without discount. Exact planning on the same states is what it is held against; as that is never worse on
the sets that we have (docs/results/calls.md), planning is what runs use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from switching_baselines import hand_in

from pytest_complexity.calls.switching import STOP, Attempt, DecisionProblem
from pytest_complexity.calls.switching.planning import histories

#: One episode's world: what the n-th call of a model comes to, as (visible check passed, right).
Draw = Callable[[int, int], tuple[bool, bool]]


class _Move(NamedTuple):
    state: int
    action: int
    reward: float
    after: int  # -1 once stopped
    choices: tuple[int, ...]


class QLearned:
    """A strategy learnt from episodes. `values` S x (K + 1): of each action after each history, the last is to stop."""

    def __init__(self, problem: DecisionProblem, seed: int = 0) -> None:
        self._problem = problem
        self._histories = histories(problem.caps, problem.horizon)
        self.values = np.zeros((len(self._histories.depth), len(problem.costs) + 1))
        self._visits = np.zeros_like(self.values)
        self._random = np.random.default_rng(seed)

    def learn(self, worlds: Sequence[Draw], episodes: int) -> QLearned:
        """Plays that many episodes in worlds drawn from these, less and less at random; returns self."""
        for number in range(episodes):
            explore = max(0.1, 1 - 1.5 * number / episodes)
            for move in reversed(self._episode(worlds[int(self._random.integers(len(worlds)))], explore)):
                best = max(self.values[move.after, each] for each in move.choices) if move.choices else 0.0
                self._visits[move.state, move.action] += 1
                rate = self._visits[move.state, move.action] ** -0.8
                error = move.reward + best - self.values[move.state, move.action]
                self.values[move.state, move.action] += rate * error
        return self

    def _episode(self, draw: Draw, explore: float) -> list[_Move]:
        attempts: list[Attempt] = []
        rights: list[bool] = []
        moves: list[_Move] = []
        state, choices = 0, self._choices(attempts)
        while True:
            if self._random.random() < explore:
                action = choices[int(self._random.integers(len(choices)))]
            else:
                action = max(choices, key=lambda each: float(self.values[state, each]))
            if action == STOP:
                reward = float(rights[hand_in(attempts)]) if attempts else 0.0
                return [*moves, _Move(state, STOP, reward, -1, ())]
            shown, right = draw(action, sum(attempt.model == action for attempt in attempts))
            attempts.append(Attempt(action, shown))
            rights.append(right)
            after = int(self._histories.child[state, action, int(shown)])
            following = self._choices(attempts)
            moves.append(_Move(state, action, -self._problem.price * self._problem.costs[action], after, following))
            state, choices = after, following

    def _choices(self, attempts: Sequence[Attempt]) -> tuple[int, ...]:
        return (STOP, *self._problem.allowed(attempts))

    def act(self, task: int, attempts: Sequence[Attempt]) -> int:
        """See `Strategy`."""
        state = self._histories.number(attempts)
        return max(self._choices(attempts), key=lambda each: float(self.values[state, each]))

    def answer(self, task: int, attempts: Sequence[Attempt]) -> int:
        """See `Strategy`."""
        return hand_in(attempts)
