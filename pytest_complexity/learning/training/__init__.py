"""Labels in, a trained classifier out: the split, the leak check, the fit. Knows neither files nor pytest."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pytest_complexity.core.costs import mean_costs
from pytest_complexity.core.jsonl import sha256
from pytest_complexity.errors import TrainingError
from pytest_complexity.labels import Label, Labels
from pytest_complexity.learning.classifiers import CHEAP, DEFAULT, make
from pytest_complexity.learning.model_store import BASELINES_NAME, Source, Trained
from pytest_complexity.learning.near_duplicates import Sketches, groups, sketches

LEAST = 20  #: tasks with a level, below which nothing is trained
TEST_SHARE = 0.2
_SHOWN = 3


@dataclass(frozen=True)
class Split:
    """Row numbers. `moved`: test tasks that went over to training because they repeat a task there."""

    train: tuple[int, ...]
    test: tuple[int, ...]
    moved: tuple[int, ...]


@dataclass(frozen=True)
class Training:
    """A trained classifier, the baselines trained on the same tasks, and the split."""

    trained: Trained
    baselines: tuple[Trained, ...]
    train: tuple[Label, ...]
    test: tuple[Label, ...]
    moved: tuple[Label, ...]

    def save(self, directory: Path) -> None:
        """Writes the classifier, and the baselines into a folder of their own. Raises `TrainedError`."""
        self.trained.save(directory)
        for baseline in self.baselines:
            baseline.save(directory / BASELINES_NAME / baseline.name)


def split(texts: Sequence[str], share: float, seed: int) -> Split:
    """A random `share` of the tasks for the test; none of them repeats a training task, exactly or nearly."""
    return _split(sketches(texts), share, seed)


def _split(rows: Sketches, share: float, seed: int) -> Split:
    group = groups(rows)
    order = np.random.default_rng(seed).permutation(len(rows))
    drawn = np.zeros(len(rows), dtype=bool)
    drawn[order[: round(share * len(rows))]] = True
    learned = np.isin(group, group[~drawn])
    return Split(
        tuple(np.flatnonzero(~drawn | learned).tolist()),
        tuple(np.flatnonzero(drawn & ~learned).tolist()),
        tuple(np.flatnonzero(drawn & learned).tolist()),
    )


def train(labels: Labels, classifier: str = DEFAULT, seed: int = 0, share: float = TEST_SHARE) -> Training:
    """Splits, checks for leaks and trains. Raises `TrainingError` where there is too little to learn from."""
    _check(labels.rows)
    every = sketches([row.task.text for row in labels.rows])
    parts = _split(every, share, seed)
    rows = {name: tuple(labels.rows[at] for at in getattr(parts, name)) for name in ("train", "test", "moved")}
    if share and not any(row.level for row in rows["test"]):
        raise TrainingError(
            f"no test task with a level is left: {len(parts.moved)} of them repeat a training task; "
            "bring more different tasks, or train without a test (--test 0)"
        )
    fitted = (
        fit(rows["train"], labels.ladder, labels.rule, name, seed, known=every[list(parts.train)])
        for name in (classifier, *(other for other in CHEAP if other != classifier or other == "majority"))
    )
    return Training(next(fitted), tuple(fitted), **rows)


def fit(
    rows: Sequence[Label],
    ladder: Sequence[str],
    rule: str,
    classifier: str = DEFAULT,
    seed: int = 0,
    known: Sketches | None = None,
) -> Trained:
    """Trains on all of these rows. Those without a level teach the chances alone. Raises `TrainingError`.

    `known`: the rows' sketches, where they have been made already.
    """
    measured = [row for row in rows if any(row.task.trials.values())]
    if not any(row.level for row in measured):
        raise TrainingError(f"none of {len(rows)} tasks has a level: nothing to learn")
    levels = np.array([row.level or 0 for row in measured])
    texts = [row.task.text for row in measured]
    successes, trials = arrays_of(measured, ladder)
    fitted = make(classifier, seed).fit(texts, levels, successes, trials)
    if known is None:
        known = sketches([row.task.text for row in rows])
    costs, unit = mean_costs([row.task for row in measured], ladder)
    found, tallies = np.unique(levels[levels > 0], return_counts=True)
    source = Source(
        sha256=_digest(measured, ladder),
        tasks=len(measured),
        levels={int(level): int(count) for level, count in zip(found, tallies, strict=True)},
        seed=seed,
        versions={"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}},
    )
    return Trained(classifier, fitted, tuple(ladder), rule, costs, unit, source, known)


_PACKAGES = ("pytest-complexity", "scikit-learn", "numpy", "scipy")


def _check(rows: Sequence[Label]) -> None:
    """Raises `TrainingError` where these rows cannot be learned from."""
    empty = [row.task.task_id for row in rows if not row.task.text.strip()]
    if empty:
        shown = ", ".join(empty[:_SHOWN]) + (", ..." if len(empty) > _SHOWN else "")
        raise TrainingError(
            f"{len(empty)} tasks have an empty text ({shown}): a classifier learns from the text alone; remove them"
        )
    levels = [row.level for row in rows if row.level]
    if len(levels) < LEAST:
        raise TrainingError(
            f"{len(levels)} of {len(rows)} tasks have a level, and {LEAST} are needed: measure more tasks"
        )
    if len(set(levels)) == 1:
        raise TrainingError(
            f"all {len(levels)} tasks have level {levels[0]}: there is nothing to distinguish; "
            "try another rule (--rule tier@3/5) or ladder (--models)"
        )


def arrays_of(rows: Sequence[Label], ladder: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Successes and trials: a row a task, a column a model."""
    successes = [[row.task.successes.get(model, 0) for model in ladder] for row in rows]
    trials = [[row.task.trials.get(model, 0) for model in ladder] for row in rows]
    shape = (len(rows), len(ladder))
    return np.array(successes, dtype=np.float64).reshape(shape), np.array(trials, dtype=np.float64).reshape(shape)


def _digest(rows: Sequence[Label], ladder: Sequence[str]) -> str:
    """Of what is learned from: texts, counts and levels, in this order."""
    learned = [
        [row.task.text, *(str((row.task.successes[model], row.task.trials[model])) for model in ladder), str(row.level)]
        for row in rows
    ]
    return sha256(repr(learned).encode("utf-8", "backslashreplace"))
