"""The report as Markdown that fits a comment on a pull request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_complexity.report import sentences
from pytest_complexity.report.sentences import interval, percent


def markdown(report: Mapping[str, Any]) -> str:
    """The text, a newline at its end."""
    models = [
        [name, percent(score["accuracy"]), interval(score["accuracy_ci"]), str(score["tasks"]), str(score["trials"])]
        for name, score in report["models"].items()
    ]
    policies = [
        [
            name,
            percent(score["accuracy"]),
            interval(score["accuracy_ci"]),
            "-" if score["cost"] is None else f"{score['cost']:.1f}",
            percent(score["saving"]),
            interval(score["saving_ci"]),
        ]
        for name, score in report["policies"].items()
    ]
    parts = [
        "## Which model is enough",
        f"**{sentences.headline(report)}**",
        sentences.coverage(report) + ".",
        _table(["model", "right", "95%", "tasks", "trials"], models),
        _table(["policy", "right", "95%", "cost", "saving", "95%"], policies),
        sentences.levels(report) + ".",
        "`assignment`: levels known in advance, from these same trials. Cost: 1, 10, 100, ... along the ladder.",
    ]
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(each.replace("|", "\\|") for each in row) + " |" for row in [head, rule, *rows])
