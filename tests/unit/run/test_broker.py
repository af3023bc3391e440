"""The broker: what a worker is told, and that what it takes on is verified whatever becomes of it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from pytest_complexity.core.outcomes import Key, Verdict
from pytest_complexity.core.tasks import Task
from pytest_complexity.models.scripted import ScriptedModel
from pytest_complexity.run.broker import LocalBroker, RemoteBroker
from pytest_complexity.run.directory import RunDirectory
from pytest_complexity.run.messages import Claim, Denied, NotMeasured, Question, Said, Verify, decode
from pytest_complexity.run.pipeline import Pipeline
from pytest_complexity.sandbox import Check, Program

TESTS = ("assert f(1) == 2", "assert f(2) == 3")
TASKS = {("s", f"T/{n}"): Task(f"T/{n}", "Add one.", TESTS, base_tests=TESTS[: n == 3]) for n in range(4)}
KEYS = [Key("s", f"T/{n}", "m", 0) for n in range(4)]


class Fake:
    """A sandbox that says where it stands, waits until its gate is open, and may fail.

    Elsewhere a program passes where there is one test alone, so that base tests and all tests differ.
    """

    def __init__(self, where: str, level: str = "process", *, fails: bool = False) -> None:
        self.where, self.level, self.fails = where, level, fails
        self.gate = threading.Event()
        self.begun = threading.Event()

    def check(self, program: Program) -> Check:
        self.begun.set()
        assert self.gate.wait(10)
        if self.fails:
            raise OSError("no processes")
        passes = self.where == "here" or len(program.tests) == 1
        return Check(Verdict.PASS if passes else Verdict.WRONG, self.where, visible=None, borderline=False, seconds=0.1)


class Wire:
    """Both ends of a channel in one process."""

    def __init__(self, broker: LocalBroker) -> None:
        self._broker = broker
        self._answers: queue.Queue[str] = queue.Queue()

    def send(self, item: object) -> None:
        number, message = decode(str(item))
        if isinstance(message, get_args(Question)):
            self._broker.serve(self, number, message)
        else:
            self._answers.put(str(item))

    def receive(self, timeout: float | None = None) -> str:
        return self._answers.get(timeout=10)


@pytest.fixture
def here() -> Fake:
    return Fake("here")


@pytest.fixture
def broker(tmp_path: Path, here: Fake) -> Iterator[LocalBroker]:
    """The first trial is being verified, the others wait behind it."""
    config = {"ladder": ["m"], "trials": 1, "timeout": 10.0, "memory": 1024, "suites": {}, "models": {}}
    run = RunDirectory.open(tmp_path / "run", config)
    pipeline = Pipeline({"m": ScriptedModel("m", lambda *_: "def f(x): return x + 1")}, here, run, verifiers=1)  # type: ignore[arg-type]
    pipeline.start(TASKS, KEYS)
    for key in KEYS:
        pipeline.completion(key).result(10)
    assert here.begun.wait(10)
    yield LocalBroker(pipeline, run, "process")
    here.gate.set()
    pipeline.close()
    run.close()


def elsewhere(broker: LocalBroker, level: str = "process", *, fails: bool = False) -> RemoteBroker:
    sandbox = Fake("elsewhere", level, fails=fails)
    sandbox.gate.set()
    return RemoteBroker(Wire(broker), sandbox, TASKS)  # type: ignore[arg-type]


def test_a_worker_elsewhere_verifies_what_waits_here(broker: LocalBroker, here: Fake) -> None:
    remote = elsewhere(broker)
    assert [remote.verify(key).detail for key in KEYS[1:]] == ["elsewhere"] * 3
    here.gate.set()
    assert [remote.verify(key).detail for key in KEYS] == ["here"] + ["elsewhere"] * 3
    assert broker.verified_elsewhere == 3


def test_a_worker_elsewhere_tells_what_the_base_tests_say_too(broker: LocalBroker) -> None:
    found = elsewhere(broker).verify(KEYS[3])
    assert (found.verdict, found.base) == (Verdict.WRONG, Verdict.PASS)
    assert elsewhere(broker).verify(KEYS[2]).base is None  # a task without base tests


def test_a_worker_that_isolates_otherwise_gets_the_first_machines_verdict(broker: LocalBroker, here: Fake) -> None:
    here.gate.set()
    assert elsewhere(broker, "namespaces").verify(KEYS[1]).detail == "here"


def test_a_worker_whose_sandbox_fails_leaves_it_to_the_first_machine(broker: LocalBroker, here: Fake) -> None:
    remote = elsewhere(broker, fails=True)
    threading.Timer(0.2, here.gate.set).start()
    assert [remote.verify(key).detail for key in KEYS[1:]] == ["here"] * 3
    assert broker.verified_elsewhere == 0


def test_what_a_dead_worker_had_taken_on_is_verified_here(broker: LocalBroker, here: Fake) -> None:
    wire = Wire(broker)
    broker.serve(wire, 1, Claim(KEYS[1], "process"))
    assert decode(wire.receive()) == (1, Said("def f(x): return x + 1"))
    broker.serve(wire, 2, Claim(KEYS[1], "process"))
    assert decode(wire.receive()) == (2, Denied())  # nobody else gets it
    broker.gone(wire)
    here.gate.set()
    assert broker.verify(KEYS[1]).detail == "here"


def test_a_test_that_failed_while_it_waited_is_recorded_without_an_answer(tmp_path: Path, here: Fake) -> None:
    """As where pytest-timeout cuts an item off: the worker does not wait once more."""
    config = {"ladder": ["m"], "trials": 1, "timeout": 10.0, "memory": 1024, "suites": {}, "models": {}}
    run = RunDirectory.open(tmp_path / "slow", config)
    model = ScriptedModel("m", lambda *_: "", latency=3600.0)
    pipeline = Pipeline({"m": model}, here, run, verifiers=1)  # type: ignore[arg-type]
    pipeline.start(TASKS, KEYS)
    remote = RemoteBroker(Wire(LocalBroker(pipeline, run, "process")))
    assert remote.record(KEYS[0], Verdict.UNMEASURED, "cut off").detail == "cut off"
    pipeline.close()
    run.close()


def test_a_question_about_a_trial_that_nobody_planned(broker: LocalBroker) -> None:
    wire = Wire(broker)
    broker.serve(wire, 1, Verify(Key("s", "T/9", "m", 0)))
    assert decode(wire.receive()) == (1, NotMeasured("the trial is not in the plan of the run"))
