"""The cheapest model that is right: the bound that no router passes."""

from __future__ import annotations

from pytest_complexity.policies import Case, Decision, Kind


class Oracle:
    """Knows each model's answer beforehand and asks the cheapest that is right, the cheapest of all where none is.

    Over several trials: the expectation over one independent draw from each model. So it knows the luck of each draw
    too, which no router can; where it stands far above every router, some of that is luck.
    """

    name = "oracle"
    kind: Kind = "informed"

    def decide(self, case: Case) -> Decision:
        """Model k is asked with the chance rate_k * prod over the cheaper j of (1 - rate_j)."""
        left, shares = 1.0, [0.0] * len(case.rates)
        order = sorted(range(len(case.rates)), key=lambda k: case.costs[k])
        for index in order:
            shares[index] = case.rates[index] * left
            left *= 1 - case.rates[index]
        shares[order[0]] += left
        return Decision(shares, 1 - left)
