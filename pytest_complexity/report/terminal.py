"""The report as tables: for a terminal, and as plain text where there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from pytest_complexity.report import router, sentences
from pytest_complexity.report.columns import CLASSIFIERS, MODELS, POLICIES, Column, cells, heads, shown

Report = Mapping[str, Any]


def render(report: Report, console: Console) -> None:
    """Prints the report; rich leaves colours and escapes out where the console is no terminal."""
    console.print(sentences.headline(report), highlight=False, style="bold")
    console.print(sentences.coverage(report), highlight=False)
    for table in (models(report), *verdicts(report), policies(report)):
        if table.row_count:
            console.print(table)
    if report["router"]:
        evaluation(report, console)
    for sentence in sentences.behind(report):
        console.print(sentence + ".", highlight=False)
    console.print(sentences.notes(report), style="dim", highlight=False)


def router_alone(report: Report, console: Console) -> None:
    """Prints how right the router's classifier is, and what its policies come to."""
    evaluation(report, console)
    console.print(policies(report))
    console.print(sentences.headline(report), highlight=False, style="bold")
    console.print(sentences.notes(report), style="dim", highlight=False)


def evaluation(report: Report, console: Console) -> None:
    """How right a trained classifier is, its baselines below it."""
    console.print(_filled("levels by", CLASSIFIERS, router.rows(report["router"]), report))
    for sentence in router.sentences(report["router"]):
        console.print(sentence, highlight=False)


def models(report: Report) -> Table:
    """Each model's accuracy."""
    return _filled("model", MODELS, report["models"], report)


def verdicts(report: Report) -> Iterator[Table]:
    """How often each model got which verdict; nothing where only counts are known.

    A table has six kinds at most: all ten would leave no room for the models' names.
    """
    tallies = {name: score["verdicts"] for name, score in report["models"].items() if score["verdicts"]}
    kinds = list(_kinds(tallies.values()))
    for start in range(0, len(kinds), 6):
        some = kinds[start : start + 6]
        table = _table("verdicts", *some)
        for name, tally in tallies.items():
            table.add_row(name, *(str(tally.get(kind, 0)) for kind in some))
        yield table


def policies(report: Report) -> Table:
    """The routing table; empty for one model, whose row stands in the table of models."""
    some = report["policies"] if len(report["run"]["ladder"]) > 1 else {}
    return _filled("policy", POLICIES, some, report)


def _filled(first: str, columns: Sequence[Column], rows: Report, report: Report) -> Table:
    some = shown(columns, rows.values(), "terminal")
    table = _table(
        first, *(head.replace("zero-router, ", "zero-\nrouter,\n") for head in heads(some, report, "terminal"))
    )
    for name, row in rows.items():
        table.add_row(name, *cells(some, row, report, "terminal"))
    return table


def _kinds(tallies: Sequence[Mapping[str, int]] | Any) -> Iterator[str]:
    order = ("pass", "wrong", "error", "timeout", "memory", "crash", "exit", "tampered", "no_code", "unmeasured")
    tallies = list(tallies)
    return (kind for kind in order if any(kind in tally for tally in tallies))


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table
