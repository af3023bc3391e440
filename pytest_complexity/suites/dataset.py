"""A suite's tasks with what identifies them, and the readers of task files."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_complexity.core.fields import STRING, Fields, placed, unexpected
from pytest_complexity.core.jsonl import dump_line, line_of, parse_jsonl
from pytest_complexity.core.tasks import Task, collect_tasks
from pytest_complexity.errors import TaskError


@dataclass(frozen=True)
class Dataset:
    """The tasks of one suite, before any limit, and what identifies them.

    `name` is what a person calls the source; `sha256` that of its bytes.
    """

    suite: str
    name: str
    sha256: str
    tasks: tuple[Task, ...]

    @property
    def limits(self) -> tuple[float, int]:
        """Seconds and MiB for one program by default: 10 and 1024; with EvalPlus's inputs, each of which has a limit of
        its own, what `evalplus.evaluate` gives: 60 and 4096."""
        return (60.0, 4096) if any(task.base_tests for task in self.tasks) else (10.0, 1024)

    def showing(self, number: int) -> Dataset:
        """The same with the first `number` assertions of each task in its prompt, unless a task shows some already."""
        if any(task.visible_tests for task in self.tasks):
            return self
        tasks = (replace(task, visible_tests=(task.base_tests or task.test_list)[:number]) for task in self.tasks)
        return replace(self, tasks=tuple(tasks))


def with_source(row: Mapping[str, Any], directory: Path) -> Mapping[str, Any]:
    """A task's fields with what its test file holds, which is named relative to `directory`. Raises `TaskError`."""
    fields = Fields(row, "", TaskError)
    name = fields.get("test_file", STRING) if "test_file" in row else ""
    if not name or row.get("test_source"):
        return row
    try:
        source = (directory / name).read_text(encoding="utf-8")
        ast.parse(source)
    except OSError as why:
        raise fields.wrong("test_file", f"{directory / name} cannot be read: {why.strerror}") from None
    except (SyntaxError, ValueError) as why:
        raise fields.wrong("test_file", f"{name} is no Python: {why}. Mend the file") from None
    if not source.strip():
        raise fields.wrong("test_file", f"{name} is empty. Write tests into it")
    return {**row, "test_source": source}


def read_tasks(data: bytes, path: Path, convert: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> list[Task]:
    """The tasks of a file, each row made a task's fields by `convert`. Raises `TaskError`: file, line and field."""

    def records() -> Iterator[tuple[str, Mapping[str, Any]]]:
        for place, row in _rows(data, path):
            try:
                yield place, convert(row)
            except TaskError as why:
                raise TaskError(placed(place, why)) from None

    return collect_tasks(records(), str(path))


def _rows(data: bytes, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Rows of JSON Lines, or of the one JSON array that sanitized MBPP is."""
    if not data.lstrip().startswith(b"["):
        yield from ((line_of(path, number), row) for number, row in parse_jsonl(data, str(path), TaskError))
        return
    try:
        rows = json.loads(data)
    except ValueError as why:
        raise TaskError(f"{path}: not JSON: {why}") from None
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            raise TaskError(f"{path}, entry {index}: {unexpected('an object', row)}")
        # Through the strict reader once more: no NaN, no repeated key.
        yield from (
            (f"{path}, entry {index}", each)
            for _, each in parse_jsonl(dump_line(row), f"{path}, entry {index}", TaskError)
        )
