"""One list of columns for the terminal, Markdown and the page."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.report.assembly import results_of
from pytest_complexity.report.columns import MODELS, POLICIES, Column, Form, cells, for_page, heads, shown
from pytest_complexity.report.gates import GateResult
from pytest_complexity.report.markdown import markdown
from pytest_complexity.run.inputs import Measured

LADDER = ("small", "large")


def report(ladder: tuple[str, ...] = LADDER, trials: int = 2) -> dict[str, Any]:
    tasks = [
        TaskCounts("s", f"T/{n}", "", dict.fromkeys(ladder, trials), dict.fromkeys(ladder, n % (trials + 1)), trials)
        for n in range(12)
    ]
    return dict(results_of(Measured(ladder, tuple(tasks))).report)


@pytest.mark.parametrize("form", ["terminal", "markdown", "page"])
@pytest.mark.parametrize(("columns", "key"), [(MODELS, "models"), (POLICIES, "policies")])
def test_every_cell_has_a_head_and_every_column_a_value(columns: tuple[Column, ...], key: str, form: Form) -> None:
    made = report()
    some = shown(columns, made[key].values(), form)
    for row in made[key].values():
        found = cells(some, row, made, form)
        assert len(found) == len(heads(some, made, form))
        assert "-" not in found
        assert "None" not in found


def test_the_headings_are_those_of_the_field() -> None:
    made = report()
    text = markdown(made)
    assert "| model | accuracy | 95% |" in text
    assert "vs zero-router, points | 95% |" in text
    assert [column["head"] for column in for_page(POLICIES, made["policies"].values())][-1] == "vs best model, points"


def test_a_column_without_a_value_is_left_out_where_it_is_optional() -> None:
    assert [column.head for column in shown(MODELS, report()["models"].values(), "page")] == [
        *("accuracy", "pass@1", "tasks", "trials")
    ]


def test_markdown_begins_with_the_gates_that_failed() -> None:
    lines = markdown(report(), [GateResult(True, "passed: a"), GateResult(False, "gate failed: b")]).splitlines()
    assert lines[2:5] == ["**1 gate failed**", "", "- gate failed: b"]
    assert "gate" not in markdown(report(), [GateResult(True, "gate passed: a")])


def test_one_model_has_one_row() -> None:
    made = results_of(Measured(("one",), (TaskCounts("s", "T", "", {"one": 2}, {"one": 1}, 2),)))
    assert "there is nothing to route" in markdown(made.report)
    for text in (markdown(made.report), made.text(width=80, markup=False)):
        assert "zero-router," not in text.replace("\n", " ").split("vs zero-router")[0]
        assert "always-one" not in text


def test_both_tables_are_about_the_same_tasks_and_what_is_left_out_is_counted() -> None:
    tasks = [TaskCounts("s", f"T/{n}", "", dict.fromkeys(LADDER, 2), dict.fromkeys(LADDER, n % 3), 2) for n in range(9)]
    lacking = TaskCounts("s", "T/9", "", {"small": 0, "large": 2}, {"small": 0, "large": 2}, 2)
    made = results_of(Measured(LADDER, (*tasks, lacking))).report
    for name in LADDER:
        assert made["models"][name]["accuracy"] == pytest.approx(made["policies"][f"always-{name}"]["accuracy"])
        assert made["models"][name]["tasks"] == 9
    assert "Left out of the tables: 1 task without a measured trial of every model." in markdown(made)


def test_more_than_three_models_in_units_are_warned_of() -> None:
    assert "give prices" not in markdown(report(("a", "b", "c")))
    assert "say nothing about money for more than three models: give prices" in markdown(report(("a", "b", "c", "d")))
