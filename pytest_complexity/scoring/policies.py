"""Policies on measured tasks: what each of them solves and costs.

Every interval is over tasks and paired: all statistics of a run are taken in the same resampled worlds. Computes;
knows neither files nor drawing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.core.intervals import Interval, share_interval
from pytest_complexity.core.predictions import Prediction
from pytest_complexity.labels import Labels
from pytest_complexity.policies import Case, Kind, Named, Policy, PromptPolicy, RouterPolicy
from pytest_complexity.policies.adequate import CheapestAdequate
from pytest_complexity.policies.always import Always
from pytest_complexity.policies.assignment import Assignment, KnownAssignment
from pytest_complexity.policies.mix import Mix
from pytest_complexity.policies.oracle import Oracle
from pytest_complexity.policies.utility import Utility
from pytest_complexity.scoring.curves import Point, between, heights, hull
from pytest_complexity.scoring.resampling import interval, resampled_means, sign_flip

if TYPE_CHECKING:
    from pytest_complexity.core.arrays import Floats

CostUnit = Literal["usd", "unit"]
ADEQUATE = 0.5  # more likely right than not


class PricedLadder(Protocol):
    """What this module needs of a trained classifier."""

    @property
    def ladder(self) -> tuple[str, ...]:
        """The models, cheapest first."""

    @property
    def rule(self) -> str:
        """The rule of its levels."""

    @property
    def costs(self) -> tuple[float, ...]:
        """The mean cost of one call, in ladder order."""


@dataclass(frozen=True)
class Bench:
    """The tasks that every model of the ladder was measured on, and what their calls cost.

    `cost_unit` is "usd" where every model's cost is recorded somewhere (a task where it is not takes the model's mean),
    else "unit": 1, 10, 100, ... along the ladder, the paper's.
    """

    ladder: tuple[str, ...]
    tasks: tuple[TaskCounts, ...]
    cases: tuple[Case, ...]
    cost_unit: CostUnit

    @classmethod
    def of(cls, labels: Labels, predictions: Sequence[Prediction] | None = None) -> Bench:
        """The bench of labelled counts; `predictions`, where there are any, one for each row."""
        ladder = labels.ladder
        rows = [
            (row, predictions[number] if predictions is not None else None)
            for number, row in enumerate(labels.rows)
            if all(row.task.trials[model] for model in ladder)
        ]
        tasks = tuple(row.task for row, _ in rows)
        costs, unit = call_costs(tasks, ladder)
        cases = (
            Case([row.task.successes[model] / row.task.trials[model] for model in ladder], cost, row.level, prediction)
            for (row, prediction), cost in zip(rows, costs, strict=True)
        )
        return cls(ladder, tasks, tuple(cases), unit)


def call_costs(tasks: Sequence[TaskCounts], ladder: Sequence[str]) -> tuple[list[list[float]], CostUnit]:
    """The cost of one call on each task, in ladder order, and its unit: see `Bench`."""
    recorded = [task.cost_usd or {} for task in tasks]
    known = {model: [costs[model] for costs in recorded if model in costs] for model in ladder}
    if not all(known.values()):
        return [[10.0**index for index in range(len(ladder))] for _ in tasks], "unit"
    means = {model: sum(costs) / len(costs) for model, costs in known.items()}
    return [[costs.get(model, means[model]) for model in ladder] for costs in recorded], "usd"


@dataclass(frozen=True)
class Played:
    """Every policy on every case: `solved` and `cost` (tasks, policies), `shares` (tasks, policies, models)."""

    bench: Bench
    policies: tuple[Named, ...]
    solved: Floats
    cost: Floats
    shares: Floats

    def index(self, name: str) -> int:
        """Where the policy of that name stands."""
        return [policy.name for policy in self.policies].index(name)


def play(bench: Bench, policies: Sequence[Policy]) -> Played:
    """Each policy's decision on each case."""
    import numpy as np  # noqa: PLC0415  (`label` needs no routing)

    decisions = [[policy.decide(case) for policy in policies] for case in bench.cases]
    shape = (len(bench.cases), len(policies), len(bench.ladder))
    shares = np.array([[each.shares for each in row] for row in decisions], float).reshape(shape)
    solved = np.array([[each.solved for each in row] for row in decisions], float).reshape(shape[:2])
    return Played(bench, tuple(policies), solved, np.einsum("tpm,tm->tp", shares, matrices(bench)[1]), shares)


def roster(bench: Bench, rule: str, routers: Sequence[PromptPolicy] = ()) -> list[Policy]:
    """The policies of a report, the one to be judged first: the first router, or the assignment of known levels.

    Its controls come last: its own choices shuffled over the tasks, and the zero router at its cost.
    """
    known = KnownAssignment(rule, "assignment-known" if routers else "assignment")
    judged: list[Policy] = [*(RouterPolicy(router) for router in routers), known]
    simple: list[Policy] = [Always(name, index) for index, name in enumerate(bench.ladder)]
    models = len(bench.ladder)
    others = [*simple, Oracle(), Mix("random", [1 / models] * models)]
    if not bench.cases:
        return [*judged, *others]
    played = play(bench, judged[:1])
    return [
        *judged,
        *others,
        Mix("shuffled", [float(share) for share in played.shares[:, 0].mean(axis=0)]),
        Mix("zero-router", _hull_mix(bench, float(played.cost[:, 0].mean()))),
    ]


