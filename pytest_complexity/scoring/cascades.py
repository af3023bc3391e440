"""What cascades come to on recorded trials: exact expectations over every order in which the trials may be drawn.

The trials of a model on a task are drawn without replacement, so only their numbers count: how many passed the visible
check or failed it, and were right or wrong. Models are drawn independently of each other. Computes; knows no files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_complexity.calls.cascade import Plan, Stage, plans, usual
from pytest_complexity.core.outcomes import Outcome, Verdict
from pytest_complexity.policies import Kind
from pytest_complexity.scoring.curves import hull
from pytest_complexity.scoring.policies import Bench, Played, matrices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

FOLDS = 5
LEAST = 20  #: different prompts, below which no plan is tuned
_STEPS = 24  # points of the frontier


@dataclass(frozen=True)
class Trials:
    """The measured trials of a bench by what the visible check said and what was true.

    `counts` (tasks, models, 2, 2): how many, by (check passed, right). `costs` (tasks, models, 2): the mean cost of a
    call whose answer failed or passed the check. `checked` (tasks): whether the task shows anything to check by.
    """

    counts: Floats
    costs: Floats
    checked: NDArray[np.bool_]

    def known(self) -> Trials:
        """As if the deciding tests themselves were the check: the limit of every check."""
        counts = np.zeros_like(self.counts)
        counts[..., 0, 0], counts[..., 1, 1] = self.counts[..., 0].sum(-1), self.counts[..., 1].sum(-1)
        # A call costs what it costs on average on that task: what right answers cost apart is not kept.
        numbers = self.counts.sum(-1)
        mean = (numbers * self.costs).sum(-1, keepdims=True) / numbers.sum(-1, keepdims=True)
        return Trials(counts, np.broadcast_to(mean, self.costs.shape), np.ones_like(self.checked))

    @property
    def made(self) -> Floats:
        """How many trials there are, (tasks, models)."""
        made: Floats = self.counts.sum((-2, -1))
        return made


def trials_of(bench: Bench, outcomes: Sequence[Outcome]) -> Trials | None:
    """The trials behind a bench; None where no answer of theirs was checked by anything that its prompt shows."""
    rows = {(task.suite, task.task_id): row for row, task in enumerate(bench.tasks)}
    places = {name: place for place, name in enumerate(bench.ladder)}
    shape = (len(rows), len(places))
    counts, paid, known = np.zeros((*shape, 2, 2)), np.zeros((*shape, 2)), np.zeros((*shape, 2))
    checked = np.zeros(len(rows), bool)
    for each in outcomes:
        row, place = rows.get((each.suite, each.task_id)), places.get(each.model)
        if row is None or place is None or not each.verdict.measured:
            continue
        checked[row] |= each.visible is not None
        passed = int(bool(each.visible))
        counts[row, place, passed, int(each.verdict is Verdict.PASS)] += 1
        if each.cost_usd is not None:
            paid[row, place, passed] += each.cost_usd
            known[row, place, passed] += 1
    if not checked.any():
        return None
    costs = np.repeat(matrices(bench)[1][..., None], 2, axis=-1)
    whole = (known.sum(-1) == counts.sum((-2, -1)))[..., None]  # else the parts would not add up to the mean
    use = whole & (known > 0) & (bench.cost_unit == "usd")
    return Trials(counts, np.where(use, paid / np.maximum(known, 1), costs), checked)


@dataclass(frozen=True)
class Expected:
    """Of one plan on each task: the chance that it is `solved`, what it `cost`s, how many `calls` it makes.

    `ended` (tasks, stages): the chance that it ends at each stage; the last holds all that pass nowhere. `shares`
    (tasks, models): the chance that each model's answer is handed in.
    """

    solved: Floats
    cost: Floats
    calls: Floats
    ended: Floats
    shares: Floats


class Odds:
    """What up to `most` calls of each model come to on each task; `of` puts that together for a plan."""

    def __init__(self, trials: Trials, most: int) -> None:
        self._trials = trials
        numbers = trials.counts.sum(-1)
        fails, passes = numbers[..., 0], numbers[..., 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            right = np.nan_to_num(trials.counts[..., 1] / numbers)  # given that the check failed, passed
        none, calls, cost = [np.ones_like(fails)], [np.zeros_like(fails)], [np.zeros_like(fails)]
        for drawn in range(most):
            left = np.maximum(fails - drawn, 0)
            there = none[-1] * (left + passes > 0)  # the chance that this call is made
            total = np.maximum(left + passes, 1)
            price = (left * trials.costs[..., 0] + passes * trials.costs[..., 1]) / total
            calls.append(calls[-1] + there)
            cost.append(cost[-1] + there * price)
            none.append(np.where(left + passes > 0, none[-1] * left / total, none[-1]))
        self._right, self._none, self._calls, self._cost = right, none, calls, cost
        self._first = (fails * right[..., 0] + passes * right[..., 1]) / np.maximum(fails + passes, 1)

    def of(self, plan: Plan) -> Expected:
        """The plan on every task."""
        shape = self._trials.checked.shape
        reached, solved, cost, calls = np.ones(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape)
        ended = []
        for model, attempts in plan.stages:
            none = self._none[attempts][:, model]
            ended.append(reached * (1 - none))
            solved += ended[-1] * self._right[:, model, 1]
            cost += reached * self._cost[attempts][:, model]
            calls += reached * self._calls[attempts][:, model]
            reached = reached * none
        ended[-1] = ended[-1] + reached
        solved += reached * self._right[:, plan.stages[-1].model, 0]
        shares = np.zeros(self._first.shape)
        shares[:, [model for model, _ in plan.stages]] = np.stack(ended, axis=1)
        found = Expected(solved, cost, calls, np.stack(ended, axis=1), shares)
        return found if self._trials.checked.all() else self._alone(plan, found)

    def _alone(self, plan: Plan, found: Expected) -> Expected:
        """The same with one unchecked call on the tasks that show nothing."""
        (model, _), checked = plan.alone.stages[0], self._trials.checked
        stage = 0 if plan.unchecked == "first" else len(plan.stages) - 1
        return Expected(
            np.where(checked, found.solved, self._first[:, model]),
            np.where(checked, found.cost, self._cost[1][:, model]),
            np.where(checked, found.calls, 1.0),
            np.where(checked[:, None], found.ended, np.eye(len(plan.stages))[stage]),
            np.where(checked[:, None], found.shares, np.eye(found.shares.shape[1])[model]),
        )


@dataclass(frozen=True)
class Cascade:
    """A cascade on a bench, and what it is expected to come to on each task.

    `plan`: the one that is used, or would be from now on where each fold has its own; `wanted`: the plan that there
    were too few trials for, if so. `short`: the tasks that have fewer trials of a model than the plan may call.
    """

    name: str
    kind: Kind
    plan: Plan
    expected: Expected
    wanted: Plan | None = None
    short: int = 0

    def describe(self, ladder: Sequence[str]) -> dict[str, Any]:
        """The plan, the mean calls a task, and the share of tasks that end at each stage: for the policy's score."""
        ended = self.expected.ended.mean(axis=0).tolist() if self.expected.ended.size else []
        return {
            "plan": str(self.plan),
            "wanted": str(self.wanted) if self.wanted else None,
            "short": self.short,
            "calls": float(self.expected.calls.mean()),
            "stages": [
                {"model": ladder[stage.model], "calls": stage.attempts, "ended": share}
                for stage, share in zip(self.plan.stages, ended, strict=True)
            ],
        }


