"""Whether routing pays: the judged policy beside the simplest ones, the curves behind that, and non-nested tasks.

Computes; knows neither files nor drawing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from pytest_complexity.core.intervals import Interval
from pytest_complexity.core.predictions import Prediction
from pytest_complexity.policies import Case
from pytest_complexity.scoring.curves import (
    calls_to_recover,
    mean_height,
    mean_recovery,
    recovered,
    recovery_curve,
)
from pytest_complexity.scoring.policies import Bench, Played, PolicyScore, best_single, matrices, singles
from pytest_complexity.scoring.resampling import LEAST, detectable, interval, resampled_means

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pytest_complexity.core.arrays import Floats

_SWEEP = 41  # points of a router's curve
_RECOVER = (0.5, 0.8)


@dataclass(frozen=True)
class Judgement:
    """Whether routing pays on a bench, by the one policy that is judged.

    `worth_it`: it solves more than the zero router at its cost, beyond the 95% interval, and sends at least as many
    tasks elsewhere than most as can prove anything (`resampling.LEAST`); None where it seems so and the router was
    trained on tasks of the bench. `simple`: what does as well where it does
    not, one model to ask always or two to mix blindly; else empty. `best_single`: the model with the highest accuracy,
    the cheaper of two. `detectable_difference`: what so many tasks can show against it.
    """

    policy: str
    informed: bool
    worth_it: bool | None
    simple: tuple[str, ...]
    best_single: str
    gain_over_best_single: float | None
    gain_over_best_single_ci: Interval | None
    p: float | None
    gain_over_zero_router: float | None
    gain_over_zero_router_ci: Interval | None
    detectable_difference: float


def judge(
    played: Played, scores: Mapping[str, PolicyScore], seed: int = 0, *, leaked: bool = False
) -> Judgement | None:
    """The judgement on the first policy of the roster; None where no task was measured in full.

    `leaked`: the router was trained on some of these tasks.
    """
    bench, judged = played.bench, played.policies[0]
    if not bench.cases:
        return None
    rates, _ = matrices(bench)
    best, score = best_single(bench), scores[judged.name]
    elsewhere = len(bench.cases) * (1 - max(score.shares.values())) if score.shares else 0.0
    better = score.over_zero_ci is not None and score.over_zero_ci[0] > 0 and elsewhere > LEAST - 0.5
    return Judgement(
        policy=judged.name,
        informed=judged.kind == "informed",
        worth_it=None if better and leaked else better,
        simple=() if better else _as_good(played, seed),
        best_single=bench.ladder[best],
        gain_over_best_single=score.gain,
        gain_over_best_single_ci=score.gain_ci,
        p=score.gain_p,
        gain_over_zero_router=score.over_zero,
        gain_over_zero_router_ci=score.over_zero_ci,
        detectable_difference=detectable(played.solved[:, 0] - rates[:, best]),
    )


def _as_good(played: Played, seed: int) -> tuple[str, ...]:
    """The best single model that costs no more and is not shown to solve less; else what the zero router mixes."""
    bench = played.bench
    rates, _ = matrices(bench)
    cost, points = float(played.cost[:, 0].mean()), singles(bench)
    differences = rates - played.solved[:, [0]]
    worlds = resampled_means(differences, seed)
    able = [
        index
        for index, name in enumerate(bench.ladder)
        if points[index][0] <= cost * (1 + 1e-9)
        and interval(worlds[:, index], float(differences[:, index].mean()))[1] >= 0
    ]
    if able:
        return (bench.ladder[max(able, key=lambda k: (points[k][1], -points[k][0]))],)
    shares = played.shares[0, played.index("zero-router")]
    return tuple(name for name, share in zip(bench.ladder, shares, strict=True) if share > 1e-9)


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
    `pgr`: the judged policy between the first and the last model; `apgr` and `cpt`: a router of these two models.
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
    """A weaker and a stronger model: the shares of tasks that only the one, or only the other, solves."""

    weaker: str
    stronger: str
    only_weaker: float
    only_stronger: float


@dataclass(frozen=True)
class NonNested:
    """Tasks that some weaker model solves and the last one does not, and what believing in the ladder costs there.

    Over several trials: the expectation over one independent draw from each model. `share` of all tasks: whoever
    believes that the last model solves whatever any other does, and so never looks beyond it, loses just these.
    `extra_cost`: what asking the last model there costs more than asking the cheapest that is right, per task of the
    bench. `none`: the share that no model solves. `examples`: those with the largest chance, at most ten, as task ids.
    """

    share: float
    share_ci: Interval
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
        extra_cost=extra,
        none=none,
        pairs=tuple(pairs),
        examples=tuple(bench.tasks[k].task_id for k in order[:10]),
    )


def _believed(case: Case) -> tuple[float, float, float]:
    """Of one task: the chance that only a weaker model solves it, the money lost there, the chance that none does."""
    left, lost, extra = 1 - case.rates[-1], 0.0, 0.0
    for index in sorted(range(len(case.rates) - 1), key=lambda k: case.costs[k]):
        chance = left * case.rates[index]
        lost, left = lost + chance, left - chance
        extra += chance * (case.costs[-1] - case.costs[index])
    return lost, extra, left
