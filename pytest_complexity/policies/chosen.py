"""What a router of somebody else's chose: a policy that is scored and never run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_complexity.policies import Case, Decision, Kind


@dataclass(frozen=True)
class Chosen:
    """The chance with which each model is asked, for each case of a bench, in ladder order."""

    name: str
    shares: Sequence[Sequence[float]]
    kind: Kind = "router"

    def decide(self, case: Case) -> Decision:
        """The chances of this case; it is solved as often as the models that are asked solve it."""
        shares = self.shares[case.number]
        return Decision(shares, sum(share * rate for share, rate in zip(shares, case.rates, strict=True)))
