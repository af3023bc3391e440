"""AUROC against scikit-learn's, and its interval against worlds whose true value is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from pytest_complexity.learning.training.ranking import auroc, aurocs


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=12))
def test_it_is_that_of_scikit_learn_trial_by_trial(tasks: list[tuple[int, int, int]]) -> None:
    chances = [step / 4 for step, won, lost in tasks for _ in range(won + lost)]
    right = [each for _, won, lost in tasks for each in [1] * won + [0] * lost]
    steps, won, lost = np.array(tasks, float).T
    found = auroc(steps / 4, won, won + lost)
    if len(set(right)) < 2:
        assert found is None
    else:
        assert found is not None
        assert found.value == pytest.approx(roc_auc_score(right, chances))
        assert 0 <= found.ci[0] <= found.value <= found.ci[1] <= 1


def test_nineteen_intervals_of_twenty_hold_the_true_value() -> None:
    """Scores of successes are normal about 1, of failures about 0: the area is that of a normal beyond 1 / sqrt 2."""
    rng = np.random.default_rng(0)
    held = 0
    for seed in range(100):
        right = rng.random(150) < 0.5
        scores = 1 / (1 + np.exp(-rng.normal(right.astype(float), 1.0)))
        found = auroc(scores, right.astype(float), np.ones(150), seed)
        assert found is not None
        held += found.ci[0] <= 0.7602 <= found.ci[1]
    assert held >= 88


def test_each_model_has_its_own() -> None:
    chances, successes = np.array([[0.9, 0.5], [0.1, 0.5]]), np.array([[1.0, 1.0], [0.0, 1.0]])
    found = aurocs(chances, successes, np.ones((2, 2)), ("small", "large"))
    assert found["small"] is not None
    assert found["small"].value == 1
    assert found["large"] is None
