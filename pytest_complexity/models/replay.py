"""Answers from recordings: a very fast model that costs nothing.

A recording is a `completions.jsonl`, packed or not, or a run directory that holds one. The lines of a run directory
name their suite; those of a plain recording need not, and then answer any suite that has a task of that id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_complexity.core.jsonl import read_jsonl
from pytest_complexity.core.outcomes import Key
from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import RecordingError
from pytest_complexity.models import KNOWN_PRICES, Completion, Price, Unanswered

Line = tuple[str | None, str, str, int]  # suite or None, task_id, model, trial


@dataclass(frozen=True)
class Embedded:
    """The recording that the package ships: the default of the suite `humaneval`."""

    suite: str = "humaneval"
    models: tuple[str, ...] = (
        "smollm2-135m-instruct",
        "qwen2.5-coder-0.5b-instruct",
        "qwen2.5-coder-1.5b-instruct",
    )
    trials: int = 5

    @property
    def path(self) -> Path:
        """Where it lies."""
        return Path(__file__).parent.parent / "data" / "humaneval-open.jsonl.xz"


EMBEDDED = Embedded()


class Recording:
    """Completions by (suite, task, model, trial), and where each was read.

    `models` are in the order in which the recording first names them.
    """

    def __init__(self, lines: Mapping[Line, Completion]) -> None:
        self._lines = lines
        self.models = tuple(dict.fromkeys(model for _, _, model, _ in lines))

    def find(self, suite: str, task_id: str, model: str, trial: int) -> Completion | None:
        """The recorded completion, or None."""
        return self._lines.get((suite, task_id, model, trial)) or self._lines.get((None, task_id, model, trial))

    @classmethod
    def read(cls, paths: Sequence[Path]) -> Recording:
        """Joins recordings. Raises `RecordingError` where a line is broken or two of them disagree."""
        lines: dict[Line, Completion] = {}
        places: dict[Line, str] = {}
        for place, line, completion, last_holds in _read_all(paths):
            if line in lines and lines[line].text != completion.text and not last_holds:
                _, task_id, model, trial = line
                raise RecordingError(
                    f"{place}: trial {trial} of {model} on {task_id} disagrees with {places[line]}: "
                    "remove one of the two lines"
                )
            lines[line], places[line] = completion, place
        if not lines:
            raise RecordingError(f"{', '.join(map(str, paths))}: holds no completion")
        return cls(lines)


class ReplayModel:
    """One model of a recording."""

    def __init__(self, name: str, recording: Recording) -> None:
        self.name = name
        self._recording = recording

    @property
    def price(self) -> Price | None:
        """That of the model of this name, where one is built in."""
        return KNOWN_PRICES.get(self.name)

    @property
    def definition(self) -> Mapping[str, Any]:
        """A recording's sampling and prompts are not known here."""
        return {"adapter": "replay"}

    def knows(self, key: Key) -> bool:
        """Whether the recording has this trial."""
        return self._recording.find(key.suite, key.task_id, self.name, key.trial) is not None

    async def complete(self, suite: str, task: Task, trial: int) -> Completion:
        """The recorded completion. Raises `Unanswered` where there is none."""
        found = self._recording.find(suite, task.task_id, self.name, trial)
        if found is None:
            raise Unanswered("the recording lacks this trial")
        return found


def check_models(recording: Recording, ladder: Iterable[str]) -> None:
    """Raises `RecordingError` where a model of the ladder has no line at all."""
    for name in ladder:
        if name not in recording.models:
            raise RecordingError(
                f"--cx-models: no line of the recording is by {name!r}; it knows {', '.join(recording.models)}"
            )


def completion_of(record: Mapping[str, Any]) -> tuple[Line, Completion]:
    """A line of `completions.jsonl`. Raises `RecordingError`, naming the field."""
    suite = record.get("suite")
    if suite is not None and not isinstance(suite, str):
        raise RecordingError("field 'suite': a string is wanted")
    for name in ("task_id", "model", "completion"):
        if not isinstance(record.get(name), str):
            raise RecordingError(f"field {name!r}: a string is wanted, found {_kind(record, name)}")
    if not record["task_id"].strip() or not record["model"].strip():
        raise RecordingError("field 'task_id' or 'model': it is empty")
    trial = record.get("trial")
    if not isinstance(trial, int) or isinstance(trial, bool) or trial < 0:
        raise RecordingError("field 'trial': a whole number from 0 is wanted")
    completion = Completion(
        record["completion"],
        prompt_tokens=_number(record, "prompt_tokens", int),
        completion_tokens=_number(record, "completion_tokens", int),
        seconds=_number(record, "seconds", float),
    )
    return (suite, record["task_id"], record["model"], trial), completion


def _kind(record: Mapping[str, Any], name: str) -> str:
    return type(record[name]).__name__ if name in record else "nothing"


def _number(record: Mapping[str, Any], name: str, kind: type) -> Any:
    value = record.get(name)
    if value is None:
        return None
    right = isinstance(value, int if kind is int else (int, float)) and not isinstance(value, bool)
    if not right or value < 0:
        raise RecordingError(f"field {name!r}: {'a whole' if kind is int else 'a'} number from 0, or null, is wanted")
    return kind(value)


def _read_all(paths: Sequence[Path]) -> Iterator[tuple[str, Line, Completion, bool]]:
    for path in paths:
        run = path.is_dir()
        file = path / "completions.jsonl" if run else path
        if not file.exists():
            raise RecordingError(f"{file}: no such recording")
        for number, record in read_jsonl(file, RecordingError):
            try:
                line, completion = completion_of(record)
            except RecordingError as why:
                raise RecordingError(f"{file}:{number}: {why}") from None
            yield f"{file}:{number}", line, completion, run
