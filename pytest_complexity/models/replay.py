"""Answers from recordings: a very fast model that costs nothing.

A recording is a `completions.jsonl`, packed or not, or a run directory that holds one. The lines of a run directory
name their suite; those of a plain recording need not, and then answer any suite that has a task of that id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_complexity.core.fields import COUNT, NAME, NUMBER, STRING, Fields, placed
from pytest_complexity.core.jsonl import line_of, read_jsonl
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
                    f"{place}: trial {trial} of {model} on {task_id} disagrees with {places[line]}. "
                    "Remove one of the two lines"
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
                f"--cx-models: no line of the recording is by {name!r}. It has {', '.join(recording.models)}"
            )


def completion_of(record: Mapping[str, Any]) -> tuple[Line, Completion]:
    """A line of `completions.jsonl`. Raises `RecordingError`, naming the field."""
    fields = Fields(record, "", RecordingError)
    completion = Completion(
        fields.get("completion", STRING),
        prompt_tokens=fields.get("prompt_tokens", COUNT.or_null()),
        completion_tokens=fields.get("completion_tokens", COUNT.or_null()),
        seconds=fields.get("seconds", NUMBER.or_null()),
    )
    suite = fields.get("suite", STRING.or_null())
    return (suite, fields.get("task_id", NAME), fields.get("model", NAME), fields.get("trial", COUNT)), completion


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
                raise RecordingError(placed(line_of(file, number), why)) from None
            yield line_of(file, number), line, completion, run
