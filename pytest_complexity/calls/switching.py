"""Switching as a call policy: each task is a game of its own, played until no further call pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_complexity.calls import Step, by_task
from pytest_complexity.outcomes import Key, Outcome, Verdict
from pytest_complexity.scoring import share_interval
from pytest_complexity.switching import STOP, Attempt, Game
from pytest_complexity.switching.belief import Belief
from pytest_complexity.switching.planning import Plan, Planner

HORIZON = 6  # attempts at one task
PRICE = 0.1  # of a call of the last model, in right answers
REASON = "no further call pays"


class Switching:
    """Follows exact plans under a belief. Sees of each outcome the visible check alone.

    `costs` of one call by model, in any unit; `checked` the tasks, by (suite, task id), whose prompts show an example:
    the others get one call, the one that pays best. A trial that was not measured tells nothing and is not repeated.
    """

    def __init__(
        self,
        plan: Sequence[Key],
        ladder: Sequence[str],
        belief: Belief,
        costs: Sequence[float],
        checked: frozenset[tuple[str, str]],
        budget: int | None = None,
    ) -> None:
        relative = tuple(cost / costs[-1] for cost in costs)
        plans: dict[Game, Plan] = {}
        self._games: dict[tuple[str, str], _Task] = {}
        for task, keys in by_task(plan).items():
            caps = tuple(len(keys.get(model, ())) for model in ladder)
            horizon = min(sum(caps), HORIZON) if task in checked else 1
            game = Game(relative, caps, PRICE, horizon, budget)
            if game not in plans:
                plans[game] = Planner(belief, game).plan()
            self._games[task] = _Task([list(keys.get(model, ())) for model in ladder], plans[game], ladder)

    def first(self) -> tuple[Key, ...]:
        """The first call of every task for which one pays."""
        return tuple(key for task in self._games.values() for key in task.step().call)

    def after(self, outcome: Outcome) -> Step:
        """The task's next call, or none any more."""
        task = self._games[outcome.suite, outcome.task_id]
        task.tell(outcome)
        return task.step()

    def report(self) -> Mapping[str, Any]:
        """What it came to, for `report.json`: the share of tasks whose handed-in attempt is right, and what it cost.

        `cost` is the mean per task in calls of the last model.
        """
        solved = [float(task.solved) for task in self._games.values()]
        costs = [task.cost for task in self._games.values()]
        return {
            "policy": "switching",
            "tasks": len(solved),
            "accuracy": sum(solved) / len(solved),
            "accuracy_ci": list(share_interval(solved)),
            "cost": sum(costs) / len(costs),
            "calls": sum(task.calls for task in self._games.values()),
        }


class _Task:
    def __init__(self, left: list[list[Key]], plan: Plan, ladder: Sequence[str]) -> None:
        self._left, self._plan, self._ladder = left, plan, ladder
        self._attempts: list[Attempt] = []
        self._rights: list[bool] = []
        self.calls, self.cost = 0, 0.0

    def tell(self, outcome: Outcome) -> None:
        model = self._ladder.index(outcome.model)
        self.calls += 1
        self.cost += self._plan.planner.game.costs[model]
        if outcome.verdict.measured:
            self._attempts.append(Attempt(model, bool(outcome.visible)))
            self._rights.append(outcome.verdict is Verdict.PASS)

    def step(self) -> Step:
        action = self._plan.act(self._attempts)
        if action != STOP and self._left[action]:
            return Step((self._left[action].pop(0),))
        return Step(skip={key: REASON for keys in self._left for key in keys})

    @property
    def solved(self) -> bool:
        return bool(self._attempts) and self._rights[self._plan.answer(self._attempts)]
