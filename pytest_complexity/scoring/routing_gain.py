"""Whether routing pays: the best deployable policy beside the simplest ones, its curves, and non-nested tasks.

Computes; knows neither files nor drawing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal

from pytest_complexity.core.intervals import Interval
from pytest_complexity.core.predictions import Prediction
from pytest_complexity.policies import CANDIDATES, Case
from pytest_complexity.policies.assignment import KNOWN
from pytest_complexity.scoring.against_best import AgainstBest, Simultaneous
from pytest_complexity.scoring.curves import (
    calls_to_recover,
    mean_height,
    mean_recovery,
    recovered,
    recovery_curve,
)
from pytest_complexity.scoring.models import mean_pass_at
from pytest_complexity.scoring.policies import Bench, Played, Scored, best_single, blind_mix, matrices, singles
from pytest_complexity.scoring.resampling import LEAST, detectable, interval, resampled_means

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pytest_complexity.core.arrays import Floats

_SWEEP = 41  # points of a router's curve
_RECOVER = (0.5, 0.8)


#: What is shown about the best candidate: it pays, it loses, neither, or nothing can be told: because too few tasks
#: are decided by it, or because it was trained on them. "no_policy": there is no candidate and nothing in its place.
Finding = Literal["pays", "loses", "not_shown", "too_few", "leaked", "no_policy"]


@dataclass(frozen=True)
class Assessment:
    """Whether routing pays on a bench, by the best policy of those that can be deployed (`policies.CANDIDATES`).

    `candidates`: all of these; without any, the assignment by levels known in advance is looked at (`informed`), and
    where that is not known either, always the best single model.
    `finding`: "pays" where the policy solves more than the zero router at its cost, "loses" where every candidate
    solves less. `gain_over_zero_router_ci` and `gain_over_best_single_ci` hold for all candidates together, so that the
    choice of the best one cannot make the finding false in more than 5% of cases. `worth_it`: the same as yes or no,
    None where nothing can be told. `simple`: what does as well where routing is not shown to pay, one model to ask
    always or two to mix blindly; else empty. `best_single`: the model with the highest accuracy, the cheaper of two.
    `detectable_difference`: what so many tasks can show between this policy and that model.
    """

    policy: str
    candidates: tuple[str, ...]
    informed: bool
    finding: Finding
    worth_it: bool | None
    simple: tuple[str, ...]
    best_single: str
    gain_over_best_single: float
    gain_over_best_single_ci: Interval
    p: float | None
    gain_over_zero_router: float
    gain_over_zero_router_ci: Interval
    detectable_difference: float


def assess(played: Played, scored: Scored, seed: int = 0, *, leaked: bool = False) -> Assessment | None:
    """The assessment; None where no task was measured in full.

    `leaked`: the routers were trained on some of these tasks.
    """
    bench = played.bench
    if not bench.cases:
        return None
    best = best_single(bench)
    candidates = [k for k, policy in enumerate(played.policies) if policy.kind in CANDIDATES]
    known = [k for k, policy in enumerate(played.policies) if policy.kind == "informed" and policy.name in KNOWN]
    numbers = candidates or known or [played.index(f"always-{bench.ladder[best]}")]
    over = Simultaneous.of([scored.over_zero[k] for k in numbers]).intervals
    gain = Simultaneous.of([scored.gain[k] for k in numbers]).intervals
    place = _best([scored.over_zero[k] for k in numbers], over, [_decided(played, k) for k in numbers])
    index = numbers[place]
    assessed = played.policies[index]
    finding = _finding(over, place, _decided(played, index), leaked=leaked and assessed.kind == "router")
    finding = finding if candidates or known else "no_policy"
    return Assessment(
        policy=assessed.name,
        candidates=tuple(played.policies[k].name for k in candidates),
        informed=assessed.kind == "informed",
        finding=finding,
        worth_it={"pays": True, "loses": False, "not_shown": False}.get(finding),
        simple=() if finding in ("pays", "leaked", "no_policy") else _as_good(played, index, seed),
        best_single=bench.ladder[best],
        gain_over_best_single=scored.gain[index].difference,
        gain_over_best_single_ci=gain[place],
        p=scored.scores[assessed.name].gain_p,
        gain_over_zero_router=scored.over_zero[index].difference,
        gain_over_zero_router_ci=over[place],
        detectable_difference=detectable(played.solved[:, index] - matrices(bench)[0][:, best]),
    )


def _decided(played: Played, index: int) -> int:
    """On how many tasks the policy does anything else than the single model that it is most like."""
    import numpy as np  # noqa: PLC0415  (`label` needs no routing)

    rates, costs = matrices(played.bench)
    solved, cost = played.solved[:, [index]], played.cost[:, [index]]
    other = (np.abs(solved - rates) > 1e-9) | (np.abs(cost - costs) > 1e-9 * costs.max())
    return int(other.sum(axis=0).min())


def _best(candidates: Sequence[AgainstBest], intervals: Sequence[Interval], decided: Sequence[int]) -> int:
    """The one that is shown to be better by most; else the one that seems so; the first of those alike."""

    def rank(k: int) -> tuple[bool, float, int]:
        shown = intervals[k][0] > 0 and decided[k] >= LEAST
        return shown, round(intervals[k][0] if shown else candidates[k].difference, 12), -k

    return max(range(len(candidates)), key=rank)


def _finding(intervals: Sequence[Interval], place: int, decided: int, *, leaked: bool) -> Finding:
    if intervals[place][0] > 0:
        return "leaked" if leaked else "pays" if decided >= LEAST else "too_few"
    if all(high < 0 for _, high in intervals):
        return "loses"
    return "too_few" if decided < LEAST else "not_shown"


def _as_good(played: Played, index: int, seed: int) -> tuple[str, ...]:
    """The best single model that costs no more and is not shown to solve less; else what the zero router mixes."""
    bench = played.bench
    rates, _ = matrices(bench)
    cost, points = float(played.cost[:, index].mean()), singles(bench)
    differences = rates - played.solved[:, [index]]
    worlds = resampled_means(differences, seed)
    able = [
        k
        for k in range(len(bench.ladder))
        if points[k][0] <= cost * (1 + 1e-9) and interval(worlds[:, k], float(differences[:, k].mean()))[1] >= 0
    ]
    if able:
        return (bench.ladder[max(able, key=lambda k: (points[k][1], -points[k][0]))],)
    return tuple(name for name, share in zip(bench.ladder, blind_mix(bench, cost), strict=True) if share > 1e-9)


@dataclass(frozen=True)
class CurvePoint:
    """A point of a curve, and the willingness to pay that gives it."""

    willingness: float
    cost: float
    accuracy: float


@dataclass(frozen=True)
class Quality:
    """AIQ of the router's hull, of the single models' (the zero router), and what the one has over the other."""

    router: float
    router_ci: Interval
    zero_router: float
    gain: float
    gain_ci: Interval


@dataclass(frozen=True)
class RouterCurve:
    """What the predictions are worth over the whole range of costs: measures as defined in `curves`.

    `points`: the utility router at rising willingness to pay; `aiq` of these, None where all models cost the same.
    `pgr`: the assessed policy between the first and the last model; `apgr` and `cpt`: a router of these two models.
    """

    points: tuple[CurvePoint, ...]
    aiq: Quality | None
    pgr: float | None
    apgr: float | None
    cpt: Mapping[str, float | None]


def router_curve(played: Played, prices: Sequence[float], seed: int = 0) -> RouterCurve | None:
    """The curve of a router that takes calls to cost `prices`; None where a case has no prediction."""
    import numpy as np  # noqa: PLC0415  (`label` needs no routing)

    bench = played.bench
    predictions = [case.prediction for case in bench.cases if case.prediction is not None]
    if not predictions or len(predictions) < len(bench.cases):
        return None
    rates, costs = matrices(bench)
    willingness, choices = sweep(predictions, prices)
    solved, paid = np.take_along_axis(rates, choices, 1), np.take_along_axis(costs, choices, 1)
    points = zip(willingness, paid.mean(axis=0).tolist(), solved.mean(axis=0).tolist(), strict=True)
    first, last = rates[:, 0].tolist(), rates[:, -1].tolist()
    recovery = recovery_curve([each.chances[-1] - each.chances[0] for each in predictions], first, last)
    return RouterCurve(
        points=tuple(CurvePoint(*point) for point in points),
        aiq=_quality(np.concatenate([paid, solved, costs, rates], axis=1), len(willingness), seed),
        pgr=recovered(float(played.solved[:, 0].mean()), float(rates[:, 0].mean()), float(rates[:, -1].mean())),
        apgr=mean_recovery(recovery),
        cpt={str(target): calls_to_recover(recovery, target) for target in _RECOVER},
    )


def _quality(columns: Floats, steps: int, seed: int) -> Quality | None:
    """Of (tasks, columns): what each step of the sweep pays, then solves, each model's cost, then its rate."""
    import numpy as np  # noqa: PLC0415

    models = columns.shape[1] // 2 - steps
    splits = np.cumsum([steps, steps, models])
    pairs = []
    for world in [columns.mean(axis=0), *resampled_means(columns, seed)]:
        paid, solved, costs, rates = (part.tolist() for part in np.split(world, splits))
        low, high = min(costs), max(costs)
        router = mean_height(list(zip(paid, solved, strict=True)), low, high)
        zero = mean_height(list(zip(costs, rates, strict=True)), low, high)
        if router is None or zero is None:
            return None
        pairs.append((router, zero))
    worlds = np.array(pairs)
    (router, zero), gains = pairs[0], worlds[:, 0] - worlds[:, 1]
    return Quality(router, interval(worlds[1:, 0], router), zero, router - zero, interval(gains[1:], router - zero))


