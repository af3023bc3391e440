"""Policies on measured tasks: what each of them solves and costs.

Every interval is over tasks and paired: all statistics of a run are taken in the same resampled worlds. Computes;
knows neither files nor drawing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pytest_complexity.core.costs import CostUnit, call_costs
from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.core.intervals import Interval, share_interval
from pytest_complexity.core.predictions import Prediction
from pytest_complexity.labels import Labels
from pytest_complexity.labels.rules import Rule
from pytest_complexity.policies import Case, Kind, Named, Policy, PromptPolicy, Setting
from pytest_complexity.policies.adequate import CheapestAdequate
from pytest_complexity.policies.assignment import Assignment
from pytest_complexity.policies.mix import Mix
from pytest_complexity.policies.utility import Utility
from pytest_complexity.scoring.against_best import AgainstBest, compared, p_values
from pytest_complexity.scoring.curves import Point, between, hull
from pytest_complexity.scoring.resampling import interval, resampled_means

if TYPE_CHECKING:
    from pytest_complexity.core.arrays import Floats

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
            Case([row.task.successes[m] / row.task.trials[m] for m in ladder], cost, row.level, prediction, number)
            for number, ((row, prediction), cost) in enumerate(zip(rows, costs, strict=True))
        )
        return cls(ladder, tasks, tuple(cases), unit)

    def setting(self, rule: str, routers: Sequence[PromptPolicy] = ()) -> Setting:
        """What the policies of a report are made from."""
        return Setting(self.ladder, Rule.named(rule, len(self.ladder)), self.tasks, self.cases, routers)


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


def controls(played: Played, name: str) -> list[Policy]:
    """Blind policies to hold one policy against: its shares of the models dealt at random, and a mix at its cost."""
    if not played.bench.cases:
        return []
    index = played.index(name)
    mix = Mix("zero-router", blind_mix(played.bench, float(played.cost[:, index].mean())))
    if played.policies[index].kind == "cascade":  # what it asks for is no choice of a model
        return [mix]
    return [Mix("shuffled", [float(share) for share in played.shares[:, index].mean(axis=0)]), mix]


def routers_of(trained: PricedLadder, willingness: float | None = None) -> list[PromptPolicy]:
    """What a trained classifier can be used as; `willingness` where it was calibrated.

    Else a solved task is taken to be worth ten calls of the dearest model.
    """
    worth = 10 * max(trained.costs) if willingness is None else willingness
    assignment = Assignment(Rule.named(trained.rule, len(trained.ladder)).assignment)
    return [Utility(trained.costs, worth), CheapestAdequate(ADEQUATE), assignment]


def overpaid(case: Case, index: int) -> float:
    """What a call of that model costs on the case beyond the cheapest one that is right at least as often there."""
    able = (cost for cost, rate in zip(case.costs, case.rates, strict=True) if rate >= case.rates[index])
    return case.costs[index] - min(able)


@dataclass(frozen=True)
class PolicyScore:
    """One policy on the bench; None where no task was measured in full.

    `accuracy`: the expected share of tasks solved. `cost`: the mean per task, in the bench's unit. `saving`: against
    always the last model; `saving_best`: against always the best single model. `regret`: how much less it solves than
    the oracle. `gain`: how much more than the best single model, with the paired test's `gain_p`. `over_zero`: how
    much more than the zero router at the same cost. `shares`: how often it asks each model.
    """

    kind: Kind
    accuracy: float | None = None
    accuracy_ci: Interval | None = None
    cost: float | None = None
    cost_ci: Interval | None = None
    saving: float | None = None
    saving_ci: Interval | None = None
    saving_best: float | None = None
    saving_best_ci: Interval | None = None
    regret: float | None = None
    regret_ci: Interval | None = None
    gain: float | None = None
    gain_ci: Interval | None = None
    gain_p: float | None = None
    over_zero: float | None = None
    over_zero_ci: Interval | None = None
    shares: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Scored:
    """The scores by policy, and what those policies are held against, in the same order as they were played."""

    scores: Mapping[str, PolicyScore]
    over_zero: Sequence[AgainstBest]
    gain: Sequence[AgainstBest]


def score_policies(played: Played, seed: int = 0) -> Scored:
    """The score of each policy. Two calls with one seed take their statistics in the same resampled worlds."""
    import numpy as np  # noqa: PLC0415

    policies, bench = played.policies, played.bench
    if not bench.cases:
        return Scored({policy.name: PolicyScore(policy.kind) for policy in policies}, (), ())
    rates, costs = matrices(bench)
    right = 1 - (1 - rates).prod(axis=1, keepdims=True)  # the oracle: one draw of each model, and any is right
    columns = np.concatenate([rates, costs, played.solved, played.cost, right], axis=1)
    everywhere = np.concatenate([columns.mean(axis=0)[None], resampled_means(columns, seed)])
    # The first world is the one that was measured; each statistic is taken in all of them at once.
    ends = np.cumsum([len(bench.ladder)] * 2 + [len(policies)] * 2)
    model, price, solved, cost, oracle = np.split(everywhere, ends, axis=1)
    best = best_single(bench)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistics = {
            "cost": cost,
            "saving": 1 - cost / price[:, -1:],
            "saving_best": 1 - cost / price[:, [best]],
            "regret": oracle - solved,
        }
    over_zero = [compared(solved[:, k, None] - blind(price, model, cost[:, k])) for k in range(len(policies))]
    gain = [compared(solved[:, k, None] - model) for k in range(len(policies))]
    p = p_values(played.solved, rates, [each.near for each in gain], seed)
    scores = {}
    for index, policy in enumerate(policies):
        known = {name: worlds[:, index] for name, worlds in statistics.items() if np.isfinite(worlds[:, index]).all()}
        values: dict[str, Any] = {name: float(worlds[0]) for name, worlds in known.items()}
        values |= {f"{name}_ci": interval(worlds[1:], float(worlds[0])) for name, worlds in known.items()}
        shares = played.shares[:, index].mean(axis=0)
        scores[policy.name] = PolicyScore(
            kind=policy.kind,
            accuracy=float(solved[0, index]),
            accuracy_ci=share_interval(played.solved[:, index].tolist()),
            gain=gain[index].difference,
            gain_ci=gain[index].interval(),
            gain_p=p[index],
            over_zero=over_zero[index].difference,
            over_zero_ci=over_zero[index].interval(),
            shares=dict(zip(bench.ladder, map(float, shares), strict=True)),
            **values,
        )
    return Scored(scores, over_zero, gain)


def singles(bench: Bench) -> list[Point]:
    """Each single model's (mean cost, accuracy)."""
    rates, costs = matrices(bench)
    return [(float(cost), float(rate)) for cost, rate in zip(costs.mean(axis=0), rates.mean(axis=0), strict=True)]


