"""The desk: what a worker is told, and that what it takes on is verified whatever becomes of it."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_complexity.core.outcomes import Key, Verdict
from pytest_complexity.core.tasks import Task
from pytest_complexity.models import Completion
from pytest_complexity.run.broker import LocalDesk, RemoteDesk
from pytest_complexity.run.directory import RunDirectory
from pytest_complexity.run.pipeline import Pipeline
from pytest_complexity.sandbox import Check

TASKS = {("s", f"T/{n}"): Task(f"T/{n}", "Add one.", ("assert f(1) == 2",)) for n in range(4)}
KEYS = [Key("s", f"T/{n}", "m", 0) for n in range(4)]


class Says:
    """One answer to everything."""

    name = "m"
    price = None
    definition: Mapping[str, Any] = {}

    async def complete(self, suite: str, task: Task, trial: int) -> Completion:
        return Completion("def f(x): return x + 1")


class Fake:
    """A sandbox that says where it stands, waits until its gate is open, and may fail."""

    def __init__(self, where: str, level: str = "process", *, fails: bool = False) -> None:
        self.where, self.level, self.fails = where, level, fails
        self.gate = threading.Event()
        self.begun = threading.Event()

    def check(self, _: object) -> Check:
        self.begun.set()
        assert self.gate.wait(10)
        if self.fails:
            raise OSError("no processes")
        return Check(Verdict.PASS, self.where, visible=None, borderline=False, seconds=0.1)


class Wire:
    """Both ends of a channel in one process."""

    def __init__(self, desk: LocalDesk) -> None:
        self._desk = desk
        self._answers: queue.Queue[str] = queue.Queue()

    def send(self, item: object) -> None:
        message = str(item)
        if message.startswith("[") and isinstance(json.loads(message)[1], str):
            self._desk.serve(self, message)
        else:
            self._answers.put(message)

    def receive(self, timeout: float | None = None) -> str:
        return self._answers.get(timeout=10)


@pytest.fixture
def here() -> Fake:
    return Fake("here")


@pytest.fixture
def desk(tmp_path: Path, here: Fake) -> Iterator[LocalDesk]:
    """The first trial is being verified, the others wait behind it."""
    config = {"ladder": ["m"], "trials": 1, "timeout": 10.0, "memory": 1024, "suites": {}, "models": {}}
    run = RunDirectory(tmp_path / "run", config)
    pipeline = Pipeline({"m": Says()}, here, run, verifiers=1)  # type: ignore[arg-type]
    pipeline.start(TASKS, KEYS)
    for key in KEYS:
        pipeline.completion(key).result(10)
    assert here.begun.wait(10)
    yield LocalDesk(pipeline, run, "process")
    here.gate.set()
    pipeline.close()
    run.close()


def elsewhere(desk: LocalDesk, level: str = "process", *, fails: bool = False) -> RemoteDesk:
    sandbox = Fake("elsewhere", level, fails=fails)
    sandbox.gate.set()
    return RemoteDesk(Wire(desk), sandbox, TASKS)  # type: ignore[arg-type]


def test_a_worker_elsewhere_verifies_what_waits_here(desk: LocalDesk, here: Fake) -> None:
    remote = elsewhere(desk)
    assert [remote.verify(key).detail for key in KEYS[1:]] == ["elsewhere"] * 3
    here.gate.set()
    assert [remote.verify(key).detail for key in KEYS] == ["here"] + ["elsewhere"] * 3
    assert desk.judged_elsewhere == 3


def test_a_worker_that_isolates_otherwise_gets_the_first_machines_verdict(desk: LocalDesk, here: Fake) -> None:
    here.gate.set()
    assert elsewhere(desk, "namespaces").verify(KEYS[1]).detail == "here"


def test_a_worker_whose_sandbox_fails_leaves_it_to_the_first_machine(desk: LocalDesk, here: Fake) -> None:
    remote = elsewhere(desk, fails=True)
    threading.Timer(0.2, here.gate.set).start()
    assert [remote.verify(key).detail for key in KEYS[1:]] == ["here"] * 3
    assert desk.judged_elsewhere == 0


def test_what_a_dead_worker_had_taken_on_is_verified_here(desk: LocalDesk, here: Fake) -> None:
    wire = Wire(desk)
    desk.serve(wire, json.dumps([1, "claim", KEYS[1], "process"]))
    assert "completion" in json.loads(wire.receive())[1]
    desk.serve(wire, json.dumps([2, "claim", KEYS[1], "process"]))
    assert json.loads(wire.receive())[1] == {}  # nobody else gets it
    desk.gone(wire)
    here.gate.set()
    assert desk.verify(KEYS[1]).detail == "here"


def test_a_question_about_a_trial_that_nobody_planned(desk: LocalDesk) -> None:
    wire = Wire(desk)
    desk.serve(wire, json.dumps([1, "verify", ["s", "T/9", "m", 0]]))
    assert json.loads(wire.receive()) == [1, {"unanswered": "the trial is not in the plan of the run"}]
