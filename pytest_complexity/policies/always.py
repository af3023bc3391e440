"""Always the same model: the baseline that every router must beat."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_complexity.policies import Case, Decision, Kind


@dataclass(frozen=True)
class Always:
    """The model at `index` of the ladder, for every task."""

    model: str
    index: int
    kind: Kind = "simple"

    @property
    def name(self) -> str:
        """`always-` and the model."""
        return f"always-{self.model}"

    def decide(self, case: Case) -> Decision:
        """The model's own rate."""
        return Decision.certain(case, self.index)
