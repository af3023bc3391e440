"""The trusted process of one verifying worker: plans a task's questions, has runs forked, reads what they report.

Single-threaded; waits on descriptors alone. It never executes a program, and believes a run's report only so far: a
pass is one that names the true choice of each question and no other. It exits when the parent goes, and everything
below it dies with it.
"""

from __future__ import annotations

import contextlib
import gc
import marshal
import os
import re
import secrets
import select
import signal
import socket
import sys
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from . import frames, plan, system
from .dialogue import Answer, Astray, Dialogue, Gone
from .sandboxed import Sandboxed, ZygoteLost

EXIT_PATIENCE = 1.0
NEAR = 0.5  #: of the limit: from here on it matters how long the program stood in line for a processor
FULL = (
    2**19
)  #: bytes for each MiB of the limit, half of it: a program that holds as much as its time ends is filling it
MAX_PLANS = 64
MAX_DETAIL = 200
PASS, TAMPERED, WRONG = "pass", "tampered", "wrong"


class ParentGone(Exception):
    """Nobody waits for a verdict any more."""


@dataclass(frozen=True)
class Result:
    """What came of one run; `lines`: those of the tests that the exception passed through.

    `answers`: by question, the sets of choices that held; `astray`: the first of them that is not the true one.
    """

    verdict: str
    detail: str = ""
    lines: tuple[str, ...] = ()
    visible: bool = False
    seconds: float = 0.0
    waited: float = 0.0  #: the share of its time that it stood in line for a processor
    answers: Mapping[int, frozenset[int]] = field(default_factory=dict)
    astray: Astray | None = None


class OutOfMemory:
    """Whether the kernel has killed a process for want of memory since the last look before a run."""

    def __init__(self) -> None:
        self._looked = 0.0
        self._seen = b""

    def look(self) -> None:
        """Remember the count; a second later is soon enough."""
        now = time.monotonic()
        if now - self._looked > 1:
            self._looked, self._seen = now, _oom_kills()

    def happened(self) -> bool:
        """Whether the count has moved."""
        return _oom_kills() != self._seen


def _oom_kills() -> bytes:
    try:
        with open("/proc/vmstat", "rb") as file:
            return file.read().partition(b"oom_kill ")[2].partition(b"\n")[0]
    except OSError:
        return b""


