"""The report as Markdown that fits a comment on a pull request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_complexity.report import router, sentences
from pytest_complexity.report.columns import CLASSIFIERS, MODELS, POLICIES, Column, cells, heads, shown
from pytest_complexity.report.gates import GateResult

Report = Mapping[str, Any]


def markdown(report: Report, checked: Sequence[GateResult] = ()) -> str:
    """The text, a newline at its end; it begins with the gates that failed."""
    failed = [f"- {each.message}" for each in checked if not each.passed]
    policies = report["policies"] if len(report["run"]["ladder"]) > 1 else {}
    parts = [
        "## Which model is enough",
        *([f"**{_gates_failed(failed)}**", "\n".join(failed)] if failed else []),
        f"**{sentences.headline(report)}**",
        sentences.coverage(report) + ".",
        _filled("model", MODELS, report["models"], report),
        *([_filled("policy", POLICIES, policies, report)] if policies else []),
        *_router(report),
        _list(sentences.behind(report)),
        sentences.notes(report),
    ]
    return "\n\n".join(parts) + "\n"


def _gates_failed(failed: Sequence[str]) -> str:
    return "1 gate failed" if len(failed) == 1 else f"{len(failed)} gates failed"


def _router(report: Report) -> list[str]:
    if report["router"] is None:
        return []
    return [
        _filled("levels by", CLASSIFIERS, router.rows(report["router"]), report),
        _list(router.sentences(report["router"])),
    ]


def _list(told: Sequence[str]) -> str:
    return "\n".join(f"- {sentence}." for sentence in told)


def _filled(first: str, columns: Sequence[Column], rows: Report, report: Report) -> str:
    some = shown(columns, rows.values(), "markdown")
    lines = [[name, *cells(some, row, report, "markdown")] for name, row in rows.items()]
    return _table([first, *heads(some, report, "markdown")], lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(each.replace("|", "\\|") for each in row) + " |" for row in [head, rule, *rows])
