"""MBPP: 974 small Python tasks, or the 427 sanitized ones. See the README for where they come from."""

import pytest


@pytest.mark.complexity(suite="mbpp")
def test_mbpp(trial):
    trial.verify()
