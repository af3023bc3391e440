"""Classifiers: scikit-learn's contract, both targets, and what they can and cannot learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from worlds import LADDER, labelled

from pytest_complexity.errors import TrainingError
from pytest_complexity.learning.classifiers import CHEAP, CLASSIFIERS, DEFAULT, make
from pytest_complexity.learning.classifiers.base import Counts
from pytest_complexity.learning.classifiers.features import PromptFeatures, named_and_shown
from pytest_complexity.learning.classifiers.linear import fit_chances, fit_levels, rotated
from pytest_complexity.learning.training import arrays_of

ROWS = labelled(80).rows
TEXTS = [row.task.text for row in ROWS]
LEVELS = np.array([row.level or 0 for row in ROWS])
SUCCESSES, TRIALS = arrays_of(ROWS, LADDER)
DECIDED = LEVELS > 0


@pytest.mark.parametrize("name", CHEAP)
def test_the_contract_of_an_estimator(name: str) -> None:
    """Parameters are stored, not looked at; a clone is unfitted; `fit` returns itself; rows of chances add up to 1."""
    classifier = make(name, seed=3)
    assert classifier.get_params() == {"seed": 3}
    assert classifier.fit(TEXTS, LEVELS, SUCCESSES, TRIALS) is classifier
    assert classifier.classes_.tolist() == [1, 2]
    levels, chances = classifier.predict_both(TEXTS[:7])
    assert levels.shape == chances.shape == (7, 2)
    assert np.allclose(levels.sum(axis=1), 1)
    assert ((chances >= 0) & (chances <= 1)).all()
    assert (classifier.predict(TEXTS[:7]) == classifier.classes_[levels.argmax(axis=1)]).all()
    assert not hasattr(clone(classifier), "classes_")
    assert CLASSIFIERS.load(name) is type(classifier)


@pytest.mark.parametrize("name", CHEAP)
def test_it_stands_in_cross_validation(name: str) -> None:
    texts = [text for text, there in zip(TEXTS, DECIDED, strict=True) if there]
    scores = cross_val_score(make(name), texts, LEVELS[DECIDED], cv=3)
    assert ((scores >= 0) & (scores <= 1)).all()


def test_the_default_learns_what_words_give_away_and_the_majority_does_not() -> None:
    texts, test = [t for t, d in zip(TEXTS, DECIDED, strict=True) if d], labelled(200, seed=1).decided
    truth = [row.level for row in test]
    asked = [row.task.text for row in test]
    told = {name: make(name).fit(texts, LEVELS[DECIDED]).predict(asked) for name in (DEFAULT, "majority", "knn")}
    right = {name: float((said == truth).mean()) for name, said in told.items()}
    assert right[DEFAULT] > 0.9
    assert right["majority"] < right["knn"]
    assert len(set(told["majority"].tolist())) == 1


def test_three_of_five_counts_as_three_of_five() -> None:
    """The chances of a prompt that is all alike are the shares of its trials, not of its labels."""
    texts = ["the same task"] * 40
    solved = np.tile([[3.0, 5.0]], (40, 1))
    _, chances = make(DEFAULT).fit(texts, [2] * 40, solved, np.full((40, 2), 5.0)).predict_both(texts[:1])
    assert chances[0] == pytest.approx([0.6, 1.0], abs=0.03)


def test_trials_that_a_model_lacks_weigh_nothing() -> None:
    trials = TRIALS.copy()
    trials[:40, 0] = 0
    successes = np.minimum(SUCCESSES, trials)
    _, chances = make("majority").fit(TEXTS, LEVELS, successes, trials).predict_both([""])
    assert chances[0][0] == pytest.approx((SUCCESSES[40:, 0].sum() + 0.5) / (TRIALS[40:, 0].sum() + 1))


def test_without_counts_there_are_no_chances() -> None:
    for name in CHEAP:
        assert make(name).fit(TEXTS, LEVELS).predict_chances(TEXTS[:3]).shape == (3, 0)


@pytest.mark.parametrize("name", CHEAP)
def test_one_class_empty_texts_and_few_tasks_are_no_obstacle(name: str) -> None:
    one = make(name).fit(["a b", "a c", "d"], [2, 2, 2])
    assert one.predict(["a", ""]).tolist() == [2, 2]
    empty = make(name).fit(["", "", ""], [1, 2, 2], [[0], [1], [1]], [[1], [1], [1]])
    assert empty.predict(["", "x"]).tolist() == [2, 2]
    few = make(name).fit(TEXTS[:10], LEVELS[:10], SUCCESSES[:10], TRIALS[:10])
    assert np.isfinite(np.hstack(few.predict_both(TEXTS))).all()


@pytest.mark.parametrize(
    ("fit", "said"),
    [
        (([], []), "one level a text"),
        ((["a", "b"], [1]), "one level a text"),
        ((["a"], [0]), "at least one task needs a level"),
        ((["a"], [-1]), "whole numbers from 1"),
        ((["a"], [1], [[2]], [[1]]), "between 0 and trials"),
        ((["a"], [1], [1], [1]), "one column a model"),
        ((["a", "b"], [1, 1], [[1]], [[1]]), "one row a text"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(fit: tuple[Any, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make("majority").fit(*fit)


def test_a_classifier_that_does_not_exist_is_an_error_that_names_those_that_do() -> None:
    with pytest.raises(TrainingError, match=f"no classifier 'best'; there are: {', '.join(CLASSIFIERS.built_in)}"):
        make("best")


@given(st.text(), st.text())
@settings(max_examples=50, deadline=None)
def test_any_text_has_features_and_each_block_has_length_one_or_none(one: str, other: str) -> None:
    features = PromptFeatures.learned([one, other, one])
    columns, values = features.vector(one)
    assert len(set(columns.tolist())) == len(columns) <= features.size
    assert 0 <= values @ values <= 3 + 1e-9
    row = features.matrix([other, one])[1].toarray()[0]
    assert np.array_equal(row[columns], values)
    assert np.count_nonzero(row) == np.count_nonzero(values)
    again = PromptFeatures.restored(features.state())
    assert np.array_equal(again.vector(one)[1], values)


def test_a_prompt_tells_what_it_names_and_shows() -> None:
    text = "def f(a, b) -> int:\n    'Sort the list of 30 words, remove duplicates.'\n    >>> f([], 2)"
    found = named_and_shown(text)
    expected = {"sort", "list", "remove", "duplicate", "constant=30", "arguments=2", "typed", "examples", "quoted"}
    assert expected <= set(found)
    assert {"sort", "quoted", "typed", "examples"}.isdisjoint(named_and_shown("Count the words."))


def test_the_binomial_regression_is_at_its_optimum() -> None:
    """The gradient vanishes: known from the formula, apart from the code that found the point."""
    random = np.random.default_rng(0)
    matrix, penalty, sharing = random.normal(size=(30, 4)), 2.0, 0.5
    counts = Counts(random.integers(0, 4, (30, 2)).astype(float), np.full((30, 2), 3.0))
    head = fit_chances(matrix, counts, penalty, sharing)
    residual = (1 / (1 + np.exp(-head(matrix))) - counts.successes / 3) * 1.0
    precision = np.linalg.inv(np.array([[1, sharing], [sharing, 1]]))
    assert matrix.T @ residual + penalty * head.weights @ precision == pytest.approx(0, abs=0.02)
    assert residual.sum(axis=0) == pytest.approx(0, abs=0.02)


def test_rotating_keeps_every_inner_product_in_no_more_columns_than_rows() -> None:
    matrix = PromptFeatures.learned(TEXTS).matrix(TEXTS[:30])
    turned = rotated(matrix)
    assert turned.shape[0] == 30 >= turned.shape[1]
    assert np.allclose(turned @ turned.T, (matrix @ matrix.T).toarray())
    narrow = np.random.default_rng(0).normal(size=(9, 3))
    assert rotated(narrow) is narrow


def test_a_level_that_a_fold_lacks_is_rare_and_not_impossible() -> None:
    head = fit_levels(np.eye(4), np.array([0, 0, 2, 2]), 1.0, np.arange(4))
    chances = np.exp(head(np.eye(4)))
    chances /= chances.sum(axis=1, keepdims=True)
    assert (chances[:, [1, 3]] > 0.01).all()
    assert (chances[:, [1, 3]] < chances[:, [0, 2]].min()).all()
