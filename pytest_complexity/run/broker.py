"""Where an item collects its outcome: from the pipeline in its own process, or over a channel of xdist's.

The process that pytest started owns the pipeline, the files and everything that costs money; with pytest-xdist its
workers run the items. A worker on another machine claims what the first one has not begun to verify and verifies it
there.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from typing import Any, Protocol

from pytest_complexity.core.outcomes import Key, Outcome, Verdict
from pytest_complexity.core.tasks import Task
from pytest_complexity.models import Unanswered
from pytest_complexity.run.directory import RunDirectory
from pytest_complexity.run.messages import (
    Answer,
    Checked,
    Claim,
    Denied,
    Found,
    LeftOut,
    NotMeasured,
    Question,
    Read,
    Record,
    Said,
    Verify,
    decode,
    encode,
)
from pytest_complexity.run.pipeline import Pipeline, Skipped, unmeasured, verdicts_of
from pytest_complexity.sandbox import Sandbox


class Channel(Protocol):
    """What is used of `execnet.Channel`."""

    def send(self, item: object) -> None:
        """Sends a builtin."""

    def receive(self, timeout: float | None = None) -> Any:
        """The next item that the other side sent."""


class Broker(Protocol):
    """What a trial asks for. All three are idempotent; each trial's outcome is written once it is collected.

    All raise `Skipped` for a trial that a policy left out; nothing is written then.
    """

    def verify(self, key: Key) -> Outcome:
        """The outcome of the sandbox, waited for and written."""

    def completion(self, key: Key) -> str:
        """What the model said. Raises `Unanswered`."""

    def record(self, key: Key, verdict: Verdict, detail: str) -> Outcome:
        """Writes the verdict of a test's own check."""


class LocalBroker:
    """The broker beside the pipeline. `level`: the isolation that whoever verifies elsewhere must have too.

    `verified_elsewhere` counts the trials that other machines verified. `verify`, `completion` and `record` may be
    called from any thread, and wait. `serve` is called on execnet's thread of each worker and never waits; its answers
    are sent on the pipeline's threads. `gone` is called on pytest's thread.
    """

    def __init__(self, pipeline: Pipeline, run: RunDirectory, level: str) -> None:
        self._pipeline = pipeline
        self._run = run
        self._level = level
        self._lock = threading.Lock()  # over the two below
        self._claimed: dict[int, set[Key]] = {}  # by the channel of the worker
        self.verified_elsewhere = 0

    def verify(self, key: Key) -> Outcome:
        """See `Broker`. What a stopped session never began is not written."""
        try:
            return self._run.add_outcome(self._pipeline.outcome(key).result())
        except CancelledError:
            return unmeasured(key, "the session was stopped")

    def completion(self, key: Key) -> str:
        """See `Broker`."""
        try:
            return self._pipeline.completion(key).result().text
        except CancelledError:
            raise Unanswered("the session was stopped") from None
        except Unanswered:
            self._run.add_outcome(self._pipeline.outcome(key).result())
            raise

    def record(self, key: Key, verdict: Verdict, detail: str) -> Outcome:
        """See `Broker`."""
        if not verdict.measured:
            return self._run.add_outcome(unmeasured(key, detail))
        completion = self._pipeline.completion(key).result()
        return self._run.add_outcome(replace(self._pipeline.blank(key, completion), verdict=verdict, detail=detail))

    def serve(self, channel: Channel, number: int, question: Question) -> None:
        """Answers a worker's question when the answer is there."""

        def answer(_: object = None) -> None:
            channel.send(encode(number, self._answer(channel, question)))

        if isinstance(question, Checked):
            self._take(channel, question)
        try:
            outcome_wanted = isinstance(question, Verify | Checked)
            future: Future[Any] = (self._pipeline.outcome if outcome_wanted else self._pipeline.completion)(
                question.key
            )
        except KeyError:  # this worker collected what the first one did not
            channel.send(encode(number, NotMeasured("the trial is not in the plan of the run")))
        else:
            if isinstance(question, Record) and not question.verdict.measured:
                answer()  # needs no completion, and there may never be one
            else:
                future.add_done_callback(answer)

    def gone(self, channel: Channel) -> None:
        """Verifies here what a worker that died had claimed."""
        with self._lock:
            claimed = self._claimed.pop(id(channel), set())
        for key in claimed:
            self._pipeline.disclaim(key)

    def _take(self, channel: Channel, checked: Checked) -> None:
        with self._lock:
            self._claimed[id(channel)].discard(checked.key)
            self.verified_elsewhere += checked.check is not None
        if checked.check is None:  # its sandbox failed
            self._pipeline.disclaim(checked.key)
        else:
            self._pipeline.accept(checked.key, checked.check, checked.base)

    def _answer(self, channel: Channel, question: Question) -> Answer:
        key = question.key
        try:
            if isinstance(question, Verify | Checked):
                return Found(self.verify(key))
            if isinstance(question, Record):
                return Found(self.record(key, question.verdict, question.detail))
            if isinstance(question, Claim) and not self._grant(channel, key, question.level):
                return Denied()
            return Said(self.completion(key))
        except Skipped as why:
            return LeftOut(str(why))
        except Exception as why:  # the item that asked reports it; nobody else would hear of it in this thread
            return NotMeasured(str(why) if isinstance(why, Unanswered) else f"{type(why).__name__}: {why}")

    def _grant(self, channel: Channel, key: Key, level: str) -> bool:
        """Whether this worker, with this isolation, is to verify the trial."""
        if level != self._level or not self._pipeline.claim(key):
            return False
        with self._lock:
            self._claimed.setdefault(id(channel), set()).add(key)
        return True


