"""Which (task, model, trial) to call next, given the outcomes so far. Pure: asks no model, reads and writes nothing.

Every policy works in one way, live or on recordings: whoever makes the calls begins with `first`, passes each outcome
to `after`, and does what the `Step` says. What is neither called nor skipped when no call is under way is skipped.
Nothing may depend on the order in which outcomes of different tasks come in.

`--cx-calls` names a policy of `CALL_POLICIES`. Each is a function of a `Setup`; other packages register theirs as entry
points of the group `pytest_complexity.calls`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.core.outcomes import Key, Outcome
from pytest_complexity.core.registry import Registry
from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import CallsError


@dataclass(frozen=True)
class Step:
    """What a policy wants next: trials to call, in this order, and trials to leave out, each with the reason."""

    call: Sequence[Key] = ()
    skip: Mapping[Key, str] = field(default_factory=dict)


class CallPolicy(Protocol):
    """Which calls to make. Asked on one thread only, and of trials of the plan only; one object serves one run.

    A trial that an earlier session answered takes part like any other and costs nothing. The outcomes of a task without
    assertions, which a test checks by itself, come as unmeasured.
    """

    def first(self) -> Iterable[Key]:
        """The trials to begin with."""

    def after(self, outcome: Outcome) -> Step:
        """What follows from this outcome, measured or not. One that was called cannot be skipped any more."""


@runtime_checkable
class Reporting(Protocol):
    """A policy that adds results of its own to the report of a run."""

    def report(self) -> Mapping[str, Any]:
        """What `report.json` has under `calls`, as plain builtins."""


@dataclass(frozen=True)
class Setup:
    """What a policy is made from.

    `plan` are all trials of the session, in order; `trials` is how many of a task a complete measurement has for each
    model; `tasks` by (suite, task id). `argument` follows the policy's name and a colon in `--cx-calls`, "" where none
    does. `read` gives the counts and outcomes of a run directory or a file of counts, on this ladder.
    """

    plan: Sequence[Key]
    ladder: Sequence[str]
    trials: int
    tasks: Mapping[tuple[str, str], Task]
    argument: str
    rule: str | None
    seed: int
    read: Callable[[str], tuple[Sequence[TaskCounts], Sequence[Outcome]]]

    def refuse_argument(self, name: str) -> None:
        """Raises `CallsError` where the policy takes no argument and one was given."""
        if self.argument:
            raise CallsError(f"--cx-calls: {name} takes no argument, got {self.argument!r}. Write --cx-calls={name}")


@dataclass(frozen=True)
class CallChoice:
    """What `--cx-calls` says: a policy's name, and its argument."""

    name: str = "all"
    argument: str = ""

    @classmethod
    def parse(cls, text: str) -> CallChoice:
        """`NAME`, `NAME:ARGUMENT`, or the number of calls of a `budget`. Raises `CallsError`."""
        if text.isascii() and text.isdigit() and int(text) > 0:
            return cls("budget", text)
        name, colon, argument = text.partition(":")
        if name not in CALL_POLICIES or (colon and not argument):
            known = ", ".join(CALL_POLICIES.names())
            raise CallsError(f"--cx-calls: no call policy {text!r}; give one of {known}, or a number of calls above 0")
        return cls(name, argument)

    def make(self, setup: Setup) -> CallPolicy:
        """The policy for a plan. Raises `ComplexityError` where argument, rule or what it reads does not fit."""
        made: CallPolicy = CALL_POLICIES.load(self.name)(setup)
        return made

    def __str__(self) -> str:
        return self.argument if self.name == "budget" else self.name


CALL_POLICIES = Registry(
    kind="call policy",
    group="pytest_complexity.calls",
    built_in={
        "all": f"{__name__}:make_all",
        "lazy": f"{__name__}.lazy:make",
        "budget": f"{__name__}.budget:make",
        "switching": f"{__name__}.switching.policy:make",
        "cascade": f"{__name__}.switching.policy:make_cascade",
    },
    error=CallsError,
)


class AllCalls:
    """Every trial, in the plan's order."""

    def __init__(self, plan: Sequence[Key]) -> None:
        self._plan = plan

    def first(self) -> Iterable[Key]:
        """See `CallPolicy`."""
        return self._plan

    def after(self, _: Outcome) -> Step:
        """See `CallPolicy`."""
        return Step()


def make_all(setup: Setup) -> AllCalls:
    """Every trial."""
    setup.refuse_argument("all")
    return AllCalls(setup.plan)


def by_task(plan: Sequence[Key]) -> dict[tuple[str, str], dict[str, list[Key]]]:
    """The trials of a plan by (suite, task id) and by model, in the plan's order, which is kept throughout."""
    tasks: dict[tuple[str, str], dict[str, list[Key]]] = {}
    for key in plan:
        tasks.setdefault((key.suite, key.task_id), {}).setdefault(key.model, []).append(key)
    return tasks
