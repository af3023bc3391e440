"""The trusted process of one verifying worker: starts the zygote, forks a judge per trial, holds the
deadline.

Single-threaded; waits on descriptors alone. It reads no program: that goes from the request through the
judge to the worker. Requests and answers are JSON objects behind their length, on the socket that the first
argument names; it exits when that closes, and everything below it dies with it.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import warnings
from typing import Any

from . import system, trusted
from .judge import Judge
from .wire import Channel

_LENGTH = struct.Struct("<I")
START_SECONDS = 20.0
END_SECONDS = 15.0
EXIT_PATIENCE = 1.0
#: what the zygote is told
INSIDE = ("home", "packages", "warm", "level", "memory_mb", "uid")
MAX_PLANS = 64
RECURSION_LIMIT = 4000  #: reading a nested value takes several calls a level


class ZygoteLost(Exception):
    """The sandbox has come down."""


class Closed(Exception):
    """The parent has gone."""


def send(sock: socket.socket, message: dict[str, Any]) -> None:
    """Send one JSON object."""
    body = json.dumps(message).encode("ascii")
    sock.sendall(_LENGTH.pack(len(body)) + body)


def receive(sock: socket.socket) -> dict[str, Any]:
    """The next JSON object. Raises Closed at the end."""
    (size,) = _LENGTH.unpack(_exactly(sock, _LENGTH.size))
    message: dict[str, Any] = json.loads(_exactly(sock, size))
    return message


def _exactly(sock: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        part = sock.recv(min(size, 2**20))
        if not part:
            raise Closed
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class Sandboxed:
    """A running zygote and its control socket."""

    def __init__(self, settings: dict[str, Any]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, _CONTROL_KIND)
        self.control = ours
        number = theirs.fileno()
        inside = json.dumps({key: settings[key] for key in INSIDE})
        self.process = subprocess.Popen(
            [*settings["command"], str(number), inside],
            pass_fds=[number],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=None,
            env={"PYTHONHASHSEED": "0"},
            cwd="/",
        )
        theirs.close()
        if self._receive(START_SECONDS) != b"ready":
            self.close()
            raise ZygoteLost("the sandbox does not start")

    def fork(self, channel: socket.socket) -> None:
        """Have a worker forked that serves this end of a channel."""
        try:
            socket.send_fds(self.control, [b"fork"], [channel.fileno()])
        except OSError as error:
            raise ZygoteLost from error

    def end(self, patience: float) -> dict[str, Any]:
        """Have the trial ended. Raises ZygoteLost where the sandbox came down with it."""
        try:
            self.control.send(f"end {patience}".encode())
            answer = self._receive(END_SECONDS)
        except OSError as error:
            raise ZygoteLost from error
        if not answer:
            raise ZygoteLost
        report: dict[str, Any] = json.loads(answer)
        return report

    def _receive(self, seconds: float) -> bytes:
        if not select.select([self.control], [], [], seconds)[0]:
            return b""
        return self.control.recv(4096)

    def close(self) -> None:
        """Kill the zygote and all below it."""
        self.control.close()
        system.kill_descendants(self.process.pid)
        self.process.kill()
        self.process.wait()


_CONTROL_KIND = socket.SOCK_SEQPACKET if system.LINUX else socket.SOCK_DGRAM


class Verifier:
    """Serves one parent until it goes."""

    def __init__(self, parent: socket.socket, settings: dict[str, Any]) -> None:
        self._parent = parent
        self._settings = settings
        self._sandbox: Sandboxed | None = None
        self._plans: dict[str, trusted.Plan] = {}
        self._base = system.address_space()
        self._oom_kills = _oom_kills()

    def serve(self) -> None:
        """Answer each request with a verdict or an `error`, which is the harness's own."""
        try:
            while True:
                request = receive(self._parent)
                try:
                    answer = self._answer(request)
                except (ZygoteLost, trusted.BrokenTask) as error:
                    answer = {"error": str(error) or "the sandbox is gone"}
                send(self._parent, answer)
        except (Closed, OSError):
            pass
        finally:
            self._replace()
            shutil.rmtree(self._settings["directory"], ignore_errors=True)

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        program = request["program"]
        plan = self._plan(program)
        if self._sandbox is None:
            self._sandbox = Sandboxed(self._settings)
            system_settle()
        self._oom_kills = _oom_kills()
        started = time.monotonic()
        verdict, detail, waited = self._trial(program, plan, started + request["seconds"])
        return {
            "verdict": verdict,
            "detail": detail,
            "seconds": time.monotonic() - started,
            "waited": waited,
        }

    def _plan(self, program: dict[str, Any]) -> trusted.Plan:
        """The task's plan; the last few are kept, since a task's trials come one after the other."""
        fields = ("tests", "test_imports", "prompt_code", "test_setup_code", "reference")
        key = repr([program[name] for name in fields])
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= MAX_PLANS:
                del self._plans[next(iter(self._plans))]
            plan = self._plans[key] = trusted.plan(program)
        return plan

    def _trial(self, program: dict[str, Any], plan: trusted.Plan, deadline: float) -> tuple[str, str, float]:
        """One verdict: (verdict, detail, the share of its time that the program stood in line)."""
        sandbox = self._sandbox
        assert sandbox is not None
        ours, theirs = socket.socketpair()
        reader, writer = os.pipe()
        try:
            sandbox.fork(theirs)
        except ZygoteLost:  # it died between two trials: nothing of this one has run yet
            self._replace()
            sandbox = self._sandbox = Sandboxed(self._settings)
            sandbox.fork(theirs)
        theirs.close()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            self._judge(ours, writer, program, plan)
        ours.close()
        os.close(writer)
        try:
            found = self._await(reader, sandbox, deadline)
        finally:
            os.close(reader)
            _kill(pid)
        return self._conclude(found)

    def _judge(self, channel: socket.socket, writer: int, program: dict[str, Any], plan: trusted.Plan) -> None:
        """In the child: judge, tell the verifier, leave. Never returns."""
        try:
            system.die_with_parent()
            self._parent.close()
            if self._sandbox is not None:
                self._sandbox.control.close()
            system.limit_memory(self._base, 2 * self._settings["memory_mb"])
            gc.enable()
            sys.setrecursionlimit(RECURSION_LIMIT)
            verdict, detail = Judge(Channel(channel), program, plan).verdict()
            os.write(writer, f"{verdict} {detail}".encode())
        except MemoryError:
            os.write(writer, b"memory MemoryError")
        except BaseException as error:
            os.write(writer, f"error {type(error).__name__} in the tests".encode())
        finally:
            os._exit(0)

    def _await(self, reader: int, sandbox: Sandboxed, deadline: float) -> tuple[str, str]:
        """What the judge says, or `timeout`, or `down` where the sandbox died first. Raises Closed."""
        poll = select.poll()
        poll.register(reader, select.POLLIN)
        poll.register(sandbox.control, select.POLLIN)
        poll.register(self._parent, select.POLLIN | getattr(select, "POLLRDHUP", 0))
        while True:
            left = deadline - time.monotonic()
            ready = dict(poll.poll(max(0, left * 1000))) if left > 0 else {}
            if not ready:
                return "timeout", ""
            if self._parent.fileno() in ready:
                raise Closed
            if reader in ready:
                verdict, _, detail = os.read(reader, 4096).decode().partition(" ")
                return verdict or "crash", detail if verdict else "the tests' process"
            return "down", ""

    def _conclude(self, found: tuple[str, str]) -> tuple[str, str, float]:
        """End the trial in the sandbox, replace that where it is no longer clean, and settle the verdict."""
        verdict, detail = found
        report: dict[str, Any] = {"status": None, "waited": 0.0, "clean": False}
        try:
            if verdict == "down" or self._sandbox is None:
                raise ZygoteLost
            report = self._sandbox.end(EXIT_PATIENCE if verdict == "lost" else 0)
        except ZygoteLost:
            if verdict in ("down", "lost"):
                verdict, detail = "crash", "the sandbox was brought down"
                if _oom_kills() != self._oom_kills:
                    verdict, detail = "memory", "killed by the kernel: out of memory"
        if verdict == "lost":
            verdict, detail = self._cause(report["status"])
        if not report["clean"] or verdict in ("crash", "tampered"):
            self._replace()
        return verdict, detail, report["waited"]

    def _cause(self, status: int | None) -> tuple[str, str]:
        """Why a worker has left its channel."""
        if status is None:
            return "exit", "closed its channel"
        if os.WIFEXITED(status):
            return "exit", f"exit status {os.WEXITSTATUS(status)}"
        number = os.WTERMSIG(status)
        if number == signal.SIGKILL and _oom_kills() != self._oom_kills:
            return "memory", "killed by the kernel: out of memory"
        try:
            return "crash", signal.Signals(number).name
        except ValueError:
            return "crash", f"signal {number}"

    def _replace(self) -> None:
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None
        _kill_strays()


def system_settle() -> None:
    """Keep what is loaded by now out of the collector's way: its pages stay shared with every judge."""
    gc.collect()
    gc.freeze()


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except OSError:
        pass


def _kill_strays() -> None:
    """Kill and reap what a dead zygote has left to us."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        system.kill_descendants(os.getpid())
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _oom_kills() -> bytes:
    try:
        with open("/proc/vmstat", "rb") as file:
            return file.read().partition(b"oom_kill ")[2].partition(b"\n")[0]
    except OSError:
        return b""


def main(arguments: list[str]) -> None:
    """Serve the socket whose descriptor is the first argument; the first message holds the settings."""
    parent = socket.socket(fileno=int(arguments[0]))
    parent.set_inheritable(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    system.hide_memory(True)
    system.adopt_orphans()
    warnings.simplefilter("ignore")
    sys.path[:] = [entry for entry in sys.path if "site-packages" not in entry]
    gc.disable()
    settings = receive(parent)
    if settings["judge_packages"]:
        sys.path.append(settings["judge_packages"])
        for name in settings["warm"]:
            with contextlib.suppress(Exception):
                __import__(name)
    Verifier(parent, settings).serve()
