"""A suite of your own, whose answers are not code: the test judges the text itself and records what it found."""

import re

import pytest

from pytest_complexity import Task

TASKS = [
    Task("Capitals/1", "What is the capital of Norway? Answer with its name alone.", code="Oslo"),
    Task("Capitals/2", "What is the capital of Australia? Answer with its name alone.", code="Canberra"),
]


@pytest.mark.complexity(tasks=TASKS)
def test_capitals(trial):
    answer = re.sub(r"\W", "", trial.completion)
    trial.record(answer == trial.task.code, detail=f"answered {answer!r}")