def sweep(predictions: Sequence[Prediction], prices: Sequence[float]) -> tuple[list[float], NDArray[np.intp]]:
    """Rising values of willingness to pay, and what `Utility` then chooses: (tasks, values), by place on the ladder.

    The values lie where choices change: at quantiles of (difference in price) / (difference in chance) over all tasks
    and pairs of models; 0 and a value beyond every change are the ends.
    """
    import numpy as np  # noqa: PLC0415

    chances, price = np.array([each.chances for each in predictions]), np.array(prices, float)
    changes = [np.zeros(0)]
    for a, b in combinations(range(len(price)), 2):
        ratio = (price[b] - price[a]) / np.where(chances[:, b] == chances[:, a], np.inf, chances[:, b] - chances[:, a])
        changes.append(ratio[ratio > 0])
    every = np.unique(np.concatenate(changes))
    inner = np.unique(np.quantile(every, np.linspace(0, 1, _SWEEP - 1))) * (1 + 1e-9) if len(every) else every
    columns = [np.full(len(chances), int(price.argmin()))]
    columns += [np.argmax(chances - price / worth, axis=1) for worth in inner]
    return [0.0, *map(float, inner)], np.stack(columns, axis=1)


@dataclass(frozen=True)
class Pair:
    """An earlier (`weaker`) and a later (`stronger`) model: the shares of tasks that only one of them solves."""

    weaker: str
    stronger: str
    only_weaker: float
    only_stronger: float


