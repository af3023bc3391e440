"""Fixed shares, whatever the prompt: the controls that a router must beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_complexity.policies import Case, Decision, Kind


@dataclass(frozen=True)
class Mix:
    """Each model with its share of the tasks, drawn blindly. `shares` in ladder order, adding up to 1.

    With a router's own shares it is what shuffling the router's choices over the tasks comes to on average.
    """

    name: str
    shares: Sequence[float]
    kind: Kind = "control"

    def decide(self, case: Case) -> Decision:
        """The expectation over the draw."""
        return Decision(self.shares, sum(share * rate for share, rate in zip(self.shares, case.rates, strict=True)))
