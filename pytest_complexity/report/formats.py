"""How figures are written as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Report = Mapping[str, Any]


def percent(value: float | None) -> str:
    """A share as a person reads it."""
    return "-" if value is None else f"{100 * value:.1f}%"


def interval(bounds: list[float] | None) -> str:
    """A 95% interval in percent."""
    return "-" if bounds is None else f"{100 * bounds[0]:.1f}..{100 * bounds[1]:.1f}"


def points(value: float | None) -> str:
    """A difference of shares in percentage points."""
    return "-" if value is None else f"{round(100 * value, 1) + 0.0:+.1f}"  # no -0.0


def cost(value: float, report: Report) -> str:
    """A mean cost per task as a person reads it: dollars for a thousand tasks, or units."""
    cell = cost_cell(value, report)
    return f"${cell} per 1,000 tasks" if report["run"]["cost_unit"] == "usd" else f"cost {cell}"


def cost_cell(value: float | None, report: Report) -> str:
    """The same in a table under `cost_head`."""
    if value is None:
        return "-"
    return f"{1000 * value:.3g}" if report["run"]["cost_unit"] == "usd" else f"{value:.1f}"


def cost_head(report: Report) -> str:
    """What a column of costs holds."""
    return "$/1000" if report["run"]["cost_unit"] == "usd" else "cost"
