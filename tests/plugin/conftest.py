"""A small suite of its own for the plugin's tests: two models, three tasks, two trials, real verification."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

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


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A directory with the suite and its recording."""
    pytester.makepyfile(test_small=SUITE)
    write_lines(pytester.path / "tasks.jsonl", TASKS)
    write_lines(pytester.path / "said.jsonl", recording())
    return pytester


Runner = Callable[..., pytest.RunResult]


@pytest.fixture
def run(suite: pytest.Pytester) -> Runner:
    """pytest on the suite in a process of its own, by default on the whole recording, results in `run/`."""

    def run(*args: str, models: str = "small,large", replay: str = "said.jsonl", to: str = "run") -> pytest.RunResult:
        options = ["--cx-trials=2", f"--cx-run={to}", "-p", "no:randomly"]
        options += [f"--cx-models={models}"] if models else []
        options += [f"--cx-replay={replay}"] if replay else []
        return suite.runpytest_subprocess(*options, *args, timeout=120)

    return run


@pytest.fixture
def outcomes(suite: pytest.Pytester) -> Callable[..., dict[str, dict[str, Any]]]:
    """The outcomes of a run directory by trial, without their seconds; the last line of a trial holds."""

    def read(to: str = "run") -> dict[str, dict[str, Any]]:
        rows = [json.loads(line) for line in (suite.path / to / "outcomes.jsonl").read_text().splitlines()]
        return {
            f"{row['task_id']}-{row['model']}-{row['trial']}": {k: v for k, v in row.items() if k != "seconds"}
            for row in rows
        }

    return read
