"""The paper's assignment of levels to models (arXiv 2312.11511, section 4)."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_complexity.core.predictions import Prediction
from pytest_complexity.policies import Case, Decision, Kind

_COMPLEXITYNET = {1: 0, 2: 0, 3: 1, 4: 1, 5: 2}


def model_of(level: int, rule: str) -> int:
    """Levels 1 and 2 to the first model, 3 and 4 to the second, 5 to the third; by `tier`, level k to model k."""
    return _COMPLEXITYNET[level] if rule == "complexitynet" else level - 1


@dataclass(frozen=True)
class Assignment:
    """The assignment by the most likely level of a prompt."""

    rule: str
    name: str = "assignment"

    def choose(self, prediction: Prediction) -> int:
        """The model that the predicted level is assigned to."""
        return model_of(prediction.level, self.rule)


@dataclass(frozen=True)
class KnownAssignment:
    """The assignment with the levels known in advance.

    They come from the same trials that judge it, as if a classifier never erred: what it shows is the most that these
    levels are worth, not what a router will reach. A task without a level goes to the last model.
    """

    rule: str
    name: str = "assignment"
    kind: Kind = "informed"

    def decide(self, case: Case) -> Decision:
        """The rate of the model that the level is assigned to."""
        last = len(case.rates) - 1
        return Decision.certain(case, last if case.level is None else model_of(case.level, self.rule))
