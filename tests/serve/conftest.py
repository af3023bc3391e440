"""A trained router, and the server in front of servers that a test makes as good or as bad as it wants."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aiohttp", reason="serve needs aiohttp: pip install 'pytest-complexity[serve]'")

from aiohttp import web
from servers import ChatServer, Reply, said

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.labels import Labels, label_all
from pytest_complexity.learning.router import Router
from pytest_complexity.learning.training import fit
from pytest_complexity.models import Price
from pytest_complexity.models.openai import OpenAIModel, Server
from pytest_complexity.serve import Bounds
from pytest_complexity.serve.app import Settings, application
from pytest_complexity.serve.decisions import DecisionLog
from pytest_complexity.serve.upstream import upstreams

LADDER = ("small", "large")
EASY, HARD = "Write a function to add the number {n} to a list.", "Write a parser for the grammar of language {n}."
KEY = "sk-very-secret-key"


def labels() -> Labels:
    """Lists are easy, grammars are for the large model."""
    counts = [
        TaskCounts(
            "s",
            f"T/{n}",
            (HARD if n % 2 else EASY).format(n=n * 7919),
            dict.fromkeys(LADDER, 5),
            {"small": 0 if n % 2 else 5, "large": 5},
            5,
        )
        for n in range(60)
    ]
    return label_all(counts, LADDER)


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("router")
    made = labels()
    fit(made.rows, LADDER, made.rule).save(path)
    return path


@dataclass
class Serving:
    """The server under test and the two behind it. `answers` says what each of those replies."""

    url: str
    behind: dict[str, ChatServer]
    log: Path
    answers: dict[str, Callable[[dict[str, Any]], Reply]] = field(default_factory=dict)

    def asked(self, name: str) -> list[dict[str, Any]]:
        return self.behind[name].asked

    def decisions(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


Serve = Callable[..., Serving]


@pytest.fixture
def serve(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts it; `bounds`, `token` and `user_sessions` as the command's options, `router` in place of the trained."""
    monkeypatch.setenv("SERVE_TEST_KEY", KEY)
    with ExitStack() as stack:

        def start(*, bounds: Bounds | None = None, token: str | None = None, **more: Any) -> Serving:
            answers: dict[str, Callable[[dict[str, Any]], Reply]] = {}

            def replying(name: str) -> Callable[[dict[str, Any]], Reply]:
                def reply(body: dict[str, Any]) -> Reply:
                    answer = answers.get(name)  # as it is by then
                    return answer(body) if answer else said(f"{name} says so")

                return reply

            behind = {name: stack.enter_context(ChatServer(replying(name))) for name in LADDER}
            models = [
                OpenAIModel(name, f"{name}-v1", Server(server.url, "SERVE_TEST_KEY"), price=Price(place + 1, 10.0))
                for place, (name, server) in enumerate(behind.items())
            ]
            router = more.pop("router", None) or Router.load(directory)
            settings = Settings(router, upstreams(models), "large", token=token, bounds=bounds or Bounds(), **more)
            log = tmp_path / "decisions.jsonl"
            url = stack.enter_context(Running(application(settings, DecisionLog(log)))).url
            return Serving(url, behind, log, answers)

        yield start


class Running:
    """An application on an event loop in a thread of its own."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1.0)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.url = ""

    async def _start(self) -> str:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    def __enter__(self) -> Running:
        self._thread.start()
        self.url = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
