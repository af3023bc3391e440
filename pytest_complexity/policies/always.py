"""Always the same model: the baseline that every router must beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_complexity.policies import Case, Decision


@dataclass(frozen=True)
class Always:
    """The model at `index` of the ladder, for every task."""

    model: str
    index: int

    @property
    def name(self) -> str:
        """`always-` and the model."""
        return f"always-{self.model}"

    def decide(self, case: Case, costs: Sequence[float]) -> Decision:
        """The model's own rate at its own cost."""
        return Decision(case.rates[self.index], costs[self.index])
