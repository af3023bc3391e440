"""Two reports side by side: what changed, task by task. Pairs and subtracts nothing: both figures are shown.

A leaf: knows the dicts of `report.json` alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Report = Mapping[str, Any]
Row = Mapping[str, Any]


def changes(report: Report, baseline: Report) -> dict[str, Any]:
    """What the page shows of a report beside an earlier one, as plain builtins.

    `models` and `policies` that both have, each with what it was `before` and is `after`; `tasks`: those in which a
    model's successes, the level or a policy's choice is another, in the report's order; `same`: how many are not;
    `gone` and `new`: the tasks of one report alone.
    """
    before = {(row["suite"], row["task_id"]): row for row in baseline["tasks"]}
    after = {(row["suite"], row["task_id"]): row for row in report["tasks"]}
    common = [key for key in after if key in before]
    ladders = baseline["run"]["ladder"], report["run"]["ladder"]
    pairs = [(key, _change((before[key], after[key]), ladders)) for key in common]
    changed = [{"suite": suite, "task_id": task_id, **change} for (suite, task_id), change in pairs if change]
    return {
        "models": _both(baseline["models"], report["models"], ("accuracy", "accuracy_ci")),
        "policies": _both(baseline["policies"], report["policies"], ("kind", "accuracy", "cost", "saving")),
        "tasks": changed,
        "same": len(common) - len(changed),
        "gone": [task_id for suite, task_id in before if (suite, task_id) not in after],
        "new": [task_id for suite, task_id in after if (suite, task_id) not in before],
    }


def _both(before: Report, after: Report, names: Sequence[str]) -> list[dict[str, Any]]:
    def some(score: Row) -> dict[str, Any]:
        return {name: score.get(name) for name in names}

    return [
        {"name": name, "before": some(before[name]), "after": some(after[name])} for name in after if name in before
    ]


def _change(rows: tuple[Row, Row], ladders: tuple[Sequence[str], Sequence[str]]) -> dict[str, Any]:
    """What differs between the rows of one task, each difference as [before, after]; empty where nothing does."""
    levels = [row["level"] for row in rows]
    found: dict[str, Any] = {"level": levels} if levels[0] != levels[1] else {}
    if solved := dict(_differing(*(_solved(row, ladder) for row, ladder in zip(rows, ladders, strict=True)))):
        found["solved"] = solved
    if chosen := dict(_differing(*(_chosen(row, ladder) for row, ladder in zip(rows, ladders, strict=True)))):
        found["chosen"] = chosen
    return found


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    return ((name, [before[name], after[name]]) for name in after if name in before and before[name] != after[name])


def _solved(row: Row, ladder: Sequence[str]) -> dict[str, list[int]]:
    """Successes and trials by model."""
    return {name: list(each) for name, *each in zip(ladder, row["successes"], row["trials"], strict=True)}


def _chosen(row: Row, ladder: Sequence[str]) -> dict[str, str]:
    return {policy: ladder[index] for policy, index in row.get("chosen", {}).items()}
