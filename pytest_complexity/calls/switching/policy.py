"""Switching as a call policy: each task is a problem of its own, played until no further call pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pytest_complexity.calls import Setup, Step, by_task
from pytest_complexity.calls.switching import STOP, Attempt, DecisionProblem
from pytest_complexity.calls.switching.belief import Belief, signals_of_counts, signals_of_outcomes
from pytest_complexity.calls.switching.planning import Plan, Planner
from pytest_complexity.core.costs import mean_costs, unit_costs
from pytest_complexity.core.intervals import share_interval
from pytest_complexity.core.outcomes import Key, Outcome, Verdict
from pytest_complexity.errors import CallsError

HORIZON = 6  # attempts at one task
PRICE = 0.1  # of a call of the last model, in right answers
REASON = "no further call pays"


class Switching:
    """Follows exact plans under a belief. Sees of each outcome the visible check alone.

    `costs` of one call by model, in any unit; `checked` the tasks, by (suite, task id), whose prompts show an example:
    the others get one call, the one that pays best. A trial that was not measured tells nothing, and the model's next
    one stands in for it. `budget` and `run_budget` are hard caps on the calls above the first model, for each task and
    for all of them; under the second every task makes one call before any makes its next, so that what is left goes
    where it is worth most, whatever the timing.
    """

    def __init__(
        self,
        plan: Sequence[Key],
        ladder: Sequence[str],
        belief: Belief,
        costs: Sequence[float],
        checked: frozenset[tuple[str, str]],
        *,
        budget: int | None = None,
        run_budget: int | None = None,
    ) -> None:
        relative = tuple(cost / costs[-1] for cost in costs)
        plans = _Plans(belief)
        self._left = run_budget
        self._tasks: dict[tuple[str, str], _Task] = {}
        for task, keys in by_task(plan).items():
            caps = tuple(len(keys.get(model, ())) for model in ladder)
            horizon = min(sum(caps), HORIZON) if task in checked else 1
            problem = DecisionProblem(relative, caps, PRICE, horizon, budget)
            self._tasks[task] = _Task([list(keys.get(model, ())) for model in ladder], problem, plans, ladder)
        self._wave: list[_Task] = []
        self._waiting = 0

    def first(self) -> tuple[Key, ...]:
        """The first call of every task for which one pays."""
        return tuple(self._moves(list(self._tasks.values())).call)

    def after(self, outcome: Outcome) -> Step:
        """The task's next call, or none any more; under a budget for the run once the wave is complete."""
        task = self._tasks[outcome.suite, outcome.task_id]
        task.add(outcome)
        if self._left is None:
            return self._moves([task])
        self._wave.append(task)
        self._waiting -= 1
        return Step() if self._waiting else self._moves(self._wave)

    def _moves(self, tasks: list[_Task]) -> Step:
        """The next call of each of these tasks; what is left of the run's budget goes to those that gain most."""
        if self._left is not None:
            place = {id(task): index for index, task in enumerate(self._tasks.values())}
            tasks = sorted(tasks, key=lambda task: (-task.gain(), place[id(task)]))
        called: list[Key] = []
        skipped: dict[Key, str] = {}
        for task in tasks:
            step = task.step(capped=self._left == 0)
            called += step.call
            skipped |= step.skip
            if self._left is not None:
                self._left -= sum(key.model != task.ladder[0] for key in step.call)
        self._wave, self._waiting = [], len(called)
        return Step(called, skipped)

    def report(self) -> Mapping[str, Any]:
        """What it came to, for `report.json`: the share of tasks whose handed-in attempt is right, and what it cost.

        `cost` is the mean per task in calls of the last model.
        """
        solved = [float(task.solved) for task in self._tasks.values()]
        costs = [task.cost for task in self._tasks.values()]
        return {
            "policy": "switching",
            "tasks": len(solved),
            "accuracy": sum(solved) / len(solved),
            "accuracy_ci": list(share_interval(solved)),
            "cost": sum(costs) / len(costs),
            "calls": sum(task.calls for task in self._tasks.values()),
        }


def make(setup: Setup) -> Switching:
    """The policy of `--cx-calls=switching[:RUN_OR_COUNTS]`, which learns from what was measured before.

    Raises `ComplexityError` where that cannot be read, or has no measured trial of the ladder.
    """
    ladder = setup.ladder
    checked = frozenset(key for key, task in setup.tasks.items() if task.visible_tests)
    if not setup.argument:
        return Switching(setup.plan, ladder, Belief.vague(len(ladder)), unit_costs(len(ladder)), checked)
    counts, outcomes = setup.read(setup.argument)
    if not any(task.trials[model] for task in counts for model in ladder):
        raise CallsError(f"--cx-calls: {setup.argument} has no measured trial of {', '.join(ladder)} to learn from")
    if any(outcome.visible is not None for outcome in outcomes):
        signals = signals_of_outcomes(outcomes, [(task.suite or "", task.task_id) for task in counts], ladder)
    else:
        signals = signals_of_counts(counts, ladder)
    costs, _ = mean_costs(counts, ladder)
    costs = costs if costs[-1] > 0 else unit_costs(len(ladder))
    return Switching(setup.plan, ladder, Belief.fit(signals), costs, checked)


class _Plans:
    """Plans under one belief, each made once."""

    def __init__(self, belief: Belief) -> None:
        self._belief = belief
        self._made: dict[DecisionProblem, Plan] = {}

    def of(self, problem: DecisionProblem) -> Plan:
        if problem not in self._made:
            self._made[problem] = Planner(self._belief, problem).plan()
        return self._made[problem]


class _Task:
    def __init__(self, left: list[list[Key]], problem: DecisionProblem, plans: _Plans, ladder: Sequence[str]) -> None:
        self._left, self._problem, self._plans, self.ladder = left, problem, plans, ladder
        self._attempts: list[Attempt] = []
        self._rights: list[bool] = []
        self.calls, self.cost = 0, 0.0

    def add(self, outcome: Outcome) -> None:
        model = self.ladder.index(outcome.model)
        self.calls += 1
        self.cost += self._problem.costs[model]
        if outcome.verdict.measured:
            self._attempts.append(Attempt(model, bool(outcome.visible)))
            self._rights.append(outcome.verdict is Verdict.PASS)

    def _plan(self, capped: bool) -> Plan:
        """The plan; capped, the one that calls no model above the first any more."""
        if not capped:
            return self._plans.of(self._problem)
        above = sum(attempt.model > 0 for attempt in self._attempts)
        return self._plans.of(replace(self._problem, budget=above))

    def gain(self) -> float:
        """What may be called above the first model is worth, beyond doing without."""
        return self._plan(False).value_after(self._attempts) - self._plan(True).value_after(self._attempts)

    def step(self, *, capped: bool = False) -> Step:
        action = self._plan(capped).act(self._attempts)
        if action != STOP and self._left[action]:
            return Step((self._left[action].pop(0),))
        return Step(skip={key: REASON for keys in self._left for key in keys})

    @property
    def solved(self) -> bool:
        return bool(self._attempts) and self._rights[self._plan(False).answer(self._attempts)]
