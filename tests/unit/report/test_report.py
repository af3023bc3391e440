"""The report in its forms: strict JSON for machines, 80 columns for a terminal, a table that no name can break."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_complexity.core.counts import TaskCounts, counts_of
from pytest_complexity.core.outcomes import Outcome, Verdict
from pytest_complexity.report.assembly import Results, results_of
from pytest_complexity.report.markdown import markdown
from pytest_complexity.run.inputs import Measured

LADDER = ("small", "middle", "large")


def outcomes_of(ladder: Sequence[str], verdicts: Sequence[Verdict] = tuple(Verdict)) -> tuple[Outcome, ...]:
    """Every verdict of every model, shifted by one from model to model, on two tasks of five trials."""
    return tuple(
        Outcome("s", f"T/{(n + shift) % len(verdicts) // 5}", model, (n + shift) % len(verdicts) % 5, verdict)
        for shift, model in enumerate(ladder)
        for n, verdict in enumerate(verdicts)
    )


def full(ladder: Sequence[str] = LADDER) -> Results:
    outcomes = outcomes_of(ladder)
    return results_of(Measured(tuple(ladder), tuple(counts_of(outcomes, ladder, 5, {})), outcomes))


def empty(ladder: Sequence[str] = LADDER) -> Results:
    return results_of(Measured(tuple(ladder), ()))


def strict(text: str) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


@st.composite
def results(draw: st.DrawFn) -> Results:
    ladder = LADDER[: draw(st.integers(1, 3))]
    tasks = []
    for number in range(draw(st.integers(0, 4))):
        planned = draw(st.integers(1, 10))
        trials = {model: draw(st.integers(0, planned)) for model in ladder}
        successes = {model: draw(st.integers(0, trials[model])) for model in ladder}
        tasks.append(TaskCounts("s", f"T/{number}", "text", trials, successes, planned))
    return results_of(Measured(ladder, tuple(tasks)))


@given(results())
def test_the_report_is_strict_json_of_plain_builtins_for_any_counts(made: Results) -> None:
    assert strict(made.json()) == made.report
    assert made.json().isascii()


@pytest.mark.parametrize("made", [empty(), full()], ids=["empty", "full"])
def test_the_report_has_what_gates_and_readers_rely_on(made: Results) -> None:
    report = strict(made.json())
    for name in LADDER:
        assert set(report["models"][name]) == {
            *("accuracy", "accuracy_ci", "pass_at", "pass_all", "base_accuracy"),
            *("tasks", "trials", "verdicts", "cost_usd", "seconds"),
        }
        assert list(report["models"][name]["pass_at"]) == ["1", "5", "10"]
        assert list(report["models"][name]["pass_all"]) == ["1", "5", "10"]
    assert {"counts", "rule", "stable_share"} <= set(report["levels"])
    assert list(report["levels"]["counts"]) == ["1", "2", "3", "4", "5"]
    assert list(report["policies"])[:6] == ["assignment", *(f"always-{name}" for name in LADDER), "oracle", "random"]
    for score in report["policies"].values():
        assert set(score) >= {"accuracy", "accuracy_ci", "cost", "saving", "saving_ci"}


def test_nothing_measured_is_null_and_never_zero() -> None:
    report = strict(empty().json())
    assert {score["accuracy"] for score in report["models"].values()} == {None}
    assert {score["saving"] for score in report["policies"].values()} == {None}
    assert report["levels"]["stable_share"] is None
    assert "nothing can be said about routing" in empty().text(width=80, markup=False)


def test_unmeasured_trials_are_told_beside_those_that_were_measured() -> None:
    report = full().report
    assert report["run"] == {
        "tasks": 2,
        "ladder": list(LADDER),
        "measured": 27,
        "planned": 30,
        "unmeasured": 3,
        "uncontrolled": 0,
        "uncontrolled_tasks": [],
        "calls": "all",
        "scored": 2,
        "cost_unit": "unit",
    }
    assert "27 of 30 trials measured, 3 unmeasured" in full().text(width=100, markup=False)
    assert report["models"]["small"]["verdicts"] == {verdict.value: 1 for verdict in Verdict}


@pytest.mark.parametrize("make", [empty, full])
@pytest.mark.parametrize(
    "ladder",
    [
        LADDER,
        ("one",),
        tuple(f"model-{n}" for n in range(11)),
        tuple(f"a-vendor/with-a-long-name-{n}-chat" for n in range(4)),
    ],
)
def test_plain_text_has_no_escape_code_and_fits_80_columns(make: Any, ladder: tuple[str, ...]) -> None:
    text = make(ladder).text(width=80, markup=False)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text  # nothing is cut, not even in the narrowest column
    assert all(line == line.rstrip() for line in text.splitlines())


def test_colours_come_with_markup_alone() -> None:
    coloured = full().text(width=80, markup=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured).split() == full().text(width=80, markup=False).split()


def test_every_verdict_and_every_level_can_be_read_in_the_text() -> None:
    text = full().text(width=80, markup=False)
    for verdict in Verdict:
        assert verdict.value in text
    for name in LADDER:
        assert re.findall(rf"^{name}( +1)+$", text, re.MULTILINE), "the tallies have lost their model"
    assert "Levels by complexitynet: level 1: " in text


@pytest.mark.parametrize("name", ["[bold]", "gpt[/x]", "llama[instruct]", "qwen:smile:x", "a\\[b"])
def test_a_models_name_is_told_as_it_is_and_never_read_as_markup(name: str) -> None:
    for make in (empty, full):
        made = make((name, "other"))
        assert name in made.text(width=100, markup=False)
        assert name in made.text(width=100, markup=True)
        assert name in markdown(made.report)


def test_a_bar_in_a_models_name_breaks_no_markdown_table() -> None:
    text = markdown(full(("a|b", "c", "d")).report)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert any(line.startswith("| a\\|b |") for line in rows)
    cells = [len(re.findall(r"(?<!\\)\|", line)) - 1 for line in rows]
    assert cells == [5] * 5 + [11] * 10  # head and rule, then three models; head and rule, then eight policies


@pytest.mark.parametrize("make", [empty, full])
def test_the_same_input_gives_the_same_text_to_the_byte(make: Any) -> None:
    assert make().json() == make().json()
    assert markdown(make().report) == markdown(make().report)
    assert markdown(make().report).endswith("\n")


def test_the_markdown_of_25_models_with_long_names_fits_a_comment_on_a_pull_request() -> None:
    ladder = tuple(f"a-vendor/with-a-very-long-name-indeed-number-{n}-instruct-awq" for n in range(25))
    assert len(markdown(full(ladder).report)) < 65_536
