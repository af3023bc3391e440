"""One of xdist's workers: it sends its plan to the run's owner, then asks for outcomes."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_complexity.errors import ComplexityError
from pytest_complexity.plugin.options import Settings
from pytest_complexity.run.broker import Broker, Channel, RemoteBroker
from pytest_complexity.run.messages import Begin, encode
from pytest_complexity.run.plan import TrialPlan
from pytest_complexity.sandbox import Limits, Sandbox


@dataclass(frozen=True)
class WorkerInput:
    """What the controller gives a worker. `recorded` are the models of the recording, which a worker does not read."""

    channel: Channel
    on_other_machine: bool
    recorded: tuple[str, ...]

    @classmethod
    def of(cls, config: pytest.Config) -> WorkerInput | None:
        """What this process was given; None where it is no worker."""
        given: Mapping[str, Any] | None = getattr(config, "workerinput", None)
        if given is None:
            return None
        return cls(given["complexity_channel"], given["complexity_remote"], tuple(given["complexity_recorded"]))


class Worker:
    """See the module. Called on the worker's own thread."""

    def __init__(self, given: WorkerInput, settings: Settings) -> None:
        self._given = given
        self._settings = settings
        self._sandbox: Sandbox | None = None
        self._broker: Broker | None = None

    @property
    def broker(self) -> Broker:
        """Where its items collect their outcomes."""
        assert self._broker is not None, "the plan is sent before the first item runs"
        return self._broker

    def begin(self, plan: TrialPlan) -> None:
        """Sends the plan; the first one that arrives starts the run."""
        self._given.channel.send(encode(0, Begin(plan)))
        if self._given.on_other_machine:  # it verifies there, if that isolates as well as was asked for
            with contextlib.suppress(ComplexityError):
                limits = Limits(self._settings.timeout, self._settings.memory)
                self._sandbox = Sandbox(self._settings.sandbox, limits=limits)
        self._broker = RemoteBroker(self._given.channel, self._sandbox, plan.tasks())

    def close(self) -> None:
        """Ends its sandbox."""
        if self._sandbox is not None:
            self._sandbox.close()
