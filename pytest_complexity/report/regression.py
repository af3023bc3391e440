"""A report against an earlier one, task by task: a build fails on what is worse, and not on chance.

Compared are each model's accuracy, and each router's and cascade's accuracy and cost, on the tasks that both reports
measured. A loss counts when a one-sided paired test shows it, all tests together at 5% (Holm), beyond the margin too.
What the earlier report measured and this one did not is a failure, never a pass.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_complexity.core.jsonl import parse_object, read_bytes
from pytest_complexity.errors import GateError
from pytest_complexity.report.gates import GateResult

Report = Mapping[str, Any]
Key = tuple[str | None, str]
_LEVEL = 0.05
_NAMED = 10  # tasks that a message names


@dataclass(frozen=True)
class Change:
    """One measure on the common tasks: gains in its own unit (a cost that falls is a gain), one for each task."""

    measure: str
    before: float
    after: float
    tasks: tuple[Key, ...]
    gains: tuple[float, ...]


def read_baseline(path: Path) -> dict[str, Any]:
    """An earlier `report.json`, or a run directory's. Raises `GateError` where it is none, or one without tasks."""
    path = path / "report.json" if path.is_dir() else path
    report = parse_object(read_bytes(path, GateError), str(path), GateError)
    try:
        _series(report)
        _shown(report)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ZeroDivisionError):
        raise GateError(
            f"{path}: no report.json to compare with: make one with this version's `report -o DIR`"
        ) from None
    return report


def check_baseline(report: Report, baseline: Report, margin: float = 0.0, seed: int = 0) -> list[GateResult]:
    """What was lost against the baseline, a failed result for each; else a single one that passed.

    `margin`: the loss to put up with, as a share of tasks, or of the earlier cost. Sampling of the test is seeded.
    """
    before, after = _series(baseline), _series(report)
    failed = _missing(before, after)
    leaked = (report.get("router") or {}).get("leaked")
    if leaked:
        failed.append(GateResult(False, f"baseline failed: the router was trained on {leaked} tasks of this run"))
    if report["run"]["cost_unit"] != baseline["run"]["cost_unit"]:
        units = f"{baseline['run']['cost_unit']} before, {report['run']['cost_unit']} now"
        failed.append(GateResult(False, f"baseline failed: costs cannot be compared: {units}"))
        before = {measure: values for measure, values in before.items() if not measure.endswith(".cost")}
    changes = [_change(name, values, after[name]) for name, values in before.items() if after.get(name)]
    changes = [change for change in changes if change.tasks]
    failed += [_told(change, p) for change, p in lost(changes, margin, seed)]
    if failed:
        return failed
    tasks = len({task for change in changes for task in change.tasks})
    return [GateResult(True, f"baseline passed: nothing lost in {len(changes)} measures on {tasks} common tasks")]


def lost(changes: Sequence[Change], margin: float, seed: int) -> list[tuple[Change, float]]:
    """The changes that are losses, with their p-values; Holm's procedure keeps all false alarms together at 5%."""
    by_p = sorted(((_p(change, margin, seed), index) for index, change in enumerate(changes)))
    found = []
    for rank, (p, index) in enumerate(by_p):
        if p > _LEVEL / (len(by_p) - rank):
            break
        found.append((changes[index], p))
    return found


def _p(change: Change, margin: float, seed: int) -> float:
    """One-sided: that there is no loss (signs flipped), and that it is within the margin (Student's t); the larger p.

    Flipping signs is exact for few changed tasks, where t is not; only t knows a margin.
    """
    import numpy as np  # noqa: PLC0415  (heavy; only where a baseline is given)
    from scipy.stats import ttest_1samp  # noqa: PLC0415

    from pytest_complexity.scoring.resampling import sign_flip  # noqa: PLC0415

    gains = np.array(change.gains)
    allowed = margin * (change.before if change.measure.endswith(".cost") else 1.0)
    if gains.mean() >= -allowed - 1e-12:
        return 1.0
    changed = gains[gains != 0]  # the others have no sign to flip
    p = float(sign_flip(changed[:, None], seed)[0]) / 2
    if allowed and gains.std() > 0:
        p = max(p, float(ttest_1samp(gains, -allowed, alternative="less").pvalue))
    return p


def _series(report: Report) -> dict[str, dict[Key, float]]:
    """Every measure by task, of the tasks that were measured."""
    ladder = report["run"]["ladder"]
    routers = [name for name, score in report["policies"].items() if score["kind"] == "router"]
    series: dict[str, dict[Key, float]] = {f"models.{name}.accuracy": {} for name in ladder}
    series |= {f"policies.{name}.{measure}": {} for name in routers for measure in ("accuracy", "cost")}
    cascades = [name for name, score in report["policies"].items() if score["kind"] == "cascade"]
    series |= {f"policies.{name}.{measure}": {} for name in cascades for measure in ("accuracy", "cost")}
    for row in report["tasks"]:
        key = (row["suite"], row["task_id"])
        for name in cascades if "cascades" in row else ():
            solved, cost = row["cascades"][name]
            series[f"policies.{name}.accuracy"][key] = solved
            series[f"policies.{name}.cost"][key] = cost
        for name, right, trials in zip(ladder, row["successes"], row["trials"], strict=True):
            if trials:
                series[f"models.{name}.accuracy"][key] = right / trials
        for name in routers if "chosen" in row else ():
            index = row["chosen"][name]
            series[f"policies.{name}.accuracy"][key] = row["successes"][index] / row["trials"][index]
            series[f"policies.{name}.cost"][key] = row["costs"][index]
    return series


def _shown(report: Report) -> None:
    """Raises where the report lacks what a page needs to show what changed since."""
    dict(report["models"])
    for row in report["tasks"]:
        row["level"]


def _missing(before: Mapping[str, Mapping[Key, float]], after: Mapping[str, Mapping[Key, float]]) -> list[GateResult]:
    gone = [measure for measure in before if measure not in after]
    results = [GateResult(False, f"baseline failed: this report has no {measure}") for measure in gone]
    lacking: dict[Key, str] = {}
    for measure, values in before.items():
        for key in values:
            if measure in after and key not in after[measure]:
                lacking.setdefault(key, measure)
    if lacking:
        some = f"{len(lacking)} of its tasks are not measured here: {_names(list(lacking))}"
        results.append(GateResult(False, f"baseline failed: {some} ({next(iter(lacking.values()))} is missing)"))
    return results


def _change(measure: str, before: Mapping[Key, float], after: Mapping[Key, float]) -> Change:
    tasks = tuple(key for key in before if key in after)
    sign = -1 if measure.endswith(".cost") else 1
    gains = tuple(sign * (after[key] - before[key]) for key in tasks)
    count = max(len(tasks), 1)
    was, now = (math.fsum(values[key] for key in tasks) / count for values in (before, after))
    return Change(measure, was, now, tasks, gains)


def _told(change: Change, p: float) -> GateResult:
    worse = [task for task, gain in zip(change.tasks, change.gains, strict=True) if gain < 0]
    better = sum(gain > 0 for gain in change.gains)
    return GateResult(
        False,
        f"baseline failed: {change.measure} went from {change.before:.4g} to {change.after:.4g} on {len(change.tasks)} "
        f"common tasks (one-sided p {p:.2g}): worse on {len(worse)}: {_names(worse)}; better on {better}",
    )


def _names(tasks: Sequence[Key]) -> str:
    several = len({suite for suite, _ in tasks}) > 1
    names = [f"{suite}: {task}" if several else task for suite, task in tasks[:_NAMED]]
    return ", ".join(names) + (", ..." if len(tasks) > _NAMED else "")
