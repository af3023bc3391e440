"""Which (task, model, trial) to call next, given the outcomes so far. Pure: asks no model, reads and writes nothing.

One mechanism for every policy, live or on recordings: whoever makes the calls begins with `first`, tells each outcome
to `after`, and does what the `Step` says. What is neither called nor skipped when no call is under way is skipped.
Nothing may depend on the order in which outcomes of different tasks come in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from pytest_complexity.core.outcomes import Key, Outcome


@dataclass(frozen=True)
class Step:
    """What a policy wants next: trials to call, in this order, and trials to leave out, each with the reason."""

    call: Sequence[Key] = ()
    skip: Mapping[Key, str] = field(default_factory=dict)


class Calls(Protocol):
    """Which calls to make. Asked on one thread only, and of trials of the plan only; one object serves one run.

    A trial that an earlier session answered takes part like any other and costs nothing. Of a task without assertions,
    which a test judges by itself, the policy is told that it is unmeasured.
    """

    def first(self) -> Iterable[Key]:
        """The trials to begin with."""

    def after(self, outcome: Outcome) -> Step:
        """What follows from this outcome, measured or not. One that was called cannot be skipped any more."""


@runtime_checkable
class Telling(Protocol):
    """A policy that has something of its own to say once a run is over."""

    def report(self) -> Mapping[str, Any]:
        """What `report.json` has under `calls`, as plain builtins."""


class AllCalls:
    """Every trial, in the plan's order."""

    def __init__(self, plan: Sequence[Key]) -> None:
        self._plan = plan

    def first(self) -> Iterable[Key]:
        """See `Calls`."""
        return self._plan

    def after(self, _: Outcome) -> Step:
        """See `Calls`."""
        return Step()


def by_task(plan: Sequence[Key]) -> dict[tuple[str, str], dict[str, list[Key]]]:
    """The trials of a plan by (suite, task id) and by model, in the plan's order, which is kept throughout."""
    tasks: dict[tuple[str, str], dict[str, list[Key]]] = {}
    for key in plan:
        tasks.setdefault((key.suite, key.task_id), {}).setdefault(key.model, []).append(key)
    return tasks