@dataclass(frozen=True)
class NonNested:
    """Tasks that some earlier model solves and the last one does not, and what believing in the ladder costs there.

    Over several trials: the expectation over one independent draw from each model. `share` of all tasks: whoever
    believes that the last model solves whatever any other does, and so never looks beyond it, loses just these.
    `luck`: the same share with further draws of the last model in place of the earlier models, as many as there are of
    these (or fewer, where there are not as many trials): what better models would seem to lose by chance; None where a
    task has one trial. `oracle_luck`: the accuracy of the oracle if all its draws were of the best single model.
    `extra_cost`: what asking the last model there costs more than asking the cheapest that is right, per task of the
    bench. `none`: the share that no model solves. `examples`: those with the largest chance, at most ten, as task ids.
    """

    share: float
    share_ci: Interval
    luck: float | None
    oracle_luck: float | None
    extra_cost: float
    none: float
    pairs: tuple[Pair, ...]
    examples: tuple[str, ...]


def non_nested(bench: Bench, seed: int = 0) -> NonNested | None:
    """See `NonNested`; None where no task was measured in full, or the ladder has one model."""
    import numpy as np  # noqa: PLC0415

    if not bench.cases or len(bench.ladder) < 2:
        return None
    each = np.array([_believed(case) for case in bench.cases])
    lost, extra, none = (float(mean) for mean in each.mean(axis=0))
    rates, _ = matrices(bench)
    pairs = (
        Pair(
            bench.ladder[a],
            bench.ladder[b],
            float((rates[:, a] * (1 - rates[:, b])).mean()),
            float((rates[:, b] * (1 - rates[:, a])).mean()),
        )
        for a, b in combinations(range(len(bench.ladder)), 2)
    )
    order = sorted((k for k in range(len(each)) if each[k, 0] > 0), key=lambda k: -each[k, 0])
    return NonNested(
        share=lost,
        share_ci=interval(resampled_means(each[:, :1], seed)[:, 0], lost),
        luck=None if (both := _redrawn(bench, len(bench.ladder) - 1)) is None else both[1] - both[0],
        oracle_luck=None if (any_of := _redrawn(bench, best_single(bench))) is None else any_of[1],
        extra_cost=extra,
        none=none,
        pairs=tuple(pairs),
        examples=tuple(bench.tasks[k].task_id for k in order[:10]),
    )


def _redrawn(bench: Bench, index: int) -> tuple[float, float] | None:
    """One model's accuracy, and its chance that any of as many trials as there are models is right.

    Trials are drawn without replacement, so both are unbiased (as pass@k is). None where a task has one trial.
    """
    model, models = bench.ladder[index], len(bench.ladder)
    counts = [(task.successes[model], task.trials[model]) for task in bench.tasks]
    draws = min(models, *(trials for _, trials in counts)) if len(counts) > 1 else 1
    if draws < 2:
        return None
    one, several = mean_pass_at(1, counts), mean_pass_at(draws, counts)
    return None if one is None or several is None else (one, several)


def _believed(case: Case) -> tuple[float, float, float]:
    """Of one task: the chance that only a weaker model solves it, the money lost there, the chance that none does."""
    left, lost, extra = 1 - case.rates[-1], 0.0, 0.0
    for index in sorted(range(len(case.rates) - 1), key=lambda k: case.costs[k]):
        chance = left * case.rates[index]
        lost, left = lost + chance, left - chance
        extra += chance * (case.costs[-1] - case.costs[index])
    return lost, extra, left
