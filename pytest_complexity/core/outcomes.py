"""What a trial came to: the closed set of verdicts and the record that everything after verification reads.

A leaf: it knows neither models nor the sandbox, nor how a verdict arises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple


class Verdict(str, Enum):
    """What the sandbox saw of one trial. The set is closed; every reader may rely on it."""

    PASS = "pass"
    WRONG = "wrong"  #: an assertion failed
    ERROR = "error"  #: an exception, a syntax error included
    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASH = "crash"  #: killed by a signal, or brought its sandbox down
    EXIT = "exit"  #: left before the tests ended
    TAMPERED = "tampered"  #: tried to forge the verdict
    NO_CODE = "no_code"  #: the completion holds none
    UNMEASURED = "unmeasured"  #: the model or the harness failed: no statement about the answer

    @property
    def measured(self) -> bool:
        """Whether the trial says something about the model; only measured trials are counted."""
        return self is not Verdict.UNMEASURED


class Key(NamedTuple):
    """What identifies a trial, in every process and every file; node ids never do."""

    suite: str
    task_id: str
    model: str
    trial: int

    def __str__(self) -> str:
        return f"{self.task_id}-{self.model}-{self.trial}"


@dataclass(frozen=True)
class Outcome:
    """One line of `outcomes.jsonl`.

    `seconds` is the wall time of the verification and the only field that may differ between two runs of the
    same completions. `visible` says whether the tests that the prompt shows passed (None: it shows none), `base` what
    the suite's base tests alone say (None: it has none). `uncontrolled`, written where it is true: a pass of a task
    that has no negative control.
    """

    suite: str
    task_id: str
    model: str
    trial: int
    verdict: Verdict
    detail: str = ""
    visible: bool | None = None
    borderline: bool = False
    seconds: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: float | None = None
    base: Verdict | None = None
    uncontrolled: bool = False

    @property
    def key(self) -> Key:
        """The trial that this is the outcome of."""
        return Key(self.suite, self.task_id, self.model, self.trial)

    def to_json(self) -> dict[str, Any]:
        """The record as plain builtins, in the order of the fields: for JSON and for execnet."""
        record = {**vars(self), "verdict": self.verdict.value, "base": self.base and self.base.value}
        if self.base is None:
            del record["base"]  # most suites have none
        if not self.uncontrolled:
            del record["uncontrolled"]
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Outcome:
        """The record of a dict that `to_json` made. Raises KeyError, TypeError or ValueError on any other."""
        base = record.get("base")
        return cls(**{**record, "verdict": Verdict(record["verdict"]), "base": None if base is None else Verdict(base)})