class RemoteBroker:
    """A worker's end. One on another machine is given a `sandbox` and the run's `tasks` and verifies there.

    Called on the worker's own thread, one question at a time.
    """

    def __init__(
        self, channel: Channel, sandbox: Sandbox | None = None, tasks: Mapping[tuple[str, str], Task] | None = None
    ) -> None:
        self._channel = channel
        self._sandbox = sandbox
        self._tasks = tasks or {}
        self._number = 0

    def verify(self, key: Key) -> Outcome:
        """See `Broker`. What the first machine has not begun to verify is verified on this one."""
        if self._sandbox is not None:
            granted = self._ask(Claim(key, self._sandbox.level))
            if isinstance(granted, Said):
                return self._outcome(self._checked(key, granted.text))
        return self._outcome(Verify(key))

    def completion(self, key: Key) -> str:
        """See `Broker`."""
        answer = self._ask(Read(key))
        assert isinstance(answer, Said), f"got {answer} for a completion"
        return answer.text

    def record(self, key: Key, verdict: Verdict, detail: str) -> Outcome:
        """See `Broker`."""
        return self._outcome(Record(key, verdict, detail))

    def _checked(self, key: Key, completion: str) -> Checked:
        assert self._sandbox is not None, "only who has one claims"
        try:
            task = self._tasks[key.suite, key.task_id]
            return Checked(key, *verdicts_of(task, completion, self._sandbox))
        except Exception:  # the first machine tries it itself, and reports it where it fails too
            return Checked(key, None)

    def _outcome(self, question: Question) -> Outcome:
        answer = self._ask(question)
        assert isinstance(answer, Found), f"got {answer} for an outcome"
        return answer.outcome

    def _ask(self, question: Question) -> Answer:
        self._number += 1
        self._channel.send(encode(self._number, question))
        while True:
            number, answer = decode(self._channel.receive())
            if number == self._number:
                break
        if isinstance(answer, LeftOut):
            raise Skipped(answer.reason)
        if isinstance(answer, NotMeasured):
            raise Unanswered(answer.reason)
        return answer  # type: ignore[no-any-return]
