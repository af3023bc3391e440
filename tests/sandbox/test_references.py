"""The reference solutions of the built-in suites pass their own tests; those that do not are named with the reason."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.core.tasks import Task
from pytest_complexity.run.pipeline import program_of
from pytest_complexity.sandbox import Check, Limits, Sandbox
from pytest_complexity.suites import load_suite


def failing(tasks: Iterable[Task], code_of: str = "code") -> dict[str, str]:
    """Each task whose reference does not pass, with its verdict and detail."""
    with Sandbox(workers=2, limits=Limits(60.0)) as sandbox, ThreadPoolExecutor(2) as pool:

        def check(task: Task) -> tuple[Task, Check]:
            return task, sandbox.check(program_of(task, getattr(task, code_of)))

        return {
            task.task_id: f"{found.verdict.value}: {found.detail}"
            for task, found in pool.map(check, tasks)
            if found.verdict is not Verdict.PASS
        }


def test_all_164_of_humaneval_pass() -> None:
    assert failing(load_suite("humaneval").tasks) == {}


@pytest.mark.parametrize(("file", "number"), [("mbpp.jsonl", 974), ("sanitized-mbpp.json", 427)])
def test_all_of_mbpp_pass(shared: Path, file: str, number: int) -> None:
    tasks = load_suite("mbpp", str(shared / "mbpp" / file)).tasks
    assert len(tasks) == number
    assert failing(tasks) == {}
