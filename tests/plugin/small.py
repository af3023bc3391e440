"""A small suite for the plugin's tests: two models, three tasks, two trials, real verification."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

Runner = Callable[..., pytest.RunResult]

TASKS = [
    {"task_id": "T/1", "text": "Write double(x).", "test_list": ["assert double(2) == 4"]},
    {"task_id": "T/2", "text": "Write negate(x).", "test_list": ["assert negate(2) == -2"]},
    {"task_id": "T/3", "text": "Write one().", "test_list": ["assert one() == 1"]},
]
RIGHT = {
    "T/1": "def double(x):\n    return 2 * x\n",
    "T/2": "def negate(x):\n    return -x\n",
    "T/3": "def one():\n    return 1\n",
}
WRONG = {
    "T/1": "def double(x):\n    return x\n",
    "T/2": "def negate(x):\n    raise ValueError(x)\n",
    "T/3": "I do not know.",
}
SUITE = """
import pytest

@pytest.mark.complexity(tasks="tasks.jsonl")
def test_small(trial):
    trial.verify()
"""


def recording() -> list[dict[str, Any]]:
    """`small` solves T/1 only, `large` all but its second trial of T/3."""
    lines = []
    for task_id in RIGHT:
        for trial in range(2):
            small = RIGHT if task_id == "T/1" else WRONG
            large = WRONG if (task_id, trial) == ("T/3", 1) else RIGHT
            for model, said in (("small", small), ("large", large)):
                lines.append({"task_id": task_id, "model": model, "trial": trial, "completion": said[task_id]})
    return lines


def write_lines(path: Path, lines: Sequence[Any]) -> None:
    path.write_text("".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in lines))
