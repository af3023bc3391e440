"""Where an item collects its outcome: at the pipeline's own desk, or at one reached over a channel of xdist's.

The process that pytest started owns the pipeline, the files and everything that costs money; with pytest-xdist its
workers run the items. A worker sends its plan once, then one question at a time; every answer carries its question's
number, since a question that pytest-timeout cut off is answered all the same. Only strings cross: execnet ends the
run over anything but exact builtins, and JSON of pure ASCII carries lone surrogates.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from typing import Any, Protocol

from pytest_complexity.models import Unanswered
from pytest_complexity.outcomes import Key, Outcome, Verdict
from pytest_complexity.pipeline import Pipeline, Skipped, unmeasured
from pytest_complexity.rundir import RunDirectory


class Channel(Protocol):
    """What is used of `execnet.Channel`."""

    def send(self, item: object) -> None:
        """Sends a builtin."""

    def receive(self, timeout: float | None = None) -> Any:
        """The next item that the other side sent."""


class Desk(Protocol):
    """What a trial asks for. All three are idempotent; each trial's outcome is written once it is collected.

    All raise `Skipped` for a trial that a policy left out; nothing is written then.
    """

    def verify(self, key: Key) -> Outcome:
        """The outcome of the sandbox, waited for and written."""

    def completion(self, key: Key) -> str:
        """What the model said. Raises `Unanswered`."""

    def record(self, key: Key, passed: bool, detail: str) -> Outcome:
        """Writes the verdict of a check of the user's own."""


class LocalDesk:
    """The desk beside the pipeline."""

    def __init__(self, pipeline: Pipeline, run: RunDirectory) -> None:
        self._pipeline = pipeline
        self._run = run

    def verify(self, key: Key) -> Outcome:
        """See `Desk`."""
        return self.collect(key, self._pipeline.outcome(key))

    def completion(self, key: Key) -> str:
        """See `Desk`."""
        try:
            return self._pipeline.completion(key).result().text
        except CancelledError:
            raise Unanswered("the session was stopped") from None
        except Unanswered:
            self._run.add_outcome(self._pipeline.outcome(key).result())
            raise

    def record(self, key: Key, passed: bool, detail: str) -> Outcome:
        """See `Desk`."""
        completion = self._pipeline.completion(key).result()
        verdict = Verdict.PASS if passed else Verdict.WRONG
        return self._run.add_outcome(replace(self._pipeline.blank(key, completion), verdict=verdict, detail=detail))

    def collect(self, key: Key, future: Future[Outcome]) -> Outcome:
        """Waits for an outcome and writes it; one that a stopped session never began is not written."""
        try:
            return self._run.add_outcome(future.result())
        except CancelledError:
            return unmeasured(key, "the session was stopped")

    def serve(self, channel: Channel, message: str) -> None:
        """Answers a worker's question when the answer is there; called in execnet's own thread, so it never waits."""
        number, verb, *rest = json.loads(message)
        key = Key(*rest[0])

        def answer(_: object = None) -> None:
            channel.send(json.dumps([number, self._answer(verb, key, rest[1:])]))

        try:
            future: Future[Any] = self._pipeline.outcome(key) if verb == "verify" else self._pipeline.completion(key)
        except KeyError:  # this worker collected what the first one did not
            channel.send(json.dumps([number, {"unanswered": "the trial is not in the plan of the run"}]))
        else:
            future.add_done_callback(answer)

    def _answer(self, verb: str, key: Key, rest: list[Any]) -> dict[str, Any]:
        try:
            if verb == "verify":
                return {"outcome": self.verify(key).to_json()}
            if verb == "record":
                return {"outcome": self.record(key, *rest).to_json()}
            return {"completion": self.completion(key)}
        except Skipped as why:
            return {"skipped": str(why)}
        except Unanswered as why:
            return {"unanswered": str(why)}
        except Exception as why:  # told to the item that asked; nobody else would hear of it in this thread
            return {"unanswered": f"{type(why).__name__}: {why}"}


class RemoteDesk:
    """A worker's end."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._number = 0

    def verify(self, key: Key) -> Outcome:
        """See `Desk`."""
        return Outcome.from_json(self._ask("verify", key)["outcome"])

    def completion(self, key: Key) -> str:
        """See `Desk`."""
        return str(self._ask("completion", key)["completion"])

    def record(self, key: Key, passed: bool, detail: str) -> Outcome:
        """See `Desk`."""
        return Outcome.from_json(self._ask("record", key, passed, detail)["outcome"])

    def _ask(self, verb: str, key: Key, *rest: object) -> Mapping[str, Any]:
        self._number += 1
        self._channel.send(json.dumps([self._number, verb, key, *rest]))
        while True:
            number, answer = json.loads(self._channel.receive())
            if number == self._number:
                break
        if "skipped" in answer:
            raise Skipped(answer["skipped"])
        if "unanswered" in answer:
            raise Unanswered(answer["unanswered"])
        return dict(answer)