@dataclass(frozen=True)
class FrontierPoint:
    """What plans tuned to one price of a solved task come to on tasks that they were not tuned on."""

    plan: str
    cost: float
    accuracy: float


@dataclass(frozen=True)
class CheckScore:
    """How much the visible check tells, over the answers to `tasks` tasks that show something.

    `precision`: of the answers that pass it the share that is right; `recall`: of the right ones the share that passes;
    `auroc`: the chance that a right answer ranks above a wrong one, half where they rank alike.
    """

    tasks: int
    answers: int
    precision: float | None
    recall: float | None
    auroc: float | None


@dataclass(frozen=True)
class Cascades:
    """Every cascade of a report, the frontier of the tuned ones, and how good the check is that they stop by."""

    each: tuple[Cascade, ...]
    frontier: tuple[FrontierPoint, ...]
    check: CheckScore

    def joined(self, played: Played) -> Played:
        """The other policies, with the cascades behind them."""
        expected = [cascade.expected for cascade in self.each]
        return Played(
            played.bench,
            (*played.policies, *self.each),
            np.column_stack([played.solved, *(each.solved for each in expected)]),
            np.column_stack([played.cost, *(each.cost for each in expected)]),
            np.concatenate([played.shares, *(each.shares[:, None] for each in expected)], axis=1),
        )


