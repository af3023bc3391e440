"""Where the tasks of a suite come from: a built-in suite, one file each, another package's, or a file of the user's.

A suite is a function `load(dataset) -> Dataset`; `dataset` is what the option of that name says, or None. To add one,
write its file and its line in `SUITES`, or register it from another package in the entry point group
`pytest_complexity.suites`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pytest_complexity.core.jsonl import read_bytes, sha256
from pytest_complexity.core.registry import Registry
from pytest_complexity.core.tasks import Task, dump_tasks
from pytest_complexity.errors import TaskError
from pytest_complexity.suites.dataset import Dataset, read_tasks, with_source

SUITES = Registry(
    "suite",
    "pytest_complexity.suites",
    {
        "mbpp": "pytest_complexity.suites.mbpp:load",
        "humaneval": "pytest_complexity.suites.humaneval:load",
        "mbpp+": "pytest_complexity.suites.plus:load_mbpp",
        "humaneval+": "pytest_complexity.suites.plus:load_humaneval",
    },
    TaskError,
)


def load_suite(suite: str, dataset: str | None = None) -> Dataset:
    """A named suite's tasks; `dataset` is a name that the suite knows or a path. Raises `TaskError`."""
    if suite not in SUITES:
        raise TaskError(
            f"suite {suite!r} is not built in (known: {', '.join(SUITES.names())}): "
            "give its tasks in the marker, tasks='tasks.jsonl' or tasks=[Task(...)]"
        )
    load: Callable[[str | None], Dataset] = SUITES.load(suite)
    if suite in SUITES.built_in:
        return load(dataset)
    try:
        return load(dataset)
    except TaskError:
        raise
    except Exception as why:  # whatever another package's module does
        raise TaskError(f"suite {suite!r}: {type(why).__name__}: {why}") from None


def find_suite(name: str, dataset: str | None = None) -> Dataset:
    """A named suite, or the task file at that path. Raises `TaskError`."""
    if name in SUITES:
        return load_suite(name, dataset)
    path = Path(name)
    if not path.exists():
        raise TaskError(f"{name}: neither a suite ({', '.join(SUITES.names())}) nor a task file that exists")
    return load_file(path.stem, path)


def load_file(suite: str, path: Path) -> Dataset:
    """A user's task file. Raises `TaskError`, naming file, line and field."""
    data = read_bytes(path, TaskError)
    tasks = tuple(read_tasks(data, path, lambda row: with_source(row, path.parent)))
    tests = "".join(task.test_source for task in tasks if task.test_file)
    return Dataset(suite, path.name, sha256(data + tests.encode()), tasks)


def load_list(suite: str, tasks: Sequence[Task], directory: Path = Path()) -> Dataset:
    """Tasks that a test file in `directory` made in Python. Raises `TaskError`."""
    seen: set[str] = set()
    for task in tasks:
        if not isinstance(task, Task):
            raise TaskError(f"suite {suite!r}: tasks= wants Task objects, found {type(task).__name__}")
        if task.task_id in seen:
            raise TaskError(f"suite {suite!r}: field 'task_id': two tasks are named {task.task_id!r}. Rename one")
        seen.add(task.task_id)
    tasks = [Task.from_json(with_source(task.to_json(), directory)) if task.test_file else task for task in tasks]
    if not tasks:
        raise TaskError(f"suite {suite!r}: tasks= holds no task")
    return Dataset(suite, "in the test file", sha256(dump_tasks(tasks)), tuple(tasks))
