"""The same training on other random splits: how much a figure of one split moves by the luck of the draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from pytest_complexity.labels import Labels
from pytest_complexity.learning.classifiers import CHEAP
from pytest_complexity.learning.training import TEST_SHARE, fit, split

REPEATS = 4
_MOST = 2000  # tasks: above, a split is no longer a matter of seconds, and moves little


@dataclass(frozen=True)
class Repeated:
    """Of some splits, in order: the share of exact levels, of the classifier, the majority and the best constant."""

    exact: tuple[float, ...]
    majority: tuple[float, ...]
    constant: tuple[float, ...]

    def sentence(self) -> str:
        """How much the figures move, in percent and points."""
        gains = [
            tuple(one - other for one, other in zip(self.exact, others, strict=True))
            for others in (self.majority, self.constant)
        ]
        return (
            f"on {len(self.exact)} other random splits: exact {_range(self.exact)}; against the majority label "
            f"{_range(gains[0], '+')} points, against the best single level {_range(gains[1], '+')}"
        )


def repeated(
    labels: Labels, classifier: str, seed: int = 0, share: float = TEST_SHARE, repeats: int | None = None
) -> Repeated | None:
    """`repeats` further splits, each by the next seed; None where none can be made.

    Where no number is given: `REPEATS` where training is cheap, which is a classifier of the base install on at most
    2,000 tasks, else none. A split without a level to train on or to test on is passed over.
    """
    if repeats is None:
        repeats = REPEATS if classifier in CHEAP and len(labels.rows) <= _MOST else 0
    found = [_exact(labels, classifier, seed + 1 + number, share) for number in range(repeats)]
    known = [each for each in found if each is not None]
    return Repeated(*(tuple(column) for column in zip(*known, strict=True))) if known else None


def _exact(labels: Labels, classifier: str, seed: int, share: float) -> tuple[float, float, float] | None:
    parts = split([row.task.text for row in labels.rows], share, seed)
    train, test = ([labels.rows[at] for at in rows] for rows in (parts.train, parts.test))
    decided = [row for row in test if row.level]
    if not decided or not any(row.level for row in train):
        return None
    truth = np.array([row.level for row in decided])
    texts = [row.task.text for row in decided]
    right = []
    for name in (classifier, "majority"):
        predictions = fit(train, labels.ladder, labels.rule, name, seed).predict(texts)
        right.append(fmean(each.level == level for each, level in zip(predictions, truth, strict=True)))
    return right[0], right[1], float(np.bincount(truth).max() / len(truth))


def _range(values: Sequence[float], sign: str = "") -> str:
    low, mean, high = (100 * each for each in (min(values), fmean(values), max(values)))
    unit = "" if sign else "%"
    return f"{low:{sign}.1f}{unit} to {high:{sign}.1f}{unit} (mean {mean:{sign}.1f}{unit})"