def cascades(
    bench: Bench, outcomes: Sequence[Outcome], groups: Callable[[Sequence[str]], Ints], seed: int = 0
) -> Cascades | None:
    """The cascades of a bench, by the outcomes behind it; None where no answer was checked by what a prompt shows.

    `groups` numbers prompts so that near-duplicates have one number.
    """
    trials = trials_of(bench, outcomes)
    if trials is None:
        return None
    each = fixed(bench, trials)
    frontier: list[FrontierPoint] = []
    if len(bench.ladder) > 1:
        tuning, numbers = Tuning(bench, trials), groups([task.text for task in bench.tasks])
        if tuned := tuning.tuned(numbers, seed):
            each.insert(1, tuned)
            frontier = tuning.frontier(numbers, seed)
    return Cascades(tuple(each), tuple(frontier), check_score(trials))


def check_score(trials: Trials) -> CheckScore:
    """The visible check against the deciding tests."""
    (wrong_failed, right_failed), (wrong_passed, right_passed) = trials.counts[trials.checked].sum(axis=(0, 1)).tolist()
    right, wrong = right_failed + right_passed, wrong_failed + wrong_passed
    passed = right_passed + wrong_passed
    recall = right_passed / right if right else None
    return CheckScore(
        tasks=int(trials.checked.sum()),
        answers=int(right + wrong),
        precision=right_passed / passed if passed else None,
        recall=recall,
        auroc=(1 + recall - wrong_passed / wrong) / 2 if recall is not None and wrong else None,
    )


def fixed(bench: Bench, trials: Trials) -> list[Cascade]:
    """The cascades that need no tuning: `cascade`, `cascade-known`, `best-of-N`."""
    models, most = len(bench.ladder), max(task.planned for task in bench.tasks)
    wanted = usual(models)
    calls = sum(stage.attempts for stage in wanted.stages)
    found = [_played("best-of-N", "cascade", Plan((Stage(wanted.stages[0].model, calls),)), trials, most)]
    if models > 1:
        found.insert(0, _played("cascade", "cascade", wanted, trials, most))
        found.append(_played("cascade-known", "informed", wanted, trials.known(), most))
    return found


def _played(name: str, kind: Kind, wanted: Plan, trials: Trials, most: int) -> Cascade:
    plan = wanted.within(most)
    lacking = [trials.made[:, model] < attempts for model, attempts in plan.stages]
    expected = Odds(trials, max(stage.attempts for stage in plan.stages)).of(plan)
    short = int((np.any(lacking, axis=0) & trials.checked).sum())
    return Cascade(name, kind, plan, expected, None if plan == wanted else wanted, short)


