"""Exact dynamic programming on a problem under a belief: what is best after every history, and what it comes to.

A history is how often each model was tried and its visible check passed; in which order changes no belief. The budget
needs no place of its own in the state: the calls above the first model are counted in the history.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pytest_complexity.calls.switching import STOP, Attempt, DecisionProblem
from pytest_complexity.calls.switching.belief import Belief
from pytest_complexity.core.arrays import Floats

Ints = NDArray[np.intp]


@dataclass(frozen=True)
class Histories:
    """All histories of a problem by number; 0 is the empty one. Arrays over histories (S) and models (K).

    `counts` S x K x 2: attempts by model and whether the check passed; `child` S x K x 2: where one more leads;
    `depth` S: attempts in all; `open` S x K: what caps, horizon and the ladder's one direction allow.
    """

    counts: Ints
    child: Ints
    depth: Ints
    open: NDArray[np.bool_]

    def number(self, attempts: Sequence[Attempt]) -> int:
        """The history that these attempts make."""
        state = 0
        for attempt in attempts:
            state = int(self.child[state, attempt.model, int(attempt.shown)])
        return state


@lru_cache(maxsize=16)
def histories(caps: tuple[int, ...], horizon: int) -> Histories:
    """All histories within these limits."""
    kept = sorted(_within(caps, horizon), key=lambda each: sum(map(sum, each)))
    number = {each: index for index, each in enumerate(kept)}
    child = np.full((len(kept), len(caps), 2), -1, np.intp)
    for state, each in enumerate(kept):
        for model, (fails, passes) in enumerate(each):
            child[state, model, 0] = number.get((*each[:model], (fails + 1, passes), *each[model + 1 :]), -1)
            child[state, model, 1] = number.get((*each[:model], (fails, passes + 1), *each[model + 1 :]), -1)
    counts = np.array(kept, np.intp)
    tried = counts.sum(2) > 0
    beyond = np.cumsum(tried[:, ::-1], axis=1)[:, ::-1] - tried > 0  # a stronger model was tried already
    return Histories(counts, child, counts.sum((1, 2)), (child[:, :, 0] >= 0) & ~beyond)


def _within(caps: tuple[int, ...], horizon: int) -> Iterator[tuple[tuple[int, int], ...]]:
    if not caps:
        yield ()
        return
    for tried in range(min(caps[0], horizon) + 1):
        for rest in _within(caps[1:], horizon - tried):
            for passed in range(tried + 1):
                yield ((tried - passed, passed), *rest)


class Planner:
    """Plans of one problem under one belief, and under that belief with other shares of the kinds."""

    def __init__(self, belief: Belief, problem: DecisionProblem) -> None:
        self.belief, self.problem = belief, problem
        self.histories = histories(problem.caps, problem.horizon)
        counts = self.histories.counts
        shows = np.clip(belief.shows, 1e-12, 1 - 1e-12)
        logs = counts[:, :, 0] @ np.log1p(-shows).T + counts[:, :, 1] @ np.log(shows).T
        self._likelihood = np.exp(logs - logs.max(1, keepdims=True))  # S x J
        self._open = self.histories.open
        if problem.budget is not None:
            affordable = counts[:, 1:].sum((1, 2)) < problem.budget
            self._open = self._open & np.concatenate(
                [np.ones((len(counts), 1), bool), np.repeat(affordable[:, None], len(problem.caps) - 1, axis=1)], axis=1
            )
        order = self.histories.depth
        self.layers = [np.flatnonzero(order == depth) for depth in range(int(order.max()) + 1)]

    def plan(self, weights: Floats | None = None) -> Plan:
        """The best plan; `weights` are the task's own shares of the kinds."""
        posterior = self._likelihood * (self.belief.weights if weights is None else weights)
        posterior = posterior / posterior.sum(1, keepdims=True)
        shows = posterior @ self.belief.shows
        right, best = self._answers(posterior)
        values = np.full((len(right), len(self.problem.caps) + 1), -np.inf)
        values[:, STOP] = right
        value = right.copy()
        paid = self.problem.price * np.asarray(self.problem.costs)
        child = self.histories.child
        for layer in reversed(self.layers):
            after = (1 - shows[layer]) * value[child[layer, :, 0]] + shows[layer] * value[child[layer, :, 1]]
            values[layer, :-1] = np.where(self._open[layer], after - paid, -np.inf)
            value[layer] = values[layer].max(1)
        # Of actions as good as each other the first to stop, then the cheapest: no call for nothing.
        stop = values[:, STOP] >= value - 1e-12
        action = np.where(stop, STOP, np.argmax(values[:, :-1] >= value[:, None] - 1e-12, axis=1))
        return Plan(self, values, action, best, shows, right)

    def _answers(self, posterior: Floats) -> tuple[Floats, Ints]:
        """The chance that the best attempt so far is right, and which it is, as 2 * model + shown; -1 for none."""
        counts = self.histories.counts
        chance = np.einsum("sj,jkv->skv", posterior, self.belief.right).reshape(len(counts), -1)
        chance = np.where(counts.reshape(len(counts), -1) > 0, chance, -1.0)
        best = chance.argmax(1)
        right = chance[np.arange(len(best)), best]
        return np.maximum(right, 0.0), np.where(right < 0, -1, best)


@dataclass(frozen=True)
class Plan:
    """What to do after every history. `values` S x (K + 1): of each action, the last is to stop."""

    planner: Planner
    values: Floats
    action: Ints
    best: Ints
    shows: Floats
    right: Floats

    @property
    def value(self) -> float:
        """Of the whole problem: chance of a right answer less the price of the calls."""
        return self.value_after(())

    def value_after(self, attempts: Sequence[Attempt]) -> float:
        """Of the rest of the problem: chance of a right answer less the price of the calls still to be made."""
        return float(self.values[self.planner.histories.number(attempts)].max())

    def act(self, attempts: Sequence[Attempt]) -> int:
        """The model to call next, or STOP."""
        return int(self.action[self.planner.histories.number(attempts)])

    def answer(self, attempts: Sequence[Attempt]) -> int:
        """The attempt to hand in: the likeliest to be right, of several alike the first."""
        model, shown = divmod(int(self.best[self.planner.histories.number(attempts)]), 2)
        return next(i for i, each in enumerate(attempts) if each == (model, bool(shown)))
