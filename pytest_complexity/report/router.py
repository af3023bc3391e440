"""A classifier's evaluation as JSON, as rows of a table, and as sentences. Computes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pytest_complexity.report.formats import percent

if TYPE_CHECKING:
    from pytest_complexity.learning.training.evaluation import Evaluation

Record = Mapping[str, Any]


def to_json(evaluation: Evaluation) -> dict[str, Any]:
    """What `router` holds in report.json and in the output of `score --json`; null where something is not known."""
    own = asdict(evaluation.rows[evaluation.name])
    return {
        "classifier": evaluation.name,
        "rule": evaluation.rule,
        "tasks": evaluation.tasks,
        "without_level": evaluation.without_level,
        "leaked": evaluation.leaked,
        **_plain(own),
        "majority": evaluation.rows["majority"].accuracy,
        "ceiling": evaluation.ceiling,
        "against_majority": asdict(evaluation.against_majority),
        "against_constant": asdict(evaluation.against_constant),
        "auroc": {model: None if each is None else _plain(asdict(each)) for model, each in evaluation.auroc.items()},
        "rows": {name: _plain(asdict(row)) for name, row in evaluation.rows.items()},
        "confusion": [list(row) for row in evaluation.confusion],
        "calibration": {
            **asdict(evaluation.calibration),
            "bins": [asdict(each) for each in evaluation.calibration.bins],
        },
    }


def rows(record: Record) -> dict[str, Record]:
    """Each row by its name, the classifier's own first."""
    own = record["classifier"]
    return {name: record["rows"][name] for name in [own, *(other for other in record["rows"] if other != own)]}


def sentences(record: Record) -> list[str]:
    """What the table does not say: the tests against one label, the ceiling, AUROC, calibration, leaks."""
    test, ceiling, calibration = record["against_majority"], record["ceiling"], record["calibration"]
    constant = record["against_constant"]
    told = [
        f"{record['tasks']} tasks with a level by {record['rule']}, {record['without_level']} without",
        f"against the majority label: {test['better']} tasks right that it gets wrong, {test['worse']} the other way "
        f"round (McNemar p = {test['p']:.2g}); log-loss lower by {test['log_loss_gain']:.3f} "
        f"(p = {test['log_loss_p']:.2g})",
        f"against level {constant['level']} for every task, the best single answer on these tasks "
        f"({percent(constant['accuracy'])}): {constant['better']} tasks better, {constant['worse']} worse "
        f"(McNemar p = {constant['p']:.2g})",
        "ceiling: not known, for it takes two trials of each model"
        if ceiling is None
        else f"ceiling: two halves of the same trials give the same level to {percent(ceiling)} of the tasks",
        "AUROC of each model's predicted chance: " + ", ".join(_auroc(*each) for each in record["auroc"].items()),
        f"chances of success are off by {100 * calibration['error']:.1f} points (expected calibration error); chances "
        f"that are exactly right would show {100 * calibration['perfect']:.1f} on so few tasks, 95% of the time below "
        f"{100 * calibration['perfect_95']:.1f}",
    ]
    if record["leaked"]:
        told.append(
            f"WARNING: {record['leaked']} of these tasks repeat a training task, exactly or nearly: "
            "the figures are too good"
        )
    return told


def _auroc(model: str, found: Record | None) -> str:
    if found is None:
        return f"{model} - (its trials all came out alike)"
    return f"{model} {found['value']:.2f} ({found['ci'][0]:.2f} to {found['ci'][1]:.2f})"


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in record.items()}
