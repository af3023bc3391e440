"""Recordings: what they answer, and what in them ends the run before it begins."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import RecordingError
from pytest_complexity.models import Unanswered
from pytest_complexity.models.replay import EMBEDDED, Recording, ReplayModel, check_models

LINE = {"task_id": "T/1", "model": "small", "trial": 0, "completion": "x = 1"}


def recorded(path: Path, *lines: Any) -> Path:
    path.write_text("".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in lines))
    return path


def test_the_shipped_recording_is_what_its_constant_says() -> None:
    recording = Recording.read([EMBEDDED.path])
    assert recording.models == EMBEDDED.models
    for model in EMBEDDED.models:
        for number in range(164):
            for trial in range(EMBEDDED.trials):
                assert recording.find("humaneval", f"HumanEval/{number}", model, trial) is not None


def test_a_model_answers_from_its_own_lines_and_is_silent_elsewhere(tmp_path: Path) -> None:
    model = ReplayModel("small", Recording.read([recorded(tmp_path / "r.jsonl", LINE)]))
    task = Task("T/1", "Add.")
    assert asyncio.run(model.complete("any", task, 0)).text == "x = 1"
    with pytest.raises(Unanswered, match="lacks"):
        asyncio.run(model.complete("any", task, 1))


def test_lines_that_name_a_suite_answer_that_suite_alone(tmp_path: Path) -> None:
    recording = Recording.read([recorded(tmp_path / "r.jsonl", {**LINE, "suite": "mine"})])
    assert recording.find("mine", "T/1", "small", 0) is not None
    assert recording.find("other", "T/1", "small", 0) is None


def test_an_empty_completion_is_an_answer(tmp_path: Path) -> None:
    recording = Recording.read([recorded(tmp_path / "r.jsonl", {**LINE, "completion": ""})])
    assert recording.find("any", "T/1", "small", 0) is not None


def test_two_recordings_that_disagree_name_both_places(tmp_path: Path) -> None:
    one = recorded(tmp_path / "one.jsonl", LINE)
    two = recorded(tmp_path / "two.jsonl", "", {**LINE, "completion": "x = 2"})
    with pytest.raises(
        RecordingError, match=r"two\.jsonl, line 2: trial 0 of small on T/1 disagrees with .*one\.jsonl, line 1"
    ):
        Recording.read([one, two])
    assert Recording.read([one, one]).models == ("small",)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"task_id": "T/1", "model": "small", "tri', "not JSON"),
        ("[]", "expected an object"),
        ({**LINE, "completion": None}, "field 'completion'"),
        ({"task_id": "T/1", "trial": 0, "completion": ""}, "field 'model'"),
        ({**LINE, "model": ""}, "field 'model'"),
        ({**LINE, "trial": -1}, "field 'trial'"),
        ({**LINE, "trial": True}, "field 'trial'"),
        ({**LINE, "seconds": float("nan")}, "NaN"),
        ({**LINE, "prompt_tokens": 1.5}, "field 'prompt_tokens'"),
        ({**LINE, "suite": 1}, "field 'suite'"),
    ],
)
def test_a_broken_line_is_an_error_that_names_it(tmp_path: Path, line: Any, said: str) -> None:
    path = recorded(tmp_path / "r.jsonl", {**LINE, "trial": 7}, line)
    with pytest.raises(RecordingError, match=r"r\.jsonl, line 2[:,] ") as error:
        Recording.read([path])
    assert said in str(error.value)


def test_a_recording_that_is_missing_or_empty_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no such recording"):
        Recording.read([tmp_path / "r.jsonl"])
    with pytest.raises(RecordingError, match="holds no completion"):
        Recording.read([recorded(tmp_path / "r.jsonl", "")])
    (tmp_path / "r.jsonl.xz").write_bytes(b"no archive")
    with pytest.raises(RecordingError, match="cannot be read"):
        Recording.read([tmp_path / "r.jsonl.xz"])


def test_a_model_without_any_line_is_named_with_those_that_have_some(tmp_path: Path) -> None:
    recording = Recording.read([recorded(tmp_path / "r.jsonl", LINE)])
    with pytest.raises(RecordingError, match=r"'large'\. It has small"):
        check_models(recording, ["small", "large"])