def zero_router(bench: Bench) -> list[tuple[int, Point]]:
    """The single models on the hull of all, cheapest first: places on the ladder and points."""
    points = singles(bench) if bench.cases else []
    return [(index, points[index]) for index in hull(points)]


def blind(price: Floats, model: Floats, cost: Floats) -> Floats:
    """What blind mixes of single models solve at a cost: (worlds, mixes).

    `price` and `model`: the models' costs and accuracies, (worlds, models); `cost`: the policy's, (worlds,). The mixes
    are those possible in the first world: a model that costs no more, or the cheapest; two models around the cost.
    The best of them is the height of the single models' hull, but for the first world's choice of mixes.
    """
    import numpy as np  # noqa: PLC0415

    least, at = price[0], float(cost[0])
    tolerance = 1e-9 * max(abs(at), float(least.max()))
    affordable = max(at + tolerance, float(least.min()))
    under = [k for k in range(len(least)) if least[k] <= affordable]
    over = [k for k in range(len(least)) if least[k] > at + tolerance]
    columns = [model[:, k] for k in under]
    for low in under:
        for high in over if least[low] <= at + tolerance else ():
            width = price[:, high] - price[:, low]
            share = np.clip((cost - price[:, low]) / np.where(width > 0, width, np.inf), 0, 1)
            columns.append(model[:, low] + share * (model[:, high] - model[:, low]))
    mixes: Floats = np.stack(columns, axis=1)
    return mixes


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


def blind_mix(bench: Bench, cost: float) -> list[float]:
    """The zero router's shares of the models at a cost, in ladder order."""
    vertices = zero_router(bench)
    low, high, weight = between([point for _, point in vertices], cost)
    shares = [0.0] * len(bench.ladder)
    shares[vertices[low][0]] += 1 - weight
    shares[vertices[high][0]] += weight
    return shares
