"""Figures for papers: the same scores as the page, the same bytes each time, any name in full."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from made import made_run, results, routed

from pytest_complexity.cli import main
from pytest_complexity.report.plots import plots


def words(svg: bytes) -> str:
    return " ".join(filter(None, (text.strip() for text in ET.fromstring(svg).itertext())))


def test_every_policy_and_every_verdict_is_named_and_a_figure_is_the_same_each_time() -> None:
    """Whatever a model's name holds: markup, formulas, what cannot be seen, what no file can hold."""
    names = ("$x_1$", "<b>&", "a\u202e\ud800\x07")
    report = results(made_run([f"T/{number}" for number in range(5)], names, 1, shows=True)).report
    report = {**report, "router": routed(made_run(trials=1))["router"]}
    drawn = dict(plots(report))
    assert list(drawn) == [f"{name}.{kind}" for name in ("plane", "verdicts", "calibration") for kind in ("svg", "png")]
    assert drawn == dict(plots(report))
    for figure in ("plane.svg", "verdicts.svg"):
        text = words(drawn[figure])
        assert all(name in text for name in ("$x_1$", "<b>&", "a<U+202E><U+D800><U+0007>"))
    assert "oracle" in words(drawn["plane.svg"])
    assert "cascade-known" in words(drawn["plane.svg"])
    assert "timeout" in words(drawn["verdicts.svg"])
    assert drawn["plane.png"].startswith(b"\x89PNG")


def test_the_command_draws_what_it_has_data_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts = tmp_path / "counts.jsonl"
    counts.write_text(json.dumps({"task_id": "T/1", "text": "x", "trials": 1, "successes": {"a": 0, "b": 1}}))
    assert main(["report", str(counts), "--plots", str(tmp_path / "drawn")]) == 0
    assert sorted(file.name for file in (tmp_path / "drawn").iterdir()) == ["plane.png", "plane.svg"]
    assert main(["report", str(counts), "--plots", str(counts)]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_without_matplotlib_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    counts = tmp_path / "counts.jsonl"
    counts.write_text(json.dumps({"task_id": "T/1", "text": "x", "trials": 1, "successes": {"a": 0, "b": 1}}))
    assert main(["report", str(counts), "--plots", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        "pytest-complexity: --plots needs matplotlib: pip install 'pytest-complexity[plots]'\n"
    )
