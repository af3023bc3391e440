"""Which model to ask for a task. A policy gives shares and never sees a verdict, but for those that say they know.

`Decision` is the protocol's one answer: what a policy expects to pay and to solve on a task whose success rates are
known. Policies know neither training nor drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Case:
    """One task as a policy is judged on it: each model's measured success rate, and the task's level, if any.

    `rates` are in ladder order, in [0, 1].
    """

    rates: Sequence[float]
    level: int | None


@dataclass(frozen=True)
class Decision:
    """The chance that the task is solved, and the expected cost."""

    solved: float
    cost: float


class Policy(Protocol):
    """Judged on a case at given unit costs, in ladder order."""

    @property
    def name(self) -> str:
        """As it stands in the report."""

    def decide(self, case: Case, costs: Sequence[float]) -> Decision:
        """What to expect of it on this task."""
