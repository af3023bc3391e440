"""Levels to models: by the level that a classifier predicts, and by levels known in advance."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.core.predictions import Prediction
from pytest_complexity.labels.rules import Rule
from pytest_complexity.policies import Decision, Policy, Setting, Tabled

#: What the assignment by levels known in advance is called without a router, and beside one.
KNOWN = ("assignment", "assignment-known")
MOST = 0.9


@dataclass(frozen=True)
class Assignment:
    """The model that the most likely level of a prompt is assigned to; `models` by level from 1, as places from 0."""

    models: Sequence[int]
    name: str = "assignment"

    def choose(self, prediction: Prediction) -> int:
        """See the class."""
        return self.models[prediction.level - 1]


def known_levels(setting: Setting) -> Iterator[Policy]:
    """The assignment with levels known in advance, as if no classifier ever erred: what the levels are worth.

    One trial cannot both make a level and test it: a task with a single trial of some model goes to the last model, as
    one without a level does, and where these are more than a tenth of the tasks there is no such policy.
    """
    several = [all(number > 1 for number in task.trials.values()) for task in setting.tasks]
    if sum(several) >= MOST * len(several):
        decisions = [
            cross_fitted(task, setting.ladder, setting.rule) if each else Decision.certain(case, len(case.rates) - 1)
            for task, case, each in zip(setting.tasks, setting.cases, several, strict=True)
        ]
        yield Tabled(KNOWN[bool(setting.routers)], "informed", decisions)


def cross_fitted(task: TaskCounts, ladder: Sequence[str], rule: Rule) -> Decision:
    """A level from all trials but one of each model, tested on those left out: the exact mean over which are left out.

    Levels that are made from the very trials that test them know the luck of those trials: with identical models they
    seem to be worth something. A task without a level goes to the last model.
    """
    counts = [(task.successes[model], task.trials[model]) for model in ladder]
    shares, solved = [0.0] * len(ladder), 0.0
    ends = [[won for won in (0, 1) if (won and right) or (not won and right < trials)] for right, trials in counts]
    for left_out in itertools.product(*ends):
        pairs = list(zip(left_out, counts, strict=True))
        chance = math.prod((right if won else trials - right) / trials for won, (right, trials) in pairs)
        index = _asked(rule, tuple((right - won, trials - 1) for won, (right, trials) in pairs))
        shares[index] += chance
        solved += chance * left_out[index]
    return Decision(shares, solved)


@lru_cache(maxsize=65536)
def _asked(rule: Rule, counts: tuple[tuple[int, int], ...]) -> int:
    level = rule.function([Fraction(right, trials) for right, trials in counts]) if any(r for r, _ in counts) else None
    return len(counts) - 1 if level is None else rule.assignment[level - 1]
