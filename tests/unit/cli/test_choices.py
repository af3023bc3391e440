"""`report --choices`: anybody's router, scored like ours; and gates on single tasks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_complexity.cli import main

EASY, HARD = range(20), range(20, 40)


def written(path: Path, *rows: Any) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def counts(tmp_path: Path) -> str:
    """Twenty tasks that both models solve, and twenty that the large one alone solves."""
    rows = [
        {"task_id": f"T/{n}", "text": "text", "trials": 5, "successes": {"small": 5 * (n in EASY), "large": 5}}
        for n in range(40)
    ]
    return written(tmp_path / "counts.jsonl", *rows)


def report(counts: str, tmp_path: Path, *options: str) -> dict[str, Any]:
    directory = tmp_path / "out"
    assert main(["report", counts, "-o", str(directory), *options]) == 0
    read: dict[str, Any] = json.loads((directory / "report.json").read_text())
    return read


def test_a_routers_choices_are_a_row_beside_a_shuffle_of_its_own(counts: str, tmp_path: Path) -> None:
    clever = [{"task_id": f"T/{n}", "model": "small" if n in EASY else "large"} for n in range(40)]
    coin = [{"task_id": f"T/{n}", "chances": {"small": 0.25, "large": 0.75}} for n in range(40)]
    options = [
        f"--choices={name}={written(tmp_path / name, *rows)}" for name, rows in (("clever", clever), ("coin", coin))
    ]
    read = report(counts, tmp_path, *options, "--gate", "policies.clever.over_zero >= 0")
    rows = read["policies"]
    assert rows["clever"]["kind"] == "router"
    assert (rows["clever"]["accuracy"], rows["clever shuffled"]["accuracy"]) == (1.0, 0.75)
    assert rows["clever"]["cost"] == pytest.approx(rows["clever shuffled"]["cost"])
    assert rows["clever"]["over_zero_ci"][0] > 0
    assert rows["coin"]["accuracy"] == pytest.approx(rows["coin shuffled"]["accuracy"]) == pytest.approx(0.875)
    assert rows["coin"]["shares"] == {"small": 0.25, "large": 0.75}
    assert read["tasks"][0]["chosen"]["clever"] == 0
    assert "clever" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"task_id": "T/0", "model": "small"}], "chooses nothing for 39 of 40 tasks (T/1, T/2, T/3, ...)"),
        ([{"task_id": "T/0", "model": "huge"}], "line 1, field 'model': expected one of small, large, got a string"),
        ([{"task_id": "T/0"}], "line 1, field 'model': is missing. Or give `chances`"),
        ([{"task_id": "T/0", "chances": {"small": 0.5}}], "field 'chances': add up to 0.5, not to 1"),
        ([{"task_id": "T/0", "chances": {"huge": 1}}], "field 'chances.huge': no model of the ladder (small, large)"),
        ([{"task_id": "T/0", "model": "small"}] * 2, "line 2, field 'task_id': 'T/0' is on two lines"),
    ],
)
def test_choices_that_cannot_be_used_are_one_line(
    rows: list[Any], said: str, counts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "choices.jsonl", *rows)
    assert main(["report", counts, "--choices", f"mine={path}"]) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_a_router_needs_a_name_of_its_own(counts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "c.jsonl", *({"task_id": f"T/{n}", "model": "small"} for n in range(40)))
    for given, said in ((path, "NAME=FILE is wanted"), (f"oracle={path}", "'oracle' is another policy's name")):
        assert main(["report", counts, "--choices", given]) == 2
        assert said in capsys.readouterr().err.splitlines()[-1]


def test_a_gate_holds_one_task_to_a_share_of_passes(counts: str, capsys: pytest.CaptureFixture[str]) -> None:
    held, missed = 'tasks."T/3".small >= 0.8', 'tasks."T/30".small >= 0.8'
    assert main(["report", counts, "--gate", held]) == 0
    assert main(["report", counts, "--gate", missed, "--gate", 'tasks."T/99".small >= 0.8']) == 1
    told = capsys.readouterr().err.splitlines()
    assert f"gate failed: {missed} (found 0)" in told
    assert any("tasks has no 'T/99'" in line for line in told)
