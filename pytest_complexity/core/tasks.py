"""A task, and reading a file of tasks. Knows neither models nor pytest."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_complexity.core.fields import NAME, STRING, STRINGS, Fields, placed
from pytest_complexity.core.jsonl import dump_line, line_of, read_jsonl
from pytest_complexity.errors import TaskError

_LONG = 1000  #: characters of a line of tests that a person reads
_STRINGS = ("task_id", "text", "code", "test_setup_code", "prompt_code", "test_file", "test_source")
_LISTS = ("test_list", "test_imports", "visible_tests", "packages", "base_tests")


@dataclass(frozen=True)
class Task:
    """One task with a checkable answer.

    `test_list` holds assertions as source. It may be empty only for a task made in Python whose test checks the
    answer itself with `trial.record`. `code` is a reference solution, `prompt_code` what a completion continues,
    `visible_tests` assertions that the prompt shows, `packages` what a program may import beyond the standard
    library, `base_tests` those of `test_list` that make up the suite that this one extends. `test_file` names a file
    of pytest-style tests, `test_source` is what it holds. Raises `TaskError` for a field of the wrong type.
    """

    task_id: str
    text: str
    test_list: tuple[str, ...] = ()
    code: str = ""
    test_setup_code: str = ""
    test_imports: tuple[str, ...] = ()
    entry_point: str | None = None
    prompt_code: str = ""
    visible_tests: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    base_tests: tuple[str, ...] = ()
    test_file: str = ""
    test_source: str = ""

    def __post_init__(self) -> None:
        fields = Fields(vars(self), "", TaskError)
        for name in _STRINGS:
            fields.get(name, STRING)
        fields.get("entry_point", STRING.or_null())
        for name in _LISTS:
            object.__setattr__(self, name, tuple(fields.get(name, STRINGS)))
        for name in ("task_id", "text"):
            fields.get(name, NAME)
        if "::" in self.task_id:
            raise fields.wrong("task_id", f"{self.task_id!r} holds '::', which pytest cannot select. Rename the task")

    @property
    def tests(self) -> str:
        """The tests as a person reads them: imports, set-up, assertions; of a very long line the start."""
        parts = (*self.test_imports, self.test_setup_code, *self.test_list, self.test_source)
        lines = "\n".join(part for part in parts if part.strip()).split("\n")
        return "\n".join(line if len(line) <= _LONG else f"{line[:_LONG]} ..." for line in lines)

    def to_json(self) -> dict[str, Any]:
        """The task as a line of a task file: fields at their default are left out."""
        return {
            field.name: list(value) if isinstance(value, tuple) else value
            for field in dataclasses.fields(self)
            if (value := getattr(self, field.name)) != field.default
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Task:
        """The task of a line; unknown fields are ignored. Raises `TaskError`, naming the field."""
        fields = Fields(record, "", TaskError)
        for name in ("task_id", "text"):
            fields.get(name, NAME)
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in record.items() if name in known})


def read_tasks(path: Path) -> list[Task]:
    """The tasks of a JSON Lines file. Raises `TaskError`, naming file, line and field."""
    return collect_tasks(((line_of(path, number), record) for number, record in read_jsonl(path, TaskError)), str(path))


def collect_tasks(records: Iterable[tuple[str, Mapping[str, Any]]], where: str) -> list[Task]:
    """Tasks of records, each with its place for messages: at least one, each with an assertion and an id of its own."""
    tasks: dict[str, Task] = {}
    places: dict[str, str] = {}
    for place, record in records:
        try:
            task = Task.from_json(record)
            if not any(test.strip() for test in (*task.test_list, task.test_source)):
                raise TaskError("field 'test_list': holds no assertion. Add one, or remove the task")
        except TaskError as why:
            raise TaskError(placed(place, why)) from None
        if task.task_id in tasks:
            raise TaskError(
                f"{place}, field 'task_id': {places[task.task_id]} has {task.task_id!r} too. Keep one of the two"
            )
        tasks[task.task_id], places[task.task_id] = task, place
    if not tasks:
        raise TaskError(f"{where}: holds no task")
    return list(tasks.values())


def dump_tasks(tasks: Iterable[Task]) -> bytes:
    """The tasks as the bytes of a task file; `read_tasks` gives them back."""
    return b"".join(dump_line(task.to_json()) for task in tasks)