class Verifier:
    """Serves one parent until it goes. Descriptor and settings are `main`'s."""

    def __init__(self, parent: socket.socket, settings: dict[str, Any]) -> None:
        self._parent = parent
        self._settings = settings
        self._secret: str = settings["secret"]
        self._sandbox: Sandboxed | None = None
        self._plans: dict[str, plan.Plan] = {}
        self._memory = OutOfMemory()
        self._dialogue = Dialogue(self, parent)

    def serve(self) -> None:
        """Answer every request with a verdict or an `error`, which is the harness's own."""
        try:
            os.mkdir(self._settings["directory"], 0o711)
            self._ready()
            while True:
                frames.send_json(self._parent, self._answer(frames.receive_json(self._parent)))
                self._ready()
        except (EOFError, OSError, ParentGone, Gone):
            pass
        finally:
            self._close()
            system.remove(self._settings["directory"])

    def _ready(self) -> None:
        """Have a zygote, if one is to be had: whoever asks next hears why not."""
        if self._sandbox is None:
            with contextlib.suppress(ZygoteLost):
                self._start()

    def _start(self) -> None:
        """Start a zygote, in directories of its own: the last one's may be in any state."""
        system.empty(self._settings["directory"])
        for directory, user in self._settings["directories"].items():
            os.mkdir(directory, 0o755)
            if user:
                os.chown(directory, user, user)
        for link, path in self._settings["links"].items():
            os.symlink(path, link)
        self._sandbox = Sandboxed(self._settings)

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            if "live" in request:
                return self._dialogue.answer(request)
            task = self._planned(request["program"], request["seconds"])
            result = self._verdict(request["program"], task, request["seconds"])
        except (plan.BrokenTask, ZygoteLost) as error:
            return {"error": str(error)}
        visible = (result.visible or (result.verdict == PASS and task.shown_among_tests)) if task.has_visible else None
        return {
            "verdict": result.verdict,
            "detail": _detail(result, task),
            "visible": visible,
            "controlled": bool(task.answers),
            "seconds": result.seconds,
            "waited": result.waited,
        }

    def _verdict(self, program: dict[str, Any], task: plan.Plan, seconds: float) -> Result:
        """The verdict: of how the run ended, or of the first answer that is not the true one."""
        result = self._run(program, task.body, seconds, task.answers)
        visible = result.visible and _right(result, task.shown)
        if result.verdict == PASS and not _right(result, task.answers):
            result = replace(result, verdict=TAMPERED, detail="leaves assertions without an answer")
        return replace(result, visible=visible and result.verdict != TAMPERED)

    def _planned(self, program: dict[str, Any], seconds: float) -> plan.Plan:
        """The task's plan; the last few are kept, since a task's trials come one after the other."""
        key = repr([program[name] for name in plan.FIELDS])  # JSON's lists cannot be keys
        made = self._plans.get(key)
        if made is None:
            if len(self._plans) >= MAX_PLANS:
                del self._plans[next(iter(self._plans))]
            made = self._plans[key] = self._tried(program, plan.make(program, self._secret), seconds)
        return made

    def _tried(self, program: dict[str, Any], made: plan.Plan, seconds: float) -> plan.Plan:
        """The plan without the questions that a right program may answer wrongly, as the reference does."""
        if not made.unsound or not program["reference"].strip():
            return made
        result = self._run({**program, "code": program["reference"]}, made.body, seconds, {})
        wrong = {number for number in made.unsound if not _right(result, {**made.answers, **made.shown}, number)}
        return plan.make(program, self._secret, frozenset(wrong)) if wrong else made

    # -- one run ------------------------------------------------------------------------------------------------

    def _run(self, program: dict[str, Any], body: bytes, seconds: float, answers: Mapping[int, int]) -> Result:
        """One run of a program on some tests, whose true answers are `answers`.

        Raises ZygoteLost where there is none to be had.
        """
        channel = self.channel()
        token = secrets.token_hex(8).encode()
        began = time.monotonic()
        try:
            reports = _Reports(token, answers)
            head = (token, program["code"], program["prompt_code"], program["entry_point"])
            order = frames.pack(marshal.dumps(head)) + frames.pack(body)
            self._listen(channel, reports, order, began + seconds)
            result = self.conclude(reports, channel, time.monotonic() - began, seconds)
        finally:
            channel.close()
        return result

    def channel(self) -> socket.socket:
        """The socket to a run that waits for its order. Raises ZygoteLost."""
        if self._sandbox is None:
            self._start()
            assert self._sandbox is not None
        self._memory.look()
        return self._sandbox.channel()

    def end_run(self) -> None:
        """Leave nothing of a run that has no verdict. Raises ZygoteLost."""
        if self._sandbox is not None:
            self._sandbox.end()

    def _listen(self, channel: socket.socket, reports: _Reports, order: bytes, deadline: float) -> None:
        poll = select.poll()
        poll.register(channel, select.POLLIN)
        poll.register(self._parent, getattr(select, "POLLRDHUP", 0))
        channel.settimeout(max(0.0, deadline - time.monotonic()))
        with contextlib.suppress(OSError):  # it has left, or will not read: as below
            channel.sendall(order)
        while not reports.over:
            ready = dict(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))
            if self._parent.fileno() in ready:
                raise ParentGone
            if not ready:
                reports.late = True
                break
            reports.take(_received(channel))

    def conclude(self, reports: _Reports | Answer, channel: socket.socket, seconds: float, limit: float) -> Result:
        """End the run, and say what came of it."""
        assert self._sandbox is not None
        delay = self._sandbox.delay() if seconds > NEAR * limit or reports.late else 0.0
        full = reports.late and self._sandbox.resident() > self._settings["memory_mb"] * FULL
        lost = not reports.late and not reports.ended
        status: int | None = None
        try:
            status = self._sandbox.end(EXIT_PATIENCE if lost and not reports.forged else 0.0)
        except ZygoteLost:
            self._close()
            verdict, detail = (
                ("memory", _KILLED) if self._memory.happened() else ("crash", "the sandbox was brought down")
            )
            return Result(verdict, detail, seconds=seconds)
        channel.setblocking(False)
        while not reports.forged and not reports.late and (more := _received(channel)):
            reports.take(more)  # what was on its way: nothing may follow the end
        kind, lines, said = reports.ended or (b"", b"", b"")
        verdict, text = kind.decode(), said.decode("utf-8", "replace")
        if reports.forged:
            verdict, text = TAMPERED, reports.forged
        elif reports.astray:
            _, held, true, _ = reports.astray
            verdict, text = (TAMPERED if held >> true & 1 else WRONG), "takes what is not true for true"
        elif reports.late:
            verdict, text = ("memory", "was filling it when its time was up") if full else ("timeout", "")
        elif lost:
            verdict, text = self._cause(status)
        if verdict == "crash":
            self._close()
        passed = tuple(lines.decode("ascii", "replace").split())
        waited = delay / max(seconds, 1e-9)
        answers = {number: frozenset(held) for number, held in reports.answers.items()}
        return Result(verdict, text, passed, reports.visible, seconds, waited, answers, reports.astray)

    def _cause(self, status: int | None) -> tuple[str, str]:
        """Why a run has left its channel."""
        if status is None:
            return "exit", "closed its channel"
        if os.WIFEXITED(status):
            return "exit", f"exit status {os.WEXITSTATUS(status)}"
        number = os.WTERMSIG(status)
        if number == signal.SIGKILL and self._memory.happened():
            return "memory", _KILLED
        number = signal.SIGKILL if number == signal.SIGSYS else number  # what the filter ends it with in its place
        return "crash", signal.Signals(number).name if number in list(signal.Signals) else f"signal {number}"

    def _close(self) -> None:
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None
        _kill_strays()


