"""A router in use: from Python, from several threads, on the command line and in a pipe."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_complexity.cli import main
from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.core.predictions import Prediction
from pytest_complexity.errors import TrainedError
from pytest_complexity.labels import Label, Labels, label_all
from pytest_complexity.learning.router import Router, save_policy
from pytest_complexity.learning.training import fit, folds
from pytest_complexity.learning.training.calibration import Calibrated

LADDER = ("small", "large")
EASY, HARD = "Write a function to add the number {n} to a list.", "Write a parser for the grammar of language {n}."


def labels() -> Labels:
    """Lists are easy, grammars are for the large model."""
    counts = [
        TaskCounts(
            "s",
            f"T/{n}",
            (HARD if n % 2 else EASY).format(n=n * 7919),
            dict.fromkeys(LADDER, 5),
            {"small": 0 if n % 2 else 5, "large": 5},
            5,
        )
        for n in range(60)
    ]
    return label_all(counts, LADDER)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("router")
    made = labels()
    fit(made.rows, LADDER, made.rule).save(path)
    return path


def calibrated(willingness: float) -> Calibrated:
    return Calibrated("cost<=2000", willingness, 0.9, (0.8, 1.0), 1.5, (1.2, 1.8), {"small": 0.9, "large": 0.1}, 60)


def test_an_easy_prompt_goes_to_the_small_model_and_a_hard_one_to_the_large(directory: Path) -> None:
    router = Router.load(directory)
    easy, hard = router.route(EASY.format(n=5)), router.route(HARD.format(n=5))
    assert (easy.model, easy.index, easy.level, easy.cost) == ("small", 0, 1, 1.0)
    assert (hard.model, hard.index, hard.level, hard.cost) == ("large", 1, 2, 10.0)
    assert list(easy.chances) == list(LADDER)
    assert easy.chances["small"] > hard.chances["small"]
    assert (router.ladder, router.unit, router.target) == (LADDER, "unit", None)


@pytest.mark.parametrize("prompt", ["", " ", "\ud800", "x" * 100_000, "añ😀\x00"])
def test_any_text_has_a_route(directory: Path, prompt: str) -> None:
    assert Router.load(directory).route(prompt).model in LADDER


def test_what_is_no_text_is_a_type_error(directory: Path) -> None:
    router = Router.load(directory)
    for wrong in (None, b"bytes", 3):
        with pytest.raises(TypeError, match="a prompt is a string"):
            router.route(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a list of them"):
        router.route_all("one")


def test_eight_threads_get_the_routes_that_one_gets(directory: Path) -> None:
    router = Router.load(directory)
    prompts = [(HARD if n % 3 else EASY).format(n=n) for n in range(200)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(router.route, prompts)) == router.route_all(prompts)


def test_what_it_was_calibrated_to_decides_and_is_told(directory: Path) -> None:
    save_policy(directory, calibrated(willingness=0.0))
    try:
        router = Router.load(directory)
        assert router.target == "cost<=2000"
        assert {route.model for route in router.route_all([EASY, HARD])} == {"small"}
    finally:
        save_policy(directory, None)
    assert Router.load(directory).target is None


@pytest.mark.parametrize(
    "text", ["", "{}", '{"format": 1, "target": "x", "willingness": true}', '{"format": 2}', "[1]"]
)
def test_a_damaged_policy_is_one_clear_error(directory: Path, text: str) -> None:
    (directory / "policy.json").write_text(text)
    try:
        with pytest.raises(TrainedError, match=r"policy\.json"):
            Router.load(directory)
    finally:
        save_policy(directory, None)


def test_a_target_that_cannot_be_read_is_told_before_anything_is_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text("".join(line + "\n" for line in labels().lines()))
    assert main(["train", str(file), "-o", str(tmp_path / "router"), "--target", "share(huge)<=0.1"]) == 2
    assert "no model 'huge' on the ladder small, large" in capsys.readouterr().err
    assert not (tmp_path / "router").exists()


def test_the_command_prints_a_model_or_all_that_it_rests_on(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["route", str(directory), EASY]) == 0
    assert capsys.readouterr().out == "small\n"
    assert main(["route", str(directory), HARD, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert set(record) == {"model", "index", "chances", "level", "cost"}
    assert record["model"] == "large"


def piped(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_in_a_pipe_each_line_is_a_prompt_or_an_object_with_a_text(
    directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [EASY, json.dumps({"task_id": "T/1", "text": HARD}), json.dumps({"prompt": 1}), "", "{not JSON: " + HARD]
    piped(monkeypatch, "\n".join(lines).encode() + b"\n")
    assert main(["route", str(directory), "-"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert len(told) == len(lines)
    assert (told[0], told[1], told[4]) == ("small", "large", "large")


def test_a_pipe_of_no_text_and_a_directory_of_no_router_are_one_line_each(
    directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    piped(monkeypatch, EASY.encode() + b"\n\xff\n")
    assert main(["route", str(directory)]) == 2
    assert capsys.readouterr().err == "pytest-complexity: standard input, line 2: not UTF-8 (byte 0)\n"
    assert main(["route", str(tmp_path / "none"), EASY]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_out_of_fold_each_prompt_is_predicted_by_one_that_never_saw_it_nor_its_double(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = labels()
    doubled = [replace(row, task=replace(row.task, task_id=row.task.task_id + "b")) for row in made.rows]
    both = replace(made, rows=(*made.rows, *doubled))

    def spied(rows: Sequence[Label], *_: Any) -> Any:
        seen = {row.task.text for row in rows}

        def predict(texts: Sequence[str]) -> list[Prediction]:
            assert not seen & set(texts)
            return [Prediction((float(text.startswith("Write a parser")), 1.0), (1.0,)) for text in texts]

        return SimpleNamespace(predict=predict)

    monkeypatch.setattr(folds, "fit", spied)
    found = folds.out_of_fold(both)
    assert [prediction.chances[0] for prediction in found] == [float(n % 2) for n in range(60)] * 2
