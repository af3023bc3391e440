"""A directory with the small suite, pytest on it, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from small import SUITE, TASKS, Runner, recording, write_lines


@pytest.fixture(autouse=True)
def lean(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plugins of the tests of this project, not of its users: they take longer to load than a small suite to run."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:randomly -p no:hypothesispytest -p no:anyio")


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A directory with the suite and its recording."""
    pytester.makepyfile(test_small=SUITE)
    write_lines(pytester.path / "tasks.jsonl", TASKS)
    write_lines(pytester.path / "said.jsonl", recording())
    return pytester


@pytest.fixture
def run(suite: pytest.Pytester) -> Runner:
    """pytest on the suite in a process of its own, by default on the whole recording, results in `run/`."""

    def run(*args: str, models: str = "small,large", replay: str = "said.jsonl", to: str = "run") -> pytest.RunResult:
        options = ["--cx-trials=2", f"--cx-run={to}"]
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
