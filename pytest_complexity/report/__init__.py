"""Scores as `report.json`: what gates and readers rely on. Draws and writes, computes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pytest_complexity.labels import Labels, stable_share
from pytest_complexity.scoring import ModelScore, PolicyScore


def build(
    models: Mapping[str, ModelScore], policies: Mapping[str, PolicyScore], labels: Labels, unmeasured: int
) -> dict[str, Any]:
    """The report as plain builtins; deterministic, and null where something is not known."""
    return {
        "run": {
            "tasks": len(labels.rows),
            "ladder": list(labels.ladder),
            "measured": sum(sum(row.task.trials.values()) for row in labels.rows),
            "planned": sum(row.task.planned * len(labels.ladder) for row in labels.rows),
            "unmeasured": unmeasured,
        },
        "models": {name: _model(score) for name, score in models.items()},
        "levels": {
            "rule": labels.rule,
            "counts": {str(level): count for level, count in labels.counts.items()},
            "unsolved": labels.dropped_unsolved,
            "undecided": labels.undecided,
            "below_threshold": labels.below_threshold,
            "stable_share": stable_share(labels),
        },
        "policies": {name: _plain(asdict(score)) for name, score in policies.items()},
    }


def _model(score: ModelScore) -> dict[str, Any]:
    record = _plain(asdict(score))
    record["pass_at"] = {str(k): value for k, value in score.pass_at.items()}
    return record


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in record.items()}
