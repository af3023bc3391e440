"""MBPP: 974 tasks, or the 427 verified ones, downloaded from their official home and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_complexity.core.jsonl import read_bytes, sha256
from pytest_complexity.errors import TaskError
from pytest_complexity.suites import plus
from pytest_complexity.suites.dataset import Dataset, read_tasks
from pytest_complexity.suites.official import fetch

NAMES = ("full", "sanitized")  #: of the official files


def load(dataset: str | None) -> Dataset:
    """`full` (the default), `sanitized`, `plus`, or a path, MBPP+'s too. Raises `TaskError`."""
    name = dataset or "full"
    if name == "plus":
        return replace(plus.load_mbpp(None), suite="mbpp", name="plus")
    path = fetch(name) if name in NAMES else Path(name)
    data = read_bytes(path, TaskError)
    if plus.is_plus(data):
        return replace(plus.load_mbpp(str(path)), suite="mbpp")
    return Dataset("mbpp", name if name in NAMES else path.name, sha256(data), tuple(read_tasks(data, path, _mbpp)))


def _mbpp(row: Mapping[str, Any]) -> Mapping[str, Any]:
    task = dict(row)
    number = row.get("task_id")
    if isinstance(number, int) and not isinstance(number, bool):
        task["task_id"] = f"MBPP/{number}"
    if "text" not in row and "prompt" in row:  # the sanitized file's name for it
        task["text"] = row["prompt"]
    return task
