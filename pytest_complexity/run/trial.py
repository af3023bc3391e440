"""What a test gets: one completion of one task by one model, to verify or to check itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_complexity.core.outcomes import Key, Outcome, Verdict
from pytest_complexity.core.tasks import Task
from pytest_complexity.run import checks
from pytest_complexity.run.broker import Broker
from pytest_complexity.run.extraction import extract_code
from pytest_complexity.run.pipeline import program_of
from pytest_complexity.sandbox import LiveRun, ProgramStopped, Sandbox


class Trial:
    """The `trial` fixture: `outcome` is None until the test has verified or recorded. Used on pytest's thread.

    `sandbox` gives the one that functions of the program run in.
    """

    def __init__(self, key: Key, task: Task, broker: Broker, sandbox: Callable[[], Sandbox]) -> None:
        self.key = key
        self.task = task
        self.outcome: Outcome | None = None
        self._broker = broker
        self.asserts = False  #: whether the test's own body holds assertions on the program
        self._read = False
        self._sandbox = sandbox
        self._run: LiveRun | None = None

    @property
    def model(self) -> str:
        """The model's name on the ladder."""
        return self.key.model

    @property
    def index(self) -> int:
        """The trial's number, from 0."""
        return self.key.trial

    @property
    def completion(self) -> str:
        """What the model said. Raises `Unanswered` where there is no answer: the trial is then unmeasured."""
        said = self._broker.completion(self.key)
        self._read = True
        return said

    def verify(self) -> Outcome:
        """Runs the task's assertions on the completion's code in the sandbox. Once: asking again costs nothing."""
        if self.outcome is None:
            self.outcome = self._broker.verify(self.key)
        return self.outcome

    def record(self, passed: bool, detail: str = "") -> Outcome:
        """Records the verdict of the test's own check: `pass` or `wrong`, with a line that says why."""
        self._broker.completion(self.key)  # what was never answered has no verdict
        return self._record(Verdict.PASS if passed else Verdict.WRONG, detail)

    def function(self, name: str) -> Callable[..., Any]:
        """A function of the completion's code, which runs in the sandbox when it is called.

        All calls of a trial meet one process, which `--cx-timeout` bounds as a whole. Arguments and results are copied
        and must be plain builtins. The program's exceptions are raised here as `ProgramError`; uncaught they are the
        verdict `error`. Raises ProgramError where there is no such function, ProgramStopped where the program ended.
        """
        code = extract_code(self._broker.completion(self.key))
        self.asserts = True
        if code is None:
            raise ProgramStopped(Verdict.NO_CODE)
        if self._run is None:
            self._run = self._sandbox().start(program_of(self.task, code))
        return self._run.function(name)

    def check(self, test: Callable[[], object]) -> Outcome:
        """Runs a test on the program's functions, a plain one or a hypothesis test, and records its verdict.

        Hypothesis tries the same examples each time; the detail of a `wrong` is the smallest one that fails. After a
        verdict that is no pass further tests are not run. Raises what is the test's own mistake.
        """
        self.asserts = True
        if self.outcome is None or self.outcome.verdict is Verdict.PASS:
            self._record(*checks.run(test))
        assert self.outcome is not None
        return self.outcome

    def close(self) -> None:
        """Ends what runs in the sandbox."""
        if self._run is not None:
            self._run.close()
            self._run = None

    def record_end(self) -> Outcome | None:
        """Records that the test's body came to its end: `pass` where it has called the program and recorded nothing."""
        if self.outcome is None and self.asserts:
            self._record(Verdict.PASS, "")
        return self.outcome

    def record_exception(self, why: BaseException) -> Outcome | None:
        """Records what the test raised over the answer: `wrong` for a failed assertion, else `error`.

        None, and nothing is recorded, where the test has recorded a verdict already or has not read the completion. A
        test that has called the program may raise after a recorded pass too, and what neither the program nor an
        assertion raised is its own mistake: None again.
        """
        if self.asserts:
            said = checks.verdict_of(why)
            return self._record(*said) if said else None
        if self.outcome is not None or not self._read:
            return None
        lines = str(why).splitlines() or [""]
        if isinstance(why, AssertionError):
            return self._record(Verdict.WRONG, lines[0])
        return self._record(Verdict.ERROR, f"{type(why).__name__}: {lines[0]}")

    def record_unmeasured(self, reason: str) -> Outcome | None:
        """Records that the test came to no verdict; None where it did."""
        return None if self.outcome else self._record(Verdict.UNMEASURED, reason)

    def _record(self, verdict: Verdict, detail: str) -> Outcome:
        cleaned = " ".join(detail.encode("utf-8", "replace").decode().split())[:200]
        self.outcome = self._broker.record(self.key, verdict, cleaned)
        return self.outcome

    def __repr__(self) -> str:
        return f"<Trial {self.key}>"
