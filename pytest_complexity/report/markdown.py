"""The report as Markdown that fits a comment on a pull request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_complexity.report import router, sentences
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
            sentences.cost_cell(score["cost"], report),
            percent(score["saving"]),
            interval(score["saving_ci"]),
            sentences.points(score["over_zero"]),
        ]
        for name, score in report["policies"].items()
    ]
    parts = [
        "## Which model is enough",
        f"**{sentences.headline(report)}**",
        sentences.coverage(report) + ".",
        _table(["model", "right", "95%", "tasks", "trials"], models),
        _table(["policy", "right", "95%", sentences.cost_head(report), "saving", "95%", "over zero"], policies),
        *_router(report["router"]),
        "\n".join(
            f"- {sentence}."
            for sentence in (*sentences.details(report), sentences.levels(report), *sentences.unstable(report))
        ),
        sentences.notes(report),
    ]
    return "\n\n".join(parts) + "\n"


def _router(record: Mapping[str, Any] | None) -> list[str]:
    if record is None:
        return []
    rows = [[name, *cells] for name, cells in router.rows(record)]
    return [
        _table(["levels by", *router.HEAD], rows),
        "\n".join(f"- {sentence}." for sentence in router.sentences(record)),
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(each.replace("|", "\\|") for each in row) + " |" for row in [head, rule, *rows])
