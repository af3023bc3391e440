"""Cost and accuracy as curves: hulls, and the measures that the field takes of them.

A point is (cost, accuracy). Computes; knows neither tasks nor drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_complexity.core.arrays import Floats

Point = tuple[float, float]


def hull(points: Sequence[Point]) -> list[int]:
    """The indices of the points on the upper, non-decreasing convex hull, cheapest first.

    Mixing two points at random reaches any point between them, so the hull of single models is what needs no router
    (the zero router of RouterBench, arXiv 2403.12031, section 3.2). Of points alike the first one stands.
    """
    kept: list[int] = []
    for index in sorted(range(len(points)), key=lambda k: (points[k][0], -points[k][1], k)):
        cost, accuracy = points[index]
        if kept and accuracy <= points[kept[-1]][1]:
            continue  # costs as much or more and solves no more
        while len(kept) > 1 and _turns_up(points[kept[-2]], points[kept[-1]], (cost, accuracy)):
            kept.pop()
        kept.append(index)
    return kept


def height(vertices: Sequence[Point], cost: float) -> float:
    """The accuracy that the hull with these vertices, cheapest first, reaches at a cost.

    Flat beyond its last vertex. Below its first one nothing can be bought; there it is the first one's accuracy.
    """
    low, high, weight = between(vertices, cost)
    return vertices[low][1] * (1 - weight) + vertices[high][1] * weight


def between(vertices: Sequence[Point], cost: float) -> tuple[int, int, float]:
    """The two vertices, by index, whose mix costs so much, and the share of the second."""
    last = len(vertices) - 1
    if cost <= vertices[0][0]:
        return 0, 0, 0.0
    for high in range(1, last + 1):
        if cost <= vertices[high][0]:
            low_cost, high_cost = vertices[high - 1][0], vertices[high][0]
            return high - 1, high, (cost - low_cost) / (high_cost - low_cost)
    return last, last, 0.0


def mean_height(points: Sequence[Point], low: float, high: float) -> float | None:
    """AIQ (RouterBench, arXiv 2403.12031, equation 5): the mean height of the points' hull over costs low..high.

    This variant: the non-decreasing hull, flat beyond its last vertex and, below its first, at that one's accuracy;
    `low` and `high` are the mean costs of the cheapest and the dearest single model. None where they are the same.
    """
    if high <= low:
        return None
    vertices = [points[index] for index in hull(points)]
    knots = sorted({low, high, *(cost for cost, _ in vertices if low < cost < high)})
    heights = [height(vertices, cost) for cost in knots]
    steps = zip(knots, knots[1:], heights, heights[1:], strict=False)
    return sum((right - left) * (a + b) / 2 for left, right, a, b in steps) / (high - low)


def heights(costs: Floats, accuracies: Floats, at: Floats) -> Floats:
    """`height` of many hulls at once: points (worlds, models), the costs asked for (worlds, policies).

    The hull at a cost is the highest of all chords between two points there, and of all points to its left.
    """
    import numpy as np  # noqa: PLC0415  (`label` needs no curves)

    cheapest = np.lexsort((-accuracies, costs), axis=1)[:, :1]
    best: Floats = np.take_along_axis(accuracies, cheapest, 1) + np.zeros_like(at)
    models = range(costs.shape[1])
    for i in models:
        left, low = costs[:, i : i + 1], accuracies[:, i : i + 1]
        best = np.where(left <= at, np.maximum(best, low), best)
        for j in models:
            right, high = costs[:, j : j + 1], accuracies[:, j : j + 1]
            inside = (left < at) & (at < right)
            chord = low + (high - low) * (at - left) / np.where(right > left, right - left, 1.0)
            best = np.where(inside, np.maximum(best, chord), best)
    return best


def recovered(accuracy: float, weak: float, strong: float) -> float | None:
    """PGR (RouteLLM, arXiv 2406.18665, equation 5): the share of the gap between weak and strong that is closed.

    None where the strong model is not the better one: then there is no gap.
    """
    return (accuracy - weak) / (strong - weak) if strong > weak else None


def recovery_curve(gains: Sequence[float], weak: Sequence[float], strong: Sequence[float]) -> list[Point]:
    """(share of strong calls, PGR) when the tasks with the largest predicted gain go to the strong model first.

    `gains`: predicted, one for each task; `weak`, `strong`: the two models' measured rates. Tasks of equal gain go
    together, in whatever order: a straight line. Empty where there is no gap.
    """
    tasks = len(gains)
    base, gap = sum(weak), sum(strong) - sum(weak)
    if not tasks or gap <= 1e-9:
        return []
    order = sorted(range(tasks), key=lambda task: -gains[task])
    curve, solved = [(0.0, 0.0)], base
    for rank, task in enumerate(order, 1):
        solved += strong[task] - weak[task]
        if rank == tasks or gains[order[rank]] != gains[task]:
            curve.append((rank / tasks, (solved - base) / gap))
    return curve


def mean_recovery(curve: Sequence[Point]) -> float | None:
    """APGR: the mean of PGR over the share of strong calls from 0 to 1, here its exact integral and not ten steps."""
    if not curve:
        return None
    return sum((x1 - x0) * (y0 + y1) / 2 for (x0, y0), (x1, y1) in pairwise(curve))


def calls_to_recover(curve: Sequence[Point], target: float) -> float | None:
    """CPT: the least share of strong calls at which PGR reaches `target`; None where it is never reached.

    The curve need not rise everywhere: its first crossing is that of its upper envelope.
    """
    if curve and curve[0][1] >= target:
        return curve[0][0]
    for (x0, y0), (x1, y1) in pairwise(curve):
        if y1 >= target:
            return x0 + (x1 - x0) * (target - y0) / (y1 - y0)
    return None


def _turns_up(first: Point, second: Point, third: Point) -> bool:
    return (second[1] - first[1]) * (third[0] - first[0]) <= (third[1] - first[1]) * (second[0] - first[0])
