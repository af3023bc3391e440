"""Which (task, model, trial) to call next, given the outcomes so far. Pure: asks no model, reads and writes nothing.

One mechanism for every policy, live or on recordings: whoever makes the calls begins with `first`, tells each outcome
to `after`, and does what the `Step` says. When no call is under way any more, every trial of the plan has been called
or skipped. Nothing may depend on the order in which outcomes of different tasks come in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pytest_complexity.outcomes import Key, Outcome


@dataclass(frozen=True)
class Step:
    """Trials to call now, in this order, and trials that will never be called, each with its reason."""

    call: tuple[Key, ...] = ()
    skip: Mapping[Key, str] = field(default_factory=dict)


class CallPolicy(Protocol):
    """See the module. One object serves one run."""

    def first(self) -> Step:
        """What to do before anything is known."""

    def after(self, outcome: Outcome) -> Step:
        """What to do once this trial, called before, has its outcome."""


class All:
    """Every trial of the plan, in its order."""

    def __init__(self, plan: Sequence[Key]) -> None:
        self._plan = tuple(plan)

    def first(self) -> Step:
        """The whole plan."""
        return Step(self._plan)

    def after(self, outcome: Outcome) -> Step:
        """Nothing: all is under way."""
        return Step()


def by_task(plan: Sequence[Key]) -> dict[tuple[str, str], dict[str, list[Key]]]:
    """The trials of a plan by (suite, task id) and by model, in the plan's order, which is kept throughout."""
    tasks: dict[tuple[str, str], dict[str, list[Key]]] = {}
    for key in plan:
        tasks.setdefault((key.suite, key.task_id), {}).setdefault(key.model, []).append(key)
    return tasks
