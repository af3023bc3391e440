"""Which model to ask for a task. A policy gives shares and never sees a verdict, except where its kind says so.

Expected share solved, cost, shares of the models and a task's choice all follow from the one `Decision` that a policy
takes on each case. Policies know neither training nor drawing. To add one: see `registry.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.core.predictions import Prediction
from pytest_complexity.labels.rules import Rule

#: `simple` needs no prompt, `router` decides from the prompt, `cascade` also from whether answers pass the visible
#: check, `control` mixes blindly, `informed` knows the outcomes.
Kind = Literal["simple", "router", "cascade", "control", "informed"]
#: Kinds that can be deployed and use more than the models' prices: the report asks whether one of these pays.
CANDIDATES: tuple[Kind, ...] = ("router", "cascade")


@dataclass(frozen=True)
class Case:
    """One task as a policy is scored on it, everything in ladder order.

    `rates`: each model's measured success rate, in [0, 1]; `costs`: its mean cost of one call on this task; `level`:
    the task's level, if any; `prediction`: what a classifier says of the prompt, if one was asked; `number`: the
    case's place among those of its bench, from 0.
    """

    rates: Sequence[float]
    costs: Sequence[float]
    level: int | None = None
    prediction: Prediction | None = None
    number: int = 0


@dataclass(frozen=True)
class Decision:
    """The chance with which each model is asked, adding up to 1, and the chance that the task is solved."""

    shares: Sequence[float]
    solved: float

    @classmethod
    def certain(cls, case: Case, index: int) -> Decision:
        """The model at `index` of the ladder, and no other."""
        return cls([float(index == k) for k in range(len(case.rates))], case.rates[index])


class Named(Protocol):
    """What stands in the report's table of policies."""

    @property
    def name(self) -> str:
        """As it stands in the report."""

    @property
    def kind(self) -> Kind:
        """What it knows."""


class Policy(Named, Protocol):
    """Scored on cases."""

    def decide(self, case: Case) -> Decision:
        """What to expect of it on this task."""


class PromptPolicy(Protocol):
    """A policy that decides from what is predicted of the prompt, and so can be used before any model is asked."""

    @property
    def name(self) -> str:
        """As it stands in the report."""

    def choose(self, prediction: Prediction) -> int:
        """The index, on the ladder, of the model to ask."""


@dataclass(frozen=True)
class Setting:
    """What policies are made from: the measured tasks in their order, as counts and as cases, and a router's ways."""

    ladder: tuple[str, ...]
    rule: Rule
    tasks: Sequence[TaskCounts]
    cases: Sequence[Case]
    routers: Sequence[PromptPolicy] = ()


@dataclass(frozen=True)
class Tabled:
    """A policy whose decisions were worked out beforehand, one for each case by its number."""

    name: str
    kind: Kind
    decisions: Sequence[Decision]

    def decide(self, case: Case) -> Decision:
        """The one in the table."""
        return self.decisions[case.number]


@dataclass(frozen=True)
class RouterPolicy:
    """A router as a policy. A case without a prediction goes to the last model, as a service would do."""

    router: PromptPolicy
    kind: Kind = "router"

    @property
    def name(self) -> str:
        """The router's."""
        return self.router.name

    def decide(self, case: Case) -> Decision:
        """The chosen model's own rate."""
        last = len(case.rates) - 1
        return Decision.certain(case, self.router.choose(case.prediction) if case.prediction else last)
