"""Counts as a test writes them: each task by its models' successes and trials."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_complexity.core.counts import TaskCounts

NAMES = ("small", "large", "huge")
Costs = Sequence[dict[str, float] | None]


def counted(*tasks: Sequence[tuple[int, int]], planned: int = 5, costs: Costs | None = None) -> list[TaskCounts]:
    """Tasks as (successes, trials) of each model."""
    return [
        TaskCounts(
            "s",
            f"T/{number}",
            "text",
            {name: trials for name, (_, trials) in zip(NAMES, task, strict=False)},
            {name: successes for name, (successes, _) in zip(NAMES, task, strict=False)},
            planned,
            costs[number] if costs else None,
        )
        for number, task in enumerate(tasks)
    ]