_KILLED = "killed by the kernel: out of memory"
_SAID = re.compile(rb"[0-9]{1,4}\0[0-9a-f]{1,64}")


class _Reports:
    """What a run has said so far; `answers` are the true ones of the questions that decide."""

    def __init__(self, token: bytes, answers: Mapping[int, int]) -> None:
        self._token = token
        self._true = answers
        self.answers: dict[int, set[int]] = {}
        self.astray: Astray | None = None
        self._buffer = b""
        self._size = 0
        self._closed = False
        self._shown = False
        self.visible = False
        self.late = False
        self.forged = ""
        self.ended: tuple[bytes, bytes, bytes] | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more is to come."""
        return bool(self.ended or self.forged or self._closed)  # a false answer ends nothing: it would be told by that

    def take(self, data: bytes) -> None:
        """Read on; no data: the channel was closed."""
        self._closed = not data
        self._size += len(data)
        self._buffer += data
        bodies, self._buffer = frames.unpack(self._buffer)
        for body in bodies:
            self._report(body.split(frames.SEPARATOR))
        if self._size > frames.MAX_REPORT or (self._buffer and (self._closed or self.ended)):
            self.forged = self.forged or "a report that is none"

    def _report(self, fields: list[bytes]) -> None:
        token, *rest = fields
        if token != self._token:
            self.forged = self.forged or "a report that is none"
        elif self.ended or not rest:
            self.forged = self.forged or "a report too many"
        elif rest[0] == frames.ANSWER and len(rest) == 4 and _SAID.fullmatch(rest[1] + frames.SEPARATOR + rest[2]):
            number, held = int(rest[1]), int(rest[2], 16)
            self.answers.setdefault(number, set()).add(held)
            if number in self._true and held != 1 << self._true[number]:
                shown = rest[3].decode("utf-8", "replace")
                self.astray = self.astray or (number, held, self._true[number], shown)
        elif rest[0] == frames.VISIBLE and len(rest) == 2 and not self._shown:
            self._shown, self.visible = True, rest[1] == b"1"
        elif rest[0] in frames.ENDS and len(rest) == 3:
            self.ended = (rest[0], rest[1], rest[2])
        else:
            self.forged = self.forged or "a report that is none"


def _right(result: Result, answers: Mapping[int, int], *numbers: int) -> bool:
    """Whether a run named the true choice of each question, and nothing else."""
    return all(result.answers.get(number) == frozenset((1 << answers[number],)) for number in numbers or answers)


def _received(channel: socket.socket) -> bytes:
    try:
        return channel.recv(4 * frames.MAX_REPORT)
    except OSError:
        return b""


def _detail(result: Result, task: plan.Plan) -> str:
    if result.verdict != WRONG:
        return tidy(result.detail)
    lines, text = result.lines, result.detail
    if result.astray:
        lines, text = task.chosen(*result.astray[:2], result.astray[3])
    sources = [task.assertions[line] for line in lines if line in task.assertions]
    return tidy(f"{shorten(sources[0], 120)}: {shorten(text, 64)}" if sources else text)


def shorten(text: str, width: int) -> str:
    """At most `width` characters, the cut marked."""
    return text if len(text) <= width else text[: width - 3] + "..."


def tidy(text: str) -> str:
    """One printable line without addresses and paths."""
    text = re.sub(r"0x[0-9a-fA-F]{4,}", "0x..", text[:2000])
    text = re.sub(r"(?<![\w/])(?:/[\w.+-]+){2,}/?", "...", text)
    text = "".join(c if c.isprintable() else " " for c in text.encode("utf-8", "replace").decode("utf-8"))
    return shorten(" ".join(text.split()), MAX_DETAIL)


def _kill_strays() -> None:
    """Kill and reap what a dead zygote has left to us."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        system.kill_descendants(os.getpid())
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def main(arguments: list[str]) -> None:
    """Serve the socket whose descriptor is the first argument; the first message holds the settings."""
    parent = socket.socket(fileno=int(arguments[0]))
    parent.set_inheritable(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    system.hide_memory(True)
    system.adopt_orphans()
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(4000)
    sys.set_int_max_str_digits(0)  # a task may hold a number of any length
    gc.freeze()
    with contextlib.suppress(EOFError):
        Verifier(parent, frames.receive_json(parent)).serve()
