"""Sandboxes on every processor of a Ray cluster: programs go out in batches, and verdicts come back to one driver.

    with Cluster("HEAD:6379") as cluster:
        cluster.check(Program(code="def f(x): return x + 1", tests=("assert f(1) == 2",))).verdict

Needs the extra `ray`, and this package on every node. A node that dies loses no program: what it had not answered is
run elsewhere, and an answer counts once.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import queue
import re
import socket
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from importlib.metadata import version
from types import TracebackType
from typing import Any

from pytest_complexity.errors import SandboxError
from pytest_complexity.sandbox import Check, Limits, Program, Sandbox

BATCH = 32  #: programs of one message, at most
AHEAD = 2  #: batches that an actor has, so that it does not wait for the next
ATTEMPTS = 3  #: of a batch whose actor dies, before its programs are given up
WAITING = 10_000  #: programs that wait here, above which whoever brings more is made to wait
PROBE_SECONDS = 120.0
_MOST_THREADS = 1024
HERE = "here"  #: in place of an address: the cluster that `ray start` left on this machine, else a new one here

_Answer = Sequence["Check | str"]


@dataclass(frozen=True)
class Node:
    """A machine of the cluster, as verdicts depend on it."""

    name: str
    processors: int
    level: str
    python: str
    package: str


class Worker:
    """One actor: a processor with a sandbox of its own."""

    def __init__(self, level: str | None, limits: Limits) -> None:
        self._sandbox = Sandbox(level, 1, limits)

    def check_all(self, programs: Sequence[Program]) -> _Answer:
        """A verdict for each, or why there is none."""
        return [self._check(program) for program in programs]

    def _check(self, program: Program) -> Check | str:
        try:
            return self._sandbox.check(program)
        except SandboxError as why:
            return str(why)


@dataclass
class _Batch:
    programs: list[tuple[Program, Future[Check]]]
    attempts: int = 0


@dataclass
class _Actor:
    handle: Any
    batches: list[_Batch] = field(default_factory=list)


class Cluster:
    """Verifies like a `Sandbox`, on all processors of a cluster. `check` and `submit` may be called from any thread.

    `address`: HOST:PORT of a Ray cluster, or `HERE`. `level` is
    the least isolation to accept; without it all nodes must have the same. Raises SandboxError, which lists the nodes
    where they differ.
    """

    def __init__(
        self,
        address: str = HERE,
        level: str | None = None,
        limits: Limits | None = None,
        worker: type = Worker,
    ) -> None:
        self._ray = _connected(address)
        self.limits = limits = limits or Limits()
        self.nodes = _nodes(self._ray, level)
        self.level = _common_level(self.nodes, level)
        self.workers = int(self._ray.available_resources().get("CPU", 0))  # others may have taken some
        if not self.workers:
            raise SandboxError("the Ray cluster has no free processor. Wait, or add nodes")
        made = self._ray.remote(num_cpus=1, max_restarts=0)(worker)
        self._actors = [_Actor(made.remote(level, limits)) for _ in range(self.workers)]
        self._waiting: deque[_Batch] = deque()
        self._events: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(WAITING)
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="complexity-cluster", daemon=True)
        self._thread.start()

    @property
    def at_once(self) -> int:
        """How many threads that `check` keep all workers busy."""
        return min(_MOST_THREADS, self.workers * AHEAD * 4)

    def check(self, program: Program) -> Check:
        """The verdict on one program; blocks. Raises SandboxError where the harness failed."""
        return self.submit(program).result()

    def submit(self, program: Program) -> Future[Check]:
        """The same later; blocks only while too many wait. The future raises SandboxError."""
        if not program.tests and not program.test_source:
            raise SandboxError("a program without tests has no verdict: give the task a test_list")
        if self._closed:
            raise SandboxError("the cluster is closed")
        self._room.acquire()
        future: Future[Check] = Future()
        self._events.put(lambda: self._add(program, future))
        return future

    def close(self) -> None:
        """Ends the actors. What is still waiting ends in a SandboxError."""
        if not self._closed:
            self._closed = True
            self._events.put(None)
            self._thread.join()
            for actor in self._actors:
                with contextlib.suppress(Exception):  # dead already
                    self._ray.kill(actor.handle)

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- on the thread of the dispatcher ------------------------------------------------------------------------

    def _run(self) -> None:
        while (event := self._events.get()) is not None:
            event()
            while not self._events.empty():  # what came meanwhile goes out together
                if (event := self._events.get()) is None:
                    return self._end()
                event()
            self._send()
        return self._end()

    def _end(self) -> None:
        while not self._events.empty():
            if event := self._events.get():
                event()
        for batch in [*self._waiting, *(batch for actor in self._actors for batch in actor.batches)]:
            self._give_up(batch, "the cluster is closed")

    def _add(self, program: Program, future: Future[Check]) -> None:
        last = self._waiting[-1] if self._waiting else None
        if last is None or last.attempts or len(last.programs) >= BATCH:
            last = _Batch([])
            self._waiting.append(last)
        last.programs.append((program, future))

    def _send(self) -> None:
        for ahead in range(AHEAD):  # each gets one before any gets two
            for actor in self._actors:
                if not self._waiting:
                    return
                if len(actor.batches) == ahead:
                    self._ask(actor, self._next())

    def _next(self) -> _Batch:
        """The next batch; where few wait, a part of it, so that all actors have work."""
        batch, most = self._waiting[0], max(1, sum(len(each.programs) for each in self._waiting) // len(self._actors))
        if batch.attempts or len(self._waiting) > len(self._actors) or len(batch.programs) <= most:
            return self._waiting.popleft()
        part, batch.programs = batch.programs[:most], batch.programs[most:]
        return _Batch(part)

    def _ask(self, actor: _Actor, batch: _Batch) -> None:
        actor.batches.append(batch)
        batch.attempts += 1
        answer = actor.handle.check_all.remote([program for program, _ in batch.programs])
        answer.future().add_done_callback(lambda done: self._events.put(lambda: self._answered(actor, batch, done)))

    def _answered(self, actor: _Actor, batch: _Batch, done: Future[_Answer]) -> None:
        actor.batches.remove(batch)
        why = done.exception()
        if why is None:
            for (_, future), said in zip(batch.programs, done.result(), strict=True):
                self._settle(future, SandboxError(said) if isinstance(said, str) else said)
            return
        if actor in self._actors:
            self._actors.remove(actor)
        if not self._actors:
            self._give_up(batch, f"no node of the cluster is left ({type(why).__name__})")
            while self._waiting:
                self._give_up(self._waiting.popleft(), "no node of the cluster is left")
        elif batch.attempts >= ATTEMPTS:
            self._give_up(batch, f"{ATTEMPTS} workers died with it ({type(why).__name__})")
        else:
            self._waiting.appendleft(batch)

    def _give_up(self, batch: _Batch, why: str) -> None:
        for _, future in batch.programs:
            self._settle(future, SandboxError(why))

    def _settle(self, future: Future[Check], said: Check | SandboxError) -> None:
        self._room.release()
        with contextlib.suppress(InvalidStateError):  # whoever asked has given up
            if isinstance(said, SandboxError):
                future.set_exception(said)
            else:
                future.set_result(said)


def address(text: str) -> str:
    """What a person gave as an address. Raises ValueError, with what was expected."""
    if text != HERE and not re.fullmatch(r"(ray://)?[^/\s]+:\d+", text):
        raise ValueError(f"expected HOST:PORT, got {text!r}")
    return text


def _connected(address: str) -> Any:
    if importlib.util.find_spec("ray") is None:
        raise SandboxError("ray is not installed: pip install 'pytest-complexity[ray]'")
    if address != HERE:
        _reach(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray  # noqa: PLC0415 - an extra

    given: dict[str, Any] = {"include_dashboard": False} if address == HERE else {"address": address}
    try:
        if not ray.is_initialized():
            ray.init(**given, log_to_driver=False, logging_level="ERROR")
    except Exception as why:  # the library raises of every kind, for versions that differ among others
        raise SandboxError(" ".join(f"no Ray cluster at {address}: {why}".split())[:300]) from None
    return ray


def _reach(address: str) -> None:
    """Raises SandboxError where nothing listens: the library itself would wait for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, ValueError, OverflowError) as why:
        raise SandboxError(f"no Ray cluster at {address}: {why}. Give its HOST:PORT, as `ray start` told it") from None


