"""Code and its tests go in, a verdict comes out. Knows neither models nor labels nor pytest.

    with Sandbox(workers=2) as sandbox:
        sandbox.check(Program(code="def f(x): return x + 1", tests=("assert f(1) == 2",))).verdict

A pass counts because the program tells each assertion's true expectation from false ones: docs/sandbox.md tells
how, and what it is not.
"""

from __future__ import annotations

import contextlib
import queue
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.errors import SandboxError
from pytest_complexity.sandbox import launch, levels
from pytest_complexity.sandbox.client import Client
from pytest_complexity.sandbox.live import LiveRun, ProgramError, ProgramStopped

__all__ = ["Check", "Limits", "LiveRun", "Program", "ProgramError", "ProgramStopped", "Sandbox"]

BUSY = 0.1  #: the share of its life in line for a processor from which a program's time is not its own
NEAR = 0.8  #: the share of the limit from which a time is close to it


@dataclass(frozen=True)
class Program:
    """A completion's code and the task's own text, in this order: imports, prompt, code, set-up, tests.

    A `code` that defines `entry_point` runs after `prompt_code`; any other continues it. `packages` may be
    imported beyond the standard library. `reference` answers what a right program might answer otherwise.
    `test_source` is a file of pytest-style tests, which needs pytest among the packages.
    """

    code: str
    tests: tuple[str, ...]
    test_imports: tuple[str, ...] = ()
    prompt_code: str = ""
    test_setup_code: str = ""
    entry_point: str | None = None
    visible_tests: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    reference: str = ""
    test_source: str = ""


@dataclass(frozen=True)
class Limits:
    """Wall time in seconds and memory in MiB for one verification."""

    seconds: float = 10.0
    memory_mb: int = 1024


@dataclass(frozen=True)
class Check:
    """What came of a program.

    `detail` is one short printable line without timing, addresses and paths. `visible`: did the visible
    tests pass (None: none). `borderline`: the program ran into the time limit on a busy machine and did
    otherwise alone. `uncontrolled`: a pass of a task that has no control, so it may be forged.
    """

    verdict: Verdict
    detail: str
    visible: bool | None
    borderline: bool
    seconds: float
    uncontrolled: bool = False


@dataclass(frozen=True)
class _Run:
    verdict: Verdict
    detail: str
    seconds: float
    waited: float
    visible: bool | None = None
    controlled: bool = False


class Sandbox:
    """Verifies programs, `workers` at a time, each in a process tree of its own.

    `level` is the least isolation to accept; the attribute says what this machine gives, and `notice` why it does not
    give more (empty: it does). Raises SandboxError where it gives less. Nothing else starts before the first check.
    """

    def __init__(self, level: str | None = None, workers: int = 1, limits: Limits = Limits()) -> None:
        self.level, self.notice = levels.choose(level)
        self.limits = limits
        self._turns = _Turns()
        self._verifiers: queue.LifoQueue[Client] = queue.LifoQueue()
        secret = secrets.token_hex(16)  # of what is offered beside the truth: alike for all runs of a task
        self._all = [Client(self.level, limits.memory_mb, secret) for _ in range(max(1, workers))]
        for verifier in reversed(self._all):
            self._verifiers.put(verifier)
        self._closed = False

    @property
    def notices(self) -> list[str]:
        """What a person should know of the level before the first verdict."""
        found = [f"the sandbox's level is {self.level}, for {self.notice}. See doctor"] if self.notice else []
        if self.level != "namespaces" and launch.stays_root(self.level):
            found.append(f"at the sandbox's level {self.level} programs run as root here: verify in a container")
        return found

    def check(self, program: Program) -> Check:
        """The verdict on one program; blocks while all workers are taken.

        Raises SandboxError where the harness failed.
        """
        if not program.tests and not program.test_source:
            raise SandboxError("a program without tests has no verdict: give the task a test_list")
        run, borderline = self._settled(program)
        uncontrolled = run.verdict is Verdict.PASS and not run.controlled
        return Check(run.verdict, run.detail, run.visible, borderline, run.seconds, uncontrolled)

    def start(self, program: Program) -> LiveRun:
        """Load a program and leave it loaded, for a test that calls its functions; its own tests are not run.

        Takes one of the workers until it is closed. Raises ProgramError and ProgramStopped for what the program does
        while it is loaded, SandboxError where the harness failed.
        """
        if self._closed:
            raise SandboxError("the sandbox is closed")
        return LiveRun(self._verifiers.get(), vars(program), self.limits.seconds, self._verifiers.put)

    def _settled(self, program: Program) -> tuple[_Run, bool]:
        """A run whose time is the program's own.

        One that a busy machine slowed near the limit is repeated alone.
        """
        with self._turns.shared():
            run = self._run(program)
        near = run.verdict is Verdict.TIMEOUT or run.seconds >= NEAR * self.limits.seconds
        if not near or run.waited < BUSY or run.verdict is Verdict.TAMPERED:
            return run, False
        with self._turns.alone():
            again = self._run(program)
        return again, again.verdict is not run.verdict

    def _run(self, program: Program) -> _Run:
        if self._closed:
            raise SandboxError("the sandbox is closed")
        verifier = self._verifiers.get()
        try:
            answer = verifier.ask(vars(program), self.limits.seconds)
        finally:
            self._verifiers.put(verifier)
        return _Run(**{**answer, "verdict": Verdict(answer["verdict"])})

    def close(self) -> None:
        """End all processes and remove all files. A check that is still running ends in a SandboxError."""
        self._closed = True
        for verifier in self._all:
            verifier.retired = True
            verifier.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Turns:
    """Many share, or one is alone; who wants to be alone goes before newcomers."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._sharing = 0
        self._lonely = 0
        self._taken = False

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._lonely and not self._taken)
            self._sharing += 1
        try:
            yield
        finally:
            with self._changed:
                self._sharing -= 1
                self._changed.notify_all()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        with self._changed:
            self._lonely += 1
            self._changed.wait_for(lambda: not self._sharing and not self._taken)
            self._lonely -= 1
            self._taken = True
        try:
            yield
        finally:
            with self._changed:
                self._taken = False
                self._changed.notify_all()
