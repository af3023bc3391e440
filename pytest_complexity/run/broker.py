"""Where an item collects its outcome: at the pipeline's own desk, or at one reached over a channel of xdist's.

The process that pytest started owns the pipeline, the files and everything that costs money; with pytest-xdist its
workers run the items. A worker sends its plan once, then one question at a time; every answer carries its question's
number, since a question that pytest-timeout cut off is answered all the same. Only strings cross: execnet ends the
run over anything but exact builtins, and JSON of pure ASCII carries lone surrogates. A worker on another machine claims
what the first one has not begun to verify and verifies it there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import CancelledError, Future
from dataclasses import asdict, replace
from typing import Any, Protocol

from pytest_complexity.core.outcomes import Key, Outcome, Verdict
from pytest_complexity.core.tasks import Task
from pytest_complexity.models import Unanswered
from pytest_complexity.run.directory import RunDirectory
from pytest_complexity.run.pipeline import Pipeline, Skipped, check_of, unmeasured
from pytest_complexity.sandbox import Check, Sandbox


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

    def record(self, key: Key, verdict: Verdict, detail: str) -> Outcome:
        """Writes the verdict of a check of the user's own."""


class LocalDesk:
    """The desk beside the pipeline. `level`: the isolation that whoever verifies elsewhere must have too.

    `judged_elsewhere` counts the trials that other machines verified.
    """

    def __init__(self, pipeline: Pipeline, run: RunDirectory, level: str) -> None:
        self._pipeline = pipeline
        self._run = run
        self._level = level
        self._claimed: dict[int, set[Key]] = {}  # by the channel of the worker
        self.judged_elsewhere = 0

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

    def record(self, key: Key, verdict: Verdict, detail: str) -> Outcome:
        """See `Desk`."""
        completion = self._pipeline.completion(key).result()
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
            channel.send(json.dumps([number, self._answer(channel, verb, key, rest[1:])]))

        if verb == "judge":
            self._claimed[id(channel)].discard(key)
            if rest[1] is None:  # its sandbox failed
                self._pipeline.disclaim(key)
            else:
                self._pipeline.judge(key, _check_of_json(rest[1]))
                self.judged_elsewhere += 1
            verb = "verify"
        try:
            future: Future[Any] = self._pipeline.outcome(key) if verb == "verify" else self._pipeline.completion(key)
        except KeyError:  # this worker collected what the first one did not
            channel.send(json.dumps([number, {"unanswered": "the trial is not in the plan of the run"}]))
        else:
            future.add_done_callback(answer)

    def gone(self, channel: Channel) -> None:
        """Verifies here what a worker that died had claimed."""
        for key in self._claimed.pop(id(channel), set()):
            self._pipeline.disclaim(key)

    def _answer(self, channel: Channel, verb: str, key: Key, rest: list[Any]) -> dict[str, Any]:
        try:
            if verb == "verify":
                return {"outcome": self.verify(key).to_json()}
            if verb == "record":
                return {"outcome": self.record(key, Verdict(rest[0]), rest[1]).to_json()}
            if verb == "claim" and not self._grant(channel, key, rest[0]):
                return {}
            return {"completion": self.completion(key)}
        except Skipped as why:
            return {"skipped": str(why)}
        except Exception as why:  # told to the item that asked; nobody else would hear of it in this thread
            return {"unanswered": str(why) if isinstance(why, Unanswered) else f"{type(why).__name__}: {why}"}

    def _grant(self, channel: Channel, key: Key, level: str) -> bool:
        """Whether this worker, with this isolation, is to verify the trial."""
        if level != self._level or not self._pipeline.claim(key):
            return False
        self._claimed.setdefault(id(channel), set()).add(key)
        return True


class RemoteDesk:
    """A worker's end. One on another machine is given a `sandbox` and the run's `tasks` and verifies there."""

    def __init__(
        self, channel: Channel, sandbox: Sandbox | None = None, tasks: Mapping[tuple[str, str], Task] | None = None
    ) -> None:
        self._channel = channel
        self._sandbox = sandbox
        self._tasks = tasks or {}
        self._number = 0

    def verify(self, key: Key) -> Outcome:
        """See `Desk`. What the first machine has not begun to verify is verified on this one."""
        if self._sandbox is not None:
            claimed = self._ask("claim", key, self._sandbox.level)
            if "completion" in claimed:
                return Outcome.from_json(self._ask("judge", key, self._check(key, claimed["completion"]))["outcome"])
        return Outcome.from_json(self._ask("verify", key)["outcome"])

    def _check(self, key: Key, completion: str) -> dict[str, Any] | None:
        assert self._sandbox is not None, "only who has one claims"
        try:
            check = check_of(self._tasks[key.suite, key.task_id], completion, self._sandbox)
        except Exception:  # the first machine tries it itself, and tells where it fails too
            return None
        return {**asdict(check), "verdict": check.verdict.value}

    def completion(self, key: Key) -> str:
        """See `Desk`."""
        return str(self._ask("completion", key)["completion"])

    def record(self, key: Key, verdict: Verdict, detail: str) -> Outcome:
        """See `Desk`."""
        return Outcome.from_json(self._ask("record", key, verdict.value, detail)["outcome"])

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


def _check_of_json(record: Mapping[str, Any]) -> Check:
    return Check(**{**record, "verdict": Verdict(record["verdict"])})
