"""A suite of your own, whose answers are code: tasks in a file, one test of three lines."""

import pytest


@pytest.mark.complexity(tasks="tasks.jsonl")
def test_arithmetic(trial):
    trial.verify()
