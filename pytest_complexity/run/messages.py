"""What xdist's workers and the controller send each other, and its form on the wire.

A worker sends its plan once, then one question at a time; every answer carries its question's number, since a question
that pytest-timeout cut off is answered all the same. Only strings cross: execnet ends the run over anything but exact
builtins, and JSON of pure ASCII carries lone surrogates.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from pytest_complexity.core.outcomes import Key, Outcome, Verdict
from pytest_complexity.run.plan import TrialPlan
from pytest_complexity.sandbox import Check


@dataclass(frozen=True)
class Begin:
    """From a worker: the trials that it collected. Has no answer."""

    plan: TrialPlan


@dataclass(frozen=True)
class Verify:
    """From a worker: what is the outcome of this trial?"""

    key: Key


@dataclass(frozen=True)
class Claim:
    """From a worker on another machine: may I verify this trial, under this isolation?"""

    key: Key
    level: str


@dataclass(frozen=True)
class Checked:
    """From a worker that claimed a trial: what its sandbox said, of all tests and of the task's base tests.

    `check` is None where the sandbox failed, `base` also where the task has no base tests.
    """

    key: Key
    check: Check | None
    base: Verdict | None = None


@dataclass(frozen=True)
class Read:
    """From a worker: what did the model say?"""

    key: Key


@dataclass(frozen=True)
class Record:
    """From a worker: the verdict of a test's own check."""

    key: Key
    verdict: Verdict
    detail: str


@dataclass(frozen=True)
class Found:
    """To a worker: the outcome of a trial."""

    outcome: Outcome


@dataclass(frozen=True)
class Said:
    """To a worker: the text of a completion, granted for verification where that was claimed."""

    text: str


@dataclass(frozen=True)
class Denied:
    """To a worker: the trial is not its to verify."""


@dataclass(frozen=True)
class LeftOut:
    """To a worker: a call policy left the trial out."""

    reason: str


@dataclass(frozen=True)
class NotMeasured:
    """To a worker: there is neither a completion nor an outcome."""

    reason: str


Question = Verify | Claim | Checked | Read | Record
Answer = Found | Said | Denied | LeftOut | NotMeasured
Message = Begin | Question | Answer


def encode(number: int, message: Message) -> str:
    """One message and the number of its question."""
    values = {each.name: getattr(message, each.name) for each in fields(message)}
    return json.dumps({"number": number, "kind": type(message).__name__, "values": values}, default=_plain)


def decode(text: str) -> tuple[int, Any]:
    """The number and the `Message` of `encode`."""
    record = json.loads(text)
    values = {name: _READERS.get(name, _as_is)(value) for name, value in record["values"].items()}
    return record["number"], _KINDS[record["kind"]](**values)


def _plain(value: Any) -> Any:
    """The dataclasses inside messages as builtins."""
    return value.to_json() if hasattr(value, "to_json") else vars(value)


def _as_is(value: Any) -> Any:
    return value


def _check(record: Mapping[str, Any] | None) -> Check | None:
    return None if record is None else Check(**{**record, "verdict": Verdict(record["verdict"])})


_KINDS: Mapping[str, type] = {
    kind.__name__: kind
    for kind in (Begin, Verify, Claim, Checked, Read, Record, Found, Said, Denied, LeftOut, NotMeasured)
}
_READERS: Mapping[str, Callable[[Any], Any]] = {
    "plan": TrialPlan.from_json,
    "key": lambda value: Key(*value),
    "verdict": Verdict,
    "base": lambda value: None if value is None else Verdict(value),
    "outcome": Outcome.from_json,
    "check": _check,
}
