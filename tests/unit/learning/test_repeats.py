"""Other random splits: what their figures are, and when none are made."""

from __future__ import annotations

from dataclasses import replace

from worlds import labelled

from pytest_complexity.learning.training import train
from pytest_complexity.learning.training.evaluation import evaluate
from pytest_complexity.learning.training.repeats import REPEATS, Repeated, repeated


def test_each_repeat_is_what_train_and_evaluate_say_with_its_seed() -> None:
    labels = labelled(80)
    again = repeated(labels, "length", seed=3, repeats=2)
    assert again is not None
    for number, seed in enumerate((4, 5)):
        training = train(labels, "length", seed)
        baselines = {each.name: each for each in training.baselines}
        found = evaluate(training.trained, replace(labels, rows=training.test), baselines)
        assert found is not None
        assert again.exact[number] == found.rows["length"].accuracy
        assert again.majority[number] == found.rows["majority"].accuracy
        assert again.constant[number] == found.against_constant.accuracy


def test_repeats_are_made_where_training_is_cheap_alone() -> None:
    labels = labelled(60)
    again = repeated(labels, "majority")
    assert again is not None
    assert len(again.exact) == REPEATS
    assert repeated(labels, "lm") is None
    assert repeated(labels, "majority", repeats=0) is None
    assert repeated(replace(labels, rows=labels.rows * 40), "majority") is None


def test_the_sentence_says_how_much_the_figures_move() -> None:
    again = Repeated(exact=(0.5, 0.6), majority=(0.4, 0.55), constant=(0.5, 0.5))
    assert again.sentence() == (
        "on 2 other random splits: exact 50.0% to 60.0% (mean 55.0%); against the majority label +5.0 to +10.0 "
        "(mean +7.5) points, against the best single level +0.0 to +10.0 (mean +5.0)"
    )
