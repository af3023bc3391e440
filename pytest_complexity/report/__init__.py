"""Scores as `report.json`: what gates and readers rely on. Draws and writes, computes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pytest_complexity.labels import Labels
from pytest_complexity.labels.rules import Rule
from pytest_complexity.labels.stability import Stability, Unstable
from pytest_complexity.report.router import to_json
from pytest_complexity.scoring.models import ModelScore
from pytest_complexity.scoring.policies import Played, PolicyScore, overpaid, zero_router
from pytest_complexity.scoring.routing_gain import Assessment, NonNested, RouterCurve

if TYPE_CHECKING:
    from pytest_complexity.learning.training.evaluation import Evaluation
    from pytest_complexity.scoring.cascades import Cascades


@dataclass(frozen=True)
class Findings:
    """Everything that a report is made of."""

    labels: Labels
    stability: Stability
    least_stable: Sequence[Unstable]
    unmeasured: int
    uncontrolled: Sequence[str]  #: the task of each pass without a negative control
    models: Mapping[str, ModelScore]
    played: Played
    policies: Mapping[str, PolicyScore]
    assessment: Assessment | None
    curve: RouterCurve | None
    nested: NonNested | None
    router: Evaluation | None = None
    cascades: Cascades | None = None
    calls: str = "all"


def build(findings: Findings) -> dict[str, Any]:
    """The report as plain builtins; deterministic, and null where something is not known."""
    labels, bench = findings.labels, findings.played.bench
    rule = Rule.named(labels.rule, len(labels.ladder))
    stable = findings.stability.chances
    return {
        "run": {
            "tasks": len(labels.rows),
            "ladder": list(labels.ladder),
            "measured": sum(sum(row.task.trials.values()) for row in labels.rows),
            "planned": sum(row.task.planned * len(labels.ladder) for row in labels.rows),
            "unmeasured": findings.unmeasured,
            "uncontrolled": len(findings.uncontrolled),
            "uncontrolled_tasks": sorted(set(findings.uncontrolled)),
            "calls": findings.calls,
            "scored": len(bench.cases),
            "cost_unit": bench.cost_unit,
        },
        "models": {name: _model(score) for name, score in findings.models.items()},
        "levels": {
            "rule": labels.rule,
            "counts": {str(level): count for level, count in labels.counts.items()},
            "unsolved": labels.dropped_unsolved,
            "undecided": labels.undecided,
            "below_threshold": labels.below_threshold,
            "assignment": {str(level): place for level, place in enumerate(rule.assignment, 1)},
            "meaning": dict(rule.meaning),
            "stable_share": findings.stability.share,
            "unstable": findings.stability.unstable,
            "least_stable": _least_stable(findings.least_stable),
        },
        "policies": _policies(findings),
        "check": _plain(asdict(findings.cascades.check)) if findings.cascades else None,
        "routing": _routing(findings),
        "curves": {
            "zero_router": [
                {"model": bench.ladder[index], "cost": cost, "accuracy": accuracy}
                for index, (cost, accuracy) in zero_router(bench)
            ],
            "router": [_plain(asdict(point)) for point in findings.curve.points] if findings.curve else None,
            "cascades": [_plain(asdict(point)) for point in findings.cascades.frontier] if findings.cascades else None,
        },
        "nested": _plain(asdict(findings.nested)) if findings.nested else None,
        "router": to_json(findings.router) if findings.router else None,
        "tasks": _tasks(findings, stable),
    }


def _least_stable(rows: Sequence[Unstable]) -> list[dict[str, Any]]:
    return [
        {
            "suite": each.row.task.suite,
            "task_id": each.row.task.task_id,
            "level": each.row.level,
            "same_level": _short(each.same_level),
            "settled_by": each.settled_by,
        }
        for each in rows
    ]


def _policies(findings: Findings) -> dict[str, Any]:
    """The cascades first: where there are any, they are what a reader can use."""
    told = {
        cascade.name: cascade.describe(findings.labels.ladder)
        for cascade in (findings.cascades.each if findings.cascades else ())
    }
    names = [*told, *(name for name in findings.policies if name not in told)]
    return {name: _plain(asdict(findings.policies[name])) | told.get(name, {}) for name in names}


def _model(score: ModelScore) -> dict[str, Any]:
    record = _plain(asdict(score))
    for name in ("pass_at", "pass_all"):
        record[name] = {str(k): value for k, value in record[name].items()}
    return record


def _routing(findings: Findings) -> dict[str, Any] | None:
    if findings.assessment is None:
        return None
    record = _plain(asdict(findings.assessment))
    if findings.curve is not None:
        record |= _plain({name: value for name, value in asdict(findings.curve).items() if name != "points"})
    return record


def _tasks(findings: Findings, stable: Sequence[float | None]) -> list[dict[str, Any]]:
    """One row a task: what a later run is compared with, task by task. `solved` and `costs` in ladder order.

    `chosen` is the place on the ladder of the model that each policy with a choice asks: routers and assignments;
    `overpaid` its cost beyond the cheapest model's that is right as often. `cascades`: what each is expected to solve
    and to cost.
    """
    labels, played = findings.labels, findings.played
    scored = {id(task): index for index, task in enumerate(played.bench.tasks)}
    choosing = [
        (index, policy.name)
        for index, policy in enumerate(played.policies)
        if policy.kind == "router" or policy.name.startswith("assignment")
    ]
    rows = []
    for row, same in zip(labels.rows, stable, strict=True):
        task, number = row.task, scored.get(id(row.task))
        record: dict[str, Any] = {
            "suite": task.suite,
            "task_id": task.task_id,
            "level": row.level,
            "same_level": None if same is None else _short(same),
            "successes": [task.successes[model] for model in labels.ladder],
            "trials": [task.trials[model] for model in labels.ladder],
        }
        if number is not None:
            case = played.bench.cases[number]
            record["costs"] = [_short(cost) for cost in case.costs]
            record["chosen"] = {name: int(played.shares[number, index].argmax()) for index, name in choosing}
            record["overpaid"] = {name: _short(overpaid(case, index)) for name, index in record["chosen"].items()}
            if findings.cascades:
                record["cascades"] = {
                    each.name: [_short(each.expected.solved[number]), _short(each.expected.cost[number])]
                    for each in findings.cascades.each
                }
            if case.prediction is not None:
                record["chances"] = [_short(chance) for chance in case.prediction.chances]
                record["predicted_level"] = case.prediction.level
        rows.append(record)
    return rows


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in record.items()}
