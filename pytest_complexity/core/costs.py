"""What calls cost: recorded US dollars where every model has them, else units along the ladder."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Literal

from pytest_complexity.core.counts import TaskCounts

CostUnit = Literal["usd", "unit"]


def unit_costs(models: int) -> tuple[float, ...]:
    """1, 10, 100, ... along the ladder: the paper's for its three models (arXiv 2312.11511, section 4)."""
    return tuple(10.0**place for place in range(models))


def mean_costs(tasks: Sequence[TaskCounts], ladder: Sequence[str]) -> tuple[tuple[float, ...], CostUnit]:
    """The mean cost of one call of each model over the tasks where it is known, in ladder order, and its unit.

    "usd" where every model's cost is recorded for some task, else `unit_costs`.
    """
    recorded = [task.cost_usd for task in tasks if task.cost_usd]
    known = [[costs[model] for costs in recorded if model in costs] for model in ladder]
    if ladder and all(known):
        return tuple(fmean(costs) for costs in known), "usd"
    return unit_costs(len(ladder)), "unit"


def call_costs(tasks: Sequence[TaskCounts], ladder: Sequence[str]) -> tuple[list[list[float]], CostUnit]:
    """The cost of one call on each task, in ladder order: the recorded one, else the model's mean; and its unit."""
    means, unit = mean_costs(tasks, ladder)
    if unit == "unit":
        return [list(means) for _ in tasks], unit
    pairs = list(zip(ladder, means, strict=True))
    return [[(task.cost_usd or {}).get(model, mean) for model, mean in pairs] for task in tasks], unit
