"""How right a trained classifier is on labelled tasks, beside everything that the figure must be compared to.

Computes; knows neither files nor drawing. Shares are in [0, 1], log-losses in nats, intervals 95% over tasks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score, confusion_matrix, f1_score

from pytest_complexity.core.arrays import Floats
from pytest_complexity.core.intervals import Interval, share_interval
from pytest_complexity.errors import TrainedError
from pytest_complexity.labels import Label, Labels
from pytest_complexity.labels.rules import Rule, level_of
from pytest_complexity.learning.model_store import Trained
from pytest_complexity.learning.training import arrays_of
from pytest_complexity.learning.training.ranking import Auroc, aurocs
from pytest_complexity.learning.training.reliability import Calibration, calibration
from pytest_complexity.scoring.resampling import interval, resampled_means, sign_flip

ASKED = 5  #: how often a classifier that samples is asked for `any_of_n`: as in the paper
_SPLITS = 200  # of each task's trials, for the ceiling

Levels = NDArray[np.int64]


@dataclass(frozen=True)
class Row:
    """One classifier on the decided tasks. `any_of_n` is None where it always answers alike.

    `kappa` is quadratic, None where all labels and answers are one level; `macro_f1` is over the levels that the tasks
    have. `log_loss` is of the levels, per task; `chance_log_loss` of the models' chances, per trial of every measured
    task; None where only answers are known.
    """

    accuracy: float
    accuracy_ci: Interval
    within_one: float
    any_of_n: float | None
    macro_f1: float
    kappa: float | None
    log_loss: float | None
    chance_log_loss: float | None


@dataclass(frozen=True)
class Against:
    """A classifier against one label for every task, task by task.

    `better` tasks are right for the classifier alone, `worse` for the label alone; `p` of that by McNemar's exact test,
    two-sided.
    """

    better: int
    worse: int
    p: float


@dataclass(frozen=True)
class AgainstMajority(Against):
    """Against the label that most training tasks have.

    `log_loss_gain`: how much less log-loss than the training shares have; its p by flipping signs, two-sided.
    """

    log_loss_gain: float
    log_loss_p: float


@dataclass(frozen=True)
class AgainstConstant(Against):
    """Against the level that most of the judged tasks have: the best that one answer for all could reach.

    It is chosen on the tasks that judge it, which favours it: where two levels are nearly as frequent, the training
    tasks' majority may be the lesser one here, and beating that proves little.
    """

    level: int
    accuracy: float


@dataclass(frozen=True)
class Evaluation:
    """`rows`: the classifier under its name, `untrained`, and each baseline. `confusion`: rows truth, columns answers.

    `auroc` is of each model's predicted chance, None where its trials all came out alike. `without_level` tasks are not
    scored; `leaked` repeat a training task.
    """

    name: str
    rule: str
    tasks: int
    without_level: int
    leaked: int
    rows: Mapping[str, Row]
    ceiling: float | None
    confusion: tuple[tuple[int, ...], ...]
    against_majority: AgainstMajority
    against_constant: AgainstConstant
    auroc: Mapping[str, Auroc | None]
    calibration: Calibration


@dataclass(frozen=True)
class _Predicted:
    """What a classifier predicts: levels' chances of the decided tasks, models' chances of the measured ones."""

    levels: Floats
    chances: Floats
    sampled: Levels | None = None

    @classmethod
    def by(cls, trained: Trained, texts: Sequence[str], decided: NDArray[np.bool_]) -> _Predicted:
        found = trained.predict(texts)
        levels = np.array([each.levels for each in found])[decided]
        some = [text for text, has_level in zip(texts, decided, strict=True) if has_level]
        return cls(levels, np.array([each.chances for each in found]), trained.classifier.sample(some, ASKED))

    @property
    def most_likely(self) -> Levels:
        """Of two alike the lower."""
        found: Levels = self.levels.argmax(axis=1) + 1
        return found

    def losses(self, truth: Levels) -> Floats:
        losses: Floats = -np.log(self.levels[np.arange(len(truth)), truth - 1])
        return losses


def evaluate(trained: Trained, labels: Labels, baselines: Mapping[str, Trained], seed: int = 0) -> Evaluation | None:
    """Scores the levels of the decided tasks, and the chances of every measured one.

    `baselines` were trained on the same tasks; one is "majority". None where no task is decided. Raises `TrainedError`
    where the labels are of another ladder or rule.
    """
    if (labels.ladder, labels.rule) != (trained.ladder, trained.rule):
        raise TrainedError(
            f"the router is for {', '.join(trained.ladder)} by {trained.rule} and the labels are for "
            f"{', '.join(labels.ladder)} by {labels.rule}: name the same with --models and --rule"
        )
    for each in baselines.values():
        if (each.ladder, each.rule) != (trained.ladder, trained.rule):
            raise TrainedError(f"the baseline {each.name!r} is for another ladder or rule than the router; train again")
    rows = [row for row in labels.rows if any(row.task.trials.values())]
    decided = np.array([row.level is not None for row in rows], dtype=bool)
    truth = np.array([row.level for row in rows if row.level], dtype=np.int64)
    if not len(truth):
        return None
    texts, counts = [row.task.text for row in rows], arrays_of(rows, labels.ladder)
    some = [row.task.text for row in rows if row.level]
    every = {**baselines, trained.name: trained}
    predicted = {name: _Predicted.by(each, texts, decided) for name, each in every.items()}
    ours, majority = predicted[trained.name], predicted["majority"]
    levels = range(1, Rule.named(labels.rule, len(labels.ladder)).levels + 1)
    found = {name: _row(each, truth, *counts, seed) for name, each in predicted.items()}
    return Evaluation(
        name=trained.name,
        rule=labels.rule,
        tasks=len(truth),
        without_level=len(labels.rows) - len(truth),
        leaked=int(trained.leaks(texts).sum()),
        rows={**found, "untrained": _untrained(trained, some, truth, len(levels), seed)},
        ceiling=ceiling([row for row in rows if row.level], labels.ladder, labels.rule, seed),
        confusion=tuple(map(tuple, confusion_matrix(truth, ours.most_likely, labels=levels).tolist())),
        against_majority=against(ours, majority, truth, seed),
        against_constant=against_constant(ours.most_likely, truth),
        auroc=aurocs(ours.chances, *counts, labels.ladder, seed),
        calibration=calibration(ours.chances, *counts, seed),
    )


def against(ours: _Predicted, theirs: _Predicted, truth: Levels, seed: int) -> AgainstMajority:
    """The paired tests of one classifier against another."""
    gains = theirs.losses(truth) - ours.losses(truth)
    paired = _paired(ours.most_likely == truth, theirs.most_likely == truth)
    p = float(sign_flip(gains[:, None], seed)[0])
    return AgainstMajority(paired.better, paired.worse, paired.p, float(gains.mean()), p)


def against_constant(answers: Levels, truth: Levels) -> AgainstConstant:
    """The paired test of answers against the level that most tasks have, of several alike the lowest."""
    level = int(np.bincount(truth).argmax())
    paired = _paired(answers == truth, truth == level)
    return AgainstConstant(paired.better, paired.worse, paired.p, level, float((truth == level).mean()))


def _paired(right: NDArray[np.bool_], other: NDArray[np.bool_]) -> Against:
    better, worse = int((right & ~other).sum()), int((other & ~right).sum())
    return Against(better, worse, float(binomtest(better, better + worse).pvalue) if better + worse else 1.0)


def ceiling(decided: Sequence[Label], ladder: Sequence[str], rule: str, seed: int = 0) -> float | None:
    """How often two halves of the same trials give a task the same label: the mean over tasks and random splits.

    What is left to 1 is noise of the measurement, which no classifier can learn; labels of all trials are less noisy
    than those of halves. An odd trial is left out. None where no task has two trials of every model.
    """
    named, random = Rule.named(rule, len(ladder)), np.random.default_rng(seed)
    shares = []
    for row in decided:
        trials = [row.task.trials[model] for model in ladder]
        half = min(trials) // 2
        if half:
            first, second = _halves([row.task.successes[model] for model in ladder], trials, half, random)
            same = [
                level_of(named, tuple(one), half) == level_of(named, tuple(two), half)
                for one, two in zip(first.tolist(), second.tolist(), strict=True)
            ]
            shares.append(sum(same) / len(same))
    return math.fsum(shares) / len(shares) if shares else None


def _halves(
    successes: Sequence[int], trials: Sequence[int], half: int, random: np.random.Generator
) -> tuple[Levels, Levels]:
    """Successes in two disjoint draws of `half` trials of each model, `_SPLITS` times: rows splits, columns models."""
    solved, asked = np.array(successes), np.array(trials)
    shape = (_SPLITS, len(solved))
    first = random.hypergeometric(np.broadcast_to(solved, shape), asked - solved, half)
    second = random.hypergeometric(solved - first, asked - solved - (half - first), half)
    return first, second


def score_answers(
    answers: Levels,
    truth: Levels,
    sampled: Levels | None = None,
    losses: tuple[float | None, float | None] = (None, None),
    seed: int = 0,
) -> Row:
    """The row of a classifier that gave these levels; 0 is no level. `sampled`: several answers a task, a row each.

    `losses`: log-loss of the levels and of the chances, where it gave any.
    """
    right = (answers == truth).astype(np.float64)
    alike = len({*answers.tolist(), *truth.tolist()}) == 1
    return Row(
        accuracy=float(right.mean()),
        accuracy_ci=_share_ci(right, seed),
        within_one=float((abs(answers - truth) <= 1).mean()),
        any_of_n=None if sampled is None else float((sampled == truth[:, None]).any(axis=1).mean()),
        macro_f1=float(f1_score(truth, answers, labels=np.unique(truth), average="macro", zero_division=0)),
        kappa=None if alike else float(cohen_kappa_score(truth, answers, weights="quadratic")),
        log_loss=losses[0],
        chance_log_loss=losses[1],
    )


def _row(predicted: _Predicted, truth: Levels, successes: Floats, trials: Floats, seed: int) -> Row:
    chances = np.clip(predicted.chances, 1e-12, 1 - 1e-12)
    known = successes * np.log(chances) + (trials - successes) * np.log(1 - chances)
    losses = float(predicted.losses(truth).mean()), float(-known.sum() / trials.sum())
    return score_answers(predicted.most_likely, truth, predicted.sampled, losses, seed)


def _untrained(trained: Trained, texts: Sequence[str], truth: Levels, levels: int, seed: int) -> Row:
    """The language model before training; for classifiers that know nothing then, guesses at random."""
    answers = trained.classifier.untrained(texts, ASKED)
    if answers is None:
        answers = np.random.default_rng(seed).integers(1, levels + 1, (len(texts), ASKED))
    return score_answers(answers[:, 0], truth, answers, seed=seed)


def _share_ci(right: Floats, seed: int) -> Interval:
    """By the bootstrap; where every task is alike, which no resampling can vary, by Wilson's interval."""
    mean = float(right.mean())
    if mean in (0.0, 1.0):
        return share_interval(right.tolist())
    return interval(resampled_means(right[:, None], seed)[:, 0], mean)