def _nodes(ray: Any, level: str | None) -> tuple[Node, ...]:
    """Every node that has processors for us, asked by a task that runs on it. Raises SandboxError."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415 - an extra

    alive = [each for each in ray.nodes() if each["Alive"] and each["Resources"].get("CPU", 0) >= 1]
    probe = ray.remote(num_cpus=0, max_retries=0)(_probe)
    asked = [
        probe.options(scheduling_strategy=NodeAffinitySchedulingStrategy(each["NodeID"], soft=False)).remote(level)
        for each in alive
    ]
    found = []
    for each, answer in zip(alive, asked, strict=True):
        name = f"{each['NodeManagerHostname']} ({each['NodeID'][:6]})"
        try:
            facts = ray.get(answer, timeout=PROBE_SECONDS)
        except Exception as why:  # whatever a node lacks: this package, Python, a sandbox
            raise SandboxError(" ".join(f"node {name}: {why}".split())[:300]) from None
        found.append(Node(name, int(each["Resources"]["CPU"]), *facts))
    if not found:
        raise SandboxError("the Ray cluster has no node with a processor")
    return tuple(found)


def _probe(level: str | None) -> tuple[str, str, str]:
    with Sandbox(level) as sandbox:
        return sandbox.level, platform.python_version(), version("pytest-complexity")


def _common_level(nodes: Sequence[Node], level: str | None) -> str:
    """The level that all nodes give at least. Raises SandboxError where verdicts would depend on the node."""
    kinds = {(node.python.rsplit(".", 1)[0], node.package, None if level else node.level) for node in nodes}
    if len(kinds) > 1:
        listed = "; ".join(f"{node.name}: sandbox {node.level}, Python {node.python}, {node.package}" for node in nodes)
        accept = (
            ""
            if len({kind[:2] for kind in kinds}) > 1
            else ", or accept less with --sandbox (under pytest --cx-sandbox)"
        )
        raise SandboxError(f"the nodes differ: {listed}. Make them alike{accept}")
    levels = {node.level for node in nodes}
    return level if level is not None and len(levels) > 1 else nodes[0].level
