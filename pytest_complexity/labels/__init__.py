"""The labels of tasks: each one's level by a rule, and why a task has none. Knows nothing of who measured."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.labels.rules import Rule, level_of


class Status(str, Enum):
    """Why a task has its level, or none. Only decided tasks are trained on."""

    DECIDED = "decided"
    UNDECIDED = "undecided"  #: the missing trials could still change the level
    UNSOLVED = "unsolved"  #: measured in full, and no model ever solved it: dropped ("cleaning" in the paper)
    BELOW = "below_threshold"  #: no model reaches, or can still reach, the threshold of `tier`


@dataclass(frozen=True)
class Label:
    """A task's level by a rule, None where there is none, and why."""

    task: TaskCounts
    level: int | None
    status: Status


@dataclass(frozen=True)
class Labels:
    """The labels of a set of tasks, by the rule of that canonical name.

    `counts` has every level from 1, and how many decided tasks have it; with `dropped_unsolved`,
    `below_threshold` and `undecided` it adds up to the number of rows. Nothing is left out in silence.
    """

    rows: tuple[Label, ...]
    ladder: tuple[str, ...]
    rule: str
    counts: Mapping[int, int]
    dropped_unsolved: int
    below_threshold: int
    undecided: int

    @property
    def decided(self) -> tuple[Label, ...]:
        """The rows that have a level: what a classifier is trained on."""
        return tuple(row for row in self.rows if row.status is Status.DECIDED)

    def lines(self) -> Iterator[str]:
        """The lines of `labels.jsonl`, without newlines."""
        return (json.dumps(to_json(row, self.ladder, self.rule)) for row in self.rows)


def label(task: TaskCounts, ladder: Sequence[str], rule: str | None = None) -> Label:
    """The level of one task.

    A task that no model solved in a complete measurement has level None by either rule: what the formula of
    `complexitynet` says of 0 of 15 is 5, but such a task is dropped before training, and a null level in
    `labels.jsonl` is what keeps every reader from training on it. Where trials are missing, the level is the
    one that every possible result of them gives, never solved being a result of its own; else None. Raises
    LabelError where the rule does not exist or does not fit the ladder.
    """
    return _label(task, ladder, Rule.named(rule, len(ladder)))


def label_all(counts: Sequence[TaskCounts], ladder: Sequence[str], rule: str | None = None) -> Labels:
    """The labels of all tasks, in their order, and how many have none for which reason. Raises LabelError."""
    named = Rule.named(rule, len(ladder))
    rows = tuple(_label(task, ladder, named) for task in counts)
    by_level = {level: sum(row.level == level for row in rows) for level in range(1, named.levels + 1)}
    by_status = {status: sum(row.status is status for row in rows) for status in Status}
    return Labels(
        rows,
        tuple(ladder),
        named.name,
        by_level,
        dropped_unsolved=by_status[Status.UNSOLVED],
        below_threshold=by_status[Status.BELOW],
        undecided=by_status[Status.UNDECIDED],
    )


def _label(task: TaskCounts, ladder: Sequence[str], rule: Rule) -> Label:
    measured = [(task.successes.get(model, 0), task.trials.get(model, 0)) for model in ladder]
    level, status = _level(rule, tuple(measured), task.planned)
    return Label(task, level, status)


def _level(rule: Rule, measured: tuple[tuple[int, int], ...], planned: int) -> tuple[int | None, Status]:
    """The level of (successes, trials) by model.

    Both rules, and "never solved" above them all, never rise when a success is added to any model. So the
    levels of all possible results lie between the one where every missing trial fails and the one where every
    one succeeds, and these two alone decide.
    """
    if planned == 0:
        return None, Status.UNDECIDED
    worst = tuple(solved for solved, _ in measured)
    best = tuple(solved + planned - trials for solved, trials in measured)
    level = level_of(rule, worst, planned)
    if level != level_of(rule, best, planned):
        return None, Status.UNDECIDED
    if level is not None:
        return level, Status.DECIDED
    return None, Status.BELOW if any(best) else Status.UNSOLVED


@lru_cache(maxsize=65536)
def open_models(rule: Rule, measured: tuple[tuple[int, int], ...], planned: int) -> tuple[int, ...]:
    """The models, by index, whose missing trials can still change the level; none where it is decided.

    `measured` has each model's (successes, trials). A model is closed where no result of its missing trials makes
    a difference, whatever those of the other models come to.
    """
    worst = tuple(solved for solved, _ in measured)
    best = tuple(solved + planned - trials for solved, trials in measured)
    if level_of(rule, worst, planned) == level_of(rule, best, planned):
        return ()
    if rule.threshold is None:
        ranges = [range(low, high + 1) for low, high in zip(worst, best, strict=True)]
        return tuple(k for k in range(len(measured)) if _differs(rule, ranges, k, planned))
    wanted = math.ceil(rule.threshold * planned)
    reached = next((k for k, low in enumerate(worst) if low >= wanted), len(measured))
    return tuple(k for k in range(reached) if best[k] >= wanted)


def _differs(rule: Rule, ranges: Sequence[range], index: int, planned: int) -> bool:
    others = itertools.product(*ranges[:index], (0,), *ranges[index + 1 :])
    low, high = ranges[index][0], ranges[index][-1]
    return any(
        level_of(rule, (*each[:index], low, *each[index + 1 :]), planned)
        != level_of(rule, (*each[:index], high, *each[index + 1 :]), planned)
        for each in others
    )


def to_json(row: Label, ladder: Sequence[str], rule: str) -> dict[str, Any]:
    """One line of `labels.jsonl` as plain builtins, its fields in DESIGN's order.

    `trials` is a number where every model has as many, and {model: number} elsewhere.
    """
    task = row.task
    trials = {model: task.trials.get(model, 0) for model in ladder}
    equal = len(set(trials.values())) == 1 and all(trials.values())
    return {
        "suite": task.suite,
        "task_id": task.task_id,
        "text": task.text,
        "trials": next(iter(trials.values())) if equal else trials,
        "successes": {model: task.successes.get(model, 0) for model in ladder},
        "level": row.level,
        "rule": rule,
        "cost_usd": dict(task.cost_usd) if task.cost_usd else None,
    }
