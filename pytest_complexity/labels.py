"""Success counts in, a level out, and how stable that level is. Knows nothing of who measured.

Every comparison is exact (integers and `Fraction`s): a level must not hang on how 0.8 + 0.6 is rounded.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from pytest_complexity.counts import TaskCounts
from pytest_complexity.errors import LabelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Shares = Sequence[Fraction]

SETTLED = 0.9  #: a level that comes out the same so often is called stable
SETTLING = (2, 3, 5, 7, 10, 15, 20, 30, 50)


def complexitynet(shares: Shares) -> int:
    """The paper's level, 1 to 5, of three models' success shares (arXiv 2312.11511, with DESIGN's words)."""
    first, second, third = shares
    if first == 1 or first + second >= Fraction(7, 5):
        return 1
    if second == 1:
        return 2
    if third == 1:
        return 3
    if second >= Fraction(2, 5) or third >= Fraction(2, 5):
        return 4
    return 5


def tier(shares: Shares, threshold: Fraction = Fraction(1)) -> int | None:
    """The number, from 1, of the first model whose share reaches the threshold; None where none does."""
    return next((k for k, share in enumerate(shares, 1) if share >= threshold), None)


#: The rules by name. `tier` is also written with its threshold: "tier@3/5".
RULES: Mapping[str, Callable[..., int | None]] = {"complexitynet": complexitynet, "tier": tier}


def default_rule(models: int) -> str:
    """The rule where none is named: the paper's for its three models, `tier` for any other number."""
    return "complexitynet" if models == 3 else "tier"


@dataclass(frozen=True)
class Rule:
    """A rule that fits a ladder: name, number of levels, the function, the threshold of a `tier`."""

    name: str
    levels: int
    function: Callable[[Shares], int | None] = field(compare=False)  # two partials never equal; names do
    threshold: Fraction | None = None

    @classmethod
    def named(cls, name: str | None, models: int) -> Rule:
        """The rule of that name ("tier", "tier@3/5", "complexitynet"; None: the default) for so many models.

        Raises LabelError where there is no such rule, or it does not fit the number of models.
        """
        base, at, threshold = (name or default_rule(models)).partition("@")
        if base == "tier":
            return cls._tier(threshold if at else "1", models)
        if base != "complexitynet" or at:
            raise LabelError(f"no label rule {name!r}; there are: complexitynet, tier, tier@SHARE such as tier@3/5")
        if models != 3:
            raise LabelError(
                f"the rule 'complexitynet' is for three models and the ladder has {models}; "
                "name three models, or take the rule 'tier'"
            )
        return cls(base, 5, complexitynet)

    @classmethod
    def _tier(cls, text: str, models: int) -> Rule:
        try:
            threshold = Fraction(text)
        except (ValueError, ZeroDivisionError):
            raise LabelError(f"tier@{text}: not a share; write tier@3/5 or tier@0.6") from None
        if not 0 < threshold <= 1:
            raise LabelError(f"tier@{text}: a share is above 0 and at most 1; write tier@3/5 or tier@0.6")
        name = "tier" if threshold == 1 else f"tier@{threshold}"
        return cls(name, models, partial(tier, threshold=threshold), threshold)


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
    level, status = _judge(rule, tuple(measured), task.planned)
    return Label(task, level, status)


def _judge(rule: Rule, measured: tuple[tuple[int, int], ...], planned: int) -> tuple[int | None, Status]:
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


@lru_cache(maxsize=65536)
def level_of(rule: Rule, successes: tuple[int, ...], planned: int) -> int | None:
    """The level of a complete measurement of `planned` trials a model; None where nothing was ever solved."""
    if not any(successes):
        return None
    return rule.function([Fraction(solved, planned) for solved in successes])


def stability(labels: Labels) -> list[float | None]:
    """For each row the chance that a new measurement gives the level that it has; see `stable_share`."""
    rule = Rule.named(labels.rule, len(labels.ladder))
    return [_again(row, labels.ladder, rule) if row.status is Status.DECIDED else None for row in labels.rows]


def stable_share(labels: Labels) -> float | None:
    """The share of decided tasks expected to get the same level if all their trials were drawn again.

    Each model's chance on a task has the posterior of its trials under Jeffreys' prior, Beta(1/2, 1/2), so
    that 5 of 5 is not taken for certainty; the expectation is exact, not sampled. Flipping single trials
    would say nothing here: a level of plain `tier` rests on n of n, and any flip of those moves it. With one
    trial a model the prior weighs as much as the data. None where no task is decided.
    """
    chances = [chance for chance in stability(labels) if chance is not None]
    return math.fsum(chances) / len(chances) if chances else None


def trials_to_settle(row: Label, ladder: Sequence[str], rule: str, seed: int = 0) -> int | None:
    """The fewest trials a model, of `SETTLING` and more than now, at which two measurements agree 9 times in 10.

    None where 50 trials are not enough. Each model's chance is drawn from the posterior of its trials (Jeffreys'
    prior), and two measurements from each draw: 400 draws, so that an agreement is known to about 2 points.
    """
    import numpy as np  # noqa: PLC0415  (heavy; only where stability is asked for)

    named, random, task = Rule.named(rule, len(ladder)), np.random.default_rng(seed), row.task
    solved = np.array([task.successes.get(model, 0) for model in ladder])
    missed = np.array([task.trials.get(model, 0) for model in ladder]) - solved
    chances = random.beta(solved + 0.5, missed + 0.5, (400, len(ladder)))
    for trials in (each for each in SETTLING if each > task.planned):
        first, second = (random.binomial(trials, chances).tolist() for _ in range(2))
        pairs = zip(first, second, strict=True)
        same = [level_of(named, tuple(one), trials) == level_of(named, tuple(two), trials) for one, two in pairs]
        if sum(same) >= SETTLED * len(same):
            return trials
    return None


def _again(row: Label, ladder: Sequence[str], rule: Rule) -> float:
    """The chance that a new, complete measurement of the task gives the level that it has."""
    task = row.task
    posteriors = [
        new_successes(task.trials.get(model, 0), task.successes.get(model, 0), task.planned) for model in ladder
    ]
    if rule.threshold is None:
        return _again_by_grid(rule, row.level, posteriors, task.planned)
    reached = [math.fsum(chances[math.ceil(rule.threshold * task.planned) :]) for chances in posteriors]
    assert row.level is not None  # a decided row has one
    before = math.prod(1 - chance for chance in reached[: row.level - 1])
    return before * reached[row.level - 1]


def _again_by_grid(rule: Rule, level: int | None, posteriors: Sequence[Sequence[float]], planned: int) -> float:
    chance = _grid(rule, level, len(posteriors), planned)
    for posterior in reversed(posteriors):
        chance = chance.reshape(-1, planned + 1) @ posterior
    return float(chance[0])


@lru_cache(maxsize=8)
def _grid(rule: Rule, level: int | None, models: int, planned: int) -> NDArray[np.float64]:
    """1 for every complete measurement of that level, else 0; as floats, which numpy multiplies fastest."""
    import numpy as np  # noqa: PLC0415  (heavy; only where stability is asked for)

    grid: NDArray[np.float64] = np.asarray(np.array(_levels(rule, models, planned)) == level, np.float64)
    return grid


@lru_cache(maxsize=2)
def _levels(rule: Rule, models: int, planned: int) -> list[int]:
    """The level of every complete measurement, the last model's count running fastest; 0 for never solved."""
    every = itertools.product(range(planned + 1), repeat=models)
    return [level_of(rule, successes, planned) or 0 for successes in every]


@lru_cache(maxsize=65536)
def new_successes(trials: int, successes: int, planned: int) -> tuple[float, ...]:
    """The chances of 0, 1, ... `planned` successes in new trials, given those seen (Jeffreys)."""
    won, lost = successes + 0.5, trials - successes + 0.5

    def beta(a: float, b: float) -> float:
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)

    def ways(k: int) -> float:
        return -math.log(planned + 1) - beta(k + 1, planned - k + 1)

    return tuple(math.exp(ways(k) + beta(won + k, lost + planned - k) - beta(won, lost)) for k in range(planned + 1))


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
