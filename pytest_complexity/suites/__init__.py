"""Where the tasks of a suite come from: a built-in suite, one file each, another package's, or a file of the user's.

A suite is a function `load(dataset) -> Dataset`; `dataset` is what the option of that name says, or None. To add one,
write its file and its line in `_BUILT_IN`, or register it from another package in the entry point group
`pytest_complexity.suites`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path

from pytest_complexity.core.jsonl import read_bytes, sha256
from pytest_complexity.core.tasks import Task, dump_tasks
from pytest_complexity.errors import TaskError
from pytest_complexity.suites import humaneval, mbpp
from pytest_complexity.suites.dataset import Dataset, read_tasks

Load = Callable[[str | None], Dataset]
ENTRY_POINTS = "pytest_complexity.suites"
_BUILT_IN: Mapping[str, Load] = {"mbpp": mbpp.load, "humaneval": humaneval.load}


def suite_names() -> tuple[str, ...]:
    """The suites that have a name: built in, and registered by other packages."""
    return tuple(dict.fromkeys([*_BUILT_IN, *(each.name for each in entry_points(group=ENTRY_POINTS))]))


def load_suite(suite: str, dataset: str | None = None) -> Dataset:
    """A named suite's tasks; `dataset` is a name that the suite knows or a path. Raises `TaskError`."""
    if load := _BUILT_IN.get(suite):
        return load(dataset)
    for found in entry_points(group=ENTRY_POINTS, name=suite):
        try:
            loaded: Dataset = found.load()(dataset)
        except TaskError:
            raise
        except Exception as why:  # whatever another package's module does
            raise TaskError(f"suite {suite!r} of {found.value}: {type(why).__name__}: {why}") from None
        return loaded
    raise TaskError(
        f"suite {suite!r} is not built in (known: {', '.join(suite_names())}): "
        "give its tasks in the marker, tasks='tasks.jsonl' or tasks=[Task(...)]"
    )


def find_suite(name: str, dataset: str | None = None) -> Dataset:
    """A named suite, or the task file at that path. Raises `TaskError`."""
    if name in suite_names():
        return load_suite(name, dataset)
    path = Path(name)
    if not path.exists():
        raise TaskError(f"{name}: neither a suite ({', '.join(suite_names())}) nor a task file that exists")
    return load_file(path.stem, path)


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
