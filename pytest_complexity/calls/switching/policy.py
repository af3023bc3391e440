"""Switching and cascades as call policies: each task is a problem of its own, played until no further call pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from pytest_complexity.calls import Setup, Step, by_task, cascade
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


class Strategy(Protocol):
    """What to do on one task after each attempt."""

    def act(self, attempts: Sequence[Attempt]) -> int:
        """The model to call next, or STOP."""

    def answer(self, attempts: Sequence[Attempt]) -> int:
        """Which attempt to hand in, by its index."""


class Strategies(Protocol):
    """A strategy for each problem."""

    def of(self, problem: DecisionProblem, checked: bool) -> Strategy:
        """`checked`: whether the task's prompt shows anything to check an answer by."""


class Switching:
    """Follows a strategy on each task: exact plans under a belief, or a cascade's. Sees the visible checks alone.

    `costs` of one call by model, in any unit; `checked` the tasks, by (suite, task id), whose prompts show an example:
    the others get one call, the one that pays best. A trial that was not measured is ignored, and the model's next
    one replaces it. `budget` and `run_budget` are hard caps on the calls above the first model, for each task and
    for all of them; under the second every task makes one call before any makes its next, so that what is left goes
    where it is worth most, whatever the timing.
    """

    def __init__(
        self,
        plan: Sequence[Key],
        ladder: Sequence[str],
        strategies: Strategies,
        costs: Sequence[float],
        checked: frozenset[tuple[str, str]],
        *,
        name: str = "switching",
        budget: int | None = None,
        run_budget: int | None = None,
    ) -> None:
        relative = tuple(cost / costs[-1] for cost in costs)
        self._name = name
        self._left = run_budget
        self._tasks: dict[tuple[str, str], _Task] = {}
        for task, keys in by_task(plan).items():
            caps = tuple(len(keys.get(model, ())) for model in ladder)
            horizon = min(sum(caps), HORIZON) if task in checked else 1
            problem = DecisionProblem(relative, caps, PRICE, horizon, budget)
            left = [list(keys.get(model, ())) for model in ladder]
            self._tasks[task] = _Task(left, problem, strategies, ladder, task in checked)
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
            "policy": self._name,
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
        costs = unit_costs(len(ladder))
        return Switching(setup.plan, ladder, Planned(Belief.vague(len(ladder))), costs, checked)
    counts, outcomes = setup.read(setup.argument)
    if not any(task.trials[model] for task in counts for model in ladder):
        raise CallsError(f"--cx-calls: {setup.argument} has no measured trial of {', '.join(ladder)} to learn from")
    if any(outcome.visible is not None for outcome in outcomes):
        signals = signals_of_outcomes(outcomes, [(task.suite or "", task.task_id) for task in counts], ladder)
    else:
        signals = signals_of_counts(counts, ladder)
    costs, _ = mean_costs(counts, ladder)
    costs = costs if costs[-1] > 0 else unit_costs(len(ladder))
    return Switching(setup.plan, ladder, Planned(Belief.fit(signals)), costs, checked)


def make_cascade(setup: Setup) -> Switching:
    """The policy of `--cx-calls=cascade[:PLAN_OR_DIR]`: the plan, that of a trained directory, or the usual one.

    Raises `PlanError` where that cannot be read, or does not fit the ladder.
    """
    ladder = setup.ladder
    if setup.argument and cascade.written(setup.argument):
        plan = cascade.Plan.parse(setup.argument, len(ladder))
    elif setup.argument:
        plan = cascade.SavedPlan.load(Path(setup.argument)).on(ladder)
    else:
        plan = cascade.usual(len(ladder))
    checked = frozenset(key for key, task in setup.tasks.items() if task.visible_tests)
    return Switching(setup.plan, ladder, _Fixed(plan), unit_costs(len(ladder)), checked, name="cascade")


@dataclass(frozen=True)
class _Fixed:
    """A cascade's plan as the strategy of every task."""

    plan: cascade.Plan

    def of(self, problem: DecisionProblem, checked: bool) -> cascade.Plan:
        return self.plan.capped(problem.caps) if checked else self.plan.alone


class Planned:
    """Exact plans under one belief, each made once."""

    def __init__(self, belief: Belief) -> None:
        self._belief = belief
        self._made: dict[DecisionProblem, Plan] = {}

    def of(self, problem: DecisionProblem, _: bool = True) -> Plan:
        """See `Strategies`; whether a task is checked is in the problem's horizon."""
        if problem not in self._made:
            self._made[problem] = Planner(self._belief, problem).plan()
        return self._made[problem]


class _Task:
    def __init__(
        self,
        left: list[list[Key]],
        problem: DecisionProblem,
        strategies: Strategies,
        ladder: Sequence[str],
        checked: bool,
    ) -> None:
        self._left, self._problem, self._strategies, self.ladder = left, problem, strategies, ladder
        self._checked = checked
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

    def _strategy(self, capped: bool) -> Strategy:
        """The strategy; capped, the one that calls no model above the first any more."""
        if not capped:
            return self._strategies.of(self._problem, self._checked)
        above = sum(attempt.model > 0 for attempt in self._attempts)
        return self._strategies.of(replace(self._problem, budget=above), self._checked)

    def gain(self) -> float:
        """What may be called above the first model is worth, beyond doing without."""
        free, capped = self._strategy(False), self._strategy(True)
        assert isinstance(free, Plan)
        assert isinstance(capped, Plan)  # only exact plans know what a call is worth
        return free.value_after(self._attempts) - capped.value_after(self._attempts)

    def step(self, *, capped: bool = False) -> Step:
        action = self._strategy(capped).act(self._attempts)
        if action != STOP and self._left[action]:
            return Step((self._left[action].pop(0),))
        return Step(skip={key: REASON for keys in self._left for key in keys})

    @property
    def solved(self) -> bool:
        return bool(self._attempts) and self._rights[self._strategy(False).answer(self._attempts)]
