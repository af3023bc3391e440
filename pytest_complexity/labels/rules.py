"""Label rules: success shares in, a level out.

Every comparison is exact (integers and `Fraction`s): a level must not hang on how 0.8 + 0.6 is rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache, partial

from pytest_complexity.errors import LabelError

Shares = Sequence[Fraction]


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


@lru_cache(maxsize=65536)
def level_of(rule: Rule, successes: tuple[int, ...], planned: int) -> int | None:
    """The level of a complete measurement of `planned` trials a model; None where nothing was ever solved."""
    if not any(successes):
        return None
    return rule.function([Fraction(solved, planned) for solved in successes])