def routers_of(trained: PricedLadder, willingness: float | None = None) -> list[PromptPolicy]:
    """What a trained classifier can be used as; `willingness` where it was calibrated.

    Else a solved task is taken to be worth ten calls of the dearest model.
    """
    worth = 10 * max(trained.costs) if willingness is None else willingness
    return [Utility(trained.costs, worth), CheapestAdequate(ADEQUATE), Assignment(trained.rule)]


def overpaid(case: Case, index: int) -> float:
    """What a call of that model costs on the case beyond the cheapest one that is right at least as often there."""
    able = (cost for cost, rate in zip(case.costs, case.rates, strict=True) if rate >= case.rates[index])
    return case.costs[index] - min(able)


@dataclass(frozen=True)
class PolicyScore:
    """One policy on the bench; None where no task was measured in full.

    `accuracy`: the expected share of tasks solved. `cost`: the mean per task, in the bench's unit. `saving`: against
    always the last model. `regret`: how much less it solves than the oracle. `gain`: how much more than the best
    single model, with the paired test's `gain_p`. `over_zero`: how much more than the zero router at the same cost.
    `shares`: how often it asks each model.
    """

    kind: Kind
    accuracy: float | None = None
    accuracy_ci: Interval | None = None
    cost: float | None = None
    cost_ci: Interval | None = None
    saving: float | None = None
    saving_ci: Interval | None = None
    regret: float | None = None
    regret_ci: Interval | None = None
    gain: float | None = None
    gain_ci: Interval | None = None
    gain_p: float | None = None
    over_zero: float | None = None
    over_zero_ci: Interval | None = None
    shares: Mapping[str, float] | None = None


def score_policies(played: Played, seed: int = 0) -> dict[str, PolicyScore]:
    """The score of each policy by its name."""
    import numpy as np  # noqa: PLC0415

    policies, bench = played.policies, played.bench
    if not bench.cases:
        return {policy.name: PolicyScore(policy.kind) for policy in policies}
    rates, costs = matrices(bench)
    columns = np.concatenate([rates, costs, played.solved, played.cost], axis=1)
    everywhere = np.concatenate([columns.mean(axis=0)[None], resampled_means(columns, seed)])
    best = best_single(bench)
    # The first world is the one that was measured; each statistic is taken in all of them at once.
    model, price, solved, cost = np.split(everywhere, np.cumsum([len(bench.ladder)] * 2 + [len(policies)]), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        saving = 1 - cost / price[:, -1:]
    statistics = {
        "cost": cost,
        "saving": saving,
        "regret": solved[:, [played.index("oracle")]] - solved,
        "gain": solved - model.max(axis=1, keepdims=True),
        "over_zero": solved - heights(price, model, cost),
    }
    p = sign_flip(played.solved - rates[:, [best]], seed)
    scores = {}
    for index, policy in enumerate(policies):
        known = {name: worlds[:, index] for name, worlds in statistics.items() if np.isfinite(worlds[:, index]).all()}
        shares = played.shares[:, index].mean(axis=0)
        values: dict[str, Any] = {name: float(worlds[0]) for name, worlds in known.items()}
        values |= {f"{name}_ci": interval(worlds[1:], float(worlds[0])) for name, worlds in known.items()}
        scores[policy.name] = PolicyScore(
            kind=policy.kind,
            accuracy=float(solved[0, index]),
            accuracy_ci=share_interval(played.solved[:, index].tolist()),
            gain_p=float(p[index]),
            shares=dict(zip(bench.ladder, map(float, shares), strict=True)),
            **values,
        )
    return scores


def singles(bench: Bench) -> list[Point]:
    """Each single model's (mean cost, accuracy)."""
    rates, costs = matrices(bench)
    return [(float(cost), float(rate)) for cost, rate in zip(costs.mean(axis=0), rates.mean(axis=0), strict=True)]


def zero_router(bench: Bench) -> list[tuple[int, Point]]:
    """The single models on the hull of all, cheapest first: places on the ladder and points."""
    points = singles(bench) if bench.cases else []
    return [(index, points[index]) for index in hull(points)]


def best_single(bench: Bench) -> int:
    """The model with the highest accuracy, the cheaper one on a tie, by its place on the ladder."""
    points = singles(bench)
    return max(range(len(points)), key=lambda k: (round(points[k][1], 12), -points[k][0], -k))


def matrices(bench: Bench) -> tuple[Floats, Floats]:
    """Rates and costs as (tasks, models)."""
    import numpy as np  # noqa: PLC0415

    shape = (len(bench.cases), len(bench.ladder))
    rates = np.array([case.rates for case in bench.cases], float).reshape(shape)
    return rates, np.array([case.costs for case in bench.cases], float).reshape(shape)


def _hull_mix(bench: Bench, cost: float) -> list[float]:
    vertices = zero_router(bench)
    low, high, weight = between([point for _, point in vertices], cost)
    shares = [0.0] * len(bench.ladder)
    shares[vertices[low][0]] += 1 - weight
    shares[vertices[high][0]] += weight
    return shares
