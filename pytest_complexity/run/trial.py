"""What a test gets: one completion of one task by one model, to verify or to check itself."""

from __future__ import annotations

from pytest_complexity.core.outcomes import Key, Outcome, Verdict
from pytest_complexity.core.tasks import Task
from pytest_complexity.run.broker import Broker


class Trial:
    """The `trial` fixture: `outcome` is None until the test has verified or recorded. Used on pytest's thread."""

    def __init__(self, key: Key, task: Task, broker: Broker) -> None:
        self.key = key
        self.task = task
        self.outcome: Outcome | None = None
        self._broker = broker
        self._read = False

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

    def record_exception(self, why: Exception) -> Outcome | None:
        """Records what the test raised over the answer: `wrong` for a failed assertion, else `error`.

        None, and nothing is recorded, where the test has recorded a verdict already or has not read the completion.
        """
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
