"""The cheapest model that is right: the bound that no router passes."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_complexity.policies import Case, Decision


class Oracle:
    """Knows each model's answer beforehand and asks the cheapest that is right, the first one where none is.

    Over several trials: the expectation over one independent draw from each model.
    """

    name = "oracle"

    def decide(self, case: Case, costs: Sequence[float]) -> Decision:
        """sum over k of cost_k * rate_k * prod over j < k of (1 - rate_j), and what is left at the first's cost."""
        left, cost = 1.0, 0.0
        for rate, price in sorted(zip(case.rates, costs, strict=True), key=lambda pair: pair[1]):
            cost += price * rate * left
            left *= 1 - rate
        return Decision(1 - left, cost + left * min(costs))
