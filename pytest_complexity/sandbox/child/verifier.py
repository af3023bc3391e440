"""The trusted process of one verifying worker: starts the zygote and a judge, and mends what a trial has broken.

Single-threaded; waits on descriptors alone. It reads neither programs nor tests: requests go from the parent to
the judge (court.py), which answers them. The verifier acts where the judge dies in a trial, where judge or
sandbox are to be replaced, and where the parent goes: it exits then, and everything below it dies with it.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import shutil
import signal
import socket
import sys
import time
import warnings
from typing import Any

from . import court, system, talk
from .sandboxed import Sandboxed, ZygoteLost


class Verifier:
    """Serves one parent until it goes. Descriptor and settings are `main`'s."""

    def __init__(self, parent: socket.socket, settings: dict[str, Any]) -> None:
        self._parent = parent
        self._settings = settings
        self._sandbox: Sandboxed | None = None
        self._note = court.Note()
        self._base = system.address_space()

    def serve(self) -> None:
        """Have judges answer every request with a verdict or an `error`, which is the harness's own."""
        try:
            for directory in self._settings["directories"]:
                os.mkdir(directory, 0o700)
            for link, path in self._settings["links"].items():
                os.symlink(path, link)
            while True:
                if self._sandbox is None:
                    self._start()
                else:
                    self._session(self._sandbox)
        except (EOFError, OSError):
            pass
        finally:
            self._replace()
            shutil.rmtree(self._settings["directories"][0], ignore_errors=True)

    def _start(self) -> None:
        try:
            self._sandbox = Sandboxed(self._settings)
        except ZygoteLost as error:
            talk.receive(self._parent)
            talk.send(self._parent, {"error": str(error)})

    def _session(self, sandbox: Sandboxed) -> None:
        """One judge's life. Raises EOFError when the parent goes."""
        memory = court.OutOfMemory()
        memory.look(time.monotonic())
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = court.RETIRED
            try:
                os.close(reader)
                status = court.Court(self._parent, sandbox, self._settings["memory_mb"], self._note).sit(self._base)
            finally:
                os._exit(status)
        os.close(writer)
        try:
            self._watch(reader)
        finally:
            os.close(reader)
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
            status = os.waitpid(pid, 0)[1]
        if self._note.began:
            self._conclude(sandbox, status, memory)
        elif not os.WIFEXITED(status) or os.WEXITSTATUS(status) == court.REPLACE:
            self._replace()
        elif os.WEXITSTATUS(status) == court.CLOSED:
            raise EOFError

    def _watch(self, judge: int) -> None:
        """Sleep until the judge, which holds the pipe's other end, has ended. Raises EOFError when the parent goes."""
        poll = select.poll()
        poll.register(judge, 0)
        poll.register(self._parent, getattr(select, "POLLRDHUP", 0))
        if judge not in dict(poll.poll()):
            raise EOFError

    def _conclude(self, sandbox: Sandboxed, status: int, memory: court.OutOfMemory) -> None:
        """End the trial of a judge that died in it, and say what came of it."""
        seconds = time.monotonic() - self._note.began
        self._note.began = 0.0
        verdict, detail = "crash", "the tests' process"
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM:
            verdict, detail = "timeout", ""
        elif memory.happened():
            verdict, detail = "memory", "killed by the kernel: out of memory"
        ended = court.end(sandbox, measure=True)
        if ended is None or not ended.clean or verdict != "timeout":
            self._replace()
        court.answer(self._parent, verdict, detail, seconds, ended.delay if ended else 0.0)

    def _replace(self) -> None:
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None
        _kill_strays()


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
    sys.path[:] = [entry for entry in sys.path if "site-packages" not in entry]
    gc.disable()
    try:
        settings = talk.receive(parent)
    except EOFError:
        return
    if settings["judge_packages"]:
        sys.path.append(settings["judge_packages"])
        for name in settings["warm"]:
            with contextlib.suppress(Exception):
                __import__(name)
    gc.collect()
    gc.freeze()  # what is loaded by now stays out of the collector's way: its pages stay shared with every judge
    Verifier(parent, settings).serve()
