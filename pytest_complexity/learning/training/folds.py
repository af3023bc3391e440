"""Predictions of tasks by classifiers that were not trained on them: what routers are judged and calibrated on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pytest_complexity.core.predictions import Prediction
from pytest_complexity.errors import TrainingError
from pytest_complexity.labels import Labels
from pytest_complexity.learning.classifiers import DEFAULT
from pytest_complexity.learning.near_duplicates import groups, sketches
from pytest_complexity.learning.training import fit

FOLDS = 5


def out_of_fold(labels: Labels, classifier: str = DEFAULT, seed: int = 0, folds: int = FOLDS) -> list[Prediction]:
    """A prediction for every row, in order, each by a classifier trained on the other folds.

    Near-duplicates share a fold, so that no prompt is judged by what it was trained on. Raises `TrainingError`.
    """
    fold = dealt([row.task.text for row in labels.rows], seed, folds)
    found: dict[int, Prediction] = {}
    for number in range(folds):
        held = np.flatnonzero(fold == number).tolist()
        rest = [labels.rows[row] for row in np.flatnonzero(fold != number).tolist()]
        trained = fit(rest, labels.ladder, labels.rule, classifier, seed)
        found |= zip(held, trained.predict([labels.rows[row].task.text for row in held]), strict=True)
    return [found[row] for row in range(len(labels.rows))]


def dealt(prompts: Sequence[str], seed: int = 0, folds: int = FOLDS) -> NDArray[np.int64]:
    """The fold of each prompt, from 0; near-duplicates share one. Raises `TrainingError`."""
    group = groups(sketches(prompts))
    names = np.unique(group)
    if len(names) < folds:
        raise TrainingError(f"{len(names)} different prompts are too few for {folds} folds: measure more tasks")
    place = np.random.default_rng(seed).permutation(len(names)) % folds
    return place[np.searchsorted(names, group)]
