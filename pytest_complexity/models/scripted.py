"""A model that needs no key, no file and no server: for tests, demonstrations and trying out options."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pytest_complexity.core.fields import COUNT, NAME, STRING, Fields
from pytest_complexity.core.jsonl import line_of, read_jsonl
from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import ModelError
from pytest_complexity.models import Completion, Price, Unanswered
from pytest_complexity.models.spec import ModelSpec

#: What it says of (task, trial); an exception is raised.
Script = Callable[[Task, int], "str | Exception"]


class ScriptedModel:
    """Answers with the reference solution in a share `right` of the trials, else with `pass`; or as `script` says.

    `latency` is in seconds. Which trials it solves depends on name, task, trial and seed alone. Its tokens are words.
    `answers_sha256` identifies the answers behind the script, where they come from a file.
    """

    def __init__(
        self,
        name: str,
        script: Script | None = None,
        *,
        right: float = 1.0,
        latency: float = 0.0,
        price: Price | None = None,
        seed: int = 0,
        answers_sha256: str | None = None,
    ) -> None:
        self.name = name
        self.price = price
        self._script = script or self._solution
        self._right = right
        self._latency = latency
        self._seed = seed
        self._answers_sha256 = answers_sha256

    @property
    def definition(self) -> Mapping[str, Any]:
        """What decides its answers."""
        answers = {"answers_sha256": self._answers_sha256} if self._answers_sha256 else {}
        return {"adapter": "scripted", "right": self._right, "seed": self._seed, **answers}

    def check(self) -> None:
        """It can always run."""

    def most_tokens(self, task: Task) -> tuple[int, int]:
        """See `Bounded`."""
        return len(task.text.split()), max(1, len(task.code.split()))

    async def complete(self, _: str, task: Task, trial: int) -> Completion:
        """See `Model`."""
        await asyncio.sleep(self._latency)
        said = self._script(task, trial)
        if isinstance(said, Exception):
            raise said
        return Completion(said, len(task.text.split()), len(said.split()), self._latency)

    def _solution(self, task: Task, trial: int) -> str | Exception:
        if random.Random(f"{self._seed} {self.name} {task.task_id} {trial}").random() >= self._right:
            return "```python\npass\n```"
        if not task.code:
            return Unanswered(
                f"the scripted model answers with the reference solution, and {task.task_id} has none: "
                "give the task a field 'code', or the model its answers (answers = \"FILE\" in its table)"
            )
        return f"```python\n{task.prompt_code}{task.code}\n```"


def make(spec: ModelSpec) -> ScriptedModel:
    """The adapter `scripted`. Raises `ModelError` for a file of answers that cannot be used."""
    right = spec.get("right", float, 1.0)
    if not 0 <= right <= 1:
        raise spec.wrong("right", "a share from 0 to 1", right)
    spec.sampling()  # is accepted, and changes nothing
    path = spec.path("answers")
    answers = read_answers(path) if path else None
    return ScriptedModel(
        spec.name,
        _script(answers, str(path)) if answers is not None else None,
        right=right,
        latency=spec.get("latency", float, 0.0),
        price=spec.price(),
        seed=spec.seed,
        answers_sha256=_digest(answers) if answers is not None else None,
    )


Answers = Mapping[tuple[str, "int | None"], str]  # by task and trial; trial None: any


def read_answers(path: Path) -> Answers:
    """The lines `{"task_id", "completion"}` of a file; with `trial`, for that trial alone. Raises `ModelError`."""
    answers: dict[tuple[str, int | None], str] = {}
    for number, record in read_jsonl(path, ModelError):
        fields = Fields(record, line_of(path, number), ModelError)
        key = fields.get("task_id", NAME), fields.get("trial", COUNT.or_null())
        if key in answers:
            raise fields.wrong("task_id", f"{key[0]!r} is answered by an earlier line. Keep one of the two")
        answers[key] = fields.get("completion", STRING)
    return answers


def _script(answers: Answers, where: str) -> Script:
    def answer(task: Task, trial: int) -> str | Exception:
        for key in ((task.task_id, trial), (task.task_id, None)):
            if key in answers:
                return answers[key]
        return Unanswered(f"{where} has no answer to trial {trial} of {task.task_id}: add a line")

    return answer


def _digest(answers: Answers) -> str:
    rows = [[task_id, trial, text] for (task_id, trial), text in answers.items()]
    return hashlib.sha256(json.dumps(sorted(rows, key=str)).encode()).hexdigest()
