"""What a test gets: one completion of one task by one model, to verify or to judge itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_complexity.core.outcomes import Key, Outcome, Verdict
from pytest_complexity.core.tasks import Task
from pytest_complexity.run import checks
from pytest_complexity.run.broker import Desk
from pytest_complexity.run.extraction import extract_code
from pytest_complexity.run.pipeline import program_of
from pytest_complexity.sandbox import LiveRun, ProgramStopped, Sandbox


class Trial:
    """The `trial` fixture. `sandbox` gives the one for live runs."""

    def __init__(self, key: Key, task: Task, desk: Desk, sandbox: Callable[[], Sandbox]) -> None:
        self.key = key
        self.task = task
        self.outcome: Outcome | None = None
        self._desk = desk
        self._sandbox = sandbox
        self._run: LiveRun | None = None
        self.judges = False  # whether the test's own body holds assertions on the program

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
        """What the model said. Raises `Unanswered` where nothing could be had: the trial is then unmeasured."""
        return self._desk.completion(self.key)

    def verify(self) -> Outcome:
        """Runs the task's assertions on the completion's code in the sandbox. Once: asking again costs nothing."""
        if self.outcome is None:
            self.outcome = self._desk.verify(self.key)
        return self.outcome

    def record(self, passed: bool, detail: str = "") -> Outcome:
        """States the verdict of a check of the test's own: `pass` or `wrong`, with a line on why."""
        return self._record(Verdict.PASS if passed else Verdict.WRONG, detail)

    def function(self, name: str) -> Callable[..., Any]:
        """A function of the completion's code, which runs in the sandbox when it is called.

        All calls of a trial meet one process, which `--cx-timeout` bounds as a whole. Arguments and results are copied
        and must be plain builtins. The program's exceptions are raised here as `ProgramError`; uncaught they are the
        verdict `error`. Raises ProgramError where there is no such function, ProgramStopped where the program ended.
        """
        code = extract_code(self.completion)
        self.judges = True
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
        self.judges = True
        if self.outcome is None or self.outcome.verdict is Verdict.PASS:
            verdict, detail = checks.run(test)
            self._record(verdict, detail)
        assert self.outcome is not None
        return self.outcome

    def conclude(self, error: BaseException | None) -> bool:
        """Takes the end of the test's body for a verdict where it has called the program; False: it is none.

        Without an exception that is a pass, unless there is a verdict already.
        """
        if isinstance(error, pytest.skip.Exception) or not self.judges:
            return False
        if error is None:
            if self.outcome is None:
                self._record(Verdict.PASS, "")
            return True
        judged = checks.verdict_of(error)
        if judged is not None:
            self._record(*judged)
        return judged is not None

    def close(self) -> None:
        """Ends what runs in the sandbox."""
        if self._run is not None:
            self._run.close()
            self._run = None

    def _record(self, verdict: Verdict, detail: str) -> Outcome:
        self._desk.completion(self.key)  # what was never answered cannot be judged
        cleaned = " ".join(detail.encode("utf-8", "replace").decode().split())[:200]
        self.outcome = self._desk.record(self.key, verdict, cleaned)
        return self.outcome

    def __repr__(self) -> str:
        return f"<Trial {self.key}>"
