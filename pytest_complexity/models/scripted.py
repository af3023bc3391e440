"""A model that needs no key, no file and no server: for tests, demonstrations and trying out options."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any

from pytest_complexity.core.tasks import Task
from pytest_complexity.models import Completion, Price, Unanswered

#: What it says of (task, trial); an exception is raised.
Script = Callable[[Task, int], "str | Exception"]


class ScriptedModel:
    """Says the reference solution in a share `right` of the trials, else `pass`; or what its `script` says.

    `latency` is in seconds. Which trials it solves depends on name, task, trial and seed alone. Its tokens are words.
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
    ) -> None:
        self.name = name
        self.price = price
        self._script = script or self._solution
        self._right = right
        self._latency = latency
        self._seed = seed

    @property
    def definition(self) -> Mapping[str, Any]:
        """What decides its answers."""
        return {"adapter": "scripted", "right": self._right, "seed": self._seed}

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
            return Unanswered(f"a scripted model answers with the reference solution, and {task.task_id} has none")
        return f"```python\n{task.prompt_code}{task.code}\n```"
