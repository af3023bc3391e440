"""Label rules: success shares in, a level out, and the model that a level is assigned to.

Every comparison is exact (integers and `Fraction`s): a level must not hang on how 0.8 + 0.6 is rounded.

To add a rule: write a function `make(argument, models) -> Rule` and name it in `RULES` below, or in another package
under the entry point group `pytest_complexity.rules`. `argument` is what follows the @ in "tier@3/5", else None.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache, partial

from pytest_complexity.core.registry import Registry
from pytest_complexity.errors import LabelError

Shares = Sequence[Fraction]
RULES = Registry(
    kind="label rule",
    group="pytest_complexity.rules",
    built_in={"complexitynet": f"{__name__}:_complexitynet", "tier": f"{__name__}:_tier"},
    error=LabelError,
)
_CHECKED = 4096  # results of a measurement that a rule of another package is tried on


@dataclass(frozen=True)
class Rule:
    """A rule that fits a ladder: its canonical name, its number of levels, the function.

    `assignment`: for each level from 1 the place, on the ladder from 0, of the model that it is assigned to.
    `threshold`: the share that `tier` asks for; `meaning`: levels and what they say, in words. A level never
    rises when a success is added to any model, and None (no level) counts as the highest: undecided levels rest on
    that, so rules of other packages are checked for it.
    """

    name: str
    function: Callable[[Shares], int | None] = field(compare=False)  # two partials never equal; names do
    assignment: tuple[int, ...]
    threshold: Fraction | None = None
    meaning: tuple[tuple[str, str], ...] = ()

    @property
    def levels(self) -> int:
        """How many levels there are."""
        return len(self.assignment)

    @classmethod
    def named(cls, name: str | None, models: int) -> Rule:
        """The rule of that name ("tier", "tier@3/5", "complexitynet"; None: the default) for so many models.

        Raises LabelError where there is no such rule, or it does not fit the number of models.
        """
        return _named(name or default_rule(models), models)


Make = Callable[[str | None, int], Rule]


def complexitynet(shares: Shares) -> int:
    """The paper's level, 1 to 5, of three models' success shares (arXiv 2312.11511; 5/5 read as the share 1)."""
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


def default_rule(models: int) -> str:
    """The rule where none is named: the paper's for its three models, `tier` for any other number."""
    return "complexitynet" if models == 3 else "tier"


_MEANING = (
    ("1", "the first model solves all its trials, or its share and the second model's add up to at least 7/5"),
    ("2", "else the second model solves all its trials"),
    ("3", "else the third model solves all its trials"),
    ("4", "else the second or the third model solves at least 2/5 of its trials"),
    ("5", "else any model solves one"),
)


def _complexitynet(argument: str | None, models: int) -> Rule:
    """Levels 1 and 2 to the first model, 3 and 4 to the second, 5 to the third (the paper, section 4)."""
    if argument is not None:
        raise LabelError(f"the rule 'complexitynet' takes no argument, got @{argument}; write complexitynet")
    if models != 3:
        raise LabelError(
            f"the rule 'complexitynet' is for three models and the ladder has {models}; "
            "name three models, or take the rule 'tier'"
        )
    return Rule("complexitynet", complexitynet, (0, 0, 1, 1, 2), meaning=_MEANING)


def _tier(argument: str | None, models: int) -> Rule:
    """Level k to model k."""
    try:
        threshold = Fraction("1" if argument is None else argument)
    except (ValueError, ZeroDivisionError):
        raise LabelError(f"tier@{argument}: not a share; write tier@3/5 or tier@0.6") from None
    if not 0 < threshold <= 1:
        raise LabelError(f"tier@{argument}: a share is above 0 and at most 1; write tier@3/5 or tier@0.6")
    name = "tier" if threshold == 1 else f"tier@{threshold}"
    least = "all" if threshold == 1 else f"at least {threshold} of"
    meaning = (("k", f"model k is the first on the ladder to solve {least} its trials"),)
    return Rule(name, partial(tier, threshold=threshold), tuple(range(models)), threshold, meaning)


@lru_cache(maxsize=64)
def _named(name: str, models: int) -> Rule:
    base, at, argument = name.partition("@")
    if base not in RULES:
        known = ", ".join(RULES.names())
        raise LabelError(f"no label rule {name!r}; there are: {known}; tier takes a share, such as tier@3/5")
    make: Make = RULES.load(base)
    with RULES.blaming(base):
        rule = make(argument if at else None, models)
    return rule if base in RULES.built_in else checked(rule, models)


def checked(rule: Rule, models: int) -> Rule:
    """The rule itself; raises LabelError where a level is not one of its own, is assigned to no model, or rises.

    Tried on every result of as many trials a model as `_CHECKED` results allow, and at least one.
    """
    if not rule.assignment or not all(0 <= index < models for index in rule.assignment):
        raise LabelError(f"label rule {rule.name!r}: its levels are assigned to {rule.assignment}, of {models} models")
    trials = max((n for n in range(1, 11) if (n + 1) ** models <= _CHECKED), default=1)
    every = itertools.islice(itertools.product(range(trials + 1), repeat=models), _CHECKED)
    for successes in every:
        level = level_of(rule, successes, trials)
        if level is not None and not 1 <= level <= rule.levels:
            raise LabelError(f"label rule {rule.name!r}: level {level} of {rule.levels} at {successes} of {trials}")
        for k in (k for k, solved in enumerate(successes) if solved < trials):
            more = (*successes[:k], successes[k] + 1, *successes[k + 1 :])
            after = level_of(rule, more, trials)
            if _height(after, rule) > _height(level, rule):
                raise LabelError(
                    f"label rule {rule.name!r}: the level rises from {level} to {after} when model {k + 1} solves one "
                    f"more of {trials} trials ({successes}); a level may only fall then"
                )
    return rule


def _height(level: int | None, rule: Rule) -> int:
    return rule.levels + 1 if level is None else level


@lru_cache(maxsize=65536)
def level_of(rule: Rule, successes: tuple[int, ...], planned: int) -> int | None:
    """The level of a complete measurement of `planned` trials a model; None where nothing was ever solved."""
    if not any(successes):
        return None
    return rule.function([Fraction(solved, planned) for solved in successes])
