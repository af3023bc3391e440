"""Which model gets a request: the router's word, a conversation's own model, and what is left when these fail.

All of it runs on the server's event loop, the classifier alone on a thread of its own.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Literal

from pytest_complexity.learning.router import Route, Router

_MOST_AT_ONCE = 64  # prompts that the classifier judges together
_log = logging.getLogger(__name__)

Policy = Literal["router", "session", "named", "default", "cascade"]


@dataclass(frozen=True)
class Decision:
    """The model to ask, and why: `router`, `session` (the conversation's model), `named` (the client's choice),

    `default` (the router failed) or `cascade` (the request brought its checks). `chances`: what the router said.
    """

    model: str
    policy: Policy
    chances: Mapping[str, float] = field(default_factory=dict)
    level: int | None = None

    @property
    def chance(self) -> float | None:
        """The model's predicted chance of success, where the router gave one."""
        return self.chances.get(self.model)


class Chooser:
    """Decides. `default` is asked where the router fails or takes longer than `seconds`."""

    def __init__(self, router: Router, default: str, *, seconds: float, sessions: int) -> None:
        self._batches = _Batches(router)
        self._default = default
        self._seconds = seconds
        self._most = sessions
        self._sessions: OrderedDict[str, Decision] = OrderedDict()

    async def choose(self, prompt: str, session: str | None = None) -> Decision:
        """The model for a prompt; never raises. `session` names a conversation, which stays with its first model."""
        if session is not None and (known := self._sessions.get(session)):
            self._sessions.move_to_end(session)
            return replace(known, policy="session")
        try:
            route = await asyncio.wait_for(self._batches.route(prompt), self._seconds)
            decision = Decision(route.model, "router", route.chances, route.level)
        except Exception as why:  # a router of any kind may fail in any way; the client must not notice
            _log.warning("router failed (%s): %s is asked", type(why).__name__, self._default)
            return Decision(self._default, "default")
        if session is not None:
            self._sessions[session] = decision
            while len(self._sessions) > self._most:
                self._sessions.popitem(last=False)
        return decision

    def close(self) -> None:
        """Lets the classifier's thread end."""
        self._batches.close()


class _Batches:
    """One thread for the classifier; it takes the prompts that wait together, and none waits for others to come."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="router")
        self._waiting: list[tuple[str, asyncio.Future[Route]]] = []
        self._working: asyncio.Task[None] | None = None

    async def route(self, prompt: str) -> Route:
        future: asyncio.Future[Route] = asyncio.get_running_loop().create_future()
        self._waiting.append((prompt, future))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
                batch = [each for each in batch if not each[1].done()]  # those that gave up
                found = await asyncio.get_running_loop().run_in_executor(
                    self._thread, self._routed, [prompt for prompt, _ in batch]
                )
                for (_, future), route in zip(batch, found, strict=True):
                    if future.done():
                        continue
                    if isinstance(route, Exception):
                        future.set_exception(route)
                    else:
                        future.set_result(route)
        finally:
            self._working = None

    def _routed(self, prompts: Sequence[str]) -> Sequence[Route | Exception]:
        try:
            return self._router.route_all(prompts)
        except Exception as why:
            if len(prompts) == 1:
                return [why]
            return [route for prompt in prompts for route in self._routed([prompt])]

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)


class Ladder:
    """Which models answer at present, in the ladder's order."""

    def __init__(self, names: Sequence[str], seconds: float) -> None:
        self.names = tuple(names)
        self._seconds = seconds
        self._until: dict[str, float] = {}

    def mark_down(self, name: str) -> None:
        """It did not answer: pass it over for a while."""
        if name not in self.down():
            _log.warning("model %r is down: passed over for %g s", name, self._seconds)
        self._until[name] = time.monotonic() + self._seconds

    def mark_up(self, name: str) -> None:
        """It answers."""
        self._until.pop(name, None)

    def down(self) -> list[str]:
        """Those that are passed over now."""
        now = time.monotonic()
        return [name for name, until in self._until.items() if until > now]

    def order(self, first: str) -> list[str]:
        """The models to try: `first`, those above it, those below it; the ones that are down come last."""
        place = self.names.index(first) if first in self.names else len(self.names)
        order = [first, *self.names[place + 1 :], *reversed(self.names[:place])]
        down = self.down()
        return sorted(order, key=lambda name: name in down)
