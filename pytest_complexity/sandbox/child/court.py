"""The judge's process: one request after the other, each with a worker of its own, until something odd happens.

What it keeps from one trial to the next is the plan of each task and Python's own modules. It answers the
parent itself; the verifier only watches it. The kernel ends it (SIGALRM) at a trial's deadline, whatever it does
then, and the verifier says what came of the trial.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import struct
import sys
import time
from mmap import mmap
from typing import Any

from . import proxies, system, talk, trusted
from .judge import Judge
from .sandboxed import Ended, Sandboxed, ZygoteLost
from .wire import Channel

#: exit statuses: a new judge is due; so is a new sandbox; the parent has gone
RETIRED, REPLACE, CLOSED = 0, 2, 3
EXIT_PATIENCE = 1.0
NEAR = 0.5  #: of the limit: from here on it matters how long the program stood in line for a processor
MAX_PLANS = 64
MAX_TRIALS = 500  #: what a judge's trials leave in its heap stays small
RECURSION_LIMIT = 4000  #: reading a nested value takes several calls a level
_TIME = struct.Struct("<d")


class Note:
    """What the verifier must know if a judge dies: when its trial began; shared memory, 0 between trials."""

    def __init__(self) -> None:
        self._memory = mmap(-1, _TIME.size)

    @property
    def began(self) -> float:
        """Seconds of the monotonic clock."""
        return float(_TIME.unpack_from(self._memory)[0])

    @began.setter
    def began(self, at: float) -> None:
        _TIME.pack_into(self._memory, 0, at)


class OutOfMemory:
    """Whether the kernel has killed a process for want of memory since the last look before a trial."""

    def __init__(self) -> None:
        self._looked = 0.0
        self._seen = b""

    def look(self, now: float) -> None:
        """Remember the count; a second later is soon enough."""
        if now - self._looked > 1:
            self._looked, self._seen = now, _oom_kills()

    def happened(self) -> bool:
        """Whether the count has moved."""
        return _oom_kills() != self._seen


class Court:
    """Serves one parent with one sandbox."""

    def __init__(self, parent: socket.socket, sandbox: Sandboxed, memory_mb: int, note: Note) -> None:
        self._parent, self._sandbox, self._note = parent, sandbox, note
        self._memory = OutOfMemory()
        self._plans: dict[str, trusted.Plan] = {}
        self._memory_mb = memory_mb

    def sit(self, base: int) -> int:
        """Serve; the exit status of this process. `base`: the address space that it starts with, in bytes."""
        system.die_with_parent()
        system.limit_memory(base, 2 * self._memory_mb)
        proxies.reseed()
        gc.enable()
        sys.setrecursionlimit(RECURSION_LIMIT)
        try:
            if self._sandbox.worker is None:
                self._sandbox.fork()
        except ZygoteLost:
            return REPLACE
        try:
            for _ in range(MAX_TRIALS):
                status = self._serve(talk.receive(self._parent))
                if status is not None:
                    return status
        except (EOFError, OSError):
            return CLOSED
        self._sandbox.end()
        return RETIRED

    def _serve(self, request: dict[str, Any]) -> int | None:
        """Answer one request; a status where this process must end with it."""
        program = request["program"]
        try:
            plan = self._plan(program)
        except trusted.BrokenTask as error:
            talk.send(self._parent, {"error": str(error)})
            return None
        channel = self._sandbox.worker
        if channel is None or self._sandbox.lost():  # it died between two trials: nothing of this one has run
            talk.send(self._parent, {"error": "the sandbox is gone"})
            return REPLACE
        self._note.began = began = time.monotonic()
        self._memory.look(began)
        signal.setitimer(signal.ITIMER_REAL, request["seconds"])
        verdict, detail, sound = self._judge(channel, program, plan)
        signal.setitimer(signal.ITIMER_REAL, 0)
        seconds = time.monotonic() - began
        self._note.began = 0.0
        if sound and seconds < NEAR * request["seconds"]:
            answer(self._parent, verdict, detail, seconds)
            ended = end(self._sandbox, fork=True)
            return None if ended is not None and ended.clean else REPLACE
        ended = end(self._sandbox, patience=EXIT_PATIENCE if verdict == "lost" else 0.0, measure=True)
        if verdict == "lost":
            verdict, detail = cause(ended, self._memory)
        answer(self._parent, verdict, detail, seconds, ended.delay if ended else 0.0)
        return RETIRED if ended is not None and ended.clean and verdict not in ("crash", "tampered") else REPLACE

    def _judge(self, channel: socket.socket, program: dict[str, Any], plan: trusted.Plan) -> tuple[str, str, bool]:
        """Verdict, detail, and whether this process is afterwards what it was before."""
        try:
            judge = Judge(Channel(channel), program, plan)
            verdict, detail = judge.verdict()
            return verdict, detail, verdict in ("pass", "wrong", "error") and plan.pure and judge.pure
        except MemoryError:
            return "memory", "MemoryError", False
        except BaseException as error:
            return "error", f"{type(error).__name__} in the tests", False

    def _plan(self, program: dict[str, Any]) -> trusted.Plan:
        """The task's plan; the last few are kept, since a task's trials come one after the other."""
        key = repr([program[name] for name in trusted.FIELDS])  # JSON's lists cannot be keys
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= MAX_PLANS:
                del self._plans[next(iter(self._plans))]
            plan = self._plans[key] = trusted.plan(program)
        return plan


def answer(parent: socket.socket, verdict: str, detail: str, seconds: float, delay: float = 0.0) -> None:
    """Tell the parent; `waited` is the share of its time that the program stood in line for a processor."""
    waited = delay / max(seconds, 1e-9)
    talk.send(parent, {"verdict": verdict, "detail": detail, "seconds": seconds, "waited": waited})


def end(sandbox: Sandboxed, **how: Any) -> Ended | None:
    """As `Sandboxed.end`; None where the sandbox came down with the trial."""
    try:
        return sandbox.end(**how)
    except ZygoteLost:
        return None


def cause(ended: Ended | None, memory: OutOfMemory) -> tuple[str, str]:
    """Why a worker has left its channel."""
    status = ended.status if ended else None
    if ended and status is None:
        return "exit", "closed its channel"
    if status is not None and os.WIFEXITED(status):
        return "exit", f"exit status {os.WEXITSTATUS(status)}"
    number = os.WTERMSIG(status) if status is not None else signal.SIGKILL
    if number == signal.SIGKILL and memory.happened():
        return "memory", "killed by the kernel: out of memory"
    if ended is None:
        return "crash", "the sandbox was brought down"
    return "crash", signal.Signals(number).name if number in list(signal.Signals) else f"signal {number}"


def _oom_kills() -> bytes:
    try:
        with open("/proc/vmstat", "rb") as file:
            return file.read().partition(b"oom_kill ")[2].partition(b"\n")[0]
    except OSError:
        return b""
