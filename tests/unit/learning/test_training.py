"""Training: the split keeps repeats together, what is learned is seeded, what cannot be learned is one line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import LADDER, easy_and_hard, labelled

from pytest_complexity.errors import TrainingError
from pytest_complexity.labels import Labels, label_all
from pytest_complexity.learning.near_duplicates import groups, sketches
from pytest_complexity.learning.training import fit, split, train

TASKS = st.sampled_from(["Sort a list.", "sort a LIST", "Reverse it.", "Add two numbers.", "Count vowels.", "Find x."])


def with_texts(*texts: str) -> Labels:
    counts = [replace(task, text=text) for task, text in zip(easy_and_hard(len(texts)), texts, strict=True)]
    return label_all(counts, LADDER)


@given(st.lists(TASKS, min_size=1, max_size=30), st.floats(0, 0.9), st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_a_split_covers_every_task_once_and_no_test_task_repeats_a_training_task(
    texts: list[str], share: float, seed: int
) -> None:
    parts = split(texts, share, seed)
    assert sorted(parts.train + parts.test) == list(range(len(texts)))
    assert set(parts.moved) <= set(parts.train)
    assert len(parts.test) + len(parts.moved) == round(share * len(texts))
    group = groups(sketches(texts))
    assert not set(group[list(parts.train)]) & set(group[list(parts.test)])
    assert parts == split(texts, share, seed)


def test_another_seed_is_another_split() -> None:
    texts = [row.task.text for row in labelled(100).rows]
    assert split(texts, 0.2, 1) != split(texts, 0.2, 2)


def test_one_seed_trains_one_classifier() -> None:
    labels = labelled(60)
    texts = [row.task.text for row in labels.rows]
    one, other = (train(labels, seed=5).trained for _ in range(2))
    assert one.predict(texts) == other.predict(texts)
    assert one.source == other.source


def test_never_solved_tasks_teach_chances_and_no_level() -> None:
    labels = labelled(100)
    trained = fit(labels.rows, LADDER, "tier", "majority")
    assert labels.dropped_unsolved > 0
    assert sum(trained.source.levels.values()) == len(labels.decided) < trained.source.tasks == 100
    (told,) = trained.predict(["x"])
    solved = sum(row.task.successes["large"] for row in labels.rows)
    assert told.chances[1] == pytest.approx((solved + 0.5) / 501)


def test_a_task_without_any_trial_teaches_nothing() -> None:
    labels = labelled(60)
    row = labels.rows[0]
    never = dict.fromkeys(LADDER, 0)
    bare = replace(row, task=replace(row.task, task_id="bare", trials=never, successes=never), level=None)
    assert fit([*labels.rows, bare], LADDER, "tier", "majority").source.tasks == 60


def test_the_hash_of_the_data_tells_counts_and_texts_apart() -> None:
    rows = labelled(30).rows
    assert fit(rows, LADDER, "tier", "majority").source == fit(rows, LADDER, "tier", "majority").source
    changed = replace(rows[0], task=replace(rows[0].task, text="Other."))
    hashes = {fit(each, LADDER, "tier", "majority").source.sha256 for each in (rows, rows[1:], [changed, *rows[1:]])}
    assert len(hashes) == 3


def test_a_moved_task_is_told_and_trained_on() -> None:
    texts = [row.task.text for row in labelled(60).rows]
    labels = with_texts(*texts[:50], *texts[:10])
    training = train(labels, "majority", seed=1)
    assert training.moved
    assert all(row in training.train for row in training.moved)
    assert not np.any(training.trained.leaks([row.task.text for row in training.test]))


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (labelled(10), r"^10 of 10 tasks have a level, and 20 are needed"),
        (
            label_all([replace(task, successes=dict.fromkeys(LADDER, 5)) for task in easy_and_hard(40)], LADDER),
            "all 40 tasks have level 1",
        ),
        (with_texts(*["word"] * 39, " \n"), r"^1 tasks have an empty text \(made/39\)"),
        (with_texts(*[""] * 40), r"^40 tasks have an empty text \(made/0, made/1, made/2, \.\.\.\)"),
        (with_texts(*["the same"] * 40), "no test task with a level is left: 8 of them repeat"),
    ],
)
def test_what_cannot_be_learned_from_is_one_line_that_says_what_to_do(labels: Labels, said: str) -> None:
    with pytest.raises(TrainingError, match=said) as error:
        train(labels)
    assert "\n" not in str(error.value)


def test_without_a_test_everything_is_trained_on() -> None:
    training = train(labelled(40), "majority", share=0)
    assert len(training.train) == 40
    assert training.test == training.moved == ()
