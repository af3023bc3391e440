"""Where the tasks of a suite come from: a built-in suite, one file each, or a file of the user's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pytest_complexity.core.jsonl import read_bytes, sha256
from pytest_complexity.core.tasks import Task, dump_tasks
from pytest_complexity.errors import TaskError
from pytest_complexity.suites import humaneval, mbpp
from pytest_complexity.suites.dataset import Dataset, read_tasks

SUITES: Mapping[str, Callable[[str | None], Dataset]] = {"mbpp": mbpp.load, "humaneval": humaneval.load}


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
    return Dataset(suite, path.name, sha256(data), tuple(read_tasks(data, path, dict)))


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
