"""The report as tables: for a terminal, and as plain text where there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from pytest_complexity.report import router, sentences
from pytest_complexity.report.sentences import interval, percent

Report = Mapping[str, Any]


def render(report: Report, console: Console) -> None:
    """Prints the report; rich leaves colours and escapes out where the console is no terminal."""
    console.print(sentences.headline(report), highlight=False, style="bold")
    console.print(sentences.coverage(report), highlight=False)
    for table in (models(report), *verdicts(report), policies(report)):
        if table.row_count:
            console.print(table)
    if report["router"]:
        evaluation(report["router"], console)
    for sentence in (*sentences.details(report), sentences.levels(report), *sentences.unstable(report)):
        console.print(sentence + ".", highlight=False)
    console.print(sentences.notes(report), style="dim", highlight=False)


def router_alone(report: Report, console: Console) -> None:
    """Prints how right the router's classifier is, and what its policies come to."""
    evaluation(report["router"], console)
    console.print(policies(report))
    console.print(sentences.headline(report), highlight=False, style="bold")
    console.print(sentences.notes(report), style="dim", highlight=False)


def evaluation(record: Mapping[str, Any], console: Console) -> None:
    """How right a trained classifier is, its baselines below it."""
    table = _table("levels by", *router.HEAD)
    for name, cells in router.rows(record):
        table.add_row(name, *cells)
    console.print(table)
    for sentence in router.sentences(record):
        console.print(sentence, highlight=False)


def models(report: Report) -> Table:
    """Each model's share right."""
    known = [k for k in ("1", "5", "10") if any(m["pass_at"][k] is not None for m in report["models"].values())]
    table = _table("model", "right", "95%", *(f"pass@{k}" for k in known), "tasks", "trials")
    for name, score in report["models"].items():
        estimates = (percent(score["pass_at"][k]) for k in known)
        table.add_row(
            name,
            percent(score["accuracy"]),
            interval(score["accuracy_ci"]),
            *estimates,
            str(score["tasks"]),
            str(score["trials"]),
        )
    return table


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
    """The routing table."""
    table = _table("policy", "right", "95%", sentences.cost_head(report), "saving", "over zero")
    for name, score in report["policies"].items():
        table.add_row(
            name,
            percent(score["accuracy"]),
            interval(score["accuracy_ci"]),
            sentences.cost_cell(score["cost"], report),
            percent(score["saving"]),
            sentences.points(score["over_zero"]),
        )
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