class Tuning:
    """Every plan on every task of a bench, to choose among."""

    def __init__(self, bench: Bench, trials: Trials) -> None:
        self.plans = plans(len(bench.ladder), max(task.planned for task in bench.tasks))
        odds = Odds(trials, max(stage.attempts for plan in self.plans for stage in plan.stages))
        self.expected = [odds.of(plan) for plan in self.plans]
        self.solved = np.stack([each.solved for each in self.expected], axis=1)
        self.cost = np.stack([each.cost for each in self.expected], axis=1)
        self._bench = bench

    def best(self, weights: Floats) -> list[int]:
        """The plan that is right most often at no more cost than always the best single model, by its place.

        For each row of weights of the tasks; of plans alike the cheapest.
        """
        rates, costs = matrices(self._bench)
        solved, cost, right = weights @ self.solved, weights @ self.cost, np.round(weights @ rates, 9)
        found = []
        for row in range(len(weights)):
            price = (weights[row] @ costs)[right[row] == right[row].max()].min()
            able = np.flatnonzero(cost[row] <= price * (1 + 1e-9))
            order = np.lexsort((cost[row, able], -np.round(solved[row, able], 9)))
            found.append(int(able[order[0]]))
        return found

    def worth(self, weights: Floats, prices: Floats) -> Ints:
        """The plan with the most right for its cost, by its place: (rows of weights, prices of a unit of cost)."""
        solved, cost = weights @ self.solved, weights @ self.cost
        found: Ints = np.stack([np.round(solved - price * cost, 12).argmax(axis=1) for price in prices], axis=1)
        return found

    def efficient(self, tasks: NDArray[np.bool_]) -> list[int]:
        """The plans on the hull of all over some of the tasks, cheapest first, by their places."""
        solved, cost = self.solved[tasks].mean(axis=0).tolist(), self.cost[tasks].mean(axis=0).tolist()
        return hull(list(zip(cost, solved, strict=True)))

    def tuned(self, groups: Ints, seed: int = 0) -> Cascade | None:
        """`cascade-tuned`: on each task the plan that is best on the other folds; None where there are too few tasks.

        `groups` numbers the tasks; those with one number, near-duplicates, share a fold.
        """
        fold = folds(groups, seed)
        if fold is None:
            return None
        weights = _others(fold)
        chosen = [self.expected[place] for place in self.best(weights)]
        rows, everything = np.arange(len(fold)), np.full((1, len(fold)), 1 / len(fold))
        place = self.best(everything)[0]
        expected = Expected(
            solved=np.stack([each.solved for each in chosen])[fold, rows],
            cost=np.stack([each.cost for each in chosen])[fold, rows],
            calls=np.stack([each.calls for each in chosen])[fold, rows],
            ended=self.expected[place].ended,  # the folds' plans may have other stages
            shares=np.stack([each.shares for each in chosen])[fold, rows],
        )
        return Cascade("cascade-tuned", "cascade", self.plans[place], expected)

    def frontier(self, groups: Ints, seed: int = 0) -> list[FrontierPoint]:
        """What tuned plans reach at rising worth of a solved task, each task under plans tuned on the other folds."""
        fold = folds(groups, seed)
        if fold is None:
            return []
        _, costs = matrices(self._bench)
        dearest = float(costs.mean(axis=0).max()) or 1.0
        prices = np.append(np.geomspace(10, 0.01, _STEPS), 0) / dearest
        by_fold, rows = self.worth(_others(fold), prices), np.arange(len(fold))
        everywhere = self.worth(np.full((1, len(fold)), 1 / len(fold)), prices)[0]
        found = []
        for step, place in enumerate(everywhere):
            own = by_fold[fold, step]
            cost, accuracy = float(self.cost[rows, own].mean()), float(self.solved[rows, own].mean())
            found.append(FrontierPoint(str(self.plans[place]), cost, accuracy))
        return list(dict.fromkeys(found))


def folds(groups: Ints, seed: int = 0) -> Ints | None:
    """A fold for each task, those of one group in the same; None where there are too few groups."""
    names, place = np.unique(groups, return_inverse=True)
    if len(names) < LEAST:
        return None
    dealt = np.random.default_rng(seed).permutation(len(names)) % FOLDS
    found: Ints = dealt[place.ravel()]
    return found


def _others(fold: Ints) -> Floats:
    """For each fold the weights of the tasks in the others, (folds, tasks)."""
    outside = (np.arange(FOLDS)[:, None] != fold).astype(float)
    weights: Floats = outside / outside.sum(axis=1, keepdims=True)
    return weights
