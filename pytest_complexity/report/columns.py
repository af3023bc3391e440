"""The columns of the report's tables: one list feeds the terminal, Markdown and the page.

To add one, add a line here. `key` is a path into the row of `report.json`, and `style` says how a value is written:
here for text, in `assets/text.js` for the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pytest_complexity.report import formats

Form = Literal["terminal", "markdown", "page"]
Style = Literal["percent", "points", "cost", "count", "dollars", "seconds", "two", "three"]
Report = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """One column, and in which forms it stands; `bounds`: the path of its 95% interval, and where that is shown.

    A column whose values are all unknown is left out where it is `optional`.
    """

    head: str
    key: str
    style: Style
    bounds: str | None = None
    forms: Sequence[Form] = ("terminal", "markdown", "page")
    bounds_in: Sequence[Form] = ("terminal", "markdown", "page")
    optional: bool = False


MODELS = (
    Column("accuracy", "accuracy", "percent", "accuracy_ci"),
    *(Column(f"pass@{k}", f"pass_at.{k}", "percent", forms=("terminal", "page"), optional=True) for k in (1, 5, 10)),
    *(Column(f"pass^{k}", f"pass_all.{k}", "percent", forms=("page",), optional=True) for k in (5, 10)),
    Column("base tests", "base_accuracy", "percent", optional=True),
    Column("tasks", "tasks", "count"),
    Column("trials", "trials", "count"),
    Column("spent", "cost_usd", "dollars", forms=("page",), optional=True),
    Column("seconds a call", "seconds", "seconds", forms=("page",), optional=True),
)
POLICIES = (
    Column("accuracy", "accuracy", "percent", "accuracy_ci"),
    Column("cost", "cost", "cost", "cost_ci", bounds_in=("page",)),
    Column("saving", "saving", "percent", "saving_ci", bounds_in=("markdown", "page")),
    Column("saving vs best model", "saving_best", "percent", "saving_best_ci", ("markdown", "page"), ("page",)),
    Column("vs zero-router, points", "over_zero", "points", "over_zero_ci"),
    Column("vs best model, points", "gain", "points", "gain_ci", ("markdown", "page")),
)
#: `F1` is macro-averaged, `kappa` quadratic; log-losses in nats: of the levels, and of the models' chances of success.
CLASSIFIERS = (
    Column("exact", "accuracy", "percent", "accuracy_ci"),
    Column("within 1", "within_one", "percent"),
    Column("5 tries", "any_of_n", "percent"),
    Column("F1", "macro_f1", "two"),
    Column("kappa", "kappa", "two"),
    Column("loss", "log_loss", "three"),
    Column("chances", "chance_log_loss", "three"),
)


def shown(columns: Sequence[Column], rows: Iterable[Report], form: Form) -> list[Column]:
    """The columns that stand in a form of the report."""
    known = list(rows)
    return [
        column
        for column in columns
        if form in column.forms and not (column.optional and all(value(column.key, row) is None for row in known))
    ]


def cells(columns: Sequence[Column], row: Report, report: Report, form: Form) -> list[str]:
    """A row as text, an interval in a cell of its own after its figure."""
    found = []
    for column in columns:
        write = _STYLES[column.style]
        found.append(write(value(column.key, row), report))
        if column.bounds is not None and form in column.bounds_in:
            bounds = value(column.bounds, row)
            found.append("-" if bounds is None else "..".join(write(each, report).rstrip("%") for each in bounds))
    return found


def heads(columns: Sequence[Column], report: Report, form: Form) -> list[str]:
    """What stands above `cells`."""
    found = []
    for column in columns:
        found.append(formats.cost_head(report) if column.style == "cost" else column.head)
        if column.bounds is not None and form in column.bounds_in:
            found.append("95%")
    return found


def for_page(columns: Sequence[Column], rows: Iterable[Report]) -> list[dict[str, Any]]:
    """The columns as the page takes them, which writes the values by itself."""
    return [asdict(column) for column in shown(columns, rows, "page")]


def value(key: str, row: Report) -> Any:
    """What stands at a path of a row; None where something on the way is not known."""
    found: Any = row
    for step in key.split("."):
        found = found.get(step) if found is not None else None
    return found


_STYLES: Mapping[Style, Callable[[Any, Report], str]] = {
    "percent": lambda value, _: formats.percent(value),
    "points": lambda value, _: formats.points(value),
    "cost": formats.cost_cell,
    "count": lambda value, _: str(value),
    "dollars": lambda value, _: "-" if value is None else f"${value:.3g}",
    "seconds": lambda value, _: "-" if value is None else f"{value:.2f}",
    "two": lambda value, _: "-" if value is None else f"{value:.2f}",
    "three": lambda value, _: "-" if value is None else f"{value:.3f}",
}
