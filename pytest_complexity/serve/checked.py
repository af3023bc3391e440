"""Requests that bring their checks: the cascade asks, the sandbox runs what was written, the first that passes wins."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_complexity.calls.cascade import Plan
from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import SandboxError, TaskError
from pytest_complexity.learning.cascade import Asked, Cascade, total_cost
from pytest_complexity.models import Completion, Price
from pytest_complexity.run.pipeline import check_of
from pytest_complexity.sandbox import Limits, Sandbox
from pytest_complexity.serve import AUTO, Bounds
from pytest_complexity.serve.forward import Answer
from pytest_complexity.serve.request import BadRequest, Request

CHECKS = "visible_tests"
_FROM_CLIENT = ("test_imports", "prompt_code", "test_setup_code", "entry_point")
_SHOWN = 20  # attempts in a header

Ask = Callable[[str], Awaitable[Answer]]


class NoAnswer(Exception):
    """A model's server said something else than an answer; the client gets that."""

    def __init__(self, model: str, answer: Answer) -> None:
        super().__init__(model)
        self.model = model
        self.answer = answer


@dataclass(frozen=True)
class Checked:
    """The answer to hand in, the model that gave it, and each attempt in order."""

    answer: Answer
    model: str
    passed: bool | None
    attempts: tuple[Asked, ...]

    @property
    def cost_usd(self) -> float | None:
        """Of all attempts, in US dollars; None where one is not known."""
        return total_cost(self.attempts)

    @property
    def tried(self) -> str:
        """The attempts as a header tells them: `small: failed, large: passed`."""
        words = {True: "passed", False: "failed", None: "unchecked"}
        return ", ".join(f"{each.model}: {words[each.passed]}" for each in self.attempts[:_SHOWN])


class Checker:
    """Serves requests by a plan on the ladder. One sandbox for all of them, started when it is first needed."""

    def __init__(self, plan: Plan, ladder: tuple[str, ...], prices: Mapping[str, Price | None], bounds: Bounds) -> None:
        self._plan = plan
        self._ladder = ladder
        self._prices = prices
        self._sandbox = Sandbox(None, bounds.check_workers, Limits(bounds.check_seconds, bounds.check_mb))

    async def complete(self, task: Task, ask: Ask) -> Checked:
        """Asks through `ask`, which takes a model's name. Raises `NoAnswer`, and what `ask` raises."""
        models = tuple(_Behind(name, self._prices.get(name), ask) for name in self._ladder)
        said = await Cascade(self._plan, models).acomplete(task, check=lambda text: self._passes(task, text))
        given = {name: list(model.answers) for name, model in zip(self._ladder, models, strict=True)}
        handed_in = next(answer for text, answer in given[said.model] if text == said.text)
        return Checked(handed_in, said.model, said.passed, said.attempts)

    def _passes(self, task: Task, text: str) -> bool:
        try:
            return check_of(task, text, self._sandbox).verdict.value == "pass"
        except SandboxError:  # nothing was seen to pass
            return False

    def close(self) -> None:
        """Ends the sandbox."""
        self._sandbox.close()


@dataclass
class _Behind:
    """A model of the ladder as the cascade sees it: each completion is the client's own request, sent on."""

    name: str
    price: Price | None
    ask: Ask
    answers: list[tuple[str, Answer]] = field(default_factory=list)

    @property
    def definition(self) -> Mapping[str, Any]:
        return {}

    async def complete(self, suite: str, task: Task, trial: int) -> Completion:
        answer = await self.ask(self.name)
        if answer.status != 200 or not answer.whole:
            raise NoAnswer(self.name, answer)
        text = _text_of(answer.held)
        self.answers.append((text, answer))
        return Completion(text, *answer.tokens())


def _text_of(body: bytes) -> str:
    """What the first choice says; nothing where there is none."""
    try:
        choice = json.loads(body)["choices"][0]
        text = choice["message"]["content"] if "message" in choice else choice["text"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return ""
    return text if isinstance(text, str) else ""


def task_of(asked: Request, prompt: str) -> Task | None:
    """The task whose tests are those that the request brings; None where it brings none. Raises `BadRequest`."""
    if CHECKS not in asked.ours:
        return None
    if asked.model != AUTO:
        raise BadRequest(f"field 'complexity.{CHECKS}': only model {AUTO!r} has checks run")
    if asked.get("stream"):
        raise BadRequest("field 'stream': expected false where the request brings checks, which need the whole answer")
    given = {name: asked.ours[name] for name in _FROM_CLIENT if name in asked.ours}
    try:
        task = Task.from_json({**given, "task_id": "request", "text": prompt or "-", "test_list": asked.ours[CHECKS]})
    except TaskError as why:
        raise BadRequest(f"field 'complexity': {why}".replace("test_list", CHECKS)) from None
    if not any(test.strip() for test in task.test_list):
        raise BadRequest(f"field 'complexity.{CHECKS}': expected at least one assertion, as text")
    return task
