"""The paper's assignment of levels to models (arXiv 2312.11511, section 4)."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_complexity.policies import Case, Decision

_COMPLEXITYNET = {1: 0, 2: 0, 3: 1, 4: 1, 5: 2}


class Assignment:
    """Levels 1 and 2 to the first model, 3 and 4 to the second, 5 to the third; by `tier`, level k to model k.

    The levels come from the same trials that judge it, as if a classifier never erred: what it shows is the most
    that these levels are worth, not what a router will reach. A task without a level goes to the last model.
    """

    name = "assignment"

    def __init__(self, rule: str) -> None:
        self.rule = rule

    def decide(self, case: Case, costs: Sequence[float]) -> Decision:
        """The rate and the cost of the model that the level is assigned to."""
        index = len(costs) - 1
        if case.level is not None:
            index = _COMPLEXITYNET[case.level] if self.rule == "complexitynet" else case.level - 1
        return Decision(case.rates[index], costs[index])
