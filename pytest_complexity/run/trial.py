"""What a test gets: one completion of one task by one model, to verify or to judge itself."""

from __future__ import annotations

from pytest_complexity.core.outcomes import Key, Outcome
from pytest_complexity.core.tasks import Task
from pytest_complexity.run.broker import Desk


class Trial:
    """The `trial` fixture."""

    def __init__(self, key: Key, task: Task, desk: Desk) -> None:
        self.key = key
        self.task = task
        self.outcome: Outcome | None = None
        self._desk = desk

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
        self._desk.completion(self.key)  # what was never answered cannot be judged
        cleaned = " ".join(detail.encode("utf-8", "replace").decode().split())[:200]
        self.outcome = self._desk.record(self.key, bool(passed), cleaned)
        return self.outcome

    def __repr__(self) -> str:
        return f"<Trial {self.key}>"
